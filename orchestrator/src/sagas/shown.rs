//! A preview as it is shown and as it is compared: what a person saw before saying yes is what is done, or nothing is.

use contract::Money;
use contract::saga::SagaData;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::effects::{self, Effect, Kind};
use crate::engine::{Owed, Preview, Sent, State, Verb, thing};

/// A preview. Says nothing of when, so that the same verb of the same version is always shown alike.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SagaPreview)]
pub(crate) struct Shown {
    /// The version of the run that it is about.
    #[schema(example = 7)]
    version: u32,
    /// What would be said.
    verb: Verb,
    /// Whether anything would be different from now.
    pub(crate) changes: bool,
    /// Where the run stands then.
    state: State,
    /// Whether it is paused then.
    paused: bool,
    /// What is sent at once.
    commands: Vec<Planned>,
    /// What is sent from then on until the end, if all goes well.
    until_end: Vec<Planned>,
    /// How it ends then; where it stays, if nothing more is sent.
    ends_as: State,
    /// What all of that does to rooms, money and the guest.
    effects: Vec<Effect>,
    /// What is owed from then on, and by nobody but people.
    obligations: Vec<Debt>,
    /// The steps because of which nothing is owed any more, once what is sent is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, example = json!(["hold-rooms"]))]
    settles: Vec<&'static str>,
    /// Whether a second person has to approve it first, where people have identities.
    takes_two: bool,
}

/// A command that would be sent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SagaPlanned)]
struct Planned {
    #[schema(example = "authorize-payment")]
    step: &'static str,
    /// Whether it undoes the step.
    undo: bool,
    /// In which round of the run.
    round: u32,
    /// For the how manieth time, from 1.
    sending: u32,
    #[schema(example = "Void")]
    command_name: &'static str,
    #[schema(value_type = Object)]
    command: Value,
}

/// What is owed because of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SagaDebt)]
pub(crate) struct Debt {
    /// What is owed.
    pub(crate) what: Kind,
    #[schema(example = "hold-rooms")]
    pub(crate) step: &'static str,
    /// Whether the step was done: `done`, `maybe_done` or `not_done`.
    #[schema(example = "maybe_done")]
    pub(crate) is_done: &'static str,
    /// The hold, the payment or the reservation.
    pub(crate) thing: Uuid,
    /// Of money alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// What shows that the step was done or undone by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<String>,
}

impl Debt {
    /// What is owed because of a step of this saga.
    pub(crate) fn of(data: &SagaData, owed: &Owed) -> Self {
        let command = owed.command.as_ref();
        Self {
            what: command.map_or(Kind::Guest, Kind::of),
            step: owed.step,
            is_done: owed.is.word(),
            thing: command.map_or_else(|| data.reservation_id().uuid(), thing),
            amount: command.and_then(|command| effects::amount(data, command)),
            evidence: owed.evidence.clone(),
        }
    }
}

impl Planned {
    fn of(sent: &Sent) -> Self {
        Self {
            step: sent.step,
            undo: sent.undo,
            round: sent.round,
            sending: sent.sending,
            command_name: sent.command.name(),
            command: json!(sent.command),
        }
    }
}

impl Shown {
    /// A preview of this verb, said to a run of this version on this data.
    pub(crate) fn of(data: &SagaData, version: u32, verb: Verb, preview: &Preview) -> Self {
        let sent = preview.moves.commands.iter().chain(&preview.later);
        let owed = preview.moves.owed.iter();
        Self {
            version,
            verb,
            changes: !preview.moves.lines.is_empty(),
            state: preview.after.state,
            paused: preview.after.paused.is_some(),
            commands: preview.moves.commands.iter().map(Planned::of).collect(),
            until_end: preview.later.iter().map(Planned::of).collect(),
            ends_as: preview.end,
            effects: sent.map(|sent| Effect::of(data, &sent.command)).collect(),
            obligations: owed.map(|owed| Debt::of(data, owed)).collect(),
            settles: preview.settles.clone(),
            takes_two: verb.takes_two(),
        }
    }

    /// What is sent, now and until the end, as far as rules are about it: whether a step is done or undone. No rule but a
    /// pause is about what settles something, and under one it is not shown at all.
    pub(crate) fn held_by_rules(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let sent = self.commands.iter().chain(&self.until_end);
        sent.filter(|_| self.verb != Verb::Settle)
            .map(|planned| (planned.step, planned.undo))
    }

    /// Tells it from any other: SHA-256 in hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for byte in Sha256::digest(json!(self).to_string()) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
