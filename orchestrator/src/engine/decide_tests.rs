//! The four rules of [`super`], each a test.

use super::*;
use crate::engine::example::{Ids, act, back, ids};
use crate::engine::{Wait, nothing_to_undo, saga, undo};

fn example() -> Saga<Ids> {
    saga("example", "An example.")
        .step("a", act, undo(back))
        .step("b", act, nothing_to_undo("it only looks"))
        .step("c", act, undo(back))
        .pivot("d", act)
        .then("e", act)
        .build()
}

fn next(log: &[Entry]) -> Decision {
    decide(&example(), &ids(), log)
}

fn sends(decision: &Decision) -> Option<(usize, bool)> {
    match decision {
        Decision::Send { step, undo, .. } => Some((*step, *undo)),
        _ => None,
    }
}

fn no() -> Refusal {
    Refusal::stored("no".to_owned(), "No.".to_owned(), None)
}

#[test]
fn rule_1_without_a_refusal_the_first_open_step_is_sent_and_then_it_is_complete() {
    let mut log = Vec::new();
    for step in 0..5 {
        assert_eq!(sends(&next(&log)), Some((step, false)));
        log.push(Entry::Done(step));
    }
    assert_eq!(next(&log), Decision::Completed);
}

#[test]
fn rule_2_a_refused_step_is_not_undone_and_those_before_it_are_newest_first() {
    let mut log = vec![Entry::Done(0), Entry::Done(1), Entry::Refused(2, no())];
    assert_eq!(sends(&next(&log)), Some((0, true)), "b has nothing to undo");
    log.push(Entry::Undone(0));
    assert_eq!(next(&log), Decision::RolledBack { because: no() });
    assert_eq!(
        next(&[Entry::Refused(0, no())]),
        Decision::RolledBack { because: no() }
    );
}

#[test]
fn rule_2_a_step_refused_after_several_sendings_may_still_be_done_and_is_undone_too() {
    let mut log = vec![
        Entry::Done(0),
        Entry::Done(1),
        Entry::RefusedAmongSeveral(2, no()),
    ];
    assert_eq!(sends(&next(&log)), Some((2, true)));
    log.extend([Entry::Undone(2), Entry::Undone(0)]);
    assert_eq!(next(&log), Decision::RolledBack { because: no() });
}

#[test]
fn rule_3_a_step_that_was_given_up_is_undone_with_the_rest() {
    let mut log = vec![Entry::Done(0), Entry::Done(1), Entry::GivenUp(2)];
    assert_eq!(sends(&next(&log)), Some((2, true)));
    log.push(Entry::Undone(2));
    assert_eq!(sends(&next(&log)), Some((0, true)));
    log.push(Entry::Undone(0));
    assert_eq!(
        next(&log),
        Decision::RolledBack {
            because: Wait::USUAL.refusal()
        }
    );
}

#[test]
fn rule_4_nobody_gives_up_at_or_after_the_pivot_and_only_the_pivot_may_be_refused() {
    let before = [0, 1, 2].map(Entry::Done);
    let after = |entries: &[Entry]| next(&[&before, entries].concat());
    assert!(matches!(
        after(&[Entry::GivenUp(3)]),
        Decision::Stuck { step: 3, .. }
    ));
    assert_eq!(sends(&after(&[Entry::Refused(3, no())])), Some((2, true)));
    let late = after(&[Entry::Done(3), Entry::Refused(4, no())]);
    let Decision::Stuck { step: 4, reason } = late else {
        panic!("{late:?}")
    };
    assert_eq!(reason, "e comes after the pivot and was refused: no (No.)");
    assert!(matches!(
        after(&[Entry::Done(3), Entry::GivenUp(4)]),
        Decision::Stuck { step: 4, .. }
    ));
}

#[test]
fn an_undo_that_is_refused_is_for_a_person() {
    let log = [
        Entry::Done(0),
        Entry::Refused(1, no()),
        Entry::UndoRefused(0, no()),
    ];
    assert!(matches!(next(&log), Decision::Stuck { step: 0, .. }));
}

#[test]
fn an_opening_that_is_for_good_makes_a_refusal_a_matter_for_a_person() {
    let saga = saga("for-good", "An example.")
        .opened_for_good("open", "it is locked")
        .pivot("d", act)
        .build();
    let log = [Entry::Done(0), Entry::Refused(1, no())];
    assert!(matches!(
        decide(&saga, &ids(), &log),
        Decision::Stuck { step: 1, .. }
    ));
}

#[test]
#[should_panic(expected = "two steps of twice are named a")]
fn two_steps_of_one_name_are_refused_when_the_saga_is_built() {
    let _ = saga("twice", "An example.")
        .step("a", act, undo(back))
        .step("a", act, undo(back));
}
