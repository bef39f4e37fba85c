//! Where a run stands: what its journal comes to, and what follows from that. Pure: the same lines always lead to the
//! same standing, whether they were just written or are read years later.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{Command, VerbId, Why};

use super::decide::{Decision, Entry, decide};
use super::dsl::{Saga, Step};
use super::journal::{HeldBack, Line, What};
use super::outline::StepKind;
use super::settle::{self, Owing};
use super::state::State;
use super::verb::{Spoken, Verb};
use super::waiting::{Asked, At, Held, Pace, Waiting};

/// Where a run stands: what its journal comes to, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The version of the saga that it was begun with; none before the start.
    pub version: Option<i32>,
    /// Lines of its journal so far, which is the number of the last one.
    pub seq: u32,
    /// Which round it is in, from 1.
    pub round: u32,
    /// How steps ended, in order: of each, in its newest round.
    pub log: Vec<Entry>,
    /// The newest round of each step that has one.
    rounds: Vec<u32>,
    /// Where it stands.
    pub state: State,
    /// What it is about to do, waits for, or is stuck at; none before the start and at the end.
    pub at: Option<At>,
    /// The command whose reply it waits for; none before the start, at the end, and where a pause holds it back.
    pub waiting: Option<Waiting>,
    /// Why it was undone, is stuck or was abandoned.
    pub reason: Option<String>,
    /// Since when it is paused.
    pub paused: Option<DateTime<Utc>>,
    /// The rule that holds its command back.
    pub held: Option<Held>,
    /// Verbs that it has obeyed.
    pub(super) spoken: Vec<VerbId>,
    /// Since when and how often what it waits for was asked for.
    asked: Option<Asked>,
    /// Why a person has given it up.
    abandoned: Option<String>,
    /// The step to which it goes back, while what comes after it is undone.
    back_to: Option<usize>,
    /// What it owes.
    pub(super) owing: Owing,
}

/// What follows from lines.
#[derive(Default)]
pub(super) struct Follows {
    /// What is waited for, or would be sent if nothing held it back; none where the run has ended and nothing is settled.
    pub(super) command: Option<Command>,
    /// Which step that does or undoes, and how often it was sent.
    pub(super) sending: Option<(At, u32)>,
    /// Whether it is sent now.
    pub(super) is_sent: bool,
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
            at: None,
            waiting: None,
            reason: None,
            paused: None,
            held: None,
            spoken: Vec::new(),
            asked: None,
            abandoned: None,
            back_to: None,
            owing: Owing::new(),
        }
    }

    /// The same, to be begun with this version.
    pub fn begun_with(version: i32) -> Self {
        Self {
            version: Some(version),
            ..Self::new()
        }
    }

    /// When the timer looks at it; none of one that has ended or is paused. Of one that a rule holds back the first look,
    /// unless the rule is lifted before.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        if let Some(held) = self.held {
            return Some(held.look(held.since));
        }
        let waiting = self.waiting.filter(|_| self.paused.is_none())?;
        Some(waiting.due)
    }

    /// Whether it undoes what comes after a step, to go forward from there.
    pub(super) const fn is_going_back(&self) -> bool {
        self.back_to.is_some()
    }

    /// Adds lines, and answers what follows from all of them.
    pub(super) fn add<D>(&mut self, saga: &Saga<D>, data: &D, lines: &[Line], pace: Pace) -> Follows {
        let mut is_sent = false;
        for line in lines {
            is_sent = self.line(saga, line);
            self.owing.add(saga, data, &self.log, line);
        }
        let Some(last) = lines.last() else {
            return Follows::default();
        };
        let mut command = self.stand(saga, data, pace);
        let mut sending = self.waiting.map(|waiting| (waiting.at(), waiting.sendings));
        if let Some(at) = settle::sent_by(last) {
            (command, sending) = (settle::command(saga, data, at), Some((at, 1)));
        }
        Follows {
            command,
            sending,
            is_sent,
        }
    }

    /// Answers whether what follows is sent now.
    fn line<D>(&mut self, saga: &Saga<D>, line: &Line) -> bool {
        self.seq += 1;
        if self.owing.awaits(line) {
            return false;
        }
        if !line.undo && line.round > self.round {
            // Only where it has turned does a line forward begin a round; of what was stuck, the verb does.
            self.turn();
        }
        if let Some(by) = line.held_back {
            return self.hold_back(line, by);
        }
        self.end_hold(line.at);
        if let Some(spoken) = &line.verb {
            self.spoken.push(spoken.verb_id);
            return self.obey(saga, line, spoken);
        }
        self.round = self.round.max(line.round);
        let opening = saga.steps.first().map(Step::kind);
        match line.entry() {
            Some(entry) => self.end_step(line.round, entry),
            None if line.what == What::Opened && opening == Some(StepKind::Opening) => {
                self.end_step(line.round, Entry::Done(line.step));
            }
            None => {}
        }
        self.asked = match line.what {
            What::SentAgain | What::Released => Some(Asked::again(self.asked, line)),
            // What is next is held back.
            _ if self.paused.is_some() => None,
            _ => Some(Asked::first(line.at)),
        };
        self.asked.is_some()
    }

    /// A rule holds back what would be sent. What was sent before stays asked for.
    fn hold_back(&mut self, line: &Line, by: HeldBack) -> bool {
        let since = self.held.map_or(line.at, |held| held.since);
        self.held = Some(Held { by, since });
        let asked = self.asked.filter(|_| line.sendings > 0);
        self.asked = asked.map(|asked| Asked {
            sendings: line.sendings,
            ..asked
        });
        false
    }

    /// Nothing is held back any more: what was asked for may take as much longer as that was long.
    fn end_hold(&mut self, at: DateTime<Utc>) {
        if let Some(held) = self.held.take()
            && let Some(asked) = &mut self.asked
        {
            asked.paused += at - held.since;
            asked.last += at - held.since;
        }
    }

    /// What a verb makes of the run. Answers whether what follows is sent now.
    fn obey<D>(&mut self, saga: &Saga<D>, line: &Line, spoken: &Spoken) -> bool {
        match spoken.verb {
            Verb::Retry if line.round > self.round => {
                self.round = line.round;
                let at = At {
                    step: line.step,
                    undo: line.undo,
                };
                self.log.retain(|entry| !at.is_refused_by(entry));
                (self.reason, self.paused) = (None, None);
                self.asked = Some(Asked::first(line.at));
                true
            }
            Verb::Retry => {
                self.asked = Some(Asked::again(self.asked, line));
                true
            }
            Verb::Pause => {
                self.paused = Some(line.at);
                false
            }
            Verb::Resume => self.resume(line),
            // What is being undone already is undone to the end.
            Verb::Cancel if line.undo => {
                self.back_to = None;
                false
            }
            Verb::Cancel => self.halt(line),
            Verb::BackTo => {
                self.back_to = spoken.step.as_deref().and_then(|step| saga.position(step));
                if line.undo {
                    self.resume(line)
                } else {
                    self.halt(line)
                }
            }
            Verb::UndoneByHand => self.by_hand(line, Entry::Undone(line.step)),
            Verb::Skip => self.by_hand(line, Entry::Done(line.step)),
            Verb::Abandon => {
                self.abandoned = Some(spoken.reason.clone());
                (self.paused, self.asked, self.back_to) = (None, None, None);
                false
            }
            Verb::Settle => {
                self.round = line.round;
                true
            }
            Verb::SettledByHand => false,
        }
    }

    /// Goes on after a pause, if there is one. Answers whether what follows is sent now.
    fn resume(&mut self, line: &Line) -> bool {
        let is_in_flight = self.asked.is_some();
        let paused = self
            .paused
            .take()
            .map_or_else(TimeDelta::zero, |since| line.at - since);
        let asked = self.asked.get_or_insert(Asked::first(line.at));
        if is_in_flight {
            asked.paused += paused;
            asked.last += paused;
        }
        !is_in_flight
    }

    /// What no participant does was done outside. Answers whether what follows is sent now.
    fn by_hand(&mut self, line: &Line, entry: Entry) -> bool {
        let (step, undo) = (line.step, line.undo);
        self.log.retain(|known| !At { step, undo }.is_refused_by(known));
        self.end_step(line.round, entry);
        self.reason = None;
        self.asked = self.paused.is_none().then_some(Asked::first(line.at));
        self.asked.is_some()
    }

    /// A person stops the run at a step, which may have been done if it was sent. What follows is sent now.
    fn halt(&mut self, line: &Line) -> bool {
        let (step, why) = (line.step, Why::CancelledByOperator.into());
        let maybe_done = line.sendings > 0;
        self.end_step(
            line.round,
            if maybe_done {
                Entry::RefusedAmongSeveral(step, why)
            } else {
                Entry::Refused(step, why)
            },
        );
        self.paused = None;
        self.asked = Some(Asked::first(line.at));
        true
    }

    /// What came after the step to which the run went back is undone: it counts no more, and the next round begins.
    fn turn(&mut self) -> bool {
        let Some(mark) = self.back_to.take() else {
            return false;
        };
        self.log.retain(|entry| entry.step() <= mark);
        self.round += 1;
        true
    }

    /// What is decided now. While it goes back, everything up to the step where it turns is left alone.
    fn decide<D>(&self, saga: &Saga<D>, data: &D) -> Decision {
        let Some(mark) = self.back_to else {
            return decide(saga, data, &self.log);
        };
        let left_alone = (0..=mark).map(Entry::Undone);
        let log: Vec<Entry> = self.log.iter().cloned().chain(left_alone).collect();
        decide(saga, data, &log)
    }

    /// Of how the step ended in an older round, nothing counts any more; of its undo, not that it was refused.
    fn end_step(&mut self, round: u32, entry: Entry) {
        let step = entry.step();
        if self.rounds.len() <= step {
            self.rounds.resize(step + 1, 1);
        }
        if round > self.rounds[step] {
            self.rounds[step] = round;
            let is_undo = |entry: &Entry| matches!(entry, Entry::Undone(_) | Entry::UndoRefused(..));
            self.log
                .retain(|known| known.step() != step || is_undo(&entry) && !is_undo(known));
        }
        self.log.push(entry);
    }

    /// What follows from the log: a command that is waited for, or an end.
    fn stand<D>(&mut self, saga: &Saga<D>, data: &D, pace: Pace) -> Option<Command> {
        (self.at, self.waiting) = (None, None);
        if let Some(reason) = &self.abandoned {
            self.state = State::Abandoned;
            self.reason = Some(reason.clone());
            return None;
        }
        let mut decision = self.decide(saga, data);
        if matches!(decision, Decision::RolledBack { .. }) && self.turn() {
            decision = self.decide(saga, data);
        }
        if !matches!(decision, Decision::Send { .. }) {
            // Nothing is left to hold back.
            self.paused = None;
        }
        match decision {
            Decision::Send { step, undo, command } => {
                self.state = if undo { State::Compensating } else { State::Running };
                self.at = Some(At { step, undo });
                self.waiting = self.asked.map(|asked| Waiting::of(saga, step, undo, asked, pace));
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
            Decision::Stuck { step, reason } => {
                let undo = self
                    .log
                    .iter()
                    .any(|entry| matches!(entry, Entry::UndoRefused(..)));
                self.at = Some(At { step, undo });
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

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
