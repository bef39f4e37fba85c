//! What a run waits for: since when, how often it was asked for, and when something is done about it. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::SagaId;

use super::decide::Entry;
use super::dsl::{Saga, Step};
use super::journal::{HeldBack, Line};
use super::resend::spread;

/// A run whose command a rule holds back is looked at this often, should nobody have heard that the rule was lifted.
const HELD_LOOK: TimeDelta = TimeDelta::seconds(30);

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
    /// How long the run was paused since.
    pub paused: TimeDelta,
    /// When to do something about it.
    pub due: DateTime<Utc>,
}

/// A command that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// By which rule.
    pub by: HeldBack,
    /// Since when, by this rule or others.
    pub since: DateTime<Utc>,
}

impl Held {
    /// When to look whether it still is.
    pub fn look(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let until = self.by.until.filter(|until| *until > now);
        until.unwrap_or(now + HELD_LOOK)
    }
}

/// What a run is about to do, waits for, or is stuck at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Which step.
    pub step: usize,
    /// Whether it is undone.
    pub undo: bool,
}

impl At {
    /// Whether this says that it was refused.
    pub(super) fn is_refused_by(self, entry: &Entry) -> bool {
        let undo = match entry {
            Entry::Refused(..) | Entry::RefusedAmongSeveral(..) => false,
            Entry::UndoRefused(..) => true,
            Entry::Done(_) | Entry::GivenUp(_) | Entry::Undone(_) => return false,
        };
        self == Self {
            step: entry.step(),
            undo,
        }
    }
}

/// Since when and how often something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// When first.
    pub(super) since: DateTime<Utc>,
    /// When last, without the pauses since.
    pub(super) last: DateTime<Utc>,
    /// How often.
    pub(super) sendings: u32,
    /// How long it was paused since.
    pub(super) paused: TimeDelta,
}

impl Asked {
    /// For the first time.
    pub(super) const fn first(at: DateTime<Utc>) -> Self {
        Self {
            since: at,
            last: at,
            sendings: 1,
            paused: TimeDelta::zero(),
        }
    }

    /// Once more, as this line says.
    pub(super) fn again(known: Option<Self>, line: &Line) -> Self {
        Self {
            since: line.sent_at.unwrap_or(line.at),
            last: line.at,
            sendings: line.sendings,
            paused: known.map_or_else(TimeDelta::zero, |known| known.paused),
        }
    }
}

impl Waiting {
    /// For what was asked for so.
    pub(super) fn of<D>(saga: &Saga<D>, step: usize, undo: bool, asked: Asked, pace: Pace) -> Self {
        let mut waiting = Self {
            step,
            undo,
            sendings: asked.sendings,
            since: asked.since,
            paused: asked.paused,
            due: asked.last + pace.resend_after(&saga.steps[step], asked.sendings),
        };
        if let Some(at) = waiting.gives_up_at(saga.steps[step].wait().map(|wait| wait.times), pace) {
            waiting.due = waiting.due.min(at);
        }
        waiting
    }

    /// What is waited for.
    pub const fn at(&self) -> At {
        At {
            step: self.step,
            undo: self.undo,
        }
    }

    /// When a step is given up whose own factor this is; never for an undo, and a step at or after the pivot has none.
    pub fn gives_up_at(&self, times: Option<u32>, pace: Pace) -> Option<DateTime<Utc>> {
        let times = times.filter(|_| !self.undo)?;
        Some(self.since + self.paused + pace.give_up_after(times))
    }
}

/// How patient runs are, and the one that asks.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long an undoable step is waited for, times the step's own factor.
    give_up: Duration,
    /// The run, which looks a little sooner or later than others.
    run: Option<SagaId>,
}

impl Pace {
    /// Steps are given up after this long, times their own factor. Waits are as declared, for every run alike.
    pub const fn new(give_up: Duration) -> Self {
        Self { give_up, run: None }
    }

    /// The same for this run: its waits are up to a fifth shorter or longer than declared, so that runs that began
    /// together do not all send again at once.
    pub const fn of(self, run: SagaId) -> Self {
        Self {
            run: Some(run),
            ..self
        }
    }

    /// How long a step is waited for whose own factor this is, from its first sending.
    pub fn give_up_after(self, times: u32) -> Duration {
        self.give_up.saturating_mul(times)
    }

    /// The wait after the command of this step was sent so often.
    pub fn resend_after<D>(self, step: &Step<D>, sendings: u32) -> Duration {
        let wait = step.resend.after(sendings);
        self.run
            .map_or(wait, |run| spread(wait, run, step.name, sendings))
    }
}
