//! The availability cache: what to write is decided by [`availability`]'s own code, the script that writes only what
//! may be written is Lua in production and written here a second time.
//!
//! A rebuild reads the cache, then the table, then writes; anything may happen between the three.

use std::collections::BTreeMap;

use availability::cache::{HotelWrites, NightKey as CacheKey, Put};
use availability::layout::Entry;
use contract::{StayDate, Version};
use inventory::model::NightKey;
use rules::Night;

use crate::planted;

/// A changed row on its way to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The night.
    pub key: NightKey,
    /// When in the life of the row it was.
    pub version: Version,
    /// The row after the change.
    pub row: Night,
}

/// How far a rebuild has come.
#[derive(Debug)]
enum Rebuild {
    /// The cache was read, when it had been emptied so often.
    Read(u32, Vec<(NightKey, Entry)>),
    /// It was compared with the table.
    Compared(u32, Vec<(CacheKey, Put<Entry>)>),
}

/// What came of a step of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It goes on.
    GoesOn,
    /// The cache is filled.
    Filled,
    /// The cache was emptied meanwhile, so nothing was written.
    Emptied,
}

/// The cache of one hotel.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<CacheKey, Entry>,
    /// Whether readers believe what is here, and that what is not here is not offered.
    pub complete: bool,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
    emptied: u32,
    /// The newest version of each entry since the cache was emptied last.
    newest: BTreeMap<CacheKey, Version>,
    rebuild: Option<Rebuild>,
}

impl Cache {
    /// Applies a batch of changes. Answers how many were not newer than what was there.
    pub fn apply(&mut self, changes: &[Change]) -> usize {
        let mut writes = HotelWrites::default();
        for change in changes {
            writes.night(
                cache_key(change.key),
                Entry {
                    version: change.version,
                    value: Some(left(&change.row)),
                },
            );
        }
        let asked = writes.nights.len();
        asked
            - writes
                .nights
                .into_iter()
                .filter(|(key, put)| self.write(*key, put))
                .count()
    }

    /// The script: a new entry is written if it is newer, or if what was expected stands there.
    fn write(&mut self, key: CacheKey, put: &Put<Entry>) -> bool {
        let old = self.entries.get(&key).copied().unwrap_or_default();
        let take = match put.expected {
            None => put.new.version > old.version || planted!(VersionGuardDropped),
            Some(expected) => old == expected,
        };
        if take {
            self.writes += 1;
            let newest = self.newest.entry(key).or_default();
            *newest = put.new.version.max(*newest);
            self.entries.insert(key, put.new);
        }
        take
    }

    /// The next step of a rebuild, which begins if none runs.
    pub fn rebuild(&mut self, table: &BTreeMap<NightKey, Night>) -> Kept {
        match self.rebuild.take() {
            None => {
                let held = table.keys().map(|key| (*key, self.entry(*key))).collect();
                self.rebuild = Some(Rebuild::Read(self.emptied, held));
                Kept::GoesOn
            }
            Some(Rebuild::Read(emptied, held)) => {
                let compared = held.into_iter().filter_map(|(key, held)| {
                    let should = table.get(&key).map(left);
                    (held.value != should).then(|| (cache_key(key), Put::right(held, should)))
                });
                self.rebuild = Some(Rebuild::Compared(emptied, compared.collect()));
                Kept::GoesOn
            }
            Some(Rebuild::Compared(emptied, puts)) => {
                if emptied != self.emptied && !planted!(EmptiedUnnoticed) {
                    return Kept::Emptied;
                }
                for (key, put) in puts {
                    self.write(key, &put);
                }
                self.complete = true;
                self.writes += 1;
                Kept::Filled
            }
        }
    }

    /// Whether a reader or the keeper asks for a rebuild, or one runs.
    pub const fn wants_keeper(&self) -> bool {
        !self.complete || self.rebuild.is_some()
    }

    /// Everything is gone.
    pub fn wipe(&mut self) {
        self.entries.clear();
        self.newest.clear();
        self.complete = false;
        self.writes += 1;
        self.emptied += 1;
    }

    /// The first night whose version has gone back.
    pub fn gone_back(&self) -> Option<StayDate> {
        let mut newest = self.newest.iter();
        let back =
            newest.find(|(key, newest)| self.entries.get(key).is_none_or(|entry| entry.version < **newest));
        back.map(|(key, _)| key.night)
    }

    /// What it says of a night.
    pub fn left(&self, key: NightKey) -> Option<u64> {
        self.entry(key).value
    }

    fn entry(&self, key: NightKey) -> Entry {
        self.entries.get(&cache_key(key)).copied().unwrap_or_default()
    }
}

/// What the cache must say of this row.
pub fn left(row: &Night) -> u64 {
    row.left().into()
}

const fn cache_key((_, room_type, night): NightKey) -> CacheKey {
    CacheKey {
        room_type,
        rate_plan: None,
        night,
    }
}
