//! Commands: what is asked is recorded in the transaction that takes it from the queue, and worked on
//! after the commit.

use std::collections::HashMap;
use std::sync::Arc;

use contract::command::PaymentCommand;
use contract::{CommandEnvelope, Outcome, Reply};
use futures::future::BoxFuture;
use platform::Broken;
use platform::consumer::{Handled, Incoming, Participant};
use platform::outbox::Outgoing;
use sqlx::PgConnection;

use crate::desk::{Desk, Job, cause_of};
use crate::model::{Ending, Kind, Plan, Refused, Terms};
use crate::provider::Provider;
use crate::settle::{self, message};
use crate::store::operation::{self, Due, Intent};
use crate::store::payment::{self, Key, Opening};

/// The participant: records intents and hands them to the desk.
pub(crate) struct Commands<P> {
    pub(crate) desk: Arc<Desk<P>>,
    /// For how long a new operation is left to this process, in milliseconds.
    pub(crate) lease_ms: i64,
}

impl<P: Provider> Participant for Commands<P> {
    type Message = CommandEnvelope<PaymentCommand>;
    type After = Vec<Job>;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Self::Message>],
    ) -> BoxFuture<'c, Handled<Vec<Job>>> {
        Box::pin(handle(db, batch, self.lease_ms))
    }

    async fn committed(&self, after: Vec<Job>) {
        for job in after {
            self.desk.offer(job);
        }
    }
}

/// Records a batch. Answers the replies that can be given at once, and the operations to work on.
async fn handle(
    db: &mut PgConnection,
    batch: &[Incoming<CommandEnvelope<PaymentCommand>>],
    lease_ms: i64,
) -> Handled<Vec<Job>> {
    let intents = each_once(batch.iter().map(|message| intent(&message.body)));
    let openings = each_payment_once(batch.iter().filter_map(|message| opening(&message.body.command)));
    if !openings.is_empty() {
        payment::open(db, &openings).await?;
    }
    let keys: Vec<Key> = intents.iter().map(|intent| intent.payment).collect();
    let payments = payment::lock(db, &keys).await?;
    let (known, unknown): (Vec<Intent>, Vec<Intent>) = intents
        .into_iter()
        .partition(|intent| payments.contains_key(&intent.payment));
    let mut outgoing = unknown
        .iter()
        .map(answer_unknown)
        .collect::<Result<Vec<_>, _>>()?;
    let recorded = operation::record(db, &known, lease_ms).await?;
    let first = operation::first_due(db, &keys).await?;

    let by_key: HashMap<_, _> = known
        .iter()
        .map(|intent| ((intent.payment, intent.kind, intent.cause), intent))
        .collect();
    let (mut at_once, mut after) = (Vec::new(), Vec::new());
    for recorded in recorded {
        let intent = by_key.get(&(recorded.payment, recorded.kind, recorded.cause));
        let (Some(intent), Some(payment)) = (intent, payments.get(&recorded.payment)) else {
            continue;
        };
        if let Some(ending) = recorded.ending {
            outgoing.push(answer(intent, ending)?);
            continue;
        }
        let is_first = first.get(&recorded.payment) == Some(&recorded.operation_no);
        if !recorded.new || !is_first {
            // At work already, or waiting for an earlier one: the sweep has it.
            continue;
        }
        let due = Due {
            operation_no: recorded.operation_no,
            payment: recorded.payment,
            kind: recorded.kind,
            cause: recorded.cause,
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
    let (replies, _) = settle::write(db, &at_once).await?;
    outgoing.extend(replies);
    Ok((outgoing, after))
}

fn intent(envelope: &CommandEnvelope<PaymentCommand>) -> Intent {
    let (kind, hotel_id, payment_id, asked_minor) = match &envelope.command {
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
    Intent {
        payment: (*hotel_id, *payment_id),
        kind,
        cause: cause_of(kind, envelope.saga_id),
        asked_minor,
        reply: Reply::to(envelope, Outcome::Done),
    }
}

/// The payment that a command begins: an authorisation's, or for a void the tombstone that forbids it.
fn opening(command: &PaymentCommand) -> Option<Opening> {
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
            Some(Opening {
                key: (*hotel_id, *payment_id),
                terms: Some(terms),
            })
        }
        PaymentCommand::Void { hotel_id, payment_id } => Some(Opening {
            key: (*hotel_id, *payment_id),
            terms: None,
        }),
        PaymentCommand::Capture { .. } | PaymentCommand::Refund { .. } => None,
    }
}

/// Each intent once, at its first place and with its last envelope.
fn each_once(intents: impl Iterator<Item = Intent>) -> Vec<Intent> {
    let mut places = HashMap::new();
    let mut unique: Vec<Intent> = Vec::new();
    for intent in intents {
        let place = *places
            .entry((intent.payment, intent.kind, intent.cause))
            .or_insert(unique.len());
        match unique.get_mut(place) {
            Some(earlier) => earlier.reply = intent.reply,
            None => unique.push(intent),
        }
    }
    unique
}

/// Each payment once: what came first decides whether it is a payment or a tombstone.
fn each_payment_once(openings: impl Iterator<Item = Opening>) -> Vec<Opening> {
    let mut seen = std::collections::HashSet::new();
    openings.filter(|opening| seen.insert(opening.key)).collect()
}

/// A capture of what was never authorised is refused; there is nothing to give back of it either.
fn answer_unknown(intent: &Intent) -> Result<Outgoing, Broken> {
    let ending = if intent.kind == Kind::Capture {
        Ending::Refused(Refused::CaptureDeclined)
    } else {
        if intent.asked_minor.is_some_and(|minor| minor > 0) {
            metrics::counter!("bellhop_payment_incidents_total", "kind" => "refund_of_nothing").increment(1);
            let (hotel_id, payment_id) = intent.payment;
            tracing::error!(%hotel_id, %payment_id, "a refund was asked for a payment that does not exist");
        }
        Ending::Done
    };
    answer(intent, ending)
}

fn answer(intent: &Intent, ending: Ending) -> Result<Outgoing, Broken> {
    message(&Reply {
        outcome: ending.outcome(),
        ..intent.reply.clone()
    })
}
