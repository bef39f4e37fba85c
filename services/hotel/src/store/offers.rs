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

/// What a hotel offers under some rate plans and room types, everything that pricing needs but the prices.
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
    /// What a cancellation costs, of those of the rate plans that the hotel has.
    pub(crate) policies: BTreeMap<RatePlanId, CancellationPolicy>,
}

/// The offers, if there is such a hotel.
pub(crate) async fn offers(
    db: &mut PgConnection,
    hotel_id: HotelId,
    rate_plans: &BTreeSet<RatePlanId>,
    room_types: &BTreeSet<RoomTypeId>,
) -> Result<Option<Offers>, Broken> {
    let wanted: Vec<Uuid> = room_types.iter().map(|id| id.uuid()).collect();
    let plans: Vec<Uuid> = rate_plans.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"select h.time_zone, h.currency, h.taxes as "taxes: Json<Vec<Tax>>", t.room_type_id as "room_type_id?",
                  t.adults_max as "adults_max?", t.children_max as "children_max?",
                  p.rate_plan_id as "rate_plan_id?", p.free_until_days_before, p.penalty as "penalty?", p.penalty_percent
           from hotel.hotel h
           left join hotel.room_type t on t.hotel_id = h.hotel_id and t.room_type_id = any($2)
           left join hotel.rate_plan p on p.hotel_id = h.hotel_id and p.rate_plan_id = any($3)
           where h.hotel_id = $1"#,
        hotel_id.uuid(),
        &wanted,
        &plans,
    )
    .fetch_all(db)
    .await?;
    let (mut capacities, mut policies) = (BTreeMap::new(), BTreeMap::new());
    for row in &rows {
        if let (Some(id), Some(adults), Some(children)) = (row.room_type_id, row.adults_max, row.children_max)
        {
            let capacity = Capacity {
                adults: small(adults)?.into(),
                children: small(children)?.into(),
            };
            capacities.insert(RoomTypeId::from_uuid(id), capacity);
        }
        if let (Some(id), Some(penalty)) = (row.rate_plan_id, row.penalty.clone()) {
            let columns = PolicyColumns {
                free_until_days_before: row.free_until_days_before,
                penalty,
                penalty_percent: row.penalty_percent,
            };
            policies.insert(RatePlanId::from_uuid(id), CancellationPolicy::try_from(columns)?);
        }
    }
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some(Offers {
        time_zone: row.time_zone,
        currency: row.currency.parse().map_err(inconsistent)?,
        taxes: row.taxes.0,
        capacities,
        policies,
    }))
}
