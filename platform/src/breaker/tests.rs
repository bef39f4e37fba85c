//! Tests of the breaker: when it opens, whom it lets through, and when it closes.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::machine::{GOOD, IN_A_ROW, Machine, RECENT, RECENT_MIN};
use super::*;

const AWAY: Option<&str> = Some("no answer in time");

/// A breaker that has opened, and when.
fn open() -> (Machine, Instant) {
    let now = Instant::now();
    let mut machine = Machine::new(now);
    for _ in 0..IN_A_ROW {
        assert_eq!(machine.ask(now), Some(false));
        machine.ended(now, false, AWAY);
    }
    assert_eq!(machine.state(), State::Open);
    (machine, now)
}

#[test]
fn failures_in_a_row_open_it_and_an_answer_in_between_does_not() {
    let now = Instant::now();
    let mut machine = Machine::new(now);
    for round in 0..4 {
        // Far enough apart that no two rounds are recent together.
        let now = now + RECENT * round;
        for _ in 1..IN_A_ROW {
            machine.ended(now, false, AWAY);
        }
        machine.ended(now, false, None);
        assert_eq!(machine.state(), State::Closed);
    }
    let (machine, _) = open();
    assert_eq!(
        machine.why(),
        Some("5 calls in a row failed, the last one: no answer in time")
    );
}

#[test]
fn half_of_the_recent_calls_open_it_and_old_ones_do_not_count() {
    let now = Instant::now();
    let mut machine = Machine::new(now);
    let half = |machine: &mut Machine, at: Instant, pairs: u32| {
        for _ in 0..pairs {
            machine.ended(at, false, None);
            machine.ended(at, false, AWAY);
        }
    };
    half(&mut machine, now, RECENT_MIN / 2 - 1);
    assert_eq!(machine.state(), State::Closed, "too few to say anything");
    half(&mut machine, now + RECENT, RECENT_MIN / 2 - 1);
    assert_eq!(machine.state(), State::Closed, "the others are forgotten");
    half(&mut machine, now + RECENT, 1);
    assert_eq!(machine.state(), State::Open);
    assert_eq!(
        machine.why(),
        Some("5 of the last 10 calls failed, the last one: no answer in time")
    );

    let mut mostly_good = Machine::new(now);
    for _ in 0..100 {
        mostly_good.ended(now, false, None);
        mostly_good.ended(now, false, None);
        mostly_good.ended(now, false, AWAY);
    }
    assert_eq!(mostly_good.state(), State::Closed, "a third is not half");
}

#[test]
fn one_at_a_time_is_tried_and_good_ones_close_it() {
    let (mut machine, now) = open();
    assert_eq!(machine.ask(now), None);
    let wait = machine.closed_off_for(now).unwrap();
    let now = now + wait;
    for _ in 0..GOOD {
        assert_eq!(machine.closed_off_for(now), None);
        assert_eq!(machine.ask(now), Some(true));
        assert_eq!(machine.ask(now), None, "another is tried");
        assert!(machine.closed_off_for(now).is_some());
        // Whatever was called before it opened says nothing.
        machine.ended(now, false, AWAY);
        assert_eq!(machine.state(), State::HalfOpen);
        machine.ended(now, true, None);
        machine.probe_is_over(machine.opened());
    }
    assert_eq!((machine.state(), machine.why()), (State::Closed, None));
}

#[test]
fn one_that_fails_opens_it_again_for_longer_and_for_no_longer_than_the_cap() {
    let (mut machine, mut now) = open();
    let since = machine.since();
    for _ in 0..40 {
        let wait = machine.closed_off_for(now).unwrap();
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
        now += wait;
        assert_eq!(machine.ask(now), Some(true));
        machine.ended(now, true, AWAY);
        machine.probe_is_over(machine.opened());
        assert_eq!(machine.state(), State::Open);
    }
    assert!(machine.closed_off_for(now).unwrap() > Duration::from_secs(2));
    assert_eq!(machine.since(), since, "it is away since it went");
}

#[test]
fn a_try_that_ends_without_a_word_lets_the_next_one_through() {
    let clock = Clock::system();
    let breaker = Breaker::new("test", "test", &clock, &Health::default());
    *breaker.machine() = {
        let (machine, now) = open();
        let mut machine = machine;
        let wait = machine.closed_off_for(now).unwrap();
        assert_eq!(machine.ask(now + wait), Some(true));
        machine.probe_is_over(machine.opened());
        machine
    };
    let permit = breaker.permit().unwrap();
    assert!(breaker.permit().is_none());
    drop(permit);
    assert!(breaker.permit().is_some());
}

#[test]
fn people_see_why_and_the_process_limps_but_is_ready() {
    let health = Health::default();
    let breaker = Breaker::new("test", "payment-provider", &Clock::system(), &health);
    assert_eq!(breaker.seen().state, State::Closed);
    assert!(health.limping_parts().is_empty());
    for _ in 0..IN_A_ROW {
        breaker.permit().unwrap().failed("no answer in time");
    }
    assert!(breaker.permit().is_none());
    let seen = breaker.seen();
    assert_eq!((seen.state, seen.held_back), (State::Open, 1));
    assert!(seen.why.unwrap().ends_with("no answer in time"));
    assert!(seen.tries_at.unwrap() > seen.since);
    assert_eq!(health.parts()["payment-provider"], Ok(()));
    assert!(health.limping_parts()["payment-provider"].contains("is left alone"));
}

proptest! {
    #[test]
    fn nobody_calls_while_it_is_open_and_one_at_most_while_it_is_tried(
        events in prop::collection::vec((0_u8..6, 0_u64..4_000), 0..300),
    ) {
        let mut now = Instant::now();
        let mut machine = Machine::new(now);
        // Calls on their way: whether each is one that is tried.
        let mut calls: Vec<bool> = Vec::new();
        for (what, millis) in events {
            match what {
                0 | 1 => {
                    let was_open = machine.state() == State::Open && machine.closed_off_for(now).is_some();
                    let let_through = machine.ask(now);
                    prop_assert!(!was_open || let_through.is_none());
                    prop_assert_eq!(let_through == Some(true), let_through.is_some() && machine.state() == State::HalfOpen);
                    calls.extend(let_through);
                }
                2 | 3 if !calls.is_empty() => {
                    let is_probe = calls.remove(usize::try_from(millis).unwrap() % calls.len());
                    machine.ended(now, is_probe, AWAY.filter(|_| what == 2));
                    if is_probe {
                        machine.probe_is_over(machine.opened());
                    }
                }
                _ => now += Duration::from_millis(millis),
            }
            prop_assert!(calls.iter().filter(|is_probe| **is_probe).count() <= 1);
            prop_assert_eq!(machine.state() == State::Closed, machine.why().is_none());
        }
        // Whatever has gone wrong, what answers is called again.
        for _ in 0..GOOD * 2 {
            now += Duration::from_secs(6);
            machine.probe_is_over(machine.opened());
            if let Some(is_probe) = machine.ask(now) {
                machine.ended(now, is_probe, None);
                if is_probe { machine.probe_is_over(machine.opened()); }
            }
        }
        prop_assert_eq!(machine.state(), State::Closed);
    }
}
