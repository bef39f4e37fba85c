//! Which shards this process runs, each with its epoch.
//!
//! A shard is a partition of the two topics. Kafka says whose it is; the epoch makes that binding: the
//! new owner ends the former's and begins the next, and every transaction that writes holds its epoch
//! while it does. A process that was paused meanwhile finds its epoch ended and writes nothing.
//!
//! A claim can come late: a process that was paused, or waited for the database, may end the epoch of the
//! one to whom Kafka has given the shard since. Nobody tells that one. So who finds its epoch ended, and is
//! not told by Kafka for a while that the shard is gone, claims it again. Kafka's word decides: the other
//! one hears it too, and claims no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use platform::{Broken, db};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use crate::epochs::{Epochs, not_ours};
use crate::store;

/// An epoch that another process has ended is claimed again after so long. Longer than the session timeout of
/// the consumers (10 s, in `platform::kafka`): a process whose shards Kafka has given away hears of it before.
pub(crate) const RECLAIM_AFTER: Duration = Duration::from_secs(15);

/// The shards that Kafka says are this process's, and the epochs it holds.
#[derive(Debug)]
pub(crate) struct Ownership {
    owner: String,
    reclaim_after: Duration,
    shards: Mutex<BTreeMap<i32, Shard>>,
    /// One claim at a time, so that the epoch that is remembered is the one that was begun last.
    claiming: tokio::sync::Mutex<()>,
    assigned: Notify,
}

/// A shard that is ours, as Kafka says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shard {
    /// To be claimed.
    Unclaimed,
    /// Ours under this epoch.
    Held(i64),
    /// Another process had ended our epoch, as we found then.
    Lost(Instant),
}

impl Ownership {
    /// Owns nothing yet. The name is for people who look at `orchestrator.saga_epoch`.
    pub(crate) fn new(owner: String, reclaim_after: Duration) -> Self {
        Self {
            owner,
            reclaim_after,
            shards: Mutex::default(),
            claiming: tokio::sync::Mutex::default(),
            assigned: Notify::new(),
        }
    }

    /// These shards are ours from now on, and are claimed anew whatever we held of them.
    ///
    /// # Errors
    /// When the database fails; then they are still to be claimed.
    pub(crate) async fn assign(self: &Arc<Self>, pool: &PgPool, shards: &[i32]) -> Result<(), Broken> {
        let _alone = self.claiming.lock().await;
        let come = shards.iter().map(|shard| (*shard, Shard::Unclaimed));
        self.shards().extend(come);
        let claimed = self.claim_missing(pool).await;
        self.assigned.notify_one();
        claimed
    }

    /// Ends the former owners' epochs of what is [missing](Self::missing) and begins ours.
    ///
    /// # Errors
    /// When the database fails; nothing is claimed then.
    pub(crate) async fn claim(self: &Arc<Self>, pool: &PgPool) -> Result<(), Broken> {
        let _alone = self.claiming.lock().await;
        self.claim_missing(pool).await
    }

    async fn claim_missing(self: &Arc<Self>, pool: &PgPool) -> Result<(), Broken> {
        if self.missing().is_empty() {
            return Ok(());
        }
        let ours = Arc::clone(self);
        let claim = db::unit_of_work(pool, move |db| Box::pin(async move { claim(db, &ours).await }));
        let begun = claim.await?;
        tracing::info!(epochs = ?begun, "owns these shards from now on");
        let mut shards = self.shards();
        for (shard, epoch) in begun {
            // Not there when Kafka has taken it away meanwhile.
            if let Some(state) = shards.get_mut(&shard) {
                *state = Shard::Held(epoch);
            }
        }
        Ok(())
    }

    /// These shards are no longer ours.
    pub(crate) fn release(&self, shards: &[i32]) {
        self.shards().retain(|shard, _| !shards.contains(shard));
    }

    /// Another process has ended these epochs.
    pub(crate) fn lost(&self, ended: &Epochs) {
        if ended.is_empty() {
            return;
        }
        tracing::warn!(
            epochs = ?ended,
            "another process has ended these epochs; claimed again if Kafka leaves the shards to us"
        );
        let mut shards = self.shards();
        for (shard, epoch) in ended {
            // What was claimed anew meanwhile is not lost.
            if let Some(state) = shards.get_mut(shard)
                && *state == Shard::Held(*epoch)
            {
                *state = Shard::Lost(Instant::now());
            }
        }
    }

    /// Shards that are ours, as Kafka says, and are to be claimed.
    pub(crate) fn missing(&self) -> Vec<i32> {
        let is_missing = |shard: &Shard| match shard {
            Shard::Unclaimed => true,
            Shard::Held(_) => false,
            Shard::Lost(since) => since.elapsed() >= self.reclaim_after,
        };
        let shards = self.shards();
        let missing = shards.iter().filter(|(_, state)| is_missing(state));
        missing.map(|(shard, _)| *shard).collect()
    }

    /// Every shard that we hold.
    pub(crate) fn all(&self) -> Epochs {
        let shards = self.shards();
        let held = shards.iter().filter_map(|(shard, state)| match state {
            Shard::Held(epoch) => Some((*shard, *epoch)),
            Shard::Unclaimed | Shard::Lost(_) => None,
        });
        held.collect()
    }

    /// Our epochs of these shards.
    ///
    /// # Errors
    /// [`Broken::Superseded`] when we do not hold one of them.
    pub(crate) fn of(&self, shards: impl IntoIterator<Item = i32>) -> Result<Epochs, Broken> {
        let held = self.all();
        let epoch = |shard| {
            let epoch = held.get(&shard).copied();
            epoch.map(|epoch| (shard, epoch)).ok_or_else(|| not_ours(shard))
        };
        shards.into_iter().map(epoch).collect()
    }

    /// Resolves when shards were assigned since the last time.
    pub(crate) async fn assigned(&self) {
        self.assigned.notified().await;
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<i32, Shard>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn claim(db: &mut PgConnection, ours: &Ownership) -> Result<Vec<(i32, i64)>, Broken> {
    store::claim_alone(db).await?;
    // Asked only now: what Kafka took away while we waited for the database is not ours to end.
    let shards = ours.missing();
    // Waits for transactions that hold the former epochs, so that the end is later than all they wrote.
    store::lock_epochs(db, &shards).await?;
    store::end_epochs(db, &shards).await?;
    store::begin_epochs(db, &shards, &ours.owner).await
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
