//! The outbox and the inbox of a schema: what is said is said in the transaction that makes it true,
//! and what was heard is remembered in the transaction that acts on it.
//!
//! Every owner has the same two tables in its schema, the outbox with the columns that Debezium's outbox event
//! router expects (`migrations/<schema>/*_outbox_by_day.sql`):
//!
//! ```sql
//! create table <schema>.outbox (
//!     id uuid not null, aggregatetype text not null, aggregateid text not null, type text not null,
//!     payload json not null, created_at timestamptz not null default now(),
//!     actor text, traceparent text, deadline_ms bigint) partition by range (created_at);
//! create table <schema>.inbox (message_id uuid primary key, handled_at timestamptz not null default now());
//! ```
//!
//! An outbox consists of days, which are dropped whole ([`days`]): no row of it is ever changed or deleted.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::db::{self, Broken, all_written};
use crate::envelope::{Envelope, Traceparent};
use crate::retention;
use crate::tasks::Tasks;

mod days;
mod row;

/// How long outbox rows are kept at least, in hours: a relay that lost its slot finds what it missed there. They go
/// by the day, so the first of a day are kept for a day more. `drop_outbox_day` of each schema says the same.
pub const OUTBOX_KEPT_HOURS: i32 = 72;
/// How long inbox rows are kept, in hours: a message redelivered within this time is recognised. A day longer than
/// the first rows of a day of an outbox, which may be published again until its housekeeping has come by.
pub const INBOX_KEPT_HOURS: i32 = 120;
/// Rows removed by one statement of the housekeeping.
const PURGE_BATCH: i64 = 5_000;
/// Time between two rounds of housekeeping.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// The schema whose tables are meant: a name written in the code, never taken from input.
#[derive(Clone, Copy, Debug)]
pub struct Schema(pub &'static str);

/// A message to be published by the relay.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Names the message; a consumer that has seen it ignores it.
    pub id: Uuid,
    /// The topic (the event router's `aggregatetype`).
    pub topic: String,
    /// The message key (`aggregateid`): messages of one key keep their order.
    pub key: String,
    /// The message's type, sent as header `eventType`.
    pub kind: String,
    /// The body, JSON.
    pub payload: String,
    /// What travels beside it.
    pub envelope: Envelope,
}

impl Outgoing {
    /// A message with a new id, and nothing in its envelope.
    ///
    /// # Errors
    /// When the body cannot be written as JSON, which is a defect in its type.
    #[expect(clippy::disallowed_methods, reason = "message ids are made here")]
    pub fn new(
        topic: &str,
        key: impl Into<String>,
        kind: &str,
        body: &impl Serialize,
    ) -> Result<Self, Broken> {
        let payload = serde_json::to_string(body).map_err(|error| Broken::Inconsistent(error.to_string()))?;
        Ok(Self {
            id: Uuid::now_v7(),
            topic: topic.to_owned(),
            key: key.into(),
            kind: kind.to_owned(),
            payload,
            envelope: Envelope::default(),
        })
    }

    /// The message in this envelope.
    #[must_use]
    pub fn within(self, envelope: Envelope) -> Self {
        Self { envelope, ..self }
    }
}

/// Writes messages into the schema's outbox, in this order, with one statement.
///
/// # Errors
/// When the database fails.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema's outbox, the schema's name is in the code"
)]
pub async fn write(db: &mut PgConnection, schema: Schema, messages: &[Outgoing]) -> Result<(), Broken> {
    if messages.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "insert into {}.outbox (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms) \
         select id, topic, key, type, payload::json, nullif(split_part(envelope, E'\\n', 1), ''), \
             nullif(split_part(envelope, E'\\n', 2), ''), nullif(split_part(envelope, E'\\n', 3), '')::bigint \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) \
             as new(id, topic, key, type, payload, envelope)",
        schema.0
    );
    let column = |of: fn(&Outgoing) -> &str| messages.iter().map(of).collect::<Vec<&str>>();
    let envelopes = messages.iter().map(|message| lines_of(&message.envelope));
    let said = sqlx::query(AssertSqlSafe(sql))
        .bind(messages.iter().map(|message| message.id).collect::<Vec<_>>())
        .bind(column(|message| &message.topic))
        .bind(column(|message| &message.key))
        .bind(column(|message| &message.kind))
        .bind(column(|message| &message.payload))
        .bind(envelopes.collect::<Vec<_>>())
        .execute(db)
        .await?;
    all_written("messages", said.rows_affected(), messages.len())
}

/// What stands in the columns of an envelope, a line for each; none for nothing. An array for each column would cost
/// what the outbox saves by having no key.
fn lines_of(envelope: &Envelope) -> Option<String> {
    if *envelope == Envelope::default() {
        return None;
    }
    let trace = envelope.trace.as_ref().map_or("", Traceparent::as_str);
    let deadline = envelope.deadline.map(|at| at.timestamp_millis().to_string());
    Some(format!(
        "{}\n{trace}\n{}",
        envelope.actor.as_deref().unwrap_or_default(),
        deadline.unwrap_or_default()
    ))
}

/// That the messages of a batch are in the inbox, in the open transaction.
#[derive(Debug)]
pub struct Heard(());

impl Heard {
    /// So many were written of these messages, by the statement that writes what comes of them.
    ///
    /// # Errors
    /// When they were not all written.
    pub fn written(count: i64, ids: &[Uuid]) -> Result<Self, Broken> {
        all_written("handled messages", count, ids.len())?;
        Ok(Self(()))
    }
}

/// Puts messages into the inbox, where nothing else is written that could take them with it.
///
/// # Errors
/// When the database fails, or one of them [was heard](was_heard).
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema's inbox, the schema's name is in the code"
)]
pub async fn hear(db: &mut PgConnection, schema: Schema, ids: &[Uuid]) -> Result<Heard, Broken> {
    let sql = format!(
        "insert into {}.inbox (message_id) select * from unnest($1::uuid[])",
        schema.0
    );
    let done = sqlx::query(AssertSqlSafe(sql)).bind(ids).execute(db).await?;
    Heard::written(done.rows_affected().cast_signed(), ids)
}

/// Whether it was refused because a message is in the inbox already.
pub fn was_heard(error: &Broken) -> bool {
    error.constraint() == Some("inbox_pkey")
}

/// Those of these messages that are in the inbox.
///
/// # Errors
/// When the database fails.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema's inbox, the schema's name is in the code"
)]
pub async fn heard(db: &mut PgConnection, schema: Schema, ids: &[Uuid]) -> Result<HashSet<Uuid>, Broken> {
    let sql = format!(
        "select message_id from {}.inbox where message_id = any($1)",
        schema.0
    );
    let heard: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(db)
        .await?;
    Ok(heard.into_iter().collect())
}

/// Starts the housekeeping of a schema's outbox and inbox: days are made ahead, at once and again and again, and what
/// is older than [`OUTBOX_KEPT_HOURS`] and [`INBOX_KEPT_HOURS`] goes.
pub fn keep_tidy(tasks: &Tasks, pool: &PgPool, schema: Schema) {
    keep_tidy_every(tasks, pool, schema, PURGE_EVERY);
}

fn keep_tidy_every(tasks: &Tasks, pool: &PgPool, schema: Schema, every: Duration) {
    let (tasks_in, pool) = (tasks.clone(), pool.clone());
    tasks.spawn("housekeeping", async move {
        let mut done = days::make(&pool, schema).await;
        loop {
            if let Err(error) = done {
                tracing::warn!(
                    schema = schema.0,
                    error = crate::chain(&error),
                    "housekeeping failed"
                );
            }
            if !tasks_in.pause(every).await {
                return;
            }
            done = tidy(&pool, schema).await;
        }
    });
}

/// Does each part also when another failed; answers the first failure.
async fn tidy(pool: &PgPool, schema: Schema) -> Result<(), Broken> {
    let made = days::make(pool, schema).await;
    let dropped = days::drop_old(pool, schema).await;
    // What was said before outboxes had days.
    let former = ("outbox_former", "id", "created_at");
    let former = purge(pool, schema, former, OUTBOX_KEPT_HOURS).await;
    let heard = ("inbox", "message_id", "handled_at");
    let heard = purge(pool, schema, heard, INBOX_KEPT_HOURS).await;
    made.and(dropped).and(former).and(heard)
}

/// Removes the rows of a table (its name, its key and the time that counts) that are older than `hours`, in
/// batches, each a transaction of its own. Leaves out what somebody is busy with.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, all names are in the code"
)]
async fn purge(
    pool: &PgPool,
    schema: Schema,
    (table, key, column): (&str, &str, &str),
    hours: i32,
) -> Result<(), Broken> {
    let sql = format!(
        "delete from {schema}.{table} where {key} in (select {key} from {schema}.{table} \
         where {column} < now() - make_interval(hours => $1) order by {key} limit $2 for update skip locked)",
        schema = schema.0
    );
    loop {
        let sql = sql.clone();
        let removed = db::unit_of_work(pool, move |db| {
            Box::pin(async move {
                let done = sqlx::query(AssertSqlSafe(sql))
                    .bind(hours)
                    .bind(PURGE_BATCH)
                    .execute(db)
                    .await;
                done.map(|done| done.rows_affected()).map_err(Broken::from)
            })
        })
        .await?;
        retention::removed_from(format!("{}.{table}", schema.0), removed);
        if removed < PURGE_BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
