//! What each round of a run finds: an older one changes nothing, the same one its own, a newer one decides anew.

use chrono::{DateTime, TimeDelta};

use super::*;

fn planned(payment: &Payment, kind: Kind, round: u32) -> String {
    told(&plan(payment, kind, round, None))
}

/// What the payment is after this effect of an operation of this round.
fn after(payment: &Payment, effect: &Effect, round: u32) -> Payment {
    payment.after(effect, round).unwrap().0
}

fn authorized(id: &str) -> Effect {
    Effect::Authorized {
        authorization_id: Some(id.to_owned()),
    }
}

#[test]
fn what_was_declined_or_voided_is_authorised_again_in_a_newer_round_and_captured_once() {
    for (state, no) in [
        (State::Declined, "payment_declined"),
        (State::Voided, "payment_voided"),
    ] {
        let payment = standing(state);
        assert_eq!(planned(&payment, Kind::Authorize, 1), format!("{no}, Nothing"));
        assert_eq!(planned(&payment, Kind::Authorize, 2), "authorize 1.00 EUR");
        let again = after(&payment, &authorized("auth_2"), 2);
        assert_eq!((again.state, again.round), (State::Authorized, 2));
        assert_eq!(again.authorization_id.as_deref(), Some("auth_2"));
        let declined = after(&payment, &Effect::AuthorizationDeclined, 2);
        assert_eq!((declined.state, declined.round), (State::Declined, 2));
        assert_eq!(planned(&again, Kind::Capture, 2), "capture 1.00 EUR");
        let captured = after(&again, &Effect::Captured, 2);
        for round in [1, 2, 3] {
            let told = planned(&captured, Kind::Capture, round);
            assert!(!told.starts_with("capture 1.00"), "{told}");
        }
        assert_eq!(
            planned(&captured, Kind::Authorize, 3),
            "done, Nothing",
            "it stands"
        );
    }
}

#[test]
fn what_an_older_round_asks_for_the_first_time_changes_nothing() {
    for state in STATES {
        let mut payment = standing(state);
        payment.round = 2;
        assert_eq!(
            planned(&payment, Kind::Authorize, 1),
            "payment_voided, Nothing",
            "{state:?}"
        );
        assert_eq!(
            planned(&payment, Kind::Capture, 1),
            "capture_declined, Nothing",
            "{state:?}"
        );
        assert_eq!(planned(&payment, Kind::Void, 1), "done, Nothing", "{state:?}");
        assert_eq!(after(&payment, &Effect::Nothing, 1), payment);
    }
    // A refund is another run's, whose rounds are its own.
    let mut captured = standing(State::Captured);
    captured.round = 2;
    let refund = plan(&captured, Kind::Refund, ONCE, Some(eur(20)));
    assert_eq!(told(&refund), "refund 0.20 EUR, all false");
}

#[test]
fn what_stands_is_adopted_and_no_longer_heeds_the_round_before() {
    for state in [State::Authorized, State::Captured, State::Refunded] {
        let payment = standing(state);
        assert_eq!(
            planned(&payment, Kind::Authorize, 2),
            "done, Nothing",
            "{state:?}"
        );
        let adopted = after(&payment, &Effect::Nothing, 2);
        assert_eq!((adopted.state, adopted.round), (state, 2));
        assert_eq!(planned(&adopted, Kind::Void, 1), "done, Nothing", "{state:?}");
    }
    let adopted = after(&standing(State::Authorized), &Effect::Nothing, 2);
    assert_eq!(planned(&adopted, Kind::Void, 2), "void");
}

#[test]
fn a_void_forbids_its_round_and_those_before_also_when_it_comes_first() {
    for state in [State::Declined, State::Voided] {
        let mut payment = standing(state);
        assert_eq!(planned(&payment, Kind::Void, 2), "done, Nothing");
        payment = after(&payment, &Effect::Nothing, 2);
        assert!(
            planned(&payment, Kind::Authorize, 2).ends_with(", Nothing"),
            "{state:?}"
        );
        assert_eq!(
            planned(&payment, Kind::Authorize, 3),
            "authorize 1.00 EUR",
            "{state:?}"
        );
    }
}

#[test]
fn whoever_has_paid_once_does_not_pay_again() {
    let mut payment = standing(State::Voided);
    (payment.captured_minor, payment.refunded_minor) = (100, 100);
    assert_eq!(planned(&payment, Kind::Authorize, 2), "payment_voided, Nothing");
    assert!(payment.after(&authorized("auth_2"), 2).is_err());
}

#[test]
fn only_an_authorisation_that_nobody_waits_for_any_more_is_too_late() {
    let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let second = TimeDelta::seconds(1);
    for (kind, deadline, is_too_late) in [
        (Kind::Authorize, Some(now - second), true),
        (Kind::Authorize, Some(now), false),
        (Kind::Authorize, Some(now + second), false),
        (Kind::Authorize, None, false),
        (Kind::Capture, Some(now - second), false),
        (Kind::Void, Some(now - second), false),
        (Kind::Refund, Some(now - second), false),
    ] {
        let asked = Asked {
            payment: (HotelId::new(), PaymentId::new()),
            kind,
            cause: None,
            round: 1,
            minor: None,
        };
        assert_eq!(
            asked.is_too_late(deadline, now),
            is_too_late,
            "{kind:?} {deadline:?}"
        );
    }
}
