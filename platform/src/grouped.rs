//! Group by back-pressure: requests that queue while the last group is being committed form the next
//! group. After a group of at least [`BUSY_FROM`] the next begins at the earliest [`PACE`] after it. So a
//! lone request waits for nothing, and under load one commit serves many.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use std::time::Duration;

use tokio::time::Instant;

use crate::tasks::Tasks;

/// The shortest time from a large group to the next.
const PACE: Duration = Duration::from_millis(10);
/// Requests from which on a group shows that more are coming.
const BUSY_FROM: usize = 4;

/// Settles a whole group at once. The answers come back in the order of the requests.
pub trait Settle: Send + 'static {
    /// One request.
    type Request: Send + 'static;
    /// Its answer.
    type Answer: Send + 'static;

    /// Settles `group`; must answer exactly one answer per request, in order.
    fn settle(&mut self, group: Vec<Self::Request>) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// Accepts requests and settles them in groups.
pub struct Grouped<S: Settle> {
    queue: mpsc::Sender<Waiting<S>>,
}

struct Waiting<S: Settle> {
    request: S::Request,
    answer: oneshot::Sender<S::Answer>,
}

/// The queue is full or the process is stopping: the request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests are waiting")]
pub struct Busy;

impl<S: Settle> Clone for Grouped<S> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<S: Settle> Grouped<S> {
    /// Starts the task that settles groups of at most `group_max`, with at most `queue_max` waiting.
    pub fn start(
        tasks: &Tasks,
        name: &'static str,
        mut settle: S,
        group_max: usize,
        queue_max: usize,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiting<S>>(queue_max);
        let stop = tasks.stop_token();
        tasks.spawn(name, async move {
            let mut group = Vec::with_capacity(group_max);
            let (mut began, mut busy) = (Instant::now(), false);
            loop {
                let taken = tokio::select! {
                    biased;
                    taken = waiting.recv_many(&mut group, group_max) => taken,
                    () = stop.cancelled() => 0,
                };
                if taken == 0 {
                    return;
                }
                if busy && began.elapsed() < PACE {
                    tokio::time::sleep_until(began + PACE).await;
                    while group.len() < group_max
                        && let Ok(one) = waiting.try_recv()
                    {
                        group.push(one);
                    }
                }
                (began, busy) = (Instant::now(), group.len() >= BUSY_FROM);
                let (requests, answers): (Vec<_>, Vec<_>) = group
                    .drain(..)
                    .map(|waiting| (waiting.request, waiting.answer))
                    .unzip();
                for (answer, to) in settle.settle(requests).await.into_iter().zip(answers) {
                    // Who asked may have gone away; what was done stays done.
                    let _ = to.send(answer);
                }
            }
        });
        Self { queue }
    }

    /// Adds a request to the next group and waits for its answer.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting already.
    pub async fn ask(&self, request: S::Request) -> Result<S::Answer, Busy> {
        let (answer, asked) = oneshot::channel();
        self.queue
            .try_send(Waiting { request, answer })
            .map_err(|_| Busy)?;
        asked.await.map_err(|_| Busy)
    }
}

#[cfg(test)]
#[path = "grouped_tests.rs"]
mod tests;
