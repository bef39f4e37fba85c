//! Change data capture: from a commit to the cache, beside `pg_recvlogical` on a second slot of the same
//! server in the same run.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use hdrhistogram::Histogram;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tests::{Hotel, Platform, until};

use crate::book::ms;
use crate::machine::{self, hundredths, say};

/// Commits a second.
const PER_SECOND: u64 = 200;
/// How much longer than `pg_recvlogical` the cache may take, of a hundred changes but the slowest.
const RATIO: u64 = 3;
/// Nights that are changed in turn; a night is not changed again before its change has long arrived.
const NIGHTS: u64 = 60;

/// Nights whose change is on its way; with the time of the commit's answer, once it is there.
type Committed = Arc<Mutex<HashMap<String, Option<Instant>>>>;
type Seen = Arc<Mutex<Histogram<u64>>>;

pub(crate) async fn run(seconds: u64) -> anyhow::Result<()> {
    say(format!("conditions: {}", machine::conditions()));
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 100).await;
    until("the cache has the hotel", async || {
        (hotel.left(&platform, 0, 1).await == [110]).then_some(())
    })
    .await;
    let setting = |name: &str| {
        let found = platform.env.iter().find(|(other, _)| other == name);
        found
            .map(|(_, value)| value.clone())
            .with_context(|| format!("no {name}"))
    };
    let url = setting("BELLHOP_ADMIN_DATABASE_URL")?;
    let slot = format!("{}_peer", platform.name);
    let mut db = PgConnection::connect(&url).await?;
    db.execute(AssertSqlSafe(format!(
        "select pg_create_logical_replication_slot('{slot}', 'test_decoding')"
    )))
    .await?;
    let (cache, peer) = (Committed::default(), Committed::default());
    let (cache_seen, peer_seen) = (seen()?, seen()?);
    watch_cache(&setting("BELLHOP_REDIS_URL")?, &cache, &cache_seen).await?;
    let mut receiver = watch_peer(&url, &slot, &peer, &peer_seen)?;
    let flush = machine::flush_probe()?;
    let began = Instant::now();
    for number in 0..seconds * PER_SECOND {
        let intended = began + Duration::from_micros(number * 1_000_000 / PER_SECOND);
        tokio::time::sleep_until(intended.into()).await;
        let night = hotel.night(u32::try_from(number % NIGHTS)?).to_string();
        let total = 50 + number / NIGHTS % 1_000;
        let change = format!(
            "update inventory.room_night set total = {total} where hotel_id = '{}' and room_type_id = '{}' and night = '{night}'",
            hotel.hotel_id, hotel.room_type_id
        );
        for committed in [&cache, &peer] {
            lock(committed).insert(night.clone(), None);
        }
        db.execute(AssertSqlSafe(change)).await?;
        let now = Instant::now();
        for committed in [&cache, &peer] {
            // Gone already when it was seen before the commit was answered here.
            if let Some(at) = lock(committed).get_mut(&night) {
                *at = Some(now);
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _ = receiver.kill();
    let _ = receiver.wait();
    db.execute(AssertSqlSafe(format!(
        "select pg_drop_replication_slot('{slot}')"
    )))
    .await?;
    report(&cache_seen, &peer_seen, seconds, flush)
}

fn seen() -> anyhow::Result<Seen> {
    Ok(Arc::new(Mutex::new(Histogram::new_with_bounds(
        1, 60_000_000, 3,
    )?)))
}

fn record(night: &str, committed: &Committed, seen: &Seen) {
    if let Some(at) = lock(committed).remove(night) {
        let micros = at.map_or(0, |at| {
            u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX)
        });
        lock(seen).saturating_record(micros.max(1));
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Redis tells of each key that is set, the moment it is.
async fn watch_cache(url: &str, committed: &Committed, seen: &Seen) -> anyhow::Result<()> {
    let client = redis::Client::open(url)?;
    let mut config = client.get_multiplexed_async_connection().await?;
    redis::cmd("CONFIG")
        .arg(&["SET", "notify-keyspace-events", "E$"])
        .query_async::<()>(&mut config)
        .await?;
    let mut events = client.get_async_pubsub().await?;
    events.psubscribe("__keyevent@*__:set").await?;
    let (committed, seen) = (Arc::clone(committed), Arc::clone(seen));
    #[expect(clippy::disallowed_methods, reason = "watches until the process ends")]
    tokio::spawn(async move {
        let mut events = events.into_on_message();
        while let Some(event) = events.next().await {
            let key: String = event.get_payload().unwrap_or_default();
            if let Some(night) = key.rsplit(':').next() {
                record(night, &committed, &seen);
            }
        }
    });
    Ok(())
}

/// `pg_recvlogical` prints a line for each changed row, as soon as it is told.
fn watch_peer(
    url: &str,
    slot: &str,
    committed: &Committed,
    seen: &Seen,
) -> anyhow::Result<std::process::Child> {
    let mut receiver = Command::new(programs()?.join("pg_recvlogical"))
        .args([
            "--dbname",
            url,
            "--slot",
            slot,
            "--start",
            "--file",
            "-",
            "--fsync-interval",
            "0",
        ])
        .args(["--option", "skip-empty-xacts=1", "--no-loop"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("pg_recvlogical does not start")?;
    let output = receiver.stdout.take().context("no output")?;
    let (committed, seen) = (Arc::clone(committed), Arc::clone(seen));
    std::thread::spawn(move || {
        for line in std::io::BufReader::new(output).lines().map_while(Result::ok) {
            let night = line
                .split_once("night[date]:'")
                .and_then(|(_, rest)| rest.get(..10));
            if let (true, Some(night)) = (line.starts_with("table inventory.room_night: UPDATE"), night) {
                record(night, &committed, &seen);
            }
        }
    });
    Ok(receiver)
}

/// The folder of Postgres' newest programs.
fn programs() -> anyhow::Result<std::path::PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("no Postgres under /usr/lib/postgresql")?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    folders
        .filter(|folder| folder.join("pg_recvlogical").exists())
        .max()
        .context("no pg_recvlogical")
}

fn report(cache: &Seen, peer: &Seen, seconds: u64, flush: Duration) -> anyhow::Result<()> {
    let (cache, peer) = (lock(cache), lock(peer));
    let all = seconds * PER_SECOND;
    say(format!(
        "{PER_SECOND} commits/s for {seconds} s, flush probe {} us",
        flush.as_micros()
    ));
    for (name, seen) in [("commit -> Redis", &cache), ("commit -> pg_recvlogical", &peer)] {
        let (p50, p99) = (seen.value_at_quantile(0.5), seen.value_at_quantile(0.99));
        say(format!(
            "  {name}: p50 {} p99 {} ({} of {all} seen)",
            ms(p50),
            ms(p99),
            seen.len()
        ));
    }
    ensure!(cache.len() * 10 > all * 8, "too few changes reached the cache");
    let ratio = |quantile| {
        hundredths(
            cache.value_at_quantile(quantile),
            peer.value_at_quantile(quantile),
        )
    };
    say(format!(
        "  ratio: p50 {}, p99 {} (at most {RATIO})",
        ratio(0.5),
        ratio(0.99)
    ));
    let (ours, theirs) = (cache.value_at_quantile(0.99), peer.value_at_quantile(0.99));
    ensure!(
        ours <= RATIO * theirs,
        "a bar that was not met: p99 is {} times that of pg_recvlogical (at most {RATIO})",
        ratio(0.99)
    );
    Ok(())
}
