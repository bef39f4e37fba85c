//! Whatever is asked in whatever order, a reservation walks only the legal ways.

use chrono::TimeDelta;
use contract::Why;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, pending};

#[derive(Debug, Clone)]
enum Ask {
    Confirm,
    Reject,
    MarkCancelled,
    Cancel,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop::sample::select(vec![Ask::Confirm, Ask::Reject, Ask::MarkCancelled, Ask::Cancel]);
    prop::collection::vec(ask, 0..12)
}

const LEGAL: [(State, State); 4] = [
    (State::Pending, State::Confirmed),
    (State::Pending, State::Rejected),
    (State::Confirmed, State::Cancelling),
    (State::Cancelling, State::Cancelled),
];

proptest! {
    #[test]
    fn only_legal_ways_are_walked(asks in asks()) {
        let mut reservation = pending();
        let mut history = vec![reservation.beginning()];
        let mut cancellations = 0;
        for (minute, ask) in asks.into_iter().enumerate() {
            let now = at("2127-03-01T12:00:00Z") + TimeDelta::minutes(i64::try_from(minute).unwrap());
            let before = reservation.clone();
            let refusal = Why::HoldReleased.into();
            let moves = match ask {
                Ask::Confirm => reservation.confirm(now, SagaId::new()),
                Ask::Reject => reservation.reject(&refusal, now),
                Ask::MarkCancelled => reservation.mark_cancelled(now),
                Ask::Cancel => Ok(match reservation.cancel(now, SagaId::new()) {
                    Cancelling::Started(moves) => moves,
                    _ => Moves::default(),
                }),
            };
            if let Ok(moves) = moves {
                cancellations += usize::from(moves.cancellation.is_some());
                history.extend(moves.history);
            } else {
                prop_assert_eq!(&before, &reservation);
            }
            let moved = before.state != reservation.state;
            prop_assert_eq!(before.state.rank() < reservation.state.rank(), moved);
        }
        for (line, pair) in history.windows(2).enumerate() {
            prop_assert_eq!(pair[1].version, pair[0].version + 1, "line {}", line);
            prop_assert_eq!(Some(pair[0].to), pair[1].from);
            prop_assert!(LEGAL.contains(&(pair[0].to, pair[1].to)));
        }
        prop_assert_eq!(history.last().unwrap().version, reservation.version);
        prop_assert_eq!(history.last().unwrap().to, reservation.state);
        prop_assert!(cancellations <= 1);
        let gone = matches!(reservation.state, State::Cancelling | State::Cancelled);
        prop_assert_eq!(reservation.cost.is_some(), gone);
        prop_assert_eq!(cancellations == 1, gone);
    }
}

#[test]
fn a_cancellation_during_the_booking_costs_what_it_cost_when_asked() {
    // Free until 2127-03-03 at the hotel; asked on that day, confirmed on the next.
    let mut reservation = pending();
    let saga = SagaId::new();
    assert_eq!(
        reservation.cancel(at("2127-03-03T22:00:00Z"), saga),
        Cancelling::Noted
    );
    assert_eq!(
        reservation.cancel(at("2127-03-05T22:00:00Z"), saga),
        Cancelling::Already
    );
    let moves = reservation.confirm(at("2127-03-04T09:00:00Z"), saga).unwrap();
    let ways: Vec<_> = moves.history.iter().map(|line| (line.version, line.to)).collect();
    assert_eq!(ways, [(2, State::Confirmed), (3, State::Cancelling)]);
    let (_, cancellation) = moves.cancellation.unwrap();
    assert_eq!(cancellation.refund, reservation.terms.total);
}

#[test]
fn what_is_over_or_refused_is_not_cancelled() {
    let mut reservation = pending();
    assert_eq!(
        reservation.cancel(at("2127-03-13T00:00:00Z"), SagaId::new()),
        Cancelling::StayOver
    );
    reservation
        .reject(&Why::HoldReleased.into(), at("2127-03-01T00:00:00Z"))
        .unwrap();
    assert_eq!(
        reservation.cancel(at("2127-03-01T00:00:00Z"), SagaId::new()),
        Cancelling::NotCancellable
    );
}
