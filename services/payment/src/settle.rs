//! Writing down outcomes, many in one commit: operations, payments, movements and replies.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use contract::{Reply, topics};
use platform::envelope::{Envelope, Traceparent};
use platform::grouped::Settle;
use platform::outbox::Outgoing;
use platform::retry::Backoff;
use platform::{Broken, Tasks, db};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use crate::model::{Effect, Ending, Payment};
use crate::store::operation::{self, Postponed};
use crate::store::outcome::{self, EndedOperation, Locked, Movement, Written};
use crate::store::payment::Key;

/// Waits between tries of a commit while the failure may pass.
const TRANSIENT: Backoff = Backoff {
    first_ms: 20,
    cap_ms: 2_000,
};

/// What became of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) payment: Key,
    pub(crate) operation_no: i64,
    /// The round of the operation.
    pub(crate) round: u32,
    pub(crate) ending: Ending,
    pub(crate) effect: Effect,
}

/// How a round of work on an operation went.
#[derive(Debug, Clone)]
pub(crate) enum Round {
    /// The outcome is known.
    Settled(Settled),
    /// It is not; the operation comes up again.
    Postponed(Postponed),
}

/// Writes outcomes in an open transaction, with the replies, which it answers. An operation that is settled
/// already stays as it is. Two statements, whatever the number of outcomes. Also answers how many operations waited for
/// these and are due now.
pub(crate) async fn write(
    db: &mut PgConnection,
    settled: &[Settled],
) -> Result<(Vec<Outgoing>, u64), Broken> {
    if settled.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let operations: Vec<(Key, i64)> = settled
        .iter()
        .map(|settled| (settled.payment, settled.operation_no))
        .collect();
    let Locked {
        mut payments,
        mut awaited,
    } = outcome::lock_due(db, &operations).await?;
    let (mut ended, mut changed) = (Vec::new(), BTreeSet::new());
    let (mut movements, mut outgoing) = (Vec::new(), Vec::new());
    for settled in settled {
        let Some((reply, trace)) = awaited.remove(&settled.operation_no) else {
            continue;
        };
        let outcome = settled.ending.outcome();
        outgoing.push(message(&Reply { outcome, ..reply }, trace)?);
        let (is_changed, movement) = apply(&mut payments, settled)?;
        movements.extend(movement);
        if is_changed {
            changed.insert(settled.payment);
        }
        ended.push(EndedOperation {
            payment: settled.payment,
            operation_no: settled.operation_no,
            ending: settled.ending,
        });
    }
    if ended.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let written = Written {
        ended,
        changed: changed.iter().filter_map(|key| payments.get(key)).collect(),
        movements,
        said: &outgoing,
    };
    let woken = outcome::write(db, &written).await?;
    Ok((outgoing, u64::try_from(woken).unwrap_or_default()))
}

/// Changes the payment and answers whether that is so, and the movement to book.
fn apply(
    payments: &mut HashMap<Key, Payment>,
    settled: &Settled,
) -> Result<(bool, Option<Movement>), Broken> {
    let missing = || Broken::Inconsistent("an operation has no payment".to_owned());
    let payment = payments.get_mut(&settled.payment).ok_or_else(missing)?;
    let (next, moved) = payment
        .after(&settled.effect, settled.round)
        .map_err(|error| Broken::Inconsistent(error.to_string()))?;
    let is_changed = *payment != next;
    *payment = next;
    let Some(moved) = moved else {
        return Ok((is_changed, None));
    };
    let reservation_id = payment.terms.as_ref().ok_or_else(missing)?.reservation_id;
    let movement = Movement {
        hotel_id: payment.hotel_id,
        movement_id: contract::ids::new_of(payment.hotel_id),
        payment_id: payment.payment_id,
        reservation_id,
        moved,
    };
    Ok((is_changed, Some(movement)))
}

/// A reply on its way to the orchestrator, in the trace of whoever asked.
pub(crate) fn message(reply: &Reply, trace: Option<Traceparent>) -> Result<Outgoing, Broken> {
    let saga = reply.saga_id.to_string();
    let message = Outgoing::new(topics::ORCHESTRATOR_MESSAGES, saga, reply.name(), reply)?;
    Ok(message.within(Envelope {
        trace,
        ..Envelope::default()
    }))
}

/// The end of every round of work: what queues while one commit runs shares the next.
pub(crate) struct Writer {
    pub(crate) pool: PgPool,
    pub(crate) tasks: Tasks,
    /// Tells the sweep that operations may have become due, or are due at another time.
    pub(crate) nudge: Arc<Notify>,
}

impl Settle for Writer {
    type Request = Round;
    type Answer = ();

    async fn settle(&mut self, group: Vec<Round>) -> Vec<()> {
        let answers = vec![(); group.len()];
        if let Err(error) = self.until_settled(group.clone()).await {
            tracing::error!(
                error = platform::chain(&error),
                rounds = group.len(),
                "outcomes could not be written together; writing each alone"
            );
            for round in group {
                if let Err(error) = self.until_settled(vec![round.clone()]).await {
                    metrics::counter!("bellhop_payment_incidents_total", "kind" => "outcome_not_written")
                        .increment(1);
                    tracing::error!(
                        error = platform::chain(&error),
                        ?round,
                        "an outcome could not be written; the operation comes up again"
                    );
                }
            }
        }
        answers
    }
}

impl Writer {
    /// Writes a group, again and again while the failure may pass and the process runs.
    async fn until_settled(&self, group: Vec<Round>) -> Result<(), Broken> {
        for attempt in 1.. {
            match self.transaction(group.clone()).await {
                Err(error) if error.is_transient() => {
                    if !self.tasks.pause(TRANSIENT.after(attempt)).await {
                        return Err(error);
                    }
                }
                done => {
                    if done? > 0 {
                        self.nudge.notify_one();
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Answers how many operations are due now, or at another time than before.
    async fn transaction(&self, group: Vec<Round>) -> Result<u64, Broken> {
        let (mut settled, mut postponed) = (Vec::new(), Vec::new());
        for round in group {
            match round {
                Round::Settled(one) => settled.push(one),
                Round::Postponed(one) => postponed.push(one),
            }
        }
        let later = u64::try_from(postponed.len()).unwrap_or(u64::MAX);
        db::unit_of_work(&self.pool, move |db| {
            Box::pin(async move {
                let (_, woken) = write(db, &settled).await?;
                if !postponed.is_empty() {
                    operation::postpone(db, &postponed).await?;
                }
                Ok(woken + later)
            })
        })
        .await
    }
}
