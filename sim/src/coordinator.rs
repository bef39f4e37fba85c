//! The orchestrator's tables and its runner: the log is read, the engine decides, lines and commands are committed
//! together, under an epoch that only the owner has.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Command, SagaId};
use orchestrator::engine::{Input, Pace, Run, StepKind, What};
use orchestrator::sagas;

/// How patient the sagas are.
pub const PACE: Pace = Pace {
    resend: Duration::from_secs(5),
    give_up: Duration::from_mins(1),
};

/// A line of a saga's log.
#[derive(Debug, Clone)]
pub struct Line {
    /// The step.
    pub step: &'static str,
    /// Its kind.
    pub kind: StepKind,
    /// Whether it is the step's undo.
    pub undo: bool,
    /// `sent`, or how it was settled.
    pub outcome: &'static str,
    /// Under which epoch it was written.
    pub epoch: u64,
}

/// A saga as its rows say.
#[derive(Debug)]
pub struct Kept {
    /// What it runs on.
    pub data: SagaData,
    /// The run.
    pub run: Run,
    /// Its log.
    pub lines: Vec<Line>,
}

/// A command on its way out.
pub type Sent = (SagaId, &'static str, bool, u32, Command);

/// Rows of the orchestrator's schema.
#[derive(Debug, Default)]
pub struct Coordinator {
    /// Sagas.
    pub sagas: BTreeMap<SagaId, Kept>,
    /// The current owner's epoch.
    pub epoch: u64,
    /// How often a command was sent again.
    pub resent: u64,
    /// How often a step was given up.
    pub given_up: u64,
}

impl Coordinator {
    /// Starts a saga, once.
    pub fn start(&mut self, saga_id: SagaId, data: &SagaData, now: DateTime<Utc>, epoch: u64) -> Vec<Sent> {
        if self.sagas.contains_key(&saga_id) {
            return Vec::new();
        }
        let kept = Kept {
            data: data.clone(),
            run: Run::new(),
            lines: Vec::new(),
        };
        self.sagas.insert(saga_id, kept);
        self.advance(saga_id, &Input::Start, now, epoch)
    }

    /// Lets the engine decide, and appends what it says. Answers the commands.
    pub fn advance(
        &mut self,
        saga_id: SagaId,
        input: &Input<'_>,
        now: DateTime<Utc>,
        epoch: u64,
    ) -> Vec<Sent> {
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Vec::new();
        };
        let mut sent = Vec::new();
        for line in sagas::advance(&kept.data, &mut kept.run, input, now, PACE) {
            let outcome = match line.what {
                What::Sent { attempt, command } => {
                    self.resent += u64::from(attempt > 1);
                    sent.push((saga_id, line.step, line.undo, attempt, command));
                    "sent"
                }
                What::Settled { outcome, .. } => {
                    self.given_up += u64::from(outcome == "given_up");
                    outcome
                }
            };
            let (step, kind, undo) = (line.step, line.kind, line.undo);
            kept.lines.push(Line {
                step,
                kind,
                undo,
                outcome,
                epoch,
            });
        }
        sent
    }

    /// Sagas whose time has come.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<SagaId> {
        let due = self
            .sagas
            .iter()
            .filter(|(_, kept)| kept.run.waiting.is_some_and(|waiting| waiting.due <= now));
        due.map(|(id, _)| *id).collect()
    }

    /// When the next saga is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.sagas
            .values()
            .filter_map(|kept| Some(kept.run.waiting?.due))
            .min()
    }

    /// Whether all have ended.
    pub fn is_at_rest(&self) -> bool {
        self.sagas.values().all(|kept| kept.run.state.is_terminal())
    }
}
