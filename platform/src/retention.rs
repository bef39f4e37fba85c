//! Removing what was kept long enough: slowly, in small transactions, in every process that owns the rows.
//!
//! A batch is small, so that nothing waits for its locks, and a pause follows it, so that vacuum and the relay keep
//! up. Several processes may do it at once: each leaves out what another is busy with.

use std::time::Duration;

use crate::db::Broken;
use crate::retry::Backoff;
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
/// After a failure: most pass within seconds, and nobody is to wait a whole round for it.
const FAILED: Backoff = Backoff {
    first_ms: 1_000,
    cap_ms: 600_000,
};

/// Starts removing rows of `table` by `remove`, which removes one batch of at most [`BATCH`] in a transaction of its
/// own and answers how many rows those were. The first round begins at once.
pub fn keep_removing<F, R>(tasks: &Tasks, table: impl Into<String>, remove: F)
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, Broken>> + Send,
{
    let pauses = Pauses {
        pace: PACE,
        every: EVERY,
        failed: FAILED,
    };
    keep_removing_at(tasks, table.into(), remove, pauses);
}

/// How long to wait after a batch.
#[derive(Debug, Clone, Copy)]
struct Pauses {
    pace: Duration,
    every: Duration,
    failed: Backoff,
}

fn keep_removing_at<F, R>(tasks: &Tasks, table: String, remove: F, pauses: Pauses)
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<u64, Broken>> + Send,
{
    let running = tasks.clone();
    let Pauses { pace, every, failed } = pauses;
    tasks.spawn("retention", async move {
        let mut failures = 0_u32;
        loop {
            let pause = match remove().await {
                Ok(removed) => {
                    failures = 0;
                    removed_from(table.clone(), removed);
                    if removed < BATCH.unsigned_abs() {
                        every
                    } else {
                        pace
                    }
                }
                Err(error) => {
                    let error = crate::chain(&error);
                    tracing::warn!(
                        table,
                        error,
                        "what was kept long enough was not removed; trying again later"
                    );
                    failures = failures.saturating_add(1);
                    failed.after(failures)
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
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::testing::until;

    /// Rounds whose batches come to this, one after the other, then nothing; and how many were tried.
    fn rounds(batches: Vec<Result<u64, Broken>>, pauses: Pauses) -> (Tasks, Arc<AtomicUsize>) {
        let (tasks, tried) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
        let (counted, batches) = (Arc::clone(&tried), Mutex::new(VecDeque::from(batches)));
        let remove = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready(batches.lock().unwrap().pop_front().unwrap_or(Ok(0)))
        };
        keep_removing_at(&tasks, "x".to_owned(), remove, pauses);
        (tasks, tried)
    }

    async fn tried_at_least(tried: &AtomicUsize, times: usize) {
        until("the rounds are tried", async || {
            (tried.load(Ordering::SeqCst) >= times).then_some(())
        })
        .await;
    }

    const NEVER: Duration = Duration::from_hours(1);
    const AT_ONCE: Backoff = Backoff {
        first_ms: 0,
        cap_ms: 0,
    };

    #[tokio::test]
    async fn batch_after_batch_goes_until_one_is_not_full() {
        let full = || Ok(BATCH.unsigned_abs());
        let (pace, every) = (Duration::ZERO, Duration::from_millis(300));
        let pauses = Pauses {
            pace,
            every,
            failed: AT_ONCE,
        };
        let begun = std::time::Instant::now();
        let batches = vec![full(), full(), full(), Ok(BATCH.unsigned_abs() - 1)];
        let (tasks, tried) = rounds(batches, pauses);
        tried_at_least(&tried, 5).await;
        assert!(begun.elapsed() >= every, "a pause follows what was not full");
        tasks.stop();
        assert!(tasks.drained().await);
    }

    #[tokio::test]
    async fn a_failure_is_neither_the_end_nor_worth_a_whole_round() {
        let pauses = Pauses {
            pace: NEVER,
            every: NEVER,
            failed: AT_ONCE,
        };
        let failures = vec![Err(Broken::Silent), Err(Broken::Silent), Err(Broken::Silent)];
        let (tasks, tried) = rounds(failures, pauses);
        tried_at_least(&tried, 4).await;
        tasks.stop();
        assert!(tasks.drained().await);
    }

    #[tokio::test]
    async fn a_failure_after_a_success_is_the_first_one_again() {
        let failed = Backoff {
            first_ms: 200,
            cap_ms: 1_000_000,
        };
        let pauses = Pauses {
            pace: Duration::ZERO,
            every: NEVER,
            failed,
        };
        // If each counted on top of those before, the last would be waited for longer than anybody does here.
        let pairs = (0..9).flat_map(|_| [Err(Broken::Silent), Ok(BATCH.unsigned_abs())]);
        let (tasks, tried) = rounds(pairs.collect(), pauses);
        tried_at_least(&tried, 19).await;
        tasks.stop();
        assert!(tasks.drained().await);
    }
}
