//! Bugs that are planted on purpose, one at a time, to see that the proofs find them.
//!
//! Those at the rim are in the simulator's own words for what production leaves to SQL, Lua and Kafka, and every
//! test run tries them. Those in the rules stand in `planted/switches.patch`, so that no rule of production has
//! one: `scripts/prove planted` applies the patch to a copy of the tree and tries them there.

use std::cell::Cell;

macro_rules! bugs {
    ($($(#[doc = $list_doc:literal])* $list:ident: { $($(#[doc = $doc:literal])* $bug:ident,)* })*) => {
        /// A bug in a decision or in a rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($($(#[doc = $doc])* $bug,)*)*
        }

        impl Bug {
            $($(#[doc = $list_doc])* pub const $list: &[Self] = &[$(Self::$bug),*];)*

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$bug => stringify!($bug),)*)*
                }
            }
        }
    };
}

bugs! {
    /// The bugs in what the simulator says in its own words.
    RIM: {
        /// The key of a capture is another one each time.
        CaptureWithNewKey,
        /// The key of an authorisation is another one each time.
        AuthorizeWithNewKey,
        /// What is to be said is written after the commit.
        OutboxAfterCommit,
        /// Offsets are committed before the transaction.
        OffsetBeforeCommit,
        /// An orchestrator whose epoch has ended writes all the same.
        EpochNotChecked,
        /// A run in memory is believed although its saga has gone on.
        SnapshotBelieved,
        /// The cache takes changes that are older than what it has.
        VersionGuardDropped,
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
    /// The bugs in production's rules, which `planted/switches.patch` puts there.
    SWITCHES: {
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
        /// Nights that have begun are given back with the rest.
        BegunNightsGivenBack,
        /// Only the first line of a hold is booked.
        LineForgotten,
        /// The date in UTC is taken for that at the hotel.
        DatesOfUtc,
        /// A refused hold is decided anew when it is asked for again.
        RefusedHoldForgotten,
        /// The provider hears of a capture or a void of a newer round under the key of the first.
        KeyOfRoundReused,
        /// A run that still waits takes it for an answer that its participant thought it did not.
        TooLateBelieved,
        /// A pause uses up the time that a step may take.
        PauseBurnsWait,
        /// What comes in while a run is paused is thrown away.
        PauseDropsReply,
        /// An answer to an older round counts in this one.
        LateRoundBelieved,
        /// A release of an older round gives back what a newer one holds.
        RoundIgnored,
        /// A run is cancelled while its pivot is on its way.
        CancelDuringPivot,
        /// A run that goes back undoes the step to which it goes back, too.
        BackPastMark,
        /// A pivot may be skipped.
        SkipOfPivot,
        /// A verb is obeyed each time that it comes.
        VerbTwice,
        /// A verb is obeyed whatever its speaker saw.
        VerbOnOldSeq,
        /// What is on its way when a run is abandoned is not owed.
        DebtForgotten,
        /// Rooms that are booked are still counted as held.
        TakenCountedOnBook,
        /// Each line is cancelled by the policy of the first.
        FirstLineDecides,
        /// A line of which no night has begun stays sold with those of which some have.
        LaterLineKept,
    }
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug in this thread, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted in this thread.
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted in this thread.
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}
