//! Writing: many changes of many hotels in one round trip, each only if it may be written.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};
use redis::{Cmd, ErrorKind, RedisError, Value};

use super::Cache;
use crate::catalogue::{About, version, write_days};
use crate::layout::{Days, Entry, Form, place};

/// Nights in one script call at most: about two milliseconds of Redis.
const NIGHTS_PER_CALL: usize = 1_000;
/// Script calls in one round trip at most, which Redis has to answer in time: about a fifth of a second.
const CALLS_AT_ONCE: usize = 100;
/// Keys in one round trip at most.
const KEYS_AT_ONCE: usize = 1_000;
/// After so many seconds what a look has seen is too old to be written.
const LOOK_SECONDS: u64 = 600;
/// After so many seconds a cache that is still being filled has to be filled from the beginning.
const FILLING_SECONDS: u64 = 86_400;

/// Which night of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NightKey {
    /// The room type.
    pub room_type: RoomTypeId,
    /// The rate plan whose price it is; none for rooms left.
    pub rate_plan: Option<RatePlanId>,
    /// The night.
    pub night: StayDate,
}

impl NightKey {
    /// The form of this night's entry.
    pub fn form(self) -> Form {
        if self.rate_plan.is_some() {
            Form::Prices
        } else {
            Form::Rooms
        }
    }
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put<T> {
    /// The new value.
    pub new: T,
    /// What must stand there for the write to happen; without it, anything older than the new value.
    pub expected: Option<T>,
}

impl Put<Entry> {
    /// Sets an entry right: writes what the table says only where the cache still holds what was read, and
    /// keeps the version, so that a change that is still on its way is newer.
    pub const fn right(held: Entry, should: Option<u64>) -> Self {
        Self {
            new: Entry {
                version: held.version,
                value: should,
            },
            expected: Some(held),
        }
    }
}

/// What to write of one hotel.
#[derive(Debug, Clone, Default)]
pub struct HotelWrites {
    /// Rooms and prices by night.
    pub nights: BTreeMap<NightKey, Put<Entry>>,
    /// Facts of the catalogue. All have an expected value or none has.
    pub facts: BTreeMap<About, Put<Vec<u8>>>,
    /// Days that are complete once these writes are done.
    pub complete: Option<Days>,
    /// The key of [`Cache::begin_look`]: nothing is written when it is gone, because then the cache was emptied
    /// after it was compared.
    pub look: Option<String>,
}

impl HotelWrites {
    /// Adds a change of a night, unless a newer one of the same night is there already.
    pub fn night(&mut self, key: NightKey, new: Entry) {
        let newest = self.nights.entry(key).or_insert(Put { new, expected: None });
        if newest.new.version < new.version {
            newest.new = new;
        }
    }

    /// Adds a change of a fact, unless a newer one of the same fact is there already.
    pub fn fact(&mut self, about: About, new: Vec<u8>) {
        let newest = self.facts.entry(about).or_insert_with(|| Put {
            new: new.clone(),
            expected: None,
        });
        if version(&newest.new) < version(&new) {
            newest.new = new;
        }
    }

    /// How many writes.
    pub fn count(&self) -> usize {
        self.nights.len() + self.facts.len()
    }
}

impl Cache {
    /// Somebody begins to compare a hotel with the tables. Answers the key by which a write sees whether the cache
    /// was emptied since.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn begin_look(&self, hotel: HotelId) -> Result<String, RedisError> {
        let key = self.layout().looking(hotel, &new_revision());
        self.mark(&key, LOOK_SECONDS).await?;
        Ok(key)
    }

    /// Somebody begins to fill the whole cache. Answers the key by which [`Cache::set_filled_since`] sees whether
    /// the cache was emptied since.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn begin_filling(&self) -> Result<String, RedisError> {
        let key = self.layout().filling(&new_revision());
        self.mark(&key, FILLING_SECONDS).await?;
        Ok(key)
    }

    async fn mark(&self, key: &str, seconds: u64) -> Result<(), RedisError> {
        let mut set = redis::cmd("SET");
        set.arg(key).arg(1).arg("EX").arg(seconds);
        set.query_async(&mut self.0.writer.clone()).await
    }

    /// Writes all of `hotels`, in one round trip unless they are many nights, and answers how many writes happened; the others were
    /// not newer, or not what was expected.
    ///
    /// # Errors
    /// When Redis is away or refuses, or was emptied since the look; some of the writes may have happened.
    pub async fn write(&self, hotels: &BTreeMap<HotelId, HotelWrites>) -> Result<usize, RedisError> {
        let mut calls = Vec::new();
        for (hotel, writes) in hotels {
            let nights: Vec<_> = writes.nights.iter().collect();
            for some in nights.chunks(NIGHTS_PER_CALL) {
                calls.push(self.nights_call(*hotel, some, writes.look.as_deref()));
            }
            // Facts last: a hotel is complete only after its nights are there.
            if !writes.facts.is_empty() || writes.complete.is_some() {
                calls.push(self.facts_call(*hotel, writes));
            }
        }
        let mut written = 0;
        let mut calls = calls.into_iter().peekable();
        while calls.peek().is_some() {
            written += self.call(calls.by_ref().take(CALLS_AT_ONCE)).await?;
        }
        Ok(usize::try_from(written).unwrap_or(0))
    }

    /// Calls the scripts in one round trip and answers how many writes happened.
    async fn call(&self, calls: impl Iterator<Item = Cmd>) -> Result<i64, RedisError> {
        let mut pipe = redis::pipe();
        // Loading costs a few microseconds in each batch and never has to be noticed missing.
        for script in [&self.0.nights, &self.0.facts] {
            pipe.cmd("SCRIPT")
                .arg("LOAD")
                .arg(script_text(script, self))
                .ignore();
        }
        for call in calls {
            pipe.add_command(call);
        }
        let answers = self.patiently(&pipe).await?;
        let count = |answer: &Value| if let Value::Int(count) = answer { *count } else { 0 };
        if answers.iter().any(|answer| count(answer) < 0) {
            let why = (
                ErrorKind::UnexpectedReturnType,
                "the cache was emptied since it was looked at",
            );
            return Err(RedisError::from(why));
        }
        Ok(answers.iter().map(count).sum())
    }

    /// Which of these keys are there.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn exist(&self, keys: &[&str]) -> Result<Vec<bool>, RedisError> {
        let mut there = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_AT_ONCE) {
            let mut pipe = redis::pipe();
            for key in some {
                pipe.cmd("EXISTS").arg(key);
            }
            let answers = self.patiently(&pipe).await?;
            there.extend(answers.iter().map(|answer| *answer == Value::Int(1)));
        }
        Ok(there)
    }

    /// Removes keys of one hotel; their memory is freed beside the answers. Answers how many were there.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn remove(&self, keys: &[String]) -> Result<u64, RedisError> {
        let mut removed = 0;
        for some in keys.chunks(KEYS_AT_ONCE) {
            let mut unlink = redis::cmd("UNLINK");
            let gone: u64 = unlink.arg(some).query_async(&mut self.0.writer.clone()).await?;
            removed += gone;
        }
        Ok(removed)
    }

    fn nights_call(&self, hotel: HotelId, nights: &[(&NightKey, &Put<Entry>)], look: Option<&str>) -> Cmd {
        let mut keys: Vec<String> = Vec::with_capacity(nights.len() + 4);
        let mut arguments: Vec<Vec<u8>> = Vec::with_capacity(nights.len() * 5);
        let mut packed = (None, 0);
        for (key, put) in nights {
            let (chunk, position) = place(key.night.days_since_1970());
            let list = Some((key.room_type, key.rate_plan, chunk));
            if packed.0 != list {
                keys.push(self.layout().packed(hotel, key.room_type, key.rate_plan, chunk));
                packed = (list, keys.len());
            }
            let dated = if key.rate_plan.is_none() {
                keys.push(self.layout().dated(hotel, key.room_type, key.night));
                keys.len()
            } else {
                0
            };
            let form = key.form();
            let number = |number: usize| number.to_string().into_bytes();
            arguments.extend([number(packed.1), number(position * form.width()), number(dated)]);
            arguments.push(form.encode(put.new));
            arguments.push(put.expected.map_or_else(Vec::new, |entry| form.encode(entry)));
        }
        keys.extend(look.map(str::to_owned));
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0.nights.get_hash())
            .arg(keys.len())
            .arg(keys)
            .arg(i32::from(look.is_some()))
            .arg(arguments);
        call
    }

    fn facts_call(&self, hotel: HotelId, writes: &HotelWrites) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0.facts.get_hash())
            .arg(1 + usize::from(writes.look.is_some()))
            .arg(self.layout().catalogue(hotel))
            .arg(writes.look.as_deref());
        call.arg(new_revision())
            .arg(writes.complete.map_or_else(String::new, write_days));
        let compares = writes.facts.values().any(|put| put.expected.is_some());
        call.arg(if compares { "same" } else { "newer" });
        for (about, put) in &writes.facts {
            call.arg(about.field())
                .arg(&put.new)
                .arg(put.expected.as_deref().unwrap_or_default());
        }
        call
    }
}

fn script_text<'a>(script: &redis::Script, cache: &Cache) -> &'a str {
    if script.get_hash() == cache.0.nights.get_hash() {
        include_str!("../lua/nights.lua")
    } else {
        include_str!("../lua/facts.lua")
    }
}

/// A text that no earlier revision had. Random, because a counter would begin again after a loss and
/// readers would take an old copy for the new one.
fn new_revision() -> String {
    let random = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", random(), random())
}
