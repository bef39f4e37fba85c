//! Runs and their journals, as whoever goes on with them reads them. Nothing is locked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::SagaId;
use platform::Broken;
use platform::envelope::Traceparent;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::lines::{JournalRow, journals};
use crate::engine::{Line, Pace};
use crate::kept::Kept;
use crate::sagas;

/// Runs that were read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Where each stands.
    pub(crate) runs: HashMap<SagaId, Kept>,
    /// Those that this code cannot read, and why.
    pub(crate) unreadable: Vec<(SagaId, Broken)>,
}

impl Found {
    /// The runs.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub(crate) fn all(mut self) -> Result<HashMap<SagaId, Kept>, Broken> {
        self.unreadable.pop().map_or(Ok(self.runs), |(_, why)| Err(why))
    }
}

struct Row {
    saga_id: Uuid,
    definition: i32,
    shard: i32,
    /// As text, so that one that this code cannot read costs no other.
    data: String,
    actor: Option<String>,
    trace: Option<String>,
    wake_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn kept(self, journal: &[JournalRow], pace: Pace) -> Result<Kept, Broken> {
        let saga_id = self.saga_id;
        let data = read(saga_id, &self.data)?;
        let version = self.definition;
        let gone = || {
            let name = sagas::outline(&data).name;
            let what = format!("saga {saga_id} runs on version {version} of {name}, which is gone");
            Broken::Inconsistent(what)
        };
        let outline = sagas::outline_of(&data, version).ok_or_else(gone)?;
        let lines = journal.iter().map(|row| row.line(outline));
        let lines: Vec<Line> = lines.collect::<Result<_, _>>()?;
        let run =
            sagas::standing(&data, version, &lines, pace.of(SagaId::from_uuid(saga_id))).ok_or_else(gone)?;
        let mut kept = Kept {
            shard: self.shard,
            data,
            run,
            wake_at: self.wake_at,
            created_at: self.created_at,
            actor: self.actor.as_ref().and_then(|actor| actor.parse().ok()),
            trace: self.trace.as_deref().and_then(Traceparent::read),
            row: None,
        };
        kept.row = Some(kept.changing());
        Ok(kept)
    }
}

/// Reads what is kept as JSON.
pub(super) fn read<'a, T: Deserialize<'a>>(saga_id: Uuid, json: &'a str) -> Result<T, Broken> {
    serde_json::from_str(json)
        .map_err(|error| Broken::Inconsistent(format!("saga {saga_id} cannot be read: {error}")))
}

/// Reads these runs. First the journals: what a row says is then as new as its journal, or newer, and in that case
/// the next line of the journal is taken.
pub(crate) async fn runs(db: &mut PgConnection, ids: &[Uuid], pace: Pace) -> Result<Found, Broken> {
    let mut found = Found::default();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut journals = journals(db, ids).await?;
    let rows = sqlx::query_as!(
        Row,
        "select saga_id, definition, shard, data::text as \"data!\", actor, trace, wake_at, created_at
         from orchestrator.run where saga_id = any($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let saga_id = SagaId::from_uuid(row.saga_id);
        let journal = journals.remove(&row.saga_id).unwrap_or_default();
        match row.kept(&journal, pace) {
            Ok(kept) => found.runs.extend([(saga_id, kept)]),
            Err(why) => found.unreadable.push((saga_id, why)),
        }
    }
    Ok(found)
}

/// Runs of these shards, of so many, that are to be looked at, soonest first, at most `limit`; and the database's time. A run
/// of a shard that is not there any more, since its topic was made anew with fewer partitions, belongs to the one that has
/// its place.
pub(crate) async fn due(
    db: &mut PgConnection,
    shards: &[i32],
    count: i32,
    limit: i64,
) -> Result<(DateTime<Utc>, Vec<Uuid>), Broken> {
    let now = sqlx::query!(
        r#"select clock_timestamp() as "now!", array(
               select saga_id from orchestrator.run where wake_at <= now() and shard % $2 = any($1)
               order by wake_at limit $3) as "due!""#,
        shards,
        count,
        limit
    )
    .fetch_one(db)
    .await?;
    Ok((now.now, now.due))
}

/// What time it is.
pub(crate) async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Broken> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#);
    Ok(now.fetch_one(db).await?)
}

/// In how many milliseconds the next run of these shards, of so many, is to be looked at.
pub(crate) async fn wake_in(
    db: &mut PgConnection,
    shards: &[i32],
    count: i32,
) -> Result<Option<i64>, Broken> {
    let next = sqlx::query_scalar!(
        r#"select ceil(extract(epoch from wake_at - clock_timestamp()) * 1000)::bigint as "ms!"
           from orchestrator.run where wake_at is not null and shard % $2 = any($1)
           order by wake_at limit 1"#,
        shards,
        count
    )
    .fetch_optional(db)
    .await?;
    Ok(next)
}
