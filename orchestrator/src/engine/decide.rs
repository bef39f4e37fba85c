//! What a saga does next. Pure: the log goes in, one decision comes out, and nothing is touched.
//!
//! 1. No refusal in the log: send the first step that is not done. None left: completed.
//! 2. `Refused(n)`: undo n-1 … 0, newest first. A refused step did nothing, so it is not undone. When it
//!    had been sent more than once (`RefusedAmongSeveral`), another of its sendings may still be done: a
//!    room that was gone for the first is there for the second. So then n is undone too.
//! 3. `GivenUp(n)`: nobody knows whether n happened, so undo n … 0. Only an undoable step may be given up.
//! 4. At or after the pivot nobody gives up. A refused pivot undoes what came before it; a refusal after
//!    it, a refused undo, or a refusal over an opening that cannot be undone is stuck: a person decides.

use contract::{Command, Refusal};

use super::dsl::{Ask, Kind, Saga, Step, Undo};

/// How one step of a run ended. The store keeps each line once, so a repeated reply changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The participant did it.
    Done(usize),
    /// The participant said no, and did nothing.
    Refused(usize, Refusal),
    /// The participant said no to one of several sendings, and has not answered the others.
    RefusedAmongSeveral(usize, Refusal),
    /// Nobody knows whether the participant did it, so it is undone with the rest.
    GivenUp(usize),
    /// The participant undid it.
    Undone(usize),
    /// The participant would not undo it, which no participant may say.
    UndoRefused(usize, Refusal),
}

impl Entry {
    /// Which step it is about.
    pub const fn step(&self) -> usize {
        match self {
            Self::Done(step)
            | Self::Refused(step, _)
            | Self::RefusedAmongSeveral(step, _)
            | Self::GivenUp(step)
            | Self::Undone(step)
            | Self::UndoRefused(step, _) => *step,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Send a command and wait for its reply.
    Send {
        /// Which step.
        step: usize,
        /// Whether it is undone.
        undo: bool,
        /// What to send.
        command: Command,
    },
    /// The promise is kept: everything was done.
    Completed,
    /// The promise is kept: everything was undone, because of this.
    RolledBack {
        /// What stopped it.
        because: Refusal,
    },
    /// A person has to look.
    Stuck {
        /// At which step.
        step: usize,
        /// Why.
        reason: String,
    },
}

/// What stopped a saga.
struct Halt<'a> {
    step: usize,
    refused: Option<&'a Refusal>,
    /// Whether the step may have been done, now or later.
    maybe_done: bool,
}

/// Decides. Resuming after a crash is this same call with the log read back.
pub fn decide<D>(saga: &Saga<D>, data: &D, log: &[Entry]) -> Decision {
    if let Some((step, refusal)) = undo_refused(log) {
        let reason = format!("undoing {} was refused: {}", saga.steps[step].name, said(refusal));
        return Decision::Stuck { step, reason };
    }
    match log.iter().find_map(halt) {
        None => forward(saga, data, log),
        Some(halt) => backward(saga, data, log, &halt),
    }
}

fn halt(entry: &Entry) -> Option<Halt<'_>> {
    match entry {
        Entry::Refused(step, refusal) => Some(Halt {
            step: *step,
            refused: Some(refusal),
            maybe_done: false,
        }),
        Entry::RefusedAmongSeveral(step, refusal) => Some(Halt {
            step: *step,
            refused: Some(refusal),
            maybe_done: true,
        }),
        Entry::GivenUp(step) => Some(Halt {
            step: *step,
            refused: None,
            maybe_done: true,
        }),
        Entry::Done(_) | Entry::Undone(_) | Entry::UndoRefused(..) => None,
    }
}

fn undo_refused(log: &[Entry]) -> Option<(usize, &Refusal)> {
    log.iter().find_map(|entry| match entry {
        Entry::UndoRefused(step, refusal) => Some((*step, refusal)),
        _ => None,
    })
}

fn forward<D>(saga: &Saga<D>, data: &D, log: &[Entry]) -> Decision {
    let open = saga
        .steps
        .iter()
        .enumerate()
        .find(|(step, _)| !log.contains(&Entry::Done(*step)));
    match open {
        None => Decision::Completed,
        Some((step, declared)) => match ask_of(declared) {
            Some(ask) => Decision::Send {
                step,
                undo: false,
                command: ask(data),
            },
            None => Decision::Stuck {
                step,
                reason: format!("{} is missing from the log", declared.name),
            },
        },
    }
}

fn backward<D>(saga: &Saga<D>, data: &D, log: &[Entry], halt: &Halt<'_>) -> Decision {
    let step = halt.step;
    let stopped = &saga.steps[step];
    if let Some(reason) = may_not_halt(saga, halt) {
        return Decision::Stuck { step, reason };
    }
    let because = match (halt.refused, &stopped.kind) {
        (Some(refusal), _) => refusal.clone(),
        (None, Kind::Undoable { wait, .. }) => wait.refusal(),
        (None, _) => super::dsl::Wait::USUAL.refusal(),
    };
    let undo_below = if halt.maybe_done { step + 1 } else { step };
    let next = (0..undo_below)
        .rev()
        .filter(|step| !log.contains(&Entry::Undone(*step)))
        .find_map(|step| Some((step, undo_of(&saga.steps[step], data, &because)?)));
    match next {
        Some((step, command)) => Decision::Send {
            step,
            undo: true,
            command,
        },
        None => Decision::RolledBack { because },
    }
}

/// Why the saga may not be undone from here, if it may not.
fn may_not_halt<D>(saga: &Saga<D>, halt: &Halt<'_>) -> Option<String> {
    let Step { name, kind, .. } = &saga.steps[halt.step];
    let what = halt.refused.map_or_else(
        || "was given up".to_owned(),
        |refusal| format!("was refused: {}", said(refusal)),
    );
    match (kind, halt.refused) {
        (Kind::Retried { .. }, _) => Some(format!("{name} comes after the pivot and {what}")),
        (Kind::Pivot { .. }, None) => Some(format!("{name} is the pivot and {what}")),
        _ => {
            let for_good = |step: &&Step<D>| matches!(step.kind, Kind::Opening { undo: None, .. });
            let opening = saga.steps[..halt.step].iter().find(for_good)?;
            Some(format!("{name} {what}, and {} cannot be undone", opening.name))
        }
    }
}

fn said(refusal: &Refusal) -> String {
    format!("{} ({})", refusal.word(), refusal.message())
}

fn ask_of<D>(step: &Step<D>) -> Option<Ask<D>> {
    match step.kind {
        Kind::Opening { .. } => None,
        Kind::Undoable { ask, .. } | Kind::Pivot { ask } | Kind::Retried { ask } => Some(ask),
    }
}

pub(super) fn undo_of<D>(step: &Step<D>, data: &D, because: &Refusal) -> Option<Command> {
    match &step.kind {
        Kind::Opening { undo: Some(undo), .. } | Kind::Undoable { undo, .. } => match undo {
            Undo::With(ask) => Some(ask(data)),
            Undo::Telling(tell) => Some(tell(data, because)),
            Undo::Nothing { .. } => None,
        },
        Kind::Opening { undo: None, .. } | Kind::Pivot { .. } | Kind::Retried { .. } => None,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
