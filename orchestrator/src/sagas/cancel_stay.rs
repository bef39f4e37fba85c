//! Cancel a stay: the rooms are on sale again, the guest has back what the policy gives, and the
//! reservation is cancelled. Nothing of this can fail for good, so it only goes forward.
//!
//! The reservation is `cancelling` before the saga starts; the same transaction asked for the saga. That
//! state is the lock: nobody confirms, cancels or changes the reservation meanwhile, and there is no way
//! back from it. The rooms go first, because they can be sold again while the refund is on its way.

use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::CancelStay;
use contract::{Command, HoldId, PaymentId};

use crate::engine::{Saga, saga};

const PROMISE: &str =
    "The rooms are on sale again, the guest has back what the policy gives, the reservation is cancelled.";
const LOCKED: &str =
    "the reservation is cancelling before the saga is asked for, and there is no way back from that";

/// The saga.
pub fn definition() -> Saga<CancelStay> {
    saga("cancel-stay", PROMISE)
        .opened_for_good("lock-reservation", LOCKED)
        .pivot("release-rooms", release_rooms)
        .then("refund-payment", refund_payment)
        .then("mark-cancelled", mark_cancelled)
        .build()
}

fn release_rooms(stay: &CancelStay) -> Command {
    let hold_id = HoldId::from_uuid(stay.reservation_id.uuid());
    Command::Inventory(InventoryCommand::Release {
        hotel_id: stay.hotel_id,
        hold_id,
    })
}

fn refund_payment(stay: &CancelStay) -> Command {
    Command::Payment(PaymentCommand::Refund {
        hotel_id: stay.hotel_id,
        payment_id: PaymentId::from_uuid(stay.reservation_id.uuid()),
        amount: stay.refund,
    })
}

fn mark_cancelled(stay: &CancelStay) -> Command {
    let (hotel_id, reservation_id) = (stay.hotel_id, stay.reservation_id);
    Command::Reservation(ReservationCommand::MarkCancelled {
        hotel_id,
        reservation_id,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use contract::{HotelId, Money, Refusal, ReservationId};

    use super::*;
    use crate::engine::{Decision, Entry, decide};

    pub(crate) fn sample() -> CancelStay {
        let eur = |minor| Money::from_minor(minor, "EUR".parse().unwrap()).unwrap();
        CancelStay {
            reservation_id: ReservationId::new(),
            hotel_id: HotelId::new(),
            refund: eur(30_000),
            penalty: eur(8_700),
        }
    }

    /// A former version, in which the money went first.
    pub(crate) fn yesterday() -> Saga<CancelStay> {
        saga("cancel-stay", PROMISE)
            .version(0)
            .opened_for_good("lock-reservation", LOCKED)
            .pivot("refund-payment", refund_payment)
            .then("release-rooms", release_rooms)
            .then("mark-cancelled", mark_cancelled)
            .build()
    }

    #[test]
    fn rooms_then_money_then_the_reservation() {
        let (saga, data, mut log) = (definition(), sample(), vec![Entry::Done(0)]);
        let mut order = Vec::new();
        while let Decision::Send {
            step,
            undo: false,
            command,
        } = decide(&saga, &data, &log)
        {
            order.push(command.name());
            log.push(Entry::Done(step));
        }
        assert_eq!(order, ["Release", "Refund", "MarkCancelled"]);
        assert_eq!(decide(&saga, &data, &log), Decision::Completed);
    }

    #[test]
    fn any_refusal_is_for_a_person() {
        let refusal = Refusal::new("refund_failed", "The provider would not.");
        for refused in 1..4 {
            let mut log: Vec<_> = (0..refused).map(Entry::Done).collect();
            log.push(Entry::Refused(refused, refusal.clone()));
            let decision = decide(&definition(), &sample(), &log);
            let Decision::Stuck { step, reason } = decision else {
                panic!("{decision:?}")
            };
            assert_eq!(step, refused);
            assert!(reason.contains("refund_failed"), "{reason}");
        }
    }
}
