//! Sagas as people look at them.

use chrono::{DateTime, Utc};
use platform::Broken;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Which sagas are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    /// Only those in this state.
    pub(crate) state: Option<&'a str>,
    /// Only those of this definition.
    pub(crate) kind: Option<&'a str>,
    /// Only those older than this one.
    pub(crate) before: Option<Uuid>,
}

/// One saga.
#[derive(Debug)]
pub(crate) struct SagaRow {
    pub(crate) saga_id: Uuid,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) reservation_id: Uuid,
    pub(crate) hotel_id: Uuid,
    pub(crate) shard: i32,
    pub(crate) epoch: i64,
    pub(crate) data: Value,
    pub(crate) step: Option<String>,
    pub(crate) undo: Option<bool>,
    pub(crate) attempt: Option<i32>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) deadline: DateTime<Utc>,
    pub(crate) overdue: bool,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// One line of a saga's log.
#[derive(Debug)]
pub(crate) struct StepRow {
    pub(crate) seq: i32,
    pub(crate) step: String,
    pub(crate) kind: String,
    pub(crate) outcome: String,
    pub(crate) attempt: i32,
    pub(crate) command_name: Option<String>,
    pub(crate) command: Option<Value>,
    pub(crate) reply: Option<Value>,
    pub(crate) epoch: i64,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) at: DateTime<Utc>,
}

/// The saga of an id.
pub(crate) async fn one(db: &mut PgConnection, saga_id: Uuid) -> Result<Option<SagaRow>, Broken> {
    let row = sqlx::query_as!(
        SagaRow,
        r#"select saga_id, type as kind, state, reservation_id, hotel_id, shard, epoch, data, step, undo,
                  attempt, due_at, deadline, reason, created_at, updated_at,
                  (state in ('running', 'compensating') and deadline < now()) as "overdue!"
           from orchestrator.saga where saga_id = $1"#,
        saga_id
    )
    .fetch_optional(db)
    .await?;
    Ok(row)
}

/// A saga's log, in order.
pub(crate) async fn steps(db: &mut PgConnection, saga_id: Uuid) -> Result<Vec<StepRow>, Broken> {
    let rows = sqlx::query_as!(
        StepRow,
        "select seq, step, kind, outcome, attempt, command_name, command, reply, epoch, sent_at, at
         from orchestrator.saga_step where saga_id = $1 order by seq",
        saga_id
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Sagas, newest first. Each combination of filters has the statement that its index serves.
pub(crate) async fn list(
    db: &mut PgConnection,
    filter: Filter<'_>,
    limit: i64,
) -> Result<Vec<SagaRow>, Broken> {
    let before = filter.before.unwrap_or(Uuid::max());
    match (filter.state, filter.kind) {
        (Some(state), kind) => by_state(db, state, kind, before, limit).await,
        (None, Some(kind)) => by_type(db, kind, before, limit).await,
        (None, None) => newest(db, before, limit).await,
    }
}

async fn newest(db: &mut PgConnection, before: Uuid, limit: i64) -> Result<Vec<SagaRow>, Broken> {
    let rows = sqlx::query_as!(
        SagaRow,
        r#"select saga_id, type as kind, state, reservation_id, hotel_id, shard, epoch, data, step, undo,
                  attempt, due_at, deadline, reason, created_at, updated_at,
                  (state in ('running', 'compensating') and deadline < now()) as "overdue!"
           from orchestrator.saga where saga_id < $1 order by saga_id desc limit $2"#,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

async fn by_type(
    db: &mut PgConnection,
    kind: &str,
    before: Uuid,
    limit: i64,
) -> Result<Vec<SagaRow>, Broken> {
    let rows = sqlx::query_as!(
        SagaRow,
        r#"select saga_id, type as kind, state, reservation_id, hotel_id, shard, epoch, data, step, undo,
                  attempt, due_at, deadline, reason, created_at, updated_at,
                  (state in ('running', 'compensating') and deadline < now()) as "overdue!"
           from orchestrator.saga where type = $1 and saga_id < $2 order by saga_id desc limit $3"#,
        kind,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

async fn by_state(
    db: &mut PgConnection,
    state: &str,
    kind: Option<&str>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<SagaRow>, Broken> {
    let rows = sqlx::query_as!(
        SagaRow,
        r#"select saga_id, type as kind, state, reservation_id, hotel_id, shard, epoch, data, step, undo,
                  attempt, due_at, deadline, reason, created_at, updated_at,
                  (state in ('running', 'compensating') and deadline < now()) as "overdue!"
           from orchestrator.saga
           where state = $1 and ($2::text is null or type = $2) and saga_id < $3
           order by saga_id desc limit $4"#,
        state,
        kind,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
