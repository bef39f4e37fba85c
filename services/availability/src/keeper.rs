//! Fills the cache in the background: all of it when it was lost, one hotel when one was missed.
//!
//! Some time after each filling, and daily, everything is compared with the tables. A write that was under way
//! when the cache was lost may come after the filling, and what is filled has no version that is newer.
//!
//! Several processes may notice the same loss; a lock with an end lets one of them work. Until it is
//! done the endpoints ask the database, so nobody waits for it.

use std::time::Duration;

use contract::{HotelId, RoomTypeId};
use platform::retry::Backoff;
use platform::{Parts, Tasks};
use tokio::sync::mpsc;

use crate::cache::{Cache, REBUILDING_SECONDS, Wants};
use crate::database::Database;
use crate::rebuild::{Mode, Plan, RebuildError, Rebuilder};

/// How often the cache is looked at, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// A filling is followed by a comparison after so many seconds: longer than any process is believed to hold a
/// partition that Kafka has given to another, and than any command is under way.
const SETTLED_SECONDS: u64 = 120;
/// Otherwise everything is compared once in so many seconds.
const DAY_SECONDS: u64 = 86_400;
/// Failures on end before an operator is told.
const QUIET_FAILURES: u32 = 5;

/// Starts to keep the cache filled.
pub fn start(parts: &Parts, cache: Cache, database: Database, cold: mpsc::Receiver<HotelId>) {
    let rebuilder = Rebuilder {
        cache,
        database,
        clock: parts.clock.clone(),
    };
    parts
        .tasks
        .spawn("availability-keeper", run(rebuilder, cold, parts.tasks.clone()));
}

async fn run(rebuilder: Rebuilder, mut cold: mpsc::Receiver<HotelId>, tasks: Tasks) {
    // Any fresh id names this process among those that want the lock.
    let owner = RoomTypeId::new().to_string();
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
                Some(hotel) => fill_hotels(&rebuilder, hotel, &mut cold).await,
                None => keep(&rebuilder, &owner).await,
            }
        };
        let work = tokio::select! {
            () = tasks.stopping() => return,
            done = work => done,
        };
        failures = match work {
            Ok(()) => 0,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                // When a platform starts, everything is away for a moment.
                if failures < QUIET_FAILURES {
                    tracing::debug!(error, "the cache could not be filled; trying again");
                } else {
                    tracing::warn!(error, failures, "the cache could not be filled; trying again");
                }
                failures + 1
            }
        };
        wait = match failures {
            0 => Duration::from_millis(LOOK_MS),
            tries => Backoff::RECONNECT.after(tries),
        };
    }
}

/// Fills the hotels that were missed, each once however often it was asked for.
async fn fill_hotels(
    rebuilder: &Rebuilder,
    first: HotelId,
    cold: &mut mpsc::Receiver<HotelId>,
) -> Result<(), RebuildError> {
    let mut hotels = vec![first];
    while let Ok(hotel) = cold.try_recv() {
        if !hotels.contains(&hotel) {
            hotels.push(hotel);
        }
    }
    let mut plan = Plan::all(Mode::Repair, rebuilder.clock.now());
    let mut missing = Vec::new();
    for hotel in hotels {
        let complete = rebuilder.cache.stored(hotel).await?.complete;
        if !complete.is_some_and(|complete| complete.contains(plan.days)) {
            missing.push(hotel);
        }
    }
    plan.hotels = Some(missing);
    let report = rebuilder.run(&plan, |_| ()).await?;
    tracing::info!(
        hotels = report.hotels,
        written = report.written,
        "filled the cache for hotels that it did not hold"
    );
    Ok(())
}

/// Fills everything when the cache does not say that it was filled, and compares everything when that is due,
/// unless another process does.
async fn keep(rebuilder: &Rebuilder, owner: &str) -> Result<(), RebuildError> {
    let wants = rebuilder.cache.wants().await?;
    if wants == Wants::Nothing || !rebuilder.cache.claim_rebuild(owner).await? {
        return Ok(());
    }
    let (begins, due_again) = if wants == Wants::Filling {
        ("the cache is empty; filling it", SETTLED_SECONDS)
    } else {
        ("comparing the cache with the tables", DAY_SECONDS)
    };
    tracing::info!("{begins}");
    let plan = Plan::all(Mode::Repair, rebuilder.clock.now());
    let work = rebuilder.run(&plan, |_| ());
    let hold = async {
        loop {
            tokio::time::sleep(Duration::from_secs(REBUILDING_SECONDS / 3)).await;
            // Losing the lock costs double work, not a wrong value.
            let _ = rebuilder.cache.claim_rebuild(owner).await;
        }
    };
    let report = tokio::select! {
        report = work => report?,
        () = hold => return Ok(()),
    };
    tracing::info!(
        hotels = report.hotels,
        keys = report.keys,
        written = report.written,
        "the cache says what the tables say"
    );
    if wants == Wants::Comparing {
        metrics::counter!("bellhop_cache_differences_total").increment(report.written);
    }
    rebuilder.cache.set_compared(due_again).await?;
    Ok(())
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
