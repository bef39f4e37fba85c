//! A reservation and what may become of it. Values in, values out.

mod card;
mod guest;
mod state;
mod terms;

pub(crate) use card::carries_card_number;
pub(crate) use guest::{Email, Guest, PaymentMethod};
pub(crate) use state::{Cancelling, Moves, Reservation, State, Transition};
pub(crate) use terms::{Cost, Terms};
