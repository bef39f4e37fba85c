//! What must hold of a run from line to line. A line never changes, so each is looked at once, when it is written.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::Reply;
use orchestrator::engine::{self, Moves, OutlineStep, StepKind, Verb, What};

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

/// How a journal has gone so far.
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
    /// The step behind which a run that goes back does not go, and its round then.
    mark: Option<(usize, u32)>,
    /// Replies that were written while it was paused.
    pub replies_while_paused: u64,
    /// The first line that must not be there, in words.
    pub wrong: Option<String>,
}

impl Course {
    /// Lines have no gap, nothing is undone after the pivot, nobody goes forward after the undoing began but in a newer
    /// round, which a person has begun, a step ends once a round and is not sent again then, a verb is obeyed once, and only
    /// the owner writes.
    pub(crate) fn follow(&mut self, line: &Line, earlier: &[Line]) {
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
        } else if said.verb.is_some() && earlier.iter().any(|known| is_the_same_verb(known, line)) {
            let why = || "a verb was obeyed twice".to_owned();
            self.wrong.get_or_insert_with(why);
        } else if said.what != What::Verb && earlier.iter().any(is_end) {
            let what = if said.undo { "the undo of " } else { "" };
            let why = || format!("{what}{step} {} after it had ended", said.what.word());
            self.wrong.get_or_insert_with(why);
        }
    }
}

impl Course {
    /// What stands up to the step to which a run goes back is left alone, unless it is cancelled on the way.
    pub(crate) fn go_back(&mut self, line: &Line, steps: &[OutlineStep]) {
        let said = &line.said;
        if let Some(spoken) = &said.verb {
            let step = spoken.step.as_deref();
            let mark = steps.iter().position(|known| Some(known.name) == step);
            match spoken.verb {
                Verb::BackTo => self.mark = mark.map(|mark| (mark, said.round)),
                Verb::Cancel | Verb::Abandon => self.mark = None,
                _ => {}
            }
        }
        if self.mark.is_some_and(|(_, round)| said.round > round) {
            self.mark = None;
        }
        if let Some((mark, _)) = self.mark.filter(|_| said.undo && said.what == What::Undone)
            && said.step <= mark
        {
            let why = || format!("{} is undone, to which the run only goes back", line.step);
            self.wrong.get_or_insert_with(why);
        }
    }

    /// An answer is written if it is waited for, and counts in its own round.
    pub(crate) fn hear(&mut self, reply: &Reply, is_awaited: bool, lines: &[Line]) {
        if is_awaited && lines.is_empty() {
            let why = || format!("the answer of {} was waited for and is not written", reply.step);
            self.wrong.get_or_insert_with(why);
        }
        if lines.iter().any(|line| line.said.round != reply.round) {
            let why = || {
                format!(
                    "an answer of {} in round {} counts in another",
                    reply.step, reply.round
                )
            };
            self.wrong.get_or_insert_with(why);
        }
    }

    /// While a run is paused, since when is given, no time runs out; and what was paused meanwhile does not count against a
    /// step that may take so long. Replies are written all the same.
    pub(crate) fn rest(&mut self, line: &Line, since: Option<DateTime<Utc>>, may_take: Option<Duration>) {
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
    pub(crate) fn pause(
        &mut self,
        before: Option<DateTime<Utc>>,
        after: Option<DateTime<Utc>>,
        moves: &Moves,
    ) {
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

fn is_the_same_verb(one: &Line, other: &Line) -> bool {
    let id = |line: &Line| line.said.verb.as_ref().map(|spoken| spoken.verb_id);
    id(one).is_some() && id(one) == id(other)
}
