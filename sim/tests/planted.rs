//! Each planted bug is found, within so many seeds. Only with the feature `planted`: `scripts/prove planted`.

use contract::planted::{Bug, plant};
use sim::run;

/// A bug that is not found within so many seeds is not found.
const SEEDS: u64 = 20_000;

/// The first seed that finds it, and what it says.
fn found(bug: Option<Bug>) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        plant(bug);
        Some((seed, run(seed, false).violation?))
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what the proof shows")]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match found(Some(bug)) {
            Some((seed, violation)) => {
                println!(
                    "{:<28} {:>6} seeds  {violation:.120}",
                    format!("{bug:?}"),
                    seed + 1
                )
            }
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
    assert_eq!(found(None), None, "nothing planted, and yet something is found");
}
