//! Removing what was kept long enough: slowly, in small transactions, in every process that owns the rows.
//!
//! A batch is small, so that nothing waits for its locks, and a pause follows it, so that vacuum and the relay keep
//! up. Several processes may do it at once: each leaves out what another is busy with.

use std::time::Duration;

use crate::db::Broken;
use crate::tasks::Tasks;

/// Rows of the table that one transaction removes at most.
pub const BATCH: i64 = 200;
/// The fewest days for which anything is kept whose removal lets a message act again: seven times as long as an outbox
/// publishes it again, six times as long as an inbox knows it, and four times as long as Kafka keeps it unless it is
/// told otherwise.
pub const DAYS_MIN: u16 = 30;
/// The most days: a century.
pub const DAYS_MAX: u16 = 36_500;
/// Between two batches while there is more.
const PACE: Duration = Duration::from_millis(200);
/// Between two rounds.
const EVERY: Duration = Duration::from_mins(10);

/// Starts removing rows of `table` by `remove`, which removes one batch of at most [`BATCH`] in a transaction of its
/// own and answers how many rows those were. The first round begins at once.
pub fn keep_removing<F, R>(tasks: &Tasks, table: impl Into<String>, remove: F)
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, Broken>> + Send,
{
    keep_removing_at(tasks, table.into(), remove, PACE, EVERY);
}

fn keep_removing_at<F, R>(tasks: &Tasks, table: String, remove: F, pace: Duration, every: Duration)
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, Broken>> + Send,
{
    let running = tasks.clone();
    tasks.spawn("retention", async move {
        loop {
            let pause = match remove().await {
                Ok(removed) => {
                    removed_from(table.clone(), removed);
                    if removed < BATCH.unsigned_abs() {
                        every
                    } else {
                        pace
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        table,
                        error,
                        "what was kept long enough was not removed; trying again later"
                    );
                    every
                }
            };
            if !running.pause(pause).await {
                return;
            }
        }
    });
}

/// Counts rows that housekeeping or retention has removed.
pub(crate) fn removed_from(table: impl Into<metrics::SharedString>, rows: u64) {
    metrics::counter!("bellhop_rows_removed_total", "table" => table.into()).increment(rows);
}

/// Counts a day of a table that was dropped whole.
pub(crate) fn days_dropped(table: String) {
    metrics::counter!("bellhop_days_dropped_total", "table" => table).increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::testing::until;

    #[tokio::test]
    async fn batch_after_batch_goes_until_one_is_not_full_and_a_failure_is_not_the_end() {
        let (tasks, rounds) = (Tasks::new(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&rounds);
        let remove = move || {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready(match number {
                0..10 => Ok(BATCH.unsigned_abs()),
                10 => Err(Broken::Silent),
                11 => Ok(BATCH.unsigned_abs() - 1),
                _ => Ok(0),
            })
        };
        let (pace, every) = (Duration::ZERO, Duration::from_millis(300));
        let begun = std::time::Instant::now();
        keep_removing_at(&tasks, "x".to_owned(), remove, pace, every);
        until("a failure", async || {
            (rounds.load(Ordering::SeqCst) == 11).then_some(())
        })
        .await;
        until("the rest", async || {
            (rounds.load(Ordering::SeqCst) > 12).then_some(())
        })
        .await;
        assert!(
            begun.elapsed() >= 2 * every,
            "a pause follows a failure, and what was not full"
        );
        tasks.stop();
        assert!(tasks.drained().await);
    }
}
