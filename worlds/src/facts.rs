//! What the laws and sights look at, taken out of a state.

use inventory::model::HoldState;
use orchestrator::engine::State as SagaState;
use reservation::model::State as Reserved;

/// What is known of one booking, in all services and at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    pub(crate) hold: Option<HoldState>,
    /// Whether lines of the hold stand otherwise than its first, or are missing.
    pub(crate) torn: bool,
    pub(crate) tombstone: bool,
    pub(crate) reserved: Reserved,
    pub(crate) noted: bool,
    pub(crate) sold_out: bool,
    pub(crate) penalty: i64,
    pub(crate) total: i64,
    pub(crate) authorized: bool,
    /// Taken and not given back, by our books.
    pub(crate) ours: i64,
    /// The provider's books.
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) voided: bool,
    pub(crate) asked_for: bool,
}

impl Facts {
    pub(crate) const fn left(&self) -> i64 {
        self.captured - self.refunded
    }
}

/// Where a run stands, and what it gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub(crate) state: SagaState,
    pub(crate) gave_up: Option<usize>,
}
