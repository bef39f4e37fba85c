//! The words that Bellhop's services share: ids, money, stays, and the messages between them.
//!
//! Plain data only. Nothing here does IO, knows SQL or knows a web framework. A type belongs here
//! when two services must agree on it, and changes only when the business changes.

pub mod change;
pub mod command;
pub mod event;
pub mod ids;
pub mod money;
pub mod offer;
#[cfg(feature = "planted")]
pub mod planted;
pub mod quote;
pub mod reply;
pub mod saga;
pub mod stay;
pub mod text;
pub mod topics;

pub use command::{Command, CommandEnvelope};
pub use ids::{GuestId, HoldId, HotelId, PaymentId, QuoteId, RatePlanId, ReservationId, RoomTypeId, SagaId};
pub use money::{Currency, Money};
pub use reply::{Outcome, Refusal, Reply};
pub use stay::{Stay, StayDate};
pub use text::Text;

/// Whether this bug is planted: never, but in a build that tries the proofs.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}

/// Whether this bug is planted: never, but in a build that tries the proofs.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// The end of a key that must not have one, but in a build that tries the proofs.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted_key_end {
    () => {
        $crate::planted::key_end()
    };
}

/// The end of a key that must not have one, but in a build that tries the proofs.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted_key_end {
    () => {
        ""
    };
}
