//! What is known of a hotel's nights, wherever it was read. Pure.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::{StayDate, Version};

use crate::catalogue::Catalogue;
use crate::layout::Days;

/// How far the cache has come: the last change it has seen, and when that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Of that change; [`Version::NONE`] before any was seen.
    pub version: Version,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

impl Reached {
    /// A time, before any change was seen.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self {
            version: Version::NONE,
            at_ms: time.timestamp_millis(),
        }
    }

    /// As Redis holds it: the version in twenty digits, so that a script can compare it in halves.
    pub fn encode(self) -> String {
        format!("{:020}:{}", self.version.bits(), self.at_ms)
    }

    /// Reads what [`Reached::encode`] wrote.
    pub fn decode(text: &[u8]) -> Option<Self> {
        let (version, at_ms) = std::str::from_utf8(text).ok()?.split_once(':')?;
        Some(Self {
            version: Version::from_bits(version.parse().ok()?),
            at_ms: at_ms.parse().ok()?,
        })
    }
}

/// What is known of one room type over the days asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTypeNights {
    /// Its place in the catalogue's list.
    pub index: usize,
    /// Rooms left each night; none where nothing is offered.
    pub left: Vec<Option<u64>>,
    /// For each rate plan of the catalogue the price each night, in minor units.
    pub prices: Vec<Vec<Option<u64>>>,
}

impl RoomTypeNights {
    /// Nothing is offered.
    pub fn none(index: usize, days: Days, rate_plans: usize) -> Self {
        Self {
            index,
            left: vec![None; days.count()],
            prices: vec![vec![None; days.count()]; rate_plans],
        }
    }
}

/// Everything that an answer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The hotel.
    pub catalogue: Arc<Catalogue>,
    /// The room types that were wanted.
    pub room_types: Vec<RoomTypeNights>,
    /// How far the cache had come; none when the database was asked.
    pub reached: Option<Reached>,
}

impl Days {
    /// Sets the value of a night in a list over these days; a night outside is left out.
    pub fn set<T>(self, list: &mut [Option<T>], night: StayDate, value: T) {
        let offset = usize::try_from(night.days_since_1970() - self.from);
        if let Some(slot) = offset.ok().and_then(|offset| list.get_mut(offset)) {
            *slot = Some(value);
        }
    }
}
