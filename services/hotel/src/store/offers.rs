//! What a hotel offers under some room types and a rate plan.

use std::collections::{BTreeMap, BTreeSet};

use contract::quote::CancellationPolicy;
use contract::{Currency, HotelId, RatePlanId, RoomTypeId};
use platform::Broken;
use rules::Capacity;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{inconsistent, rate_plans::PolicyColumns, small};
use crate::model::Tax;

/// What a hotel offers under one rate plan and some room types, everything that pricing needs but the prices.
#[derive(Debug)]
pub(crate) struct Offers {
    /// The hotel's zone.
    pub(crate) time_zone: String,
    /// The hotel's currency.
    pub(crate) currency: Currency,
    /// The hotel's taxes.
    pub(crate) taxes: Vec<Tax>,
    /// How many people a room takes, of those of the room types that the hotel has.
    pub(crate) capacities: BTreeMap<RoomTypeId, Capacity>,
    /// What a cancellation costs; none when the hotel has no such rate plan.
    pub(crate) cancellation_policy: Option<CancellationPolicy>,
}

/// The offers, if there is such a hotel.
pub(crate) async fn offers(
    db: &mut PgConnection,
    hotel_id: HotelId,
    rate_plan_id: RatePlanId,
    room_types: &BTreeSet<RoomTypeId>,
) -> Result<Option<Offers>, Broken> {
    let wanted: Vec<Uuid> = room_types.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"select h.time_zone, h.currency, h.taxes as "taxes: Json<Vec<Tax>>", t.room_type_id as "room_type_id?",
                  t.adults_max as "adults_max?", t.children_max as "children_max?",
                  p.free_until_days_before, p.penalty as "penalty?", p.penalty_percent
           from hotel.hotel h
           left join hotel.room_type t on t.hotel_id = h.hotel_id and t.room_type_id = any($2)
           left join hotel.rate_plan p on p.hotel_id = h.hotel_id and p.rate_plan_id = $3
           where h.hotel_id = $1"#,
        hotel_id.uuid(),
        &wanted,
        rate_plan_id.uuid(),
    )
    .fetch_all(db)
    .await?;
    let mut capacities = BTreeMap::new();
    for row in &rows {
        if let (Some(id), Some(adults), Some(children)) = (row.room_type_id, row.adults_max, row.children_max)
        {
            let capacity = Capacity {
                adults: small(adults)?.into(),
                children: small(children)?.into(),
            };
            capacities.insert(RoomTypeId::from_uuid(id), capacity);
        }
    }
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let policy = row.penalty.map(|penalty| {
        CancellationPolicy::try_from(PolicyColumns {
            free_until_days_before: row.free_until_days_before,
            penalty,
            penalty_percent: row.penalty_percent,
        })
    });
    Ok(Some(Offers {
        time_zone: row.time_zone,
        currency: row.currency.parse().map_err(inconsistent)?,
        taxes: row.taxes.0,
        capacities,
        cancellation_policy: policy.transpose()?,
    }))
}
