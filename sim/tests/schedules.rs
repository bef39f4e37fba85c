//! Half a million worlds in which everything goes wrong, and every rare state comes up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sim::{Seen, run};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 500_000;
/// Seeds that a thread takes at once.
const SHARE: u64 = 1_000;

#[test]
fn nothing_is_violated_and_every_rare_state_comes_up() {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Seen::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(SHARE, Ordering::Relaxed);
                    if first >= SEEDS {
                        return;
                    }
                    let mut seen = Seen::default();
                    for seed in first..first + SHARE {
                        let outcome = run(seed, false);
                        let violation = outcome.violation;
                        assert!(
                            violation.is_none(),
                            "seed {seed}: {violation:?}; scripts/prove sim --seed {seed}"
                        );
                        seen.add(&outcome.seen);
                    }
                    total.lock().expect("no thread has failed").add(&seen);
                }
            });
        }
    });
    let seen = total.into_inner().expect("no thread has failed");
    assert!(seen.missing().is_empty(), "never seen: {:?}", seen.missing());
}

#[test]
fn the_same_seed_is_the_same_story() {
    for seed in 0..50 {
        let (first, second) = (run(seed, true), run(seed, true));
        assert_eq!(first.story, second.story);
        assert!(!first.story.is_empty());
    }
}
