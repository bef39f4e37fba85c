//! Runs as this process last wrote them, so that a reply need not have the journal of its run read again.
//!
//! They are believed: what is decided on one that has gone on elsewhere cannot be written, because the number of its
//! next line is taken. What such a run would only ignore is decided anew from the journal. Losing one costs a read and
//! nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::SagaId;

use crate::kept::Kept;

/// Runs that are kept at most; all are forgotten when there would be more.
const RUNS_MAX: usize = 20_000;

/// Runs by saga.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<SagaId, Kept>>);

impl Recent {
    /// Takes out what is known of these runs.
    pub(crate) fn take(&self, ids: impl IntoIterator<Item = SagaId>) -> HashMap<SagaId, Kept> {
        let mut runs = self.runs();
        let ids = ids.into_iter();
        ids.filter_map(|id| Some((id, runs.remove(&id)?))).collect()
    }

    /// Keeps runs that were written. Of two that were, the one that went further.
    pub(crate) fn put(&self, written: impl IntoIterator<Item = (SagaId, Kept)>) {
        let mut runs = self.runs();
        if runs.len() >= RUNS_MAX {
            runs.clear();
        }
        for (saga_id, kept) in written {
            let further = runs
                .get(&saga_id)
                .is_some_and(|known| known.run.seq > kept.run.seq);
            if !further {
                runs.insert(saga_id, kept);
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<SagaId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Run;
    use crate::sagas::samples;

    fn kept(seq: u32) -> Kept {
        let [data, _] = samples::all();
        let mut run = Run::new();
        run.seq = seq;
        Kept {
            shard: 0,
            data,
            run,
            wake_at: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
            actor: None,
            trace: None,
            row: None,
        }
    }

    #[test]
    fn a_run_is_taken_out_once_and_no_other_with_it() {
        let recent = Recent::default();
        let (one, other) = (SagaId::new(), SagaId::new());
        recent.put([(one, kept(3)), (other, kept(7))]);
        recent.put([(one, kept(4))]);
        recent.put([(one, kept(2))]);
        let taken = recent.take([one, SagaId::new()]);
        let seqs: Vec<_> = taken.iter().map(|(id, kept)| (*id, kept.run.seq)).collect();
        assert_eq!(seqs, [(one, 4)], "the one that went furthest");
        assert!(recent.take([one]).is_empty(), "whoever took it may change it");
        assert_eq!(recent.take([other])[&other].run.seq, 7);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recent = Recent::default();
        let last = SagaId::new();
        for _ in 1..RUNS_MAX {
            recent.put([(SagaId::new(), kept(1))]);
        }
        recent.put([(last, kept(1))]);
        assert_eq!(recent.runs().len(), RUNS_MAX);
        let next = SagaId::new();
        recent.put([(next, kept(2))]);
        assert_eq!(recent.runs().len(), 1);
        assert_eq!(recent.take([last, next]).len(), 1);
    }
}
