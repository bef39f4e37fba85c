//! What a platform costs that has nothing to do: CPU of the one process, and which of its threads spends it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tests::{Hotel, Platform};

use crate::cpu::{Part, Processes};
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
    let processes = Processes::of(&platform, &[Part::Bellhop])?;
    let (cpu, threads, began) = (processes.cpu()?, spent(&processes)?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let elapsed = began.elapsed();
    let cpu = Duration::from_micros(processes.cpu()?.per_operation(&cpu, 1)?.sum);
    say(format!("conditions: {}", machine::conditions()));
    for (name, (spent, turns, count)) in &spent(&processes)? {
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
        processes.resident_mb(Part::Bellhop)?
    ));
    Ok(())
}

fn percent(part: Duration, whole: Duration) -> String {
    let thousandths = part.as_micros() * 100_000 / whole.as_micros().max(1);
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// What the threads of bellhop have spent so far.
fn spent(processes: &Processes) -> anyhow::Result<Spent> {
    let mut all = Spent::new();
    for thread in processes.process(Part::Bellhop)?.tasks()?.flatten() {
        let (name, spent) = (thread.stat()?.comm, thread.schedstat()?);
        let sum = all.entry(name).or_default();
        sum.0 += spent.sum_exec_runtime;
        sum.1 += spent.pcount;
        sum.2 += 1;
    }
    Ok(all)
}
