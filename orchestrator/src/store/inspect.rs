//! Runs as people look at them.

use chrono::{DateTime, Utc};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

/// Which runs are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    /// Only those in this state.
    pub(crate) state: Option<&'a str>,
    /// Only those of this saga.
    pub(crate) kind: Option<&'a str>,
    /// Only those that this actor asked for.
    pub(crate) actor: Option<&'a str>,
    /// Only those older than this one.
    pub(crate) before: Option<Uuid>,
}

/// One run.
#[derive(Debug)]
pub(crate) struct RunRow {
    pub(crate) saga_id: Uuid,
    pub(crate) kind: String,
    pub(crate) definition: i32,
    pub(crate) state: String,
    pub(crate) reservation_id: Uuid,
    pub(crate) hotel_id: Uuid,
    pub(crate) actor: Option<String>,
    pub(crate) shard: i32,
    pub(crate) data: serde_json::Value,
    pub(crate) deadline: DateTime<Utc>,
    pub(crate) overdue: bool,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// The runs that the rest of the statement picks.
macro_rules! runs {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            RunRow,
            "select saga_id, kind, definition, state::text as \"state!\", subject_id as reservation_id, hotel_id, actor, shard, data, "
                + "deadline, reason, created_at, (wake_at is not null and deadline < now()) as \"overdue!\" "
                + "from orchestrator.run "
                + $rest
            $(, $argument)*
        )
    };
}

/// The run of an id.
pub(crate) async fn one(db: &mut PgConnection, saga_id: Uuid) -> Result<Option<RunRow>, Broken> {
    let row = runs!("where saga_id = $1", saga_id).fetch_optional(db).await?;
    Ok(row)
}

/// Runs, newest first. Each combination of filters has the statement that its index serves.
pub(crate) async fn list(
    db: &mut PgConnection,
    filter: Filter<'_>,
    limit: i64,
) -> Result<Vec<RunRow>, Broken> {
    let before = filter.before.unwrap_or(Uuid::max());
    if let Some(actor) = filter.actor {
        return by_actor(db, actor, filter, before, limit).await;
    }
    match filter.state {
        // What went well is nearly all there is, so the key leads to it.
        Some("completed") | None => newest(db, filter, before, limit).await,
        Some(state) => by_state(db, state, filter.kind, before, limit).await,
    }
}

async fn newest(
    db: &mut PgConnection,
    filter: Filter<'_>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<RunRow>, Broken> {
    let rows = runs!(
        "where saga_id < $1 and ($3::text is null or kind = $3) and ($4::text is null or state::text = $4) \
         order by saga_id desc limit $2",
        before,
        limit,
        filter.kind,
        filter.state
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
) -> Result<Vec<RunRow>, Broken> {
    let rows = runs!(
        "where state = $1::text::orchestrator.run_state and state <> 'completed' \
         and ($2::text is null or kind = $2) and saga_id < $3 \
         order by saga_id desc limit $4",
        state,
        kind,
        before,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

async fn by_actor(
    db: &mut PgConnection,
    actor: &str,
    filter: Filter<'_>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<RunRow>, Broken> {
    let rows = runs!(
        "where actor = $1 and saga_id < $2 and ($3::text is null or kind = $3) and ($4::text is null or state::text = $4) \
         order by saga_id desc limit $5",
        actor,
        before,
        filter.kind,
        filter.state,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
