//! Jittered, capped, exponential backoff. One layer retries: the loop that owns the work.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long to wait before each further try.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The wait before the second try, in milliseconds.
    pub first_ms: u64,
    /// No wait is longer, in milliseconds.
    pub cap_ms: u64,
}

impl Backoff {
    /// For a connection to an engine that may be restarting.
    pub const RECONNECT: Self = Self {
        first_ms: 50,
        cap_ms: 5_000,
    };

    /// The wait after `tries` failed tries (1, 2, …): doubled each time up to the cap, then drawn
    /// between half and all of it so that many who failed together do not come back together.
    pub fn after(self, tries: u32) -> Duration {
        let full = self
            .first_ms
            .saturating_mul(1 << tries.saturating_sub(1).min(20))
            .min(self.cap_ms);
        let half = full / 2;
        Duration::from_millis(half + draw(full - half + 1))
    }
}

/// A number below `bound`. The hasher's keys are random for each call, which is all that jitter needs.
fn draw(bound: u64) -> u64 {
    RandomState::new().hash_one(bound) % bound.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_never_beyond() {
        let backoff = Backoff {
            first_ms: 100,
            cap_ms: 1_000,
        };
        for tries in 1..80 {
            let wait = backoff.after(tries).as_millis();
            let full = (100_u128 << (tries - 1).min(20)).min(1_000);
            assert!((full / 2..=full).contains(&wait), "{tries}: {wait}");
        }
        assert!(backoff.after(0) <= Duration::from_millis(100));
        let vast = Backoff {
            first_ms: u64::MAX,
            cap_ms: 1_000,
        };
        assert!(vast.after(u32::MAX) <= Duration::from_secs(1));
    }

    #[test]
    fn those_who_failed_together_do_not_come_back_together() {
        let backoff = Backoff {
            first_ms: 1_000,
            cap_ms: 1_000,
        };
        let waits: Vec<_> = (0..400).map(|_| backoff.after(1).as_millis()).collect();
        // Each half of the range is met: a run of 400 that misses one comes once in 2^400.
        assert!(waits.iter().any(|wait| *wait < 750) && waits.iter().any(|wait| *wait > 750));
        let one = Backoff {
            first_ms: 1,
            cap_ms: 1,
        };
        let waits: Vec<_> = (0..400).map(|_| one.after(1).as_millis()).collect();
        assert!(waits.contains(&0) && waits.contains(&1), "both ends of the range");
    }

    #[test]
    fn many_who_failed_together_do_not_come_back_together() {
        let backoff = Backoff {
            first_ms: 1_000,
            cap_ms: 1_000_000,
        };
        let waits: std::collections::BTreeSet<_> = (0..50).map(|_| backoff.after(3)).collect();
        assert!(waits.len() > 10, "{waits:?}");
        assert!(
            backoff.after(1) <= Duration::from_secs(1),
            "the first wait is the first"
        );
        assert!(backoff.after(u32::MAX) <= Duration::from_secs(1_000));
    }
}
