//! A saga as the API shows it.

use chrono::{DateTime, Utc};
use contract::{HotelId, ReservationId, SagaId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::engine::State;
use crate::store::{SagaRow, StepRow};

/// One run of a saga.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Saga)]
pub(super) struct SagaBody {
    saga_id: SagaId,
    /// The name of its definition.
    #[serde(rename = "type")]
    #[schema(example = "book-stay")]
    kind: String,
    /// Where it stands; `completed`, `compensated` and `stuck` are ends.
    #[schema(value_type = State)]
    state: String,
    reservation_id: ReservationId,
    hotel_id: HotelId,
    /// What it waits for; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingBody>,
    /// Why it was undone or is stuck.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sold_out (The night of 2026-12-24 has just been sold out.)")]
    reason: Option<String>,
    /// The partition of its messages, by which it has an owner.
    shard: i32,
    /// Under which ownership it was last changed.
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
    step: String,
    /// Whether the step is being undone.
    undo: bool,
    /// How often the command was sent.
    attempt: i32,
    /// When it is sent again or given up.
    due_at: DateTime<Utc>,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaLinks)]
struct Links {
    #[serde(rename = "self")]
    this: String,
    reservation: String,
}

/// A saga with its data and every line of its log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaWithSteps)]
pub(super) struct SagaWithSteps {
    #[serde(flatten)]
    saga: SagaBody,
    /// What it runs on.
    #[schema(value_type = Object)]
    data: Value,
    /// Every command that was sent and every step that was settled, in order.
    steps: Vec<StepBody>,
}

/// A command that was sent, or a step that was settled.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaStep)]
struct StepBody {
    /// Its place in the log, from 1.
    seq: i32,
    #[schema(example = "hold-rooms")]
    step: String,
    /// What the step is to the saga, or that it is undone.
    #[schema(value_type = LineKind)]
    kind: String,
    /// That the command was sent, or how it was settled.
    #[schema(value_type = LineOutcome)]
    outcome: String,
    /// How often the command had been sent.
    attempt: i32,
    /// The command's name, where one went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Hold")]
    command_name: Option<String>,
    /// The command that went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    command: Option<Value>,
    /// The reply that came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reply: Option<Value>,
    /// Under which ownership of the shard it was written.
    epoch: i64,
    /// When the command was sent; of a settled step, when first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    /// When the line was written.
    at: DateTime<Utc>,
}

/// What a line of the log is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaStepKind)]
#[expect(dead_code, reason = "documents the words that the log holds")]
enum LineKind {
    Opening,
    Do,
    Pivot,
    Then,
    Undo,
}

/// How it went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaStepOutcome)]
#[expect(dead_code, reason = "documents the words that the log holds")]
enum LineOutcome {
    Sent,
    Ok,
    Refused,
    GivenUp,
}

impl SagaBody {
    pub(super) fn of(row: SagaRow) -> Self {
        let (saga_id, reservation_id) = (
            SagaId::from_uuid(row.saga_id),
            ReservationId::from_uuid(row.reservation_id),
        );
        let waiting_for = match (row.step, row.undo, row.attempt, row.due_at) {
            (Some(step), Some(undo), Some(attempt), Some(due_at)) => Some(WaitingBody {
                step,
                undo,
                attempt,
                due_at,
            }),
            _ => None,
        };
        Self {
            saga_id,
            kind: row.kind,
            state: row.state,
            reservation_id,
            hotel_id: HotelId::from_uuid(row.hotel_id),
            waiting_for,
            reason: row.reason,
            shard: row.shard,
            epoch: row.epoch,
            deadline: row.deadline,
            overdue: row.overdue,
            created_at: row.created_at,
            updated_at: row.updated_at,
            links: Links {
                this: format!("/v1/sagas/{saga_id}"),
                reservation: format!("/v1/reservations/{reservation_id}"),
            },
        }
    }
}

impl SagaWithSteps {
    pub(super) fn of(mut row: SagaRow, steps: Vec<StepRow>) -> Self {
        let data = row.data.take();
        Self {
            saga: SagaBody::of(row),
            data,
            steps: steps.into_iter().map(StepBody::of).collect(),
        }
    }
}

impl StepBody {
    fn of(row: StepRow) -> Self {
        Self {
            seq: row.seq,
            step: row.step,
            kind: row.kind,
            outcome: row.outcome,
            attempt: row.attempt,
            command_name: row.command_name,
            command: row.command,
            reply: row.reply,
            epoch: row.epoch,
            sent_at: row.sent_at,
            at: row.at,
        }
    }
}
