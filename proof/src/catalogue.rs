//! The list of faults F01 to F45, and what covers each.

use std::process::ExitCode;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

use crate::say;
use crate::scenarios::{messages, network, overload, primary, processes, stores};
use crate::world::Outcome;

/// Stages a fault.
type Run = fn() -> LocalBoxFuture<'static, anyhow::Result<Outcome>>;

/// What covers a fault.
enum Cover {
    /// This program stages it.
    Staged(Run),
    /// Another command or test does.
    Elsewhere(&'static str),
}

/// One fault.
struct Fault {
    id: &'static str,
    what: &'static str,
    cover: Cover,
}

macro_rules! staged {
    ($run:path) => {
        Cover::Staged(|| $run().boxed_local())
    };
}

const fn fault(id: &'static str, what: &'static str, cover: Cover) -> Fault {
    Fault { id, what, cover }
}

use Cover::Elsewhere;

/// All of them.
const ALL: [Fault; 45] = [
    fault(
        "F01",
        "killed before and after each commit, publish and provider call",
        Elsewhere("scripts/prove points"),
    ),
    fault(
        "F02",
        "orchestrator killed with 1,000 sagas open, twice",
        staged!(processes::f02),
    ),
    fault(
        "F03",
        "orchestrator paused, another adopts, then thawed",
        staged!(processes::f03),
    ),
    fault(
        "F04",
        "each process asked to stop under load",
        staged!(processes::f04),
    ),
    fault(
        "F05",
        "participant paused past its session timeout, then thawed",
        staged!(processes::f05),
    ),
    fault(
        "F06",
        "every connection to Postgres half-open",
        staged!(network::f06),
    ),
    fault("F07", "Kafka cannot be reached", staged!(network::f07)),
    fault(
        "F08",
        "Redis slow, resetting, silent, trickling, away",
        staged!(network::f08),
    ),
    fault("F09", "requests arrive, answers are lost", staged!(network::f09)),
    fault(
        "F10",
        "jitter, crumbs, cut after n bytes on every connection",
        staged!(network::f10),
    ),
    fault(
        "F11",
        "Postgres' disk takes 30 writes a second",
        staged!(stores::f11),
    ),
    fault("F12", "the disk of Postgres' log is full", staged!(stores::f12)),
    fault(
        "F13",
        "Kafka's disk is full; Redis has no memory",
        staged!(stores::f13),
    ),
    fault(
        "F14",
        "each process three days ahead, then behind",
        staged!(processes::f14),
    ),
    fault(
        "F15",
        "messages duplicated, reordered, delayed",
        Elsewhere("scripts/prove sim"),
    ),
    fault(
        "F16",
        "reply after its step timed out and was undone",
        Elsewhere("scripts/prove sim"),
    ),
    fault("F17", "release before reserve", Elsewhere("scripts/prove sim")),
    fault("F18", "ten times the capacity for 60 s", staged!(overload::f18)),
    fault(
        "F19",
        "broker killed three times within a minute",
        staged!(stores::f19),
    ),
    fault("F20", "Kafka's log wiped", staged!(stores::f20)),
    fault("F21", "relay stands still, then catches up", staged!(stores::f21)),
    fault("F22", "slot lost", staged!(stores::f22)),
    fault(
        "F23",
        "idle schema while another writes",
        Elsewhere("relay: a_heartbeat_comes_without_any_other_change"),
    ),
    fault(
        "F24",
        "tables change under the relay",
        Elsewhere("scripts/prove fault F38; relay: the tests of pgoutput"),
    ),
    fault(
        "F25",
        "Postgres' session killed; postmaster killed",
        staged!(stores::f25),
    ),
    fault("F26", "failover to a synchronous standby", staged!(primary::f26)),
    fault(
        "F27",
        "deadlock, lock wait, serialization failure",
        Elsewhere(
            "inventory: sixty_four_hands_on_one_hot_night_never_sell_beyond_the_cap_and_never_deadlock; F28 for the lock wait",
        ),
    ),
    fault(
        "F28",
        "a lock keeps every pooled connection waiting",
        staged!(stores::f28),
    ),
    fault(
        "F29",
        "Redis emptied, restarted empty, filled with lies",
        staged!(stores::f29),
    ),
    fault(
        "F30",
        "older change after a newer one in the cache",
        Elsewhere(
            "availability: a_deleted_row_stays_deleted_when_an_older_change_comes_late; scripts/prove sim",
        ),
    ),
    fault(
        "F31",
        "provider: timeout, then success, failure or nothing",
        Elsewhere("e2e: whatever_the_provider_does_the_guest_pays_once_or_not_at_all"),
    ),
    fault(
        "F32",
        "provider: 5xx but charged, webhooks twice, early, forged",
        Elsewhere(
            "e2e: whatever_the_provider_does_the_guest_pays_once_or_not_at_all; payment: the tests of webhooks",
        ),
    ),
    fault("F33", "provider away", staged!(network::f33)),
    fault(
        "F34",
        "the provider's statement differs from our ledger",
        Elsewhere(
            "bellhop audit --at-rest, I-7p; e2e: one_violation_of_each_kind_is_found. No repair is built",
        ),
    ),
    fault(
        "F35",
        "compensation fails again and again",
        Elsewhere("orchestrator: the tests of trials and runner"),
    ),
    fault(
        "F36",
        "hold expires while its booking is at the provider",
        staged!(network::f36),
    ),
    fault("F37", "messages that nobody can handle", staged!(messages::f37)),
    fault(
        "F38",
        "old service on new schema and the reverse",
        staged!(primary::f38),
    ),
    fault(
        "F39",
        "saga definition changes with sagas open",
        Elsewhere("scripts/prove histories"),
    ),
    fault(
        "F40",
        "guest cancels while the booking runs",
        Elsewhere("e2e: a_cancellation_during_the_booking_never_ends_both_confirmed_and_refunded"),
    ),
    fault(
        "F41",
        "100,000 requests for the last 11 rooms",
        Elsewhere("scripts/prove last-rooms; e2e: the_last_rooms_are_sold_once_and_the_night_is_named"),
    ),
    fault(
        "F42",
        "total reduced below sold",
        Elsewhere("inventory: the tests of set"),
    ),
    fault("F43", "no file descriptor left", staged!(processes::f43)),
    fault(
        "F44",
        "every process killed at once, ten times",
        staged!(processes::f44),
    ),
    fault(
        "F45",
        "pairs of faults",
        Elsewhere("scripts/prove kill: kills of all kinds overlap at random"),
    ),
];

/// Prints the list.
pub(crate) fn print() {
    for fault in &ALL {
        let cover = match &fault.cover {
            Cover::Staged(_) => format!("scripts/prove fault {}", fault.id),
            Elsewhere(what) => (*what).to_owned(),
        };
        say(format!("{}  {:<62} {cover}", fault.id, fault.what));
    }
}

/// Prints the ids of those that this program stages.
pub(crate) fn print_staged() {
    for fault in ALL.iter().filter(|fault| matches!(fault.cover, Cover::Staged(_))) {
        say(fault.id);
    }
}

/// Stages one.
pub(crate) async fn run(id: &str) -> anyhow::Result<ExitCode> {
    let Some(fault) = ALL.iter().find(|fault| fault.id.eq_ignore_ascii_case(id)) else {
        anyhow::bail!("there is no fault {id}; without an argument the list is printed");
    };
    let Cover::Staged(stage) = &fault.cover else {
        print();
        anyhow::bail!("{id} is not staged by this program: see the list");
    };
    say(format!("{}    {}", fault.id, fault.what));
    let began = Instant::now();
    match stage().await {
        Ok(outcome) => {
            say(format!(
                "{} ok: {} bookings acknowledged, 0 lost, audit content; first booking {} ms after the fault; {} s in all",
                fault.id,
                outcome.acknowledged,
                outcome.recovery.as_millis(),
                began.elapsed().as_secs()
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(format!("{} FAILED: {error:#}", fault.id));
            Ok(ExitCode::FAILURE)
        }
    }
}
