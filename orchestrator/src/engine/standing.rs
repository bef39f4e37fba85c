//! Where a run stands: what its journal comes to, and what follows from that. Pure: the same lines always lead to the
//! same standing, whether they were just written or are read years later.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::Command;

use super::decide::{Decision, Entry, decide};
use super::dsl::{Saga, Step};
use super::journal::{Line, What};
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

    /// Whether the run has ended for good, which one that waits for a person has not.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated)
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
    pub sendings: u32,
    /// When it was sent first.
    pub since: DateTime<Utc>,
    /// When to do something about it.
    pub due: DateTime<Utc>,
}

/// Since when and how often something was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// When first.
    since: DateTime<Utc>,
    /// When last.
    last: DateTime<Utc>,
    /// How often.
    sendings: u32,
}

impl Asked {
    /// What follows the last line: a first sending, when it was written, unless the line says that it was sent again.
    fn by(last: &Line) -> Self {
        let (since, sendings) = match last.what {
            What::SentAgain => (last.sent_at.unwrap_or(last.at), last.sendings),
            _ => (last.at, 1),
        };
        Self {
            since,
            last: last.at,
            sendings,
        }
    }
}

impl Waiting {
    /// For what was asked for so.
    fn of<D>(saga: &Saga<D>, step: usize, undo: bool, asked: Asked, pace: Pace) -> Self {
        let mut waiting = Self {
            step,
            undo,
            sendings: asked.sendings,
            since: asked.since,
            due: asked.last + pace.resend_after(asked.sendings),
        };
        if let Some(at) = waiting.gives_up_at(saga.steps[step].wait().map(|wait| wait.times), pace) {
            waiting.due = waiting.due.min(at);
        }
        waiting
    }

    /// When a step is given up whose own factor this is; never for an undo, and a step at or after the pivot has none.
    pub fn gives_up_at(&self, times: Option<u32>, pace: Pace) -> Option<DateTime<Utc>> {
        let times = times.filter(|_| !self.undo)?;
        Some(self.since + pace.give_up_after(times))
    }
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

    /// The wait after a command was sent so often.
    pub fn resend_after(self, sendings: u32) -> Duration {
        let doubled = self
            .resend
            .saturating_mul(1 << sendings.saturating_sub(1).min(16));
        doubled.min(RESEND_CAP.max(self.resend))
    }
}

/// Where a run stands: what its journal comes to, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The version of the saga that it was begun with; none before the start.
    pub version: Option<i32>,
    /// Lines of its journal so far, which is the number of the last one.
    pub seq: u32,
    /// Which round it is in, from 1.
    pub round: u32,
    /// What was settled, in order: of each step, in its newest round.
    pub log: Vec<Entry>,
    /// The newest round of each step that has one.
    rounds: Vec<u32>,
    /// Where it stands.
    pub state: State,
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
            seq: 0,
            round: 1,
            log: Vec::new(),
            rounds: Vec::new(),
            state: State::Running,
            waiting: None,
            reason: None,
        }
    }

    /// The same, to be begun with this version.
    pub fn begun_with(version: i32) -> Self {
        Self {
            version: Some(version),
            ..Self::new()
        }
    }

    /// Adds lines, and answers the command that follows from all of them; none where the run has ended.
    pub(super) fn add<D>(&mut self, saga: &Saga<D>, data: &D, lines: &[Line], pace: Pace) -> Option<Command> {
        for line in lines {
            self.line(saga, line);
        }
        let asked = Asked::by(lines.last()?);
        self.stand(saga, data, asked, pace)
    }

    fn line<D>(&mut self, saga: &Saga<D>, line: &Line) {
        self.seq += 1;
        self.round = self.round.max(line.round);
        let opening = saga.steps.first().map(Step::kind);
        match line.entry() {
            Some(entry) => self.settle(line.round, entry),
            None if line.what == What::Opened && opening == Some(StepKind::Opening) => {
                self.settle(line.round, Entry::Done(line.step));
            }
            None => {}
        }
    }

    /// Of what was settled of the step in an older round, nothing counts any more.
    fn settle(&mut self, round: u32, entry: Entry) {
        let step = entry.step();
        if self.rounds.len() <= step {
            self.rounds.resize(step + 1, 1);
        }
        if round > self.rounds[step] {
            self.rounds[step] = round;
            self.log.retain(|known| known.step() != step);
        }
        self.log.push(entry);
    }

    /// What follows from the log: a command that is waited for, or an end.
    fn stand<D>(&mut self, saga: &Saga<D>, data: &D, asked: Asked, pace: Pace) -> Option<Command> {
        self.waiting = None;
        match decide(saga, data, &self.log) {
            Decision::Send { step, undo, command } => {
                self.state = if undo { State::Compensating } else { State::Running };
                self.waiting = Some(Waiting::of(saga, step, undo, asked, pace));
                Some(command)
            }
            Decision::Completed => {
                self.state = State::Completed;
                None
            }
            Decision::RolledBack { because } => {
                self.state = State::Compensated;
                self.reason = Some(format!("{} ({})", because.word(), because.message()));
                None
            }
            Decision::Stuck { reason, .. } => {
                self.state = State::Stuck;
                self.reason = Some(reason);
                None
            }
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a run of this definition and this version stands whose journal this is. Adding its lines one by one, as
/// [`advance`](super::run::advance) does, comes to the same.
pub fn standing<D>(saga: &Saga<D>, data: &D, journal: &[Line], pace: Pace) -> Run {
    let mut run = Run::begun_with(saga.version);
    run.add(saga, data, journal, pace);
    run
}

/// The same, line by line: of each line the command that follows from it and those before, if one does.
pub(super) fn replay<D>(
    saga: &Saga<D>,
    data: &D,
    journal: &[Line],
    pace: Pace,
) -> (Run, Vec<Option<Command>>) {
    let mut run = Run::begun_with(saga.version);
    let lines = journal.iter().map(std::slice::from_ref);
    let follow = lines.map(|line| run.add(saga, data, line, pace)).collect();
    (run, follow)
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
