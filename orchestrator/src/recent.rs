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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sagas::samples;

    fn snapshot(lines: i32) -> Snapshot {
        let [data, _] = samples::all();
        Snapshot {
            lines,
            data,
            log: vec![Entry::Done(0)],
        }
    }

    #[test]
    fn a_run_is_taken_out_once_and_no_other_with_it() {
        let recent = Recent::default();
        let (one, other) = (SagaId::new(), SagaId::new());
        recent.put([(one, snapshot(3)), (other, snapshot(7))]);
        recent.put([(one, snapshot(4))]);
        let taken = recent.take(&[one.uuid(), SagaId::new().uuid()]);
        let lines: Vec<_> = taken.iter().map(|(id, run)| (*id, run.lines)).collect();
        assert_eq!(lines, [(one, 4)], "what was committed last");
        assert!(
            recent.take(&[one.uuid()]).is_empty(),
            "whoever took it may change it"
        );
        assert_eq!(recent.take(&[other.uuid()])[&other].lines, 7);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recent = Recent::default();
        let last = SagaId::new();
        for _ in 1..SNAPSHOTS_MAX {
            recent.put([(SagaId::new(), snapshot(1))]);
        }
        recent.put([(last, snapshot(1))]);
        assert_eq!(recent.runs().len(), SNAPSHOTS_MAX);
        let next = SagaId::new();
        recent.put([(next, snapshot(2))]);
        assert_eq!(recent.runs().len(), 1);
        assert_eq!(recent.take(&[last.uuid(), next.uuid()]).len(), 1);
    }
}
