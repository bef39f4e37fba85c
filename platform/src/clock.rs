//! The clock, which comes in as an argument so that tests can set it.
//!
//! Deadlines that decide about rooms or money are taken from the database's clock inside the
//! transaction that decides; this clock serves what one process sees alone (tokens, logs, windows).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Tells the time: the machine's, or a test's.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970 that a test has set.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self { fixed: None }
    }

    /// A clock that stands still until [`Clock::set`].
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self {
            fixed: Some(Arc::new(AtomicI64::new(at.timestamp_micros()))),
        }
    }

    /// Moves a fixed clock; does nothing to the machine's.
    pub fn set(&self, at: DateTime<Utc>) {
        if let Some(fixed) = &self.fixed {
            fixed.store(at.timestamp_micros(), Ordering::SeqCst);
        }
    }

    /// Now, to the microsecond, which is what Postgres stores.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        let micros = self
            .fixed
            .as_ref()
            .map_or_else(|| Utc::now().timestamp_micros(), |at| at.load(Ordering::SeqCst));
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_for_all_until_it_is_set() {
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap();
        let clock = Clock::fixed(at(1_234_567_890_123_456));
        let other = clock.clone();
        assert_eq!(other.now(), at(1_234_567_890_123_456));
        clock.set(at(-1));
        assert_eq!(other.now(), at(-1));
    }

    #[test]
    fn the_machine_s_clock_goes_on_and_cannot_be_set() {
        let clock = Clock::system();
        let before = clock.now();
        clock.set(DateTime::UNIX_EPOCH);
        assert!(clock.now() >= before);
        assert_eq!(before.timestamp_subsec_nanos() % 1_000, 0, "what Postgres stores");
    }
}
