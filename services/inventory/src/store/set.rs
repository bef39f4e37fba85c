//! Statements about what hotels offer: reading and setting nights.

use chrono::NaiveDate;
use contract::{HotelId, RoomTypeId, StayDate};
use platform::Broken;
use platform::db::all_written;
use platform::trail::{self, Line};
use rules::Night;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::date;
use crate::SCHEMA;
use crate::model::RoomTypeKey;

/// One night of one room type.
#[derive(Debug, Clone)]
pub(crate) struct NightRow {
    /// Which rooms.
    pub(crate) room_type_id: RoomTypeId,
    /// Which night.
    pub(crate) night: StayDate,
    /// How it stands.
    pub(crate) rooms: Night,
}

/// A total that was brought below what is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reduction {
    /// Which night.
    pub(crate) night: StayDate,
    /// How it stood before.
    pub(crate) before: Night,
    /// Its total now.
    pub(crate) total: i32,
}

/// The nights of a hotel, of one room type or all, from `from` up to but without `to`.
pub(crate) async fn nights_of(
    pool: &PgPool,
    hotel_id: HotelId,
    room_type_id: Option<RoomTypeId>,
    (from, to): (StayDate, StayDate),
    limit: i64,
) -> Result<Vec<NightRow>, Broken> {
    let rows = sqlx::query!(
        "select room_type_id, night, total, held, sold, closed
         from inventory.room_night
         where hotel_id = $1 and ($2::uuid is null or room_type_id = $2) and night >= $3 and night < $4
         order by room_type_id, night
         limit $5",
        hotel_id.uuid(),
        room_type_id.map(RoomTypeId::uuid),
        from.date(),
        to.date(),
        limit
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(NightRow {
            room_type_id: RoomTypeId::from_uuid(row.room_type_id),
            night: date(row.night)?,
            rooms: Night {
                total: row.total,
                held: row.held,
                sold: row.sold,
                closed: row.closed,
            },
        })
    });
    read.collect()
}

/// Locks the nights of a room type that exist, in date order, and reads them as they are then.
pub(crate) async fn lock_range(
    db: &mut PgConnection,
    (hotel_id, room_type_id): RoomTypeKey,
    (from, to): (StayDate, StayDate),
) -> Result<Vec<(StayDate, Night)>, Broken> {
    let rows = sqlx::query!(
        "select night, total, held, sold, closed
         from inventory.room_night
         where hotel_id = $1 and room_type_id = $2 and night >= $3 and night < $4
         order by hotel_id, room_type_id, night
         for no key update",
        hotel_id.uuid(),
        room_type_id.uuid(),
        from.date(),
        to.date()
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| {
        let night = Night {
            total: row.total,
            held: row.held,
            sold: row.sold,
            closed: row.closed,
        };
        Ok((date(row.night)?, night))
    });
    read.collect()
}

/// Offers nights that were not offered before, in date order.
///
/// # Errors
/// [`Broken::Overtaken`] when another transaction has offered one of them in the meantime.
pub(crate) async fn insert_nights(
    db: &mut PgConnection,
    (hotel_id, room_type_id): RoomTypeKey,
    new: &[(StayDate, i32, bool)],
) -> Result<(), Broken> {
    let (nights, totals, closed) = columns(new);
    let done = sqlx::query!(
        "insert into inventory.room_night (hotel_id, room_type_id, night, total, closed)
         select $1, $2, night, total, closed
         from unnest($3::date[], $4::int[], $5::bool[]) as new (night, total, closed)
         order by night
         on conflict do nothing",
        hotel_id.uuid(),
        room_type_id.uuid(),
        &nights,
        &totals,
        &closed
    )
    .execute(db)
    .await?;
    if u64::try_from(new.len()) == Ok(done.rows_affected()) {
        Ok(())
    } else {
        Err(Broken::Overtaken("a night was offered by somebody else"))
    }
}

/// Sets total and closed of nights that are locked. A night that fits its total is forced no longer.
pub(crate) async fn change_nights(
    db: &mut PgConnection,
    (hotel_id, room_type_id): RoomTypeKey,
    changed: &[(StayDate, i32, bool)],
) -> Result<(), Broken> {
    let (nights, totals, closed) = columns(changed);
    let done = sqlx::query!(
        "update inventory.room_night
         set total = change.total,
             closed = change.closed,
             forced = (room_night.held + room_night.sold) * 10 > change.total * 11
         from unnest($3::date[], $4::int[], $5::bool[]) as change (night, total, closed)
         where room_night.hotel_id = $1 and room_night.room_type_id = $2 and room_night.night = change.night",
        hotel_id.uuid(),
        room_type_id.uuid(),
        &nights,
        &totals,
        &closed
    )
    .execute(db)
    .await?;
    all_written("nights", done.rows_affected(), changed.len())
}

/// Records that a hotel insisted on fewer rooms than are taken.
pub(crate) async fn record_reductions(
    db: &mut PgConnection,
    (hotel_id, room_type_id): RoomTypeKey,
    reductions: &[Reduction],
    reason: &str,
    caller: &str,
) -> Result<(), Broken> {
    let column = |of: fn(&Reduction) -> i32| reductions.iter().map(of).collect::<Vec<i32>>();
    let nights: Vec<NaiveDate> = reductions
        .iter()
        .map(|reduction| reduction.night.date())
        .collect();
    let recorded = sqlx::query!(
        "insert into inventory.forced_reduction
             (hotel_id, room_type_id, night, old_total, new_total, held, sold, reason, caller)
         select $1, $2, night, old_total, new_total, held, sold, $8, $9
         from unnest($3::date[], $4::int[], $5::int[], $6::int[], $7::int[])
             as reduction (night, old_total, new_total, held, sold)",
        hotel_id.uuid(),
        room_type_id.uuid(),
        &nights,
        &column(|reduction| reduction.before.total),
        &column(|reduction| reduction.total),
        &column(|reduction| reduction.before.held),
        &column(|reduction| reduction.before.sold),
        reason,
        caller
    )
    .execute(&mut *db)
    .await?;
    all_written("reductions", recorded.rows_affected(), reductions.len())?;
    let night = |reduction: &Reduction| {
        let Night {
            total, held, sold, ..
        } = reduction.before;
        json!({"night": reduction.night, "before": total, "after": reduction.total, "held": held, "sold": sold})
    };
    let line = Line {
        actor: caller,
        action: "reduction_forced",
        subject: room_type_id.uuid(),
        body: json!({"hotel_id": hotel_id, "reason": reason, "nights": reductions.iter().map(night).collect::<Vec<_>>()}),
    };
    trail::append(db, SCHEMA, &line).await
}

fn columns(nights: &[(StayDate, i32, bool)]) -> (Vec<NaiveDate>, Vec<i32>, Vec<bool>) {
    let dates = nights.iter().map(|(night, ..)| night.date()).collect();
    let totals = nights.iter().map(|(_, total, _)| *total).collect();
    let closed = nights.iter().map(|(.., closed)| *closed).collect();
    (dates, totals, closed)
}
