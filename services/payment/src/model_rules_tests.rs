//! The rules of a payment as tables: what is done in which state, what may follow on what, what an answer means.

use contract::command::PaymentCommand;
use contract::{HotelId, Money, Outcome, PaymentId, ReservationId, SagaId};

use crate::model::{
    Answer, Asked, Begins, Call, Effect, Ending, Kind, Moved, Now, Payment, Plan, Planned, Refused, Say,
    State, payment_of_key, plan,
};
use crate::model_tests::{eur, payment};

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
            let planned = plan(&standing(state), kind, Some(eur(20)));
            assert_eq!(told(&planned), rule, "{kind:?} of a payment that is {state:?}");
        }
    }
    // Nothing is left, whatever the state says: the provider is not asked to give nothing back.
    let mut empty = standing(State::Captured);
    empty.refunded_minor = empty.captured_minor;
    assert_eq!(told(&plan(&empty, Kind::Void, None)), "done, Voided");
    let tombstone = payment(None);
    let planned = plan(&tombstone, Kind::Authorize, None);
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
        let planned = plan(&free, kind, Some(eur(1)));
        assert_eq!(told(&planned), rule);
        let Plan::Settled(_, effect) = planned.plan else {
            panic!("{rule}")
        };
        let (next, moved) = free.after(&effect).unwrap();
        assert_eq!((next.state, moved), (state, None));
        free = next;
    }
    let captured = standing(State::Captured);
    for asked in [None, Some(eur(0))] {
        assert_eq!(told(&plan(&captured, Kind::Refund, asked)), "done, Nothing");
    }
    let yen = Money::from_minor(20, "JPY".parse().unwrap()).unwrap();
    assert_eq!(
        told(&plan(&captured, Kind::Refund, Some(yen))),
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
        assert_eq!(before.after(&Effect::Nothing), Ok((before.clone(), None)));
        for effect in &effects {
            let rule = follows
                .iter()
                .find(|(one, from, ..)| (one, *from) == (effect, state));
            match (before.after(effect), rule) {
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
    let (next, _) = standing(State::New).after(&effects[0]).unwrap();
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

#[test]
fn nothing_is_made_that_may_have_been_made_before() {
    assert_eq!(
        (Say::first(true), Say::first(false)),
        (Say::AskFirst, Say::Submit)
    );
    let unknown = || Answer::Unknown("no answer in time".to_owned());
    let known = [
        Answer::Succeeded {
            authorization_id: None,
        },
        Answer::Declined,
        Answer::Processing,
    ];
    for say in [Say::AskFirst, Say::Submit, Say::AskAfter] {
        for answer in &known {
            assert_eq!(say.next(answer), None, "{say:?} {answer:?}");
        }
    }
    // Only a provider that has never seen the key may be asked to do it.
    assert_eq!(Say::AskFirst.next(&Answer::NeverSeen), Some(Say::Submit));
    assert_eq!(Say::AskFirst.next(&unknown()), None);
    assert_eq!(Say::Submit.next(&unknown()), Some(Say::AskAfter));
    assert_eq!(Say::Submit.next(&Answer::NeverSeen), Some(Say::AskAfter));
    assert_eq!(Say::AskAfter.next(&Answer::NeverSeen), None);
    assert_eq!(Say::AskAfter.next(&unknown()), None);
}

#[test]
fn no_two_calls_of_a_payment_share_a_key() {
    let payment = standing(State::Captured);
    let saga = SagaId::new();
    let id = || "auth_1".to_owned();
    let refund = |all| Call::Refund {
        authorization_id: id(),
        amount: eur(20),
        all,
    };
    let calls = [
        Call::Authorize {
            amount: eur(100),
            payment_method: "pm_ok".to_owned(),
            reference: ReservationId::new(),
        },
        Call::Capture {
            authorization_id: id(),
            amount: eur(100),
        },
        Call::Void {
            authorization_id: id(),
        },
        refund(true),
        refund(false),
    ];
    let keys: Vec<String> = calls.iter().map(|call| call.key(&payment, saga)).collect();
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{key}");
        assert_eq!(payment_of_key(key), Some((payment.hotel_id, payment.payment_id)));
        assert_eq!(calls[at].key(&payment, saga), *key, "the same again");
        let late = at < 4;
        assert_eq!(calls[at].key(&payment, SagaId::new()) == *key, late, "{key}");
    }
    let half = format!("{}.x.capture", payment.hotel_id);
    assert_eq!(payment_of_key(&half), None);
}

#[test]
fn a_command_says_which_operation_it_is() {
    let (hotel_id, payment_id, saga) = (HotelId::new(), PaymentId::new(), SagaId::new());
    let authorize = PaymentCommand::Authorize {
        hotel_id,
        payment_id,
        reservation_id: ReservationId::new(),
        amount: eur(100),
        payment_method: "pm_ok".to_owned(),
    };
    let capture = PaymentCommand::Capture { hotel_id, payment_id };
    let void = PaymentCommand::Void { hotel_id, payment_id };
    let refund = PaymentCommand::Refund {
        hotel_id,
        payment_id,
        amount: eur(20),
    };
    // What it asks; which saga it is for, where each may ask; how much; the answer where there is no such payment.
    let no = Ending::Refused(Refused::CaptureDeclined);
    for (command, kind, cause, minor, of_nothing) in [
        (&authorize, Kind::Authorize, None, None, Ending::Done),
        (&capture, Kind::Capture, None, None, no),
        (&void, Kind::Void, Some(saga), None, Ending::Done),
        (&refund, Kind::Refund, Some(saga), Some(20), Ending::Done),
    ] {
        let asked = Asked::of(saga, command);
        let wanted = Asked {
            payment: (hotel_id, payment_id),
            kind,
            cause,
            minor,
        };
        assert_eq!(asked, wanted);
        assert_eq!(asked.of_nothing(), of_nothing, "{kind:?}");
        assert_eq!(kind.word().parse::<Kind>().unwrap(), kind);
    }
    let begun = Begins::of(&authorize).unwrap();
    assert_eq!(begun.payment, (hotel_id, payment_id));
    assert_eq!(begun.terms.unwrap().amount, eur(100));
    let tombstone = Begins::of(&void).unwrap();
    assert_eq!(
        (tombstone.payment, tombstone.terms),
        ((hotel_id, payment_id), None)
    );
    assert_eq!((Begins::of(&capture), Begins::of(&refund)), (None, None));
}

#[test]
fn an_operation_is_worked_on_once_and_in_its_turn() {
    assert_eq!(Now::of(None, true, true), Now::Work);
    for (is_new, is_first) in [(true, false), (false, true), (false, false)] {
        assert_eq!(Now::of(None, is_new, is_first), Now::Leave, "{is_new} {is_first}");
    }
    let ended = [Ending::Done, Ending::Refused(Refused::PaymentDeclined)];
    for ending in ended {
        for is_new in [false, true] {
            assert_eq!(Now::of(Some(ending), is_new, true), Now::Answer(ending));
        }
    }
}

#[test]
fn words_are_read_back_as_what_they_were() {
    for state in STATES {
        assert_eq!(state.word().parse::<State>().unwrap(), state);
    }
    assert!("asleep".parse::<State>().is_err());
    for why in [
        Refused::PaymentDeclined,
        Refused::PaymentVoided,
        Refused::CaptureDeclined,
    ] {
        assert_eq!(why.word().parse::<Refused>().unwrap(), why);
        let Outcome::Refused(refusal) = Ending::Refused(why).outcome() else {
            panic!("{why:?}")
        };
        assert_eq!(refusal.word(), why.word());
        assert!(
            refusal.message().contains("nothing was taken"),
            "{}",
            refusal.message()
        );
    }
    assert_eq!(Ending::Done.outcome(), Outcome::Done);
}
