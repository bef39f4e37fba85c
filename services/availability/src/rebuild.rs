//! Fills, repairs and verifies the cache: one comparison of the cache with the tables, hotel by hotel.
//!
//! The cache is read *before* the table, and written only where it still holds what was read; so a
//! change that arrives meanwhile wins, and no rebuild can put an older value over a newer one. A written
//! entry keeps the version it had: a change that is still on its way is newer and will be applied. When the
//! cache is emptied in between, nothing of what was seen before may be written, nor does it count as filled.
//!
//! A hotel that cannot be read stops no other: it is reported by name, kept in the cache's list of those that are not
//! filled, and tried again by the keeper. Only when Redis or a service itself does not answer does a rebuild stop.
//!
//! Verifying under load, a difference may just be a change on its way. A difference is reported when the
//! same cached value still differs after several looks.

mod compare;
mod past;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::HotelId;
use futures::{StreamExt, stream};
use platform::access::ServiceIdentity;
use platform::{Clock, chain};

use crate::cache::Cache;
use crate::config::Config;
use crate::database::{AskError, Database, Listed};
use crate::layout::Days;
use crate::nights::Reached;

/// Hotels that are compared at once.
const HOTELS_AT_ONCE: usize = 4;
/// Looks at a hotel before what differs is called different.
const LOOKS: usize = 4;
/// Between two looks, in milliseconds.
const LOOK_MS: u64 = if cfg!(test) { 10 } else { 750 };
/// Tries of one hotel while a service or Redis is away.
const TRIES_MAX: u32 = 5;
/// Tries of one hotel while a service has too much to do, which is nobody's fault and passes: about two minutes.
const BUSY_TRIES_MAX: u32 = if cfg!(test) { 5 } else { 25 };
/// No pause between two tries is longer than this many of the first.
const PAUSES_MAX: u32 = 10;
/// Between two tries, in milliseconds.
const TRY_MS: u64 = if cfg!(test) { 1 } else { 500 };
/// Differences that a report lists at most; it counts them all.
pub const LISTED_MAX: usize = 1_000;
/// Days before today that are compared: somewhere on earth it is still yesterday.
const DAYS_BACK: i32 = 1;
/// Days from today that are compared.
const DAYS_AHEAD: i32 = 800;

/// What to do about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Report it.
    Verify,
    /// Write what the tables say. Filling an empty cache is repairing it.
    Repair,
}

/// What to compare.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to do about a difference.
    pub mode: Mode,
    /// The nights.
    pub days: Days,
    /// The hotels; all there are when none are named.
    pub hotels: Option<Vec<HotelId>>,
}

impl Plan {
    /// Every hotel, from yesterday for more than two years.
    pub fn all(mode: Mode, now: DateTime<Utc>) -> Self {
        let today = now.date_naive().to_epoch_days();
        Self {
            mode,
            days: Days {
                from: today - DAYS_BACK,
                to: today + DAYS_AHEAD,
            },
            hotels: None,
        }
    }
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Hotels compared.
    pub hotels_done: u64,
    /// Hotels to compare.
    pub hotels_total: u64,
    /// Keys compared.
    pub keys: u64,
}

/// One key of the cache that does not say what the table says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The key, with the night or field in it where it holds several.
    pub key: String,
    /// What the cache says; none when it says nothing.
    pub cache: Option<String>,
    /// What the table says; none when there is no such row.
    pub database: Option<String>,
}

/// A hotel that could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The hotel.
    pub hotel: HotelId,
    /// Its name, where the list of hotels says it.
    pub name: Option<String>,
    /// Why not.
    pub why: String,
}

/// What a rebuild found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Hotels compared.
    pub hotels: u64,
    /// Keys compared: nights, prices, facts.
    pub keys: u64,
    /// Keys that differed.
    pub differing: u64,
    /// Keys written.
    pub written: u64,
    /// Keys of nights that are past, removed.
    pub removed: u64,
    /// The first [`LISTED_MAX`] differences.
    pub differences: Vec<Difference>,
    /// The hotels that could not be compared.
    pub failed: Vec<Failed>,
}

/// Why a rebuild stopped.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// A service that owns a table does not answer.
    #[error("the database cannot be asked")]
    Database(#[from] AskError),
    /// Redis does not answer.
    #[error("Redis does not answer")]
    Redis(#[from] redis::RedisError),
    /// Redis lost what it held while it was being filled.
    #[error("Redis was emptied meanwhile; fill it again")]
    Emptied,
}

/// Compares the cache with the tables. Repairing everything also says that the cache is filled, but for the hotels
/// that are reported as failed.
///
/// # Errors
/// When Redis or a service stays away; what was done so far stays done, and a second run goes on.
pub async fn rebuild(
    config: &Config,
    identity: ServiceIdentity,
    plan: &Plan,
    progress: impl FnMut(Progress) + Send,
) -> Result<Report, RebuildError> {
    let setting = |error: &dyn std::fmt::Display| RebuildError::Setting(error.to_string());
    let cache =
        Cache::new(config.redis_url.reveal(), &config.redis_prefix).map_err(|error| setting(&error))?;
    let clock = identity.clock().clone();
    let database = Database::new(config, identity).map_err(|error| setting(&error))?;
    let rebuilder = Rebuilder {
        cache,
        database,
        clock,
        past_days: config.cache_past_days,
    };
    rebuilder.run(plan, progress).await
}

/// Compares a cache with the tables.
#[derive(Debug, Clone)]
pub struct Rebuilder {
    /// The cache.
    pub cache: Cache,
    /// The services that own the tables.
    pub database: Database,
    /// The clock.
    pub clock: Clock,
    /// Days after which past nights leave the cache; see [`Config::cache_past_days`].
    pub past_days: u32,
}

impl Rebuilder {
    /// Does what [`rebuild()`] does, with connections that exist.
    ///
    /// # Errors
    /// See [`rebuild()`].
    pub async fn run(
        &self,
        plan: &Plan,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Report, RebuildError> {
        let began = self.clock.now();
        let fills = plan.mode == Mode::Repair && plan.hotels.is_none();
        let filling = if fills {
            Some(self.cache.begin_filling().await?)
        } else {
            None
        };
        let hotels = match &plan.hotels {
            Some(hotels) => hotels.iter().copied().map(unnamed).collect(),
            None => self.database.hotels().await?,
        };
        let total = u64::try_from(hotels.len()).unwrap_or(u64::MAX);
        let mut report = Report::default();
        let compared = hotels
            .into_iter()
            .map(|hotel| async { (self.hotel_with_tries(plan, hotel.hotel_id).await, hotel) });
        let mut compared = std::pin::pin!(stream::iter(compared).buffer_unordered(HOTELS_AT_ONCE));
        let mut hotels_done = 0;
        while let Some((one, hotel)) = compared.next().await {
            match one {
                Ok(one) => report.add(one),
                Err(error) => report.failed.push(self.failed(plan, hotel, error).await?),
            }
            hotels_done += 1;
            // What was filled before a loss has to be filled again: better now than after all the others.
            if let Some(filling) = &filling
                && self.cache.exist(&[filling.as_str()]).await? != [true]
            {
                return Err(RebuildError::Emptied);
            }
            progress(Progress {
                hotels_done,
                hotels_total: total,
                keys: report.keys,
            });
        }
        if plan.mode == Mode::Repair {
            // Only where no change is known yet; what the change stream gave is never taken back.
            self.cache.advance(Reached::at(began)).await?;
            if let Some(filling) = filling
                && !self.cache.set_filled_since(&filling, began).await?
            {
                return Err(RebuildError::Emptied);
            }
        } else {
            metrics::counter!("bellhop_cache_differences_total").increment(report.differing);
        }
        Ok(report)
    }

    /// A hotel could not be compared, though others can: that is noted. When nothing can be asked at all, it is not
    /// the hotel's fault.
    async fn failed(&self, plan: &Plan, hotel: Listed, error: RebuildError) -> Result<Failed, RebuildError> {
        if self.cache.probe().await.is_err() || self.database.probe().await.is_err() {
            return Err(error);
        }
        let (id, name, why) = (hotel.hotel_id, hotel.name, chain(&error));
        if plan.mode == Mode::Repair {
            metrics::counter!("bellhop_cache_hotel_failures_total").increment(1);
            tracing::error!(hotel = %id, name, why, "a hotel cannot be filled into the cache; the others go on, and it is tried again");
            self.cache
                .set_unfilled(id, name.clone(), &why, self.clock.now())
                .await?;
        }
        Ok(Failed { hotel: id, name, why })
    }

    async fn hotel_with_tries(&self, plan: &Plan, hotel: HotelId) -> Result<Report, RebuildError> {
        let mut tries = 1;
        loop {
            match self.hotel(plan, hotel).await {
                Err(error) if tries < tries_max(&error) => {
                    tracing::warn!(%hotel, error = chain(&error), "comparing a hotel failed; trying again");
                    tokio::time::sleep(Duration::from_millis(TRY_MS) * tries.min(PAUSES_MAX)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn hotel(&self, plan: &Plan, hotel: HotelId) -> Result<Report, RebuildError> {
        let token = if plan.mode == Mode::Repair {
            Some(self.cache.begin_look(hotel).await?)
        } else {
            None
        };
        let mut look = self.look(plan, hotel).await?;
        look.writes.look = token;
        let mut report = Report {
            hotels: 1,
            keys: look.keys,
            ..Report::default()
        };
        if plan.mode == Mode::Repair {
            look.writes.complete = Some(plan.days);
            let writes = BTreeMap::from([(hotel, look.writes)]);
            report.written = u64::try_from(self.cache.write(&writes).await?).unwrap_or(u64::MAX);
            report.removed = self.remove_past(hotel, &look.lists).await?;
            self.cache.clear_unfilled(hotel).await?;
        } else {
            for _ in 1..LOOKS {
                if look.differences.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
                let again = self.look(plan, hotel).await?;
                look.differences = look
                    .differences
                    .intersection(&again.differences)
                    .cloned()
                    .collect();
            }
        }
        report.differing = u64::try_from(look.differences.len()).unwrap_or(u64::MAX);
        report.differences = look.differences.into_iter().take(LISTED_MAX).collect();
        Ok(report)
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.hotels += other.hotels;
        self.keys += other.keys;
        self.differing += other.differing;
        self.written += other.written;
        self.removed += other.removed;
        let room = LISTED_MAX - self.differences.len().min(LISTED_MAX);
        self.differences.extend(other.differences.into_iter().take(room));
    }
}

const fn tries_max(error: &RebuildError) -> u32 {
    if matches!(error, RebuildError::Database(AskError::Busy)) {
        BUSY_TRIES_MAX
    } else {
        TRIES_MAX
    }
}

fn unnamed(hotel_id: HotelId) -> Listed {
    Listed { hotel_id, name: None }
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "rebuild/shapes_tests.rs"]
mod shapes_tests;
