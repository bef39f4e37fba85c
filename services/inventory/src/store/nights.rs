//! Statements about the nights that a batch of commands takes rooms of.

use chrono::NaiveDate;
use contract::{HotelId, RoomTypeId};
use platform::Broken;
use rules::Night;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{all_written, date};
use crate::model::{NightKey, RoomTypeKey};

/// Locks those of the nights that exist, in key order, and reads them as they are then.
pub(crate) async fn lock_nights(
    db: &mut PgConnection,
    keys: impl Iterator<Item = NightKey>,
) -> Result<Vec<(NightKey, Night)>, Broken> {
    let Columns {
        hotels,
        room_types,
        nights,
    } = keys.collect();
    let rows = sqlx::query!(
        "select room_night.hotel_id, room_night.room_type_id, room_night.night, room_night.total,
                room_night.held, room_night.sold, room_night.closed
         from unnest($1::uuid[], $2::uuid[], $3::date[]) as wanted (hotel_id, room_type_id, night)
         join inventory.room_night as room_night
             on room_night.hotel_id = wanted.hotel_id
             and room_night.room_type_id = wanted.room_type_id
             and room_night.night = wanted.night
         order by room_night.hotel_id, room_night.room_type_id, room_night.night
         for no key update of room_night",
        &hotels,
        &room_types,
        &nights
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| {
        let key = (
            HotelId::from_uuid(row.hotel_id),
            RoomTypeId::from_uuid(row.room_type_id),
            date(row.night)?,
        );
        let night = Night {
            total: row.total,
            held: row.held,
            sold: row.sold,
            closed: row.closed,
        };
        Ok((key, night))
    });
    read.collect()
}

/// Which of the room types have been offered for any night at all.
pub(crate) async fn offered_room_types(
    db: &mut PgConnection,
    room_types: impl Iterator<Item = RoomTypeKey>,
) -> Result<Vec<RoomTypeKey>, Broken> {
    let (hotels, room_types): (Vec<Uuid>, Vec<Uuid>) = room_types
        .map(|(hotel, room_type)| (hotel.uuid(), room_type.uuid()))
        .unzip();
    let rows = sqlx::query!(
        r#"select wanted.hotel_id as "hotel_id!", wanted.room_type_id as "room_type_id!"
         from unnest($1::uuid[], $2::uuid[]) as wanted (hotel_id, room_type_id)
         where exists (
             select from inventory.room_night
             where room_night.hotel_id = wanted.hotel_id and room_night.room_type_id = wanted.room_type_id)"#,
        &hotels,
        &room_types
    )
    .fetch_all(db)
    .await?;
    let keys = rows.into_iter().map(|row| {
        (
            HotelId::from_uuid(row.hotel_id),
            RoomTypeId::from_uuid(row.room_type_id),
        )
    });
    Ok(keys.collect())
}

/// Counts rooms in nights that are locked: by how much `held` and `sold` change.
pub(crate) async fn count_rooms(
    db: &mut PgConnection,
    changes: &[(NightKey, i32, i32)],
) -> Result<(), Broken> {
    let Columns {
        hotels,
        room_types,
        nights,
    } = changes.iter().map(|(key, ..)| *key).collect();
    let held: Vec<i32> = changes.iter().map(|(_, held, _)| *held).collect();
    let sold: Vec<i32> = changes.iter().map(|(.., sold)| *sold).collect();
    let done = sqlx::query!(
        "update inventory.room_night
         set held = room_night.held + change.held,
             sold = room_night.sold + change.sold,
             forced = room_night.forced
                 and (room_night.held + change.held + room_night.sold + change.sold) * 10 > room_night.total * 11
         from unnest($1::uuid[], $2::uuid[], $3::date[], $4::int[], $5::int[])
             as change (hotel_id, room_type_id, night, held, sold)
         where room_night.hotel_id = change.hotel_id
             and room_night.room_type_id = change.room_type_id
             and room_night.night = change.night",
        &hotels,
        &room_types,
        &nights,
        &held,
        &sold
    )
    .execute(db)
    .await?;
    all_written("nights", changes.len(), done.rows_affected())
}

/// Keys as the columns of an array statement.
#[derive(Default)]
struct Columns {
    hotels: Vec<Uuid>,
    room_types: Vec<Uuid>,
    nights: Vec<NaiveDate>,
}

impl FromIterator<NightKey> for Columns {
    fn from_iter<I: IntoIterator<Item = NightKey>>(keys: I) -> Self {
        let mut columns = Self::default();
        for (hotel, room_type, night) in keys {
            columns.hotels.push(hotel.uuid());
            columns.room_types.push(room_type.uuid());
            columns.nights.push(night.date());
        }
        columns
    }
}
