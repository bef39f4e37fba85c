//! What a hotel offers, as it is stored and as the API shows it.
#![expect(
    clippy::struct_field_names,
    reason = "the names are those of the API and of the columns"
)]

use chrono::{DateTime, Utc};
use contract::quote::CancellationPolicy;
use contract::{HotelId, RatePlanId, RoomTypeId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::Tax;

/// A hotel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Hotel {
    /// The hotel.
    pub(crate) hotel_id: HotelId,
    /// Its name.
    #[schema(example = "Pensão Aurora")]
    pub(crate) name: String,
    /// Where it stands.
    #[schema(example = "Rua das Flores 12, 1200-194 Lisboa, Portugal")]
    pub(crate) address: String,
    /// Its zone of the IANA time zone database; its dates begin at midnight there.
    #[schema(example = "Europe/Lisbon")]
    pub(crate) time_zone: String,
    /// The currency of all its prices (ISO 4217).
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    /// What guests read about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// URLs of pictures.
    #[schema(example = json!(["https://images.example.com/aurora/front.jpg"]))]
    pub(crate) pictures: Vec<String>,
    /// Taxes on the price of all nights and rooms.
    pub(crate) taxes: Vec<Tax>,
    /// Since when it is known here.
    pub(crate) created_at: DateTime<Utc>,
}

/// A hotel whose stored row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UnreadableHotel)]
pub(crate) struct Unreadable {
    /// The hotel.
    pub(crate) hotel_id: HotelId,
    /// Its name.
    pub(crate) name: String,
}

/// A room type: what is sold, not a room with a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RoomType {
    /// The room type.
    pub(crate) room_type_id: RoomTypeId,
    /// Its hotel.
    pub(crate) hotel_id: HotelId,
    /// Its name.
    #[schema(example = "Double with river view")]
    pub(crate) name: String,
    /// The beds of one room.
    #[schema(example = json!(["double"]))]
    pub(crate) beds: Vec<String>,
    /// Adults one room takes.
    #[schema(example = 2)]
    pub(crate) adults_max: u16,
    /// Children one room takes beside the adults.
    #[schema(example = 1)]
    pub(crate) children_max: u16,
    /// What the room has.
    #[schema(example = json!(["wifi", "bath"]))]
    pub(crate) amenities: Vec<String>,
    /// What guests read about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// URLs of pictures.
    pub(crate) pictures: Vec<String>,
    /// Since when it is known here.
    pub(crate) created_at: DateTime<Utc>,
}

/// A rate plan: on which terms rooms are sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RatePlan {
    /// The rate plan.
    pub(crate) rate_plan_id: RatePlanId,
    /// Its hotel.
    pub(crate) hotel_id: HotelId,
    /// Its name.
    #[schema(example = "Flexible")]
    pub(crate) name: String,
    /// What a cancellation costs.
    pub(crate) cancellation_policy: CancellationPolicy,
    /// Since when it is known here.
    pub(crate) created_at: DateTime<Utc>,
}
