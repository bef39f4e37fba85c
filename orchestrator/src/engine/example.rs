//! For tests: what an example of a saga runs on, and what its steps say and undo.

use contract::command::ReservationCommand;
use contract::{Command, HotelId, ReservationId};

pub(super) struct Ids(HotelId, ReservationId);

pub(super) fn ids() -> Ids {
    Ids(HotelId::new(), ReservationId::new())
}

pub(super) fn act(ids: &Ids) -> Command {
    Command::Reservation(ReservationCommand::Confirm {
        hotel_id: ids.0,
        reservation_id: ids.1,
    })
}

pub(super) fn back(ids: &Ids) -> Command {
    Command::Reservation(ReservationCommand::MarkCancelled {
        hotel_id: ids.0,
        reservation_id: ids.1,
    })
}
