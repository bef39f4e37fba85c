//! `sim`: runs seeds and says what happened.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use mimalloc::MiMalloc;
use sim::{Seen, run};

/// A schedule is many small allocations.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Seeds that a thread takes at once.
const SHARE: u64 = 1_000;
/// From so many seeds on every rare state must have come up.
const LONG: u64 = 100_000;

/// Runs the simulator.
#[derive(Parser, Debug)]
#[command(about = "Runs the platform's decisions under simulated faults, one world per seed")]
struct Arguments {
    /// Seeds to run, from..to.
    #[arg(long, default_value = "0..1000000", conflicts_with = "seed")]
    seeds: String,

    /// Tells the story of one seed.
    #[arg(long)]
    seed: Option<u64>,

    /// Threads; one per core without it.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        return tell(seed);
    }
    let range = arguments.seeds.split_once("..");
    let range = range.and_then(|(from, to)| Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?)));
    let Some((from, to)) = range.filter(|(from, to)| from < to) else {
        say("--seeds is two numbers with two dots between them, such as 0..1000000");
        return ExitCode::from(2);
    };
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    many(from, to, threads)
}

fn say(text: impl std::fmt::Display) {
    #[expect(clippy::print_stdout, reason = "a command's output")]
    {
        println!("{text}");
    }
}

fn tell(seed: u64) -> ExitCode {
    let outcome = run(seed, true);
    for sentence in &outcome.story {
        say(sentence);
    }
    let steps = outcome.steps;
    outcome.violation.map_or_else(
        || {
            say(format!("seed {seed}: {steps} steps, nothing violated"));
            ExitCode::SUCCESS
        },
        |violation| {
            say(format!("VIOLATION after {steps} steps: {violation}"));
            ExitCode::FAILURE
        },
    )
}

/// What all threads have found.
#[derive(Default)]
struct Total {
    seen: Seen,
    steps: u64,
    violations: Vec<(u64, String)>,
    told: Option<Instant>,
}

fn many(from: u64, to: u64, threads: usize) -> ExitCode {
    let (next, began) = (AtomicU64::new(from), Instant::now());
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(SHARE, Ordering::Relaxed);
                    if first >= to || !lock(&total).violations.is_empty() {
                        return;
                    }
                    let share = share(first, (first + SHARE).min(to));
                    let mut total = lock(&total);
                    total.seen.add(&share.seen);
                    total.steps += share.steps;
                    total.violations.extend(share.violations);
                    progress(&mut total, first - from, to - from, began);
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(to - from, &total, began.elapsed())
}

fn share(first: u64, end: u64) -> Total {
    let mut total = Total::default();
    for seed in first..end {
        let outcome = run(seed, false);
        total.seen.add(&outcome.seen);
        total.steps += outcome.steps;
        total
            .violations
            .extend(outcome.violation.map(|violation| (seed, violation)));
    }
    total
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn progress(total: &mut Total, done: u64, all: u64, began: Instant) {
    let told = *total.told.get_or_insert(began);
    if told.elapsed() >= Duration::from_secs(10) {
        total.told = Some(Instant::now());
        let left = began.elapsed().as_secs() * (all - done) / done.max(1);
        say(format!("{done} of {all} schedules, about {left} s to go"));
    }
}

fn report(schedules: u64, total: &Total, took: Duration) -> ExitCode {
    for (seed, violation) in &total.violations {
        say(format!("VIOLATION in seed {seed}: {violation}"));
        say(format!("  its story: scripts/prove sim --seed {seed}"));
    }
    if !total.violations.is_empty() {
        return ExitCode::FAILURE;
    }
    let per_second = |count: u64| u128::from(count) * 1_000 / took.as_millis().max(1);
    say(format!(
        "{schedules} schedules, {} steps in {} s: {} schedules/s, {} steps/s; nothing violated",
        total.steps,
        took.as_secs(),
        per_second(schedules),
        per_second(total.steps)
    ));
    for (name, count) in sim::seen::NAMES.iter().zip(total.seen.0) {
        say(format!("  {count:>12}  {name}"));
    }
    let missing = total.seen.missing();
    if missing.is_empty() || schedules < LONG {
        return ExitCode::SUCCESS;
    }
    say(format!(
        "never seen, so this run proves little: {}",
        missing.join(", ")
    ));
    ExitCode::FAILURE
}
