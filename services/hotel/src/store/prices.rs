//! The prices of nights.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use contract::quote::NightPrice;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use platform::Broken;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::inconsistent;

/// The prices of some room types from a night up to but without another, each in date order. Of the hotel, its rate plan
/// and currency.
pub(crate) async fn prices(
    db: &mut PgConnection,
    (hotel_id, rate_plan_id, currency): (HotelId, RatePlanId, Currency),
    room_types: &BTreeSet<RoomTypeId>,
    (from, to): (StayDate, StayDate),
) -> Result<BTreeMap<RoomTypeId, Vec<NightPrice>>, Broken> {
    let wanted: Vec<Uuid> = room_types.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select room_type_id, night, amount_minor
         from hotel.price
         where hotel_id = $1 and room_type_id = any($2) and rate_plan_id = $3 and night >= $4 and night < $5
         order by room_type_id, night",
        hotel_id.uuid(),
        &wanted,
        rate_plan_id.uuid(),
        from.date(),
        to.date(),
    )
    .fetch_all(db)
    .await?;
    let mut prices: BTreeMap<RoomTypeId, Vec<NightPrice>> = BTreeMap::new();
    for row in rows {
        let night = StayDate::from_date(row.night).map_err(inconsistent)?;
        let price = Money::from_minor(row.amount_minor, currency).map_err(inconsistent)?;
        let of = prices.entry(RoomTypeId::from_uuid(row.room_type_id)).or_default();
        of.push(NightPrice { night, price });
    }
    Ok(prices)
}

/// Sets prices and answers how many nights changed; a price that stays the same writes nothing.
/// `nights` are sorted, so that two requests for the same nights lock them in the same order.
pub(crate) async fn set_prices(
    db: &mut PgConnection,
    of: (HotelId, RoomTypeId, RatePlanId),
    nights: &[NaiveDate],
    amounts_minor: &[i64],
) -> Result<u64, Broken> {
    let done = sqlx::query!(
        "insert into hotel.price as p (hotel_id, room_type_id, rate_plan_id, night, amount_minor)
         select $1, $2, $3, night, amount_minor
         from unnest($4::date[], $5::bigint[]) as wanted (night, amount_minor)
         on conflict (hotel_id, room_type_id, rate_plan_id, night) do update
         set amount_minor = excluded.amount_minor
         where p.amount_minor <> excluded.amount_minor",
        of.0.uuid(),
        of.1.uuid(),
        of.2.uuid(),
        nights,
        amounts_minor,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
