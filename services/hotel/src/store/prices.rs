//! The prices of nights.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use contract::quote::NightPrice;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, Stay, StayDate};
use platform::Broken;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::inconsistent;

/// The prices from a night up to but without another, in date order.
pub(crate) async fn prices(
    db: &mut PgConnection,
    of: (HotelId, RoomTypeId, RatePlanId),
    from: StayDate,
    to: StayDate,
    currency: Currency,
) -> Result<Vec<NightPrice>, Broken> {
    let rows = sqlx::query!(
        "select night, amount_minor
         from hotel.price
         where hotel_id = $1 and room_type_id = $2 and rate_plan_id = $3 and night >= $4 and night < $5
         order by night",
        of.0.uuid(),
        of.1.uuid(),
        of.2.uuid(),
        from.date(),
        to.date(),
    )
    .fetch_all(db)
    .await?;
    let mut prices = Vec::with_capacity(rows.len());
    for row in rows {
        let night = StayDate::from_date(row.night).map_err(inconsistent)?;
        let price = Money::from_minor(row.amount_minor, currency).map_err(inconsistent)?;
        prices.push(NightPrice { night, price });
    }
    Ok(prices)
}

/// The prices of the nights of a stay in some room types, each in date order. Of the hotel, its rate plan and currency.
pub(crate) async fn prices_of(
    db: &mut PgConnection,
    (hotel_id, rate_plan_id, currency): (HotelId, RatePlanId, Currency),
    room_types: &BTreeSet<RoomTypeId>,
    stay: Stay,
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
        stay.check_in().date(),
        stay.check_out().date(),
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
