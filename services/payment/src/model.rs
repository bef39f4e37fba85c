//! A payment's rules. Pure: a payment and what is asked of it go in; what to do about it comes out.
//!
//! [`plan`] says whether the provider must be called, [`Call::conclude`] what its answer means, and
//! [`Payment::after`] what the payment has become and which money has moved.
//!
//! What is asked carries the round of its run. What an older round asks and has not been asked before changes nothing; a
//! newer one authorises again what was declined or voided, under a key of its own, and adopts what stands. A void forbids
//! every authorisation of its round and of those before. Money is taken once, whatever the round.

mod asked;
mod talk;

use contract::{HotelId, Money, PaymentId, ReservationId};

pub use asked::{Asked, Begins, Now, ONCE};
pub use talk::{Answer, Asks, Say, payment_of_key};

/// What can be asked of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentState)]
pub enum State {
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
pub enum Refused {
    /// The provider declined the authorisation.
    PaymentDeclined,
    /// The payment was voided before.
    PaymentVoided,
    /// The provider declined the capture, or there is nothing that could be captured.
    CaptureDeclined,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Done,
    /// It is not done and will not be.
    Refused(Refused),
}

/// What was agreed when the payment was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What is paid for.
    pub reservation_id: ReservationId,
    /// The amount.
    pub amount: Money,
    /// The provider's token for the payment method.
    pub payment_method: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Whose money it is.
    pub hotel_id: HotelId,
    /// Names it.
    pub payment_id: PaymentId,
    /// Where it stands.
    pub state: State,
    /// The newest round of the run that pays which has decided or adopted it, from 1.
    pub round: u32,
    /// None for a payment that was voided before it was ever authorised.
    pub terms: Option<Terms>,
    /// The provider's id of the authorisation; none when the amount is zero.
    pub authorization_id: Option<String>,
    /// Taken so far, in minor units.
    pub captured_minor: i64,
    /// Given back so far, in minor units.
    pub refunded_minor: i64,
}

/// A call to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Reserve an amount.
    Authorize {
        /// The amount.
        amount: Money,
        /// The provider's token for the payment method.
        payment_method: String,
        /// What is paid for.
        reference: ReservationId,
    },
    /// Take what is reserved.
    Capture {
        /// The provider's id of the authorisation.
        authorization_id: String,
        /// The amount.
        amount: Money,
    },
    /// Give the reservation up.
    Void {
        /// The provider's id of the authorisation.
        authorization_id: String,
    },
    /// Give money back; `all` when the payment is being voided.
    Refund {
        /// The provider's id of the authorisation.
        authorization_id: String,
        /// The amount.
        amount: Money,
        /// Whether the payment is being voided.
        all: bool,
    },
}

/// What has happened to the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The money is where it was.
    Nothing,
    /// The amount is reserved.
    Authorized {
        /// The provider's id of the authorisation; none for nothing to pay.
        authorization_id: Option<String>,
    },
    /// Nothing is reserved.
    AuthorizationDeclined,
    /// The amount was taken.
    Captured,
    /// The amount was not taken.
    CaptureDeclined,
    /// Nothing is taken and nothing will be.
    Voided,
    /// Money was given back.
    Refunded {
        /// The amount.
        amount: Money,
        /// Whether the payment is being voided.
        all: bool,
    },
}

/// What to do about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing has to be asked of the provider.
    Settled(Ending, Effect),
    /// The provider must be asked.
    Call(Call),
}

/// A plan, and what people should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// What people should look at.
    pub incident: Option<&'static str>,
}

/// Money that moved: positive for a capture, negative for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Taken.
    Captured(Money),
    /// Given back.
    Refunded(Money),
}

/// An effect that cannot follow on what the payment was: our records contradict the provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{effect:?} cannot happen to a payment that is {state:?}")]
pub struct Impossible {
    state: State,
    effect: Effect,
}

/// What an operation of this round needs, when all earlier ones of the payment are settled.
pub fn plan(payment: &Payment, kind: Kind, round: u32, asked: Option<Money>) -> Planned {
    let plan = match kind {
        Kind::Refund => return refund(payment, asked),
        _ if round < payment.round => of_an_older_round(kind),
        Kind::Authorize => authorize(payment, round),
        Kind::Capture => capture(payment),
        Kind::Void => void(payment),
    };
    Planned { plan, incident: None }
}

/// The run has gone on: nobody waits for it, and what stands is not its own.
const fn of_an_older_round(kind: Kind) -> Plan {
    match kind {
        Kind::Authorize => refused(Refused::PaymentVoided),
        Kind::Capture => refused(Refused::CaptureDeclined),
        Kind::Void | Kind::Refund => done(Effect::Nothing),
    }
}

const fn done(effect: Effect) -> Plan {
    Plan::Settled(Ending::Done, effect)
}

const fn refused(why: Refused) -> Plan {
    Plan::Settled(Ending::Refused(why), Effect::Nothing)
}

fn authorize(payment: &Payment, round: u32) -> Plan {
    let terms = payment
        .terms
        .as_ref()
        .filter(|_| payment.may_be_authorized(round));
    match (payment.state, terms) {
        (_, Some(terms)) if terms.amount.minor() == 0 => done(Effect::Authorized {
            authorization_id: None,
        }),
        (_, Some(terms)) => Plan::Call(Call::Authorize {
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

impl Payment {
    /// Captured and not given back.
    pub fn left(&self) -> Option<Money> {
        let currency = self.terms.as_ref()?.amount.currency();
        Money::from_minor(self.captured_minor - self.refunded_minor, currency).ok()
    }

    /// Whether an authorisation of this round may begin: it is the first, or a newer one after what was declined or
    /// voided. Whoever has paid once does not pay again.
    fn may_be_authorized(&self, round: u32) -> bool {
        match self.state {
            State::New => true,
            State::Declined | State::Voided => round > self.round && self.captured_minor == 0,
            State::Authorized | State::Captured | State::CaptureDeclined | State::Refunded => false,
        }
    }

    /// What the payment is after an effect of an operation of this round, and the money that moved.
    ///
    /// # Errors
    /// [`Impossible`] when the effect cannot follow.
    pub fn after(&self, effect: &Effect, round: u32) -> Result<(Self, Option<Moved>), Impossible> {
        let mut next = self.clone();
        next.round = self.round.max(round);
        let impossible = || Impossible {
            state: self.state,
            effect: effect.clone(),
        };
        let moved = match (effect, self.state) {
            (Effect::Nothing, _) => None,
            (Effect::Authorized { authorization_id }, _) if self.may_be_authorized(round) => {
                next.state = State::Authorized;
                next.authorization_id.clone_from(authorization_id);
                None
            }
            (Effect::AuthorizationDeclined, _) if self.may_be_authorized(round) => {
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
