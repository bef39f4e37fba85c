//! What the relay's process remembers of its former sessions.
//!
//! Postgres writes a slot's confirmed position to disk at checkpoints alone, and has the old one again after
//! a crash: minutes of changes would be read and published anew before any new one. A process that has heard
//! Kafka acknowledge them begins behind them instead, which `START_REPLICATION` allows: it begins at the
//! greater of both positions (Postgres' documentation of its streaming replication protocol).

use std::sync::{Mutex, PoisonError};

/// A history of the log: only within one does a position mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    /// The cluster's system identifier.
    pub(crate) system: i64,
    /// Its timeline: another after a standby was promoted or a backup restored.
    pub(crate) timeline: i32,
}

/// Postgres' log as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log {
    pub(crate) history: History,
    /// Everything before this is safely on disk.
    pub(crate) flushed: u64,
    /// Whether commits wait for a synchronous standby.
    pub(crate) followed: bool,
}

/// The greatest position of one history that Kafka has acknowledged everything before.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    kept: Mutex<Option<(History, u64)>>,
}

impl Memory {
    /// Where a session begins when the slot's position is `slot`.
    ///
    /// Something else than the slot's position only when it was reached in the same history and still lies
    /// within the log; beyond its end the stream would be silent until the log has grown so far.
    pub(crate) fn start(&self, log: Log, slot: u64) -> u64 {
        match *self.kept.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((history, confirmed)) if history == log.history && confirmed <= log.flushed => {
                confirmed.max(slot)
            }
            _ => slot,
        }
    }

    /// Keeps what was acknowledged.
    pub(crate) fn keep(&self, history: History, confirmed: u64) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((history, confirmed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: History = History {
        system: 7,
        timeline: 1,
    };
    const LOG: Log = Log {
        history: HISTORY,
        flushed: 1_000,
        followed: false,
    };

    fn remembering(confirmed: u64) -> Memory {
        let memory = Memory::default();
        memory.keep(HISTORY, confirmed);
        memory
    }

    #[test]
    fn a_slot_that_fell_back_does_not_take_the_relay_with_it() {
        assert_eq!(remembering(900).start(LOG, 100), 900);
        assert_eq!(remembering(1_000).start(LOG, 100), 1_000);
    }

    #[test]
    fn a_slot_that_is_ahead_is_believed() {
        assert_eq!(remembering(100).start(LOG, 900), 900);
        assert_eq!(Memory::default().start(LOG, 900), 900);
    }

    #[test]
    fn what_was_acknowledged_last_is_remembered_in_its_own_history() {
        let memory = remembering(900);
        memory.keep(HISTORY, 950);
        assert_eq!(memory.start(LOG, 100), 950);
        let promoted = History {
            timeline: 2,
            ..HISTORY
        };
        memory.keep(promoted, 400);
        assert_eq!(memory.start(LOG, 100), 100, "that history is forgotten");
        let log = Log {
            history: promoted,
            ..LOG
        };
        assert_eq!(memory.start(log, 100), 400);
    }

    #[test]
    fn another_history_is_begun_where_its_slot_is() {
        for history in [
            History { system: 8, ..HISTORY },
            History {
                timeline: 2,
                ..HISTORY
            },
        ] {
            assert_eq!(remembering(900).start(Log { history, ..LOG }, 100), 100);
        }
        assert_eq!(
            remembering(1_001).start(LOG, 100),
            100,
            "beyond the end of the log"
        );
    }
}
