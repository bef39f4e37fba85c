//! What other systems may follow: facts about reservations, on [`crate::topics::RESERVATION_EVENTS`],
//! keyed by reservation. Nothing in Bellhop depends on them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::line::Line;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::stay::{Stay, StayDate};
use crate::{GuestId, HotelId, ReservationId, RoomTypeId};

/// One fact about one reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationEvent {
    /// The reservation.
    pub reservation_id: ReservationId,
    /// The hotel.
    pub hotel_id: HotelId,
    /// The room type; none where the rooms are of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type_id: Option<RoomTypeId>,
    /// The guest.
    pub guest_id: GuestId,
    /// The nights; from the first arrival to the last departure, where `lines` has dates of its own.
    pub stay: Stay,
    /// Rooms per night.
    pub rooms: u16,
    /// Room by room, where the rooms are not all alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// The total that was quoted and charged.
    pub total: Money,
    /// When it became true.
    pub at: DateTime<Utc>,
    /// What became true.
    pub fact: ReservationFact,
}

/// What became true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationFact {
    /// Rooms are sold and paid for.
    Confirmed,
    /// The booking was refused and undone.
    Rejected(Refusal),
    /// Rooms and money were given back.
    Cancelled {
        /// What the hotel kept.
        penalty: Money,
        /// The nights before this one had begun: they are part of the penalty and stay sold. Left out when
        /// none had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_until: Option<StayDate>,
    },
}

impl ReservationFact {
    /// The name for the `eventType` header.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "reservation.confirmed",
            Self::Rejected(_) => "reservation.rejected",
            Self::Cancelled { .. } => "reservation.cancelled",
        }
    }
}
