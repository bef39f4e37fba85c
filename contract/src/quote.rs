//! The quote: what the hotel service promises and the reservation service verifies without asking anybody.
//! It travels to the client and back as a signed token (a JWT with HS256), whose claims are [`Quote`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::line::Line;
use crate::money::{Money, MoneyError};
use crate::penalty::{Penalty, WrittenPenalty};
use crate::stay::{Stay, StayDate};
use crate::text::Text;
use crate::{HotelId, QuoteId, RatePlanId, RoomTypeId};

pub use crate::line::{PARTY_MAX, Party};

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
    /// What; none where `lines` says it of each room, so that a process that knows no lines cannot read the quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type_id: Option<RoomTypeId>,
    /// On which terms; none where `lines` says it of each room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_plan_id: Option<RatePlanId>,
    /// When: from the first arrival to the last departure, where `lines` has dates of its own.
    #[serde(flatten)]
    pub stay: Stay,
    /// How many rooms, 1 to 9.
    pub rooms: u16,
    /// Who stays, in all rooms together.
    pub party: Party,
    /// The price of one room for each night, in date order; of all rooms where `lines` says what each costs, for each night
    /// that any of them has.
    pub nights: Vec<NightPrice>,
    /// Room by room, where the rooms are not all alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<QuotedLine>,
    /// Taxes on the whole stay.
    pub taxes: Vec<TaxLine>,
    /// Nights times rooms with taxes; exactly what is charged.
    pub total: Money,
    /// What a cancellation costs; none where `lines` says it of each room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_policy: Option<CancellationPolicy>,
    /// Until when the price holds.
    pub expires_at: DateTime<Utc>,
}

/// One room with its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotedLine {
    /// The room.
    #[serde(flatten)]
    pub line: Line,
    /// Its price for each night, in date order, before taxes.
    pub nights: Vec<NightPrice>,
    /// What its cancellation costs, where the rooms are not all of one rate plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_policy: Option<CancellationPolicy>,
}

/// What all lines cost together, for each night that any of them has, in date order.
///
/// # Errors
/// When a sum is above the largest amount of money.
pub fn nights_of_all(lines: &[QuotedLine]) -> Result<Vec<NightPrice>, MoneyError> {
    let mut nights: BTreeMap<StayDate, Money> = BTreeMap::new();
    for NightPrice { night, price } in lines.iter().flat_map(|line| &line.nights) {
        let sum = nights.get(night).map_or(Ok(*price), |sum| sum.plus(*price))?;
        nights.insert(*night, sum);
    }
    let each = nights.into_iter();
    Ok(each.map(|(night, price)| NightPrice { night, price }).collect())
}

impl Quote {
    /// Room by room, with prices; none where the quote says neither what nor the lines, which no quote does.
    pub fn quoted_lines(&self) -> Vec<QuotedLine> {
        let Some((room_type_id, rate_plan_id)) = self.room_type_id.zip(self.rate_plan_id) else {
            return self.lines.clone();
        };
        let whole = Line {
            room_type_id,
            rate_plan_id,
            stay: self.stay,
            party: self.party,
        };
        let priced = |line| QuotedLine {
            line,
            nights: self.nights.clone(),
            cancellation_policy: None,
        };
        whole.alike(self.rooms).into_iter().map(priced).collect()
    }
}

/// The price of a room for one night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NightPrice {
    /// The night.
    pub night: StayDate,
    /// The price, before taxes.
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
