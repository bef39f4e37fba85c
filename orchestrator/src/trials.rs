//! The trials that every saga must pass, over every definition there is, against the pure engine and
//! participants in memory. After each: nothing is left that should not be there, and no undo failed.

mod kills;
mod late;
mod verbs;
mod world;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Reply, SagaId};
use proptest::prelude::*;

use crate::engine::{Input, Line, Outline, Pace, Run, Sent, State, StepKind, Verb, What};
use crate::sagas::{self, samples};
use world::World;

const PACE: Pace = Pace::new(Duration::from_mins(1));
/// Transitions after which a trial is going round in a circle.
const TOO_MANY: usize = 500;

/// What is run: this data, by this version of their saga.
#[derive(Debug, Clone)]
struct Subject {
    data: SagaData,
    version: i32,
}

impl Deref for Subject {
    type Target = SagaData;
    fn deref(&self) -> &SagaData {
        &self.data
    }
}

impl Subject {
    /// Whether its runs have this step.
    fn has(&self, name: &str) -> bool {
        self.outline().steps.iter().any(|step| step.name == name)
    }

    /// The steps that apply.
    fn outline(&self) -> &'static Outline {
        sagas::outline_of(&self.data, self.version).expect("the version is there")
    }
}

/// Every version of every saga, with data for every combination of its conditions.
fn subjects() -> Vec<Subject> {
    let every = samples::of_every_combination().into_iter();
    every.map(|(data, version)| Subject { data, version }).collect()
}

/// One saga, its participants, and what is on its way between them.
#[derive(Clone)]
struct Trial {
    saga_id: SagaId,
    data: Subject,
    run: Run,
    world: World,
    now: DateTime<Utc>,
    lines: Vec<Line>,
    commands: Vec<Sent>,
    replies: Vec<Reply>,
    /// Steps whose replies never arrive, so that time has to help.
    silent: BTreeSet<&'static str>,
    /// Every command that was ever sent.
    sent: Vec<Sent>,
    /// Every reply that was ever heard.
    heard: Vec<Reply>,
}

impl Trial {
    fn of(data: &Subject) -> Self {
        let mut trial = Self {
            saga_id: SagaId::new(),
            data: data.clone(),
            run: Run::begun_with(data.version),
            world: World::before(data),
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            lines: Vec::new(),
            commands: Vec::new(),
            replies: Vec::new(),
            silent: BTreeSet::new(),
            sent: Vec::new(),
            heard: Vec::new(),
        };
        trial.advance(&Input::Start);
        trial
    }

    fn refusing(data: &Subject, step: &'static str) -> Self {
        let mut trial = Self::of(data);
        trial.world.refuses.insert(step);
        trial
    }

    /// The participant does what the step asks, and nobody ever hears of it.
    fn silent(data: &Subject, step: &'static str) -> Self {
        let mut trial = Self::of(data);
        trial.silent.insert(step);
        trial
    }

    /// Every way a saga can go, with how it must end: all is well, a step is refused, a step is never answered.
    fn ways(data: &Subject) -> Vec<(Self, State)> {
        let mut ways = vec![(Self::of(data), State::Completed)];
        for (step, kind) in steps_sent(data) {
            ways.push((Self::refusing(data, step), end_when_refused(data, kind)));
            if kind == StepKind::Do {
                ways.push((Self::silent(data, step), State::Compensated));
            }
        }
        ways
    }

    /// One transaction of the runner.
    fn advance(&mut self, input: &Input<'_>) -> usize {
        let moves = sagas::advance(&self.data, &mut self.run, input, self.now, PACE.of(self.saga_id));
        self.sent.extend(moves.commands.iter().cloned());
        self.commands.extend(moves.commands);
        let count = moves.lines.len();
        self.lines.extend(moves.lines);
        self.check();
        count
    }

    fn deliver(&mut self, at: usize) {
        let sent = self.commands.remove(at);
        let reply = self.world.obey(self.saga_id, &sent);
        if sent.undo || !self.silent.contains(sent.step) {
            self.replies.push(reply);
        }
    }

    fn hear(&mut self, at: usize) -> usize {
        let reply = self.replies.remove(at);
        let lines = self.advance(&Input::Reply(&reply));
        self.heard.push(reply);
        lines
    }

    /// Jumps to when something is due.
    fn wait(&mut self) {
        if let Some(due) = self.run.due() {
            self.now = self.now.max(due);
            self.advance(&Input::Time);
        }
    }

    /// What comes next arrives, or time passes. Answers false when the saga has ended and nothing is on its way.
    fn go_on(&mut self) -> bool {
        if !self.replies.is_empty() {
            self.hear(0);
        } else if !self.commands.is_empty() {
            self.deliver(0);
        } else if self.run.state.is_terminal() {
            return false;
        } else {
            self.wait();
        }
        true
    }

    /// Everything arrives, once and in order, until the saga ends; then what was still on its way.
    fn finish(mut self) -> Self {
        for _ in 0..TOO_MANY {
            if !self.go_on() {
                return self;
            }
        }
        panic!("{} goes round in a circle: {:?}", self.data.name(), self.run);
    }

    /// The same, with everything arriving twice.
    fn finish_doubled(mut self) -> Self {
        for _ in 0..TOO_MANY {
            if let Some(reply) = self.replies.first().cloned() {
                self.hear(0);
                assert_eq!(
                    self.advance(&Input::Reply(&reply)),
                    0,
                    "a repeated reply changes nothing"
                );
            } else if let Some(sent) = self.commands.first().cloned() {
                self.commands.push(sent);
                self.deliver(0);
                self.deliver(self.commands.len() - 1);
            } else if self.run.state.is_terminal() {
                return self;
            } else {
                self.wait();
            }
        }
        panic!("{} goes round in a circle: {:?}", self.data.name(), self.run);
    }

    /// What always holds.
    fn check(&self) {
        let steps = &self.data.outline().steps;
        let pivot_done = self
            .lines
            .iter()
            .position(|line| steps[line.step].kind == StepKind::Pivot && line.what == What::Done);
        let after_pivot = pivot_done.map_or(&[][..], |at| &self.lines[at..]);
        assert!(
            after_pivot.iter().all(|line| !line.undo),
            "an undo after a pivot that was done"
        );
        for (at, undo) in self.lines.iter().enumerate().filter(|(_, line)| line.undo) {
            // What is said to have been done outside sends nothing, forward or back.
            let is_by_hand = |line: &&Line| {
                line.verb
                    .as_ref()
                    .is_some_and(|said| said.verb == Verb::SettledByHand)
            };
            let mut later = self.lines[at..].iter().filter(|line| !is_by_hand(line));
            assert!(
                later.all(|line| line.undo || line.round > undo.round),
                "a step forward after the undoing began, in the same round"
            );
        }
        if self.run.paused.is_none() {
            assert_eq!(self.run.waiting.is_none(), self.run.state.is_terminal());
        }
        let version = self.data.version;
        let read = sagas::standing(&self.data, version, &self.lines, PACE.of(self.saga_id));
        assert_eq!(
            read.as_ref(),
            Some(&self.run),
            "a restart goes on from the journal alone"
        );
    }

    /// Ended as it should, with nothing left that should not be there.
    fn assert_end(&self, state: State) {
        assert_eq!(self.run.state, state, "{}: {:?}", self.data.name(), self.run);
        match state {
            State::Completed => self.world.assert_done(&self.data),
            State::Compensated => self.world.assert_undone(&self.data),
            State::Stuck => assert!(self.run.reason.is_some()),
            State::Abandoned | State::Running | State::Compensating => panic!("not an end"),
        }
    }
}

/// How a saga must end when this step is refused.
fn end_when_refused(data: &Subject, kind: StepKind) -> State {
    let outline = data.outline();
    let for_good = outline
        .steps
        .iter()
        .any(|step| step.kind == StepKind::Opening && !step.undone_by_command);
    if kind == StepKind::Then || for_good {
        State::Stuck
    } else {
        State::Compensated
    }
}

fn is_given_up(line: &Line) -> bool {
    line.what == What::GivenUp
}

fn steps_sent(data: &Subject) -> impl Iterator<Item = (&'static str, StepKind)> {
    let steps = data.outline().steps.iter();
    steps
        .filter(|step| step.kind != StepKind::Opening)
        .map(|step| (step.name, step.kind))
}

#[test]
fn completes() {
    for data in subjects() {
        let trial = Trial::of(&data).finish();
        trial.assert_end(State::Completed);
        let sent = trial.sent.len();
        assert_eq!(sent, steps_sent(&data).count(), "one command per step");
    }
}

#[test]
fn unwinds_from_every_step() {
    for data in subjects() {
        for (step, kind) in steps_sent(&data) {
            Trial::refusing(&data, step)
                .finish()
                .assert_end(end_when_refused(&data, kind));
        }
        for (step, _) in steps_sent(&data).filter(|(_, kind)| *kind == StepKind::Do) {
            for happened in [true, false] {
                give_up_at(&data, step, happened).assert_end(State::Compensated);
            }
        }
    }
}

/// The step is given up: its command happened and the reply was lost, or it arrives after its own undo.
fn give_up_at(data: &Subject, step: &str, happened: bool) -> Trial {
    let mut trial = Trial::of(data);
    while trial.commands[0].step != step {
        trial.deliver(0);
        trial.hear(0);
    }
    if happened {
        trial.deliver(0);
        trial.replies.clear();
    }
    // Bounded, so that a step that nobody ever gives up fails the trial and does not hang it.
    for _ in 0..TOO_MANY {
        if trial.run.state != State::Running {
            break;
        }
        trial.wait();
    }
    assert_ne!(trial.run.state, State::Running, "{step} is never given up");
    let mut late: Vec<_> = trial.commands.iter().filter(|sent| !sent.undo).cloned().collect();
    trial.commands.retain(|sent| sent.undo);
    let mut trial = trial.finish();
    trial.commands.append(&mut late);
    trial.finish()
}

#[test]
fn every_command_twice() {
    for data in subjects() {
        let trial = Trial::of(&data).finish_doubled();
        trial.assert_end(State::Completed);
        assert_eq!(
            trial.lines.len(),
            Trial::of(&data).finish().lines.len(),
            "no line more than without"
        );
    }
}

#[test]
fn every_undo_twice() {
    for data in subjects() {
        for (trial, end) in Trial::ways(&data) {
            trial.finish_doubled().assert_end(end);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn replies_in_any_order_and_late(
        which in any::<prop::sample::Index>(),
        refused in proptest::option::of(any::<prop::sample::Index>()),
        chaos in prop::collection::vec((0_u8..6, any::<prop::sample::Index>()), 0..60),
    ) {
        let all = subjects();
        let data = &all[which.index(all.len())];
        let steps: Vec<_> = steps_sent(data).collect();
        let refused = refused.map(|index| steps[index.index(steps.len())]);
        let mut trial = refused.map_or_else(|| Trial::of(data), |(step, _)| Trial::refusing(data, step));
        for (what, index) in chaos {
            match what {
                0 if !trial.commands.is_empty() => trial.deliver(index.index(trial.commands.len())),
                1 if !trial.commands.is_empty() => {
                    let copy = trial.commands[index.index(trial.commands.len())].clone();
                    trial.commands.push(copy);
                }
                2 if !trial.replies.is_empty() => drop(trial.hear(index.index(trial.replies.len()))),
                3 if !trial.replies.is_empty() => {
                    let copy = trial.replies[index.index(trial.replies.len())].clone();
                    trial.replies.push(copy);
                }
                4 => trial.wait(),
                _ => drop(trial.advance(&Input::Start)),
            }
        }
        let trial = trial.finish();
        let expected = refused.map(|(_, kind)| end_when_refused(data, kind));
        match trial.run.state {
            State::Stuck => prop_assert_eq!(expected, Some(State::Stuck)),
            // Time may have passed so that it was given up before it came to the step that is refused.
            State::Compensated => trial.assert_end(State::Compensated),
            state => {
                prop_assert_eq!(expected, None);
                trial.assert_end(state);
            }
        }
    }
}
