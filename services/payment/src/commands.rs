//! Commands: what is asked is recorded in the transaction that takes it from the queue, and worked on
//! after the commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::command::PaymentCommand;
use contract::{CommandEnvelope, Outcome, Reply, Why};
use futures::future::BoxFuture;
use platform::consumer::{Handled, Incoming, Participant};
use platform::outbox::Outgoing;
use platform::{Broken, Clock};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::desk::{Desk, Job};
use crate::model::{Asked, Begins, Ending, Now, Plan};
use crate::provider::Provider;
use crate::settle::{self, message};
use crate::store::operation::{self, Due, Intent};
use crate::store::payment::{self, Key};

/// The participant: records intents and hands them to the desk.
pub(crate) struct Commands<P> {
    pub(crate) desk: Arc<Desk<P>>,
    /// For how long a new operation is left to this process, in milliseconds.
    pub(crate) lease_ms: i64,
    /// What time this process thinks it is.
    pub(crate) clock: Clock,
}

impl<P: Provider> Participant for Commands<P> {
    type Message = CommandEnvelope<PaymentCommand>;
    type After = Vec<Job>;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Self::Message>],
    ) -> BoxFuture<'c, Handled<Vec<Job>>> {
        Box::pin(handle(db, batch, self.lease_ms, self.clock.now()))
    }

    async fn committed(&self, after: Vec<Job>) {
        for job in after {
            self.desk.offer(job);
        }
    }
}

/// Records a batch, and settles what needs no provider. Answers the replies to what is settled already, and the
/// operations to work on.
pub(crate) async fn handle(
    db: &mut PgConnection,
    batch: &[Incoming<CommandEnvelope<PaymentCommand>>],
    lease_ms: i64,
    now: DateTime<Utc>,
) -> Handled<Vec<Job>> {
    let ids: Vec<_> = batch.iter().map(|message| message.message_id).collect();
    let late = too_late(db, batch, now).await?;
    let (late, batch): (Vec<_>, Vec<_>) = batch
        .iter()
        .partition(|message| late.contains(&message.message_id));
    let intents = each_once(batch.iter().copied().map(intent));
    let begun: Vec<Begins> = batch
        .iter()
        .filter_map(|message| Begins::of(&message.body))
        .collect();
    let openings = each_payment_once(begun.iter().cloned());
    let keys: Vec<Key> = intents.iter().map(|intent| intent.payment).collect();
    let mut payments = payment::lock_or_open(db, &keys, &openings).await?;
    payment::agree(db, &mut payments, &begun).await?;
    let (known, unknown): (Vec<Intent>, Vec<Intent>) = intents
        .into_iter()
        .partition(|intent| payments.contains_key(&intent.payment));
    let mut outgoing = unknown
        .iter()
        .map(answer_unknown)
        .chain(late.into_iter().map(answer_late))
        .collect::<Result<Vec<_>, _>>()?;
    let (recorded, heard) = operation::record(db, &known, &ids, lease_ms).await?;

    let by_key: HashMap<_, _> = known.iter().map(|intent| (intent.key(), intent)).collect();
    let (mut at_once, mut after) = (Vec::new(), Vec::new());
    for recorded in recorded {
        let intent = by_key.get(&(recorded.payment, recorded.kind, recorded.cause, recorded.round));
        let (Some(intent), Some(payment)) = (intent, payments.get(&recorded.payment)) else {
            continue;
        };
        match Now::of(recorded.ending, recorded.new, recorded.first) {
            Now::Answer(ending) => {
                outgoing.push(answer(intent, ending)?);
                continue;
            }
            // At work already, or waiting for an earlier one: the sweep has it.
            Now::Leave => continue,
            Now::Work => {}
        }
        let due = Due {
            operation_no: recorded.operation_no,
            payment: recorded.payment,
            kind: recorded.kind,
            cause: recorded.cause,
            round: recorded.round,
            asked_minor: intent.asked_minor,
            tries: 0,
        };
        let job = Job {
            due,
            payment: payment.clone(),
            ask_first: false,
        };
        match job.plan() {
            Plan::Settled(ending, effect) => at_once.push(job.settled(ending, effect)),
            Plan::Call(_) => after.push(job),
        }
    }
    settle::write(db, &at_once).await?;
    Ok((outgoing, heard, after))
}

/// The messages that are not begun: nobody waits for what they ask, by this process's clock and by the database's, and it
/// was not asked for before.
async fn too_late(
    db: &mut PgConnection,
    batch: &[Incoming<CommandEnvelope<PaymentCommand>>],
    now: DateTime<Utc>,
) -> Result<HashSet<Uuid>, Broken> {
    let late = batch.iter().filter_map(|message| {
        let (asked, deadline) = (Asked::of(&message.body), message.envelope.deadline);
        let is_late = asked.is_too_late(deadline, now);
        is_late.then_some((message.message_id, asked, deadline?))
    });
    let late: Vec<_> = late.collect();
    operation::not_begun(db, &late).await
}

fn answer_late(message: &Incoming<CommandEnvelope<PaymentCommand>>) -> Result<Outgoing, Broken> {
    let refused = Outcome::Refused(Why::TooLate.into());
    settle::message(&message.body.reply(refused), message.envelope.trace.clone())
}

fn intent(message: &Incoming<CommandEnvelope<PaymentCommand>>) -> Intent {
    let envelope = &message.body;
    let asked = Asked::of(envelope);
    Intent {
        payment: asked.payment,
        kind: asked.kind,
        cause: asked.cause,
        round: asked.round,
        asked_minor: asked.minor,
        reply: envelope.reply(Outcome::Done),
        trace: message.envelope.trace.clone(),
    }
}

/// Each intent once, at its first place and with its last envelope.
fn each_once(intents: impl Iterator<Item = Intent>) -> Vec<Intent> {
    let mut places = HashMap::new();
    let mut unique: Vec<Intent> = Vec::new();
    for intent in intents {
        let place = *places.entry(intent.key()).or_insert(unique.len());
        match unique.get_mut(place) {
            Some(earlier) => (earlier.reply, earlier.trace) = (intent.reply, intent.trace),
            None => unique.push(intent),
        }
    }
    unique
}

/// Each payment once: what came first decides whether it is a payment or a tombstone.
fn each_payment_once(openings: impl Iterator<Item = Begins>) -> Vec<Begins> {
    let mut seen = std::collections::HashSet::new();
    openings.filter(|opening| seen.insert(opening.payment)).collect()
}

fn answer_unknown(intent: &Intent) -> Result<Outgoing, Broken> {
    if intent.asked_minor.is_some_and(|minor| minor > 0) {
        metrics::counter!("bellhop_payment_incidents_total", "kind" => "refund_of_nothing").increment(1);
        let (hotel_id, payment_id) = intent.payment;
        tracing::error!(%hotel_id, %payment_id, "a refund was asked for a payment that does not exist");
    }
    let asked = Asked {
        payment: intent.payment,
        kind: intent.kind,
        cause: intent.cause,
        round: intent.round,
        minor: intent.asked_minor,
    };
    answer(intent, asked.of_nothing())
}

fn answer(intent: &Intent, ending: Ending) -> Result<Outgoing, Broken> {
    let reply = Reply {
        outcome: ending.outcome(),
        ..intent.reply.clone()
    };
    message(&reply, intent.trace.clone())
}
