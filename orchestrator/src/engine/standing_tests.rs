//! What a journal comes to, read at once or line by line.

use std::time::Duration;

use chrono::TimeDelta;
use contract::{Outcome, Refusal};

use super::*;
use crate::engine::example::{Ids, act, ids};
use crate::engine::{Answer, saga, undo};

const PACE: Pace = Pace::new(Duration::from_mins(1));

fn example() -> Saga<Ids> {
    saga("example", "An example.")
        .opened_by("open", "it is done", undo(act))
        .step("a", act, undo(act))
        .step("b", act, undo(act))
        .pivot("c", act)
        .build()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn line(what: What, step: usize, round: u32, sendings: u32, seconds: i64) -> Line {
    let refused = matches!(what, What::Refused | What::UndoRefused);
    let refusal = Refusal::stored("no".to_owned(), "No.".to_owned(), None);
    Line {
        what,
        step,
        undo: matches!(what, What::Undone | What::UndoRefused),
        round,
        sendings,
        sent_at: Some(at(seconds - 1)),
        answer: refused.then_some(Answer {
            attempt: 1,
            outcome: Outcome::Refused(refusal),
        }),
        verb: None,
        held_back: None,
        at: at(seconds),
    }
}

#[test]
fn lines_read_at_once_come_to_what_they_come_to_one_by_one() {
    let (saga, ids) = (example(), ids());
    let journal = [
        line(What::Opened, 0, 1, 0, 0),
        line(What::Done, 1, 1, 1, 1),
        line(What::SentAgain, 2, 1, 2, 6),
        line(What::SentAgain, 2, 1, 3, 16),
        line(What::Refused, 2, 1, 3, 17),
        line(What::SentAgain, 2, 1, 2, 22),
        line(What::Undone, 2, 1, 2, 23),
        line(What::UndoRefused, 1, 1, 1, 24),
    ];
    let mut run = Run::begun_with(1);
    for (index, added) in journal.iter().enumerate() {
        run.add(&saga, &ids, std::slice::from_ref(added), PACE);
        let read = standing(&saga, &ids, &journal[..=index], PACE);
        assert_eq!(run, read, "{added:?}");
        assert_eq!(run.seq, u32::try_from(index + 1).unwrap());
    }
    assert_eq!(run.state, State::Stuck);
}

#[test]
fn what_is_waited_for_was_asked_for_when_the_line_was_written_that_led_there() {
    let (saga, ids) = (example(), ids());
    let mut journal = vec![line(What::Opened, 0, 1, 0, 0), line(What::Done, 1, 1, 2, 10)];
    let waiting = standing(&saga, &ids, &journal, PACE).waiting.unwrap();
    assert_eq!((waiting.step, waiting.sendings), (2, 1));
    assert_eq!((waiting.since, waiting.due), (at(10), at(15)));
    journal.push(Line {
        sent_at: Some(at(10)),
        ..line(What::SentAgain, 2, 1, 2, 16)
    });
    let waiting = standing(&saga, &ids, &journal, PACE).waiting.unwrap();
    assert_eq!((waiting.step, waiting.sendings), (2, 2));
    assert_eq!((waiting.since, waiting.due), (at(10), at(26)));
}

#[test]
fn of_a_step_its_newest_round_counts() {
    let (saga, ids) = (example(), ids());
    let mut journal = vec![
        line(What::Opened, 0, 1, 0, 0),
        line(What::Done, 1, 1, 1, 1),
        line(What::Done, 2, 1, 1, 2),
        line(What::Undone, 2, 1, 1, 3),
        line(What::Done, 2, 2, 1, 4),
    ];
    let run = standing(&saga, &ids, &journal, PACE);
    assert_eq!(run.round, 2);
    assert_eq!(run.log, [Entry::Done(0), Entry::Done(1), Entry::Done(2)]);
    assert_eq!(run.waiting.map(|waiting| waiting.step), Some(3));
    journal.truncate(4);
    journal.push(line(What::Refused, 1, 2, 1, 4));
    let run = standing(&saga, &ids, &journal, PACE);
    assert_eq!(run.log[0], Entry::Done(0));
    assert!(
        matches!(run.log.last(), Some(Entry::Refused(1, _))),
        "{:?}",
        run.log
    );
    assert!(!run.log.contains(&Entry::Done(1)));
}
