//! The service's endpoints, one file each.

mod body;
mod cancel;
mod cancellation_quote;
mod create;
mod get;
mod history;
mod list;
mod look_up;
mod revoke_links;

use platform::access::{Class, Kind, Place, Row};
use platform::operations;

use crate::App;

/// Whose a reservation is, and who looks after it.
const ITS_OWN: Row = Row::of(&[
    Kind::Guest,
    Kind::Member,
    Kind::Staff,
    Kind::Partner,
    Kind::Viewer,
]);

/// Whose a reservation is, and who acts on it.
const CHANGES_IT: Row = Row::of(&[
    Kind::Guest,
    Kind::Member,
    Kind::Staff,
    Kind::Partner,
    Kind::Operator,
])
.class(Class::Money)
.cost(10);

operations! { pub(crate) App;
    CreateReservation = create::create_reservation:
        Row::anyone().class(Class::Booking).cost(10).found_by(Place::Token).waits(),
    ListReservations = list::list_reservations:
        Row::of(&[Kind::Member, Kind::Staff, Kind::Partner, Kind::Viewer]).class(Class::Desk).cost(5).found_by(Place::Body),
    LookUpReservation = look_up::look_up_reservation: Row::anyone().cost(2).found_by(Place::Body),
    GetReservation = get::get_reservation: ITS_OWN,
    ReservationHistory = history::reservation_history: ITS_OWN,
    CancellationQuote = cancellation_quote::cancellation_quote: ITS_OWN,
    CancelReservation = cancel::cancel_reservation: CHANGES_IT.waits(),
    RevokeGuestLinks = revoke_links::revoke_guest_links: CHANGES_IT,
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_path_is_in_the_document() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        assert_eq!(document["paths"].as_object().unwrap().len(), 7);
    }
}
