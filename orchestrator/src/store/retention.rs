//! Runs that are counted, and runs that were kept long enough.

use chrono::{DateTime, Utc};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

/// Runs of one kind that have not ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unended {
    /// The saga's name.
    pub(crate) kind: String,
    /// Those that go on, forwards or backwards.
    pub(crate) open: i64,
    /// Those of them whose deadline is over.
    pub(crate) overdue: i64,
    /// Those for which a person has to decide.
    pub(crate) stuck: i64,
}

/// Counts the runs that have not ended well. Reads those and no others, by the index on the state.
pub(crate) async fn unended(db: &mut PgConnection) -> Result<Vec<Unended>, Broken> {
    let counted = sqlx::query_as!(
        Unended,
        r#"select kind,
                  count(*) filter (where state <> 'stuck') as "open!",
                  count(*) filter (where state <> 'stuck' and deadline < now()) as "overdue!",
                  count(*) filter (where state = 'stuck') as "stuck!"
           from orchestrator.run where state in ('running', 'compensating', 'stuck') group by kind"#
    )
    .fetch_all(db)
    .await?;
    Ok(counted)
}

/// Removes at most `limit` runs that ended so many `days` ago, with their lines and what was said to them. Leaves out
/// what somebody is busy with, and whatever is still owed for. Answers how many runs.
pub(crate) async fn remove(db: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Broken> {
    // Ids begin with the millisecond in which they were made, and nothing ends before it was made: so the key leads to
    // what has ended long ago.
    let gone: Vec<Uuid> = sqlx::query_scalar!(
        "delete from orchestrator.run where saga_id in (
             select saga_id from orchestrator.run
             where saga_id < (lpad(to_hex((extract(epoch from now() - make_interval(days => $1)) * 1000)::bigint),
                                   12, '0') || repeat('0', 20))::uuid
               and ended_at < now() - make_interval(days => $1)
               and not exists (select from orchestrator.obligation o
                               where o.saga_id = run.saga_id and o.closed_at is null)
             limit $2 for update skip locked)
         returning saga_id",
        days,
        limit
    )
    .fetch_all(&mut *db)
    .await?;
    if gone.is_empty() {
        return Ok(0);
    }
    sqlx::query!(
        "with said as (delete from orchestrator.verb where saga_id = any($1)),
              owed as (delete from orchestrator.obligation where saga_id = any($1))
         delete from orchestrator.journal where saga_id = any($1)",
        &gone
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into orchestrator.retention as kept (runs_before) values (now() - make_interval(days => $1))
         on conflict (only_one) do update set runs_before = greatest(kept.runs_before, excluded.runs_before)",
        days
    )
    .execute(db)
    .await?;
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

/// Until when runs may have been removed; none before the first was.
pub(crate) async fn removed_before(db: &mut PgConnection) -> Result<Option<DateTime<Utc>>, Broken> {
    let before = sqlx::query_scalar!("select runs_before from orchestrator.retention")
        .fetch_optional(db)
        .await?;
    Ok(before)
}
