//! Changed rows as Debezium's envelope carries them, with the columns that consumers may rely on.
//! Consumers ignore columns that they do not know, so that a table may grow.

use serde::Deserialize;

use crate::{Era, HotelId, RatePlanId, RoomTypeId, Version};

/// One change of one row of a captured table.
#[derive(Debug, Clone, Deserialize)]
pub struct Change<Row> {
    /// The row after the change; none for a deletion.
    pub after: Option<Row>,
    /// The row before the change, where the table's replica identity gives it.
    pub before: Option<Row>,
    /// `c` created, `u` updated, `d` deleted, `r` read by a snapshot.
    pub op: String,
    /// Where the change stands in the write-ahead log.
    pub source: Source,
}

/// Where a change stands in the write-ahead log.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// Log sequence number of the change. Compare [`Self::version`]: the row may have come out of another log.
    lsn: u64,
    /// The era of that log, where the record says one.
    #[serde(default)]
    era: Era,
    /// When the transaction was committed, in milliseconds since 1970.
    pub ts_ms: i64,
}

impl Source {
    /// By which changes of one row are in order. None where the position is none that a log has.
    pub const fn version(&self) -> Option<Version> {
        Version::new(self.era, self.lsn)
    }
}

/// A row of `inventory.room_night`.
#[derive(Debug, Clone, Deserialize)]
pub struct RoomNight {
    /// Whose rooms.
    pub hotel_id: HotelId,
    /// Which rooms.
    pub room_type_id: RoomTypeId,
    /// The night, in days since 1970-01-01.
    pub night: i32,
    /// Rooms that exist.
    pub total: i32,
    /// Rooms on hold.
    pub held: i32,
    /// Rooms sold.
    pub sold: i32,
    /// Whether the hotel has closed the night.
    pub closed: bool,
}

/// A row of `hotel.hotel`.
#[derive(Debug, Clone, Deserialize)]
pub struct Hotel {
    /// The hotel.
    pub hotel_id: HotelId,
    /// Its name.
    pub name: String,
    /// Its zone of the IANA time zone database.
    pub time_zone: String,
    /// Its currency.
    pub currency: String,
}

/// A row of `hotel.room_type`.
#[derive(Debug, Clone, Deserialize)]
pub struct RoomType {
    /// The hotel.
    pub hotel_id: HotelId,
    /// The room type.
    pub room_type_id: RoomTypeId,
    /// Its name.
    pub name: String,
    /// Adults one room takes.
    pub adults_max: i32,
    /// Children one room takes beside the adults.
    pub children_max: i32,
}

/// A row of `hotel.rate_plan`.
#[derive(Debug, Clone, Deserialize)]
pub struct RatePlan {
    /// The hotel.
    pub hotel_id: HotelId,
    /// The rate plan.
    pub rate_plan_id: RatePlanId,
    /// Its name.
    pub name: String,
}

/// A row of `hotel.price`.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    /// The hotel.
    pub hotel_id: HotelId,
    /// The room type.
    pub room_type_id: RoomTypeId,
    /// The rate plan.
    pub rate_plan_id: RatePlanId,
    /// The night, in days since 1970-01-01.
    pub night: i32,
    /// The price of one room in minor units of the hotel's currency.
    pub amount_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_the_version_of_its_era_and_its_place_in_the_log() {
        let version = |source: serde_json::Value| serde_json::from_value::<Source>(source).unwrap().version();
        let era = |era: u16| Era::try_from(era).unwrap();
        let at = serde_json::json!({"lsn": 24_023_128, "ts_ms": 1_767_225_600_123_i64});
        assert_eq!(version(at.clone()), Version::new(era(0), 24_023_128));
        assert_eq!(version(at).unwrap().bits(), 24_023_128);
        let later = serde_json::json!({"lsn": 7, "era": 3, "ts_ms": 1_767_225_600_123_i64});
        assert_eq!(version(later), Version::new(era(3), 7));
        let nowhere = serde_json::json!({"lsn": 1_u64 << 52, "ts_ms": 0});
        assert_eq!(version(nowhere), None);
    }
}
