//! The quote: what the hotel service promises and the reservation service verifies without asking anybody.
//! It travels to the client and back as a signed token (a JWT with HS256), whose claims are [`Quote`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::money::Money;
use crate::number::within;
use crate::penalty::{Penalty, WrittenPenalty};
use crate::stay::{Stay, StayDate};
use crate::text::Text;
use crate::{HotelId, QuoteId, RatePlanId, RoomTypeId};

/// The `aud` claim of a quote token, so that no other token signed with the same secret is one.
pub const AUDIENCE: &str = "bellhop-quote";

/// A priced stay that can be booked until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// Names the quote; may serve as the idempotency key of the booking.
    pub quote_id: QuoteId,
    /// Where.
    pub hotel_id: HotelId,
    /// The hotel's zone of the IANA time zone database, in which its dates begin.
    #[schema(example = "Europe/Lisbon")]
    pub time_zone: String,
    /// What.
    pub room_type_id: RoomTypeId,
    /// On which terms.
    pub rate_plan_id: RatePlanId,
    /// When.
    #[serde(flatten)]
    pub stay: Stay,
    /// How many rooms, 1 to 9.
    pub rooms: u16,
    /// Who stays.
    pub party: Party,
    /// The price of one room for each night, in date order.
    pub nights: Vec<NightPrice>,
    /// Taxes on the whole stay.
    pub taxes: Vec<TaxLine>,
    /// Nights times rooms with taxes; exactly what is charged.
    pub total: Money,
    /// What a cancellation costs.
    pub cancellation_policy: CancellationPolicy,
    /// Until when the price holds.
    pub expires_at: DateTime<Utc>,
}

/// The most adults, and the most children, of one stay.
pub const PARTY_MAX: u16 = 36;

/// Who stays, in all rooms together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Adults, 1 to 36.
    #[serde(deserialize_with = "within::<1, PARTY_MAX, _, _>")]
    #[schema(minimum = 1, maximum = 36)]
    pub adults: u16,
    /// Children, 0 to 36.
    #[serde(default, deserialize_with = "within::<0, PARTY_MAX, _, _>")]
    #[schema(minimum = 0, maximum = 36)]
    pub children: u16,
}

/// The price of one room for one night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NightPrice {
    /// The night.
    pub night: StayDate,
    /// The price of one room, before taxes.
    pub price: Money,
}

/// One tax on the whole stay, rounded half up to the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// What the tax is called.
    #[serde(deserialize_with = "crate::text::stored")]
    pub name: Text<60>,
    /// Percent of the price of all nights and rooms.
    #[schema(example = "6.00")]
    pub percent: String,
    /// The amount.
    pub amount: Money,
}

/// What a cancellation costs. Nights that have begun at the hotel are kept in full; this is about the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancellationPolicy {
    /// Free of charge until this many days before the day of arrival (hotel-local dates, inclusive);
    /// without it there is no free cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 365, example = 7)]
    pub free_until_days_before: Option<u16>,
    /// What the hotel keeps after that.
    #[schema(value_type = WrittenPenalty)]
    pub penalty: Penalty,
}
