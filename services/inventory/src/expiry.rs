//! Holds whose time is over give their rooms back.
//!
//! The timer is the row: `expires_at`, by the database's clock, survives every crash. A hold is locked
//! before it is judged, by this loop and by whoever books it, so it is booked or it expires and never
//! both; a booking that comes too late is refused before any money moves.

use std::time::Duration;

use platform::health::Health;
use platform::{Broken, Tasks, db};
use sqlx::PgPool;

use crate::model::Ledger;
use crate::{settle, store};

/// The name under which the service says whether it can work.
const PART: &str = "inventory";
/// Holds that expire in one transaction.
const HOLDS_MAX: i64 = 500;
/// The longest sleep: a new hold may be due before the one that was next, in milliseconds.
const SLEEP_MAX_MS: u64 = 1_000;
/// The shortest sleep, while somebody else is busy with what is due, in milliseconds.
const SLEEP_MIN_MS: u64 = 10;

/// Starts the loop. It asks the database every second, so it also tells whether the service is ready.
pub(crate) fn start(tasks: &Tasks, health: Health, pool: PgPool) {
    let running = tasks.clone();
    tasks.spawn("hold-expiry", async move {
        loop {
            let sleep_ms = match round(&pool).await {
                Ok(sleep_ms) => {
                    health.ready(PART);
                    sleep_ms
                }
                Err(error) => {
                    let error = platform::chain(&error);
                    tracing::warn!(error, "holds could not expire; trying again");
                    health.not_ready(PART, "the database does not answer");
                    SLEEP_MAX_MS
                }
            };
            if !running.pause(Duration::from_millis(sleep_ms)).await {
                return;
            }
        }
    });
}

/// Expires what is due and answers for how long to sleep, in milliseconds.
async fn round(pool: &PgPool) -> Result<u64, Broken> {
    loop {
        let next = db::unit_of_work::<_, Broken, _>(pool, |db| Box::pin(store::next_due_ms(db))).await?;
        let sleep_ms = next.map_or(SLEEP_MAX_MS, |ms| u64::try_from(ms).unwrap_or_default());
        // Nobody is due, which is what a platform that has nothing to do finds every second; or others have it.
        if sleep_ms > 0 || expire_due(pool).await? == 0 {
            return Ok(sleep_ms.clamp(SLEEP_MIN_MS, SLEEP_MAX_MS));
        }
    }
}

/// Expires at most [`HOLDS_MAX`] holds in one transaction and answers how many.
pub(crate) async fn expire_due(pool: &PgPool) -> Result<u64, Broken> {
    let expired = db::unit_of_work::<_, Broken, _>(pool, |db| {
        Box::pin(async move {
            let now = store::now(db).await?;
            let due = store::lock_due_holds(db, HOLDS_MAX).await?;
            if due.is_empty() {
                return Ok(0);
            }
            let wanted: std::collections::BTreeSet<_> = due
                .iter()
                .filter_map(|((hotel_id, ..), hold)| Some((*hotel_id, hold.takes()?)))
                .flat_map(|(hotel_id, taking)| taking.nights(hotel_id))
                .collect();
            let nights = store::lock_nights(db, wanted.into_iter()).await?;
            let keys: std::collections::BTreeSet<_> =
                due.iter().map(|((hotel, hold, _), _)| (*hotel, *hold)).collect();
            let mut ledger = Ledger::new(now, std::collections::BTreeSet::new(), nights, due);
            for key in &keys {
                ledger.expire(*key).map_err(settle::broken)?;
            }
            store::change(db, &ledger.changes(), 0, &[], &[]).await?;
            Ok(u64::try_from(keys.len()).unwrap_or_default())
        })
    })
    .await?;
    metrics::counter!("bellhop_holds_expired_total").increment(expired);
    Ok(expired)
}

#[cfg(test)]
mod tests;
