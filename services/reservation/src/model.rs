//! A reservation and what may become of it. Values in, values out.

mod card;
mod guest;
mod issuers;
mod state;
mod terms;

pub(crate) use card::{Grammar, carries_card_number};
pub(crate) use guest::{Email, Guest, PaymentMethod};
pub use state::{Cancellation, Cancelling, Moves, Reservation, State, Transition};
pub use terms::{Cost, NightCost, Terms, shares};
