//! A payment's rules. Pure: a payment and what is asked of it go in; what to do about it comes out.
//!
//! [`plan`] says whether the provider must be called, [`Call::conclude`] what its answer means, and
//! [`Payment::after`] what the payment has become and which money has moved.

use contract::{HotelId, Money, PaymentId, ReservationId, SagaId};

/// What can be asked of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Reserve the amount.
    Authorize,
    /// Take it.
    Capture,
    /// Make sure that nothing is or will be taken.
    Void,
    /// Give money back.
    Refund,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its authorisation is not settled.
    New,
    /// The amount is reserved.
    Authorized,
    /// The authorisation was declined.
    Declined,
    /// The amount was taken.
    Captured,
    /// The capture was declined; the amount is still reserved.
    CaptureDeclined,
    /// What was taken was given back.
    Refunded,
    /// Nothing is taken and nothing ever will be.
    Voided,
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The provider declined the authorisation.
    PaymentDeclined,
    /// The payment was voided before.
    PaymentVoided,
    /// The provider declined the capture, or there is nothing that could be captured.
    CaptureDeclined,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is done.
    Done,
    /// It is not done and will not be.
    Refused(Refused),
}

/// What was agreed when the payment was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) reservation_id: ReservationId,
    pub(crate) amount: Money,
    pub(crate) payment_method: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "an id is called the same wherever it is"
)]
pub(crate) struct Payment {
    pub(crate) hotel_id: HotelId,
    pub(crate) payment_id: PaymentId,
    pub(crate) state: State,
    /// None for a payment that was voided before it was ever authorised.
    pub(crate) terms: Option<Terms>,
    /// The provider's id of the authorisation; none when the amount is zero.
    pub(crate) authorization_id: Option<String>,
    pub(crate) captured_minor: i64,
    pub(crate) refunded_minor: i64,
}

/// A call to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// Reserve an amount.
    Authorize {
        amount: Money,
        payment_method: String,
        reference: ReservationId,
    },
    /// Take what is reserved.
    Capture { authorization_id: String, amount: Money },
    /// Give the reservation up.
    Void { authorization_id: String },
    /// Give money back; `all` when the payment is being voided.
    Refund {
        authorization_id: String,
        amount: Money,
        all: bool,
    },
}

/// What has happened to the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Authorized { authorization_id: Option<String> },
    AuthorizationDeclined,
    Captured,
    CaptureDeclined,
    Voided,
    Refunded { amount: Money, all: bool },
}

/// What to do about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing has to be asked of the provider.
    Settled(Ending, Effect),
    /// The provider must be asked.
    Call(Call),
}

/// A plan, and what people should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) incident: Option<&'static str>,
}

/// Money that moved: positive for a capture, negative for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Captured(Money),
    Refunded(Money),
}

/// An effect that cannot follow on what the payment was: our records contradict the provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{effect:?} cannot happen to a payment that is {state:?}")]
pub(crate) struct Impossible {
    state: State,
    effect: Effect,
}

/// What an operation needs, when all earlier ones of the payment are settled.
pub(crate) fn plan(payment: &Payment, kind: Kind, asked: Option<Money>) -> Planned {
    let plan = match kind {
        Kind::Authorize => authorize(payment),
        Kind::Capture => capture(payment),
        Kind::Void => void(payment),
        Kind::Refund => return refund(payment, asked),
    };
    Planned { plan, incident: None }
}

const fn done(effect: Effect) -> Plan {
    Plan::Settled(Ending::Done, effect)
}

const fn refused(why: Refused) -> Plan {
    Plan::Settled(Ending::Refused(why), Effect::Nothing)
}

fn authorize(payment: &Payment) -> Plan {
    match (payment.state, &payment.terms) {
        (State::New, Some(terms)) if terms.amount.minor() == 0 => done(Effect::Authorized {
            authorization_id: None,
        }),
        (State::New, Some(terms)) => Plan::Call(Call::Authorize {
            amount: terms.amount,
            payment_method: terms.payment_method.clone(),
            reference: terms.reservation_id,
        }),
        (State::Declined, _) => refused(Refused::PaymentDeclined),
        (State::Voided, _) | (State::New, None) => refused(Refused::PaymentVoided),
        (State::Authorized | State::Captured | State::CaptureDeclined | State::Refunded, _) => {
            done(Effect::Nothing)
        }
    }
}

fn capture(payment: &Payment) -> Plan {
    match (payment.state, &payment.terms, &payment.authorization_id) {
        (State::Authorized, Some(terms), Some(id)) => Plan::Call(Call::Capture {
            authorization_id: id.clone(),
            amount: terms.amount,
        }),
        (State::Authorized, _, _) => done(Effect::Captured),
        (State::Captured | State::Refunded, _, _) => done(Effect::Nothing),
        (State::New | State::Declined | State::CaptureDeclined | State::Voided, _, _) => {
            refused(Refused::CaptureDeclined)
        }
    }
}

fn void(payment: &Payment) -> Plan {
    match (payment.state, &payment.authorization_id) {
        (State::Authorized | State::CaptureDeclined, Some(id)) => Plan::Call(Call::Void {
            authorization_id: id.clone(),
        }),
        (State::Captured, Some(id)) => match payment.left() {
            Some(amount) if amount.minor() > 0 => Plan::Call(Call::Refund {
                authorization_id: id.clone(),
                amount,
                all: true,
            }),
            _ => done(Effect::Voided),
        },
        (State::New | State::Authorized | State::CaptureDeclined | State::Captured, _) => {
            done(Effect::Voided)
        }
        (State::Declined | State::Refunded | State::Voided, _) => done(Effect::Nothing),
    }
}

/// Never more than is left: what cannot be given back is an incident and no refusal, because a
/// cancellation must end.
fn refund(payment: &Payment, asked: Option<Money>) -> Planned {
    let nothing = |incident| Planned {
        plan: done(Effect::Nothing),
        incident,
    };
    let Some(asked) = asked.filter(|asked| asked.minor() > 0) else {
        return nothing(None);
    };
    let (Some(id), Some(left)) = (&payment.authorization_id, payment.left()) else {
        return nothing(Some("refund_of_nothing"));
    };
    let Ok(amount) = asked.least(left) else {
        return nothing(Some("refund_in_another_currency"));
    };
    if amount.minor() == 0 {
        return nothing(Some("refund_of_nothing"));
    }
    Planned {
        plan: Plan::Call(Call::Refund {
            authorization_id: id.clone(),
            amount,
            all: false,
        }),
        incident: (amount != asked).then_some("refund_exceeds_capture"),
    }
}

impl Call {
    /// What a definite answer means; none when the provider refuses what cannot be refused, which is
    /// asked again until a person has looked at it.
    pub(crate) fn conclude(&self, done: bool, authorization_id: Option<String>) -> Option<(Ending, Effect)> {
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

    /// The key under which the provider knows the call: the same for every repeat, in every process.
    pub(crate) fn key(&self, payment: &Payment, cause: SagaId) -> String {
        let (hotel_id, payment_id) = (payment.hotel_id, payment.payment_id);
        match self {
            Self::Authorize { .. } => format!("{hotel_id}.{payment_id}.authorize"),
            Self::Capture { .. } => format!("{hotel_id}.{payment_id}.capture"),
            Self::Void { .. } => format!("{hotel_id}.{payment_id}.void"),
            Self::Refund { all: true, .. } => format!("{hotel_id}.{payment_id}.void_refund"),
            Self::Refund { all: false, .. } => format!("{hotel_id}.{payment_id}.refund.{cause}"),
        }
    }

    /// A name for metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Authorize { .. } => "authorize",
            Self::Capture { .. } => "capture",
            Self::Void { .. } => "void",
            Self::Refund { .. } => "refund",
        }
    }
}

/// The payment that a key of [`Call::key`] is about.
pub(crate) fn payment_of_key(key: &str) -> Option<(HotelId, PaymentId)> {
    let mut pieces = key.split('.');
    Some((pieces.next()?.parse().ok()?, pieces.next()?.parse().ok()?))
}

impl Payment {
    /// Captured and not given back.
    pub(crate) fn left(&self) -> Option<Money> {
        let currency = self.terms.as_ref()?.amount.currency();
        Money::from_minor(self.captured_minor - self.refunded_minor, currency).ok()
    }

    /// What the payment is after an effect, and the money that moved.
    ///
    /// # Errors
    /// [`Impossible`] when the effect cannot follow.
    pub(crate) fn after(&self, effect: &Effect) -> Result<(Self, Option<Moved>), Impossible> {
        let mut next = self.clone();
        let impossible = || Impossible {
            state: self.state,
            effect: effect.clone(),
        };
        let moved = match (effect, self.state) {
            (Effect::Nothing, _) => None,
            (Effect::Authorized { authorization_id }, State::New) => {
                next.state = State::Authorized;
                next.authorization_id.clone_from(authorization_id);
                None
            }
            (Effect::AuthorizationDeclined, State::New) => {
                next.state = State::Declined;
                None
            }
            (Effect::CaptureDeclined, State::Authorized) => {
                next.state = State::CaptureDeclined;
                None
            }
            (Effect::Captured, State::Authorized) => {
                let amount = self.terms.as_ref().ok_or_else(impossible)?.amount;
                next.state = State::Captured;
                next.captured_minor = amount.minor();
                (amount.minor() > 0).then_some(Moved::Captured(amount))
            }
            (Effect::Voided, state)
                if state != State::Declined && self.captured_minor == self.refunded_minor =>
            {
                next.state = State::Voided;
                None
            }
            (Effect::Refunded { amount, all }, State::Captured) => {
                let left = self
                    .left()
                    .and_then(|left| left.minus(*amount).ok())
                    .ok_or_else(impossible)?;
                next.refunded_minor += amount.minor();
                next.state = match (*all, left.minor()) {
                    (true, _) => State::Voided,
                    (false, 0) => State::Refunded,
                    (false, _) => State::Captured,
                };
                Some(Moved::Refunded(*amount))
            }
            _ => return Err(impossible()),
        };
        Ok((next, moved))
    }
}
