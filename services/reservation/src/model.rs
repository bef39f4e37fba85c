//! A reservation and what may become of it. Values in, values out.

mod cancellation;
mod charges;
mod guest;
mod state;
mod terms;

pub use cancellation::{Cancellation, LineCost};
pub use charges::{Charge, ChargeKind, Later, Promised, all as all_charges};
pub(crate) use guest::{Email, Guest, PaymentMethod};
pub use state::{Cancelling, Moves, Reservation, State, Transition};
pub use terms::{Cost, NightCost, Part, Terms, free_until, shares};
