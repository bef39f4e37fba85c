//! Calls, keys, operations and words: each names one thing.

use super::*;

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
    let asks = |cause, round| Asks { cause, round };
    let key = |call: &Call, round| call.key(&payment, asks(saga, round));
    let keys: Vec<String> = [1, 2, 3]
        .into_iter()
        .flat_map(|round| calls.iter().map(move |call| (call, round)))
        .map(|(call, round)| key(call, round))
        .collect();
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{key}");
        assert_eq!(payment_of_key(key), Some((payment.hotel_id, payment.payment_id)));
        assert_eq!(key.ends_with(&format!(".round_{}", at / 5 + 1)), at >= 5, "{key}");
    }
    for (at, call) in calls.iter().enumerate() {
        assert_eq!(key(call, 1), keys[at], "the same again");
        let late = at < 4;
        assert_eq!(call.key(&payment, asks(SagaId::new(), 1)) == keys[at], late);
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
        let asked = Asked::of(&sent(saga, 3, command));
        let wanted = Asked {
            payment: (hotel_id, payment_id),
            kind,
            cause,
            // Money that was given back is given back in every round.
            round: if kind == Kind::Refund { ONCE } else { 3 },
            minor,
        };
        assert_eq!(asked, wanted);
        assert_eq!(asked.of_nothing(), of_nothing, "{kind:?}");
        assert_eq!(kind.word().parse::<Kind>().unwrap(), kind);
    }
    let begins = |command| Begins::of(&sent(saga, 2, command));
    let begun = begins(&authorize).unwrap();
    assert_eq!((begun.payment, begun.round), ((hotel_id, payment_id), 2));
    assert_eq!(begun.terms.unwrap().amount, eur(100));
    let tombstone = begins(&void).unwrap();
    assert_eq!(
        (tombstone.payment, tombstone.terms),
        ((hotel_id, payment_id), None)
    );
    assert_eq!((begins(&capture), begins(&refund)), (None, None));
}

fn sent(saga_id: SagaId, round: u32, command: &PaymentCommand) -> CommandEnvelope<PaymentCommand> {
    CommandEnvelope {
        saga_id,
        step: "a step".to_owned(),
        undo: false,
        round,
        attempt: 1,
        command: command.clone(),
    }
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
