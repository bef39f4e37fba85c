//! Webhooks that were heard.

use platform::Broken;
use sqlx::PgConnection;

/// Remembers a webhook. Answers whether it had not been heard before.
pub(crate) async fn remember(db: &mut PgConnection, webhook_id: &str) -> Result<bool, Broken> {
    let done = sqlx::query!(
        "insert into payment.webhook (webhook_id) values ($1) on conflict do nothing",
        webhook_id,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets at most `limit` webhooks that are older than `minutes`; their signatures are no longer valid.
pub(crate) async fn forget(db: &mut PgConnection, minutes: i32, limit: i64) -> Result<u64, Broken> {
    let done = sqlx::query!(
        "delete from payment.webhook
         where webhook_id in (
             select webhook_id from payment.webhook where heard_at < now() - make_interval(mins => $1)
             order by heard_at limit $2)",
        minutes,
        limit,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
