//! The days of an outbox: made ahead, and dropped whole when the youngest message in them is old enough.
//!
//! The functions that do it are the tables' owner's (`migrations/<schema>/*_published_outbox_by_day.sql`); a service
//! only asks for them. A message of a day that nobody has made is taken by `outbox_other`.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::Schema;
use crate::db::{self, Broken};
use crate::retention;

/// Days that are there after today's: a service may be unable to make any for so long.
const AHEAD: i32 = 3;
/// What Postgres says when a lock was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Makes today's part of the outbox and those of the next [`AHEAD`] days, where they are missing. Blocks no writer.
pub(super) async fn make(pool: &PgPool, schema: Schema) -> Result<(), Broken> {
    let sql = format!(
        "select count(*) from generate_series(0, $1) ahead \
         where {}.make_outbox_day((now() at time zone 'UTC')::date + ahead) is false",
        schema.0
    );
    let refused = db::unit_of_work(pool, move |db| Box::pin(ask::<i64>(db, sql, Some(AHEAD)))).await?;
    if refused > 0 {
        tracing::warn!(
            schema = schema.0,
            days = refused,
            "messages were written before their day was made; they stay in outbox_other until they are old"
        );
    }
    Ok(())
}

/// Drops the days that were kept long enough, each in a transaction of its own. One that is not to be had within
/// 200 ms stays until the next time.
pub(super) async fn drop_old(pool: &PgPool, schema: Schema) -> Result<(), Broken> {
    loop {
        let sql = format!("select {}.drop_outbox_day()", schema.0);
        let done = db::unit_of_work(pool, move |db| Box::pin(ask::<Option<String>>(db, sql, None))).await;
        match done {
            Ok(Some(part)) => {
                tracing::info!(schema = schema.0, part, "a day of the outbox was dropped");
                retention::days_dropped(format!("{}.outbox", schema.0));
            }
            Ok(None) => return Ok(()),
            Err(error) if is_busy(&error) => {
                tracing::debug!(
                    schema = schema.0,
                    "somebody reads the outbox; its old days go later"
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a lock was not to be had in time.
fn is_busy(error: &Broken) -> bool {
    let Broken::Database(sqlx::Error::Database(error)) = error else {
        return false;
    };
    error.code().is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, whose name is in the code"
)]
async fn ask<T>(db: &mut PgConnection, sql: String, argument: Option<i32>) -> Result<T, Broken>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
    if let Some(argument) = argument {
        query = query.bind(argument);
    }
    Ok(query.fetch_one(db).await?)
}

#[cfg(test)]
#[path = "days_tests.rs"]
mod tests;
