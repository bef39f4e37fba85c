//! Verbs: the table of what is forbidden, what each makes of a run, and what is owed.

use chrono::TimeDelta;
use contract::Outcome;

use super::*;
use crate::engine::example::{Example, PACE, act, no, spoken};
use crate::engine::{Moves, preview, saga};

/// How a run is made, and which rule is in the way of each verb.
type Row = (fn() -> Example, [Option<Rule>; 8]);

#[test]
fn the_table_says_what_each_verb_may_do_where() {
    let ended = || {
        let mut example = Example::waiting_for("d");
        example.done();
        example
    };
    let no_undo = Some(Rule::ByHandOfNoUndo);
    let rows: [Row; 7] = [
        (
            || Example::waiting_for("b"),
            [None, None, None, None, None, no_undo, None, None],
        ),
        (
            || Example::waiting_for("c"),
            [
                None,
                None,
                None,
                Some(Rule::CancelDuringPivot),
                None,
                no_undo,
                Some(Rule::BackDuringPivot),
                Some(Rule::SkipOfPivot),
            ],
        ),
        (
            || Example::waiting_for("d"),
            [
                None,
                None,
                None,
                Some(Rule::CancelAfterPivot),
                None,
                no_undo,
                Some(Rule::BackAfterPivot),
                None,
            ],
        ),
        (
            || Example::refused_at("b"),
            [
                None,
                None,
                None,
                None,
                None,
                Some(Rule::ByHandTooEarly),
                Some(Rule::BackToWhatDoesNotStand),
                Some(Rule::SkipOfUndo),
            ],
        ),
        (
            || Example::refused_at("d"),
            [
                None,
                Some(Rule::PauseOfStuck),
                Some(Rule::ResumeOfStuck),
                Some(Rule::CancelOfStuck),
                None,
                no_undo,
                Some(Rule::BackOfStuck),
                None,
            ],
        ),
        (
            Example::stuck_undoing_b,
            [
                None,
                Some(Rule::PauseOfStuck),
                Some(Rule::ResumeOfStuck),
                Some(Rule::CancelOfStuck),
                None,
                None,
                Some(Rule::BackOfStuck),
                Some(Rule::SkipOfUndo),
            ],
        ),
        (ended, [Some(Rule::Ended); 8]),
    ];
    for (made, wanted) in rows {
        for (verb, rule) in Verb::ALL.into_iter().zip(wanted) {
            let mut example = made();
            let before = example.run.clone();
            let moves = example.say(verb);
            assert_eq!(moves.refused, rule, "{verb:?} of {before:?}");
            assert!(rule.is_none() || before == example.run);
        }
        let is_over = made().run.state.is_over();
        let rule = if is_over {
            Rule::NothingOwed
        } else {
            Rule::SettledBeforeEnd
        };
        for verb in [Verb::Settle, Verb::SettledByHand] {
            assert_eq!(made().say(verb).refused, Some(rule), "{verb:?}");
        }
    }
}

#[test]
fn retry_sends_the_same_once_more_and_its_waits_go_on() {
    let mut example = Example::waiting_for("b");
    let since = example.run.waiting.unwrap().since;
    example.now += TimeDelta::seconds(3);
    assert_eq!(Example::sent(&example.say(Verb::Retry)), [("b", false, 1, 2)]);
    let waiting = example.run.waiting.unwrap();
    assert_eq!((waiting.since, waiting.sendings), (since, 2));
    assert_eq!(waiting.due, example.now + TimeDelta::seconds(10));
    // A refusal may now be that of one of two, so the step is undone too.
    example.hear(1, no());
    assert_eq!(example.at(), ("b", true));
}

#[test]
fn retry_of_what_was_refused_asks_in_the_next_round() {
    let mut example = Example::refused_at("d");
    assert_eq!(example.run.state, State::Stuck);
    assert_eq!(Example::sent(&example.say(Verb::Retry)), [("d", false, 2, 1)]);
    assert_eq!((example.run.state, example.run.round), (State::Running, 2));
    assert_eq!(example.run.reason, None);
    assert_eq!(
        example.hear(1, Outcome::Done),
        Moves::default(),
        "an older round is not believed"
    );
    example.hear(2, no());
    assert_eq!(example.run.state, State::Stuck);
    assert_eq!(Example::sent(&example.say(Verb::Retry)), [("d", false, 3, 1)]);
    example.done();
    assert_eq!(example.run.state, State::Completed);
}

#[test]
fn retry_of_a_refused_undo_goes_on_undoing_and_forgets_nothing() {
    let mut example = Example::stuck_undoing_b();
    assert_eq!(Example::sent(&example.say(Verb::Retry)), [("b", true, 2, 1)]);
    assert_eq!(Example::sent(&example.done()), [("a", true, 2, 1)]);
    assert_eq!(Example::sent(&example.done()), [("open", true, 2, 1)]);
    example.done();
    assert_eq!(example.run.state, State::Compensated);
}

#[test]
fn a_pause_writes_replies_and_sends_nothing() {
    let mut example = Example::waiting_for("a");
    example.say(Verb::Pause);
    assert_eq!(example.run.due(), None);
    assert_eq!(example.pass(3_600), Moves::default(), "no time runs out");
    assert_eq!(example.say(Verb::Retry).refused, Some(Rule::RetryWhilePaused));
    assert_eq!(example.say(Verb::Pause), Moves::default(), "it is paused already");
    let moves = example.done();
    assert_eq!((moves.lines.len(), moves.commands.len()), (1, 0));
    assert_eq!((example.at(), example.run.waiting), (("b", false), None));
    example.now += TimeDelta::seconds(60);
    assert_eq!(Example::sent(&example.say(Verb::Resume)), [("b", false, 1, 1)]);
    assert_eq!(example.run.waiting.unwrap().since, example.now);
    assert_eq!(example.say(Verb::Resume), Moves::default(), "it is not paused");
}

#[test]
fn a_pause_ends_with_the_run_and_where_it_is_stuck() {
    let mut example = Example::waiting_for("d");
    example.say(Verb::Pause);
    example.hear(1, no());
    assert_eq!((example.run.state, example.run.paused), (State::Stuck, None));
    assert_eq!(Example::sent(&example.say(Verb::Retry)), [("d", false, 2, 1)]);
    example.say(Verb::Pause);
    example.done();
    assert_eq!((example.run.state, example.run.paused), (State::Completed, None));
}

#[test]
fn no_step_is_given_up_because_of_a_pause() {
    let mut example = Example::waiting_for("a");
    let due = example.run.waiting.unwrap().due;
    let until = example.run.waiting.unwrap().gives_up_at(Some(1), PACE).unwrap();
    example.now += TimeDelta::seconds(2);
    example.say(Verb::Pause);
    example.now += TimeDelta::seconds(600);
    assert_eq!(Example::sent(&example.say(Verb::Resume)), [], "it is on its way");
    let waiting = example.run.waiting.unwrap();
    assert_eq!(waiting.due, due + TimeDelta::seconds(600));
    assert_eq!(
        waiting.gives_up_at(Some(1), PACE),
        Some(until + TimeDelta::seconds(600))
    );
    // Also when it was sent again since.
    let moves = example.pass(3);
    assert_eq!(Example::sent(&moves), [("a", false, 1, 2)]);
    let waiting = example.run.waiting.unwrap();
    assert_eq!(
        waiting.gives_up_at(Some(1), PACE),
        Some(until + TimeDelta::seconds(600))
    );
}

#[test]
fn cancel_undoes_what_is_on_its_way_and_all_before() {
    let mut example = Example::waiting_for("b");
    assert_eq!(Example::sent(&example.say(Verb::Cancel)), [("b", true, 1, 1)]);
    assert_eq!(
        example.say(Verb::Cancel),
        Moves::default(),
        "it is being undone already"
    );
    for step in ["b", "a", "open"] {
        assert_eq!(example.at(), (step, true));
        example.done();
    }
    assert_eq!(example.run.state, State::Compensated);
    let reason = example.run.reason.unwrap();
    assert!(reason.starts_with("cancelled_by_operator"), "{reason}");
}

#[test]
fn cancel_of_a_paused_run_lifts_the_pause_and_leaves_out_what_was_not_sent() {
    for (step, first) in [("a", "a"), ("b", "b")] {
        let mut example = Example::waiting_for(step);
        example.say(Verb::Pause);
        example.done();
        // What is held back was never sent. Also the pivot, which then moves no money.
        assert_eq!(Example::sent(&example.say(Verb::Cancel)), [(first, true, 1, 1)]);
        assert_eq!(example.run.paused, None);
    }
}

#[test]
fn an_abandoned_run_sends_nothing_more_and_forgets_nothing() {
    use Sureness::{Done, MaybeDone, NotDone};
    let owes = |example: &mut Example| {
        let moves = example.say(Verb::Abandon);
        assert_eq!(moves.commands, []);
        assert_eq!((example.run.state, example.run.waiting), (State::Abandoned, None));
        assert_eq!(example.pass(3_600), Moves::default());
        assert_eq!(example.say(Verb::Retry).refused, Some(Rule::Ended));
        let owed = moves.owed.into_iter();
        owed.map(|owed| (owed.step, owed.is)).collect::<Vec<_>>()
    };
    assert_eq!(
        owes(&mut Example::waiting_for("b")),
        [("open", Done), ("a", Done), ("b", MaybeDone)]
    );
    let mut undoing = Example::refused_at("b");
    assert_eq!(undoing.at(), ("a", true));
    assert_eq!(owes(&mut undoing), [("open", Done), ("a", MaybeDone)]);
    let mut undone = Example::refused_at("c");
    undone.done();
    assert_eq!(owes(&mut undone), [("open", Done), ("a", MaybeDone)]);
    assert_eq!(
        owes(&mut Example::stuck_undoing_b()),
        [("open", Done), ("a", Done), ("b", Done)]
    );
    assert_eq!(
        owes(&mut Example::refused_at("d")),
        [
            ("open", Done),
            ("a", Done),
            ("b", Done),
            ("c", Done),
            ("d", NotDone)
        ]
    );
}

#[test]
fn a_saga_that_was_opened_for_good_owes_what_it_promised_and_is_not_cancelled() {
    let declared = || {
        saga("example", "An example.")
            .opened_for_good("open", "it is done")
            .pivot("c", act)
            .then("d", act)
            .build()
    };
    let mut example = Example::of(declared());
    assert_eq!(
        example.say(Verb::Cancel).refused,
        Some(Rule::CancelOfOpenedForGood)
    );
    let owed = example.say(Verb::Abandon).owed;
    let owed: Vec<_> = owed.iter().map(|owed| (owed.step, owed.is)).collect();
    assert_eq!(
        owed,
        [
            ("open", Sureness::Done),
            ("c", Sureness::MaybeDone),
            ("d", Sureness::NotDone)
        ]
    );
    let mut stuck = Example::of(declared());
    stuck.hear(1, no());
    assert_eq!(stuck.run.state, State::Stuck);
    assert_eq!(stuck.say(Verb::Cancel).refused, Some(Rule::CancelOfOpenedForGood));
    assert_eq!(Example::sent(&stuck.say(Verb::Retry)), [("c", false, 2, 1)]);
}

#[test]
fn what_was_undone_by_hand_is_owed_until_the_books_agree_and_the_rest_is_undone() {
    let mut stuck = Example::stuck_undoing_b();
    let moves = stuck.say(Verb::UndoneByHand);
    assert_eq!(Example::sent(&moves), [("a", true, 1, 1)]);
    let owed: Vec<_> = moves.owed.iter().map(|owed| (owed.step, owed.is)).collect();
    assert_eq!(owed, [("b", Sureness::MaybeDone)]);
    assert!(moves.owed[0].evidence.is_some());
    stuck.done();
    stuck.done();
    assert_eq!(stuck.run.state, State::Compensated);

    let mut silent = Example::refused_at("b");
    for sending in [2, 3] {
        assert_eq!(silent.say(Verb::UndoneByHand).refused, Some(Rule::ByHandTooEarly));
        let due = silent.run.due().unwrap();
        let moves = silent.pass((due - silent.now).num_seconds());
        assert_eq!(Example::sent(&moves), [("a", true, 1, sending)]);
    }
    silent.say(Verb::Pause);
    assert_eq!(silent.say(Verb::UndoneByHand).commands, []);
    assert_eq!(Example::sent(&silent.say(Verb::Resume)), [("open", true, 1, 1)]);
}

#[test]
fn a_preview_shows_the_way_to_the_end_if_all_goes_well() {
    let show = |example: &Example, verb| {
        let shown = preview(
            &example.saga,
            &example.ids,
            &example.run,
            &spoken(verb),
            example.now,
            PACE,
        );
        let shown = shown.unwrap();
        let later: Vec<_> = shown.later.iter().map(|sent| (sent.step, sent.undo)).collect();
        (later, shown.end)
    };
    let example = Example::waiting_for("b");
    assert_eq!(
        show(&example, Verb::Retry),
        (vec![("c", false), ("d", false)], State::Completed)
    );
    assert_eq!(
        show(&example, Verb::Cancel),
        (vec![("a", true), ("open", true)], State::Compensated)
    );
    assert_eq!(show(&example, Verb::Pause), (vec![], State::Running));
    assert_eq!(show(&example, Verb::Abandon), (vec![], State::Abandoned));
    let stuck = Example::stuck_undoing_b();
    assert_eq!(
        show(&stuck, Verb::Retry),
        (vec![("a", true), ("open", true)], State::Compensated)
    );
}
