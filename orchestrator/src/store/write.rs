//! Sagas that run, as a batch writes them.

use chrono::{DateTime, Utc};
use contract::SagaId;
use platform::Broken;
use platform::envelope::Traceparent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::sagas::Kept;
use crate::engine::Waiting;
use crate::epochs::Epochs;

/// A line to append.
#[derive(Debug, Clone)]
pub(crate) struct NewLine {
    /// The saga.
    pub(crate) saga_id: SagaId,
    /// Under which epoch.
    pub(crate) epoch: i64,
    /// The step's name.
    pub(crate) step: &'static str,
    /// The step's kind, or `undo`.
    pub(crate) kind: &'static str,
    /// 0 for the settlement, n for the n-th sending.
    pub(crate) entry: i32,
    /// Its place in the log.
    pub(crate) seq: i32,
    /// `sent`, `ok`, `refused` or `given_up`.
    pub(crate) outcome: &'static str,
    /// How often the command was sent.
    pub(crate) attempt: i32,
    /// The command that goes out, by name and as JSON.
    pub(crate) command: Option<(&'static str, String)>,
    /// The answer that came in, as JSON.
    pub(crate) reply: Option<String>,
    /// When the command was sent first.
    pub(crate) sent_at: Option<DateTime<Utc>>,
}

/// Columns of the sagas that a batch writes.
struct Columns<'a>(&'a [(SagaId, Kept)]);

impl<'a> Columns<'a> {
    fn of<T>(&self, value: impl Fn(&'a Kept) -> T) -> Vec<T> {
        self.0.iter().map(|(_, kept)| value(kept)).collect()
    }

    fn waiting<T>(&self, value: impl Fn(&Waiting) -> T) -> Vec<Option<T>> {
        self.of(|kept| kept.run.waiting.as_ref().map(&value))
    }

    fn ids(&self) -> Vec<Uuid> {
        self.0.iter().map(|(id, _)| id.uuid()).collect()
    }

    fn steps(&self) -> Vec<Option<&'static str>> {
        let name = |kept: &Kept| {
            let step = kept.run.waiting.as_ref()?.step;
            Some(kept.outline().ok()?.steps.get(step)?.name)
        };
        self.of(name)
    }

    fn epochs(&self, epochs: &Epochs) -> Vec<i64> {
        self.of(|kept| epochs.get(&kept.shard).copied().unwrap_or_default())
    }
}

/// Writes sagas that have no row yet.
pub(crate) async fn insert(
    db: &mut PgConnection,
    new: &[(SagaId, Kept)],
    epochs: &Epochs,
    deadline: std::time::Duration,
) -> Result<(), Broken> {
    let columns = Columns(new);
    let data = columns.of(|kept| serde_json::to_string(&kept.data));
    let data: Vec<String> = data
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| Broken::Inconsistent(error.to_string()))?;
    let deadline_ms = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
    sqlx::query!(
        "insert into orchestrator.saga
             (saga_id, type, version, state, reservation_id, hotel_id, shard, epoch, data, lines,
              step, undo, attempt, sent_first_at, due_at, wake_at, reason, traceparent, deadline)
         select saga_id, type, version, state, reservation_id, hotel_id, shard, epoch, data::json, lines,
                step, undo, attempt, sent_first_at, due_at, wake_at, reason, traceparent,
                now() + $17::bigint * interval '1 millisecond'
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::integer[], $7::bigint[],
                     $8::text[], $9::integer[], $10::text[], $11::boolean[], $12::integer[],
                     $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[], $18::integer[], $19::text[])
              as new(saga_id, type, state, reservation_id, hotel_id, shard, epoch, data, lines,
                     step, undo, attempt, sent_first_at, due_at, wake_at, reason, version, traceparent)",
        &columns.ids(),
        &columns.of(|kept| kept.data.name()) as &[&str],
        &columns.of(|kept| kept.run.state.word()) as &[&str],
        &columns.of(|kept| kept.data.reservation_id().uuid()),
        &columns.of(|kept| kept.data.hotel_id().uuid()),
        &columns.of(|kept| kept.shard),
        &columns.epochs(epochs),
        &data,
        &columns.of(|kept| kept.lines),
        &columns.steps() as &[Option<&str>],
        &columns.waiting(|waiting| waiting.undo) as &[Option<bool>],
        &columns.waiting(|waiting| waiting.attempt.cast_signed()) as &[Option<i32>],
        &columns.waiting(|waiting| waiting.since) as &[Option<DateTime<Utc>>],
        &columns.waiting(|waiting| waiting.due) as &[Option<DateTime<Utc>>],
        &columns.of(|kept| kept.wake_at) as &[Option<DateTime<Utc>>],
        &columns.of(|kept| kept.run.reason.as_deref()) as &[Option<&str>],
        deadline_ms,
        &columns.of(|kept| kept.run.version) as &[Option<i32>],
        &columns.of(|kept| kept.trace.as_ref().map(Traceparent::as_str)) as &[Option<&str>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what has changed of sagas that have a row.
pub(crate) async fn change(
    db: &mut PgConnection,
    changed: &[(SagaId, Kept)],
    epochs: &Epochs,
) -> Result<(), Broken> {
    let columns = Columns(changed);
    sqlx::query!(
        "update orchestrator.saga set
             state = new.state, shard = new.shard, epoch = new.epoch, lines = new.lines, step = new.step,
             undo = new.undo, attempt = new.attempt, sent_first_at = new.sent_first_at, due_at = new.due_at,
             wake_at = new.wake_at, reason = new.reason, updated_at = now()
         from unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::integer[], $6::text[],
                     $7::boolean[], $8::integer[], $9::timestamptz[], $10::timestamptz[],
                     $11::timestamptz[], $12::text[])
              as new(saga_id, state, shard, epoch, lines, step, undo, attempt, sent_first_at, due_at,
                     wake_at, reason)
         where saga.saga_id = new.saga_id",
        &columns.ids(),
        &columns.of(|kept| kept.run.state.word()) as &[&str],
        &columns.of(|kept| kept.shard),
        &columns.epochs(epochs),
        &columns.of(|kept| kept.lines),
        &columns.steps() as &[Option<&str>],
        &columns.waiting(|waiting| waiting.undo) as &[Option<bool>],
        &columns.waiting(|waiting| waiting.attempt.cast_signed()) as &[Option<i32>],
        &columns.waiting(|waiting| waiting.since) as &[Option<DateTime<Utc>>],
        &columns.waiting(|waiting| waiting.due) as &[Option<DateTime<Utc>>],
        &columns.of(|kept| kept.wake_at) as &[Option<DateTime<Utc>>],
        &columns.of(|kept| kept.run.reason.as_deref()) as &[Option<&str>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Appends lines. One that is there already stays as it is. Their time is the clock's and not the beginning of
/// the transaction, which would be too early to show a line that was written after its epoch had ended.
pub(crate) async fn append(db: &mut PgConnection, lines: &[NewLine]) -> Result<(), Broken> {
    let commands: Vec<_> = lines.iter().map(|line| line.command.as_ref()).collect();
    let names: Vec<_> = commands
        .iter()
        .map(|command| command.map(|(name, _)| *name))
        .collect();
    let commands: Vec<_> = commands
        .iter()
        .map(|command| command.map(|(_, command)| command.as_str()))
        .collect();
    sqlx::query!(
        "insert into orchestrator.saga_step
             (saga_id, epoch, step, kind, entry, seq, outcome, attempt, command_name, command, reply, sent_at,
              at)
         select saga_id, epoch, step, kind, entry, seq, outcome, attempt, command_name, command::json,
                reply::json, sent_at, clock_timestamp()
         from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::integer[],
                     $7::text[], $8::integer[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
              as new(saga_id, epoch, step, kind, entry, seq, outcome, attempt, command_name, command, reply,
                     sent_at)
         on conflict (saga_id, step, kind, entry) do nothing",
        &lines.iter().map(|line| line.saga_id.uuid()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.epoch).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.step).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|line| line.kind).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|line| line.entry).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.seq).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.outcome).collect::<Vec<_>>() as &[&str],
        &lines.iter().map(|line| line.attempt).collect::<Vec<_>>(),
        &names as &[Option<&str>],
        &commands as &[Option<&str>],
        &lines.iter().map(|line| line.reply.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &lines.iter().map(|line| line.sent_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    )
    .execute(db)
    .await?;
    Ok(())
}
