//! The words that Bellhop's services share: ids, money, stays, and the messages between them.
//!
//! Plain data only. Nothing here does IO, knows SQL or knows a web framework. A type belongs here
//! when two services must agree on it, and changes only when the business changes.

pub mod change;
pub mod code;
pub mod command;
pub mod event;
pub mod ids;
pub mod line;
#[cfg(test)]
mod messages_tests;
pub mod money;
pub mod number;
pub mod penalty;
pub mod quote;
pub mod range;
pub mod refusal;
pub mod reply;
pub mod saga;
pub mod stay;
pub mod text;
pub mod topics;
pub mod version;

pub use code::BookingCode;
pub use command::{Command, CommandEnvelope};
pub use ids::{
    GrantId, GuestId, HoldId, HotelId, KeyId, MemberId, PaymentId, PrincipalId, QuoteId, RatePlanId,
    ReservationId, RoomTypeId, RuleId, SagaId, SessionId, SignInLinkId, VerbId,
};
pub use line::Line;
pub use money::{Currency, Money};
pub use refusal::{Refusal, Why};
pub use reply::{Outcome, Reply};
pub use stay::{Stay, StayDate};
pub use text::Text;
pub use version::{Era, Version};
