//! The cache in Redis: its connections, how far it has come, and whether it was ever filled.
//!
//! Reading is impatient (the database can be asked instead), writing is patient (the consumer has
//! nowhere else to go). Every write is a script that writes only what may be written, so a command that
//! was given up and runs late does no harm, unless the cache was emptied and filled in between: then nothing
//! tells it from a new one, and the comparison that follows each filling mends it.

mod read;
mod unfilled;
mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use contract::HotelId;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Pipeline, Script, Value};

use crate::catalogue::Catalogue;
use crate::layout::Layout;
use crate::nights::Reached;

pub use read::Held;
pub use unfilled::Unfilled;
pub use write::{HotelWrites, NightKey, Put};

/// How long a reader waits for Redis, in milliseconds.
const READ_MS: u64 = if cfg!(test) { 5_000 } else { 100 };
/// How long a writer waits for Redis, in milliseconds.
const WRITE_MS: u64 = 2_000;
/// After a failed read nobody asks Redis for this many milliseconds.
const REST_MS: u64 = 250;
/// Catalogues that a process remembers at most; then it forgets them all.
const CATALOGUES_MAX: usize = 20_000;
/// How long whoever fills the cache is believed to be alive, in seconds.
pub const REBUILDING_SECONDS: u64 = 30;

/// Why the cache does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Miss {
    /// The cache does not hold all of this hotel's nights.
    #[error("the cache is cold")]
    Cold,
    /// Redis is away, slow, or has just been.
    #[error("the cache is away")]
    Away,
}

/// What has to be done to the whole cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// It is filled and was compared with the tables.
    Nothing,
    /// It is empty, or never was filled.
    Filling,
    /// It is filled, and a comparison with the tables is due.
    Comparing,
}

/// The cache. Cheap to clone; connects when first used and again whenever the connection broke.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    reader: ConnectionManager,
    writer: ConnectionManager,
    layout: Layout,
    nights: Script,
    facts: Script,
    freshness: Script,
    filled: Script,
    /// The catalogues seen last, each valid while its revision is the one in Redis.
    catalogues: Mutex<HashMap<HotelId, Arc<Known>>>,
    started: Instant,
    /// Until when (milliseconds after `started`) Redis is left alone.
    resting_until: AtomicU64,
}

/// A catalogue with the revision it was read at.
struct Known {
    revision: Vec<u8>,
    catalogue: Arc<Catalogue>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("layout", &self.0.layout)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// The cache at `url`, which need not be there yet. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn new(url: &str, prefix: &str) -> Result<Self, redis::RedisError> {
        let client = redis::Client::open(url)?;
        let manager = |wait_ms| {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(Duration::from_millis(WRITE_MS)))
                .set_response_timeout(Some(Duration::from_millis(wait_ms)))
                .set_min_delay(Duration::from_millis(20))
                .set_number_of_retries(1);
            ConnectionManager::new_lazy_with_config(client.clone(), config)
        };
        Ok(Self(Arc::new(Inner {
            reader: manager(READ_MS)?,
            writer: manager(WRITE_MS)?,
            layout: Layout::new(prefix),
            nights: Script::new(include_str!("lua/nights.lua")),
            facts: Script::new(include_str!("lua/facts.lua")),
            freshness: Script::new(include_str!("lua/freshness.lua")),
            filled: Script::new(include_str!("lua/filled.lua")),
            catalogues: Mutex::default(),
            started: Instant::now(),
            resting_until: AtomicU64::new(0),
        })))
    }

    /// The names of the keys.
    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// Says how far the cache has come, never back.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn advance(&self, reached: Reached) -> Result<(), redis::RedisError> {
        let script = &self.0.freshness;
        script
            .key(self.layout().freshness())
            .arg(reached.encode())
            .invoke_async(&mut self.0.writer.clone())
            .await
    }

    /// Whether Redis answers and takes what is written.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self) -> Result<(), redis::RedisError> {
        let mut set = redis::cmd("SET");
        set.arg(self.layout().probe()).arg(1).arg("EX").arg(1);
        set.query_async(&mut self.0.writer.clone()).await
    }

    /// Whether the cache was filled since it was last empty.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn is_filled(&self) -> Result<bool, redis::RedisError> {
        let mut exists = redis::cmd("EXISTS");
        exists
            .arg(self.layout().generation())
            .query_async(&mut self.0.writer.clone())
            .await
    }

    /// What has to be done to the whole of it.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn wants(&self) -> Result<Wants, redis::RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("EXISTS").arg(self.layout().generation());
        pipe.cmd("GET").arg(self.layout().compared());
        pipe.cmd("INFO").arg("server");
        let (is_filled, compared, info): (bool, Option<String>, String) =
            pipe.query_async(&mut self.0.writer.clone()).await?;
        Ok(if !is_filled {
            Wants::Filling
        } else if compared.as_deref() == Some(run_id(&info)) {
            Wants::Nothing
        } else {
            Wants::Comparing
        })
    }

    /// Everything was compared with the tables, which is due again after so many seconds, or when another Redis
    /// stands here: one that was restarted from its disk or promoted may have forgotten the last changes.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn set_compared(&self, seconds: u64) -> Result<(), redis::RedisError> {
        let mut writer = self.0.writer.clone();
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut writer).await?;
        let mut set = redis::cmd("SET");
        set.arg(self.layout().compared())
            .arg(run_id(&info))
            .arg("EX")
            .arg(seconds);
        set.query_async(&mut writer).await
    }

    /// The cache was filled since [`Cache::begin_filling`] gave this key, unless it was emptied meanwhile. Answers
    /// whether it counts as filled now.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn set_filled_since(&self, key: &str, at: DateTime<Utc>) -> Result<bool, redis::RedisError> {
        let mut invocation = self.0.filled.key(key);
        invocation
            .key(self.layout().generation())
            .arg(at.timestamp_millis());
        invocation.invoke_async(&mut self.0.writer.clone()).await
    }

    /// Takes, or keeps, the right to fill the cache. Answers whether `owner` has it now.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn claim_rebuild(&self, owner: &str) -> Result<bool, redis::RedisError> {
        let key = self.layout().rebuilding();
        let mut pipe = redis::pipe();
        pipe.cmd("SET")
            .arg(&key)
            .arg(owner)
            .arg("NX")
            .arg("EX")
            .arg(REBUILDING_SECONDS)
            .ignore();
        pipe.cmd("GET").arg(&key);
        let (holder,): (Option<String>,) = pipe.query_async(&mut self.0.writer.clone()).await?;
        if holder.as_deref() != Some(owner) {
            return Ok(false);
        }
        let mut expire = redis::cmd("EXPIRE");
        expire
            .arg(&key)
            .arg(REBUILDING_SECONDS)
            .query_async::<()>(&mut self.0.writer.clone())
            .await?;
        Ok(true)
    }

    /// Asks Redis, however long it takes. Asking nothing has no answers; Redis' client would call it an error.
    async fn patiently(&self, pipe: &Pipeline) -> Result<Vec<Value>, redis::RedisError> {
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        pipe.query_async(&mut self.0.writer.clone()).await
    }

    /// Asks Redis within [`READ_MS`], connecting included; after a failure leaves it alone for a while,
    /// so that a Redis that hangs does not slow every request down.
    async fn impatiently(&self, pipe: &Pipeline) -> Result<Vec<Value>, Miss> {
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        let now = |inner: &Inner| u64::try_from(inner.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now(&self.0) < self.0.resting_until.load(Ordering::Relaxed) {
            return Err(Miss::Away);
        }
        let mut reader = self.0.reader.clone();
        let asked = tokio::time::timeout(Duration::from_millis(READ_MS), pipe.query_async(&mut reader)).await;
        match asked {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error))
                if !error.is_io_error() && !error.is_timeout() && !error.is_connection_dropped() =>
            {
                tracing::warn!(
                    error = platform::chain(&error),
                    "Redis refused to answer; the database is asked instead"
                );
                Err(Miss::Cold)
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(
                        error = platform::chain(&error),
                        "Redis did not answer; the database is asked instead"
                    );
                }
                self.0
                    .resting_until
                    .store(now(&self.0) + REST_MS, Ordering::Relaxed);
                Err(Miss::Away)
            }
        }
    }

    fn known(&self, hotel: HotelId) -> Option<Arc<Known>> {
        self.0
            .catalogues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hotel)
            .cloned()
    }

    fn remember(&self, hotel: HotelId, known: &Arc<Known>) {
        let mut catalogues = self.0.catalogues.lock().unwrap_or_else(PoisonError::into_inner);
        if catalogues.len() >= CATALOGUES_MAX {
            catalogues.clear();
        }
        catalogues.insert(hotel, Arc::clone(known));
    }
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        _ => Vec::new(),
    }
}

/// Names a run of a Redis server, from what it says of itself.
fn run_id(info: &str) -> &str {
    let line = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    line.map_or("", str::trim)
}

#[cfg(test)]
#[path = "lua_tests.rs"]
mod lua_tests;
