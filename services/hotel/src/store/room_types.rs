//! The room types of hotels.

use chrono::{DateTime, Utc};
use contract::{HotelId, RoomTypeId};
use platform::Broken;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::small;
use crate::catalogue::RoomType;

/// Adds a room type. An unknown hotel breaks the constraint `room_type_of_hotel`.
pub(crate) async fn add_room_type(db: &mut PgConnection, room_type: RoomType) -> Result<RoomType, Broken> {
    let created_at = sqlx::query_scalar!(
        "insert into hotel.room_type
             (hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         returning created_at",
        room_type.hotel_id.uuid(),
        room_type.room_type_id.uuid(),
        room_type.name,
        &room_type.beds,
        i32::from(room_type.adults_max),
        i32::from(room_type.children_max),
        &room_type.amenities,
        room_type.description,
        &room_type.pictures,
    )
    .fetch_one(db)
    .await?;
    Ok(RoomType {
        created_at,
        ..room_type
    })
}

struct RoomTypeRow {
    hotel_id: Uuid,
    room_type_id: Uuid,
    name: String,
    beds: Vec<String>,
    adults_max: i32,
    children_max: i32,
    amenities: Vec<String>,
    description: Option<String>,
    pictures: Vec<String>,
    created_at: DateTime<Utc>,
}

impl TryFrom<RoomTypeRow> for RoomType {
    type Error = Broken;
    fn try_from(row: RoomTypeRow) -> Result<Self, Broken> {
        Ok(Self {
            room_type_id: RoomTypeId::from_uuid(row.room_type_id),
            hotel_id: HotelId::from_uuid(row.hotel_id),
            name: row.name,
            beds: row.beds,
            adults_max: small(row.adults_max)?,
            children_max: small(row.children_max)?,
            amenities: row.amenities,
            description: row.description,
            pictures: row.pictures,
            created_at: row.created_at,
        })
    }
}

/// One room type of a hotel.
pub(crate) async fn room_type(
    db: &mut PgConnection,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
) -> Result<Option<RoomType>, Broken> {
    let row = sqlx::query_as!(
        RoomTypeRow,
        "select hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures,
                created_at
         from hotel.room_type
         where hotel_id = $1 and room_type_id = $2",
        hotel_id.uuid(),
        room_type_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(RoomType::try_from).transpose()
}

/// Room types of a hotel in the order in which they were added, after one of them.
pub(crate) async fn room_types(
    db: &mut PgConnection,
    hotel_id: HotelId,
    after: Option<RoomTypeId>,
    rows: i64,
) -> Result<Vec<RoomType>, Broken> {
    let rows = sqlx::query_as!(
        RoomTypeRow,
        "select hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures,
                created_at
         from hotel.room_type
         where hotel_id = $1 and room_type_id > $2
         order by room_type_id
         limit $3",
        hotel_id.uuid(),
        after.map_or(Uuid::nil(), RoomTypeId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(RoomType::try_from).collect()
}
