//! The sweep: finds operations whose time has come and hands them to the desk. It is the road for
//! everything that the fast one lost: crashes, unknown outcomes, operations that waited for an earlier
//! one, and webhooks.

use std::sync::Arc;
use std::time::Duration;

use platform::health::Health;
use platform::{Broken, Tasks, db};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::desk::{Desk, Job};
use crate::provider::Provider;
use crate::store::payment::Key;
use crate::store::{operation, payment, webhook};

/// The name of this part in `/readyz`.
const PART: &str = "payment";
/// The wait after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The longest time between two looks when nobody nudges, in milliseconds: another process may have given up what
/// it had taken. What this one postpones is looked at when it is due.
const LOOK_MS_MAX: i64 = 1_000;
/// The wait while the desk has no place, in milliseconds.
const FULL_MS: i64 = 250;
/// Operations taken by one look.
const TAKE_MAX: usize = 256;
/// Between two rounds of forgetting old webhooks.
const TIDY_EVERY: Duration = Duration::from_mins(10);
/// How long a webhook is remembered, in minutes: well beyond the five that its signature is valid.
const WEBHOOK_MINUTES: i32 = 60;
/// Webhooks forgotten by one statement.
const FORGET_MAX: i64 = 5_000;

/// What the sweep works with.
pub(crate) struct Sweep<P> {
    pub(crate) tasks: Tasks,
    pub(crate) health: Health,
    pub(crate) pool: PgPool,
    pub(crate) desk: Arc<Desk<P>>,
    /// Wakes the sweep before its time.
    pub(crate) nudge: Arc<Notify>,
    /// For how long an operation that was taken is left to this process, in milliseconds.
    pub(crate) lease_ms: i64,
}

impl<P: Provider> Sweep<P> {
    /// Sweeps until the process stops. Also says whether the service can do its work.
    pub(crate) async fn run(self) {
        let mut tidied = Instant::now();
        let mut sleep = Duration::ZERO;
        loop {
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
            match look(&self.pool, &self.desk, &self.nudge, self.lease_ms).await {
                Ok(until_next) => {
                    self.health.ready(PART);
                    sleep = until_next;
                }
                Err(error) => {
                    self.health.not_ready(PART, "the database does not answer");
                    tracing::warn!(error = platform::chain(&error), "the sweep failed and goes on");
                    if !self.tasks.pause(AFTER_FAILURE).await {
                        return;
                    }
                }
            }
            if tidied.elapsed() >= TIDY_EVERY {
                tidied = Instant::now();
                if let Err(error) = tidy(&self.pool).await {
                    tracing::warn!(error = platform::chain(&error), "old webhooks were not forgotten");
                }
            }
        }
    }
}

/// Hands over what is due; answers until when the next one waits.
async fn look<P: Provider>(
    pool: &PgPool,
    desk: &Desk<P>,
    nudge: &Notify,
    lease_ms: i64,
) -> Result<Duration, Broken> {
    let longest = LOOK_MS_MAX.min(lease_ms).max(1);
    let wait = |ms: i64| Duration::from_millis(ms.clamp(1, longest).unsigned_abs());
    let take = desk.places().min(TAKE_MAX);
    if take == 0 {
        return Ok(wait(FULL_MS));
    }
    let limit = i64::try_from(take).unwrap_or(1);
    let (jobs, next) = db::unit_of_work::<_, Broken, _>(pool, move |db| {
        Box::pin(async move {
            let due = operation::claim(db, limit, lease_ms).await?;
            let next = operation::next_due_ms(db).await?;
            if due.is_empty() {
                return Ok((Vec::new(), next));
            }
            let keys: Vec<Key> = due.iter().map(|due| due.payment).collect();
            let payments = payment::read(db, &keys).await?;
            let jobs = due.into_iter().filter_map(|due| {
                let payment = payments.get(&due.payment)?.clone();
                Some(Job {
                    due,
                    payment,
                    ask_first: true,
                })
            });
            Ok((jobs.collect(), next))
        })
    })
    .await?;
    if jobs.len() == take {
        nudge.notify_one();
    }
    for job in jobs {
        desk.offer(job);
    }
    Ok(wait(next.unwrap_or(longest)))
}

/// Forgets old webhooks.
pub(crate) async fn tidy(pool: &PgPool) -> Result<(), Broken> {
    db::unit_of_work(pool, move |db| {
        Box::pin(async move { webhook::forget(db, WEBHOOK_MINUTES, FORGET_MAX).await.map(|_| ()) })
    })
    .await
}
