//! The rules of a payment as tables: what is done in which state, what may follow on what, what an answer means.

use contract::command::PaymentCommand;
use contract::{CommandEnvelope, HotelId, Money, Outcome, PaymentId, ReservationId, SagaId};

use crate::model::{
    Answer, Asked, Asks, Begins, Call, Effect, Ending, Kind, Moved, Now, ONCE, Payment, Plan, Planned,
    Refused, Say, State, payment_of_key, plan,
};
use crate::model_tests::{eur, payment};

mod names_tests;
mod rounds_tests;

const STATES: [State; 7] = [
    State::New,
    State::Authorized,
    State::Declined,
    State::Captured,
    State::CaptureDeclined,
    State::Refunded,
    State::Voided,
];

/// A payment of 1.00 in this state; of what was captured, 0.30 is given back.
fn standing(state: State) -> Payment {
    let mut payment = payment(Some(100));
    payment.state = state;
    if !matches!(state, State::New | State::Declined) {
        payment.authorization_id = Some("auth_1".to_owned());
    }
    (payment.captured_minor, payment.refunded_minor) = match state {
        State::Captured => (100, 30),
        State::Refunded => (100, 100),
        _ => (0, 0),
    };
    payment
}

/// A plan in short.
fn told(planned: &Planned) -> String {
    let plan = match &planned.plan {
        Plan::Settled(ending, effect) => match ending.outcome() {
            Outcome::Done => format!("done, {effect:?}"),
            Outcome::Refused(refusal) => format!("{}, {effect:?}", refusal.word()),
        },
        Plan::Call(Call::Authorize { amount, .. }) => format!("authorize {amount}"),
        Plan::Call(Call::Capture { amount, .. }) => format!("capture {amount}"),
        Plan::Call(Call::Void { .. }) => "void".to_owned(),
        Plan::Call(Call::Refund { amount, all, .. }) => format!("refund {amount}, all {all}"),
    };
    planned
        .incident
        .map_or(plan.clone(), |incident| format!("{plan}, {incident}"))
}

#[test]
fn what_is_done_about_an_operation_depends_on_where_its_payment_stands() {
    let nothing = "done, Nothing";
    let no_capture = "capture_declined, Nothing";
    let of_nothing = "done, Nothing, refund_of_nothing";
    // By state: an authorisation, a capture, a void, a refund of 0.20.
    let rules = [
        (
            State::New,
            ["authorize 1.00 EUR", no_capture, "done, Voided", of_nothing],
        ),
        (
            State::Authorized,
            [nothing, "capture 1.00 EUR", "void", of_nothing],
        ),
        (
            State::Declined,
            ["payment_declined, Nothing", no_capture, nothing, of_nothing],
        ),
        (
            State::Captured,
            [
                nothing,
                nothing,
                "refund 0.70 EUR, all true",
                "refund 0.20 EUR, all false",
            ],
        ),
        (State::CaptureDeclined, [nothing, no_capture, "void", of_nothing]),
        (State::Refunded, [nothing, nothing, nothing, of_nothing]),
        (
            State::Voided,
            ["payment_voided, Nothing", no_capture, nothing, of_nothing],
        ),
    ];
    for (state, rules) in rules {
        let kinds = [Kind::Authorize, Kind::Capture, Kind::Void, Kind::Refund];
        for (kind, rule) in kinds.into_iter().zip(rules) {
            let planned = plan(&standing(state), kind, 1, Some(eur(20)));
            assert_eq!(told(&planned), rule, "{kind:?} of a payment that is {state:?}");
        }
    }
    // Nothing is left, whatever the state says: the provider is not asked to give nothing back.
    let mut empty = standing(State::Captured);
    empty.refunded_minor = empty.captured_minor;
    assert_eq!(told(&plan(&empty, Kind::Void, 1, None)), "done, Voided");
    let tombstone = payment(None);
    let planned = plan(&tombstone, Kind::Authorize, 1, None);
    assert_eq!(told(&planned), "payment_voided, Nothing");
}

#[test]
fn an_amount_of_nothing_never_reaches_the_provider() {
    let mut free = payment(Some(0));
    for (kind, rule, state) in [
        (
            Kind::Authorize,
            "done, Authorized { authorization_id: None }",
            State::Authorized,
        ),
        (Kind::Capture, "done, Captured", State::Captured),
        (Kind::Refund, "done, Nothing, refund_of_nothing", State::Captured),
        (Kind::Void, "done, Voided", State::Voided),
    ] {
        let planned = plan(&free, kind, 1, Some(eur(1)));
        assert_eq!(told(&planned), rule);
        let Plan::Settled(_, effect) = planned.plan else {
            panic!("{rule}")
        };
        let (next, moved) = free.after(&effect, 1).unwrap();
        assert_eq!((next.state, moved), (state, None));
        free = next;
    }
    let captured = standing(State::Captured);
    for asked in [None, Some(eur(0))] {
        assert_eq!(told(&plan(&captured, Kind::Refund, 1, asked)), "done, Nothing");
    }
    let yen = Money::from_minor(20, "JPY".parse().unwrap()).unwrap();
    assert_eq!(
        told(&plan(&captured, Kind::Refund, 1, Some(yen))),
        "done, Nothing, refund_in_another_currency"
    );
}

#[test]
fn an_effect_follows_only_on_what_it_can_follow_on() {
    let refund = |minor, all| Effect::Refunded {
        amount: eur(minor),
        all,
    };
    let authorized = Effect::Authorized {
        authorization_id: Some("auth_2".to_owned()),
    };
    // What may follow on what, what the payment is then, and what moved.
    let follows = [
        (authorized.clone(), State::New, State::Authorized, None),
        (Effect::AuthorizationDeclined, State::New, State::Declined, None),
        (
            Effect::CaptureDeclined,
            State::Authorized,
            State::CaptureDeclined,
            None,
        ),
        (
            Effect::Captured,
            State::Authorized,
            State::Captured,
            Some(Moved::Captured(eur(100))),
        ),
        (Effect::Voided, State::New, State::Voided, None),
        (Effect::Voided, State::Authorized, State::Voided, None),
        (Effect::Voided, State::CaptureDeclined, State::Voided, None),
        (Effect::Voided, State::Refunded, State::Voided, None),
        (Effect::Voided, State::Voided, State::Voided, None),
        (
            refund(20, false),
            State::Captured,
            State::Captured,
            Some(Moved::Refunded(eur(20))),
        ),
        (
            refund(70, false),
            State::Captured,
            State::Refunded,
            Some(Moved::Refunded(eur(70))),
        ),
        (
            refund(70, true),
            State::Captured,
            State::Voided,
            Some(Moved::Refunded(eur(70))),
        ),
    ];
    let effects = [
        authorized,
        Effect::AuthorizationDeclined,
        Effect::CaptureDeclined,
        Effect::Captured,
        Effect::Voided,
        refund(20, false),
        refund(70, false),
        refund(70, true),
        refund(71, false),
    ];
    for state in STATES {
        let before = standing(state);
        assert_eq!(before.after(&Effect::Nothing, 1), Ok((before.clone(), None)));
        for effect in &effects {
            let rule = follows
                .iter()
                .find(|(one, from, ..)| (one, *from) == (effect, state));
            match (before.after(effect, 1), rule) {
                (Ok((next, moved)), Some((_, _, to, what))) => {
                    assert_eq!((next.state, moved), (*to, *what), "{effect:?} after {state:?}");
                    let (taken, back) = match moved {
                        Some(Moved::Captured(amount)) => (amount.minor(), 0),
                        Some(Moved::Refunded(amount)) => (0, amount.minor()),
                        None => (0, 0),
                    };
                    assert_eq!(next.captured_minor, before.captured_minor + taken);
                    assert_eq!(next.refunded_minor, before.refunded_minor + back);
                }
                (Err(error), None) => {
                    let said = error.to_string();
                    assert!(said.ends_with(&format!("that is {state:?}")), "{said}");
                }
                (result, _) => panic!("{effect:?} after {state:?}: {result:?}"),
            }
        }
    }
    let (next, _) = standing(State::New).after(&effects[0], 1).unwrap();
    assert_eq!(next.authorization_id.as_deref(), Some("auth_2"));
}

#[test]
fn what_the_provider_does_not_say_is_not_known() {
    let authorization_id = || "auth_1".to_owned();
    let authorize = Call::Authorize {
        amount: eur(100),
        payment_method: "pm_ok".to_owned(),
        reference: ReservationId::new(),
    };
    let capture = Call::Capture {
        authorization_id: authorization_id(),
        amount: eur(100),
    };
    let void = Call::Void {
        authorization_id: authorization_id(),
    };
    let refund = Call::Refund {
        authorization_id: authorization_id(),
        amount: eur(20),
        all: false,
    };
    let yes = Answer::Succeeded {
        authorization_id: Some("auth_9".to_owned()),
    };
    let is = |effect| Ok((Ending::Done, effect));
    let authorized = Effect::Authorized {
        authorization_id: Some("auth_9".to_owned()),
    };
    assert_eq!(authorize.judge(yes.clone()), is(authorized));
    assert_eq!(capture.judge(yes.clone()), is(Effect::Captured));
    assert_eq!(void.judge(yes.clone()), is(Effect::Voided));
    let refunded = Effect::Refunded {
        amount: eur(20),
        all: false,
    };
    assert_eq!(refund.judge(yes), is(refunded));
    let refused = |why, effect| Ok((Ending::Refused(why), effect));
    assert_eq!(
        authorize.judge(Answer::Declined),
        refused(Refused::PaymentDeclined, Effect::AuthorizationDeclined)
    );
    assert_eq!(
        capture.judge(Answer::Declined),
        refused(Refused::CaptureDeclined, Effect::CaptureDeclined)
    );
    // What cannot be refused is asked again until a person has looked.
    assert_eq!(
        void.judge(Answer::Declined),
        Err("the provider declined a void".to_owned())
    );
    assert_eq!(
        refund.judge(Answer::Declined),
        Err("the provider declined a refund".to_owned())
    );
    let nameless = Answer::Succeeded {
        authorization_id: None,
    };
    assert!(
        authorize.judge(nameless).is_err(),
        "without an id it could not be captured"
    );
    for call in [&authorize, &capture, &void, &refund] {
        for silent in [
            Answer::Processing,
            Answer::NeverSeen,
            Answer::Unknown("no answer in time".to_owned()),
        ] {
            assert!(call.judge(silent.clone()).is_err(), "{call:?} {silent:?}");
        }
    }
    let names = [authorize, capture, void, refund].map(|call| call.name());
    assert_eq!(names, ["authorize", "capture", "void", "refund"]);
}
