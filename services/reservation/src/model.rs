//! A reservation and what may become of it. Values in, values out.

mod charges;
mod guest;
mod state;
mod terms;

pub use charges::{Charge, ChargeKind, Later, Promised, all as all_charges};
pub(crate) use guest::{Email, Guest, PaymentMethod};
pub use state::{Cancellation, Cancelling, Moves, Reservation, State, Transition};
pub use terms::{Cost, NightCost, Terms, shares};
