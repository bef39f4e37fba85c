//! Statements about the nights that a batch of commands takes rooms of.

use chrono::NaiveDate;
use contract::{HotelId, RoomTypeId};
use platform::Broken;
use rules::Night;
use sqlx::PgConnection;
use uuid::Uuid;

use super::date;
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

/// By how much `held` and `sold` of a night change, as a row.
#[derive(sqlx::Encode)]
pub(super) struct CountRow {
    hotel_id: Uuid,
    room_type_id: Uuid,
    night: NaiveDate,
    held: i32,
    sold: i32,
}
platform::row_type!(CountRow, "inventory.count_1");

impl From<&(NightKey, i32, i32)> for CountRow {
    fn from(&((hotel_id, room_type_id, night), held, sold): &(NightKey, i32, i32)) -> Self {
        Self {
            hotel_id: hotel_id.uuid(),
            room_type_id: room_type_id.uuid(),
            night: night.date(),
            held,
            sold,
        }
    }
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
