//! The hotels.

use chrono::{DateTime, Utc};
use contract::HotelId;
use platform::Broken;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::inconsistent;
use crate::catalogue::{Hotel, Unreadable};

struct HotelRow {
    hotel_id: Uuid,
    name: String,
    address: String,
    time_zone: String,
    currency: String,
    description: Option<String>,
    pictures: Vec<String>,
    /// Read apart, so that one hotel's taxes that cannot be read do not hide the others of a page.
    taxes: Json<Value>,
    created_at: DateTime<Utc>,
}

impl TryFrom<HotelRow> for Hotel {
    type Error = Broken;
    fn try_from(row: HotelRow) -> Result<Self, Broken> {
        Ok(Self {
            hotel_id: HotelId::from_uuid(row.hotel_id),
            name: row.name,
            address: row.address,
            time_zone: row.time_zone,
            currency: row.currency,
            description: row.description,
            pictures: row.pictures,
            taxes: serde_json::from_value(row.taxes.0)
                .map_err(|why| inconsistent(format!("the taxes of hotel {}: {why}", row.hotel_id)))?,
            created_at: row.created_at,
        })
    }
}

/// Adds a hotel; the time it was added is the database's.
pub(crate) async fn add_hotel(db: &mut PgConnection, hotel: Hotel) -> Result<Hotel, Broken> {
    let created_at = sqlx::query_scalar!(
        "insert into hotel.hotel
             (hotel_id, name, address, time_zone, currency, description, pictures, taxes)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         returning created_at",
        hotel.hotel_id.uuid(),
        hotel.name,
        hotel.address,
        hotel.time_zone,
        hotel.currency,
        hotel.description,
        &hotel.pictures,
        Json(&hotel.taxes) as _,
    )
    .fetch_one(db)
    .await?;
    Ok(Hotel { created_at, ..hotel })
}

/// One hotel.
pub(crate) async fn hotel(db: &mut PgConnection, hotel_id: HotelId) -> Result<Option<Hotel>, Broken> {
    let row = sqlx::query_as!(
        HotelRow,
        r#"select hotel_id, name, address, time_zone, currency, description, pictures,
                  taxes as "taxes: Json<Value>", created_at
           from hotel.hotel
           where hotel_id = $1"#,
        hotel_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Hotel::try_from).transpose()
}

/// Hotels in the order in which they were added, after one of them; of one that cannot be read its id and name.
pub(crate) async fn hotels(
    db: &mut PgConnection,
    after: Option<HotelId>,
    rows: i64,
) -> Result<Vec<Result<Hotel, Unreadable>>, Broken> {
    let rows = sqlx::query_as!(
        HotelRow,
        r#"select hotel_id, name, address, time_zone, currency, description, pictures,
                  taxes as "taxes: Json<Value>", created_at
           from hotel.hotel
           where hotel_id > $1
           order by hotel_id
           limit $2"#,
        after.map_or(Uuid::nil(), HotelId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    let read = |row: HotelRow| {
        let (hotel_id, name) = (HotelId::from_uuid(row.hotel_id), row.name.clone());
        Hotel::try_from(row).map_err(|error| {
            tracing::error!(hotel = %hotel_id, error = platform::chain(&error), "a hotel cannot be read");
            Unreadable { hotel_id, name }
        })
    };
    Ok(rows.into_iter().map(read).collect())
}
