//! Small worlds in the ordinary tests: every state is visited, nothing is violated, and what should come up does.
//! `scripts/prove worlds` visits a larger one.

use sim::provider::Card;
use worlds::{Found, Left, Setup, search};

/// What may go wrong in every one of them.
const LEFT: Left = Left {
    copies: 0,
    resends: 0,
    crashes: 0,
    losses: 0,
    cancellations: 1,
    verbs: 0,
};

#[expect(clippy::print_stdout, reason = "how much was tried is what the test shows")]
fn visited(what: &str, setup: Setup) -> Found {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = search(setup, threads);
    println!(
        "{what}: {} states, {} transitions, {:?}",
        found.states, found.transitions, found.took
    );
    assert!(found.violations.is_empty(), "{what}: {:#?}", found.violations);
    found
}

#[test]
fn nothing_is_violated_in_any_order_of_events_and_everything_ends() {
    let found = visited("any order", Setup::usual(LEFT));
    assert!(
        found.states > 10_000,
        "{} states are too few to prove much",
        found.states
    );
    assert!(found.unseen.is_empty(), "never came up: {:?}", found.unseen);
}

#[test]
fn nothing_is_violated_when_the_providers_answer_is_lost_and_a_desk_is_killed() {
    let left = Left {
        crashes: 1,
        losses: 1,
        cancellations: 0,
        ..LEFT
    };
    visited("a lost answer and a crash", Setup::usual(left));
}

#[test]
fn nothing_is_violated_when_messages_come_again_though_the_inbox_has_forgotten_them() {
    let left = Left {
        copies: 1,
        cancellations: 0,
        ..LEFT
    };
    let mut setup = Setup::usual(left);
    setup.inbox_forgets = true;
    visited("handled twice", setup);
}

#[test]
fn nothing_is_violated_when_a_capture_is_declined_and_commands_are_sent_again() {
    let left = Left {
        resends: 1,
        cancellations: 0,
        ..LEFT
    };
    let mut setup = Setup::usual(left);
    setup.cards[0] = Card::CaptureDeclined;
    visited("a capture that is declined", setup);
}

/// A room of each of two types, both or neither: of two guests one has both, and the other nothing.
#[test]
fn nothing_is_violated_when_a_hold_has_two_lines() {
    let left = Left {
        copies: 1,
        cancellations: 0,
        ..LEFT
    };
    let mut setup = Setup::usual(left);
    setup.two_types = true;
    setup.inbox_forgets = true;
    visited("two lines", setup);
}

/// Cancelled at any moment before the pivot, whatever is on its way: nothing is left, and the other guest may have the room.
#[test]
fn nothing_is_violated_when_an_operator_cancels_a_run_at_any_moment() {
    let left = Left {
        verbs: 1,
        cancellations: 0,
        ..LEFT
    };
    let found = visited("a run that an operator cancels", Setup::usual(left));
    assert!(found.states > 10_000, "{} states", found.states);
}
