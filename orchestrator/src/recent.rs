//! Runs as this process last committed them, so that a reply need not read the whole log of its saga again.
//!
//! A snapshot is believed only if the saga's row, which is locked, has as many lines as it: lines are only
//! ever added, so the log is the same. Losing a snapshot costs a read and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::SagaId;
use contract::saga::SagaData;
use uuid::Uuid;

use crate::engine::Entry;

/// Snapshots that are kept at most; all are forgotten when there would be more.
const SNAPSHOTS_MAX: usize = 20_000;

/// What does not change behind our back while the number of lines is the same.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Lines of the log.
    pub(crate) lines: i32,
    /// What the saga runs on.
    pub(crate) data: SagaData,
    /// What was settled.
    pub(crate) log: Vec<Entry>,
}

/// Runs by saga.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<SagaId, Snapshot>>);

impl Recent {
    /// Takes out what is known of these sagas.
    pub(crate) fn take(&self, ids: &[Uuid]) -> HashMap<SagaId, Snapshot> {
        let mut runs = self.runs();
        let ids = ids.iter().map(|id| SagaId::from_uuid(*id));
        ids.filter_map(|id| Some((id, runs.remove(&id)?))).collect()
    }

    /// Keeps runs that were committed.
    pub(crate) fn put(&self, committed: impl IntoIterator<Item = (SagaId, Snapshot)>) {
        let mut runs = self.runs();
        if runs.len() >= SNAPSHOTS_MAX {
            runs.clear();
        }
        runs.extend(committed);
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<SagaId, Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
