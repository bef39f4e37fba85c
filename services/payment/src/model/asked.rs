//! What a command asks of a payment, and what happens to an operation once it is recorded. Pure.

use chrono::{DateTime, Utc};
use contract::command::PaymentCommand;
use contract::{CommandEnvelope, HotelId, PaymentId, SagaId};

use super::{Ending, Kind, Refused, Terms};

/// The round of what is the same in every round of its run: money that was given back once is not given back again.
pub const ONCE: u32 = 1;

/// What a command asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Of which payment.
    pub payment: (HotelId, PaymentId),
    /// What.
    pub kind: Kind,
    /// The saga for a void or a refund, none for what happens once to a payment.
    pub cause: Option<SagaId>,
    /// The round of the run that asks, from 1; [`ONCE`] for what counts in all of them.
    pub round: u32,
    /// How much, where the command says so.
    pub minor: Option<i64>,
}

/// The payment that a command begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begins {
    /// Which payment.
    pub payment: (HotelId, PaymentId),
    /// The round of the run that begins it.
    pub round: u32,
    /// Its terms; none for the tombstone that forbids it.
    pub terms: Option<Terms>,
}

/// What to do about an operation that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// It ended earlier; answer so.
    Answer(Ending),
    /// It is at work already, or waits for an earlier one.
    Leave,
    /// Work on it.
    Work,
}

impl Kind {
    /// Whether an operation of this kind names the saga that asks: a payment is authorised and captured
    /// once, but each cancellation gives back its own amount.
    pub const fn cause(self, saga_id: SagaId) -> Option<SagaId> {
        match self {
            Self::Authorize | Self::Capture => None,
            Self::Void | Self::Refund => Some(saga_id),
        }
    }

    /// The round of an operation of this kind that a run asks for in this one.
    pub const fn round(self, of_run: u32) -> u32 {
        match self {
            Self::Authorize | Self::Capture | Self::Void => of_run,
            Self::Refund => ONCE,
        }
    }
}

impl Asked {
    /// What this command asks.
    pub const fn of(envelope: &CommandEnvelope<PaymentCommand>) -> Self {
        let command = &envelope.command;
        let (kind, hotel_id, payment_id, minor) = match command {
            PaymentCommand::Authorize {
                hotel_id, payment_id, ..
            } => (Kind::Authorize, hotel_id, payment_id, None),
            PaymentCommand::Capture { hotel_id, payment_id } => (Kind::Capture, hotel_id, payment_id, None),
            PaymentCommand::Void { hotel_id, payment_id } => (Kind::Void, hotel_id, payment_id, None),
            PaymentCommand::Refund {
                hotel_id,
                payment_id,
                amount,
            } => (Kind::Refund, hotel_id, payment_id, Some(amount.minor())),
        };
        Self {
            payment: (*hotel_id, *payment_id),
            kind,
            cause: kind.cause(envelope.saga_id),
            round: kind.round(envelope.round),
            minor,
        }
    }

    /// Whether it is not begun, because nobody waits for its answer any more: an authorisation that was not asked for before.
    /// For whatever else is asked somebody always waits.
    pub fn is_too_late(&self, deadline: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        self.kind == Kind::Authorize && deadline.is_some_and(|deadline| deadline < now)
    }

    /// The answer when there is no such payment: a capture of what was never authorised is refused; there
    /// is nothing to give back of it either.
    pub fn of_nothing(&self) -> Ending {
        if self.kind == Kind::Capture {
            Ending::Refused(Refused::CaptureDeclined)
        } else {
            Ending::Done
        }
    }
}

impl Begins {
    /// The payment that a command begins: an authorisation's, or for a void the tombstone that forbids it.
    pub fn of(envelope: &CommandEnvelope<PaymentCommand>) -> Option<Self> {
        let round = envelope.round;
        match &envelope.command {
            PaymentCommand::Authorize {
                hotel_id,
                payment_id,
                reservation_id,
                amount,
                payment_method,
            } => {
                let terms = Terms {
                    reservation_id: *reservation_id,
                    amount: *amount,
                    payment_method: payment_method.clone(),
                };
                Some(Self {
                    payment: (*hotel_id, *payment_id),
                    round,
                    terms: Some(terms),
                })
            }
            PaymentCommand::Void { hotel_id, payment_id } => Some(Self {
                payment: (*hotel_id, *payment_id),
                round,
                terms: None,
            }),
            PaymentCommand::Capture { .. } | PaymentCommand::Refund { .. } => None,
        }
    }
}

impl Now {
    /// Of an operation with this ending, that had not been asked for before or had, and that is the first
    /// of its payment that is due or is not.
    pub fn of(ending: Option<Ending>, is_new: bool, is_first: bool) -> Self {
        match ending {
            Some(ending) => Self::Answer(ending),
            None if is_new && is_first => Self::Work,
            None => Self::Leave,
        }
    }
}
