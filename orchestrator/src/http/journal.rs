//! The journal of a run as the API shows it, and what is read out of it.

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Command, Reply, SagaId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::engine::{Line, Pace, Run, StepKind, What};
use crate::sagas;
use crate::store::{JournalRow, RunRow};

/// What the engine reads out of a journal.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Where the run stands; none if this release cannot read it.
    pub(super) run: Option<Run>,
    /// The name of the step that it waits for.
    pub(super) waits_for: Option<&'static str>,
    /// Of each line, the command that it is about, where there is one.
    commands: Vec<Option<Command>>,
}

impl Reading {
    /// Reads what this release can read. What it cannot read is shown as it stands in the tables.
    pub(super) fn of(row: &RunRow, journal: &[JournalRow], pace: Pace) -> Self {
        Self::read(row, journal, pace).unwrap_or_default()
    }

    fn read(row: &RunRow, journal: &[JournalRow], pace: Pace) -> Option<Self> {
        let data: SagaData = serde_json::from_value(row.data.clone()).ok()?;
        let outline = sagas::outline_of(&data, row.definition)?;
        let lines = journal.iter().map(|line| line.line(outline));
        let lines: Vec<Line> = lines.collect::<Result<_, _>>().ok()?;
        let pace = pace.of(SagaId::from_uuid(row.saga_id));
        let (run, commands) = sagas::replay(&data, row.definition, &lines, pace)?;
        let waits_for = run.waiting.map(|waiting| outline.steps[waiting.step].name);
        Some(Self {
            run: Some(run),
            waits_for,
            commands,
        })
    }
}

/// A line of a run's journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaLine)]
pub(super) struct LineBody {
    /// Its place in the journal, from 1, without a gap.
    seq: i32,
    /// What it says.
    #[schema(value_type = What)]
    what: String,
    #[schema(example = "hold-rooms")]
    step: String,
    /// What the step is to the saga.
    #[schema(value_type = StepKind)]
    place: String,
    /// Whether it is about undoing the step.
    undo: bool,
    /// In which round of the run, from 1.
    round: i32,
    /// How often the command had been sent; 0 where there is none.
    sendings: i32,
    /// When the command was sent first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    /// The command's name, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Hold")]
    command_name: Option<&'static str>,
    /// The command, computed from the run's data and its definition, which is how it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    command: Option<Value>,
    /// The reply that came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reply: Option<Value>,
    /// What a person said, by whom and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    verb: Option<Value>,
    /// The rule that holds the command back, and until when where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    held_back: Option<Value>,
    /// The message of a further sending, of the reply, or of the verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Uuid>,
    /// Under which ownership of the shard it was written.
    epoch: i64,
    /// When it was written.
    at: DateTime<Utc>,
}

/// The lines of a journal.
pub(super) fn bodies(journal: &[JournalRow], read: &Reading) -> Vec<LineBody> {
    let commands = read.commands.iter().map(Option::as_ref);
    let commands = commands.chain(std::iter::repeat(None));
    let lines = journal.iter().zip(commands);
    lines.map(|(row, command)| LineBody::of(row, command)).collect()
}

impl LineBody {
    fn of(row: &JournalRow, command: Option<&Command>) -> Self {
        let is_verb = row.what == What::Verb.word();
        let is_held = row.what == What::HeldBack.word();
        let as_kept = |body: &str| serde_json::from_str(body).unwrap_or_default();
        let body = row.body.as_deref();
        Self {
            seq: row.seq,
            what: row.what.clone(),
            step: row.step.clone(),
            place: row.place.clone(),
            undo: row.undo,
            round: row.round,
            sendings: row.sendings,
            sent_at: row.sent_at,
            command_name: command.map(Command::name),
            command: command.map(|command| json!(command)),
            reply: body
                .filter(|_| !is_verb && !is_held)
                .map(|body| reply_of(row, body)),
            verb: body.filter(|_| is_verb).map(as_kept),
            held_back: body.filter(|_| is_held).map(as_kept),
            message_id: row.message_id,
            epoch: row.epoch,
            at: row.at,
        }
    }
}

/// The reply as it came; as it is kept, if this release cannot read it.
fn reply_of(row: &JournalRow, body: &str) -> Value {
    let kept: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let reply = serde_json::from_value(kept.clone()).map(|answer: crate::engine::Answer| Reply {
        saga_id: SagaId::from_uuid(row.saga_id),
        step: row.step.clone(),
        undo: row.undo,
        round: row.round.unsigned_abs(),
        attempt: answer.attempt,
        outcome: answer.outcome,
    });
    reply.map_or(kept, |reply| json!(reply))
}
