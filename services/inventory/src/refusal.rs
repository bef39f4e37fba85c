//! Every reason for which this service refuses a command, with its sentence for the guest.

use contract::{Refusal, StayDate};
use rules::Blocked;
use rules::limits::ROOMS_MAX;

/// What the rules say against a hold.
pub(crate) fn of(blocked: Blocked) -> Refusal {
    match blocked {
        Blocked::Rooms => rooms_out_of_range(),
        Blocked::InPast { check_in, .. } => stay_in_past(check_in),
        Blocked::NotOffered => unknown_room_type(),
        Blocked::Closed(night) => closed(night),
        Blocked::SoldOut(night) => sold_out(night),
        other => Refusal::new(other.code(), other.to_string()),
    }
}

/// A night has not enough rooms left, or was never offered.
pub(crate) fn sold_out(night: StayDate) -> Refusal {
    Refusal::on_night("sold_out", night, format!("The night of {night} is sold out."))
}

/// The hotel sells nothing for a night.
pub(crate) fn closed(night: StayDate) -> Refusal {
    let message = format!("The hotel takes no bookings for the night of {night}.");
    Refusal::on_night("closed", night, message)
}

/// The hotel has never offered rooms of this type.
pub(crate) fn unknown_room_type() -> Refusal {
    Refusal::new("unknown_room_type", "The hotel does not offer this type of room.")
}

/// The stay begins in the past, wherever the hotel is.
pub(crate) fn stay_in_past(check_in: StayDate) -> Refusal {
    let message = format!("The stay would begin on {check_in}, which is past.");
    Refusal::on_night("stay_in_past", check_in, message)
}

/// The hold was released, perhaps before it came.
pub(crate) fn hold_released() -> Refusal {
    Refusal::new("hold_released", "The rooms were given back.")
}

/// The hold ran out, or there is none.
pub(crate) fn hold_expired() -> Refusal {
    Refusal::new(
        "hold_expired",
        "The rooms were held for too long and have been given back. Please book again.",
    )
}

/// No rooms at all, or more than one booking may take.
pub(crate) fn rooms_out_of_range() -> Refusal {
    let message = format!("A booking takes 1 to {ROOMS_MAX} rooms.");
    Refusal::new("rooms_out_of_range", message)
}
