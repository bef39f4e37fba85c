//! Cancel a stay: the rooms are on sale again, the guest has back what the policy gives, and the
//! reservation is cancelled. Nights that had begun when the guest cancelled stay sold; which these are was
//! decided with the price, so that the date may change while this runs. Nothing of this can fail for good, so it only goes forward.
//!
//! The reservation is `cancelling` before the saga starts; the same transaction asked for the saga. That
//! state is the lock: nobody confirms, cancels or changes the reservation meanwhile, and there is no way
//! back from it. The rooms go first, because they can be sold again while the refund is on its way.

use contract::Command;
use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::CancelStay;

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
    Command::Inventory(InventoryCommand::Release {
        hotel_id: stay.hotel_id,
        hold_id: stay.hold_id(),
        from: stay.kept_until,
    })
}

fn refund_payment(stay: &CancelStay) -> Command {
    Command::Payment(PaymentCommand::Refund {
        hotel_id: stay.hotel_id,
        payment_id: stay.payment_id(),
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
    use contract::{HoldId, HotelId, Money, PaymentId, Refusal, ReservationId};

    use super::*;
    use crate::engine::{Decision, Entry, decide, when};

    pub(crate) fn sample() -> CancelStay {
        let eur = |minor| Money::from_minor(minor, "EUR".parse().unwrap()).unwrap();
        CancelStay {
            reservation_id: ReservationId::new(),
            hold_id: Some(HoldId::new()),
            payment_id: Some(PaymentId::new()),
            hotel_id: HotelId::new(),
            refund: eur(30_000),
            penalty: eur(8_700),
            kept_until: None,
        }
    }

    /// Cancelled on the third day.
    pub(crate) fn during_the_stay() -> CancelStay {
        CancelStay {
            kept_until: Some("2026-12-26".parse().unwrap()),
            ..sample()
        }
    }

    /// Cancelled too late to get anything back.
    pub(crate) fn without_refund() -> CancelStay {
        let stay = sample();
        CancelStay {
            refund: Money::zero(stay.refund.currency()),
            ..stay
        }
    }

    /// Another version, in which only what is something is given back, by the hotel if need be.
    pub(crate) fn with_a_step_that_only_some_have() -> Saga<CancelStay> {
        let gives_back = when("there is something to give back", |stay: &CancelStay| {
            stay.refund.minor() > 0
        });
        saga("cancel-stay", PROMISE)
            .version(-1)
            .opened_for_good("lock-reservation", LOCKED)
            .pivot("release-rooms", release_rooms)
            .then_when(gives_back, "refund-payment", refund_payment)
            .may_be_skipped("the hotel can give the money back itself")
            .then("mark-cancelled", mark_cancelled)
            .build()
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
    fn nights_that_had_begun_stay_sold() {
        for data in [sample(), during_the_stay()] {
            let Command::Inventory(InventoryCommand::Release { from, .. }) = release_rooms(&data) else {
                panic!("rooms are released")
            };
            assert_eq!(from, data.kept_until);
        }
    }

    #[test]
    fn a_run_that_was_asked_for_before_nights_were_kept_gives_back_all() {
        let mut json = serde_json::to_value(during_the_stay()).unwrap();
        json.as_object_mut().unwrap().remove("kept_until");
        let data: CancelStay = serde_json::from_value(json).unwrap();
        assert_eq!(data.kept_until, None);
        let json = serde_json::to_value(release_rooms(&data)).unwrap();
        assert!(
            json.get("from").is_none(),
            "a former inventory reads it too: {json}"
        );
    }

    #[test]
    fn any_refusal_is_for_a_person() {
        let refusal = Refusal::stored(
            "refund_failed".to_owned(),
            "The provider would not.".to_owned(),
            None,
        );
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
