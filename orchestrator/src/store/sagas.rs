//! Sagas that run: read for a batch, written for a batch.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Reply, SagaId};
use platform::Broken;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::engine::{Entry, Outline, Run, State, Waiting, refused};
use crate::ownership::Epochs;
use crate::recent::Snapshot;
use crate::sagas;

/// A run with what the store knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Whose shard it is.
    pub(crate) shard: i32,
    /// What it runs on.
    pub(crate) data: SagaData,
    /// The run.
    pub(crate) run: Run,
    /// Lines of its log so far.
    pub(crate) lines: i32,
    /// When the timer looks.
    pub(crate) wake_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub(crate) created_at: DateTime<Utc>,
    /// Whether it has a row already.
    pub(crate) stored: bool,
}

impl Kept {
    /// The definition that it was begun with.
    fn outline(&self) -> Result<&'static Outline, Broken> {
        let version = self.run.version;
        version
            .and_then(|version| sagas::outline_of(&self.data, version))
            .ok_or_else(|| {
                let name = self.data.name();
                Broken::Inconsistent(format!("there is no version {version:?} of {name}"))
            })
    }

    /// What to remember of it once it is committed; nothing of a saga that has ended.
    pub(crate) fn snapshot(self) -> Option<Snapshot> {
        (!self.run.state.is_terminal()).then_some(Snapshot {
            lines: self.lines,
            data: self.data,
            log: self.run.log,
        })
    }
}

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

struct Row {
    saga_id: Uuid,
    version: i32,
    shard: i32,
    state: String,
    data: Option<Json<SagaData>>,
    lines: i32,
    step: Option<String>,
    undo: Option<bool>,
    attempt: Option<i32>,
    sent_first_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    wake_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    reason: Option<String>,
}

impl Row {
    /// The saga with what is known of it already, or as read and without its log.
    fn kept(self, known: Option<Snapshot>) -> Result<(SagaId, Kept), Broken> {
        let saga_id = SagaId::from_uuid(self.saga_id);
        let (data, log) = match (known, self.data) {
            (Some(known), _) => (known.data, known.log),
            (None, Some(data)) => (data.0, Vec::new()),
            (None, None) => {
                return Err(Broken::Inconsistent(format!(
                    "saga {saga_id} was read without data"
                )));
            }
        };
        let outline = sagas::outline_of(&data, self.version).ok_or_else(|| {
            let (name, version) = (data.name(), self.version);
            Broken::Inconsistent(format!(
                "saga {saga_id} runs on version {version} of {name}, which is gone"
            ))
        })?;
        let waiting = match (
            self.step,
            self.undo,
            self.attempt,
            self.sent_first_at,
            self.due_at,
        ) {
            (Some(step), Some(undo), Some(attempt), Some(since), Some(due)) => Some(Waiting {
                step: position(outline, &step)?,
                undo,
                attempt: attempt.unsigned_abs(),
                since,
                due,
            }),
            _ => None,
        };
        let state = State::of(&self.state);
        let state = state.ok_or_else(|| Broken::Inconsistent(format!("state {}", self.state)))?;
        let run = Run {
            version: Some(self.version),
            state,
            log,
            waiting,
            reason: self.reason,
        };
        let kept = Kept {
            shard: self.shard,
            data,
            run,
            lines: self.lines,
            wake_at: self.wake_at,
            created_at: self.created_at,
            stored: true,
        };
        Ok((saga_id, kept))
    }
}

fn position(outline: &Outline, step: &str) -> Result<usize, Broken> {
    let found = outline.steps.iter().position(|known| known.name == step);
    found.ok_or_else(|| Broken::Inconsistent(format!("{} has no step {step}", outline.name)))
}

/// Reads and locks these sagas. Of those in `recent` that have not changed since, only the row is read.
pub(crate) async fn lock(
    db: &mut PgConnection,
    ids: &[Uuid],
    mut recent: HashMap<SagaId, Snapshot>,
) -> Result<HashMap<SagaId, Kept>, Broken> {
    let familiar: Vec<Uuid> = recent.keys().map(|id| id.uuid()).collect();
    let (mut kept, mut unread) = (HashMap::new(), Vec::new());
    let mut stale = Vec::new();
    for row in lock_rows(db, ids, &familiar).await? {
        let known = recent.remove(&SagaId::from_uuid(row.saga_id));
        let known = known.filter(|known| known.lines == row.lines);
        if known.is_none() && row.data.is_none() {
            stale.push(row.saga_id);
            continue;
        }
        if known.is_none() {
            unread.push(row.saga_id);
        }
        kept.extend([row.kept(known)?]);
    }
    if !stale.is_empty() {
        for row in lock_rows(db, &stale, &[]).await? {
            unread.push(row.saga_id);
            kept.extend([row.kept(None)?]);
        }
    }
    if !unread.is_empty() {
        logs(db, &mut kept, &unread).await?;
    }
    Ok(kept)
}

/// The rows of these sagas, without the data of those that are `familiar`.
async fn lock_rows(db: &mut PgConnection, ids: &[Uuid], familiar: &[Uuid]) -> Result<Vec<Row>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        r#"select saga_id, version, shard, state,
                  case when saga_id = any($2) then null else data end as "data: Json<SagaData>",
                  lines, step, undo, attempt, sent_first_at, due_at, wake_at, created_at, reason
           from orchestrator.saga where saga_id = any($1) order by saga_id for update"#,
        ids,
        familiar
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Reads and locks the sagas of these shards that are to be looked at, soonest first, at most `limit`.
pub(crate) async fn due(
    db: &mut PgConnection,
    shards: &[i32],
    limit: i64,
) -> Result<HashMap<SagaId, Kept>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        r#"select saga_id, version, shard, state, data as "data?: Json<SagaData>", lines, step, undo, attempt,
                  sent_first_at, due_at, wake_at, created_at, reason
           from orchestrator.saga where wake_at <= now() and shard = any($1)
           order by wake_at limit $2 for update skip locked"#,
        shards,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| row.kept(None)).collect()
}

/// In how many milliseconds the next saga of these shards is to be looked at.
pub(crate) async fn wake_in(db: &mut PgConnection, shards: &[i32]) -> Result<Option<i64>, Broken> {
    let next = sqlx::query_scalar!(
        r#"select ceil(extract(epoch from wake_at - clock_timestamp()) * 1000)::bigint as "ms!"
           from orchestrator.saga where wake_at is not null and shard = any($1)
           order by wake_at limit 1"#,
        shards
    )
    .fetch_optional(db)
    .await?;
    Ok(next)
}

/// Reads the settled lines of these locked sagas into their runs. A statement of its own, after the locks: one
/// that locks and reads at once would not see what the former holder of a lock has just appended.
pub(crate) async fn logs(
    db: &mut PgConnection,
    kept: &mut HashMap<SagaId, Kept>,
    ids: &[Uuid],
) -> Result<(), Broken> {
    let rows = sqlx::query!(
        r#"select saga_id, step, kind, outcome, attempt, reply as "reply: Json<Reply>"
           from orchestrator.saga_step where saga_id = any($1) and entry = 0 order by saga_id, seq"#,
        ids
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let Some(saga) = kept.get_mut(&SagaId::from_uuid(row.saga_id)) else {
            continue;
        };
        let step = position(saga.outline()?, &row.step)?;
        let refusal = row.reply.and_then(|reply| match reply.0.outcome {
            contract::Outcome::Refused(refusal) => Some(refusal),
            contract::Outcome::Done => None,
        });
        let entry = match (row.outcome.as_str(), row.kind.as_str(), refusal) {
            ("ok", "undo", _) => Entry::Undone(step),
            ("ok", ..) => Entry::Done(step),
            ("given_up", ..) => Entry::GivenUp(step),
            ("refused", "undo", Some(refusal)) => Entry::UndoRefused(step, refusal),
            ("refused", _, Some(refusal)) => {
                refused(step, refusal, u32::try_from(row.attempt).unwrap_or_default())
            }
            _ => {
                return Err(Broken::Inconsistent(format!(
                    "a line of saga {} cannot be read",
                    row.saga_id
                )));
            }
        };
        saga.run.log.push(entry);
    }
    Ok(())
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
              step, undo, attempt, sent_first_at, due_at, wake_at, reason, deadline)
         select saga_id, type, version, state, reservation_id, hotel_id, shard, epoch, data::json, lines,
                step, undo, attempt, sent_first_at, due_at, wake_at, reason,
                now() + $17::bigint * interval '1 millisecond'
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::integer[], $7::bigint[],
                     $8::text[], $9::integer[], $10::text[], $11::boolean[], $12::integer[],
                     $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[], $18::integer[])
              as new(saga_id, type, state, reservation_id, hotel_id, shard, epoch, data, lines,
                     step, undo, attempt, sent_first_at, due_at, wake_at, reason, version)",
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
        &columns.of(|kept| kept.run.version) as &[Option<i32>]
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

/// Appends lines. One that is there already stays as it is.
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
             (saga_id, epoch, step, kind, entry, seq, outcome, attempt, command_name, command, reply, sent_at)
         select saga_id, epoch, step, kind, entry, seq, outcome, attempt, command_name, command::json,
                reply::json, sent_at
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
