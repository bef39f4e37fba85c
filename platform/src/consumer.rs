//! The consumer loop of every participant: a batch of messages, one transaction, then the offsets.
//!
//! In one transaction: the participant handles the messages, puts them into the inbox and says what to send, and the
//! outbox takes that. A message that is in the inbox already is left out. A batch that fails is tried again whole when the failure will
//! pass (a lost connection, a deadlock); otherwise, and when it takes too long again and again, its
//! messages are tried alone, so that one bad message never costs the batch. A message that keeps failing
//! goes to `<topic>.dead` with its reason while the partition goes on, but only if that can be written: a
//! database that takes nothing says nothing about a message.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::chain;
use crate::db::{self, Broken};
use crate::kafka::{self, Delivery, Received};
use crate::outbox::{self, Outgoing, Schema};
use crate::parts::Parts;
use crate::retry::Backoff;
use crate::trace::Tracer;

mod participant;
mod traced;
mod unit;

pub use participant::{Handled, Incoming, Participant, Transacted};
use traced::Traced;
pub use unit::{each_once, leave_out_heard};

/// Tries of one message alone before it is set aside.
const TRIES_ALONE: u32 = 5;
/// A batch that took too long so often is tried one message at a time.
const TIMEOUTS_TOGETHER: u32 = 3;
/// Waits between tries while the failure may pass.
const TRANSIENT: Backoff = Backoff {
    first_ms: 20,
    cap_ms: 2_000,
};

/// A batch that another process took over waits so long for the news before it is tried again.
const SUPERSEDED_WAIT: Duration = Duration::from_secs(1);

/// Starts consuming `topics` for `participant`, whose tables are in `schema` behind `pool`.
///
/// # Errors
/// When Kafka's client refuses the configuration.
pub fn start<P: Participant>(
    parts: &Parts,
    schema: Schema,
    pool: PgPool,
    topics: &[&str],
    participant: Arc<P>,
) -> Result<(), rdkafka::error::KafkaError> {
    let mut deliveries = kafka::consume(
        &parts.kafka,
        schema.0,
        topics,
        P::FORMER,
        parts.tasks.stop_token(),
    )?;
    let consumer = Consumer {
        schema,
        pool,
        participant,
        tasks: parts.tasks.clone(),
        tracer: parts.tracer.clone(),
    };
    parts.tasks.spawn("consumer", async move {
        while let Some(delivery) = deliveries.recv().await {
            match delivery {
                Delivery::Batch(batch, handled) => {
                    if consumer.batch_or_news(&batch, &mut deliveries).await {
                        let _ = handled.send(());
                    }
                }
                news => consumer.rebalanced(news).await,
            }
        }
    });
    Ok(())
}

struct Consumer<P> {
    schema: Schema,
    pool: PgPool,
    participant: Arc<P>,
    tasks: crate::Tasks,
    tracer: Tracer,
}

/// How a batch ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Every message was handled or set aside.
    Handled,
    /// Another process has taken over.
    Superseded,
    /// This process stops.
    Stopping,
}

impl<P: Participant> Consumer<P> {
    async fn rebalanced(&self, news: Delivery) {
        match news {
            Delivery::Assigned(partitions) => self.participant.rebalanced(true, partitions).await,
            Delivery::Revoked(partitions) => self.participant.rebalanced(false, partitions).await,
            Delivery::Batch(..) => {}
        }
    }

    /// Handles a batch. When another process has taken over, waits for Kafka to say so: once the
    /// partitions are gone the batch is not ours, and it is not committed. Answers false when the process
    /// stops before.
    async fn batch_or_news(&self, batch: &[Received], deliveries: &mut mpsc::Receiver<Delivery>) -> bool {
        loop {
            match self.batch(batch).await {
                End::Handled => return true,
                End::Stopping => return false,
                End::Superseded => {}
            }
            metrics::counter!("bellhop_consumer_superseded_total", "schema" => self.schema.0).increment(1);
            tokio::select! {
                () = self.tasks.stopping() => return false,
                () = tokio::time::sleep(SUPERSEDED_WAIT) => {}
                news = deliveries.recv() => match news {
                    None => return false,
                    Some(news) => {
                        let gone = matches!(news, Delivery::Revoked(_));
                        self.rebalanced(news).await;
                        if gone {
                            return true;
                        }
                    }
                }
            }
        }
    }

    /// Handles a batch until it is done.
    async fn batch(&self, batch: &[Received]) -> End {
        let mut good = Vec::with_capacity(batch.len());
        let mut of = Vec::with_capacity(batch.len());
        let mut bad = Vec::new();
        for message in batch {
            match decode(message) {
                Ok(incoming) => {
                    good.push(incoming);
                    of.push(message);
                }
                Err(why) => bad.push((message, why)),
            }
        }
        for (message, why) in bad {
            if !self.set_aside(message, &why).await {
                return End::Stopping;
            }
        }
        if good.is_empty() {
            return End::Handled;
        }
        let good = Arc::new(good);
        match self.until_settled(&good).await {
            None => End::Stopping,
            Some(Ok(())) => End::Handled,
            Some(Err(Broken::Superseded(why))) => self.superseded(&why),
            Some(Err(error)) => {
                tracing::warn!(
                    schema = self.schema.0,
                    error = chain(&error),
                    "a batch failed; trying its messages alone"
                );
                self.alone(&good, &of).await
            }
        }
    }

    fn superseded(&self, why: &str) -> End {
        tracing::warn!(
            schema = self.schema.0,
            why,
            "another process has taken over; nothing was written"
        );
        End::Superseded
    }

    /// Tries each message alone and sets aside those that keep failing.
    async fn alone(&self, messages: &[Incoming<P::Message>], of: &[&Received]) -> End {
        for (incoming, message) in messages.iter().zip(of) {
            let one = Arc::new(vec![incoming.clone()]);
            for attempt in 1.. {
                match self.until_settled(&one).await {
                    None => return End::Stopping,
                    Some(Ok(())) => break,
                    Some(Err(Broken::Superseded(why))) => return self.superseded(&why),
                    Some(Err(error)) => {
                        if attempt >= TRIES_ALONE && self.is_set_aside(message, &chain(&error)).await {
                            break;
                        }
                    }
                }
                if !self.tasks.pause(TRANSIENT.after(attempt)).await {
                    return End::Stopping;
                }
            }
        }
        End::Handled
    }

    /// Runs the transaction, again and again while the failure may pass. None when the process stops.
    async fn until_settled(&self, batch: &Arc<Vec<Incoming<P::Message>>>) -> Option<Result<(), Broken>> {
        let mut timeouts = 0;
        for attempt in 1_u32.. {
            match self.transaction(Arc::clone(batch)).await {
                Ok(after) => {
                    if let Some(after) = after {
                        self.participant.committed(after).await;
                    }
                    return Some(Ok(()));
                }
                Err(error) if error.is_transient() => {
                    timeouts += u32::from(error.is_timeout());
                    if batch.len() > 1 && timeouts >= TIMEOUTS_TOGETHER {
                        return Some(Err(error));
                    }
                    if attempt.is_power_of_two() {
                        tracing::warn!(
                            schema = self.schema.0,
                            attempt,
                            error = chain(&error),
                            "trying a batch again"
                        );
                    }
                    metrics::counter!("bellhop_consumer_retries_total", "schema" => self.schema.0)
                        .increment(1);
                    if !self.tasks.pause(TRANSIENT.after(attempt)).await {
                        return None;
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    async fn transaction(&self, batch: Arc<Vec<Incoming<P::Message>>>) -> Result<Option<P::After>, Broken> {
        let count = batch.len();
        let traced = Traced::of(&self.tracer, &batch);
        let done = self.participant.transact(&self.pool, self.schema, batch);
        let (after, duplicates) = done.await?;
        if let Some(traced) = traced {
            traced.record(&self.tracer, self.schema);
        }
        let handled = u64::try_from(count - duplicates).unwrap_or_default();
        metrics::counter!("bellhop_messages_total", "schema" => self.schema.0, "outcome" => "applied")
            .increment(handled);
        let duplicates = u64::try_from(duplicates).unwrap_or_default();
        metrics::counter!("bellhop_messages_total", "schema" => self.schema.0, "outcome" => "duplicate")
            .increment(duplicates);
        metrics::histogram!("bellhop_batch_messages", "schema" => self.schema.0)
            .record(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(after)
    }

    /// Puts a message that cannot be read where people find it, with the reason. Tried until it is there:
    /// nothing is skipped silently. False when the process stops before.
    async fn set_aside(&self, message: &Received, why: &str) -> bool {
        for attempt in 1.. {
            if self.is_set_aside(message, why).await {
                return true;
            }
            if !self.tasks.pause(TRANSIENT.after(attempt)).await {
                return false;
            }
        }
        false
    }

    /// Tries to put a message where people find it, with the reason. Answers whether it is there.
    async fn is_set_aside(&self, message: &Received, why: &str) -> bool {
        if let Err(error) = self.write_dead(message, why).await {
            tracing::warn!(error = chain(&error), "the dead letter could not be written");
            return false;
        }
        tracing::error!(
            topic = message.topic,
            partition = message.partition,
            offset = message.offset,
            why,
            "a message was set aside"
        );
        metrics::counter!("bellhop_messages_total", "schema" => self.schema.0, "outcome" => "dead")
            .increment(1);
        true
    }

    async fn write_dead(&self, message: &Received, why: &str) -> Result<(), Broken> {
        let body = serde_json::json!({
            "reason": why,
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "message_id": message.message_id,
            "kind": message.kind,
            "key": String::from_utf8_lossy(&message.key).replace('\0', "\u{fffd}"),
            "payload": String::from_utf8_lossy(&message.payload).replace('\0', "\u{fffd}"),
        });
        let key = format!("{}/{}/{}", message.topic, message.partition, message.offset);
        let dead = Outgoing::new(&format!("{}.dead", message.topic), key, "Dead", &body)?;
        let dead = dead.within(message.envelope.onward());
        let (schema, id) = (self.schema, message.message_id);
        db::unit_of_work(&self.pool, move |db| {
            Box::pin(async move {
                let ids: Vec<Uuid> = id.into_iter().collect();
                // Whoever has set it aside before has said so; it may be said again.
                if outbox::heard(db, schema, &ids).await?.is_empty() {
                    let _ = outbox::hear(db, schema, &ids).await?;
                }
                outbox::write(db, schema, &[dead]).await
            })
        })
        .await
    }
}

fn decode<M: DeserializeOwned>(message: &Received) -> Result<Incoming<M>, String> {
    let message_id = message
        .message_id
        .ok_or("the message has no header `id` with a UUID")?;
    let body = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
    Ok(Incoming {
        message_id,
        topic: message.topic.clone(),
        partition: message.partition,
        body,
        envelope: message.envelope.clone(),
    })
}

#[cfg(test)]
#[path = "consumer_dead_tests.rs"]
mod dead_tests;
#[cfg(test)]
#[path = "consumer_tests.rs"]
mod tests;
