//! What the services answer, as far as it matters here.

use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use rules::Night;
use serde::Deserialize;

use crate::catalogue::{RatePlanFacts, RoomTypeFacts};

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Hotels of the page that the hotel service cannot read itself.
    #[serde(default)]
    pub(super) unreadable: Vec<Listed>,
    #[serde(default)]
    pub(super) next_cursor: Option<String>,
}

/// A hotel as the list of hotels names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// The hotel.
    pub hotel_id: HotelId,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RoomTypeRow {
    pub(super) room_type_id: RoomTypeId,
    #[serde(flatten)]
    pub(super) facts: RoomTypeFacts,
}

#[derive(Debug, Deserialize)]
pub(super) struct RatePlanRow {
    pub(super) rate_plan_id: RatePlanId,
    #[serde(flatten)]
    pub(super) facts: RatePlanFacts,
}

#[derive(Debug, Deserialize)]
pub(super) struct HotelDetail {
    pub(super) name: String,
    pub(super) time_zone: String,
    pub(super) currency: Currency,
}

/// A night of the inventory service.
#[derive(Debug, Clone, Deserialize)]
pub struct InventoryNight {
    /// Which rooms.
    pub room_type_id: RoomTypeId,
    /// The night.
    pub night: StayDate,
    /// Rooms that exist.
    pub total: i32,
    /// Rooms on hold.
    pub held: i32,
    /// Rooms sold.
    pub sold: i32,
    /// Whether the hotel has closed the night.
    pub closed: bool,
}

impl InventoryNight {
    /// Rooms that can still be taken.
    pub fn left(&self) -> u64 {
        let rooms = Night {
            total: self.total,
            held: self.held,
            sold: self.sold,
            closed: self.closed,
        };
        rooms.left().into()
    }
}

/// A price of the hotel service.
#[derive(Debug, Clone, Deserialize)]
pub struct PriceNight {
    /// The night.
    pub night: StayDate,
    /// The price of one room.
    pub price: Money,
}
