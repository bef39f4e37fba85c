//! Complete bookings through the public interface and every part behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::join_all;
use hdrhistogram::Histogram;
use tests::{Hotel, Platform};
use tokio::sync::Mutex;

use crate::cpu::{self, Cost, Part, Processes};
use crate::machine::{self, hundredths, say};
use crate::{probe, work};

/// Hotels over which the load is spread.
pub(crate) const HOTELS: usize = 20;
/// Rooms of each: enough that nothing is ever sold out.
pub(crate) const ROOMS: u32 = 10_000;
/// Bookings a second of the open loop.
const OPEN_PER_SECOND: u64 = 20;
/// Commits on the way of one booking: the request; start and five replies at the orchestrator; three
/// commands at inventory and reservation; two each for the intent and the outcome of two payments.
const COMMITS: u32 = 1 + 6 + 3 + 4;
/// Messages on the way of one booking until it is confirmed: the start, five commands, four replies.
const HOPS: u32 = 10;

/// What a booking may cost, and how many there are to be: docs/benchmarks.md says from where these come.
const BARS: Bars = Bars {
    per_second: 500,
    cpu_us: 3_500,
    statements: 25,
    rows: 42,
    wal_bytes: 20_000,
    floors: 2,
};

struct Bars {
    per_second: u64,
    cpu_us: u64,
    statements: u64,
    rows: u64,
    wal_bytes: u64,
    /// How often the floor goes into the median time of a booking at 20 a second.
    floors: u64,
}

/// What the closed loop came to.
pub(crate) struct Closed {
    pub(crate) per_second: u64,
    pub(crate) cost: Cost,
}

pub(crate) async fn run(seconds: u64, clients: usize) -> anyhow::Result<()> {
    say(format!("conditions: {}", machine::conditions()));
    let platform = Arc::new(Platform::start().await.by_partner());
    let processes = Processes::of(&platform, &cpu::ALL)?;
    let idle_mb = processes.resident_mb(Part::Bellhop)?;
    let hotels = join_all((0..HOTELS).map(|_| Hotel::create(&platform, ROOMS))).await;
    say("warm-up (the broker compiles its code while it runs):");
    closed(&platform, &processes, &hotels, seconds, clients).await?;
    say("spread over 20 hotels, closed loop:");
    let spread = closed(&platform, &processes, &hotels, seconds, clients).await?;
    say("one hot hotel, one room type, three nights, closed loop:");
    let hot = closed(&platform, &processes, &hotels[..1], seconds, clients).await?;
    let floors = open(&platform, &hotels, seconds).await?;
    let work = work::of_a_booking(&platform, &hotels[0]).await?;
    work.tell();
    say(format!(
        "resident memory of bellhop: {idle_mb} MB idle, {} MB after the load",
        processes.resident_mb(Part::Bellhop)?
    ));
    let audit = platform.command(&["audit", "--at-rest"]);
    say(String::from_utf8_lossy(&audit.stdout));
    ensure!(
        audit.status.success(),
        "the audit found a violation: no figure counts"
    );
    let missed = BARS.missed(&[spread, hot], floors, &work);
    ensure!(missed.is_empty(), "bars that were not met: {}", missed.join("; "));
    Ok(())
}

impl Bars {
    /// What was not met, each with its figure. `floors` in hundredths.
    fn missed(&self, closed: &[Closed], floors: u64, work: &work::Work) -> Vec<String> {
        let mut missed = Vec::new();
        let mut held = |holds: bool, what: String| {
            if !holds {
                missed.push(what);
            }
        };
        for (one, load) in closed.iter().zip(["20 hotels", "one hotel"]) {
            let (per_second, least) = (one.per_second, self.per_second);
            held(
                per_second >= least,
                format!("{per_second} bookings/s of {load} (at least {least})"),
            );
            let (cpu_us, most) = (one.cost.sum, self.cpu_us);
            held(
                cpu_us <= most,
                format!("{cpu_us} us of CPU of {load} (at most {most})"),
            );
        }
        for (what, figure, most) in [
            ("times the floor at 20/s", floors, self.floors),
            ("statements", work.statements, self.statements),
            ("rows", work.rows, self.rows),
        ] {
            let told = hundredths(figure, 100);
            held(figure <= most * 100, format!("{told} {what} (at most {most})"));
        }
        let (wal_bytes, most) = (work.wal_bytes, self.wal_bytes);
        held(
            wal_bytes <= most,
            format!("{wal_bytes} bytes of WAL (at most {most})"),
        );
        missed
    }
}

/// Wal flushes so far.
async fn flushes(platform: &Platform) -> u64 {
    let read = platform.query("select wal_sync::text from pg_stat_wal").await;
    read.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Each client books as soon as its last booking is confirmed.
pub(crate) async fn closed(
    platform: &Arc<Platform>,
    processes: &Processes,
    hotels: &[Hotel],
    seconds: u64,
    clients: usize,
) -> anyhow::Result<Closed> {
    let latency = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?));
    let (booked, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (cpu, flushed, began) = (processes.cpu()?, flushes(platform).await, Instant::now());
    let until = began + Duration::from_secs(seconds);
    let clients = (0..clients).map(|client| {
        let (platform, latency) = (Arc::clone(platform), Arc::clone(&latency));
        let (booked, failed) = (Arc::clone(&booked), Arc::clone(&failed));
        let hotel = hotels[client % hotels.len()].clone();
        async move {
            let mut at = client;
            while Instant::now() < until {
                at += 7;
                let nights = u32::try_from(at % 50).unwrap_or(0);
                let sent = Instant::now();
                let answer = hotel.book(&platform, nights, 3, "pm_ok").await;
                let count = if answer.status == 201 { &booked } else { &failed };
                count.fetch_add(1, Ordering::Relaxed);
                latency.lock().await.saturating_record(micros(sent.elapsed()));
            }
        }
    });
    join_all(clients).await;
    let took = began.elapsed();
    let (booked, failed) = (booked.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    let (spent, flushed) = (processes.cpu()?, flushes(platform).await - flushed);
    let latency = latency.lock().await;
    let per_second = u128::from(booked) * 1_000 / took.as_millis().max(1);
    say(format!(
        "  {per_second} bookings/s ({booked} in {} s, {failed} not confirmed in time), quote to outcome p50 {} p99 {}",
        took.as_secs(),
        ms(latency.value_at_quantile(0.5)),
        ms(latency.value_at_quantile(0.99))
    ));
    say(format!(
        "  WAL flushes: {flushed}, {} per booking",
        hundredths(flushed, booked)
    ));
    let cost = spent.per_operation(&cpu, booked)?;
    say(format!("  CPU: {cost}"));
    Ok(Closed {
        per_second: u64::try_from(per_second)?,
        cost,
    })
}

/// Bookings at a fixed schedule; latency counts from the intended time of sending. Answers how often the floor goes into the
/// median, in hundredths.
async fn open(platform: &Arc<Platform>, hotels: &[Hotel], seconds: u64) -> anyhow::Result<u64> {
    let flush_before = machine::flush_probe()?;
    let brokers = platform
        .env
        .iter()
        .find(|(name, _)| name == "BELLHOP_KAFKA_BROKERS");
    let hop = probe::produce_to_consume(brokers.map_or("", |(_, value)| value)).await?;
    let latency = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?));
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..seconds * OPEN_PER_SECOND {
        let intended = began + Duration::from_micros(number * 1_000_000 / OPEN_PER_SECOND);
        tokio::time::sleep_until(intended.into()).await;
        let (platform, latency) = (Arc::clone(platform), Arc::clone(&latency));
        let hotel = hotels[usize::try_from(number)? % hotels.len()].clone();
        let late = Instant::now().saturating_duration_since(intended);
        running.spawn(async move {
            let quote = hotel
                .quote(&platform, u32::try_from(number % 50).unwrap_or(0), 3, 1)
                .await;
            let key = quote["quote_id"].as_str().unwrap_or_default().to_owned();
            let body = tests::booking_body(&quote, "Open Loop", "pm_ok");
            let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=30")];
            let sent = Instant::now();
            let answer = platform
                .send_json(reqwest::Method::POST, "/v1/reservations", &body, &headers)
                .await;
            // What the schedule was late by is the guest's wait too; the quote before is not the booking's.
            latency
                .lock()
                .await
                .saturating_record(micros(sent.elapsed() + late));
            answer.status == 201
        });
    }
    let all = running.join_all().await;
    let good = all.iter().filter(|confirmed| **confirmed).count();
    let flush = flush_before.min(machine::flush_probe()?);
    let floor = flush * COMMITS + hop * HOPS;
    let latency = latency.lock().await;
    let p50 = latency.value_at_quantile(0.5);
    say(format!(
        "open loop, {OPEN_PER_SECOND} bookings/s for {seconds} s, request to outcome: {good} of {} confirmed",
        all.len()
    ));
    say(format!(
        "  p50 {} p99 {}",
        ms(p50),
        ms(latency.value_at_quantile(0.99))
    ));
    say(format!(
        "  floor: {COMMITS} commits x {} us flush + {HOPS} hops x {} us produce to consume = {}; p50 is {} times the floor",
        flush.as_micros(),
        hop.as_micros(),
        ms(micros(floor)),
        hundredths(p50, micros(floor))
    ));
    Ok(p50 * 100 / micros(floor).max(1))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds as milliseconds with one decimal.
pub(crate) fn ms(micros: u64) -> String {
    format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
}

#[cfg(test)]
mod bars {
    use super::*;
    use crate::work::Work;

    fn closed(per_second: u64, cpu_us: u64) -> Closed {
        let cost = Cost {
            each: Vec::new(),
            sum: cpu_us,
        };
        Closed { per_second, cost }
    }

    /// Which bars a run of these figures misses.
    fn missed(loads: [(u64, u64); 2], floors: u64, [statements, rows, wal_bytes]: [u64; 3]) -> Vec<String> {
        let loads = loads.map(|(per_second, cpu_us)| closed(per_second, cpu_us));
        BARS.missed(&loads, floors, &Work::of(statements, rows, wal_bytes))
    }

    #[test]
    fn what_is_just_good_enough_misses_no_bar_and_what_is_just_not_misses_its_own() {
        let (good, work) = ((500, 3_500), [2_500, 4_200, 20_000]);
        assert!(missed([good, good], 200, work).is_empty());
        let bad = [
            missed([(499, 3_500), good], 200, work),
            missed([good, (499, 3_500)], 200, work),
            missed([(500, 3_501), good], 200, work),
            missed([good, (500, 3_501)], 200, work),
            missed([good, good], 201, work),
            missed([good, good], 200, [2_501, 4_200, 20_000]),
            missed([good, good], 200, [2_500, 4_201, 20_000]),
            missed([good, good], 200, [2_500, 4_200, 20_001]),
        ];
        let told = [
            "499 bookings/s of 20 hotels (at least 500)",
            "499 bookings/s of one hotel (at least 500)",
            "3501 us of CPU of 20 hotels (at most 3500)",
            "3501 us of CPU of one hotel (at most 3500)",
            "2.01 times the floor at 20/s (at most 2)",
            "25.01 statements (at most 25)",
            "42.01 rows (at most 42)",
            "20001 bytes of WAL (at most 20000)",
        ];
        assert_eq!(bad, told.map(|told| vec![told.to_owned()]));
    }
}
