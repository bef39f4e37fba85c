//! What a verb comes to: the line that it writes, the rule that forbids it, and what is owed once a run is abandoned.
//! Pure; whoever previews a verb and whoever obeys it call the same functions.

use chrono::{DateTime, Utc};
use contract::{Command, VerbId};

use super::decide::Entry;
use super::dsl::{Ask, Kind, Saga, Step, Undo};
use super::journal::{Line, What};
use super::outline::StepKind;
use super::settle;
use super::standing::Run;
use super::state::State;
use super::verb::{Rule, Spoken, Verb};

/// From which sending on an undo may be said to be done by hand.
const BY_HAND_FROM: u32 = 3;

/// Where a run stands, as far as a verb asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It can still be undone.
    BeforePivot,
    /// The pivot was sent and not answered.
    PivotInFlight,
    /// It only goes forward.
    AfterPivot,
    /// It is being undone.
    Undoing,
    /// It waits for a person.
    Stuck,
    /// It is over.
    Ended,
}

impl Phase {
    fn of<D>(saga: &Saga<D>, run: &Run) -> Self {
        let kind = run.at.and_then(|at| saga.steps.get(at.step)).map(Step::kind);
        match (run.state, kind) {
            (State::Stuck, _) => Self::Stuck,
            (State::Compensating, _) => Self::Undoing,
            (State::Running, Some(StepKind::Then)) => Self::AfterPivot,
            (State::Running, Some(StepKind::Pivot)) if run.waiting.is_some() => Self::PivotInFlight,
            (State::Running, Some(_)) => Self::BeforePivot,
            (State::Running, None) | (State::Completed | State::Compensated | State::Abandoned, _) => {
                Self::Ended
            }
        }
    }
}

impl Run {
    /// Whether it has obeyed this verb, which counts for nothing when it comes again.
    pub fn has_obeyed(&self, verb: VerbId) -> bool {
        self.spoken.contains(&verb)
    }

    /// Whether it has gone on since somebody saw this version of it. Where any version will do, none was seen.
    pub fn has_gone_on_since(&self, seen: Option<u32>) -> bool {
        seen.is_some_and(|seen| seen != self.seq)
    }
}

/// The line that a verb writes, if it changes anything; one that was obeyed before does not.
///
/// # Errors
/// The rule that forbids it.
pub(super) fn line<D>(
    saga: &Saga<D>,
    data: &D,
    run: &Run,
    spoken: &Spoken,
    now: DateTime<Utc>,
) -> Result<Option<Line>, Rule> {
    if run.has_obeyed(spoken.verb_id) {
        return Ok(None);
    }
    let phase = Phase::of(saga, run);
    let Some(at) = run.at.filter(|_| phase != Phase::Ended) else {
        let settles = matches!(spoken.verb, Verb::Settle | Verb::SettledByHand);
        return if settles {
            settle::line(saga, data, run, spoken, now).map(Some)
        } else {
            Err(Rule::Ended)
        };
    };
    may(saga, run, phase, spoken.verb)?;
    if spoken.verb == Verb::BackTo {
        may_go_back(saga, run, spoken.step.as_deref())?;
    }
    let changes = match spoken.verb {
        Verb::Retry
        | Verb::Abandon
        | Verb::UndoneByHand
        | Verb::BackTo
        | Verb::Skip
        | Verb::Settle
        | Verb::SettledByHand => true,
        Verb::Pause => run.paused.is_none(),
        Verb::Resume => run.paused.is_some(),
        // What goes back to a step goes back all the way then.
        Verb::Cancel => phase != Phase::Undoing || run.is_going_back(),
    };
    let is_anew = spoken.verb == Verb::Retry && phase == Phase::Stuck;
    let waiting = run.waiting;
    let sent = waiting.map_or(0, |waiting| waiting.sendings);
    let round = run.round.saturating_add(u32::from(is_anew));
    let is_sending = spoken.verb == Verb::Retry && !is_anew;
    let line = Line {
        sendings: sent.saturating_add(u32::from(is_sending)),
        sent_at: waiting.map(|waiting| waiting.since),
        verb: Some(spoken.clone()),
        ..Line::new(What::Verb, at, round, now)
    };
    Ok(changes.then_some(line))
}

/// The table: which verb a run takes where it stands.
fn may<D>(saga: &Saga<D>, run: &Run, phase: Phase, verb: Verb) -> Result<(), Rule> {
    let forbidden = match (verb, phase) {
        (_, Phase::Ended) => Some(Rule::Ended),
        (Verb::Retry, Phase::Stuck) => (!is_refused(run)).then_some(Rule::NothingToRetry),
        (Verb::Retry, _) => {
            let paused = run.paused.map(|_| Rule::RetryWhilePaused);
            paused.or_else(|| run.held.map(|_| Rule::RetryWhileHeldBack))
        }
        (Verb::Pause, Phase::Stuck) => Some(Rule::PauseOfStuck),
        (Verb::Resume, Phase::Stuck) => Some(Rule::ResumeOfStuck),
        (Verb::Cancel, _) if opened_for_good(saga) => Some(Rule::CancelOfOpenedForGood),
        (Verb::Cancel, Phase::PivotInFlight) => Some(Rule::CancelDuringPivot),
        (Verb::Cancel, Phase::AfterPivot) => Some(Rule::CancelAfterPivot),
        (Verb::Cancel, Phase::Stuck) => Some(Rule::CancelOfStuck),
        (Verb::BackTo, _) if opened_for_good(saga) => Some(Rule::BackOfOpenedForGood),
        (Verb::BackTo, Phase::PivotInFlight) => Some(Rule::BackDuringPivot),
        (Verb::BackTo, Phase::AfterPivot) => Some(Rule::BackAfterPivot),
        (Verb::BackTo, Phase::Stuck) => Some(Rule::BackOfStuck),
        (Verb::Pause | Verb::Resume | Verb::Abandon, _)
        | (Verb::Cancel | Verb::BackTo, Phase::BeforePivot | Phase::Undoing) => None,
        (Verb::UndoneByHand, Phase::Stuck) => {
            let is_undo = run.at.is_some_and(|at| at.undo) && is_refused(run);
            (!is_undo).then_some(Rule::ByHandOfNoUndo)
        }
        (Verb::UndoneByHand, Phase::Undoing) => {
            let sendings = run.waiting.map_or(0, |waiting| waiting.sendings);
            (sendings < BY_HAND_FROM).then_some(Rule::ByHandTooEarly)
        }
        (Verb::UndoneByHand, _) => Some(Rule::ByHandOfNoUndo),
        (Verb::Settle | Verb::SettledByHand, _) => Some(Rule::SettledBeforeEnd),
        (Verb::Skip, _) => against_skip(saga, run),
    };
    forbidden.map_or(Ok(()), Err)
}

/// Whether a run may go back to this step: it stands, and of what was or may have been done after it each step has its own
/// undo, or is given back by that of another one after it.
fn may_go_back<D>(saga: &Saga<D>, run: &Run, step: Option<&str>) -> Result<(), Rule> {
    let mark = step.and_then(|step| saga.position(step));
    let is_being_undone = |mark| {
        run.waiting
            .is_some_and(|waiting| waiting.undo && waiting.step <= mark)
    };
    let stands = |mark: &usize| {
        let log = &run.log;
        let undone = (0..=*mark).any(|step| log.contains(&Entry::Undone(step)));
        log.contains(&Entry::Done(*mark)) && !undone && !is_being_undone(*mark)
    };
    let mark = mark.filter(stands).ok_or(Rule::BackToWhatDoesNotStand)?;
    let is_left_behind = |step: usize| {
        let Kind::Undoable {
            undo: Undo::Nothing { by: Some(by), .. },
            ..
        } = saga.steps[step].kind
        else {
            return false;
        };
        let in_flight = run.waiting.map(|waiting| waiting.step);
        sureness(saga, &run.log, in_flight, step).is_some() && saga.position(by).is_none_or(|by| by <= mark)
    };
    if (mark + 1..saga.steps.len()).any(is_left_behind) {
        return Err(Rule::BackWouldLeaveBehind);
    }
    Ok(())
}

/// Why what the run is at may not be skipped, if it may not.
fn against_skip<D>(saga: &Saga<D>, run: &Run) -> Option<Rule> {
    let at = run.at?;
    let step = saga.steps.get(at.step)?;
    if at.undo {
        Some(Rule::SkipOfUndo)
    } else if step.kind() == StepKind::Pivot {
        Some(Rule::SkipOfPivot)
    } else {
        step.may_be_skipped.is_none().then_some(Rule::SkipOfUnmarked)
    }
}

/// Whether a refusal of what the run is at stopped it.
fn is_refused(run: &Run) -> bool {
    let stops = |entry: &Entry| run.at.is_some_and(|at| at.is_refused_by(entry));
    run.log.iter().any(stops)
}

fn opened_for_good<D>(saga: &Saga<D>) -> bool {
    let for_good = |kind: &Kind<D>| matches!(kind, Kind::Opening { undo: None, .. });
    saga.steps.first().is_some_and(|step| for_good(&step.kind))
}

/// What is owed from this line on, written on a run that stands so before it.
pub(super) fn owed<D>(saga: &Saga<D>, data: &D, run: &Run, line: &Line) -> Vec<Owed> {
    match line.verb.as_ref().map(|spoken| (spoken.verb, &spoken.evidence)) {
        Some((Verb::Abandon, _)) => {
            let left = left(saga, &run.log, in_flight(line)).into_iter();
            left.map(|(step, is)| Owed::of(&saga.steps[step], is, data))
                .collect()
        }
        // Until the books agree with what was done by hand.
        Some((verb @ (Verb::UndoneByHand | Verb::Skip), evidence)) => {
            let is = match verb {
                Verb::Skip => {
                    let in_flight = run.waiting.map(|waiting| waiting.step);
                    sureness(saga, &run.log, in_flight, line.step).unwrap_or(Sureness::NotDone)
                }
                _ => Sureness::MaybeDone,
            };
            let declared = saga.steps.get(line.step);
            let owed = declared.map(|declared| Owed {
                evidence: evidence.clone(),
                ..Owed::of(declared, is, data)
            });
            Vec::from_iter(owed)
        }
        _ => Vec::new(),
    }
}

/// How sure it is that a step was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// It was done and not undone.
    Done,
    /// It, or its undo, is on its way, or nobody knows.
    MaybeDone,
    /// It was promised and not done.
    NotDone,
}

impl Sureness {
    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::MaybeDone => "maybe_done",
            Self::NotDone => "not_done",
        }
    }
}

/// What is owed because of one step of an abandoned run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The step's name.
    pub step: &'static str,
    /// Whether it was done.
    pub is: Sureness,
    /// Its command; none of an opening, for which nothing is sent.
    pub command: Option<Command>,
    /// What shows that it was done or undone by hand.
    pub evidence: Option<String>,
}

impl Owed {
    fn of<D>(step: &Step<D>, is: Sureness, data: &D) -> Self {
        Self {
            step: step.name,
            is,
            command: ask_of(&step.kind).map(|ask| ask(data)),
            evidence: None,
        }
    }
}

/// The step that was on its way when a verb was said.
pub(super) fn in_flight(line: &Line) -> Option<usize> {
    (line.sendings > 0).then_some(line.step)
}

/// Whether nothing can be undone any more, so that all that was promised is to be done.
pub(super) fn is_promised<D>(saga: &Saga<D>, log: &[Entry]) -> bool {
    opened_for_good(saga)
        || saga
            .steps
            .iter()
            .enumerate()
            .any(|(step, declared)| declared.kind() == StepKind::Pivot && log.contains(&Entry::Done(step)))
}

/// Because of which steps something is owed when a run is abandoned of which so many steps have ended: each that was or may
/// have been done and is not undone; and, once nothing can be undone any more, each that was promised and is not done.
pub(super) fn left<D>(saga: &Saga<D>, log: &[Entry], in_flight: Option<usize>) -> Vec<(usize, Sureness)> {
    let is_promised = is_promised(saga, log);
    let steps = saga.steps.iter().enumerate();
    let left = steps.filter_map(|(step, declared)| {
        let promised = is_promised && matches!(declared.kind(), StepKind::Pivot | StepKind::Then);
        let is = sureness(saga, log, in_flight, step);
        Some((step, is.or(promised.then_some(Sureness::NotDone))?))
    });
    left.collect()
}

fn sureness<D>(saga: &Saga<D>, log: &[Entry], in_flight: Option<usize>, step: usize) -> Option<Sureness> {
    let by = match &saga.steps.get(step)?.kind {
        Kind::Undoable {
            undo: Undo::Nothing { by, .. },
            ..
        } => by.and_then(|by| saga.position(by)),
        _ => None,
    };
    if by.is_some_and(|by| log.contains(&Entry::Undone(by))) {
        return None;
    }
    let of_step = log.iter().filter(|entry| entry.step() == step);
    let ended = of_step.fold(None, |known, entry| match entry {
        Entry::Done(_) => Some(Sureness::Done),
        Entry::GivenUp(_) | Entry::RefusedAmongSeveral(..) => Some(Sureness::MaybeDone),
        Entry::Refused(..) | Entry::Undone(_) => None,
        Entry::UndoRefused(..) => known,
    });
    if in_flight == Some(step) {
        Some(Sureness::MaybeDone)
    } else {
        ended
    }
}

pub(super) const fn ask_of<D>(kind: &Kind<D>) -> Option<Ask<D>> {
    match kind {
        Kind::Opening { .. } => None,
        Kind::Undoable { ask, .. } | Kind::Pivot { ask } | Kind::Retried { ask } => Some(*ask),
    }
}

#[cfg(test)]
#[path = "back_tests.rs"]
mod back_tests;
#[cfg(test)]
#[path = "skip_tests.rs"]
mod skip_tests;
#[cfg(test)]
#[path = "verbs_tests.rs"]
mod tests;
