//! The change topics → the cache, a batch at a time.
//!
//! Offsets are committed after Redis took the batch. While Redis is away the batch is tried again and
//! nothing is skipped; a message that cannot be read is counted, logged and left out, because no retry
//! would make it readable and the daily comparison mends what it would have changed.

use contract::topics;
use platform::kafka::{self, BATCH_MAX, Delivery};
use platform::retry::Backoff;
use platform::{Parts, Tasks};
use tokio::sync::mpsc;

use crate::cache::{Cache, HotelWrites};
use crate::changes::{Batch, newer, read};
use crate::layout::Days;
use crate::nights::Reached;

/// The consumer group.
const GROUP: &str = "availability";
/// The days that are complete for a hotel whose creation was seen: all there are.
const ALL_DAYS: Days = Days {
    from: 0,
    to: 1_000_000,
};

/// Starts to consume.
///
/// # Errors
/// When Kafka's client refuses its configuration.
pub fn start(parts: &Parts, cache: Cache) -> Result<(), platform::StartError> {
    let subscribed = [
        topics::ROOM_NIGHT_CHANGES,
        topics::HOTEL_CHANGES,
        topics::ROOM_TYPE_CHANGES,
        topics::RATE_PLAN_CHANGES,
        topics::PRICE_CHANGES,
        topics::HEARTBEAT,
    ];
    let deliveries = kafka::consume(&parts.kafka, GROUP, &subscribed, &[], parts.tasks.stop_token())?;
    parts.tasks.spawn(
        "availability-consumer",
        run(deliveries, cache, parts.tasks.clone()),
    );
    Ok(())
}

async fn run(mut deliveries: mpsc::Receiver<Delivery>, cache: Cache, tasks: Tasks) {
    let mut seen = None;
    loop {
        let delivery = tokio::select! {
            () = tasks.stopping() => return,
            delivery = deliveries.recv() => delivery,
        };
        match delivery {
            None => return,
            Some(Delivery::Assigned(_) | Delivery::Revoked(_)) => {}
            Some(Delivery::Batch(messages, handled)) => {
                // A batch that is not full has emptied the queue: only then is the cache as young as
                // the newest message. The heartbeat of a partition that is read must not speak for one
                // that lags. (What partitions of other processes lag is not known here.)
                let caught_up = messages.len() < BATCH_MAX;
                let mut batch = read(&messages);
                metrics::counter!("bellhop_cache_unreadable_messages_total").increment(batch.unreadable);
                seen = newer(seen, batch.newest);
                if !apply_patiently(&cache, &mut batch, seen.filter(|_| caught_up), &tasks).await {
                    return;
                }
                // The sender only fails when the polling thread has ended, with the process.
                let _ = handled.send(());
            }
        }
    }
}

/// Applies until Redis took it. Answers whether it did before the process stops.
async fn apply_patiently(cache: &Cache, batch: &mut Batch, reached: Option<Reached>, tasks: &Tasks) -> bool {
    let mut tries = 0;
    loop {
        match apply(cache, batch, reached).await {
            Ok(()) => return true,
            Err(error) => {
                tries += 1;
                metrics::counter!("bellhop_cache_apply_retries_total").increment(1);
                tracing::warn!(
                    error = platform::chain(&error),
                    tries,
                    "Redis did not take a batch of changes; trying again"
                );
                if !tasks.pause(Backoff::RECONNECT.after(tries)).await {
                    return false;
                }
            }
        }
    }
}

/// Applies a batch: its writes in one round trip, then how far the cache has come.
///
/// # Errors
/// When Redis is away; applying it again is harmless.
pub async fn apply(
    cache: &Cache,
    batch: &mut Batch,
    reached: Option<Reached>,
) -> Result<(), redis::RedisError> {
    complete_new(cache, batch).await?;
    let asked: usize = batch.hotels.values().map(HotelWrites::count).sum();
    if !batch.hotels.is_empty() {
        let written = cache.write(&batch.hotels).await?;
        count("bellhop_cache_writes_total", written);
        count("bellhop_cache_stale_writes_total", asked.saturating_sub(written));
    }
    if let Some(reached) = reached {
        cache.advance(reached).await?;
    }
    Ok(())
}

/// Whoever sees a hotel begin sees everything of it, unless the cache lost something in between; then it is being
/// filled and that will say what is complete. The look begins before it is asked whether the cache is filled, so
/// that one that is emptied after it takes nothing.
async fn complete_new(cache: &Cache, batch: &mut Batch) -> Result<(), redis::RedisError> {
    let mut looks = Vec::with_capacity(batch.created.len());
    for hotel in &batch.created {
        looks.push((*hotel, cache.begin_look(*hotel).await?));
    }
    let is_filled = !looks.is_empty() && cache.is_filled().await?;
    for (hotel, look) in looks {
        let writes = batch.hotels.entry(hotel).or_default();
        writes.complete = is_filled.then_some(ALL_DAYS);
        writes.look = is_filled.then_some(look);
    }
    Ok(())
}

fn count(name: &'static str, number: usize) {
    metrics::counter!(name).increment(u64::try_from(number).unwrap_or(u64::MAX));
}

#[cfg(test)]
#[path = "consumer_tests.rs"]
mod tests;
