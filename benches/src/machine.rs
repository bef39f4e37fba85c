//! What the machine did meanwhile: load, the disk's flush time. Figures are
//! printed with these, since machines differ and are noisy.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Prints one line of a report.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
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

/// `a / b` with two decimals.
pub(crate) fn hundredths(a: u64, b: u64) -> String {
    let hundredths = u128::from(a) * 100 / u128::from(b.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
