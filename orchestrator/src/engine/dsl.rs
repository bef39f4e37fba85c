//! How a saga is declared: one line per step, read top to bottom as the business process.
//!
//! Steps before the pivot can be refused and undone. The pivot decides. Steps after it can only be
//! sent again, so [`AfterPivot`] has no word for undoing one. A saga whose opening cannot be undone
//! ([`Unopened::opened_for_good`]) offers nothing but the pivot.

use contract::{Command, Refusal, Why};

use super::resend::Resend;

/// Builds the command that a step sends, from the saga's own data.
pub type Ask<D> = fn(&D) -> Command;

/// Builds an undo that tells why: from the saga's data and what stopped it.
pub type Tell<D> = fn(&D, &Refusal) -> Command;

/// When a step belongs to a run. A run's data never change, so from its start to its end a step does or does not.
#[derive(Debug, Clone)]
pub struct When<D> {
    /// In words: "there is something to give back".
    words: &'static str,
    holds: fn(&D) -> bool,
}

/// A whole saga. [`Saga::combinations`] are what runs go through.
#[derive(Debug, Clone)]
pub struct Saga<D> {
    /// Its name, as messages and the dashboard write it.
    pub name: &'static str,
    /// Its version: a run stays with the one that it was begun with.
    pub version: i32,
    /// What it guarantees, in one sentence.
    pub promise: &'static str,
    /// Its steps, in order.
    pub steps: Vec<Step<D>>,
    /// On what some of them depend.
    conditions: Vec<When<D>>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step<D> {
    /// Its name, unique in the saga.
    pub name: &'static str,
    /// What it does, and what can happen to it.
    pub kind: Kind<D>,
    /// When its command, or its undo, is sent again that was not answered.
    pub resend: Resend,
    /// Why a person may say that it was done outside the platform; none of a step of which nobody may.
    pub may_be_skipped: Option<&'static str>,
    /// Which of the saga's conditions it depends on; none of a step that every run has.
    when: Option<usize>,
}

/// What a step does, and what can happen to it.
#[derive(Debug, Clone)]
pub enum Kind<D> {
    /// Was done by whoever asked for the saga, before it asked. Without an undo it is for good.
    Opening {
        /// Why nothing has to be sent.
        because: &'static str,
        /// How it is undone; none when it cannot be.
        undo: Option<Undo<D>>,
    },
    /// Can be refused, given up, and undone.
    Undoable {
        /// The command.
        ask: Ask<D>,
        /// How it is undone.
        undo: Undo<D>,
        /// How long an answer is waited for.
        wait: Wait,
    },
    /// Decides: refused, everything before it is undone; done, the saga only goes forward.
    Pivot {
        /// The command.
        ask: Ask<D>,
    },
    /// Is sent until it is done.
    Retried {
        /// The command.
        ask: Ask<D>,
    },
}

/// How a step is undone.
#[derive(Debug, Clone)]
pub enum Undo<D> {
    /// By this command.
    With(Ask<D>),
    /// By this command, which carries the reason.
    Telling(Tell<D>),
    /// There is nothing to undo.
    Nothing {
        /// Why not.
        because: &'static str,
        /// The step whose undo gives it back too, if one does.
        by: Option<&'static str>,
    },
}

/// How long an undoable step's answer is waited for, and what the guest is told when it does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// So many times the configured time.
    pub times: u32,
    /// The refusal that stands for the missing answer.
    pub why: Why,
}

impl Wait {
    /// The wait of a step that says nothing else.
    pub const USUAL: Self = Self {
        times: 1,
        why: Why::TimedOut,
    };

    /// The refusal that stands for the missing answer.
    pub fn refusal(self) -> Refusal {
        self.why.into()
    }
}

/// Only when this is so: in words, and of a run's data. Two conditions with the same words are one.
pub const fn when<D>(words: &'static str, holds: fn(&D) -> bool) -> When<D> {
    When { words, holds }
}

/// Undone by a command.
pub fn undo<D>(ask: Ask<D>) -> Undo<D> {
    Undo::With(ask)
}

/// Undone by a command that carries the reason.
pub fn undo_telling<D>(tell: Tell<D>) -> Undo<D> {
    Undo::Telling(tell)
}

/// Nothing to undo, and why not.
pub fn nothing_to_undo<D>(because: &'static str) -> Undo<D> {
    Undo::Nothing { because, by: None }
}

/// Undone by the undo of this earlier step, and why.
pub fn undone_by<D>(step: &'static str, because: &'static str) -> Undo<D> {
    Undo::Nothing {
        because,
        by: Some(step),
    }
}

/// Waits longer than usual, and tells the guest this when no answer came.
pub const fn wait(times: u32, why: Why) -> Wait {
    Wait { times, why }
}

/// Begins a saga in its first version: its name and what it guarantees.
pub fn saga<D>(name: &'static str, promise: &'static str) -> Unopened<D> {
    Unopened(Saga {
        name,
        version: 1,
        promise,
        steps: Vec::new(),
        conditions: Vec::new(),
    })
}

/// A saga of which nothing is said yet.
#[derive(Debug)]
pub struct Unopened<D>(Saga<D>);

/// A saga that can still be undone.
#[derive(Debug)]
pub struct BeforePivot<D>(Saga<D>);

/// A saga whose opening cannot be undone, so that the next word must be the pivot.
#[derive(Debug)]
pub struct OpenedForGood<D>(Saga<D>);

/// A saga that only goes forward.
#[derive(Debug)]
pub struct AfterPivot<D>(Saga<D>);

impl<D> Unopened<D> {
    /// Another version than the first. The former ones stay beside it until none of their runs is open.
    pub fn version(self, version: i32) -> Self {
        Self(Saga { version, ..self.0 })
    }

    /// What was already done when the saga was asked for: no message is sent for it, but it is undone.
    pub fn opened_by(self, name: &'static str, because: &'static str, undo: Undo<D>) -> BeforePivot<D> {
        let undo = Some(undo);
        BeforePivot(self.0.with(name, Kind::Opening { because, undo }))
    }

    /// What was already done when the saga was asked for, and is never taken back.
    pub fn opened_for_good(self, name: &'static str, because: &'static str) -> OpenedForGood<D> {
        OpenedForGood(self.0.with(name, Kind::Opening { because, undo: None }))
    }

    /// A first step that can be refused and undone.
    pub fn step(self, name: &'static str, ask: Ask<D>, undo: Undo<D>) -> BeforePivot<D> {
        BeforePivot(self.0).step(name, ask, undo)
    }

    /// Decides at once.
    pub fn pivot(self, name: &'static str, ask: Ask<D>) -> AfterPivot<D> {
        BeforePivot(self.0).pivot(name, ask)
    }
}

impl<D> BeforePivot<D> {
    /// A step that can be refused and undone.
    pub fn step(self, name: &'static str, ask: Ask<D>, undo: Undo<D>) -> Self {
        self.slow_step(name, ask, undo, Wait::USUAL)
    }

    /// A step that only some runs have.
    pub fn step_when(self, when: When<D>, name: &'static str, ask: Ask<D>, undo: Undo<D>) -> Self {
        Self(self.step(name, ask, undo).0.only(when))
    }

    /// A step whose answer is waited for longer than usual.
    pub fn slow_step(self, name: &'static str, ask: Ask<D>, undo: Undo<D>, wait: Wait) -> Self {
        Self(self.0.with(name, Kind::Undoable { ask, undo, wait }))
    }

    /// The step before this word is sent again so.
    pub fn resend(self, resend: Resend) -> Self {
        Self(self.0.resending(resend))
    }

    /// The step before this word may be skipped, because somebody can do it outside the platform. Never the pivot.
    ///
    /// # Panics
    /// When it is the opening or the pivot.
    pub fn may_be_skipped(self, because: &'static str) -> Self {
        Self(self.0.skippable(because))
    }

    /// The step that decides.
    pub fn pivot(self, name: &'static str, ask: Ask<D>) -> AfterPivot<D> {
        AfterPivot(self.0.with(name, Kind::Pivot { ask }))
    }
}

impl<D> OpenedForGood<D> {
    /// The step that decides.
    pub fn pivot(self, name: &'static str, ask: Ask<D>) -> AfterPivot<D> {
        AfterPivot(self.0.with(name, Kind::Pivot { ask }))
    }
}

impl<D> AfterPivot<D> {
    /// A step that is sent until it is done.
    pub fn then(self, name: &'static str, ask: Ask<D>) -> Self {
        Self(self.0.with(name, Kind::Retried { ask }))
    }

    /// The same of only some runs.
    pub fn then_when(self, when: When<D>, name: &'static str, ask: Ask<D>) -> Self {
        Self(self.then(name, ask).0.only(when))
    }

    /// The step before this word is sent again so.
    pub fn resend(self, resend: Resend) -> Self {
        Self(self.0.resending(resend))
    }

    /// The step before this word may be skipped, because somebody can do it outside the platform. Never the pivot.
    ///
    /// # Panics
    /// When it is the opening or the pivot.
    pub fn may_be_skipped(self, because: &'static str) -> Self {
        Self(self.0.skippable(because))
    }

    /// The saga, whole.
    pub fn build(self) -> Saga<D> {
        self.0
    }
}

impl<D> Saga<D> {
    fn with(mut self, name: &'static str, kind: Kind<D>) -> Self {
        assert!(
            self.steps.iter().all(|step| step.name != name),
            "two steps of {} are named {name}",
            self.name
        );
        let by = |kind: &Kind<D>| match kind {
            Kind::Undoable {
                undo: Undo::Nothing { by, .. },
                ..
            } => *by,
            _ => None,
        };
        let of_every_run = |by| self.position(by).is_some_and(|by| self.steps[by].when.is_none());
        assert!(
            by(&kind).is_none_or(of_every_run),
            "{name} of {} is undone by a step that does not come before it in every run",
            self.name
        );
        self.steps.push(Step {
            name,
            kind,
            resend: Resend::USUAL,
            may_be_skipped: None,
            when: None,
        });
        self
    }

    /// The newest step is one that only some runs have.
    fn only(mut self, when: When<D>) -> Self {
        let known = self.conditions.iter().position(|known| known.words == when.words);
        let condition = known.unwrap_or(self.conditions.len());
        if known.is_none() {
            self.conditions.push(when);
        }
        if let Some(step) = self.steps.last_mut() {
            step.when = Some(condition);
        }
        self
    }

    fn skippable(mut self, because: &'static str) -> Self {
        let name = self.name;
        let newest = self.steps.last_mut();
        let step = newest.filter(|step| matches!(step.kind, Kind::Undoable { .. } | Kind::Retried { .. }));
        let step = step.unwrap_or_else(|| panic!("an opening or the pivot of {name} is never skipped"));
        step.may_be_skipped = Some(because);
        self
    }

    fn resending(mut self, resend: Resend) -> Self {
        if let Some(step) = self.steps.last_mut() {
            step.resend = resend;
        }
        self
    }

    /// On what a step depends, in words; none of one that every run has.
    pub fn condition(&self, step: &Step<D>) -> Option<&'static str> {
        Some(self.conditions.get(step.when?)?.words)
    }

    /// The saga with the steps that apply, for each combination of its conditions: one where there is none. The n-th is that
    /// of the runs whose [`Saga::combination`] is n.
    pub fn combinations(&self) -> Vec<Self>
    where
        D: Clone,
    {
        let applying = |combination: usize| {
            let applies = |step: &&Step<D>| step.when.is_none_or(|when| combination >> when & 1 == 1);
            let steps = self.steps.iter().filter(applies).cloned();
            let steps = steps.map(|step| Step { when: None, ..step });
            Self {
                steps: steps.collect(),
                conditions: Vec::new(),
                ..self.clone()
            }
        };
        (0..1 << self.conditions.len()).map(applying).collect()
    }

    /// Which combination of its conditions this data are.
    pub fn combination(&self, data: &D) -> usize {
        let conditions = self.conditions.iter().enumerate();
        conditions.fold(0, |all, (number, when)| {
            all | usize::from((when.holds)(data)) << number
        })
    }

    /// Where a step stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }
}
