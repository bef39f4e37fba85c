//! Whom a run believes that says to be too late: nobody while it waits.

use chrono::TimeDelta;
use contract::{Outcome, Why};

use super::*;
use crate::engine::example::Example;
use crate::engine::{State, Verb};

fn too_late() -> Outcome {
    Outcome::Refused(Why::TooLate.into())
}

#[test]
fn a_participant_that_was_too_late_is_believed_only_where_nobody_waits() {
    let mut example = Example::waiting_for("b");
    example.now += TimeDelta::seconds(58);
    assert_eq!(example.hear(1, too_late()), Moves::default(), "it waits");
    let moves = example.hear(1, too_late());
    assert_eq!(moves.lines[0].what, What::GivenUp);
    assert_eq!(
        Example::sent(&moves),
        [("b", true, 1, 1)],
        "undone, as whatever is given up"
    );
    let reason = |example: &mut Example| {
        while example.run.state == State::Compensating {
            example.done();
        }
        example.run.reason.clone().unwrap()
    };
    assert!(reason(&mut example).starts_with("timed_out"), "as the step says");
    // A step that nobody gives up has no deadline, so nobody is too late for it.
    for step in ["c", "d"] {
        let mut example = Example::waiting_for(step);
        example.now += TimeDelta::days(1);
        assert_eq!(example.hear(1, too_late()), Moves::default());
    }
}

#[test]
fn nobody_is_too_late_for_a_paused_run_and_what_is_resumed_is_asked_for_anew() {
    let mut example = Example::waiting_for("a");
    example.say(Verb::Pause);
    example.now += TimeDelta::hours(1);
    assert_eq!(example.hear(1, too_late()), Moves::default());
    example.say(Verb::Resume);
    assert_eq!(example.hear(1, too_late()), Moves::default());
    let moves = example.pass(5);
    assert_eq!(Example::sent(&moves), [("a", false, 1, 2)]);
    assert_eq!(Example::sent(&example.done()), [("b", false, 1, 1)]);
}
