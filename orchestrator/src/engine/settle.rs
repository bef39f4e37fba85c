//! What a run owes, and how that is settled once the run is over: the command that does it, and what its answer settles.
//! Pure: both follow from the journal, as everything else does.

use chrono::{DateTime, Utc};
use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::{Command, Reply, VerbId, Why};
use uuid::Uuid;

use super::decide::{Entry, undo_of};
use super::dsl::{Kind, Saga};
use super::journal::{Answer, Line, What};
use super::standing::Run;
use super::verb::{Rule, Spoken, Verb};
use super::verbs::{ask_of, in_flight, is_promised, left};
use super::waiting::At;

/// What a run owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owing {
    /// Steps because of which something is owed.
    open: Vec<usize>,
    /// Of those, the ones that somebody did outside the platform: their commands would do it a second time.
    skipped: Vec<usize>,
    /// What was sent to settle it and is not answered.
    sent: Vec<Sent>,
}

/// A command that was sent to settle something: in a round of its own, so its answer is no other command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    at: At,
    round: u32,
    since: DateTime<Utc>,
    verb_id: VerbId,
}

/// What is not owed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The names of the steps because of which it was.
    pub steps: Vec<&'static str>,
    /// The verb that led to it.
    pub verb_id: VerbId,
    /// The participant's answer, where one did it.
    pub answer: Option<Answer>,
    /// What shows that it was done by hand.
    pub evidence: Option<String>,
}

impl Owing {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Self {
            open: Vec::new(),
            skipped: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn place(&self, step: usize, undo: bool, round: u32) -> Option<usize> {
        let at = At { step, undo };
        self.sent
            .iter()
            .position(|sent| sent.at == at && sent.round == round)
    }

    /// Whether this line is the answer to what was sent to settle something.
    pub(super) fn awaits(&self, line: &Line) -> bool {
        line.what.ends_step() && self.place(line.step, line.undo, line.round).is_some()
    }

    /// What a line is about that sends something to settle what is owed, or answers that.
    pub(super) fn is_about(&self, line: &Line) -> Option<At> {
        sent_by(line).or_else(|| self.awaits(line).then_some(at(line)))
    }

    /// Adds a line of a run in which so much was settled before.
    pub(super) fn add<D>(&mut self, saga: &Saga<D>, data: &D, log: &[Entry], line: &Line) {
        let answered = self.place(line.step, line.undo, line.round);
        let answered = answered.filter(|_| line.what.ends_step());
        if let Some(place) = answered {
            self.sent.remove(place);
        }
        let verb = line.verb.as_ref().map(|spoken| (spoken.verb, spoken.verb_id));
        match verb {
            Some((Verb::Abandon, _)) => {
                let left = left(saga, log, in_flight(line));
                self.open.extend(left.into_iter().map(|(step, _)| step));
            }
            Some((Verb::UndoneByHand, _)) => self.open.push(line.step),
            Some((Verb::Skip, _)) => {
                self.open.push(line.step);
                self.skipped.push(line.step);
            }
            Some((Verb::Settle, verb_id)) => self.sent.push(Sent {
                at: at(line),
                round: line.round,
                since: line.at,
                verb_id,
            }),
            _ => {}
        }
        if answered.is_some() && is_yes(line) || is_by_hand(line) {
            for owed in [&mut self.open, &mut self.skipped] {
                owed.retain(|step| !is_about_the_same(saga, data, *step, line.step));
            }
        }
    }
}

/// Whether a participant did what was asked.
const fn is_yes(line: &Line) -> bool {
    matches!(line.what, What::Done | What::Undone)
}

fn is_by_hand(line: &Line) -> bool {
    let verb = line.verb.as_ref().map(|spoken| spoken.verb);
    verb == Some(Verb::SettledByHand)
}

const fn at(line: &Line) -> At {
    At {
        step: line.step,
        undo: line.undo,
    }
}

/// What a line of this run settles, before it is added.
pub(super) fn settled<D>(saga: &Saga<D>, data: &D, run: &Run, line: &Line) -> Option<Settled> {
    let by_hand = line.verb.as_ref().filter(|_| is_by_hand(line));
    let verb_id = if let Some(spoken) = by_hand {
        spoken.verb_id
    } else {
        let place = run.owing.place(line.step, line.undo, line.round);
        run.owing.sent[place.filter(|_| is_yes(line))?].verb_id
    };
    Some(Settled {
        steps: together(saga, data, run, line.step),
        verb_id,
        answer: line.answer.clone(),
        evidence: by_hand.and_then(|spoken| spoken.evidence.clone()),
    })
}

/// The steps because of which nothing is owed any more once what this line of a verb says or sends is done.
pub(super) fn settles<D>(saga: &Saga<D>, data: &D, run: &Run, line: &Line) -> Vec<&'static str> {
    if sent_by(line).is_some() || is_by_hand(line) {
        together(saga, data, run, line.step)
    } else {
        Vec::new()
    }
}

/// The steps because of which something is owed that is settled together with what this one owes: they are about the same
/// thing.
fn together<D>(saga: &Saga<D>, data: &D, run: &Run, step: usize) -> Vec<&'static str> {
    let open = run.owing.open.iter();
    let same = open.filter(|open| is_about_the_same(saga, data, **open, step));
    let mut steps: Vec<_> = same.map(|step| saga.steps[*step].name).collect();
    steps.dedup();
    steps
}

/// The line of a verb that settles something.
///
/// # Errors
/// The rule that forbids it.
pub(super) fn line<D>(
    saga: &Saga<D>,
    data: &D,
    run: &Run,
    spoken: &Spoken,
    now: DateTime<Utc>,
) -> Result<Line, Rule> {
    let step = spoken.step.as_deref().and_then(|step| saga.position(step));
    let step = step.filter(|step| run.owing.open.contains(step));
    let step = step.ok_or(Rule::NothingOwed)?;
    let (at, round) = if spoken.verb == Verb::Settle {
        let at = way(saga, data, run, step).ok_or(Rule::SettledOnlyByHand)?;
        (at, run.round.saturating_add(1))
    } else {
        (At { step, undo: false }, run.round)
    };
    Ok(Line {
        verb: Some(spoken.clone()),
        ..Line::new(What::Verb, at, round, now)
    })
}

/// The line of the answer to what was sent to settle something; none if this is none.
pub(super) fn answered<D>(saga: &Saga<D>, run: &Run, reply: &Reply, now: DateTime<Utc>) -> Option<Line> {
    let step = saga.position(&reply.step)?;
    let sent = run.owing.sent[run.owing.place(step, reply.undo, reply.round)?];
    Some(Line {
        sendings: 1,
        sent_at: Some(sent.since),
        answer: Some(Answer::of(reply)),
        ..Line::new(What::said_by(reply), sent.at, sent.round, now)
    })
}

/// How what is owed because of a step is settled: which step is done or undone. What was promised is done, by the last
/// step about that thing; anything else is given back, by the undo of the first. None where no command does it, and where
/// somebody has done it outside the platform.
pub(super) fn way<D>(saga: &Saga<D>, data: &D, run: &Run, step: usize) -> Option<At> {
    let mut about = (0..saga.steps.len()).filter(|other| is_about_the_same(saga, data, step, *other));
    let mut skipped = run.owing.skipped.iter();
    if skipped.any(|other| is_about_the_same(saga, data, *other, step)) {
        return None;
    }
    let is_back = !is_promised(saga, &run.log);
    let does_it = |step: &usize| {
        command(
            saga,
            data,
            At {
                step: *step,
                undo: is_back,
            },
        )
        .is_some()
    };
    let step = if is_back {
        about.find(does_it)
    } else {
        about.rfind(does_it)
    };
    step.map(|step| At { step, undo: is_back })
}

/// What a line sends to settle something, which is the line of a verb.
pub(super) fn sent_by(line: &Line) -> Option<At> {
    let spoken = line.verb.as_ref()?;
    (spoken.verb == Verb::Settle).then_some(at(line))
}

/// The command that does or undoes a step of a run that is over.
pub(super) fn command<D>(saga: &Saga<D>, data: &D, at: At) -> Option<Command> {
    let declared = saga.steps.get(at.step)?;
    if at.undo {
        undo_of(declared, data, &Why::CancelledByOperator.into())
    } else {
        ask_of(&declared.kind).map(|ask| ask(data))
    }
}

fn is_about_the_same<D>(saga: &Saga<D>, data: &D, step: usize, other: usize) -> bool {
    step == other || subject(saga, data, step).is_some_and(|one| subject(saga, data, other) == Some(one))
}

/// The thing that a step is about, and who has it. What opened a saga for good is over with its last step.
fn subject<D>(saga: &Saga<D>, data: &D, step: usize) -> Option<(&'static str, Uuid)> {
    let is_for_good = matches!(saga.steps.get(step)?.kind, Kind::Opening { undo: None, .. });
    let step = if is_for_good { saga.steps.len() - 1 } else { step };
    let of = |undo| command(saga, data, At { step, undo });
    let command = of(false).or_else(|| of(true))?;
    Some((command.topic(), thing(&command)))
}

/// The hold, the payment or the reservation that a command is about.
pub const fn thing(command: &Command) -> Uuid {
    match command {
        Command::Inventory(
            InventoryCommand::Hold { hold_id, .. }
            | InventoryCommand::Book { hold_id, .. }
            | InventoryCommand::Release { hold_id, .. },
        ) => hold_id.uuid(),
        Command::Payment(
            PaymentCommand::Authorize { payment_id, .. }
            | PaymentCommand::Capture { payment_id, .. }
            | PaymentCommand::Void { payment_id, .. }
            | PaymentCommand::Refund { payment_id, .. },
        ) => payment_id.uuid(),
        Command::Reservation(
            ReservationCommand::Confirm { reservation_id, .. }
            | ReservationCommand::Reject { reservation_id, .. }
            | ReservationCommand::MarkCancelled { reservation_id, .. },
        ) => reservation_id.uuid(),
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
