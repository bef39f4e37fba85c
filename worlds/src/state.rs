//! The world at one moment, small enough to be kept by the million, and what can happen to it.

use crate::shelf::Ref;

/// Bookings in the world; the first one's guest may cancel it.
pub const BOOKINGS: usize = 2;
/// The place of the saga that cancels the first booking.
pub const CANCELLATION: usize = BOOKINGS;
/// Sagas in the world.
pub const SAGAS: usize = BOOKINGS + 1;

/// How often things may still go wrong, or be done by people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Left {
    /// Messages that are delivered and come again.
    pub copies: u8,
    /// Commands that are sent again because no answer came in time.
    pub resends: u8,
    /// Payment processes that are killed.
    pub crashes: u8,
    /// Requests to the provider, or its answers, that are lost.
    pub losses: u8,
    /// Cancellations by the first booking's guest.
    pub cancellations: u8,
    /// Runs that an operator cancels.
    pub verbs: u8,
}

/// A message on its way. Any of them may be the next to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mail {
    /// What it says.
    pub body: Ref,
    /// Whether it was handled before, so that its id is in the reader's inbox.
    pub handled: bool,
}

/// The world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The orchestrator's runs: two bookings and the cancellation of the first.
    pub runs: [Option<Ref>; SAGAS],
    /// The inventory's nights and holds.
    pub rooms: Ref,
    /// Of each booking, the payment service's rows and what its desk works on.
    pub payments: [Ref; BOOKINGS],
    /// Of each booking, the provider's books.
    pub providers: [Ref; BOOKINGS],
    /// Of each booking, the reservation service's row and its history.
    pub reservations: [Ref; BOOKINGS],
    /// Messages on their way, sorted.
    pub mail: Vec<Mail>,
    /// What may still go wrong.
    pub left: Left,
    /// A contradiction that a service found.
    pub contradiction: Option<Ref>,
}

impl State {
    /// Puts messages on their way.
    pub fn post(&mut self, bodies: impl IntoIterator<Item = Ref>) {
        self.mail
            .extend(bodies.into_iter().map(|body| Mail { body, handled: false }));
        self.mail.sort_unstable();
    }
}

/// What the network and the provider make of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// Asked and answered.
    Answered,
    /// The request never arrives.
    RequestLost,
    /// The request arrives after its sender has given up waiting.
    RequestLate,
    /// It is done, and the answer is lost.
    AnswerLost,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A message is handled; where it is kept it comes again, as after a crash behind the commit.
    Deliver {
        /// Which.
        mail: Mail,
        /// Whether it comes again.
        keep: bool,
    },
    /// A saga has waited long enough to send its command again.
    Resend {
        /// Which saga.
        saga: usize,
    },
    /// A saga has waited long enough to give its step up.
    GiveUp {
        /// Which saga.
        saga: usize,
    },
    /// A payment desk takes the next turn of a job.
    Work {
        /// Of which booking.
        booking: usize,
        /// Which job.
        job: usize,
        /// How the exchange with the provider goes, if there is one.
        exchange: Exchange,
    },
    /// The payment service looks for what no desk works on.
    Sweep {
        /// Of which booking.
        booking: usize,
    },
    /// The payment processes are killed: desks forget what they were working on.
    Crash,
    /// A late request arrives at the provider.
    Arrive {
        /// Of which booking.
        booking: usize,
        /// Which request.
        request: usize,
    },
    /// A hold's time is over.
    Expire,
    /// The first booking's guest cancels.
    Cancel,
    /// An operator cancels a run.
    CancelRun {
        /// Which saga.
        saga: usize,
    },
}
