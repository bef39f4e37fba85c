//! The orchestrator's tables and its runner in two processes: a run is remembered or its journal is read, the engine
//! decides, lines and commands are written together, under an epoch that only the owner has and under numbers that
//! nobody has taken.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::SagaId;
use contract::saga::SagaData;
use orchestrator::engine::{self, Input, Moves, Pace, Run, StepKind, Verb, What};
use orchestrator::sagas;

use crate::broker::Deadline;
use crate::planted;

/// How patient the sagas are.
pub const PACE: Pace = Pace::new(Duration::from_mins(1));

/// A line of a journal.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it says.
    pub said: engine::Line,
    /// Its number.
    pub seq: u32,
    /// The step.
    pub step: &'static str,
    /// Its kind.
    pub kind: StepKind,
    /// Under which epoch it was written.
    pub epoch: u64,
    /// The owner's epoch when it was written.
    pub owner: u64,
}

/// How a journal has gone so far. A line never changes, so each is looked at once, when it is written.
#[derive(Debug, Default)]
pub struct Course {
    pivot: bool,
    undoing: bool,
    /// The newest round, less one.
    rounds: u32,
    /// Verbs that begin a round.
    turns: u32,
    /// When the run was paused, from and to.
    pauses: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Replies that were written while it was.
    pub replies_while_paused: u64,
    /// The first line that must not be there, in words.
    pub wrong: Option<String>,
}

impl Course {
    /// Lines have no gap, nothing is undone after the pivot, nobody goes forward after the undoing began but in a newer
    /// round, which a person has begun, a step ends once a round and is not sent again then, and only the owner
    /// writes.
    fn follow(&mut self, line: &Line, earlier: &[Line]) {
        let Line {
            step,
            epoch,
            owner,
            said,
            ..
        } = line;
        let is_end = |known: &Line| {
            let (what, of) = (known.said.what, (known.step, known.said.undo, known.said.round));
            what.ends_step() && of == (*step, said.undo, said.round)
        };
        let wanted = u32::try_from(earlier.len() + 1).unwrap_or(u32::MAX);
        let verb = said.verb.as_ref().map(|spoken| spoken.verb);
        self.turns += u32::from(matches!(verb, Some(Verb::Retry | Verb::BackTo | Verb::Settle)));
        if said.round > self.rounds + 1 {
            self.rounds = said.round - 1;
            self.undoing = false;
        }
        self.undoing |= said.undo;
        self.pivot |= line.kind == StepKind::Pivot && said.what == What::Done;
        if epoch != owner {
            let why = || format!("{step} was written under epoch {epoch} when {owner} was the owner's");
            self.wrong.get_or_insert_with(why);
        } else if self.rounds > self.turns {
            let why = || format!("{step} begins a round that nobody has asked for");
            self.wrong.get_or_insert_with(why);
        } else if line.seq != wanted {
            let why = || format!("{step} was written as line {} where {wanted} is next", line.seq);
            self.wrong.get_or_insert_with(why);
        } else if self.undoing && (self.pivot || !said.undo) {
            let why = || format!("{step} {} after the turn", said.what.word());
            self.wrong.get_or_insert_with(why);
        } else if said.what != What::Verb && earlier.iter().any(is_end) {
            let what = if said.undo { "the undo of " } else { "" };
            let why = || format!("{what}{step} {} after it had ended", said.what.word());
            self.wrong.get_or_insert_with(why);
        }
    }
}

impl Course {
    /// While a run is paused, since when is given, no time runs out; and what was paused meanwhile does not count against a
    /// step that may take so long. Replies are written all the same.
    fn rest(&mut self, line: &Line, since: Option<DateTime<Utc>>, may_take: Option<Duration>) {
        let (step, said) = (line.step, &line.said);
        if since.is_some() && said.answer.is_some() {
            self.replies_while_paused += 1;
        }
        if since.is_some() && matches!(said.what, What::SentAgain | What::GivenUp) {
            let why = || format!("{step} {} while the run was paused", said.what.word());
            self.wrong.get_or_insert_with(why);
        }
        let Some((sent_at, may_take)) = said.sent_at.zip(may_take) else {
            return;
        };
        let paused = self.pauses.iter().map(|(from, to)| *to - (*from).max(sent_at));
        let paused: TimeDelta = paused.filter(|paused| *paused > TimeDelta::zero()).sum();
        if said.what == What::GivenUp && said.at < sent_at + paused + may_take {
            let why = || format!("{step} given up before its time");
            self.wrong.get_or_insert_with(why);
        }
    }

    /// A run that was paused before, since when is given, and is or is not after these moves.
    fn pause(&mut self, before: Option<DateTime<Utc>>, after: Option<DateTime<Utc>>, moves: &Moves) {
        if after.is_some() && !moves.commands.is_empty() {
            let why = || "a command is sent while the run is paused".to_owned();
            self.wrong.get_or_insert_with(why);
        }
        let end = moves.lines.last().map(|line| line.at);
        if let (Some(from), None, Some(to)) = (before, after, end) {
            self.pauses.push((from, to));
        }
    }
}

/// A saga as its rows say.
#[derive(Debug)]
pub struct Kept {
    /// What it runs on.
    pub data: SagaData,
    /// Where it stands, by its journal.
    pub run: Run,
    /// Its journal.
    pub lines: Vec<Line>,
    /// How it has gone.
    pub course: Course,
}

/// A command on its way out, and until when its answer is waited for.
pub type Sent = (SagaId, engine::Sent, Deadline);

/// The epoch has ended: nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced;

/// A process: its epoch, and the runs that it remembers.
#[derive(Debug, Default)]
struct Process {
    epoch: u64,
    recent: BTreeMap<SagaId, Run>,
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
        recent.any(|(id, run)| self.sagas.get(id).is_some_and(|kept| kept.run.seq > run.seq))
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
        let epochs = (process.epoch, self.epoch);
        let known = process.recent.remove(&saga_id);
        let remembered = known.and_then(|run| kept.decide(saga_id, run, input, now));
        // What was decided on a run that has gone on cannot be written, and what would be ignored is looked at again.
        let decided = remembered
            .filter(|decided| decided.before == kept.run.seq || planted!(SnapshotBelieved))
            .or_else(|| kept.decide(saga_id, kept.run.clone(), input, now));
        self.writes += 1;
        let Some(decided) = decided else {
            return Vec::new();
        };
        if !decided.run.state.is_terminal() {
            process.recent.insert(saga_id, decided.run.clone());
        }
        self.given_up += kept.append(&decided, epochs);
        let deadline = kept.deadline();
        let commands = decided.moves.commands.into_iter();
        commands.map(|sent| (saga_id, sent, deadline)).collect()
    }

    /// The timer looks at a saga, whose journal it always reads.
    pub fn fire(&mut self, process: usize, saga_id: SagaId, now: DateTime<Utc>) -> Vec<Sent> {
        let epochs = (self.processes[process].epoch, self.epoch);
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Vec::new();
        };
        self.writes += 1;
        let Some(decided) = kept.decide(saga_id, kept.run.clone(), &Input::Time, now) else {
            return Vec::new();
        };
        self.given_up += kept.append(&decided, epochs);
        let deadline = kept.deadline();
        let commands = decided.moves.commands.into_iter();
        commands.map(|sent| (saga_id, sent, deadline)).collect()
    }

    /// How many lines a saga's journal has.
    pub fn lines_of(&self, saga_id: SagaId) -> usize {
        self.sagas.get(&saga_id).map_or(0, |kept| kept.lines.len())
    }

    /// Sagas whose time has come.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<SagaId> {
        let due = self
            .sagas
            .iter()
            .filter(|(_, kept)| kept.run.due().is_some_and(|due| due <= now));
        due.map(|(id, _)| *id).collect()
    }

    /// When the next saga is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.sagas.values().filter_map(|kept| kept.run.due()).min()
    }
}

/// What the engine made of an input.
struct Decided {
    /// The number of the last line that it knew.
    before: u32,
    /// Where the run stands after it.
    run: Run,
    moves: Moves,
}

impl Kept {
    /// Lets the engine decide on the run as somebody knows it; nothing where it would change nothing.
    fn decide(
        &self,
        saga_id: SagaId,
        mut run: Run,
        input: &Input<'_>,
        now: DateTime<Utc>,
    ) -> Option<Decided> {
        let before = run.seq;
        let moves = sagas::advance(&self.data, &mut run, input, now, PACE.of(saga_id));
        (!moves.lines.is_empty()).then_some(Decided { before, run, moves })
    }

    /// When what the run waits for is given up.
    fn deadline(&self) -> Deadline {
        let waiting = self.run.waiting?;
        let step = sagas::outline(&self.data).steps.get(waiting.step)?;
        waiting.gives_up_at(step.given_up_after_times, PACE)
    }

    /// Appends what was decided. Answers how many steps were given up.
    fn append(&mut self, decided: &Decided, (epoch, owner): (u64, u64)) -> u64 {
        let mut given_up = 0;
        let paused = self.run.paused;
        let steps = &sagas::outline(&self.data).steps;
        for (seq, said) in (decided.before + 1..).zip(&decided.moves.lines) {
            given_up += u64::from(said.what == What::GivenUp);
            let line = Line {
                said: said.clone(),
                seq,
                step: steps[said.step].name,
                kind: steps[said.step].kind,
                epoch,
                owner,
            };
            self.course.follow(&line, &self.lines);
            let times = steps[said.step].given_up_after_times;
            let may_take = times.map(|times| PACE.give_up_after(times));
            self.course.rest(&line, paused, may_take);
            self.lines.push(line);
        }
        self.course.pause(paused, decided.run.paused, &decided.moves);
        self.run = decided.run.clone();
        given_up
    }
}
