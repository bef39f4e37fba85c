//! Tracked tasks, so that a shutdown can wait for each and a task that dies is never missed.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use tokio_util::task::TaskTracker;

/// How long a shutdown waits for running work.
pub const DRAIN_SECONDS: u64 = 10;

/// The process's long-running tasks and the signal that ends them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that runs until [`Tasks::stopping`]. If it panics, the whole process stops: a
    /// platform with a dead loop looks alive and is not.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let handle = self.tracker.spawn(task);
        self.tracker.spawn(async move {
            if let Err(error) = handle.await {
                tracing::error!(
                    task = name,
                    error = crate::chain(&error),
                    "task {name} died; stopping the process"
                );
                failed.cancel();
                stop.cancel();
            }
        });
    }

    /// Starts a short piece of work that a shutdown waits for; its panic is its own.
    pub fn spawn_work<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(work)
    }

    /// Resolves when the process is asked to stop.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// Whether the process was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The stop signal, for a thread or a library that wants its own copy.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits for `duration`, or less when the process stops. Answers whether to go on.
    pub async fn pause(&self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }

    /// Asks every task to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until all tasks ended, at most [`DRAIN_SECONDS`]. Answers whether all went well.
    pub async fn drained(&self) -> bool {
        self.drained_within(Duration::from_secs(DRAIN_SECONDS)).await
    }

    async fn drained_within(&self, limit: Duration) -> bool {
        self.tracker.close();
        let drained = tokio::time::timeout(limit, self.tracker.wait()).await.is_ok();
        if !drained {
            tracing::warn!("some tasks did not end within {} s", limit.as_secs());
        }
        drained && !self.failed.is_cancelled()
    }
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
