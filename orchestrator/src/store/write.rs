//! What a batch writes: one statement, which is a transaction of its own.

use chrono::{DateTime, Utc};
use contract::SagaId;
use platform::access::Actor;
use platform::envelope::Traceparent;
use platform::outbox::{self, Outgoing};
use platform::{Broken, db};
use sqlx::PgConnection;
use uuid::Uuid;

use super::verbs::Verbs;
use crate::engine::{Line, Outline};
use crate::epochs::{Epochs, not_ours};
use crate::kept::Kept;

/// Everything that a batch writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    /// Runs that have no row yet.
    pub(crate) begun: Vec<(SagaId, Kept)>,
    /// Runs whose row is to say something else.
    pub(crate) changed: Vec<(SagaId, Kept)>,
    /// Runs of which nothing is written but when the timer looks again, where it still has to.
    pub(crate) looked: Vec<(SagaId, DateTime<Utc>)>,
    /// Lines of journals.
    pub(crate) lines: Vec<NewLine>,
    /// What is said.
    pub(crate) outgoing: Vec<Outgoing>,
    /// What was heard.
    pub(crate) heard: Vec<Uuid>,
    /// What came of what people said.
    pub(crate) verbs: Verbs,
}

/// A line to append.
#[derive(Debug, Clone)]
pub(crate) struct NewLine {
    /// The run.
    pub(crate) saga_id: SagaId,
    /// Its place in the journal.
    pub(crate) seq: u32,
    /// What it says.
    pub(crate) line: Line,
    /// The definition of its run.
    pub(crate) outline: &'static Outline,
    /// The message of a further sending, or of the answer.
    pub(crate) message_id: Option<Uuid>,
    /// The run's shard.
    pub(crate) shard: i32,
}

#[derive(Debug, sqlx::Encode)]
struct RunRow<'a> {
    saga_id: Uuid,
    kind: &'static str,
    definition: i32,
    state: &'static str,
    subject_id: Uuid,
    hotel_id: Uuid,
    shard: i32,
    data: String,
    actor: Option<String>,
    trace: Option<&'a str>,
    wake_at: Option<DateTime<Utc>>,
    reason: Option<&'a str>,
    is_over: bool,
    held_by: Option<Uuid>,
}
platform::row_type!(RunRow<'_>, "orchestrator.run_3");

#[derive(Debug, sqlx::Encode)]
struct RunChange<'a> {
    saga_id: Uuid,
    state: &'static str,
    shard: i32,
    wake_at: Option<DateTime<Utc>>,
    reason: Option<&'a str>,
    is_over: bool,
    is_paused: bool,
    held_by: Option<Uuid>,
}
platform::row_type!(RunChange<'_>, "orchestrator.run_change_3");

#[derive(Debug, sqlx::Encode)]
struct LineRow {
    saga_id: Uuid,
    seq: i32,
    what: &'static str,
    step: &'static str,
    place: &'static str,
    undo: bool,
    round: i32,
    sendings: i32,
    sent_at: Option<DateTime<Utc>>,
    message_id: Option<Uuid>,
    body: Option<String>,
    epoch: i64,
}
platform::row_type!(LineRow, "orchestrator.line_1");
platform::message_row!("orchestrator.message_1");

impl<'a> RunRow<'a> {
    fn of((saga_id, kept): &'a (SagaId, Kept)) -> Result<Self, Broken> {
        let run = &kept.run;
        Ok(Self {
            saga_id: saga_id.uuid(),
            kind: kept.data.name(),
            definition: run.version.unwrap_or_default(),
            state: run.state.word(),
            subject_id: kept.data.reservation_id().uuid(),
            hotel_id: kept.data.hotel_id().uuid(),
            shard: kept.shard,
            data: json(&kept.data)?,
            actor: kept.actor.and_then(Actor::named),
            trace: kept.trace.as_ref().map(Traceparent::as_str),
            wake_at: kept.wake_at,
            reason: run.reason.as_deref(),
            is_over: run.state.is_over(),
            held_by: kept.held_by(),
        })
    }
}

impl<'a> RunChange<'a> {
    fn of((saga_id, kept): &'a (SagaId, Kept)) -> Self {
        Self {
            saga_id: saga_id.uuid(),
            state: kept.run.state.word(),
            shard: kept.shard,
            wake_at: kept.wake_at,
            reason: kept.run.reason.as_deref(),
            is_over: kept.run.state.is_over(),
            is_paused: kept.run.paused.is_some(),
            held_by: kept.held_by(),
        }
    }
}

impl LineRow {
    fn of(new: &NewLine, epochs: &Epochs) -> Result<Self, Broken> {
        let (line, shard) = (&new.line, new.shard);
        let step = &new.outline.steps[line.step];
        Ok(Self {
            saga_id: new.saga_id.uuid(),
            seq: new.seq.cast_signed(),
            what: line.what.word(),
            step: step.name,
            place: step.kind.word(),
            undo: line.undo,
            round: line.round.cast_signed(),
            sendings: line.sendings.cast_signed(),
            sent_at: line.sent_at,
            message_id: new.message_id,
            body: match (&line.verb, &line.held_back) {
                (Some(spoken), _) => Some(json(spoken)?),
                (None, Some(by)) => Some(json(by)?),
                (None, None) => line.answer.as_ref().map(json).transpose()?,
            },
            epoch: *epochs.get(&shard).ok_or_else(|| not_ours(shard))?,
        })
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Broken> {
    serde_json::to_string(value).map_err(|error| Broken::Inconsistent(error.to_string()))
}

/// Writes a batch under these epochs, and answers what time it is. A line's time is the clock's once the epochs are
/// held: no line can look as if it had been written after its epoch ended that was not.
///
/// # Errors
/// [`Broken::Superseded`] when one of the epochs has ended, and [`Broken::Overtaken`] when another has appended a line
/// first, or has begun the run, or has handled a message: nothing is written then.
pub(crate) async fn write(
    db: &mut PgConnection,
    epochs: &Epochs,
    deadline: std::time::Duration,
    batch: &Batch,
) -> Result<DateTime<Utc>, Broken> {
    let (shards, held): (Vec<i32>, Vec<i64>) = epochs.iter().unzip();
    let begun: Vec<RunRow<'_>> = batch.begun.iter().map(RunRow::of).collect::<Result<_, _>>()?;
    let changed: Vec<RunChange<'_>> = batch.changed.iter().map(RunChange::of).collect();
    let (looked, looks): (Vec<Uuid>, Vec<DateTime<Utc>>) =
        batch.looked.iter().map(|(id, at)| (id.uuid(), *at)).unzip();
    let lines = batch.lines.iter().map(|line| LineRow::of(line, epochs));
    let lines: Vec<LineRow> = lines.collect::<Result<_, _>>()?;
    let sent = Message::all(&batch.outgoing);
    let deadline_ms = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
    let written = sqlx::query!(
        r#"with held as materialized (
               select count(*) = cardinality($1::integer[]) as ok, clock_timestamp() as now
               from (select from orchestrator.saga_epoch current
                     join unnest($1::integer[], $2::bigint[]) as ours (shard, epoch)
                       on ours.shard = current.shard and ours.epoch = current.epoch
                     where current.ended_at is null order by current.shard for share of current) as mine),
           begun as (
               insert into orchestrator.run
                   (saga_id, kind, definition, state, subject_kind, subject_id, hotel_id, shard, data, actor, trace, wake_at,
                    deadline, reason, created_at, ended_at, held_by)
               select new.saga_id, new.kind, new.definition, new.state::orchestrator.run_state, 'reservation',
                      new.subject_id, new.hotel_id, new.shard, new.data::json, new.actor, new.trace, new.wake_at,
                      held.now + $4::bigint * interval '1 millisecond', new.reason, held.now,
                      case when new.is_over then held.now end, new.held_by
               from held, unnest($3::orchestrator.run_3[]) as new where held.ok returning 1),
           changed as (
               update orchestrator.run
               set state = new.state::orchestrator.run_state, shard = new.shard, wake_at = new.wake_at,
                   reason = new.reason, ended_at = case when new.is_over then held.now end,
                   paused_at = case when new.is_paused then coalesce(run.paused_at, held.now) end,
                   held_by = new.held_by
               from held, unnest($5::orchestrator.run_change_3[]) as new
               where held.ok and run.saga_id = new.saga_id returning 1),
           looked as (
               update orchestrator.run set wake_at = new.wake_at
               from held, unnest($6::uuid[], $7::timestamptz[]) as new (saga_id, wake_at)
               where held.ok and run.saga_id = new.saga_id and run.wake_at is not null returning 1),
           lines as (
               insert into orchestrator.journal
                   (saga_id, seq, what, step, place, undo, round, sendings, sent_at, message_id, body, epoch, at)
               select new.saga_id, new.seq, new.what::orchestrator.line_what, new.step,
                      new.place::orchestrator.line_place, new.undo, new.round, new.sendings, new.sent_at,
                      new.message_id, new.body::json, new.epoch, held.now
               from held, unnest($8::orchestrator.line_1[]) as new where held.ok returning 1),
           sent as (
               insert into orchestrator.outbox
                   (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
               select new.id, new.topic, new.key, new.type, new.payload::json, new.actor, new.traceparent,
                      new.deadline_ms
               from held, unnest($9::orchestrator.message_1[]) as new where held.ok returning 1),
           heard as (
               insert into orchestrator.inbox (message_id)
               select new.message_id from held, unnest($10::uuid[]) as new (message_id) where held.ok returning 1)
           select held.ok as "ok!", held.now as "now!", (select count(*) from begun) as "begun!",
                  (select count(*) from changed) as "changed!", (select count(*) from looked) as "looked!",
                  (select count(*) from lines) as "lines!", (select count(*) from sent) as "sent!",
                  (select count(*) from heard) as "heard!"
           from held"#,
        &shards,
        &held,
        &begun as &[RunRow<'_>],
        deadline_ms,
        &changed as &[RunChange<'_>],
        &looked,
        &looks,
        &lines as &[LineRow],
        &sent as &[Message<'_>],
        &batch.heard
    )
    .fetch_one(db)
    .await
    .map_err(overtaken)?;
    if !written.ok {
        return Err(not_ours(shards.first().copied().unwrap_or_default()));
    }
    db::all_written("runs", written.begun, begun.len())?;
    db::all_written("changes of runs", written.changed, changed.len())?;
    db::all_written("lines", written.lines, lines.len())?;
    db::all_written("messages", written.sent, sent.len())?;
    db::all_written("handled messages", written.heard, batch.heard.len())?;
    Ok(written.now)
}

/// A key that is taken says that somebody was faster.
fn overtaken(error: sqlx::Error) -> Broken {
    let broken = Broken::from(error);
    match broken.constraint() {
        Some("journal_pkey") => Broken::Overtaken("a line"),
        Some("run_pkey") => Broken::Overtaken("a run"),
        _ if outbox::was_heard(&broken) => Broken::Overtaken("a message"),
        _ => broken,
    }
}
