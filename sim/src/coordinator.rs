//! The orchestrator's tables and its runner in two processes: rows are read, the log perhaps from memory, the engine
//! decides, lines and commands are committed together, under an epoch that only the owner has.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Command, SagaId};
use orchestrator::engine::{Entry, Input, Pace, Run, StepKind, What};
use orchestrator::sagas;

use crate::planted;

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
    /// The owner's epoch when it was written.
    pub owner: u64,
}

/// How a log has gone so far. A line never changes, so each is looked at once, when it is written.
#[derive(Debug, Default)]
pub struct Course {
    pivot: bool,
    undoing: bool,
    /// The first line that must not be there, in words.
    pub wrong: Option<String>,
}

impl Course {
    /// Nothing is undone after the pivot, nobody goes forward after the undoing began, what is settled is settled
    /// once and not sent again, and only the owner writes.
    fn follow(&mut self, line: &Line, earlier: &[Line]) {
        let Line {
            step, epoch, owner, ..
        } = line;
        let is_settled =
            |known: &Line| known.outcome != "sent" && known.undo == line.undo && known.step == *step;
        self.undoing |= line.undo;
        self.pivot |= line.kind == StepKind::Pivot && !line.undo && line.outcome == "ok";
        if epoch != owner {
            let why = || format!("{step} was written under epoch {epoch} when {owner} was the owner's");
            self.wrong.get_or_insert_with(why);
        } else if self.undoing && (self.pivot || !line.undo) {
            let why = || format!("{step} {} after the turn", line.outcome);
            self.wrong.get_or_insert_with(why);
        } else if earlier.iter().any(is_settled) {
            let what = if line.undo { "the undo of " } else { "" };
            let why = || format!("{what}{step} {} after it was settled", line.outcome);
            self.wrong.get_or_insert_with(why);
        }
    }
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
    /// How it has gone.
    pub course: Course,
}

/// A command on its way out.
pub type Sent = (SagaId, &'static str, bool, u32, Command);

/// The epoch has ended: nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced;

/// A process: its epoch, and the logs that it remembers, each with the number of lines it had.
#[derive(Debug, Default)]
struct Process {
    epoch: u64,
    recent: BTreeMap<SagaId, (usize, Vec<Entry>)>,
}

/// Rows of the orchestrator's schema, and what two processes remember.
#[derive(Debug, Default)]
pub struct Coordinator {
    /// Sagas.
    pub sagas: BTreeMap<SagaId, Kept>,
    /// The epoch that has not ended.
    pub epoch: u64,
    /// The process that owns it.
    pub owner: usize,
    processes: [Process; 2],
    /// How often a step was given up.
    pub given_up: u64,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
}

impl Coordinator {
    /// The other process takes over: the former epoch ends and the next begins. It still remembers what it knew
    /// when it was the owner before.
    pub fn take_over(&mut self) {
        self.owner = 1 - self.owner;
        self.epoch += 1;
        self.processes[self.owner].epoch = self.epoch;
    }

    /// The process is started anew and remembers nothing.
    pub fn forget(&mut self, process: usize) {
        self.processes[process].recent.clear();
    }

    /// Whether the process remembers sagas that have gone on without it.
    pub fn remembers_old(&self, process: usize) -> bool {
        let mut recent = self.processes[process].recent.iter();
        recent.any(|(id, (lines, _))| self.sagas.get(id).is_some_and(|kept| kept.lines.len() > *lines))
    }

    /// Begins a transaction: production's statement that holds the epoch's row.
    ///
    /// # Errors
    /// When the process's epoch has ended.
    pub fn hold_epoch(&self, process: usize) -> Result<(), Fenced> {
        if self.processes[process].epoch == self.epoch || planted!(EpochNotChecked) {
            Ok(())
        } else {
            Err(Fenced)
        }
    }

    /// Starts a saga, once.
    pub fn start(
        &mut self,
        process: usize,
        saga_id: SagaId,
        data: &SagaData,
        now: DateTime<Utc>,
    ) -> Vec<Sent> {
        if self.sagas.contains_key(&saga_id) {
            return Vec::new();
        }
        let kept = Kept {
            data: data.clone(),
            run: Run::new(),
            lines: Vec::new(),
            course: Course::default(),
        };
        self.sagas.insert(saga_id, kept);
        self.advance(process, saga_id, &Input::Start, now)
    }

    /// Lets the engine decide on a message, and appends what it says. Answers the commands.
    pub fn advance(
        &mut self,
        process: usize,
        saga_id: SagaId,
        input: &Input<'_>,
        now: DateTime<Utc>,
    ) -> Vec<Sent> {
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Vec::new();
        };
        let process = &mut self.processes[process];
        let known = process.recent.remove(&saga_id);
        let known = known.filter(|(lines, _)| *lines == kept.lines.len() || planted!(SnapshotBelieved));
        let read = known.is_none().then(|| kept.run.log.clone());
        // From memory or from the table: the same, unless a memory is believed that should not be.
        let stored = std::mem::replace(
            &mut kept.run.log,
            known.map(|(_, log)| log).or(read).unwrap_or_default(),
        );
        let before = kept.run.log.len();
        let mut sent = Vec::new();
        self.given_up += append(kept, saga_id, input, now, (process.epoch, self.epoch), &mut sent);
        self.writes += 1;
        let log = kept.run.log.clone();
        let added = std::mem::replace(&mut kept.run.log, stored);
        kept.run.log.extend(added.into_iter().skip(before));
        if !kept.run.state.is_terminal() {
            process.recent.insert(saga_id, (kept.lines.len(), log));
        }
        sent
    }

    /// The timer looks at a saga, whose log it always reads.
    pub fn fire(&mut self, process: usize, saga_id: SagaId, now: DateTime<Utc>) -> Vec<Sent> {
        let epochs = (self.processes[process].epoch, self.epoch);
        let mut sent = Vec::new();
        if let Some(kept) = self.sagas.get_mut(&saga_id) {
            self.given_up += append(kept, saga_id, &Input::Time, now, epochs, &mut sent);
            self.writes += 1;
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
}

/// Appends what the engine says. Answers how many steps were given up.
fn append(
    kept: &mut Kept,
    saga_id: SagaId,
    input: &Input<'_>,
    now: DateTime<Utc>,
    (epoch, owner): (u64, u64),
    sent: &mut Vec<Sent>,
) -> u64 {
    let mut given_up = 0;
    for line in sagas::advance(&kept.data, &mut kept.run, input, now, PACE) {
        let (step, kind, undo) = (line.step, line.kind, line.undo);
        let outcome = match line.what {
            What::Sent { attempt, command } => {
                sent.push((saga_id, step, undo, attempt, command));
                "sent"
            }
            What::Settled { outcome, .. } => {
                given_up += u64::from(outcome == "given_up");
                outcome
            }
        };
        let line = Line {
            step,
            kind,
            undo,
            outcome,
            epoch,
            owner,
        };
        kept.course.follow(&line, &kept.lines);
        kept.lines.push(line);
    }
    given_up
}
