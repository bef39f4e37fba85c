//! What a run owes, and how it is settled once the run is over. In the example every step is about one thing.

use contract::Outcome;

use super::*;
use crate::engine::example::{Example, PACE, act, no};
use crate::engine::replay::replay;
use crate::engine::{Moves, Sent, State, saga};

fn abandoned(mut example: Example) -> Example {
    example.say(Verb::Abandon);
    assert_eq!(example.run.state, State::Abandoned);
    example
}

/// Says that what is owed because of this step is to be settled, and answers what is sent.
fn settle(example: &mut Example, step: &str) -> Sent {
    let moves = example.say_of(Verb::Settle, step);
    assert_eq!(moves.refused, None);
    assert_eq!((moves.settled, example.run.state), (None, State::Abandoned));
    moves.commands.into_iter().next().unwrap()
}

fn steps(moves: &Moves) -> Vec<&'static str> {
    moves
        .settled
        .as_ref()
        .map_or_else(Vec::new, |settled| settled.steps.clone())
}

#[test]
fn what_can_be_undone_is_given_back_by_the_first_undo_of_that_thing() {
    let mut example = abandoned(Example::waiting_for("b"));
    let sent = settle(&mut example, "b");
    assert_eq!(
        (sent.step, sent.undo, sent.round, sent.sending),
        ("open", true, 2, 1)
    );
    assert_eq!(
        example.pass(3_600),
        Moves::default(),
        "nobody sends it again by himself"
    );
    let moves = example.answer(&sent, Outcome::Done);
    assert_eq!(steps(&moves), ["open", "a", "b"]);
    assert!(moves.settled.unwrap().answer.is_some());
    assert_eq!(example.run.state, State::Abandoned);
    for step in ["open", "a", "b"] {
        assert_eq!(
            example.say_of(Verb::Settle, step).refused,
            Some(Rule::NothingOwed)
        );
    }
    assert_eq!(example.answer(&sent, Outcome::Done), Moves::default(), "a repeat");
}

#[test]
fn what_was_promised_is_done_and_asked_for_anew_when_it_is_refused() {
    let mut example = abandoned(Example::refused_at("d"));
    let first = settle(&mut example, "open");
    assert_eq!((first.step, first.undo, first.round), ("d", false, 2));
    let moves = example.answer(&first, no());
    assert_eq!((moves.lines.len(), moves.settled), (1, None), "it is still owed");
    let (second, third) = (settle(&mut example, "d"), settle(&mut example, "a"));
    assert_eq!((second.round, third.round), (3, 4));
    let older = example.answer(&second, Outcome::Done);
    assert_eq!(steps(&older), ["open", "a", "b", "c", "d"]);
    let newer = example.answer(&third, Outcome::Done);
    assert_eq!(
        (newer.lines.len(), steps(&newer)),
        (1, vec![]),
        "nothing is left to settle"
    );
}

#[test]
fn what_opened_a_saga_for_good_is_over_with_its_last_step() {
    let declared = saga("example", "An example.")
        .opened_for_good("open", "it is done")
        .pivot("c", act)
        .then("d", act)
        .build();
    let mut example = abandoned(Example::of(declared));
    let sent = settle(&mut example, "open");
    assert_eq!((sent.step, sent.undo), ("d", false));
}

#[test]
fn what_was_settled_by_hand_is_owed_no_more_and_nothing_is_sent() {
    let mut example = abandoned(Example::waiting_for("c"));
    let moves = example.say_of(Verb::SettledByHand, "a");
    assert_eq!(moves.commands, []);
    assert_eq!(steps(&moves), ["open", "a", "b", "c"]);
    assert!(moves.settled.unwrap().evidence.is_some());
    let again = example.say_of(Verb::SettledByHand, "a");
    assert_eq!(again.refused, Some(Rule::NothingOwed));
}

#[test]
fn what_was_skipped_is_settled_by_hand_alone_so_that_it_is_not_done_twice() {
    let mut example = Example::waiting_for("d");
    example.say(Verb::Skip);
    assert_eq!(example.run.state, State::Completed);
    assert_eq!(
        example.say_of(Verb::Settle, "d").refused,
        Some(Rule::SettledOnlyByHand)
    );
    assert_eq!(steps(&example.say_of(Verb::SettledByHand, "d")), ["d"]);
    assert_eq!(
        example.say_of(Verb::SettledByHand, "d").refused,
        Some(Rule::NothingOwed)
    );
}

#[test]
fn nothing_is_settled_while_a_run_goes_on_and_then_its_end_stays() {
    let mut example = Example::stuck_undoing_b();
    example.say(Verb::UndoneByHand);
    assert_eq!(
        example.say_of(Verb::Settle, "b").refused,
        Some(Rule::SettledBeforeEnd)
    );
    example.done();
    example.done();
    assert_eq!(example.run.state, State::Compensated);
    let moves = example.say_of(Verb::Settle, "b");
    assert_eq!(Example::sent(&moves), [("open", true, 2, 1)]);
    let before = example.run.clone();
    let refused = example.answer(&moves.commands[0], no());
    assert_eq!(refused.settled, None);
    assert_eq!(
        (example.run.state, &example.run.log),
        (State::Compensated, &before.log)
    );
    assert_eq!(
        example.say_of(Verb::Settle, "a").refused,
        Some(Rule::NothingOwed),
        "that was undone"
    );
}

#[test]
fn each_line_of_a_journal_names_its_own_command() {
    let mut example = abandoned(Example::waiting_for("b"));
    let one = settle(&mut example, "b");
    let other = settle(&mut example, "a");
    example.answer(&one, no());
    example.answer(&other, Outcome::Done);
    let (_, about) = replay(&example.saga, &example.ids, &example.journal, PACE);
    let about: Vec<_> = about
        .iter()
        .map(|command| command.as_ref().map(Command::name))
        .collect();
    // Opened; "a" is done; abandoned while "b" is on its way; what settles, twice; their answers.
    let [does, undoes] = [Some("Confirm"), Some("MarkCancelled")];
    assert_eq!(about, [None, does, does, undoes, undoes, undoes, undoes]);
}
