//! Each planted bug is found, with the steps that lead to it. Those in production's rules are there only in the copy
//! of the tree that `scripts/prove planted` makes.

use sim::planted::Bug;
use sim::provider::Card;
use worlds::{Found, Left, Setup, shortest};

/// Bugs in the rules that the model runs, and what has to go wrong for each to show.
const SWITCHES: [(Bug, Left); 12] = [
    (Bug::UndoOutOfOrder, NOTHING),
    (Bug::TombstoneForgotten, NOTHING),
    (Bug::ReleaseTwiceCounts, NOTHING),
    (Bug::ExpiryWithoutFence, NOTHING),
    (Bug::AuthorizationKept, NOTHING),
    (Bug::CancellationForgotten, ONE_CANCELS),
    (Bug::StaleReplyBelieved, A_RESEND),
    (Bug::RefusedHoldForgotten, A_COPY),
    (Bug::UnknownTakenForDeclined, TWO_LOSSES),
    (Bug::LineForgotten, NOTHING),
    (Bug::TakenCountedOnBook, NOTHING),
    (Bug::CancelDuringPivot, A_VERB),
];
const NOTHING: Left = Left {
    copies: 0,
    resends: 0,
    crashes: 0,
    losses: 0,
    cancellations: 0,
    verbs: 0,
};
const ONE_CANCELS: Left = Left {
    cancellations: 1,
    ..NOTHING
};
const A_RESEND: Left = Left {
    resends: 1,
    ..NOTHING
};
const TWO_LOSSES: Left = Left { losses: 2, ..NOTHING };
const A_VERB: Left = Left { verbs: 1, ..NOTHING };
const A_COPY: Left = Left { copies: 1, ..NOTHING };

#[expect(clippy::print_stdout, reason = "the table is what the proof shows")]
fn found(what: &str, setup: Setup) -> Found {
    let found = shortest(setup);
    match found.violations.first() {
        Some((law, steps)) => println!(
            "{what:<28} {:>3} steps, {:>8} states, {:>5.1} s  {law}",
            steps.len(),
            found.states,
            found.took.as_secs_f64()
        ),
        None => println!("{what:<28} NOT FOUND in {} states", found.states),
    }
    found
}

/// Whether this bug is found where this may go wrong.
fn is_found(bug: Bug, left: Left) -> bool {
    let mut setup = Setup::usual(left);
    setup.is_planted = true;
    setup.bug = Some(bug);
    setup.two_types = bug == Bug::LineForgotten;
    setup.inbox_forgets = bug == Bug::RefusedHoldForgotten;
    if bug == Bug::ReleaseTwiceCounts {
        setup.cards[0] = Card::CaptureDeclined;
    }
    !found(bug.name(), setup).violations.is_empty()
}

#[test]
#[ignore = "needs the rules of planted/switches.patch: scripts/prove planted"]
fn every_bug_in_a_rule_is_found() {
    let missed = SWITCHES.iter().filter(|(bug, left)| !is_found(*bug, *left));
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn money_that_moves_before_the_rooms_are_booked_is_found() {
    let mut setup = Setup::usual(NOTHING);
    setup.is_planted = true;
    let steps = &mut setup.definition.steps;
    let (book, capture) = (
        steps.iter().position(|step| step.name == "book-rooms").unwrap(),
        steps
            .iter()
            .position(|step| step.name == "capture-payment")
            .unwrap(),
    );
    steps.swap(book, capture);
    let found = found("CaptureBeforeBook", setup);
    let (law, steps) = found.violations.first().expect("a violation");
    assert_eq!(*law, "no card is charged without a room", "{steps:#?}");
}
