//! What a command asks of a payment, and what happens to an operation once it is recorded. Pure.

use contract::command::PaymentCommand;
use contract::{HotelId, PaymentId, SagaId};

use super::{Ending, Kind, Refused, Terms};

/// What a command asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Of which payment.
    pub payment: (HotelId, PaymentId),
    /// What.
    pub kind: Kind,
    /// The saga for a void or a refund, none for what happens once to a payment.
    pub cause: Option<SagaId>,
    /// How much, where the command says so.
    pub minor: Option<i64>,
}

/// The payment that a command begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begins {
    /// Which payment.
    pub payment: (HotelId, PaymentId),
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

impl Asked {
    /// What this command of this saga asks.
    pub const fn of(saga_id: SagaId, command: &PaymentCommand) -> Self {
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
            cause: kind.cause(saga_id),
            minor,
        }
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
    pub fn of(command: &PaymentCommand) -> Option<Self> {
        match command {
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
                    terms: Some(terms),
                })
            }
            PaymentCommand::Void { hotel_id, payment_id } => Some(Self {
                payment: (*hotel_id, *payment_id),
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
