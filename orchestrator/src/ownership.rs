//! Which shards this process runs, each with its epoch.
//!
//! A shard is a partition of the two topics. Kafka says whose it is; the epoch makes that binding: the
//! new owner ends the former's and begins the next, and every transaction that writes holds its epoch
//! while it does. A process that was paused meanwhile finds its epoch ended and writes nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use platform::{Broken, db};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use crate::store;

/// The epochs this process holds.
#[derive(Debug)]
pub(crate) struct Ownership {
    owner: String,
    held: Mutex<BTreeMap<i32, i64>>,
    claimed: Notify,
}

/// Shards with the epoch under which this process runs them.
pub(crate) type Epochs = BTreeMap<i32, i64>;

impl Ownership {
    /// Owns nothing yet. The name is for people who look at `orchestrator.saga_epoch`.
    pub(crate) fn new(owner: String) -> Self {
        Self {
            owner,
            held: Mutex::default(),
            claimed: Notify::new(),
        }
    }

    /// Ends the former owners' epochs and begins ours.
    ///
    /// # Errors
    /// When the database fails; nothing is claimed then.
    pub(crate) async fn claim(&self, pool: &PgPool, shards: &[i32]) -> Result<(), Broken> {
        let (shards, owner) = (shards.to_vec(), self.owner.clone());
        let begun = db::unit_of_work(pool, move |db| Box::pin(claim(db, shards, owner))).await?;
        tracing::info!(epochs = ?begun, "owns these shards from now on");
        self.held().extend(begun);
        self.claimed.notify_one();
        Ok(())
    }

    /// These shards are no longer ours.
    pub(crate) fn release(&self, shards: &[i32]) {
        self.held().retain(|shard, _| !shards.contains(shard));
    }

    /// Every shard that is ours.
    pub(crate) fn all(&self) -> Epochs {
        self.held().clone()
    }

    /// Our epochs of these shards.
    ///
    /// # Errors
    /// [`Broken::Superseded`] when one of them is not ours.
    pub(crate) fn of(&self, shards: impl IntoIterator<Item = i32>) -> Result<Epochs, Broken> {
        let held = self.held();
        let epoch = |shard| {
            let epoch = held.get(&shard).copied();
            epoch.map(|epoch| (shard, epoch)).ok_or_else(|| not_ours(shard))
        };
        shards.into_iter().map(epoch).collect()
    }

    /// Resolves when shards were claimed since the last time.
    pub(crate) async fn claimed(&self) {
        self.claimed.notified().await;
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<i32, i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a transaction about a shard that is not ours.
pub(crate) fn not_ours(shard: i32) -> Broken {
    Broken::Superseded(format!("shard {shard} has another owner"))
}

async fn claim(db: &mut PgConnection, shards: Vec<i32>, owner: String) -> Result<Vec<(i32, i64)>, Broken> {
    store::claim_alone(db).await?;
    // Waits for transactions that hold the former epochs, so that the end is later than all they wrote.
    store::lock_epochs(db, &shards).await?;
    store::end_epochs(db, &shards).await?;
    store::begin_epochs(db, &shards, &owner).await
}
