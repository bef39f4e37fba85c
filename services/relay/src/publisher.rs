//! The one producer of the platform, and the account of what Kafka has acknowledged.
//!
//! Promise: records of one key arrive in the order in which they were sent (idempotent producer), and the
//! confirmed position never passes a record that was not acknowledged. A publisher that failed once
//! confirms nothing more; it is dropped with all that it holds, and a new one begins again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform::kafka::KafkaConfig;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext};

use crate::error::Parted;
use crate::producer::Reporting;
use crate::status::Meters;
use crate::tracker::{Position, Ticket, Tracker};

/// Records handed to the producer and not acknowledged, at most: some milliseconds' worth at full speed.
const IN_FLIGHT_MAX: usize = 20_000;
/// Their bytes, at most.
const IN_FLIGHT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A record that Kafka does not take within this many milliseconds ends the session.
const MESSAGE_TIMEOUT_MS: u32 = 60_000;
/// The longest topic name Kafka takes.
const TOPIC_LENGTH_MAX: usize = 249;

/// What the delivery thread and the reading task share.
#[derive(Debug, Default)]
struct Ledger {
    tracker: Tracker,
    records: usize,
    bytes: usize,
    failure: Option<String>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Receives delivery reports on the producer's thread.
struct Reports {
    ledger: Shared,
    meters: Meters,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = Ticket;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Ticket) {
        let (failure, message) = match result {
            Ok(message) => (None, message),
            Err((error, message)) => (Some(error), message),
        };
        platform::chaos::point("publish.after");
        let bytes = message.payload_len();
        let failure = failure.filter(|error| {
            let hopeless = error.rdkafka_error_code().is_some_and(is_hopeless);
            if hopeless {
                self.meters.refused.increment(1);
                tracing::error!(
                    topic = message.topic(),
                    bytes,
                    error = platform::chain(&error),
                    "Kafka can never take this record; it is left out"
                );
            }
            !hopeless
        });
        self.ledger.with(|ledger| {
            ledger.records = ledger.records.saturating_sub(1);
            ledger.bytes = ledger.bytes.saturating_sub(bytes);
            match failure {
                None => {
                    ledger.tracker.delivered(ticket);
                }
                Some(error) => {
                    ledger.tracker.fail();
                    ledger.failure.get_or_insert_with(|| error.to_string());
                }
            }
        });
    }
}

/// Whether the same record would be refused each time: waiting for it would stop the whole platform.
fn is_hopeless(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize
    )
}

/// The producer.
pub(crate) struct Publisher {
    producer: Reporting<Reports>,
    ledger: Shared,
    meters: Meters,
    kafka: KafkaConfig,
    /// Topics that are known to exist, without the namespace.
    topics: Mutex<HashSet<String>>,
}

/// A record to publish.
pub(crate) struct Outbound<'a> {
    /// The topic with its namespace.
    pub(crate) topic: &'a str,
    /// The key, empty for none.
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

impl Publisher {
    pub(crate) fn new(kafka: &KafkaConfig, meters: &Meters) -> Result<Self, KafkaError> {
        let mut client = kafka.client();
        client.set("enable.idempotence", "true");
        client.set("acks", "all");
        client.set("max.in.flight.requests.per.connection", "5");
        // No waiting: while five requests are in flight, what comes meanwhile gathers by itself.
        client.set("linger.ms", "0");
        client.set("compression.type", "none");
        // Java's default, so that a Debezium in the relay's place would choose the same partitions.
        client.set("partitioner", "murmur2_random");
        client.set("message.timeout.ms", MESSAGE_TIMEOUT_MS.to_string());
        client.set("queue.buffering.max.messages", (2 * IN_FLIGHT_MAX).to_string());
        client.set("topic.metadata.refresh.interval.ms", "30000");
        // A topic that was there and is not any more is gone with a wiped log: then the session has to end.
        client.set("topic.metadata.propagation.max.ms", "5000");
        let ledger = Shared::default();
        let context = Reports {
            ledger: ledger.clone(),
            meters: meters.clone(),
        };
        let topics = contract::topics::all(kafka.partitions_made())
            .into_iter()
            .map(|topic| topic.name)
            .collect();
        Ok(Self {
            producer: Reporting::new(&client, context)?,
            ledger,
            meters: meters.clone(),
            kafka: kafka.clone(),
            topics: Mutex::new(topics),
        })
    }

    /// A transaction begins.
    pub(crate) fn begin(&self) -> Ticket {
        self.ledger.with(|ledger| ledger.tracker.begin())
    }

    /// The transaction is complete.
    pub(crate) fn commit(&self, ticket: Ticket, end: Position) {
        self.ledger.with(|ledger| ledger.tracker.commit(ticket, end));
    }

    /// The server has sent everything before `lsn`; not to be called inside a transaction.
    pub(crate) fn idle_at(&self, lsn: u64) {
        self.ledger.with(|ledger| ledger.tracker.idle_at(lsn));
    }

    /// What may be confirmed to Postgres.
    pub(crate) fn confirmed(&self) -> Position {
        self.ledger.with(|ledger| ledger.tracker.confirmed())
    }

    /// Whether everything was acknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.ledger.with(|ledger| ledger.tracker.open() == 0)
    }

    /// Whether another record may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.ledger
            .with(|ledger| ledger.records < IN_FLIGHT_MAX && ledger.bytes < IN_FLIGHT_BYTES_MAX)
    }

    /// The first failed delivery, if one failed.
    pub(crate) fn check(&self) -> Result<(), Parted> {
        let failure = self.ledger.with(|ledger| ledger.failure.clone());
        failure.map_or(Ok(()), |failure| Err(Parted::Delivery(failure)))
    }

    /// Hands a record to the producer. Never waits.
    pub(crate) fn send(&self, ticket: Ticket, outbound: &Outbound<'_>) -> Result<(), KafkaError> {
        platform::chaos::point("publish.before");
        let bytes = outbound.value.len();
        let mut record = BaseRecord::with_opaque_to(outbound.topic, ticket).payload(outbound.value);
        if !outbound.key.is_empty() {
            record = record.key(outbound.key);
        }
        if !outbound.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(outbound.headers.len());
            let all = outbound.headers.iter();
            record = record.headers(all.fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(*value),
                })
            }));
        }
        // Before the record is handed over: its report may come first.
        self.ledger.with(|ledger| {
            ledger.tracker.sent(ticket);
            ledger.records += 1;
            ledger.bytes += bytes;
        });
        let Err(error) = self.producer.send(record) else {
            return Ok(());
        };
        self.ledger.with(|ledger| {
            ledger.tracker.not_sent(ticket);
            ledger.records = ledger.records.saturating_sub(1);
            ledger.bytes = ledger.bytes.saturating_sub(bytes);
        });
        if error.rdkafka_error_code().is_some_and(is_hopeless) {
            self.meters.refused.increment(1);
            tracing::error!(
                topic = outbound.topic,
                bytes,
                error = platform::chain(&error),
                "Kafka can never take this record; it is left out"
            );
            return Ok(());
        }
        Err(error)
    }

    /// Makes sure that a topic that an outbox row names exists. Answers whether it can be published to.
    pub(crate) async fn knows(&self, topic: &str) -> Result<bool, KafkaError> {
        let known = |topics: &Mutex<HashSet<String>>| {
            topics
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(topic)
        };
        if known(&self.topics) {
            return Ok(true);
        }
        if !is_topic(&self.kafka.topic(topic)) {
            self.meters.refused.increment(1);
            tracing::error!(
                topic,
                "an outbox row names a topic that Kafka cannot have; it is left out"
            );
            return Ok(false);
        }
        tracing::warn!(
            topic,
            "an outbox row names a topic that is not listed; it is created"
        );
        let partitions = self.partitions_of(topic).await?;
        let plan = (topic.to_owned(), partitions, Vec::new());
        self.kafka.create_topics(&[plan]).await?;
        self.topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(topic.to_owned());
        Ok(true)
    }

    /// With how many partitions a topic is made that is not listed. What the former release says to the orchestrator goes by the
    /// same shards as what this one says.
    async fn partitions_of(&self, topic: &str) -> Result<i32, KafkaError> {
        let is_former = contract::topics::ORCHESTRATOR_FORMER.contains(&topic);
        let as_many = if is_former {
            self.kafka
                .partitions(contract::topics::ORCHESTRATOR_MESSAGES)
                .await?
        } else {
            None
        };
        Ok(as_many.unwrap_or_else(|| self.kafka.partitions_made()))
    }

    /// Waits until everything is acknowledged, at most `timeout`, and gives the producer back to be dropped,
    /// all away from the async threads: dropping purges and joins a thread.
    pub(crate) async fn close(self, flush: Option<Duration>) -> Position {
        let closing = tokio::task::spawn_blocking(move || {
            if let Some(timeout) = flush
                && let Err(error) = self.producer.flush(timeout)
            {
                tracing::warn!(
                    error = platform::chain(&error),
                    "Kafka did not acknowledge in time; these records will come again"
                );
            }
            self.confirmed()
        });
        closing.await.unwrap_or_default()
    }
}

/// Kafka's rule for the names of topics.
fn is_topic(name: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=TOPIC_LENGTH_MAX).contains(&name.len()) && name.bytes().all(sign) && !matches!(name, "." | "..")
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
