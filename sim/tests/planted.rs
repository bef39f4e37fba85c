//! Each planted bug is found, within so many seeds. Those in production's rules are there only in the copy of the
//! tree that `scripts/prove planted` makes.

use sim::planted::{Bug, plant};
use sim::run;

/// A bug that is not found within so many seeds is not found.
const SEEDS: u64 = 50_000;

/// The first seed that finds it, and what it says.
fn found(bug: Option<Bug>) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        plant(bug);
        Some((seed, run(seed, false).violation?))
    })
}

#[expect(clippy::print_stdout, reason = "the table is what the proof shows")]
fn assert_all_found(bugs: &[Bug]) {
    let mut missed = Vec::new();
    for bug in bugs {
        match found(Some(*bug)) {
            Some((seed, violation)) => {
                println!("{:<28} {:>6} seeds  {violation:.120}", bug.name(), seed + 1);
            }
            None => missed.push(bug),
        }
    }
    println!(
        "{} of {} planted bugs found",
        bugs.len() - missed.len(),
        bugs.len()
    );
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
}

#[test]
fn every_bug_at_the_rim_is_found() {
    assert_all_found(Bug::RIM);
}

#[test]
#[ignore = "needs the rules of planted/switches.patch: scripts/prove planted"]
fn every_bug_in_a_rule_is_found() {
    assert_all_found(Bug::SWITCHES);
}

#[test]
fn where_nothing_is_planted_nothing_is_found() {
    assert_eq!(found(None), None);
}
