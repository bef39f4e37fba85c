//! What comes of each request in each state, and what others are told of it.

use contract::Why;

use super::*;
use crate::fixtures::{at, pending};

const STATES: [State; 5] = [
    State::Pending,
    State::Confirmed,
    State::Rejected,
    State::Cancelling,
    State::Cancelled,
];

fn noon() -> DateTime<Utc> {
    at("2127-03-01T12:00:00Z")
}

fn no() -> Refusal {
    Why::HoldReleased.into()
}

/// A reservation in this state.
fn standing(state: State) -> Reservation {
    let mut reservation = pending();
    if state == State::Rejected {
        reservation.reject(&no(), noon()).unwrap();
    } else if state != State::Pending {
        reservation.confirm(noon(), SagaId::new()).unwrap();
        if state != State::Confirmed {
            reservation.cancel(noon(), SagaId::new());
        }
        if state == State::Cancelled {
            reservation.mark_cancelled(noon()).unwrap();
        }
    }
    assert_eq!(reservation.state, state);
    reservation
}

#[test]
fn what_comes_of_a_command_depends_on_the_state() {
    // What a reservation in this state is after it was confirmed, rejected, marked as cancelled; none: a contradiction.
    let rules = [
        (
            State::Pending,
            [Some(State::Confirmed), Some(State::Rejected), None],
        ),
        (State::Confirmed, [Some(State::Confirmed), None, None]),
        (State::Rejected, [None, Some(State::Rejected), None]),
        (
            State::Cancelling,
            [Some(State::Cancelling), None, Some(State::Cancelled)],
        ),
        (
            State::Cancelled,
            [Some(State::Cancelled), None, Some(State::Cancelled)],
        ),
    ];
    for (state, rules) in rules {
        for (command, rule) in rules.into_iter().enumerate() {
            let before = standing(state);
            let mut after = before.clone();
            let moves = match command {
                0 => after.confirm(noon(), SagaId::new()),
                1 => after.reject(&no(), noon()),
                _ => after.mark_cancelled(noon()),
            };
            match (moves, rule) {
                (Ok(moves), Some(to)) if to == state => {
                    assert_eq!(
                        (&after, moves),
                        (&before, Moves::default()),
                        "nobody is told twice"
                    );
                }
                (Ok(moves), Some(to)) => {
                    assert_eq!((after.state, after.version), (to, before.version + 1));
                    let line = &moves.history[0];
                    assert_eq!(
                        (line.from, line.to, line.version),
                        (Some(state), to, after.version)
                    );
                    assert_eq!((moves.history.len(), moves.facts.len()), (1, 1));
                }
                (Err(error), None) => {
                    assert_eq!(after, before);
                    let said = error.to_string();
                    assert!(
                        said.starts_with(&format!("a reservation that is {}", state.as_str())),
                        "{said}"
                    );
                }
                (moves, rule) => panic!("{state:?}, command {command}: {moves:?} and not {rule:?}"),
            }
        }
    }
}

#[test]
fn what_comes_of_a_wish_to_cancel_depends_on_the_state() {
    for state in STATES {
        let before = standing(state);
        let mut after = before.clone();
        let cancelling = after.cancel(noon(), SagaId::new());
        let (wanted, changes) = match state {
            State::Pending => (Cancelling::Noted, true),
            State::Confirmed => {
                assert!(matches!(cancelling, Cancelling::Started(_)), "{cancelling:?}");
                continue;
            }
            State::Rejected => (Cancelling::NotCancellable, false),
            State::Cancelling | State::Cancelled => (Cancelling::Already, false),
        };
        assert_eq!((cancelling, after != before), (wanted, changes), "{state:?}");
    }
}

#[test]
fn what_a_cancellation_costs_now_or_did_depends_on_the_state() {
    let told = |reservation: &Reservation, now| {
        let told = reservation.cancellation(at(now));
        let penalty = (told.penalty.amount(), told.refund.amount());
        (
            told.as_of.to_string(),
            penalty,
            told.nights.len(),
            told.cancellable,
        )
    };
    let answer = |as_of: &str, penalty: &str, refund: &str, nights, cancellable| {
        let money = (penalty.to_owned(), refund.to_owned());
        (as_of.to_owned(), money, nights, cancellable)
    };
    // Asked at noon of 2127-03-01, when it was free; no longer from 2127-03-04 on.
    let kept = answer("2127-03-01", "0.00", "636.00", 3, false);
    for state in STATES {
        let wanted = match state {
            State::Pending | State::Confirmed => answer("2127-03-05", "636.00", "0.00", 3, true),
            State::Rejected => answer("2127-03-05", "0.00", "0.00", 0, false),
            State::Cancelling | State::Cancelled => kept.clone(),
        };
        assert_eq!(
            told(&standing(state), "2127-03-05T09:00:00Z"),
            wanted,
            "{state:?}"
        );
    }
    let mut noted = pending();
    noted.cancel(noon(), SagaId::new());
    assert_eq!(told(&noted, "2127-03-05T09:00:00Z"), kept);
    // The last night has begun, and then it is over.
    let confirmed = standing(State::Confirmed);
    let last = answer("2127-03-12", "636.00", "0.00", 3, true);
    assert_eq!(told(&confirmed, "2127-03-12T09:00:00Z"), last);
    let over = answer("2127-03-13", "636.00", "0.00", 3, false);
    assert_eq!(told(&confirmed, "2127-03-13T09:00:00Z"), over);
}

#[test]
fn the_saga_that_cancels_is_told_who_gets_what() {
    let mut reservation = standing(State::Confirmed);
    let (saga_id, now) = (SagaId::new(), at("2127-03-05T09:00:00Z"));
    let Cancelling::Started(moves) = reservation.cancel(now, saga_id) else {
        panic!("it is cancelled at once");
    };
    let cost = reservation.cost.unwrap();
    assert_eq!(cost.penalty.plus(cost.refund).unwrap(), reservation.terms.total);
    let (under, data) = moves.cancellation.unwrap();
    assert_eq!(
        (under, reservation.cancellation_saga_id),
        (saga_id, Some(saga_id))
    );
    assert_eq!((data.penalty, data.refund), (cost.penalty, cost.refund));
    assert_eq!(
        (data.hotel_id, data.reservation_id),
        (reservation.hotel_id, reservation.reservation_id)
    );
    assert_eq!(reservation.cancel_requested_at, Some(now));
    assert_eq!(moves.history[0].reason.as_deref(), Some("guest"));
    assert!(moves.facts.is_empty(), "it is not cancelled yet");

    let moves = reservation.mark_cancelled(now).unwrap();
    let [fact] = &moves.facts[..] else {
        panic!("{moves:?}")
    };
    assert_eq!(fact.name(), "reservation.cancelled");
    let told = serde_json::to_string(fact).unwrap();
    let penalty = serde_json::to_string(&cost.penalty).unwrap();
    assert!(told.contains(&penalty), "{told}");
}

#[test]
fn a_rejection_is_kept_and_told_with_its_reason() {
    let mut reservation = pending();
    let moves = reservation.reject(&no(), noon()).unwrap();
    assert_eq!(moves.facts, [ReservationFact::Rejected(no())]);
    assert_eq!(moves.history[0].reason.as_deref(), Some("hold_released"));
    assert_eq!(reservation.refusal, Some(no()));
    assert!(moves.cancellation.is_none());
    // What the guest wanted to cancel meanwhile is no more to be cancelled than anything else that was rejected.
    let mut noted = pending();
    assert_eq!(noted.cancel(noon(), SagaId::new()), Cancelling::Noted);
    let moves = noted.reject(&no(), noon()).unwrap();
    assert!(moves.cancellation.is_none());
    assert_eq!(noted.cancel(noon(), SagaId::new()), Cancelling::NotCancellable);
}

#[test]
fn a_confirmation_is_told_once_also_when_it_is_cancelled_at_once() {
    let saga_id = SagaId::new();
    let mut reservation = pending();
    reservation.cancel(noon(), SagaId::new());
    let moves = reservation.confirm(noon(), saga_id).unwrap();
    assert_eq!(moves.facts, [ReservationFact::Confirmed]);
    assert_eq!(moves.history.len(), 2);
    assert_eq!(moves.cancellation.map(|(under, _)| under), Some(saga_id));
    assert_eq!(reservation.state, State::Cancelling);
}

#[test]
fn a_history_never_goes_back_in_time() {
    let mut reservation = standing(State::Confirmed);
    let changed = reservation.updated_at;
    let Cancelling::Started(moves) = reservation.cancel(at("2127-02-01T00:00:00Z"), SagaId::new()) else {
        panic!("it is cancelled at once");
    };
    assert_eq!(
        moves.history[0].at, changed,
        "whoever waited for the row began earlier"
    );
    assert_eq!(reservation.updated_at, changed);
    let beginning = pending().beginning();
    assert_eq!(
        (beginning.version, beginning.from, beginning.to),
        (1, None, State::Pending)
    );
}

#[test]
fn a_fact_says_what_it_is_about() {
    let reservation = standing(State::Confirmed);
    let event = reservation.event(ReservationFact::Confirmed, noon());
    assert_eq!(event.reservation_id, reservation.reservation_id);
    assert_eq!(
        (event.hotel_id, event.room_type_id),
        (reservation.hotel_id, Some(reservation.room_type_id))
    );
    assert_eq!(
        (event.guest_id, event.rooms),
        (reservation.guest_id, reservation.rooms)
    );
    assert_eq!(
        (event.stay, event.total, event.at),
        (reservation.terms.stay, reservation.terms.total, noon())
    );
}

#[test]
fn a_state_is_kept_as_a_word() {
    for state in STATES {
        assert_eq!(state.as_str().parse::<State>(), Ok(state));
    }
    assert!("asleep".parse::<State>().is_err());
}
