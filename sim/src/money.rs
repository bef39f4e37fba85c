//! The payment service's tables and its desk: intents are recorded with the command, the provider is called between
//! transactions, outcomes are written with the reply. What to do, what an answer means and what a payment becomes is
//! [`payment::model`]; that operations of one payment follow each other, once each, is the table's key and order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::command::PaymentCommand;
use contract::{CommandEnvelope, Money as Amount, Outcome, PaymentId, Reply, SagaId, Why};
use payment::model::{
    Asked, Asks, Begins, Effect, Ending, Kind, Moved, Now, Payment, Plan, Say, State, plan,
};

use crate::planted;

/// Names a payment.
pub type Key = PaymentId;

/// An account of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// What guests have paid, as a negative amount.
    Guest,
    /// What the hotel is owed.
    Hotel,
}

/// What was asked of a payment.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Operations are settled in this order.
    pub no: u64,
    kind: Kind,
    cause: Option<SagaId>,
    round: u32,
    asked: Option<Amount>,
    reply: Reply,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// An operation that a desk works on, with its payment as it was read.
#[derive(Debug, Clone)]
pub struct Job {
    /// The payment.
    pub payment: Key,
    /// The operation.
    pub no: u64,
    /// What is asked.
    pub kind: Kind,
    /// The saga and the round in the key.
    pub asks: Asks,
    /// How much is asked.
    pub asked: Option<Amount>,
    /// Whether it may have been made before.
    pub ask_first: bool,
    /// The payment as it was when the operation was taken.
    pub read: Payment,
    /// What comes next.
    pub stage: Stage,
}

/// What a desk does next.
#[derive(Debug, Clone)]
pub enum Stage {
    /// It looks what is to be done.
    Read,
    /// It says this to the provider.
    Talk(Say),
    /// It writes the outcome.
    Write(Ending, Effect),
}

/// Rows of `payment.payment`, `payment.operation` and `payment.movement`, and the desk's memory.
#[derive(Debug, Clone, Default)]
pub struct Money {
    /// Payments.
    pub payments: BTreeMap<Key, Payment>,
    /// Operations of each payment, in order.
    pub operations: BTreeMap<Key, Vec<Operation>>,
    /// Entries of the ledger, two for each movement.
    pub ledger: BTreeMap<Key, Vec<(Account, i64)>>,
    /// What the desk works on; lost with it.
    pub desk: Vec<Job>,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
    next_no: u64,
}

impl Money {
    /// One command in its transaction, for which somebody waits until the deadline. Answers the replies that can be given at
    /// once.
    ///
    /// # Errors
    /// When an effect cannot follow on what the payment is.
    pub fn take(
        &mut self,
        envelope: &CommandEnvelope<PaymentCommand>,
        deadline: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reply>, String> {
        let asked = Asked::of(envelope);
        let (_, key) = asked.payment;
        if !self.was_asked(&asked) && asked.is_too_late(deadline, now) {
            return Ok(vec![envelope.reply(Outcome::Refused(Why::TooLate.into()))]);
        }
        self.open(envelope);
        let reply = envelope.reply(Outcome::Done);
        let Some(payment) = self.payments.get(&key) else {
            return Ok(vec![answer(reply, asked.of_nothing())]);
        };
        let amount = |minor| Amount::from_minor(minor, payment.terms.as_ref()?.amount.currency()).ok();
        let minor = asked.minor.and_then(amount);
        let operations = self.operations.entry(key).or_default();
        let is_first =
            planted!(EarlierOperationIgnored) || operations.iter().all(|earlier| earlier.ending.is_some());
        let (kind, cause, round) = (asked.kind, asked.cause, asked.round);
        let known = operations
            .iter_mut()
            .find(|known| (known.kind, known.cause, known.round) == (kind, cause, round));
        if let Some(known) = known {
            known.reply = reply.clone();
            return Ok(match Now::of(known.ending, false, is_first) {
                Now::Answer(ending) => vec![answer(reply, ending)],
                Now::Leave | Now::Work => Vec::new(),
            });
        }
        self.next_no += 1;
        let no = self.next_no;
        operations.push(Operation {
            no,
            kind,
            cause,
            round,
            asked: minor,
            reply,
            ending: None,
        });
        if Now::of(None, true, is_first) != Now::Work {
            return Ok(Vec::new());
        }
        let job = self.job(key, no, false);
        let Some(job) = job else { return Ok(Vec::new()) };
        match plan(&job.read, job.kind, job.asks.round, job.asked).plan {
            Plan::Settled(ending, effect) => {
                let reply = self.settle(key, no, ending, &effect)?;
                Ok(reply.into_iter().collect())
            }
            Plan::Call(_) => {
                self.desk.push(job);
                Ok(Vec::new())
            }
        }
    }

    fn was_asked(&self, asked: &Asked) -> bool {
        let mut known = self.operations.get(&asked.payment.1).into_iter().flatten();
        let wanted = (asked.kind, asked.cause, asked.round);
        known.any(|known| (known.kind, known.cause, known.round) == wanted)
    }

    fn open(&mut self, envelope: &CommandEnvelope<PaymentCommand>) {
        let Some(Begins {
            payment: (hotel_id, key),
            round,
            terms,
        }) = Begins::of(envelope)
        else {
            return;
        };
        self.writes += 1;
        if let Some(known) = self.payments.get_mut(&key) {
            // What was voided before it was ever authorised begins after all in a newer round.
            if known.terms.is_none() && round > known.round {
                known.terms = terms;
            }
            return;
        }
        let payment = Payment {
            hotel_id,
            payment_id: key,
            state: if terms.is_some() {
                State::New
            } else {
                State::Voided
            },
            round,
            terms,
            authorization_id: None,
            captured_minor: 0,
            refunded_minor: 0,
        };
        self.payments.insert(key, payment);
    }

    fn job(&self, key: Key, no: u64, ask_first: bool) -> Option<Job> {
        let operation = self.operations.get(&key)?.iter().find(|known| known.no == no)?;
        Some(Job {
            payment: key,
            no,
            kind: operation.kind,
            asks: Asks {
                cause: operation.cause.unwrap_or(SagaId::from_uuid(uuid::Uuid::nil())),
                round: operation.round,
            },
            asked: operation.asked,
            ask_first,
            read: self.payments.get(&key)?.clone(),
            stage: Stage::Read,
        })
    }

    /// Writes an outcome in its transaction; one that is settled already stays as it is. Answers the replies.
    ///
    /// # Errors
    /// When the effect cannot follow on what the payment is.
    pub fn settle(
        &mut self,
        key: Key,
        no: u64,
        ending: Ending,
        effect: &Effect,
    ) -> Result<Option<Reply>, String> {
        let operations = self.operations.entry(key).or_default();
        let open =
            |known: &&mut Operation| known.no == no && (known.ending.is_none() || planted!(SettledTwice));
        let Some(operation) = operations.iter_mut().find(open) else {
            return Ok(None);
        };
        operation.ending = Some(ending);
        let reply = answer(operation.reply.clone(), ending);
        let round = operation.round;
        self.writes += 1;
        let payment = self.payments.get_mut(&key).ok_or("an operation has no payment")?;
        let (next, moved) = payment.after(effect, round).map_err(|error| error.to_string())?;
        *payment = next;
        let ledger = self.ledger.entry(key).or_default();
        // Debit and credit: what the guest pays is what the hotel is owed.
        match moved {
            Some(Moved::Captured(amount)) => ledger.extend([
                (Account::Guest, -amount.minor()),
                (Account::Hotel, amount.minor()),
            ]),
            Some(Moved::Refunded(amount)) => ledger.extend([
                (Account::Guest, amount.minor()),
                (Account::Hotel, -amount.minor()),
            ]),
            None => {}
        }
        Ok(Some(reply))
    }

    /// Operations that are due and wait for no earlier one: the sweep takes those that no desk has, and where
    /// leases are over the others as well. Answers how many.
    pub fn sweep(&mut self, leases_are_over: bool) -> usize {
        let mut taken = Vec::new();
        for (key, operations) in &self.operations {
            let due = operations.iter().filter(|operation| operation.ending.is_none());
            let first = if planted!(EarlierOperationIgnored) {
                usize::MAX
            } else {
                1
            };
            let free = |no| leases_are_over || self.desk.iter().all(|job| job.no != no);
            taken.extend(
                due.take(first)
                    .filter(|first| free(first.no))
                    .filter_map(|first| self.job(*key, first.no, true)),
            );
        }
        let count = taken.len();
        self.desk.extend(taken);
        count
    }

    /// How many payments were authorised after they had been declined in an older round.
    pub fn authorized_after_a_decline(&self) -> usize {
        let is_so = |operations: &&Vec<Operation>| {
            let authorized = operations.iter().filter(|known| known.kind == Kind::Authorize);
            let is_refused = |known: &Operation| matches!(known.ending, Some(Ending::Refused(_)));
            let declined = authorized.clone().find(|known| is_refused(known));
            let mut done = authorized.filter(|known| known.ending == Some(Ending::Done));
            declined.is_some_and(|declined| done.any(|known| known.round > declined.round))
        };
        self.operations.values().filter(is_so).count()
    }

    /// Whether anything is due.
    pub fn is_due(&self) -> bool {
        self.operations
            .values()
            .flatten()
            .any(|operation| operation.ending.is_none())
    }
}

fn answer(reply: Reply, ending: Ending) -> Reply {
    Reply {
        outcome: ending.outcome(),
        ..reply
    }
}
