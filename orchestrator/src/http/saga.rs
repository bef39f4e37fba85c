//! A saga as the API shows it.

use chrono::{DateTime, Utc};
use contract::{HotelId, ReservationId, RuleId, SagaId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::journal::{LineBody, Reading, bodies};
use super::obligation::ObligationBody;
use crate::engine::{Held, Pace, Run, State};
use crate::store::{JournalRow, ObligationRow, RunRow};

/// One run of a saga.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Saga)]
pub(super) struct SagaBody {
    saga_id: SagaId,
    /// The name of its definition.
    #[serde(rename = "type")]
    #[schema(example = "book-stay")]
    kind: String,
    /// The version of the definition that it was begun with and stays with.
    #[schema(example = 1)]
    definition: i32,
    /// The version of the run: the number of the last line of its journal.
    #[schema(example = 7)]
    version: i32,
    /// Where it stands; `completed`, `compensated` and `abandoned` are ends, and one that is `stuck` waits for a person.
    #[schema(value_type = State)]
    state: String,
    reservation_id: ReservationId,
    hotel_id: HotelId,
    /// Who asked for it: a kind and an id, never a name; absent where nobody said who they are, as guests do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "partner:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
    actor: Option<String>,
    /// What it waits for; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingBody>,
    /// Since when it is paused, by the verb in its journal; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_since: Option<DateTime<Utc>>,
    /// The rule that holds its command back; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_back: Option<HeldBackBody>,
    /// Why it was undone, is stuck or was abandoned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sold_out (The night of 2026-12-24 has just been sold out.)")]
    reason: Option<String>,
    /// The partition of its messages, by which it has an owner.
    shard: i32,
    /// Under which ownership its last line was written.
    epoch: i64,
    /// After this it is overdue unless it has ended.
    deadline: DateTime<Utc>,
    /// Whether it should have ended.
    overdue: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    links: Links,
}

/// The command whose reply is waited for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaWaiting)]
struct WaitingBody {
    #[schema(example = "authorize-payment")]
    step: &'static str,
    /// Whether the step is being undone.
    undo: bool,
    /// In which round of the run.
    round: u32,
    /// How often the command was sent.
    sendings: u32,
    /// When it was sent first.
    since: DateTime<Utc>,
    /// When it is sent again or given up; absent while the run is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<DateTime<Utc>>,
}

/// The rule that holds a command back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaHeldBack)]
struct HeldBackBody {
    rule_id: RuleId,
    /// Since when, by this rule or others.
    since: DateTime<Utc>,
    /// When a limit lets it go; absent of a pause, which holds until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

impl From<Held> for HeldBackBody {
    fn from(held: Held) -> Self {
        Self {
            rule_id: held.by.rule_id,
            since: held.since,
            until: held.by.until,
        }
    }
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaLinks)]
struct Links {
    #[serde(rename = "self")]
    this: String,
    reservation: String,
}

/// A saga with its data and its journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaWithJournal)]
pub(super) struct SagaWithJournal {
    #[serde(flatten)]
    saga: SagaBody,
    /// What it runs on.
    #[schema(value_type = Object)]
    data: Value,
    /// What happened to it, in order: every step that ended, and every further sending of a command.
    journal: Vec<LineBody>,
    /// What is or was owed because it was abandoned, or because of what was undone by hand.
    obligations: Vec<ObligationBody>,
}

impl SagaBody {
    pub(super) fn of(row: &RunRow, read: &Reading, journal: &[JournalRow]) -> Self {
        let (saga_id, reservation_id) = (
            SagaId::from_uuid(row.saga_id),
            ReservationId::from_uuid(row.reservation_id),
        );
        let run = read.run.as_ref();
        let waiting = run.and_then(|run| Some((run.round, run.waiting?)));
        let waiting_for = waiting
            .zip(read.waits_for)
            .map(|((round, waiting), step)| WaitingBody {
                step,
                undo: waiting.undo,
                round,
                sendings: waiting.sendings,
                since: waiting.since,
                due_at: run.and_then(Run::due),
            });
        let last = journal.last();
        Self {
            saga_id,
            kind: row.kind.clone(),
            definition: row.definition,
            version: last.map_or(0, |line| line.seq),
            state: row.state.clone(),
            reservation_id,
            hotel_id: HotelId::from_uuid(row.hotel_id),
            actor: row.actor.clone(),
            waiting_for,
            paused_since: run.and_then(|run| run.paused),
            held_back: run.and_then(|run| run.held).map(HeldBackBody::from),
            reason: row.reason.clone(),
            shard: row.shard,
            epoch: last.map_or(0, |line| line.epoch),
            deadline: row.deadline,
            overdue: row.overdue,
            created_at: row.created_at,
            updated_at: last.map_or(row.created_at, |line| line.at),
            links: Links {
                this: format!("/v1/sagas/{saga_id}"),
                reservation: format!("/v1/reservations/{reservation_id}"),
            },
        }
    }
}

impl SagaWithJournal {
    pub(super) fn of(
        mut row: RunRow,
        journal: &[JournalRow],
        obligations: Vec<ObligationRow>,
        pace: Pace,
    ) -> Self {
        let read = Reading::of(&row, journal, pace);
        let data = row.data.take();
        Self {
            saga: SagaBody::of(&row, &read, journal),
            data,
            journal: bodies(journal, &read),
            obligations: obligations.into_iter().map(ObligationBody::from).collect(),
        }
    }

    /// The version of the run, as a header names it.
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", self.saga.version)
    }
}
