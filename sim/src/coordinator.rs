//! The orchestrator's tables and its runner in two processes: a run is remembered or its journal is read, the engine
//! decides, lines and commands are written together, under an epoch that only the owner has and under numbers that
//! nobody has taken.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::refusal::Code;
use contract::saga::SagaData;
use contract::{Outcome, Reply, ReservationId, SagaId};
use orchestrator::engine::{self, Input, Moves, Pace, Run, What};
use orchestrator::sagas;

use crate::broker::{Deadline, Said};
use crate::course::{Course, Line};
use crate::planted;

/// How patient the sagas are.
pub const PACE: Pace = Pace::new(Duration::from_mins(1));

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
    /// Because of which steps something is or was owed, and whether it is settled.
    pub debts: Vec<(&'static str, bool)>,
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
            debts: Vec::new(),
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
        let lines = kept.lines.len();
        let heard = match input {
            Input::Reply(reply) => Some((*reply, kept.awaits(reply))),
            _ => None,
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
        if let Some(decided) = &decided {
            if !decided.run.state.is_terminal() {
                process.recent.insert(saga_id, decided.run.clone());
            }
            self.given_up += kept.append(decided, epochs);
        }
        if let Some((reply, is_awaited)) = heard {
            kept.course.hear(reply, is_awaited, &kept.lines[lines..]);
        }
        let Some(decided) = decided else {
            return Vec::new();
        };
        let deadline = kept.deadline();
        let commands = decided.moves.commands.into_iter();
        commands.map(|sent| (saga_id, sent, deadline)).collect()
    }

    /// The owner hears a verb. Answers the commands; none if the run has gone on since the operator saw it.
    pub fn obey(&mut self, process: usize, said: &Said, now: DateTime<Utc>) -> Option<Vec<Sent>> {
        let kept = self.sagas.get(&said.saga_id)?;
        if kept.run.has_obeyed(said.spoken.verb_id) {
            return Some(Vec::new());
        }
        if kept.run.has_gone_on_since(said.seen) {
            return None;
        }
        let (before, debts) = (kept.run.seq, kept.debts.len());
        let sent = self.advance(process, said.saga_id, &Input::Verb(&said.spoken), now);
        let kept = self.sagas.get_mut(&said.saga_id)?;
        if kept.run.seq > before && said.seen.is_some_and(|seen| seen != before) {
            let why = || {
                format!(
                    "{} is obeyed in a version that nobody saw",
                    said.spoken.verb.word()
                )
            };
            kept.course.wrong.get_or_insert_with(why);
        }
        if said.seen.is_some() && !said.is_as_shown(&sent, &kept.debts[debts..]) {
            let why = || {
                format!(
                    "{} came to something else than was shown",
                    said.spoken.verb.word()
                )
            };
            kept.course.wrong.get_or_insert_with(why);
        }
        Some(sent)
    }

    /// Whether a run owes something because of this reservation.
    pub fn owes(&self, reservation_id: ReservationId) -> bool {
        let mut sagas = self.sagas.values();
        sagas.any(|kept| kept.owes() && kept.data.reservation_id() == reservation_id)
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

    /// Whether it owes something.
    pub fn owes(&self) -> bool {
        self.debts.iter().any(|(_, is_settled)| !is_settled)
    }

    /// Whether it waits for this answer, which says something.
    fn awaits(&self, reply: &Reply) -> bool {
        let steps = &sagas::outline(&self.data).steps;
        let waits = self.run.waiting.is_some_and(|waiting| {
            (steps[waiting.step].name, waiting.undo, self.run.round)
                == (&*reply.step, reply.undo, reply.round)
        });
        waits && !matches!(&reply.outcome, Outcome::Refused(refusal) if refusal.is(Code::TooLate))
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
            self.course.go_back(&line, steps);
            let times = steps[said.step].given_up_after_times;
            let may_take = times.map(|times| PACE.give_up_after(times));
            self.course.rest(&line, paused, may_take);
            self.lines.push(line);
        }
        self.course.pause(paused, decided.run.paused, &decided.moves);
        let owed = decided.moves.owed.iter();
        self.debts.extend(owed.map(|owed| (owed.step, false)));
        if let Some(settled) = &decided.moves.settled {
            let of_these = |debt: &&mut (&'static str, bool)| settled.steps.contains(&debt.0);
            self.debts
                .iter_mut()
                .filter(of_these)
                .for_each(|debt| debt.1 = true);
        }
        self.run = decided.run.clone();
        given_up
    }
}
