//! Talking with a provider about one call: what to say next, and what its answer means. Pure.

use contract::{HotelId, PaymentId, SagaId};

use super::{Call, Effect, Ending, ONCE, Payment, Refused};

/// What tells two calls of one kind about a payment apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    /// The saga that asks for a refund; of everything else, which happens once a round, nil.
    pub cause: SagaId,
    /// The round of the operation.
    pub round: u32,
}

/// What a provider says, or does not say, about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Succeeded {
        /// The provider's id of the authorisation that it made or is about.
        authorization_id: Option<String>,
    },
    /// It is not done and never will be under this key.
    Declined,
    /// The provider has it and does not know the outcome yet.
    Processing,
    /// The provider has never seen the key.
    NeverSeen,
    /// No answer, or none that can be trusted: it may be done or not.
    Unknown(String),
}

/// What is said to a provider about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Asks what became of it, because it may have been made before.
    AskFirst,
    /// Makes it, under its key.
    Submit,
    /// Asks what became of it, because making it was not answered.
    AskAfter,
}

impl Say {
    /// The first thing to say: nothing is made that may have been made before.
    pub const fn first(ask_first: bool) -> Self {
        if ask_first { Self::AskFirst } else { Self::Submit }
    }

    /// What to say after this answer; none when the answer stands.
    pub const fn next(self, answer: &Answer) -> Option<Self> {
        match (self, answer) {
            (Self::AskFirst, Answer::NeverSeen) => Some(Self::Submit),
            (Self::Submit, Answer::Unknown(_) | Answer::NeverSeen) => Some(Self::AskAfter),
            _ => None,
        }
    }
}

impl Call {
    /// What a definite answer means; none when the provider refuses what cannot be refused, which is
    /// asked again until a person has looked at it.
    pub fn conclude(&self, done: bool, authorization_id: Option<String>) -> Option<(Ending, Effect)> {
        let effect = match (self, done) {
            (Self::Authorize { .. }, true) => Effect::Authorized {
                authorization_id: Some(authorization_id?),
            },
            (Self::Capture { .. }, true) => Effect::Captured,
            (Self::Void { .. }, true) => Effect::Voided,
            (Self::Refund { amount, all, .. }, true) => Effect::Refunded {
                amount: *amount,
                all: *all,
            },
            (Self::Authorize { .. }, false) => {
                return Some((
                    Ending::Refused(Refused::PaymentDeclined),
                    Effect::AuthorizationDeclined,
                ));
            }
            (Self::Capture { .. }, false) => {
                return Some((Ending::Refused(Refused::CaptureDeclined), Effect::CaptureDeclined));
            }
            (Self::Void { .. } | Self::Refund { .. }, false) => return None,
        };
        Some((Ending::Done, effect))
    }

    /// The key under which the provider knows the call: the same for every repeat, in every process. From the second
    /// round on it names the round, so that the provider decides anew.
    pub fn key(&self, payment: &Payment, Asks { cause, round }: Asks) -> String {
        let (hotel_id, payment_id) = (payment.hotel_id, payment.payment_id);
        let key = match self {
            Self::Authorize { .. } => format!("{hotel_id}.{payment_id}.authorize"),
            Self::Capture { .. } => format!("{hotel_id}.{payment_id}.capture"),
            Self::Void { .. } => format!("{hotel_id}.{payment_id}.void"),
            Self::Refund { all: true, .. } => format!("{hotel_id}.{payment_id}.void_refund"),
            Self::Refund { all: false, .. } => format!("{hotel_id}.{payment_id}.refund.{cause}"),
        };
        if round > ONCE {
            format!("{key}.round_{round}")
        } else {
            key
        }
    }

    /// A name for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Authorize { .. } => "authorize",
            Self::Capture { .. } => "capture",
            Self::Void { .. } => "void",
            Self::Refund { .. } => "refund",
        }
    }

    /// What the answer that stands means.
    ///
    /// # Errors
    /// Why the outcome is not known yet; the operation comes up again.
    pub fn judge(&self, answer: Answer) -> Result<(Ending, Effect), String> {
        match answer {
            Answer::Succeeded { authorization_id } => self
                .conclude(true, authorization_id)
                .ok_or_else(|| "the provider named no authorisation".to_owned()),
            Answer::Declined => self
                .conclude(false, None)
                .ok_or_else(|| format!("the provider declined a {}", self.name())),
            Answer::Processing => Err("the provider is still processing".to_owned()),
            Answer::NeverSeen => Err("the provider has not seen it yet".to_owned()),
            Answer::Unknown(why) => Err(why),
        }
    }
}

/// The payment that a key of [`Call::key`] is about.
pub fn payment_of_key(key: &str) -> Option<(HotelId, PaymentId)> {
    let mut pieces = key.split('.');
    Some((pieces.next()?.parse().ok()?, pieces.next()?.parse().ok()?))
}
