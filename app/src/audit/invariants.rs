//! The invariants that the database alone can tell, each with its statement, which finds violations.

use sqlx::postgres::PgConnection;

use super::{Checked, count, rows};
use crate::trail;

/// One invariant.
pub(crate) struct Invariant {
    /// Its name in the documentation.
    pub(crate) id: &'static str,
    /// What must hold.
    pub(crate) promise: &'static str,
    /// Whether it holds at any time, or only at rest.
    pub(crate) always: bool,
    /// The table whose rows it is about.
    table: &'static str,
    /// Finds each row that violates it; `{trails}` in it is `trails.sql`.
    sql: &'static str,
}

macro_rules! invariants {
    ($($id:literal $when:ident $table:literal $file:literal $promise:literal;)*) => {
        &[$(Invariant {
            id: $id,
            promise: $promise,
            always: invariants!(@$when),
            table: $table,
            sql: include_str!(concat!("sql/", $file, ".sql")),
        }),*]
    };
    (@always) => { true };
    (@at_rest) => { false };
}

/// Every invariant that is a statement, in the order in which they are checked.
pub(crate) const ALL: &[Invariant] = invariants! {
    "I-1" always "inventory.room_night" "no_oversell" "no night is sold beyond 110%";
    "I-2" always "inventory.room_night" "counters" "the counters are the sums of the holds";
    "I-3" always "inventory.hold" "whole_stays" "a hold takes all nights of its stay";
    "I-7" always "payment.movement" "one_charge" "a reservation is charged once at most and never gets more back";
    "I-8" always "payment.movement" "balanced" "every movement debits one account and credits the other, and what is paid is the sum of the movements";
    "I-10" always "reservation.reservation" "one_effect" "an idempotency key has one reservation";
    "I-16" always "reservation.reservation_history" "legal_history" "a reservation's history is a legal path";
    "I-17" always "orchestrator.journal" "fenced" "no orchestrator wrote after its epoch ended";
    "I-18" always "orchestrator.journal" "no_way_back" "nothing is undone after the pivot, and nothing done in a round in which it was undone";
    "I-22" always "orchestrator.outbox" "dead_letters" "a message is set aside only with its reason";
    "I-24" always "reservation.reservation" "charged_as_quoted" "what is charged is what was quoted";
    "I-26" always "orchestrator.journal" "rounds_have_verbs" "a run begins anew only because a person said so";
    "I-28" always "orchestrator.journal" "whole_journals" "a journal has no gap, and ends each step once";
    "I-29" always "orchestrator.obligation" "abandoned_owes" "what an abandoned run did is owed, step by step";
    "I-30" always "inventory.hold" "lines" "what is sold to a reservation is what its lines say, and the lines of a hold stand alike, but of a stay that was cancelled while it ran";
    "I-31" always "access.trail" "trail" "what people did is told whole and as it was";
    "I-32" always "reservation.charge" "charges" "what a booking costs is what was promised, or what has taken its place";
    "I-33" always "orchestrator.obligation" "settled_agrees" "what was owed and is closed is as was said, by the books";
    "I-4" at_rest "orchestrator.run" "no_open_saga" "every saga has ended well";
    "I-5" at_rest "inventory.hold" "no_orphan_hold" "no room is kept without a booking";
    "I-6" at_rest "reservation.reservation" "room_and_money" "confirmed means rooms sold and the total paid; cancelled, the penalty paid and no night sold but those that had begun; anything else, neither";
    "I-12" at_rest "orchestrator.inbox" "all_handled" "every message that was sent was handled, and every command is answered in its journal";
};

impl Invariant {
    /// Looks for violations.
    pub(crate) async fn check(&self, db: &mut PgConnection) -> anyhow::Result<Checked> {
        Ok(Checked {
            rows_seen: count(db, self.table).await?,
            violations: rows(db, &self.sql.replace("{trails}", trail::LINES)).await?,
        })
    }
}
