//! What comes into a run (a start, a reply, the time, a verb), and the lines and commands that come of it. Pure: the runner
//! writes the one and sends the other in one transaction, so a crash between any two lines loses nothing.

use chrono::{DateTime, Utc};
use contract::refusal::Code;
use contract::{Command, CommandEnvelope, Outcome, Reply, SagaId};

use super::dsl::Saga;
use super::journal::{Answer, HeldBack, Line, What};
use super::settle::{self, Settled};
use super::standing::Run;
use super::verb::{Rule, Spoken};
use super::verbs::{self, Owed};
use super::waiting::{At, Pace, Waiting};

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The saga was asked for.
    Start,
    /// A participant answered.
    Reply(&'a Reply),
    /// Time passed.
    Time,
    /// A person says what to do with the run.
    Verb(&'a Spoken),
    /// A rule holds back what would be sent now, and so many sendings went before.
    HoldBack(HeldBack, u32),
}

/// A command that goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The step's name.
    pub step: &'static str,
    /// Whether it undoes the step.
    pub undo: bool,
    /// In which round of the run.
    pub round: u32,
    /// For the how manieth time, from 1.
    pub sending: u32,
    /// What is asked.
    pub command: Command,
}

impl Sent {
    /// The command as it goes out, with what its reply brings back.
    pub fn envelope(self, saga_id: SagaId) -> CommandEnvelope<Command> {
        CommandEnvelope {
            saga_id,
            step: self.step.to_owned(),
            undo: self.undo,
            round: self.round,
            attempt: self.sending,
            command: self.command,
        }
    }
}

/// What comes of an input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// The lines to append, in order; none: nothing changed, because it was known already, came too late, was the answer
    /// to something else, or is not due.
    pub lines: Vec<Line>,
    /// The commands to send.
    pub commands: Vec<Sent>,
    /// Why a verb is not obeyed.
    pub refused: Option<Rule>,
    /// What is owed from now on, because the run was abandoned.
    pub owed: Vec<Owed>,
    /// What is not owed any more.
    pub settled: Option<Settled>,
}

/// Lets something come in: the run stands where the lines that are answered lead it.
pub fn advance<D>(
    saga: &Saga<D>,
    data: &D,
    run: &mut Run,
    input: &Input<'_>,
    now: DateTime<Utc>,
    pace: Pace,
) -> Moves {
    let line = match input {
        Input::Start => opened(run, now),
        Input::Reply(reply) => answered(saga, run, reply, now, pace),
        Input::Time => late(saga, run, now, pace),
        Input::Verb(spoken) => match verbs::line(saga, data, run, spoken, now) {
            Ok(line) => line,
            Err(rule) => {
                let refused = Some(rule);
                return Moves {
                    refused,
                    ..Moves::default()
                };
            }
        },
        Input::HoldBack(by, sendings) => held_back(run, *by, *sendings, now),
    };
    let settled = line
        .as_ref()
        .and_then(|line| settle::settled(saga, data, run, line));
    let owed = line.as_ref();
    let owed = owed.map_or_else(Vec::new, |line| verbs::owed(saga, data, run, line));
    let lines = Vec::from_iter(line);
    let mut commands = Vec::new();
    let follows = run.add(saga, data, &lines, pace);
    if follows.is_sent
        && let Some(command) = follows.command
        && let Some((at, sending)) = follows.sending
    {
        commands.push(Sent {
            step: saga.steps[at.step].name,
            undo: at.undo,
            round: run.round,
            sending,
            command,
        });
    }
    Moves {
        lines,
        commands,
        refused: None,
        owed,
        settled,
    }
}

/// The first line; none of a run that has one.
fn opened(run: &Run, now: DateTime<Utc>) -> Option<Line> {
    let opening = At { step: 0, undo: false };
    (run.seq == 0).then(|| Line::new(What::Opened, opening, run.round, now))
}

/// The line that says that a rule holds a command back; none if nothing would be sent, or that rule holds it already.
fn held_back(run: &Run, by: HeldBack, sendings: u32, now: DateTime<Utc>) -> Option<Line> {
    let is_known = run.held.is_some_and(|held| held.by == by);
    let at = run
        .at
        .filter(|_| !run.state.is_terminal() && run.paused.is_none() && !is_known)?;
    let sent_at = run.waiting.map(|waiting| waiting.since);
    Some(Line {
        sendings,
        sent_at: sent_at.filter(|_| sendings > 0),
        held_back: Some(by),
        ..Line::new(What::HeldBack, at, run.round, now)
    })
}

/// The line of a reply; none if another one is waited for.
fn answered<D>(saga: &Saga<D>, run: &Run, reply: &Reply, now: DateTime<Utc>, pace: Pace) -> Option<Line> {
    let Some(waiting) = run.waiting else {
        return settle::answered(saga, run, reply, now);
    };
    let known = saga.position(&reply.step);
    let of_this_round = reply.round == run.round;
    let is_awaited = known == Some(waiting.step) && reply.undo == waiting.undo && of_this_round;
    if !is_awaited {
        return None;
    }
    if is_too_late(reply) {
        // Whether anybody still waits the run knows best. If so it was not answered, and is sent again with a later deadline;
        // else it may have been done by another sending all the same.
        return is_over(saga, run, waiting, now, pace).then(|| line(run, waiting, What::GivenUp, None, now));
    }
    let answer = Some(Answer::of(reply));
    Some(line(run, waiting, What::said_by(reply), answer, now))
}

/// Whether the participant has not begun, because it thinks that nobody waits any more.
fn is_too_late(reply: &Reply) -> bool {
    matches!(&reply.outcome, Outcome::Refused(refusal) if refusal.is(Code::TooLate))
}

/// Whether the step's time is over. None runs out while the run is paused, or a rule holds it back.
fn is_over<D>(saga: &Saga<D>, run: &Run, waiting: Waiting, now: DateTime<Utc>, pace: Pace) -> bool {
    let times = saga.steps[waiting.step].wait().map(|wait| wait.times);
    let rests = run.paused.is_some() || run.held.is_some();
    !rests && waiting.gives_up_at(times, pace).is_some_and(|at| at <= now)
}

/// The line that is due because no reply came; none if none is due. What a rule holds back goes out: whoever asks knows
/// that no rule does any more.
fn late<D>(saga: &Saga<D>, run: &Run, now: DateTime<Utc>, pace: Pace) -> Option<Line> {
    if run.held.is_some() {
        return released(run, now);
    }
    let due = run.due()?;
    let waiting = run.waiting.filter(|_| due <= now)?;
    if is_over(saga, run, waiting, now, pace) {
        return Some(line(run, waiting, What::GivenUp, None, now));
    }
    // The same decision again: nothing is settled by it, so the command is the same.
    let mut again = line(run, waiting, What::SentAgain, None, now);
    again.sendings = waiting.sendings.saturating_add(1);
    Some(again)
}

fn released(run: &Run, now: DateTime<Utc>) -> Option<Line> {
    let sent_before = run.waiting.map_or(0, |waiting| waiting.sendings);
    Some(Line {
        sendings: sent_before.saturating_add(1),
        sent_at: Some(run.waiting.map_or(now, |waiting| waiting.since)),
        ..Line::new(What::Released, run.at?, run.round, now)
    })
}

fn line(run: &Run, waiting: Waiting, what: What, answer: Option<Answer>, now: DateTime<Utc>) -> Line {
    let at = At {
        step: waiting.step,
        undo: waiting.undo,
    };
    Line {
        sendings: waiting.sendings,
        sent_at: Some(waiting.since),
        answer,
        ..Line::new(what, at, run.round, now)
    }
}

#[cfg(test)]
#[path = "late_tests.rs"]
mod late_tests;
#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
