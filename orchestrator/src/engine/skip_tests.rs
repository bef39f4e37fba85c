//! `skip`: what somebody did outside counts as done, is owed until the books agree, and is undone like anything else.

use contract::Outcome;

use super::*;
use crate::engine::example::{Example, act, back, no, spoken};
use crate::engine::{Moves, saga, undo};

fn owed(moves: &Moves) -> Vec<(&'static str, Sureness)> {
    moves.owed.iter().map(|owed| (owed.step, owed.is)).collect()
}

#[test]
fn a_step_before_the_pivot_is_done_with_it_and_undone_with_the_rest() {
    let mut example = Example::waiting_for("b");
    let moves = example.say(Verb::Skip);
    assert_eq!(Example::sent(&moves), [("c", false, 1, 1)]);
    assert_eq!(owed(&moves), [("b", Sureness::MaybeDone)], "it is on its way");
    assert_eq!(moves.owed[0].evidence, spoken(Verb::Skip).evidence);
    let said = moves.lines[0].verb.as_ref().unwrap();
    assert_eq!(said.result, spoken(Verb::Skip).result);
    // Its late reply counts for nothing.
    let mut late = example.run.clone();
    for outcome in [Outcome::Done, no()] {
        let reply = contract::Reply {
            saga_id: contract::SagaId::new(),
            step: "b".to_owned(),
            undo: false,
            round: 1,
            attempt: 1,
            outcome,
        };
        let input = crate::engine::Input::Reply(&reply);
        let pace = crate::engine::example::PACE;
        let moves = crate::engine::advance(&example.saga, &example.ids, &mut late, &input, example.now, pace);
        assert_eq!(moves, Moves::default());
    }
    assert_eq!(Example::sent(&example.hear(1, no())), [("b", true, 1, 1)]);
}

#[test]
fn a_step_after_the_pivot_is_done_with_it_also_when_it_was_refused() {
    let mut sent = Example::waiting_for("d");
    assert_eq!(owed(&sent.say(Verb::Skip)), [("d", Sureness::MaybeDone)]);
    assert_eq!(sent.run.state, State::Completed);

    let mut stuck = Example::refused_at("d");
    assert_eq!(stuck.run.state, State::Stuck);
    let moves = stuck.say(Verb::Skip);
    assert_eq!(
        (owed(&moves), moves.commands),
        (vec![("d", Sureness::NotDone)], vec![])
    );
    assert_eq!((stuck.run.state, stuck.run.reason), (State::Completed, None));

    // Of two sendings one was refused, and the other may have been done.
    let mut twice = Example::waiting_for("d");
    twice.say(Verb::Retry);
    twice.hear(1, no());
    assert_eq!(owed(&twice.say(Verb::Skip)), [("d", Sureness::MaybeDone)]);
    assert_eq!(twice.run.state, State::Completed);

    let mut anew = Example::refused_at("d");
    anew.say(Verb::Retry);
    anew.hear(2, no());
    anew.say(Verb::Skip);
    assert_eq!(anew.run.state, State::Completed);
}

#[test]
fn what_is_skipped_in_a_paused_run_was_never_sent_and_what_follows_waits() {
    let mut example = Example::waiting_for("a");
    example.say(Verb::Pause);
    example.done();
    assert_eq!((example.at(), example.run.waiting), (("b", false), None));
    let moves = example.say(Verb::Skip);
    assert_eq!(
        (owed(&moves), moves.commands),
        (vec![("b", Sureness::NotDone)], vec![])
    );
    // The pivot is what is next, and is not skipped though it was not sent.
    assert_eq!(example.say(Verb::Skip).refused, Some(Rule::SkipOfPivot));
    assert_eq!(Example::sent(&example.say(Verb::Resume)), [("c", false, 1, 1)]);
}

#[test]
fn what_is_not_marked_the_pivot_and_an_undo_are_not_skipped() {
    let rule = |mut example: Example| {
        let before = example.run.clone();
        let rule = example.say(Verb::Skip).refused;
        assert_eq!(example.run, before);
        rule.unwrap()
    };
    assert_eq!(rule(Example::waiting_for("a")), Rule::SkipOfUnmarked);
    assert_eq!(rule(Example::waiting_for("c")), Rule::SkipOfPivot);
    assert_eq!(rule(Example::refused_at("b")), Rule::SkipOfUndo);
    assert_eq!(rule(Example::stuck_undoing_b()), Rule::SkipOfUndo);
    let for_good = saga("example", "An example.")
        .opened_for_good("open", "it is done")
        .pivot("c", act)
        .build();
    let mut stuck = Example::of(for_good);
    stuck.hear(1, no());
    assert_eq!(stuck.run.state, State::Stuck);
    assert_eq!(rule(stuck), Rule::SkipOfPivot);
}

#[test]
fn what_was_skipped_is_owed_again_by_whoever_abandons_the_run() {
    let mut example = Example::waiting_for("b");
    example.say(Verb::Skip);
    assert!(owed(&example.say(Verb::Abandon)).contains(&("b", Sureness::Done)));
}

#[test]
#[should_panic(expected = "is never skipped")]
fn the_pivot_cannot_be_declared_to_be_skipped() {
    let opened = saga("example", "An example.").opened_by("open", "it is done", undo(back));
    opened.pivot("c", act).may_be_skipped("it cannot be");
}

#[test]
#[should_panic(expected = "is never skipped")]
fn an_opening_cannot_be_declared_to_be_skipped() {
    let opened = saga("example", "An example.").opened_by("open", "it is done", undo(back));
    opened.may_be_skipped("it cannot be");
}
