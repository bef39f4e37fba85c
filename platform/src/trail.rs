//! The trail of a schema: what people did, told for good, so that who did what can be proved afterwards.
//!
//! Each line bears a hash over itself and the line before, so `bellhop audit` finds one that was changed or taken out. What
//! is gone from the end is found by whoever kept the hash of a later line (`bellhop trail --heads`), and by the ends that
//! are told to a topic each hour ([`keep_telling_heads`]). A line is
//! written by a function of the tables' owner, `append_trail` (`migrations/<schema>/*_trail.sql`), in the transaction of
//! what it tells; a service's login can do no more than ask for it. It names no person: actors and things have ids.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use uuid::Uuid;

use crate::db::{self, Broken};
use crate::outbox::Schema;
use crate::tasks::Tasks;

/// Between two ends that are told.
const HEADS_EVERY: Duration = Duration::from_hours(1);
/// After one that could not be told.
const AGAIN: Duration = Duration::from_secs(10);

/// What somebody did.
#[derive(Debug)]
pub struct Line<'a> {
    /// Who: an [`Actor`](crate::access::Actor) as it is written, or what stands for one past HTTP. 1 to 100 characters.
    pub actor: &'a str,
    /// What, in 1 to 40 lower-case letters and underscores: `rule_made`.
    pub action: &'static str,
    /// To which thing.
    pub subject: Uuid,
    /// What else there is to know. Without names of people, cards and secrets: it is never removed.
    pub body: Value,
}

/// Appends a line. Lines of a schema are written one after the other: who comes second waits for the first's commit.
///
/// # Errors
/// When the database does not do it; then what it tells must not be done either.
pub async fn append(db: &mut PgConnection, schema: Schema, line: &Line<'_>) -> Result<(), Broken> {
    let sql = format!("select {}.append_trail($1, $2, $3, $4)", schema.0);
    #[expect(
        clippy::disallowed_methods,
        reason = "one statement for every schema, whose name is in the code"
    )]
    sqlx::query(AssertSqlSafe(sql))
        .bind(line.actor)
        .bind(line.action)
        .bind(line.subject)
        .bind(&line.body)
        .execute(db)
        .await?;
    Ok(())
}

/// Tells the end of the schema's trail to its topic, at once and each hour, where it has not been told.
pub fn keep_telling_heads(tasks: &Tasks, pool: &PgPool, schema: Schema) {
    let (tasks_in, pool) = (tasks.clone(), pool.clone());
    tasks.spawn("trail-heads", async move {
        loop {
            let told = tell_head(&pool, schema).await;
            if let Err(error) = &told {
                let error = crate::chain(error);
                tracing::warn!(schema = schema.0, error, "the end of the trail cannot be told");
            }
            let pause = if told.is_ok() { HEADS_EVERY } else { AGAIN };
            if !tasks_in.pause(pause).await {
                return;
            }
        }
    });
}

/// Tells the last line unless it was told; answers its number then.
async fn tell_head(pool: &PgPool, schema: Schema) -> Result<Option<i64>, Broken> {
    let sql = format!("select {}.tell_trail_head()", schema.0);
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            #[expect(
                clippy::disallowed_methods,
                reason = "one statement for every schema, whose name is in the code"
            )]
            let told = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await?;
            Ok(told)
        })
    })
    .await
}

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
