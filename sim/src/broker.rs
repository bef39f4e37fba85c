//! The outboxes, the relay and the broker: order within a key, delivery at least once, nothing committed is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::StartSaga;
use contract::{Command, CommandEnvelope, Reply, SagaId};
use orchestrator::engine::{Sent, Spoken};

use crate::cache::Change;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// The orchestrator.
    Orchestrator,
    /// The inventory service.
    Inventory,
    /// The payment service.
    Payment,
    /// The reservation service.
    Reservation,
    /// The writer of the cache.
    Cache,
}

/// After this nobody waits for what a command asks; none where somebody always does.
pub type Deadline = Option<DateTime<Utc>>;

/// What an operator says to a run, and what was shown before.
#[derive(Debug, Clone)]
pub struct Said {
    /// The run.
    pub saga_id: SagaId,
    /// The version that the operator saw; none where any will do.
    pub seen: Option<u32>,
    /// What was to be sent at once.
    pub commands: Vec<Sent>,
    /// Because of which steps something was to be owed.
    pub owed: Vec<&'static str>,
    /// The verb.
    pub spoken: Spoken,
}

impl Said {
    /// Whether this came of it, which was shown.
    pub fn is_as_shown(&self, sent: &[(SagaId, Sent, Deadline)], debts: &[(&'static str, bool)]) -> bool {
        let owed = debts.iter().map(|(step, _)| *step);
        sent.iter().map(|(_, sent, _)| sent).eq(&self.commands) && owed.eq(self.owed.iter().copied())
    }
}

/// What a message says.
#[derive(Debug, Clone)]
pub enum Body {
    /// Start a saga.
    Start(StartSaga),
    /// A participant answers.
    Reply(Reply),
    /// An operator says what to do with a run.
    Verb(Said),
    /// For the inventory.
    Inventory(CommandEnvelope<InventoryCommand>, Deadline),
    /// For the payment service.
    Payment(CommandEnvelope<PaymentCommand>, Deadline),
    /// For the reservation service.
    Reservation(CommandEnvelope<ReservationCommand>),
    /// A night has changed.
    Change(Change),
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Names it.
    pub id: u64,
    /// What it says; every copy that is published says the same.
    pub body: Rc<Body>,
}

/// Messages of one key keep their order.
pub type Lane = (Reader, u128);

#[derive(Debug, Default)]
struct Log {
    messages: Vec<Message>,
    /// Next to be handled.
    read: usize,
    /// Handled for good.
    committed: usize,
}

/// Outboxes, relay and broker.
#[derive(Debug, Default)]
pub struct Broker {
    next_id: u64,
    /// Everything that was ever committed, in commit order: outboxes keep it.
    outbox: Vec<(Lane, Message)>,
    /// How far the relay has come.
    sent: usize,
    /// Messages that are overtaken by later ones of their key.
    overtaken: Vec<usize>,
    logs: BTreeMap<Lane, Log>,
    /// Messages that somebody may read.
    waiting: BTreeSet<Lane>,
}

impl Broker {
    /// Commits a message into an outbox.
    pub fn commit(&mut self, body: Body) {
        self.next_id += 1;
        let lane = match &body {
            Body::Start(start) => (Reader::Orchestrator, start.saga_id.uuid().as_u128()),
            Body::Reply(reply) => (Reader::Orchestrator, reply.saga_id.uuid().as_u128()),
            Body::Verb(said) => (Reader::Orchestrator, said.saga_id.uuid().as_u128()),
            // Keyed by hotel, and there is one.
            Body::Inventory(..) => (Reader::Inventory, 0),
            Body::Payment(envelope, _) => (Reader::Payment, envelope.saga_id.uuid().as_u128()),
            Body::Reservation(envelope) => (Reader::Reservation, envelope.saga_id.uuid().as_u128()),
            Body::Change(change) => (Reader::Cache, night(change)),
        };
        let id = self.next_id;
        let body = Rc::new(body);
        self.outbox.push((lane, Message { id, body }));
    }

    /// A command as a message.
    pub fn body(saga_id: SagaId, sent: Sent, deadline: Deadline) -> Body {
        let asked = CommandEnvelope {
            saga_id,
            step: sent.step.to_owned(),
            undo: sent.undo,
            round: sent.round,
            attempt: sent.sending,
            command: (),
        };
        match sent.command {
            Command::Inventory(command) => Body::Inventory(asked.with(command), deadline),
            Command::Payment(command) => Body::Payment(asked.with(command), deadline),
            Command::Reservation(command) => Body::Reservation(asked.with(command)),
        }
    }

    /// Whether the relay has something to send.
    pub const fn has_unsent(&self) -> bool {
        self.sent < self.outbox.len()
    }

    /// The relay sends so many messages.
    pub fn relay(&mut self, count: usize) {
        let upto = (self.sent + count).min(self.outbox.len());
        for at in self.sent..upto {
            self.publish(at);
        }
        self.sent = upto;
    }

    /// The relay sends one message, which later ones overtake: what Kafka rules out for a key, until somebody sets
    /// a message aside and brings it back, or changes the number of partitions. Not so a change: a cache that is
    /// being filled again has no version to tell an old change from a new one, and relies on their order.
    pub fn hold_back(&mut self) {
        let next = self.outbox.get(self.sent);
        if next.is_some_and(|((reader, _), _)| *reader != Reader::Cache) {
            self.overtaken.push(self.sent);
            self.sent += 1;
        }
    }

    /// Messages that were overtaken arrive. Answers whether there were any.
    pub fn bring_back(&mut self) -> bool {
        let overtaken = std::mem::take(&mut self.overtaken);
        for at in &overtaken {
            self.publish(*at);
        }
        !overtaken.is_empty()
    }

    /// The relay was killed before it could say how far it had come, and sends the last ones again.
    pub fn repeat(&mut self, count: usize) {
        for at in self.sent.saturating_sub(count)..self.sent {
            self.publish(at);
        }
    }

    /// What the relay had read was lost with it, and it goes on after it: what a relay must never do.
    pub fn lose_unsent(&mut self) {
        self.sent = self.outbox.len();
    }

    /// The slot or the broker's log is lost: all that outboxes keep is published again, but no change; those are
    /// read from the tables.
    pub fn publish_again(&mut self, wiped: bool) {
        if wiped {
            self.logs.clear();
            self.waiting.clear();
        }
        for at in 0..self.outbox.len() {
            if self.outbox[at].0.0 != Reader::Cache {
                self.publish(at);
            }
        }
        self.sent = self.outbox.len();
    }

    /// A snapshot tells of a night; it is in no outbox.
    pub fn snapshot(&mut self, change: Change) {
        self.next_id += 1;
        let lane = (Reader::Cache, night(&change));
        let message = Message {
            id: self.next_id,
            body: Rc::new(Body::Change(change)),
        };
        self.logs.entry(lane).or_default().messages.push(message);
        self.waiting.insert(lane);
    }

    fn publish(&mut self, at: usize) {
        let (lane, message) = &self.outbox[at];
        self.logs.entry(*lane).or_default().messages.push(message.clone());
        self.waiting.insert(*lane);
    }

    /// Lanes with something to read.
    pub const fn waiting(&self) -> &BTreeSet<Lane> {
        &self.waiting
    }

    /// The next messages of a lane, at most so many.
    pub fn read(&self, lane: Lane, count: usize) -> Vec<Message> {
        let Some(log) = self.logs.get(&lane) else {
            return Vec::new();
        };
        let upto = (log.read + count).min(log.messages.len());
        log.messages[log.read..upto].to_vec()
    }

    /// So many messages were handled.
    pub fn handled(&mut self, lane: Lane, count: usize) {
        if let Some(log) = self.logs.get_mut(&lane) {
            log.read = (log.read + count).min(log.messages.len());
            if log.read == log.messages.len() {
                self.waiting.remove(&lane);
            }
        }
    }

    /// The offset is committed up to what was handled.
    pub fn commit_offset(&mut self, lane: Lane) {
        if let Some(log) = self.logs.get_mut(&lane) {
            log.committed = log.read;
        }
    }

    /// Whoever reads the lane is another one now, and begins where the offset was committed last.
    pub fn rewind(&mut self, lane: Lane) {
        self.rewind_each(lane..=lane);
    }

    /// The same of all lanes that somebody reads.
    pub fn rewind_all(&mut self, reader: Reader) {
        self.rewind_each((reader, 0)..=(reader, u128::MAX));
    }

    fn rewind_each(&mut self, lanes: RangeInclusive<Lane>) {
        for (lane, log) in self.logs.range_mut(lanes) {
            log.read = log.committed;
            if log.read < log.messages.len() {
                self.waiting.insert(*lane);
            }
        }
    }
}

fn night(change: &Change) -> u128 {
    u128::from(change.key.2.days_since_1970().cast_unsigned())
}
