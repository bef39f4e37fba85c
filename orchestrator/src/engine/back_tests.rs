//! Back to a step and forward again: what is undone, in which round, and what is in the way.

use chrono::TimeDelta;
use contract::Outcome;

use super::*;
use crate::engine::example::{Example, act, back, no, spoken};
use crate::engine::{Moves, saga, undo, undone_by};

#[test]
fn what_comes_after_the_step_is_undone_and_then_done_in_the_next_round() {
    let mut example = Example::waiting_for("b");
    assert_eq!(Example::sent(&example.back_to("a")), [("b", true, 1, 1)]);
    assert_eq!((example.run.state, example.run.round), (State::Compensating, 1));
    assert_eq!(Example::sent(&example.done()), [("b", false, 2, 1)]);
    assert_eq!((example.run.state, example.run.round), (State::Running, 2));
    assert_eq!(example.run.reason, None);
    // What was sent in the first round is answered late.
    assert_eq!(example.hear(1, Outcome::Done), Moves::default());
    assert_eq!(Example::sent(&example.done()), [("c", false, 2, 1)]);
    example.done();
    example.done();
    assert_eq!(example.run.state, State::Completed);
}

#[test]
fn the_opening_is_the_furthest_that_a_run_goes_back() {
    let mut example = Example::waiting_for("b");
    assert_eq!(Example::sent(&example.back_to("open")), [("b", true, 1, 1)]);
    assert_eq!(Example::sent(&example.done()), [("a", true, 1, 1)]);
    assert_eq!(Example::sent(&example.done()), [("a", false, 2, 1)]);
    // Again, and refused in that round: what is undone is of that round.
    assert_eq!(Example::sent(&example.back_to("open")), [("a", true, 2, 1)]);
    assert_eq!(Example::sent(&example.done()), [("a", false, 3, 1)]);
    example.done();
    assert_eq!(Example::sent(&example.hear(3, no())), [("a", true, 3, 1)]);
    example.done();
    example.done();
    assert_eq!((example.run.state, example.run.round), (State::Compensated, 3));
}

#[test]
fn a_run_that_is_being_undone_goes_back_to_what_still_stands() {
    let mut example = Example::refused_at("c");
    assert_eq!(example.at(), ("b", true));
    assert_eq!(
        example.back_to("b").refused,
        Some(Rule::BackToWhatDoesNotStand),
        "it is being undone"
    );
    assert_eq!(Example::sent(&example.back_to("a")), [], "the undo is on its way");
    assert_eq!(Example::sent(&example.done()), [("b", false, 2, 1)]);
    example.done();
    assert_eq!(Example::sent(&example.hear(2, no())), [("b", true, 2, 1)]);
    example.done();
    assert_eq!(example.back_to("a").refused, Some(Rule::BackToWhatDoesNotStand));
    assert_eq!(Example::sent(&example.back_to("open")), []);
    assert_eq!(Example::sent(&example.done()), [("a", false, 3, 1)]);
}

#[test]
fn a_paused_run_goes_back_and_on() {
    let mut example = Example::waiting_for("a");
    example.say(Verb::Pause);
    example.done();
    // What is held back was never sent, so nothing has to be undone.
    example.now += TimeDelta::seconds(60);
    assert_eq!(Example::sent(&example.back_to("a")), [("b", false, 2, 1)]);
    assert_eq!(example.run.paused, None);
    assert_eq!(example.run.waiting.unwrap().since, example.now);

    let mut undoing = Example::refused_at("c");
    undoing.say(Verb::Pause);
    undoing.done();
    assert_eq!((undoing.at(), undoing.run.waiting), (("a", true), None));
    assert_eq!(Example::sent(&undoing.back_to("a")), [("b", false, 2, 1)]);

    // Paused on its way back, it turns and sends nothing until somebody resumes it.
    let mut turning = Example::waiting_for("b");
    turning.back_to("a");
    turning.say(Verb::Pause);
    assert_eq!(Example::sent(&turning.done()), []);
    assert_eq!((turning.run.state, turning.run.round), (State::Running, 2));
    assert_eq!(Example::sent(&turning.say(Verb::Resume)), [("b", false, 2, 1)]);
}

#[test]
fn a_run_on_its_way_back_can_be_cancelled_and_got_out_of_being_stuck() {
    let mut cancelled = Example::waiting_for("b");
    cancelled.back_to("a");
    let moves = cancelled.say(Verb::Cancel);
    assert_eq!((moves.lines.len(), moves.commands.len()), (1, 0));
    for step in ["b", "a", "open"] {
        assert_eq!(cancelled.at(), (step, true));
        cancelled.done();
    }
    assert_eq!(cancelled.run.state, State::Compensated);

    let mut stuck = Example::waiting_for("b");
    stuck.back_to("a");
    stuck.hear(1, no());
    assert_eq!((stuck.run.state, stuck.at()), (State::Stuck, ("b", true)));
    let mut by_hand = stuck;
    let mut retried = Example::waiting_for("b");
    retried.back_to("a");
    retried.hear(1, no());
    assert_eq!(Example::sent(&retried.say(Verb::Retry)), [("b", true, 2, 1)]);
    assert_eq!(Example::sent(&retried.done()), [("b", false, 3, 1)]);
    assert_eq!(
        Example::sent(&by_hand.say(Verb::UndoneByHand)),
        [("b", false, 2, 1)]
    );
}

#[test]
fn nothing_is_left_behind_that_only_an_earlier_undo_gives_back() {
    let declared = || {
        saga("example", "An example.")
            .opened_by("open", "it is done", undo(back))
            .step("hold", act, undo(back))
            .step("pay", act, undo(back))
            .step("book", act, undone_by("hold", "the same undo gives both back"))
            .pivot("c", act)
            .build()
    };
    let mut example = Example::of(declared());
    example.done();
    example.done();
    assert_eq!(example.at(), ("book", false));
    for step in ["hold", "pay"] {
        assert_eq!(example.back_to(step).refused, Some(Rule::BackWouldLeaveBehind));
    }
    assert_eq!(Example::sent(&example.back_to("open")), [("pay", true, 1, 1)]);
    // Held back, it was not done, and is not left behind.
    let mut paused = Example::of(declared());
    paused.done();
    paused.say(Verb::Pause);
    paused.done();
    assert_eq!(Example::sent(&paused.back_to("hold")), [("pay", true, 1, 1)]);
    assert_eq!(Example::sent(&paused.done()), [("pay", false, 2, 1)]);
}

#[test]
fn a_run_goes_back_to_a_step_of_its_own_that_is_done_and_undoable() {
    let mut example = Example::waiting_for("b");
    for step in ["b", "c", "d", "nowhere", ""] {
        assert_eq!(
            example.back_to(step).refused,
            Some(Rule::BackToWhatDoesNotStand),
            "{step}"
        );
    }
    let declared = saga("example", "An example.")
        .opened_for_good("open", "it is done")
        .pivot("c", act)
        .build();
    let mut for_good = Example::of(declared);
    assert_eq!(for_good.back_to("open").refused, Some(Rule::BackOfOpenedForGood));
    let said = spoken(Verb::BackTo);
    assert_eq!(said.step.as_deref(), Some("a"));
}
