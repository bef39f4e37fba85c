//! What a platform costs that has nothing to do: CPU of the one process, and which of its threads spends it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tests::{Hotel, Platform};

use crate::machine::{self, say};

/// Until what a start brings with it is over, such as filling the cache.
const SETTLED: Duration = Duration::from_mins(1);

/// Nanoseconds of CPU and turns on a core of the threads of one name so far, and how many threads these are.
type Spent = BTreeMap<String, (u64, u64, usize)>;

pub(crate) async fn run(seconds: u64) -> anyhow::Result<()> {
    say(format!("conditions: {}", machine::conditions()));
    let platform = Platform::start().await;
    // So that there is something to look after.
    let _hotel = Hotel::create(&platform, 20).await;
    tokio::time::sleep(SETTLED).await;
    let process = child("bellhop").context("no bellhop among this process' children")?;
    let (cpu, threads, began) = (ticks(&process)?, spent(&process)?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let elapsed = began.elapsed();
    let cpu = Duration::from_millis((ticks(&process)? - cpu) * 1_000 / machine::TICKS_PER_SECOND);
    say(format!("conditions: {}", machine::conditions()));
    for (name, (spent, turns, count)) in &spent(&process)? {
        let (spent_before, turns_before, _) = threads.get(name).copied().unwrap_or_default();
        let spent = Duration::from_nanos(spent.saturating_sub(spent_before));
        say(format!(
            "  {name:<16} {count:>3} threads  {:>7} %  {:>5} turns a second",
            percent(spent, elapsed),
            turns.saturating_sub(turns_before) / seconds.max(1)
        ));
    }
    say(format!(
        "idle: {} % of a core (utime + stime over {} s; aim: below 1), {} MB resident",
        percent(cpu, elapsed),
        elapsed.as_secs(),
        machine::resident_mb("bellhop")
    ));
    Ok(())
}

fn percent(part: Duration, whole: Duration) -> String {
    let thousandths = part.as_micros() * 100_000 / whole.as_micros().max(1);
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// The folder in `/proc` of this process' child of that name: others of that name may run on the machine.
fn child(name: &str) -> Option<PathBuf> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            parent == Some(own.as_str()) && stat.contains(&format!("({name})"))
        })
}

fn ticks(process: &std::path::Path) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(process.join("stat"))?;
    let (_, ticks) = machine::parse(&stat).context("a line of /proc")?;
    Ok(ticks)
}

fn spent(process: &std::path::Path) -> anyhow::Result<Spent> {
    let mut all = Spent::new();
    for thread in fs::read_dir(process.join("task"))?.flatten() {
        let read = |file: &str| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        // Nanoseconds on a core, nanoseconds of waiting for one, turns.
        let figures: Vec<u64> = read("schedstat")
            .split_whitespace()
            .filter_map(|text| text.parse().ok())
            .collect();
        let sum = all.entry(read("comm").trim().to_owned()).or_default();
        sum.0 += figures.first().copied().unwrap_or_default();
        sum.1 += figures.get(2).copied().unwrap_or_default();
        sum.2 += 1;
    }
    Ok(all)
}
