//! One run of a saga: what comes in (a start, a reply, the time) changes it, and says which lines to
//! append and which commands to send. Pure: the runner stores the one and sends the other in one
//! transaction, so a crash between any two lines loses nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{Command, Outcome, Refusal, Reply};

use super::decide::{Decision, Entry, decide};
use super::dsl::Saga;
use super::outline::StepKind;

/// A resent command waits no longer than this for the next try.
pub const RESEND_CAP: Duration = Duration::from_mins(1);

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaState)]
pub enum State {
    /// Going forward.
    Running,
    /// Undoing what was done.
    Compensating,
    /// Everything was done.
    Completed,
    /// Everything was undone.
    Compensated,
    /// A person has to look.
    Stuck,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Compensating,
        Self::Completed,
        Self::Compensated,
        Self::Stuck,
    ];

    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
        }
    }

    /// The state of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more happens by itself.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Stuck)
    }
}

/// The command whose reply a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Which step.
    pub step: usize,
    /// Whether it is undone.
    pub undo: bool,
    /// How often it was sent.
    pub attempt: u32,
    /// When it was sent first.
    pub since: DateTime<Utc>,
    /// When to do something about it.
    pub due: DateTime<Utc>,
}

/// One run, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The version of the saga that it was begun with; none before the start.
    pub version: Option<i32>,
    /// Where it stands.
    pub state: State,
    /// What was settled, in order.
    pub log: Vec<Entry>,
    /// What it waits for; none before the start and at the end.
    pub waiting: Option<Waiting>,
    /// Why it was undone or is stuck.
    pub reason: Option<String>,
}

impl Run {
    /// A run that was not started.
    pub const fn new() -> Self {
        Self {
            version: None,
            state: State::Running,
            log: Vec::new(),
            waiting: None,
            reason: None,
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The saga was asked for.
    Start,
    /// A participant answered.
    Reply(&'a Reply),
    /// Time passed.
    Time,
}

/// How patient runs are.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The wait before a command is sent a second time; doubled each time up to [`RESEND_CAP`].
    pub resend: Duration,
    /// How long an undoable step is waited for, times the step's own factor.
    pub give_up: Duration,
}

impl Pace {
    /// How long a step is waited for whose own factor this is, from its first sending.
    pub fn give_up_after(self, times: u32) -> Duration {
        self.give_up.saturating_mul(times)
    }

    /// The wait after a command was sent `attempt` times.
    pub fn resend_after(self, attempt: u32) -> Duration {
        let doubled = self.resend.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        doubled.min(RESEND_CAP.max(self.resend))
    }
}

/// A line to append to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The step's name.
    pub step: &'static str,
    /// The step's kind in the saga.
    pub kind: StepKind,
    /// Whether it is the step's undo.
    pub undo: bool,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A command goes out, for the n-th time.
    Sent {
        /// Which time.
        attempt: u32,
        /// What is asked.
        command: Command,
    },
    /// The step, or its undo, is settled.
    Settled {
        /// `ok`, `refused` or `given_up`.
        outcome: &'static str,
        /// After so many sendings.
        attempt: u32,
        /// When the command was sent first.
        since: Option<DateTime<Utc>>,
        /// The participant's answer, where there was one.
        reply: Option<Reply>,
    },
}

/// The line of a refusal that answers one of `attempts` sendings.
pub fn refused(step: usize, refusal: Refusal, attempts: u32) -> Entry {
    if attempts > 1 {
        Entry::RefusedAmongSeveral(step, refusal)
    } else {
        Entry::Refused(step, refusal)
    }
}

/// Changes a run by what came in, and answers the lines to append, in order. No lines: nothing changed,
/// because it was known already, came too late, or is not due.
pub fn advance<D>(
    saga: &Saga<D>,
    data: &D,
    run: &mut Run,
    input: &Input<'_>,
    now: DateTime<Utc>,
    pace: Pace,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut advancing = Advancing {
        saga,
        data,
        run,
        now,
        pace,
        lines: &mut lines,
    };
    match input {
        Input::Start => advancing.start(),
        Input::Reply(reply) => advancing.reply(reply),
        Input::Time => advancing.time(),
    }
    lines
}

struct Advancing<'a, D> {
    saga: &'a Saga<D>,
    data: &'a D,
    run: &'a mut Run,
    now: DateTime<Utc>,
    pace: Pace,
    lines: &'a mut Vec<Line>,
}

impl<D> Advancing<'_, D> {
    fn start(&mut self) {
        // What was begun waits for something, or has a log, also at its end.
        if self.run.waiting.is_some() || !self.run.log.is_empty() {
            return;
        }
        let opened = self
            .saga
            .steps
            .first()
            .is_some_and(|step| step.kind() == StepKind::Opening);
        if opened {
            let what = What::Settled {
                outcome: "ok",
                attempt: 0,
                since: None,
                reply: None,
            };
            self.line(0, false, what);
            self.run.log.push(Entry::Done(0));
        }
        self.proceed();
    }

    fn reply(&mut self, reply: &Reply) {
        let Some(waiting) = self.run.waiting else { return };
        let known = self.saga.position(&reply.step);
        let is_awaited = known == Some(waiting.step) && reply.undo == waiting.undo;
        if !is_awaited {
            return;
        }
        let (entry, outcome) = match (&reply.outcome, reply.undo) {
            (Outcome::Done, false) => (Entry::Done(waiting.step), "ok"),
            (Outcome::Done, true) => (Entry::Undone(waiting.step), "ok"),
            (Outcome::Refused(refusal), false) => {
                (refused(waiting.step, refusal.clone(), waiting.attempt), "refused")
            }
            (Outcome::Refused(refusal), true) => {
                (Entry::UndoRefused(waiting.step, refusal.clone()), "refused")
            }
        };
        self.settle(waiting, entry, outcome, Some(reply.clone()));
    }

    fn time(&mut self) {
        let Some(waiting) = self.run.waiting.filter(|waiting| waiting.due <= self.now) else {
            return;
        };
        if self.gives_up_at(waiting).is_some_and(|at| at <= self.now) {
            return self.settle(waiting, Entry::GivenUp(waiting.step), "given_up", None);
        }
        // The same decision again: the log has not changed, so neither has the command.
        if let Decision::Send { step, undo, command } = decide(self.saga, self.data, &self.run.log) {
            self.send(step, undo, command, waiting.attempt + 1, waiting.since);
        }
    }

    fn settle(&mut self, waiting: Waiting, entry: Entry, outcome: &'static str, reply: Option<Reply>) {
        let attempt = waiting.attempt;
        let what = What::Settled {
            outcome,
            attempt,
            since: Some(waiting.since),
            reply,
        };
        self.line(waiting.step, waiting.undo, what);
        self.run.log.push(entry);
        self.proceed();
    }

    fn proceed(&mut self) {
        self.run.waiting = None;
        match decide(self.saga, self.data, &self.run.log) {
            Decision::Send { step, undo, command } => {
                if undo {
                    self.run.state = State::Compensating;
                }
                self.send(step, undo, command, 1, self.now);
            }
            Decision::Completed => self.run.state = State::Completed,
            Decision::RolledBack { because } => {
                self.run.state = State::Compensated;
                self.run.reason = Some(format!("{} ({})", because.word(), because.message()));
            }
            Decision::Stuck { reason, .. } => {
                self.run.state = State::Stuck;
                self.run.reason = Some(reason);
            }
        }
    }

    fn send(&mut self, step: usize, undo: bool, command: Command, attempt: u32, since: DateTime<Utc>) {
        self.line(step, undo, What::Sent { attempt, command });
        let mut waiting = Waiting {
            step,
            undo,
            attempt,
            since,
            due: self.now + self.pace.resend_after(attempt),
        };
        if let Some(at) = self.gives_up_at(waiting) {
            waiting.due = waiting.due.min(at);
        }
        self.run.waiting = Some(waiting);
    }

    /// When the step is given up; never for an undo, nor at or after the pivot.
    fn gives_up_at(&self, waiting: Waiting) -> Option<DateTime<Utc>> {
        let wait = self.saga.steps[waiting.step].wait().filter(|_| !waiting.undo)?;
        Some(waiting.since + self.pace.give_up_after(wait.times))
    }

    fn line(&mut self, step: usize, undo: bool, what: What) {
        let declared = &self.saga.steps[step];
        self.lines.push(Line {
            step: declared.name,
            kind: declared.kind(),
            undo,
            what,
        });
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
