//! One run and the clock: when a command is sent again, when a step is given up, and which reply is believed.

use chrono::TimeDelta;
use contract::{Outcome, Refusal, SagaId, Why};

use std::time::Duration;

use super::*;
use crate::engine::example::{Ids, act, back, ids};
use crate::engine::{Entry, Resend, State, doubling, fixed, nothing_to_undo, saga, undo, wait};

const PACE: Pace = Pace::new(Duration::from_mins(1));

/// A run of an example with a step of each kind, and its clock.
struct Example {
    saga: Saga<Ids>,
    ids: Ids,
    run: Run,
    now: DateTime<Utc>,
}

impl Example {
    fn begun() -> (Self, Moves) {
        Self::of(
            saga("example", "An example.")
                .step("a", act, undo(back))
                .slow_step("b", act, undo(back), wait(3, Why::PaymentUnavailable))
                .step("c", act, nothing_to_undo("it only looks"))
                .pivot("d", act)
                .then("e", act)
                .build(),
        )
    }

    fn of(saga: Saga<Ids>) -> (Self, Moves) {
        let mut example = Self {
            saga,
            ids: ids(),
            run: Run::new(),
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        let moves = example.take(&Input::Start);
        (example, moves)
    }

    /// A run that waits for this step.
    fn waiting_for(step: &str) -> Self {
        let (mut example, _) = Self::begun();
        while example.waiting().0 != step {
            let (current, undo, _) = example.waiting();
            assert_ne!(example.hear(current, undo, Outcome::Done), Moves::default());
        }
        example
    }

    fn take(&mut self, input: &Input<'_>) -> Moves {
        advance(&self.saga, &self.ids, &mut self.run, input, self.now, PACE)
    }

    fn hear(&mut self, step: &str, undo: bool, outcome: Outcome) -> Moves {
        self.hear_of_round(1, step, undo, outcome)
    }

    fn hear_of_round(&mut self, round: u32, step: &str, undo: bool, outcome: Outcome) -> Moves {
        let reply = Reply {
            saga_id: SagaId::new(),
            step: step.to_owned(),
            undo,
            round,
            attempt: 1,
            outcome,
        };
        self.take(&Input::Reply(&reply))
    }

    /// The step that is waited for, whether it is undone, and how often it was sent.
    fn waiting(&self) -> (&'static str, bool, u32) {
        let waiting = self.run.waiting.expect("something is waited for");
        (self.saga.steps[waiting.step].name, waiting.undo, waiting.sendings)
    }

    fn pass(&mut self, seconds: i64) -> Moves {
        self.now += TimeDelta::seconds(seconds);
        self.take(&Input::Time)
    }

    /// Lets time pass to when the run is next due, and answers how many seconds that were.
    fn pass_until_due(&mut self) -> (i64, Moves) {
        let due = self.run.waiting.expect("something is waited for").due;
        let seconds = (due - self.now).num_seconds();
        assert_eq!(self.pass(seconds - 1), Moves::default(), "it is not due yet");
        (seconds, self.pass(1))
    }
}

fn no() -> Outcome {
    Outcome::Refused(Refusal::stored("no".to_owned(), "No.".to_owned(), None))
}

/// What comes of an input: step, undo, and either what a line says or `sent n`.
fn told<D>(saga: &Saga<D>, moves: &Moves) -> Vec<(&'static str, bool, String)> {
    let lines = moves.lines.iter().filter(|line| line.what != What::SentAgain);
    let lines = lines.map(|line| {
        let name = saga.steps[line.step].name;
        (name, line.undo, line.what.word().to_owned())
    });
    let sent = moves.commands.iter();
    let sent = sent.map(|sent| (sent.step, sent.undo, format!("sent {}", sent.sending)));
    lines.chain(sent).collect()
}

#[test]
fn a_command_without_an_answer_is_sent_again_after_growing_waits() {
    let mut example = Example::waiting_for("e");
    let first = example.now;
    let mut waits = Vec::new();
    for attempt in 2..=9 {
        let (seconds, moves) = example.pass_until_due();
        waits.push(seconds);
        assert_eq!(
            told(&example.saga, &moves),
            [("e", false, format!("sent {attempt}"))]
        );
        let sent = &moves.commands[0];
        assert_eq!(sent.command, act(&example.ids), "the same command each time");
        let said = &moves.lines[0];
        assert_eq!(
            (said.what, said.sendings, said.sent_at),
            (What::SentAgain, attempt, Some(first))
        );
        assert_eq!(example.waiting(), ("e", false, attempt));
        let since = example.run.waiting.map(|waiting| waiting.since);
        assert_eq!(since, Some(first), "it was asked for when it was sent first");
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60, 60, 60]);
}

#[test]
fn each_step_is_sent_again_as_it_declares_and_so_is_its_undo() {
    let seconds = Duration::from_secs;
    let saga = saga("example", "An example.")
        .opened_by("open", "it is done", undo(back))
        .step("a", act, undo(back))
        .resend(fixed(seconds(7)))
        .pivot("c", act)
        .resend(doubling(seconds(1), seconds(3)))
        .then("d", act)
        .build();
    let declared: Vec<_> = saga.steps.iter().map(|step| step.resend).collect();
    assert_eq!((declared[0], declared[3]), (Resend::USUAL, Resend::USUAL));
    let waits = |example: &mut Example| -> Vec<i64> {
        let waits = (0..4).map(|_| example.pass_until_due().0);
        waits.collect()
    };
    let mut example = Example::of(saga).0;
    assert_eq!(waits(&mut example), [7; 4]);
    example.hear("a", false, Outcome::Done);
    assert_eq!(waits(&mut example), [1, 2, 3, 3]);
    example.hear("c", false, no());
    assert_eq!(example.waiting(), ("a", true, 1));
    assert_eq!(waits(&mut example), [7; 4]);
}

#[test]
fn a_step_is_given_up_when_its_own_time_is_over_and_not_before() {
    for (step, seconds) in [("a", 60), ("b", 180), ("c", 60)] {
        let mut example = Example::waiting_for(step);
        let begun = example.now;
        // Bounded, so that a run that never gives up fails here and does not hang.
        let mut moves = Moves::default();
        for _ in 0..20 {
            (_, moves) = example.pass_until_due();
            if told(&example.saga, &moves)[0].2 == "given_up" {
                break;
            }
            assert!((example.now - begun).num_seconds() < seconds, "{step} is overdue");
        }
        assert_eq!(
            told(&example.saga, &moves)[0],
            (step, false, "given_up".to_owned())
        );
        assert_eq!((example.now - begun).num_seconds(), seconds, "{step}");
        assert_eq!(example.run.state, State::Compensating);
        assert_eq!(
            example.run.log.last(),
            Some(&Entry::GivenUp(example.saga.position(step).unwrap()))
        );
    }
}

#[test]
fn a_step_that_is_overdue_when_somebody_looks_is_given_up_and_not_sent_again() {
    let mut example = Example::waiting_for("b");
    let moves = example.pass(3_600);
    assert_eq!(
        told(&example.saga, &moves),
        [
            ("b", false, "given_up".to_owned()),
            ("b", true, "sent 1".to_owned())
        ]
    );
}

#[test]
fn the_pivot_what_follows_it_and_undos_are_never_given_up() {
    let mut undoing = Example::waiting_for("b");
    undoing.hear("b", false, no());
    assert_eq!(undoing.waiting(), ("a", true, 1));
    for mut example in [Example::waiting_for("d"), Example::waiting_for("e"), undoing] {
        let (step, undo, _) = example.waiting();
        for attempt in 2..40 {
            let moves = example.pass(86_400);
            assert_eq!(
                told(&example.saga, &moves),
                [(step, undo, format!("sent {attempt}"))]
            );
        }
    }
}

#[test]
fn only_the_answer_that_is_waited_for_is_believed() {
    let mut example = Example::waiting_for("b");
    let before = example.run.clone();
    for (step, undo) in [
        ("a", false),
        ("a", true),
        ("b", true),
        ("c", false),
        ("nobody", false),
    ] {
        for outcome in [Outcome::Done, no()] {
            assert_eq!(
                example.hear(step, undo, outcome),
                Moves::default(),
                "{step} {undo}"
            );
            assert_eq!(example.run, before);
        }
    }
    for round in [0, 2] {
        let moves = example.hear_of_round(round, "b", false, Outcome::Done);
        assert_eq!(moves, Moves::default(), "of round {round}");
    }
    assert_eq!(example.take(&Input::Start), Moves::default(), "it was begun");
    assert_eq!(example.run, before);
    let (mut begun, _) = Example::begun();
    let first = begun.run.clone();
    let again = begun.take(&Input::Start);
    assert_eq!(again, Moves::default(), "it was begun, and no step has ended yet");
    assert_eq!(begun.run, first);

    example.hear("b", false, no());
    let before = example.run.clone();
    for (step, undo) in [("a", false), ("b", false), ("b", true)] {
        let moves = example.hear(step, undo, Outcome::Done);
        assert_eq!(moves, Moves::default(), "{step} {undo}");
    }
    assert_eq!(example.run, before);
}

#[test]
fn what_has_ended_stays_as_it_is() {
    let mut example = Example::waiting_for("e");
    let moves = example.hear("e", false, Outcome::Done);
    assert_eq!(told(&example.saga, &moves), [("e", false, "done".to_owned())]);
    assert_eq!(
        (example.run.state, &example.run.reason),
        (State::Completed, &None)
    );
    let end = example.run.clone();
    assert_eq!(example.take(&Input::Start), Moves::default());
    assert_eq!(example.pass(86_400), Moves::default());
    for undo in [false, true] {
        assert_eq!(example.hear("e", undo, no()), Moves::default());
    }
    assert_eq!(example.run, end);
}

#[test]
fn a_line_says_since_when_after_how_many_sendings_and_by_which_answer() {
    let mut example = Example::waiting_for("b");
    let sent = example.now;
    example.pass_until_due();
    example.pass_until_due();
    let moves = example.hear("b", false, no());
    let line = &moves.lines[0];
    assert_eq!(
        (line.what, line.sendings, line.sent_at),
        (What::Refused, 3, Some(sent))
    );
    assert_eq!(line.at, example.now);
    let answer = line.answer.as_ref().unwrap();
    assert_eq!((answer.attempt, &answer.outcome), (1, &no()));
    // One of three sendings was refused; the others may still be carried out, so the step is undone too.
    assert_eq!(
        told(&example.saga, &moves)[1..],
        [("b", true, "sent 1".to_owned())]
    );

    example.hear("b", true, Outcome::Done);
    let moves = example.hear("a", true, Outcome::Done);
    assert_eq!(told(&example.saga, &moves), [("a", true, "undone".to_owned())]);
    assert_eq!(example.run.state, State::Compensated);
    assert_eq!(example.run.reason.as_deref(), Some("no (No.)"));
}

#[test]
fn a_refusal_of_the_only_sending_did_nothing_and_one_of_two_may_have_done_it() {
    for (sendings, undone_first) in [(1, "a"), (2, "b"), (3, "b")] {
        let mut example = Example::waiting_for("b");
        for _ in 1..sendings {
            example.pass_until_due();
        }
        assert_eq!(example.waiting(), ("b", false, sendings));
        let moves = example.hear("b", false, no());
        let next = &told(&example.saga, &moves)[1..];
        assert_eq!(next, [(undone_first, true, "sent 1".to_owned())], "{sendings}");
    }
}

#[test]
fn an_undo_that_is_refused_waits_for_a_person() {
    let mut example = Example::waiting_for("b");
    example.hear("b", false, no());
    let moves = example.hear("a", true, no());
    assert_eq!(
        told(&example.saga, &moves),
        [("a", true, "undo_refused".to_owned())]
    );
    assert_eq!(example.run.state, State::Stuck);
    assert_eq!(
        example.run.reason.as_deref(),
        Some("undoing a was refused: no (No.)")
    );
    assert!(example.run.waiting.is_none());
}

#[test]
fn what_was_done_before_the_saga_stands_first_in_its_log() {
    let saga = saga("opened", "An example.")
        .version(7)
        .opened_by("open", "it is done", undo(back))
        .pivot("d", act)
        .build();
    assert_eq!(saga.version, 7);
    let ids = ids();
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let mut run = Run::new();
    let moves = advance(&saga, &ids, &mut run, &Input::Start, now, PACE);
    assert_eq!(
        told(&saga, &moves),
        [
            ("open", false, "opened".to_owned()),
            ("d", false, "sent 1".to_owned())
        ]
    );
    assert_eq!(run.log, [Entry::Done(0)]);
    run.waiting = None;
    let moves = advance(&saga, &ids, &mut run, &Input::Start, now, PACE);
    assert_eq!(moves, Moves::default(), "what is done is not done again");
}

#[test]
fn an_outline_says_what_undoes_a_step_and_when_and_as_what_it_is_given_up() {
    let outline = Example::begun().0.saga.outline();
    let told = outline.steps.iter().map(|step| {
        let given_up = step.given_up_after_times.zip(step.given_up_as);
        (step.name, step.undone_by_command, step.because, given_up)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("a", true, None, Some((1, "timed_out"))),
            ("b", true, None, Some((3, "payment_unavailable"))),
            ("c", false, Some("it only looks"), Some((1, "timed_out"))),
            ("d", false, None, None),
            ("e", false, None, None),
        ]
    );
}

#[test]
fn a_state_is_kept_as_a_word_and_only_four_are_ends() {
    for state in State::ALL {
        assert_eq!(State::of(state.word()), Some(state));
    }
    assert_eq!(State::of("asleep"), None);
    let ends = State::ALL.into_iter().filter(|state| state.is_terminal());
    let ends: Vec<_> = ends.map(State::word).collect();
    assert_eq!(ends, ["completed", "compensated", "stuck", "abandoned"]);
}
