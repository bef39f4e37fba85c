//! The prices of nights.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use contract::quote::NightPrice;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use platform::Broken;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::inconsistent;

/// The prices of nights, in date order, of a room type in a rate plan.
pub(crate) type Prices = BTreeMap<(RoomTypeId, RatePlanId), Vec<NightPrice>>;

/// The prices of some room types in some rate plans from a night up to but without another. Of the hotel and its currency.
pub(crate) async fn prices(
    db: &mut PgConnection,
    (hotel_id, currency): (HotelId, Currency),
    rate_plans: &BTreeSet<RatePlanId>,
    room_types: &BTreeSet<RoomTypeId>,
    (from, to): (StayDate, StayDate),
) -> Result<Prices, Broken> {
    let wanted: Vec<Uuid> = room_types.iter().map(|id| id.uuid()).collect();
    let plans: Vec<Uuid> = rate_plans.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select room_type_id, rate_plan_id, night, amount_minor
         from hotel.price
         where hotel_id = $1 and room_type_id = any($2) and rate_plan_id = any($3) and night >= $4 and night < $5
         order by room_type_id, rate_plan_id, night",
        hotel_id.uuid(),
        &wanted,
        &plans,
        from.date(),
        to.date(),
    )
    .fetch_all(db)
    .await?;
    let mut prices = Prices::new();
    for row in rows {
        let night = StayDate::from_date(row.night).map_err(inconsistent)?;
        let price = Money::from_minor(row.amount_minor, currency).map_err(inconsistent)?;
        let of = (
            RoomTypeId::from_uuid(row.room_type_id),
            RatePlanId::from_uuid(row.rate_plan_id),
        );
        prices.entry(of).or_default().push(NightPrice { night, price });
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
