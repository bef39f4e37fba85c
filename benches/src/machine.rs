//! What the machine did meanwhile: CPU by process, memory, load, the disk's flush time. Figures are
//! printed with these, since machines differ and are noisy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Clock ticks per second of `/proc`, fixed in Linux' interface to user space.
pub(crate) const TICKS_PER_SECOND: u64 = 100;
/// Processes whose CPU is told apart, by the name in `/proc/*/comm`.
const NAMES: [&str; 5] = ["postgres", "java", "redis-server", "bellhop", "benches"];

/// Prints one line of a report.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// CPU time of each kind of process so far.
#[derive(Debug, Clone)]
pub(crate) struct Cpu(BTreeMap<&'static str, Duration>);

impl Cpu {
    /// Reads `/proc`. A process that ended takes its time with it.
    pub(crate) fn now() -> Self {
        let mut all: BTreeMap<&'static str, Duration> =
            NAMES.iter().map(|name| (*name, Duration::ZERO)).collect();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let Some((name, ticks)) = parse(&stat) else {
                continue;
            };
            if let Some(sum) = NAMES
                .iter()
                .find(|known| **known == name)
                .and_then(|known| all.get_mut(known))
            {
                *sum += Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
            }
        }
        Self(all)
    }

    /// What each spent since `before`, in microseconds per operation, and the sum.
    pub(crate) fn per_operation(&self, before: &Self, operations: u64) -> String {
        let spent = |name: &&str| {
            let now = self.0.get(name).copied().unwrap_or_default();
            now.saturating_sub(before.0.get(name).copied().unwrap_or_default())
                .as_micros()
        };
        let operations = u128::from(operations.max(1));
        let each = NAMES
            .iter()
            .map(|name| format!("{name} {}", spent(name) / operations));
        let sum: u128 = NAMES.iter().map(spent).sum();
        format!(
            "{} = {} us per operation",
            each.collect::<Vec<_>>().join(" + "),
            sum / operations
        )
    }
}

/// Name, and user plus system time in ticks, of a line of `/proc/PID/stat`.
pub(crate) fn parse(stat: &str) -> Option<(&str, u64)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some((
        name,
        fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
    ))
}

/// Resident memory of the largest process of that name, in MB.
pub(crate) fn resident_mb(name: &str) -> u64 {
    let mut largest = 0;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if status
            .lines()
            .next()
            .is_none_or(|line| line.trim_start_matches("Name:").trim() != name)
        {
            continue;
        }
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
        largest = largest.max(kilobytes.unwrap_or(0) / 1_024);
    }
    largest
}

/// Load average, cores and kernel, for the conditions of a figure.
pub(crate) fn conditions() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg")
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ");
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{cores} cores,{}, load average {load}",
        model
            .trim_start_matches([' ', '\t', ':'])
            .replace("model name", "")
    )
}

/// Median time to make 8 KiB durable, as Postgres does at a commit (write, fdatasync).
pub(crate) fn flush_probe() -> anyhow::Result<Duration> {
    const WRITES: usize = 200;
    let path = std::env::temp_dir().join("bellhop-flush-probe");
    let mut file = fs::File::create(&path)?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        file.write_all(&[7; 8_192])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    fs::remove_file(&path)?;
    took.sort_unstable();
    Ok(took.get(WRITES / 2).copied().unwrap_or_default())
}
