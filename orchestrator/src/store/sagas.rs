//! Sagas that run, as a batch reads and locks them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::saga::SagaData;
use contract::{Reply, SagaId};
use platform::envelope::Traceparent;
use platform::{Broken, Envelope};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::engine::{Entry, Outline, Pace, Run, State, Waiting, refused};
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
    /// The trace of the request that it came of.
    pub(crate) trace: Option<Traceparent>,
    /// Whether it has a row already.
    pub(crate) stored: bool,
}

impl Kept {
    /// The definition that it was begun with.
    pub(super) fn outline(&self) -> Result<&'static Outline, Broken> {
        let version = self.run.version;
        version
            .and_then(|version| sagas::outline_of(&self.data, version))
            .ok_or_else(|| {
                let name = self.data.name();
                Broken::Inconsistent(format!("there is no version {version:?} of {name}"))
            })
    }

    /// What travels with the command that it has just sent.
    pub(crate) fn envelope(&self, pace: Pace) -> Envelope {
        Envelope {
            actor: None,
            trace: self.trace.clone(),
            deadline: self.gives_up_at(pace),
        }
    }

    /// When the command that it waits for is given up; none where nobody gives up.
    fn gives_up_at(&self, pace: Pace) -> Option<DateTime<Utc>> {
        let waiting = self.run.waiting.filter(|waiting| !waiting.undo)?;
        let step = self.outline().ok()?.steps.get(waiting.step)?;
        Some(waiting.since + pace.give_up_after(step.given_up_after_times?))
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

struct Row {
    saga_id: Uuid,
    version: i32,
    shard: i32,
    state: String,
    /// As text, so that one that this code cannot read costs no other.
    data: Option<String>,
    lines: i32,
    step: Option<String>,
    undo: Option<bool>,
    attempt: Option<i32>,
    sent_first_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    wake_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    reason: Option<String>,
    traceparent: Option<String>,
}

impl Row {
    /// The saga with what is known of it already, or as read and without its log.
    fn kept(self, known: Option<Snapshot>) -> Result<(SagaId, Kept), Broken> {
        let saga_id = SagaId::from_uuid(self.saga_id);
        let (data, log) = match (known, self.data) {
            (Some(known), _) => (known.data, known.log),
            (None, Some(data)) => (read(self.saga_id, &data)?, Vec::new()),
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
            trace: self.traceparent.as_deref().and_then(Traceparent::read),
            stored: true,
        };
        Ok((saga_id, kept))
    }
}

/// Reads what is kept as JSON.
fn read<'a, T: Deserialize<'a>>(saga_id: Uuid, json: &'a str) -> Result<T, Broken> {
    serde_json::from_str(json)
        .map_err(|error| Broken::Inconsistent(format!("saga {saga_id} cannot be read: {error}")))
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
    if let Some((_, why)) = logs(db, &mut kept, &unread).await?.pop() {
        return Err(why);
    }
    Ok(kept)
}

/// The rows of these sagas, without the data of those that are `familiar`.
async fn lock_rows(db: &mut PgConnection, ids: &[Uuid], familiar: &[Uuid]) -> Result<Vec<Row>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        "select saga_id, version, shard, state,
                  case when saga_id = any($2) then null else data::text end as data,
                  lines, step, undo, attempt, sent_first_at, due_at, wake_at, created_at, reason, traceparent
           from orchestrator.saga where saga_id = any($1) order by saga_id for update",
        ids,
        familiar
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Sagas that are to be looked at.
#[derive(Debug)]
pub(crate) struct Due {
    /// With their logs.
    pub(crate) sagas: HashMap<SagaId, Kept>,
    /// How many more there were that this code cannot read. They are to be looked at again later.
    pub(crate) unreadable: usize,
}

/// Reads and locks the sagas of these shards that are to be looked at, soonest first, at most `limit`. Those that
/// this code cannot read, such as those of a release that was rolled back, are put off and cost no other.
pub(crate) async fn due(db: &mut PgConnection, shards: &[i32], limit: i64) -> Result<Due, Broken> {
    let (mut sagas, mut unreadable) = (HashMap::new(), Vec::new());
    for row in due_rows(db, shards, limit).await? {
        let saga_id = row.saga_id;
        match row.kept(None) {
            Ok(kept) => sagas.extend([kept]),
            Err(why) => unreadable.push((saga_id, why)),
        }
    }
    let unread: Vec<Uuid> = sagas.keys().map(|id| id.uuid()).collect();
    unreadable.extend(logs(db, &mut sagas, &unread).await?);
    if let Some((saga_id, why)) = unreadable.first() {
        say_unreadable(unreadable.len(), *saga_id, why);
        let ids: Vec<Uuid> = unreadable.iter().map(|(id, _)| *id).collect();
        put_off(db, &ids).await?;
    }
    Ok(Due {
        sagas,
        unreadable: unreadable.len(),
    })
}

fn say_unreadable(count: usize, saga_id: Uuid, why: &Broken) {
    let error = why as &dyn std::error::Error;
    tracing::error!(count, %saga_id, error, "sagas cannot be read and wait; this is one of them, and why");
}

async fn due_rows(db: &mut PgConnection, shards: &[i32], limit: i64) -> Result<Vec<Row>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        "select saga_id, version, shard, state, data::text as data, lines, step, undo, attempt,
                  sent_first_at, due_at, wake_at, created_at, reason, traceparent
           from orchestrator.saga where wake_at <= now() and shard = any($1)
           order by wake_at limit $2 for update skip locked",
        shards,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Looks at these sagas again in a minute, so that they do not stand before others until then.
async fn put_off(db: &mut PgConnection, ids: &[Uuid]) -> Result<(), Broken> {
    sqlx::query!(
        "update orchestrator.saga set wake_at = now() + interval '1 minute',
             due_at = greatest(due_at, now() + interval '1 minute')
         where saga_id = any($1)",
        ids
    )
    .execute(db)
    .await?;
    Ok(())
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

/// A settled line of a log.
struct LineRow {
    saga_id: Uuid,
    step: String,
    kind: String,
    outcome: String,
    attempt: i32,
    /// As text, so that one that this code cannot read costs no other.
    reply: Option<String>,
}

impl LineRow {
    fn entry(&self, outline: &Outline) -> Result<Entry, Broken> {
        let step = position(outline, &self.step)?;
        let reply = self.reply.as_deref();
        let reply: Option<Reply> = reply.map(|reply| read(self.saga_id, reply)).transpose()?;
        let refusal = reply.and_then(|reply| match reply.outcome {
            contract::Outcome::Refused(refusal) => Some(refusal),
            contract::Outcome::Done => None,
        });
        match (self.outcome.as_str(), self.kind.as_str(), refusal) {
            ("ok", "undo", _) => Ok(Entry::Undone(step)),
            ("ok", ..) => Ok(Entry::Done(step)),
            ("given_up", ..) => Ok(Entry::GivenUp(step)),
            ("refused", "undo", Some(refusal)) => Ok(Entry::UndoRefused(step, refusal)),
            ("refused", _, Some(refusal)) => {
                let attempt = u32::try_from(self.attempt).unwrap_or_default();
                Ok(refused(step, refusal, attempt))
            }
            _ => Err(Broken::Inconsistent(format!(
                "a line of saga {} cannot be read",
                self.saga_id
            ))),
        }
    }
}

/// Reads the settled lines of these locked sagas into their runs. A statement of its own, after the locks: one
/// that locks and reads at once would not see what the former holder of a lock has just appended. Takes out the
/// sagas whose lines this code cannot read, and answers them with the reason.
async fn logs(
    db: &mut PgConnection,
    kept: &mut HashMap<SagaId, Kept>,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Broken)>, Broken> {
    let mut unreadable = Vec::new();
    if ids.is_empty() {
        return Ok(unreadable);
    }
    let rows = sqlx::query_as!(
        LineRow,
        "select saga_id, step, kind, outcome, attempt, reply::text as reply
           from orchestrator.saga_step where saga_id = any($1) and entry = 0 order by saga_id, seq",
        ids
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let saga_id = SagaId::from_uuid(row.saga_id);
        let Some(saga) = kept.get_mut(&saga_id) else {
            continue;
        };
        match saga.outline().and_then(|outline| row.entry(outline)) {
            Ok(entry) => saga.run.log.push(entry),
            Err(why) => {
                kept.remove(&saga_id);
                unreadable.push((row.saga_id, why));
            }
        }
    }
    Ok(unreadable)
}
