//! Bugs that are planted on purpose, to see that the proofs find them. Only there with the feature `planted`,
//! which no shipped binary has; without it [`crate::planted!`] is `false` and the compiler drops the branch.

use std::cell::Cell;

/// A bug in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// What was done first is undone first.
    UndoOutOfOrder,
    /// A release before its hold leaves no tombstone.
    TombstoneForgotten,
    /// A release that comes again gives the rooms back again.
    ReleaseTwiceCounts,
    /// Ten percent are rounded up.
    TenPercentRoundedUp,
    /// Only the first night of a stay is looked at.
    OneNightLookedAt,
    /// Booking an expired hold is allowed, without its rooms.
    ExpiryWithoutFence,
    /// The key of a capture is another one each time.
    CaptureWithNewKey,
    /// The key of an authorisation is another one each time.
    AuthorizeWithNewKey,
    /// A void does not tell the provider.
    AuthorizationKept,
    /// A refusal of one of several sendings counts as if nothing was done.
    RefusalAmongSeveralBelieved,
    /// A confirmed reservation forgets that the guest has cancelled meanwhile.
    CancellationForgotten,
    /// A reply to an earlier step is taken for the answer to this one.
    StaleReplyBelieved,
    /// No answer of the provider is taken for a no.
    UnknownTakenForDeclined,
    /// A message that was handled is handled again.
    InboxSkipped,
    /// What is to be said is written after the commit.
    OutboxAfterCommit,
    /// Offsets are committed before the transaction.
    OffsetBeforeCommit,
    /// An orchestrator whose epoch has ended writes all the same.
    EpochNotChecked,
    /// A run in memory is believed although its saga has gone on.
    SnapshotBelieved,
    /// The cache takes changes that are older than what it has.
    LsnGuardDropped,
    /// An operation that is settled is settled again.
    SettledTwice,
    /// An operation does not wait for the earlier ones of its payment.
    EarlierOperationIgnored,
    /// The relay confirms what Kafka has not acknowledged.
    ConfirmedTooEarly,
    /// A lost slot is replaced without a snapshot.
    SnapshotForgotten,
    /// Nobody looks for what a desk forgot.
    SweepForgotten,
    /// A cache that was emptied while it was being filled counts as filled.
    EmptiedUnnoticed,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 25] = [
        Self::UndoOutOfOrder,
        Self::TombstoneForgotten,
        Self::ReleaseTwiceCounts,
        Self::TenPercentRoundedUp,
        Self::OneNightLookedAt,
        Self::ExpiryWithoutFence,
        Self::CaptureWithNewKey,
        Self::AuthorizeWithNewKey,
        Self::AuthorizationKept,
        Self::RefusalAmongSeveralBelieved,
        Self::CancellationForgotten,
        Self::StaleReplyBelieved,
        Self::UnknownTakenForDeclined,
        Self::InboxSkipped,
        Self::OutboxAfterCommit,
        Self::OffsetBeforeCommit,
        Self::EpochNotChecked,
        Self::SnapshotBelieved,
        Self::LsnGuardDropped,
        Self::SettledTwice,
        Self::EarlierOperationIgnored,
        Self::ConfirmedTooEarly,
        Self::SnapshotForgotten,
        Self::SweepForgotten,
        Self::EmptiedUnnoticed,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static KEYS: Cell<u64> = const { Cell::new(0) };
}

/// Plants a bug in this thread, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
    KEYS.set(0);
}

/// Whether this bug is planted.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// The end of a key: another each time where new keys are planted, nothing otherwise.
pub fn key_end() -> String {
    if is(Bug::CaptureWithNewKey) {
        KEYS.set(KEYS.get() + 1);
        format!(".{}", KEYS.get())
    } else {
        String::new()
    }
}
