//! Book a stay: either the guest has rooms that are paid for and confirmed, or nothing has happened.
//!
//! The reservation is `pending` before the saga starts; the same transaction asked for the saga. Rooms
//! are held first, because they are what others want too, and the hold costs nobody money. The amount is
//! reserved on the guest's payment method; then the held rooms become sold ones, which never expire, so
//! that no guest is charged for a room that went to somebody else meanwhile. Capturing the money decides:
//! it can neither be promised beforehand nor be taken back for free. Declined, the rooms go back and the
//! authorisation is voided. Once the money is taken, nothing but the confirmation is left, and it is
//! sent until it is done.
//!
//! A payment whose outcome is unknown before that is voided when it is given up: voiding something that
//! never happened forbids it, and a late success is given back.

use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::BookStay;
use contract::{Command, Refusal, Why};

use crate::engine::{Saga, saga, undo, undo_telling, undone_by, wait};

const PROMISE: &str = "Either the guest has rooms that are paid for and confirmed, or nothing has happened.";
const PENDING: &str = "the reservation is pending before the saga is asked for, in one transaction";
const RELEASED: &str =
    "the release that undoes hold-rooms gives back sold rooms too, and forbids a late booking";

/// The saga.
pub fn definition() -> Saga<BookStay> {
    let slow = wait(2, Why::PaymentUnavailable);
    saga("book-stay", PROMISE)
        .opened_by("open-reservation", PENDING, undo_telling(reservation::reject))
        .step("hold-rooms", inventory::hold, undo(inventory::release))
        .slow_step("authorize-payment", payment::authorize, undo(payment::void), slow)
        .step("book-rooms", inventory::book, undone_by("hold-rooms", RELEASED))
        .pivot("capture-payment", payment::capture)
        .then("confirm-reservation", reservation::confirm)
        .build()
}

mod inventory {
    use super::{BookStay, Command, InventoryCommand};

    pub(super) fn hold(stay: &BookStay) -> Command {
        Command::Inventory(InventoryCommand::Hold {
            hotel_id: stay.hotel_id,
            hold_id: stay.hold_id(),
            lines: stay.held_lines(),
            time_zone: stay.time_zone.clone(),
        })
    }

    pub(super) fn book(stay: &BookStay) -> Command {
        Command::Inventory(InventoryCommand::Book {
            hotel_id: stay.hotel_id,
            hold_id: stay.hold_id(),
        })
    }

    pub(super) fn release(stay: &BookStay) -> Command {
        Command::Inventory(InventoryCommand::Release {
            hotel_id: stay.hotel_id,
            hold_id: stay.hold_id(),
            from: None,
        })
    }
}

mod payment {
    use super::{BookStay, Command, PaymentCommand};

    pub(super) fn authorize(stay: &BookStay) -> Command {
        Command::Payment(PaymentCommand::Authorize {
            hotel_id: stay.hotel_id,
            payment_id: stay.payment_id(),
            reservation_id: stay.reservation_id,
            amount: stay.total,
            payment_method: stay.payment_method.clone(),
        })
    }

    pub(super) fn capture(stay: &BookStay) -> Command {
        Command::Payment(PaymentCommand::Capture {
            hotel_id: stay.hotel_id,
            payment_id: stay.payment_id(),
        })
    }

    pub(super) fn void(stay: &BookStay) -> Command {
        Command::Payment(PaymentCommand::Void {
            hotel_id: stay.hotel_id,
            payment_id: stay.payment_id(),
        })
    }
}

mod reservation {
    use super::{BookStay, Command, Refusal, ReservationCommand};

    pub(super) fn confirm(stay: &BookStay) -> Command {
        let (hotel_id, reservation_id) = (stay.hotel_id, stay.reservation_id);
        Command::Reservation(ReservationCommand::Confirm {
            hotel_id,
            reservation_id,
        })
    }

    pub(super) fn reject(stay: &BookStay, because: &Refusal) -> Command {
        Command::Reservation(ReservationCommand::Reject {
            hotel_id: stay.hotel_id,
            reservation_id: stay.reservation_id,
            refusal: because.clone(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use contract::refusal::Code;
    use contract::{GuestId, HoldId, HotelId, Money, PaymentId, RatePlanId, ReservationId, RoomTypeId, Stay};

    use super::*;
    use crate::engine::{Decision, Entry, decide, when};

    pub(crate) fn sample() -> BookStay {
        let day = |text: &str| text.parse().unwrap();
        BookStay {
            reservation_id: ReservationId::new(),
            hold_id: Some(HoldId::new()),
            payment_id: Some(PaymentId::new()),
            hotel_id: HotelId::new(),
            room_type_id: Some(RoomTypeId::new()),
            rate_plan_id: RatePlanId::new(),
            stay: Stay::new(day("2026-12-24"), day("2026-12-27")).unwrap(),
            rooms: 1,
            guest_id: GuestId::new(),
            total: Money::from_minor(38_700, "EUR".parse().unwrap()).unwrap(),
            payment_method: "pm_ok".to_owned(),
            time_zone: Some("Pacific/Kiritimati".to_owned()),
            lines: Vec::new(),
        }
    }

    /// A stay that costs nothing.
    pub(crate) fn free_of_charge() -> BookStay {
        BookStay {
            total: Money::zero("EUR".parse().unwrap()),
            ..sample()
        }
    }

    /// Another version, in which only what costs something is authorised.
    pub(crate) fn with_a_step_that_only_some_have() -> Saga<BookStay> {
        let costs = when("there is something to pay", |stay: &BookStay| {
            stay.total.minor() > 0
        });
        saga("book-stay", PROMISE)
            .version(0)
            .opened_by("open-reservation", PENDING, undo_telling(reservation::reject))
            .step("hold-rooms", inventory::hold, undo(inventory::release))
            .step_when(
                costs,
                "authorize-payment",
                payment::authorize,
                undo(payment::void),
            )
            .step("book-rooms", inventory::book, undone_by("hold-rooms", RELEASED))
            .pivot("capture-payment", payment::capture)
            .then("confirm-reservation", reservation::confirm)
            .build()
    }

    fn sent(log: &[Entry]) -> String {
        match decide(&definition(), &sample(), log) {
            Decision::Send { command, .. } => command.name().to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn declined() -> Refusal {
        Why::CaptureDeclined.into()
    }

    #[test]
    fn the_opening_sends_nothing_and_rooms_are_held_first() {
        assert_eq!(sent(&[Entry::Done(0)]), "Hold");
    }

    #[test]
    fn money_moves_only_after_the_rooms_are_booked() {
        let log = [0, 1, 2].map(Entry::Done);
        assert_eq!(sent(&log), "Book");
        assert_eq!(sent(&[0, 1, 2, 3].map(Entry::Done)), "Capture");
    }

    #[test]
    fn a_refused_hold_only_rejects_and_names_the_night() {
        let night = "2026-12-25".parse().unwrap();
        let sold_out = Refusal::from(Why::SoldOut { night });
        let log = [Entry::Done(0), Entry::Refused(1, sold_out.clone())];
        let Decision::Send {
            step: 0,
            undo: true,
            command,
        } = decide(&definition(), &sample(), &log)
        else {
            panic!("the opening must be undone")
        };
        let Command::Reservation(ReservationCommand::Reject { refusal, .. }) = command else {
            panic!("the reservation must be rejected")
        };
        assert_eq!(refusal, sold_out);
    }

    #[test]
    fn a_refused_capture_voids_and_gives_the_rooms_back_once() {
        let mut log = [0, 1, 2, 3].map(Entry::Done).to_vec();
        log.push(Entry::Refused(4, declined()));
        let mut order = Vec::new();
        while let Decision::Send {
            step,
            undo: true,
            command,
        } = decide(&definition(), &sample(), &log)
        {
            order.push(command.name());
            log.push(Entry::Undone(step));
        }
        assert_eq!(order, ["Void", "Release", "Reject"]);
        assert_eq!(
            decide(&definition(), &sample(), &log),
            Decision::RolledBack { because: declined() }
        );
    }

    #[test]
    fn a_payment_that_nobody_knows_about_is_voided_and_the_guest_told() {
        let mut log = vec![Entry::Done(0), Entry::Done(1), Entry::GivenUp(2)];
        assert_eq!(sent(&log), "Void");
        log.extend([Entry::Undone(2), Entry::Undone(1)]);
        let Decision::Send { command, .. } = decide(&definition(), &sample(), &log) else {
            panic!("the reservation must be rejected")
        };
        let Command::Reservation(ReservationCommand::Reject { refusal, .. }) = command else {
            panic!("the reservation must be rejected")
        };
        assert!(refusal.is(Code::PaymentUnavailable));
    }

    #[test]
    fn a_booking_that_nobody_knows_about_voids_and_releases() {
        let mut log = [0, 1, 2].map(Entry::Done).to_vec();
        log.push(Entry::GivenUp(3));
        assert_eq!(sent(&log), "Void");
        log.push(Entry::Undone(2));
        assert_eq!(sent(&log), "Release");
    }

    #[test]
    fn rooms_and_money_have_ids_of_their_own_and_in_former_runs_the_reservations() {
        let stay = sample();
        let mut former = serde_json::to_value(&stay).unwrap();
        let [hold, payment] =
            ["hold_id", "payment_id"].map(|name| former.as_object_mut().unwrap().remove(name).unwrap());
        assert_eq!(
            (stay.hold_id().to_string(), stay.payment_id().to_string()),
            (text(&hold), text(&payment))
        );
        let former: BookStay = serde_json::from_value(former).unwrap();
        let reservation = former.reservation_id.uuid();
        assert_eq!(
            (former.hold_id().uuid(), former.payment_id().uuid()),
            (reservation, reservation)
        );
    }

    fn text(id: &serde_json::Value) -> String {
        id.as_str().unwrap().to_owned()
    }
}
