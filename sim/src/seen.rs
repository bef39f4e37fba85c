//! Rare states that must have come up in a long run.

/// A state that is worth nothing unless it was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Sight {
    /// A booking was confirmed.
    Confirmed,
    /// A booking was refused because the last room was gone.
    SoldOut,
    /// Three bookings wanted the last room at once.
    RaceForTheLastRoom,
    /// A stay was cancelled.
    Cancelled,
    /// The guest cancelled while the booking still ran.
    CancelledDuringBooking,
    /// A hold expired before it was booked.
    HoldExpired,
    /// A release came before its hold, and the hold was refused.
    TombstoneHit,
    /// A payment was declined.
    Declined,
    /// A capture was refused, and the booking undone.
    CaptureRefused,
    /// An outcome was not known, and was asked for.
    UnknownResolved,
    /// A request arrived at the provider after it had been asked for in vain.
    LateRequest,
    /// A step was given up.
    GivenUp,
    /// A message came again and changed nothing.
    Duplicate,
    /// A message was handled again, because the inbox had forgotten it.
    HandledAgain,
    /// A former owner was kept from writing.
    ZombieFenced,
    /// An older change reached the cache after a newer one.
    OldChange,
    /// A desk forgot its work, and the sweep found it.
    Swept,
    /// Everything was published again.
    PublishedAgain,
    /// What was authorised after the booking had given it up was voided.
    LateAuthorizationVoided,
    /// Two desks worked on one operation, and the second wrote nothing.
    SettledByAnother,
    /// Redis was emptied while the cache was being filled.
    EmptiedWhileFilled,
    /// A process went on with a saga that another had gone on with meanwhile.
    BackWithOldMemory,
    /// A stay that costs nothing was confirmed, and no provider was asked.
    FreeStay,
    /// A night ended with more rooms sold than there are, by the ten percent.
    Overbooked,
    /// A guest wanted to cancel what was over.
    StayOver,
    /// The stay had begun before its rooms were asked for.
    StayInPast,
    /// A stay was cancelled after the last day on which that was free.
    PenaltyKept,
    /// A hotel could not go below what was taken.
    TotalRefused,
    /// A hotel insisted on going below what was taken.
    TotalForced,
    /// A stay was cancelled when some of its nights had begun.
    CancelledDuringStay,
    /// An operator cancelled a run.
    CancelledByOperator,
    /// A run went back to a step and forward again, to its end.
    BackAndForward,
    /// Rooms were to be held for which nobody waited any more.
    TooLate,
    /// A participant answered a run that was paused.
    ReplyWhilePaused,
    /// A payment was authorised that had been declined or voided in an older round.
    AuthorizedAnew,
    /// A payment was authorised that had been declined in an older round.
    AnewAfterDecline,
    /// An operator spoke to a run that had gone on before it heard.
    VerbLostRace,
    /// A verb came again that was obeyed before.
    VerbAgain,
    /// A run was abandoned that owed something, which was settled.
    AbandonedWithDebts,
    /// Of the rooms of a cancelled stay some had been slept in, and others not.
    LinesPartKept,
}

/// Names in the order of [`Sight`].
pub const NAMES: [&str; 40] = [
    "confirmed",
    "sold out",
    "three-way race for the last room",
    "cancelled",
    "cancelled during the booking",
    "hold expired during the booking",
    "hold after its release",
    "payment declined",
    "capture refused",
    "unknown outcome resolved",
    "request late at the provider",
    "step given up",
    "duplicate ignored",
    "handled again",
    "zombie fenced",
    "old change after a newer one",
    "forgotten work swept",
    "everything published again",
    "late authorisation voided",
    "settled by another desk",
    "Redis emptied while filled",
    "back with an old memory",
    "free stay confirmed",
    "more sold than there is",
    "cancelled after the stay",
    "stay in the past",
    "cancelled after the last free day",
    "total below taken refused",
    "total below taken forced",
    "cancelled during the stay",
    "cancelled by an operator",
    "back and forward again",
    "too late for its participant",
    "reply while paused",
    "authorised anew",
    "authorised anew after a decline",
    "verb that lost the race",
    "verb heard again",
    "abandoned with debts",
    "rooms kept and rooms given back",
];

/// How often each was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(pub [u64; NAMES.len()]);

impl Default for Seen {
    fn default() -> Self {
        Self([0; NAMES.len()])
    }
}

impl Seen {
    /// It was seen once more.
    pub const fn note(&mut self, sight: Sight) {
        self.0[sight as usize] += 1;
    }

    /// Adds what another run saw.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// What was never seen.
    pub fn missing(&self) -> Vec<&'static str> {
        let never = self.0.iter().zip(NAMES).filter(|(count, _)| **count == 0);
        never.map(|(_, name)| name).collect()
    }
}
