//! When a command is sent again whose answer did not come: what a step declares, and how far runs are spread around it. Pure.

use std::time::Duration;

use contract::SagaId;
use sha2::{Digest as _, Sha256};

/// The furthest from what is declared, in thousandths of it.
const SPREAD: u32 = 200;
/// The whole, in thousandths.
const WHOLE: u32 = 1_000;

/// When a command is sent again whose answer did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend {
    /// The wait after the first sending.
    first: Duration,
    /// No wait is longer.
    most: Duration,
}

/// Always after the same wait.
pub const fn fixed(wait: Duration) -> Resend {
    Resend {
        first: wait,
        most: wait,
    }
}

/// After this wait, then after twice as long each time, up to the second.
///
/// # Panics
/// When the second is shorter than the first.
pub const fn doubling(first: Duration, most: Duration) -> Resend {
    assert!(
        first.as_nanos() <= most.as_nanos(),
        "the longest wait is shorter than the first"
    );
    Resend { first, most }
}

impl Resend {
    /// That of a step that says nothing else.
    pub const USUAL: Self = doubling(Duration::from_secs(5), Duration::from_mins(1));

    /// The wait after the command was sent so often.
    pub fn after(self, sendings: u32) -> Duration {
        let doublings = sendings.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// The shortest wait that a run can have.
    pub fn soonest(self) -> Duration {
        self.first * (WHOLE - SPREAD) / WHOLE
    }
}

/// The wait of this run, at most a fifth shorter or longer: from a hash, so that it is the same whenever and wherever it is
/// asked for.
pub(super) fn spread(wait: Duration, run: SagaId, step: &str, sendings: u32) -> Duration {
    let hash = Sha256::new()
        .chain_update(run.uuid().as_bytes())
        .chain_update(sendings.to_be_bytes())
        .chain_update(step)
        .finalize();
    let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    wait * (WHOLE - SPREAD + number % (2 * SPREAD + 1)) / WHOLE
}

#[cfg(test)]
#[path = "resend_tests.rs"]
mod tests;
