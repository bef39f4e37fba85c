//! The payment service's tables and its desk: intents are recorded with the command, the provider is called between
//! transactions, outcomes are written with the reply. What to do, what an answer means and what a payment becomes is
//! [`payment::model`]; that operations of one payment follow each other, once each, is the table's key and order.

use std::collections::{BTreeMap, BTreeSet};

use contract::command::PaymentCommand;
use contract::{CommandEnvelope, HotelId, Money as Amount, Outcome, PaymentId, Reply, SagaId};
use payment::model::{Asked, Begins, Call, Effect, Ending, Kind, Now, Payment, Plan, State, plan};

/// Names a payment.
pub type Key = PaymentId;

/// What was asked of a payment.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Operations are settled in this order.
    pub no: u64,
    kind: Kind,
    cause: Option<SagaId>,
    asked: Option<Amount>,
    reply: Reply,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// A call that the desk is about to make.
#[derive(Debug, Clone)]
pub struct Job {
    /// The payment.
    pub payment: Key,
    /// The operation.
    pub no: u64,
    /// Whether it may have been made before.
    pub ask_first: bool,
}

/// Rows of `payment.payment`, `payment.operation` and `payment.movement`, and the desk's memory.
#[derive(Debug, Default)]
pub struct Money {
    /// Payments.
    pub payments: BTreeMap<Key, Payment>,
    /// Operations of each payment, in order.
    pub operations: BTreeMap<Key, Vec<Operation>>,
    /// Sums of what was booked: captures and refunds.
    pub booked: BTreeMap<Key, (i64, i64)>,
    /// What the desk works on; lost with it.
    pub desk: Vec<Job>,
    next_no: u64,
}

impl Money {
    /// One command in its transaction. Answers the replies that can be given at once.
    ///
    /// # Errors
    /// When an effect cannot follow on what the payment is.
    pub fn take(&mut self, envelope: &CommandEnvelope<PaymentCommand>) -> Result<Vec<Reply>, String> {
        let asked = Asked::of(envelope.saga_id, &envelope.command);
        let (hotel_id, key) = asked.payment;
        self.open(&envelope.command, hotel_id, key);
        let reply = Reply::to(envelope, Outcome::Done);
        let Some(payment) = self.payments.get(&key) else {
            return Ok(vec![answer(reply, asked.of_nothing())]);
        };
        let amount = |minor| Amount::from_minor(minor, payment.terms.as_ref()?.amount.currency()).ok();
        let minor = asked.minor.and_then(amount);
        let operations = self.operations.entry(key).or_default();
        let is_first = operations.iter().all(|earlier| earlier.ending.is_some());
        let (kind, cause) = (asked.kind, asked.cause);
        let known = operations
            .iter_mut()
            .find(|known| known.kind == kind && known.cause == cause);
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
            asked: minor,
            reply,
            ending: None,
        });
        if Now::of(None, true, is_first) != Now::Work {
            return Ok(Vec::new());
        }
        match self.plan(key, no) {
            Some(Plan::Settled(ending, effect)) => self.settle(key, no, ending, &effect),
            Some(Plan::Call(_)) => {
                self.desk.push(Job {
                    payment: key,
                    no,
                    ask_first: false,
                });
                Ok(Vec::new())
            }
            None => Ok(Vec::new()),
        }
    }

    fn open(&mut self, command: &PaymentCommand, hotel_id: HotelId, key: Key) {
        let Some(Begins { terms, .. }) = Begins::of(command) else {
            return;
        };
        self.payments.entry(key).or_insert_with(|| Payment {
            hotel_id,
            payment_id: key,
            state: if terms.is_some() {
                State::New
            } else {
                State::Voided
            },
            terms,
            authorization_id: None,
            captured_minor: 0,
            refunded_minor: 0,
        });
    }

    /// What an operation needs now.
    pub fn plan(&self, key: Key, no: u64) -> Option<Plan> {
        let operation = self.operation(key, no)?;
        Some(plan(self.payments.get(&key)?, operation.kind, operation.asked).plan)
    }

    fn operation(&self, key: Key, no: u64) -> Option<&Operation> {
        self.operations.get(&key)?.iter().find(|known| known.no == no)
    }

    /// The key under which the provider knows a call.
    pub fn key_of(&self, key: Key, no: u64, call: &Call) -> Option<String> {
        let cause = self
            .operation(key, no)?
            .cause
            .unwrap_or(SagaId::from_uuid(uuid::Uuid::nil()));
        Some(call.key(self.payments.get(&key)?, cause))
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
    ) -> Result<Vec<Reply>, String> {
        let operations = self.operations.entry(key).or_default();
        let Some(operation) = operations
            .iter_mut()
            .find(|known| known.no == no && known.ending.is_none())
        else {
            return Ok(Vec::new());
        };
        operation.ending = Some(ending);
        let reply = answer(operation.reply.clone(), ending);
        let payment = self.payments.get_mut(&key).ok_or("an operation has no payment")?;
        let (next, moved) = payment.after(effect).map_err(|error| error.to_string())?;
        *payment = next;
        let booked = self.booked.entry(key).or_default();
        match moved {
            Some(payment::model::Moved::Captured(amount)) => booked.0 += amount.minor(),
            Some(payment::model::Moved::Refunded(amount)) => booked.1 += amount.minor(),
            None => {}
        }
        Ok(vec![reply])
    }

    /// Operations that are due, wait for no earlier one and are not at the desk: the sweep takes them.
    pub fn sweep(&mut self) -> usize {
        let at_desk: BTreeSet<u64> = self.desk.iter().map(|job| job.no).collect();
        let before = self.desk.len();
        for (key, operations) in &self.operations {
            let first = operations.iter().find(|operation| operation.ending.is_none());
            if let Some(first) = first.filter(|first| !at_desk.contains(&first.no)) {
                self.desk.push(Job {
                    payment: *key,
                    no: first.no,
                    ask_first: true,
                });
            }
        }
        self.desk.len() - before
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
