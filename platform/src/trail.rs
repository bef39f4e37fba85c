//! The trail of a schema: what people did, told for good, so that who did what can be proved afterwards.
//!
//! Each line bears a hash over itself and the line before, so `bellhop audit` finds one that was changed or taken out. What
//! is gone from the end is found by whoever kept the hash of a later line (`bellhop trail --heads`). A line is
//! written by a function of the tables' owner, `append_trail` (`migrations/<schema>/*_trail.sql`), in the transaction of
//! what it tells; a service's login can do no more than ask for it. It names no person: actors and things have ids.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::db::Broken;
use crate::outbox::Schema;

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

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
