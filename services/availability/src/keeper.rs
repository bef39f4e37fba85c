//! Fills the cache in the background: all of it when it was lost, one hotel when one was missed.
//!
//! Some time after each filling, and daily, everything is compared with the tables. A write that was under way
//! when the cache was lost may come after the filling, and what is filled has no version that is newer.
//!
//! Several processes may notice the same loss; a lock with an end lets one of them work. Until it is
//! done the endpoints ask the database, so nobody waits for it. So a process is ready meanwhile, and says what it does
//! without: that the cache is being filled, that filling does not succeed, and which hotels cannot be filled. Those are
//! tried again, each time later, up to every ten minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{HotelId, RoomTypeId};
use platform::health::Health;
use platform::retry::Backoff;
use platform::{Parts, Tasks, chain};
use tokio::sync::mpsc;

use crate::cache::{Cache, REBUILDING_SECONDS, Unfilled, Wants};
use crate::config::Config;
use crate::database::Database;
use crate::rebuild::{Mode, Plan, Progress, RebuildError, Rebuilder, Report};

/// The name of this part in `/readyz`.
pub const PART: &str = "availability-cache";
/// How often the cache is looked at, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// A filling is followed by a comparison after so many seconds: longer than any process is believed to hold a
/// partition that Kafka has given to another, and than any command is under way.
const SETTLED_SECONDS: u64 = 120;
/// Otherwise everything is compared once in so many seconds.
const DAY_SECONDS: u64 = 86_400;
/// Failures on end before an operator is told.
const QUIET_FAILURES: u32 = 5;
/// Hotels that are named to an operator at most.
const NAMED_MAX: usize = 5;

/// Starts to keep the cache filled.
pub fn start(
    parts: &Parts,
    config: &Config,
    cache: Cache,
    database: Database,
    cold: mpsc::Receiver<HotelId>,
) {
    let rebuilder = Rebuilder {
        cache,
        database,
        clock: parts.clock.clone(),
        past_days: config.cache_past_days,
    };
    let keeper = Keeper::new(rebuilder, parts.health.clone());
    parts
        .tasks
        .spawn("availability-keeper", run(keeper, cold, parts.tasks.clone()));
}

/// Whoever keeps the cache filled.
struct Keeper {
    rebuilder: Rebuilder,
    health: Health,
    /// Any fresh id names this process among those that want the lock.
    owner: String,
}

impl Keeper {
    fn new(rebuilder: Rebuilder, health: Health) -> Self {
        let owner = RoomTypeId::new().to_string();
        Self {
            rebuilder,
            health,
            owner,
        }
    }
}

async fn run(keeper: Keeper, mut cold: mpsc::Receiver<HotelId>, tasks: Tasks) {
    let mut failures = 0;
    let mut wait = Duration::ZERO;
    loop {
        let missed = tokio::select! {
            () = tasks.stopping() => return,
            hotel = cold.recv() => hotel,
            () = tokio::time::sleep(wait) => None,
        };
        let work = async {
            match missed {
                Some(hotel) => keeper.fill_hotels(hotel, &mut cold).await,
                None => keeper.keep().await,
            }
        };
        let work = tokio::select! {
            () = tasks.stopping() => return,
            done = work => done,
        };
        failures = match work {
            Ok(()) => 0,
            Err(error) => {
                keeper.tell_failure(&error, failures + 1);
                failures + 1
            }
        };
        wait = match failures {
            0 => Duration::from_millis(LOOK_MS),
            tries => Backoff::RECONNECT.after(tries),
        };
    }
}

impl Keeper {
    fn tell_failure(&self, error: &RebuildError, failures: u32) {
        metrics::counter!("bellhop_cache_filling_failures_total").increment(1);
        let chained = chain(error);
        // When a platform starts, everything is away for a moment.
        if failures <= QUIET_FAILURES {
            tracing::debug!(error = chained, "the cache could not be filled; trying again");
        } else {
            tracing::warn!(
                error = chained,
                failures,
                "the cache could not be filled; trying again"
            );
        }
        let why = format!("the cache could not be filled or compared, tried {failures} times: {chained}");
        self.health.limps(PART, why);
    }

    /// Says which hotels cannot be filled, or that all is well.
    fn tell_unfilled(&self, unfilled: &BTreeMap<HotelId, Unfilled>) {
        let count = u32::try_from(unfilled.len()).unwrap_or(u32::MAX);
        metrics::gauge!("bellhop_cache_hotels_unfilled").set(count);
        match unfilled_text(unfilled) {
            Some(why) => self.health.limps(PART, why),
            None => self.health.ready(PART),
        }
    }

    /// Fills the hotels that were missed, each once however often it was asked for.
    async fn fill_hotels(
        &self,
        first: HotelId,
        cold: &mut mpsc::Receiver<HotelId>,
    ) -> Result<(), RebuildError> {
        let mut hotels = vec![first];
        while let Ok(hotel) = cold.try_recv() {
            if !hotels.contains(&hotel) {
                hotels.push(hotel);
            }
        }
        let (cache, now) = (&self.rebuilder.cache, self.rebuilder.clock.now());
        let mut plan = Plan::all(Mode::Repair, now);
        let unfilled = cache.unfilled().await?;
        let mut missing = Vec::new();
        for hotel in hotels {
            // One that cannot be filled is not tried at every request.
            let waits = unfilled.get(&hotel).is_some_and(|hotel| !hotel.is_due(now));
            let complete = cache.stored(hotel).await?.complete;
            if !waits && !complete.is_some_and(|complete| complete.contains(plan.days)) {
                missing.push(hotel);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        plan.hotels = Some(missing);
        let report = self.rebuilder.run(&plan, |_| ()).await?;
        tracing::info!(
            hotels = report.hotels,
            written = report.written,
            failed = report.failed.len(),
            "filled the cache for hotels that it did not hold"
        );
        self.tell_unfilled(&cache.unfilled().await?);
        Ok(())
    }

    /// Fills everything when the cache does not say that it was filled, compares everything when that is due, and
    /// otherwise tries the hotels again that could not be filled, unless another process does.
    async fn keep(&self) -> Result<(), RebuildError> {
        let cache = &self.rebuilder.cache;
        let wants = cache.wants().await?;
        if wants == Wants::Nothing {
            return self.try_again().await;
        }
        if !cache.claim_rebuild(&self.owner).await? {
            if wants == Wants::Filling {
                self.health
                    .limps(PART, "the cache is being filled by another process");
            }
            return Ok(());
        }
        let (begins, due_again) = if wants == Wants::Filling {
            ("the cache is empty; filling it", SETTLED_SECONDS)
        } else {
            ("comparing the cache with the tables", DAY_SECONDS)
        };
        tracing::info!("{begins}");
        let plan = Plan::all(Mode::Repair, self.rebuilder.clock.now());
        let tell = |progress: Progress| {
            if wants == Wants::Filling {
                let (done, total) = (progress.hotels_done, progress.hotels_total);
                let why = format!("the cache is being filled: {done} of {total} hotels");
                self.health.limps(PART, why);
            }
        };
        let report = self.run_locked(&plan, tell).await?;
        tracing::info!(
            hotels = report.hotels,
            keys = report.keys,
            written = report.written,
            removed = report.removed,
            failed = report.failed.len(),
            "the cache says what the tables say"
        );
        if wants == Wants::Comparing {
            metrics::counter!("bellhop_cache_differences_total").increment(report.written);
        }
        cache.set_compared(due_again).await?;
        self.tell_unfilled(&cache.unfilled().await?);
        Ok(())
    }

    /// Tries the hotels again that could not be filled, those whose time has come.
    async fn try_again(&self) -> Result<(), RebuildError> {
        let (cache, now) = (&self.rebuilder.cache, self.rebuilder.clock.now());
        let unfilled = cache.unfilled().await?;
        self.tell_unfilled(&unfilled);
        let due = unfilled.iter().filter(|(_, hotel)| hotel.is_due(now));
        let due: Vec<HotelId> = due.map(|(hotel, _)| *hotel).collect();
        if due.is_empty() || !cache.claim_rebuild(&self.owner).await? {
            return Ok(());
        }
        let mut plan = Plan::all(Mode::Repair, now);
        plan.hotels = Some(due);
        self.run_locked(&plan, |_| ()).await?;
        self.tell_unfilled(&cache.unfilled().await?);
        Ok(())
    }

    /// Runs a rebuild while the lock is held.
    async fn run_locked(
        &self,
        plan: &Plan,
        progress: impl FnMut(Progress) + Send,
    ) -> Result<Report, RebuildError> {
        let hold = async {
            loop {
                tokio::time::sleep(Duration::from_secs(REBUILDING_SECONDS / 3)).await;
                // Losing the lock costs double work, not a wrong value.
                let _ = self.rebuilder.cache.claim_rebuild(&self.owner).await;
            }
        };
        tokio::select! {
            report = self.rebuilder.run(plan, progress) => report,
            never = hold => never,
        }
    }
}

/// The hotels that cannot be filled, in a sentence; none when there are none.
pub fn unfilled_text(unfilled: &BTreeMap<HotelId, Unfilled>) -> Option<String> {
    if unfilled.is_empty() {
        return None;
    }
    let named = unfilled.iter().take(NAMED_MAX).map(|(id, hotel)| hotel.line(*id));
    let named: Vec<String> = named.collect();
    let more = unfilled.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 {
        String::new()
    } else {
        format!("; and {more} more")
    };
    let (hotels, are) = if unfilled.len() == 1 {
        ("hotel", "is")
    } else {
        ("hotels", "are")
    };
    Some(format!(
        "{} {hotels} cannot be filled into the cache and {are} tried again: {}{more}",
        unfilled.len(),
        named.join("; ")
    ))
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
