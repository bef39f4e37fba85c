//! The availability cache: one entry per night with the LSN of the change that it tells of.

use std::collections::BTreeMap;

/// A changed night on its way to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The night, in days since 1970.
    pub night: i32,
    /// Where the change is in the database's log.
    pub lsn: u64,
    /// Rooms left to sell.
    pub left: i32,
}

/// The cache.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<i32, (u64, i32)>,
}

impl Cache {
    /// Writes an entry if it is newer. Answers whether it was.
    pub fn write(&mut self, change: Change, guarded: bool) -> bool {
        let entry = self.entries.entry(change.night).or_insert((0, 0));
        let take = change.lsn > entry.0 || !guarded;
        if take {
            *entry = (change.lsn, change.left);
        }
        take
    }

    /// Fills an entry that is missing.
    pub fn fill(&mut self, change: Change) {
        self.entries
            .entry(change.night)
            .or_insert((change.lsn, change.left));
    }

    /// Everything is gone.
    pub fn wipe(&mut self) {
        self.entries.clear();
    }

    /// What it says of a night.
    pub fn left(&self, night: i32) -> Option<i32> {
        self.entries.get(&night).map(|(_, left)| *left)
    }
}
