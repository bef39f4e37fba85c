//! The provider's book: authorisations, what became of them, and every operation by its key.
//!
//! Pure: a request and the time go in, an [`Operation`] comes out; recording it changes the book. The
//! book after a restart is the same operations recorded again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use chrono::{DateTime, Utc};
use contract::{Currency, Money};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::method::{Effect, Method};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// Done.
    Succeeded,
    /// Not done, and never will be under this key.
    Declined,
}

/// One operation, as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) ending: Ending,
    pub(crate) reason: Option<String>,
    pub(crate) authorization_id: String,
    pub(crate) reference: String,
    pub(crate) amount: Money,
    pub(crate) payment_method: String,
    pub(crate) at: DateTime<Utc>,
    /// Until then the provider says `processing`.
    pub(crate) settles_at: Option<DateTime<Utc>>,
}

/// A request for one operation.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Reserve an amount under a new id.
    Authorize {
        authorization_id: String,
        amount: Money,
        payment_method: String,
        reference: String,
    },
    /// Take what is reserved.
    Capture { authorization_id: String, amount: Money },
    /// Give the reservation up.
    Void { authorization_id: String },
    /// Give money back.
    Refund { authorization_id: String, amount: Money },
}

/// Why a request is no operation at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The key belongs to an operation that was asked for with other words.
    KeyReused,
    /// There is no such authorisation.
    UnknownAuthorization,
}

/// What the references of one currency have paid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) captured: Money,
    pub(crate) refunded: Money,
    pub(crate) captures: u32,
    pub(crate) refunds: u32,
    pub(crate) open_authorizations: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Declined,
    Voided,
    Captured,
}

#[derive(Debug, Clone)]
struct Authorization {
    state: State,
    amount: Money,
    captured: Money,
    refunded: Money,
    payment_method: String,
    reference: String,
}

/// The book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    operations: HashMap<String, Operation>,
    authorizations: HashMap<String, Authorization>,
    totals: BTreeMap<(String, &'static str), Totals>,
}

impl Book {
    /// The operation with this key.
    pub(crate) fn operation(&self, key: &str) -> Option<&Operation> {
        self.operations.get(key)
    }

    /// What a request comes to: the operation that it names already, or a new one that is to be
    /// recorded. Answers whether it is new.
    pub(crate) fn decide(
        &self,
        key: &str,
        request: &Request,
        now: DateTime<Utc>,
        processing: chrono::TimeDelta,
    ) -> Result<(Operation, bool), Rejection> {
        if let Some(known) = self.operations.get(key) {
            return if same(known, request) {
                Ok((known.clone(), false))
            } else {
                Err(Rejection::KeyReused)
            };
        }
        let (kind, authorization_id, amount, payment_method, reference, verdict) = match request {
            Request::Authorize {
                authorization_id,
                amount,
                payment_method,
                reference,
            } => {
                let verdict = Method::of(payment_method).authorize();
                (
                    Kind::Authorization,
                    authorization_id,
                    *amount,
                    payment_method,
                    reference,
                    verdict,
                )
            }
            Request::Capture {
                authorization_id,
                amount,
            } => {
                let of = self.authorization(authorization_id)?;
                (
                    Kind::Capture,
                    authorization_id,
                    *amount,
                    &of.payment_method,
                    &of.reference,
                    of.capture(*amount),
                )
            }
            Request::Void { authorization_id } => {
                let of = self.authorization(authorization_id)?;
                (
                    Kind::Void,
                    authorization_id,
                    of.amount,
                    &of.payment_method,
                    &of.reference,
                    of.void(),
                )
            }
            Request::Refund {
                authorization_id,
                amount,
            } => {
                let of = self.authorization(authorization_id)?;
                (
                    Kind::Refund,
                    authorization_id,
                    *amount,
                    &of.payment_method,
                    &of.reference,
                    of.refund(*amount),
                )
            }
        };
        let settles_late = Method::of(payment_method).effect(kind) == Effect::UnknownThenOk;
        let operation = Operation {
            key: key.to_owned(),
            kind,
            ending: if verdict.is_ok() {
                Ending::Succeeded
            } else {
                Ending::Declined
            },
            reason: verdict.err().map(str::to_owned),
            authorization_id: authorization_id.clone(),
            reference: reference.clone(),
            amount,
            payment_method: payment_method.clone(),
            at: now,
            settles_at: settles_late.then(|| now + processing),
        };
        Ok((operation, true))
    }

    /// Records an operation that [`Book::decide`] made, now or before a restart.
    pub(crate) fn record(&mut self, operation: Operation) {
        self.apply(&operation);
        self.operations.insert(operation.key.clone(), operation);
    }

    fn apply(&mut self, operation: &Operation) {
        let done = operation.ending == Ending::Succeeded;
        let currency = operation.amount.currency();
        let totals = self
            .totals
            .entry((operation.reference.clone(), currency.code()))
            .or_insert_with(|| Totals::none(currency));
        if operation.kind == Kind::Authorization {
            let state = if done { State::Open } else { State::Declined };
            totals.open_authorizations += u32::from(done);
            let authorization = Authorization {
                state,
                amount: operation.amount,
                captured: Money::zero(currency),
                refunded: Money::zero(currency),
                payment_method: operation.payment_method.clone(),
                reference: operation.reference.clone(),
            };
            self.authorizations
                .insert(operation.authorization_id.clone(), authorization);
            return;
        }
        let Some(of) = self
            .authorizations
            .get_mut(&operation.authorization_id)
            .filter(|_| done)
        else {
            return;
        };
        let was_open = of.state == State::Open;
        match operation.kind {
            Kind::Capture => {
                of.state = State::Captured;
                of.captured = operation.amount;
                totals.captures += 1;
                totals.captured = totals.captured.plus(operation.amount).unwrap_or(totals.captured);
            }
            Kind::Void if was_open => of.state = State::Voided,
            Kind::Refund => {
                of.refunded = of.refunded.plus(operation.amount).unwrap_or(of.refunded);
                totals.refunds += 1;
                totals.refunded = totals.refunded.plus(operation.amount).unwrap_or(totals.refunded);
            }
            Kind::Void | Kind::Authorization => {}
        }
        if was_open && of.state != State::Open {
            totals.open_authorizations = totals.open_authorizations.saturating_sub(1);
        }
    }

    /// At most `limit` references with what they have paid, after the one that a page ended with.
    pub(crate) fn page(&self, after: Option<&(String, String)>, limit: usize) -> Vec<(&str, Totals)> {
        let from = match after {
            None => Bound::Unbounded,
            Some((reference, _)) => Bound::Included((reference.clone(), "")),
        };
        let seen = |reference: &str, currency: &str| {
            after.is_some_and(|(r, c)| (reference, currency) <= (r.as_str(), c.as_str()))
        };
        self.totals
            .range((from, Bound::Unbounded))
            .filter(|((reference, currency), _)| !seen(reference, currency))
            .take(limit)
            .map(|((reference, _), totals)| (reference.as_str(), *totals))
            .collect()
    }

    fn authorization(&self, id: &str) -> Result<&Authorization, Rejection> {
        self.authorizations.get(id).ok_or(Rejection::UnknownAuthorization)
    }
}

impl Authorization {
    fn capture(&self, amount: Money) -> Result<(), &'static str> {
        match self.state {
            State::Open => {}
            State::Captured => return Err("already_captured"),
            State::Voided => return Err("authorization_voided"),
            State::Declined => return Err("authorization_declined"),
        }
        self.amount.minus(amount).map_err(|_| "exceeds_authorization")?;
        Method::of(&self.payment_method).capture()
    }

    fn void(&self) -> Result<(), &'static str> {
        if self.state == State::Captured {
            Err("already_captured")
        } else {
            Ok(())
        }
    }

    fn refund(&self, amount: Money) -> Result<(), &'static str> {
        let left = self.captured.minus(self.refunded);
        left.and_then(|left| left.minus(amount))
            .map(|_| ())
            .map_err(|_| "exceeds_capture")
    }
}

impl Totals {
    fn none(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            captured: zero,
            refunded: zero,
            captures: 0,
            refunds: 0,
            open_authorizations: 0,
        }
    }

    /// Captured and not given back.
    pub(crate) fn net(&self) -> Money {
        self.captured
            .minus(self.refunded)
            .unwrap_or(Money::zero(self.captured.currency()))
    }
}

/// Whether a request repeats an operation: the same words, under the same key.
fn same(known: &Operation, request: &Request) -> bool {
    match request {
        Request::Authorize {
            amount,
            payment_method,
            reference,
            ..
        } => {
            known.kind == Kind::Authorization
                && known.amount == *amount
                && known.payment_method == *payment_method
                && known.reference == *reference
        }
        Request::Capture {
            authorization_id,
            amount,
        } => {
            known.kind == Kind::Capture
                && known.authorization_id == *authorization_id
                && known.amount == *amount
        }
        Request::Void { authorization_id } => {
            known.kind == Kind::Void && known.authorization_id == *authorization_id
        }
        Request::Refund {
            authorization_id,
            amount,
        } => {
            known.kind == Kind::Refund
                && known.authorization_id == *authorization_id
                && known.amount == *amount
        }
    }
}
