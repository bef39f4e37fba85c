//! Each planted bug is found, within so many seeds. Only with the feature `planted`: scripts/prove planted.

use contract::planted::{Bug, plant};
use sim::{Rule, run};

/// A bug that is not found within so many seeds is not found.
const SEEDS: u64 = 200_000;

/// Bugs in the services' own decisions.
const DECISIONS: [Bug; 10] = [
    Bug::UndoOutOfOrder,
    Bug::TombstoneForgotten,
    Bug::ReleaseTwiceCounts,
    Bug::TenPercentRoundedUp,
    Bug::OneNightLookedAt,
    Bug::ExpiryWithoutFence,
    Bug::RefusalAmongSeveralBelieved,
    Bug::CancellationForgotten,
    Bug::StaleReplyBelieved,
    Bug::UnknownTakenForDeclined,
];

/// Rules that production keeps in SQL, Lua and the use of Kafka.
const RULES: [Rule; 9] = [
    Rule::Inbox,
    Rule::OutboxInTransaction,
    Rule::OffsetAfterHandling,
    Rule::ConfirmAfterPublish,
    Rule::EpochChecked,
    Rule::LsnGuard,
    Rule::SameKey,
    Rule::Sweep,
    Rule::PublishAgain,
];

/// The first seed that finds it, and what it says.
fn found(broken: Option<Rule>) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| Some((seed, run(seed, broken, false).violation?)))
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what the proof shows")]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    let mut tell = |name: String, found: Option<(u64, String)>| match found {
        Some((seed, violation)) => println!("{name:<28} {:>6} seeds  {violation}", seed + 1),
        None => missed.push(name),
    };
    for bug in DECISIONS {
        plant(Some(bug));
        tell(format!("{bug:?}"), found(None));
        plant(None);
    }
    for rule in RULES {
        tell(format!("without {rule:?}"), found(Some(rule)));
    }
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
    assert_eq!(found(None), None, "nothing planted, and yet something is found");
}
