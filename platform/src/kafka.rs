//! Kafka, the consuming side: a thread per consumer that polls and hands over batches.
//!
//! The thread, not a future, polls: librdkafka's callbacks run inside `poll`, and a consumer that is not
//! polled leaves its group. While a batch is being handled the thread waits; when that takes long it
//! pauses its partitions and goes on polling, so that the group sees it alive. Offsets are committed
//! only after the batch was handled, so delivery is at least once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::time::Duration;

use clap::Args;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages in one batch at most: what one transaction takes.
pub const BATCH_MAX: usize = 500;
/// How long one poll waits for a message, in milliseconds.
const POLL_MS: u64 = 100;
/// A batch that takes longer than this is waited for with paused partitions, in milliseconds.
const PAUSE_AFTER_MS: u64 = 1_000;
/// After a large batch the next one waits so long for a further message: what the relay sent together
/// comes over several partitions one after the other.
const GATHER: Duration = Duration::from_millis(1);
/// Messages from which on a batch shows that more are coming.
const BUSY_FROM: usize = 4;

/// Where Kafka is.
#[derive(Args, Clone, Debug)]
pub struct KafkaConfig {
    /// Brokers: host:port, separated by commas.
    #[arg(long, env = "BELLHOP_KAFKA_BROKERS", default_value = "127.0.0.1:9092")]
    pub kafka_brokers: String,

    /// Put in front of every topic and consumer group, so that several platforms can share brokers.
    #[arg(long, env = "BELLHOP_TOPIC_NAMESPACE", default_value = "")]
    pub topic_namespace: String,

    /// Copies of each partition that this process asks for when it creates a topic.
    #[arg(long, env = "BELLHOP_KAFKA_REPLICATION_FACTOR", default_value_t = 1)]
    pub kafka_replication_factor: i32,

    /// Names this process among those that run the same target. A process that restarts under its name
    /// takes its partitions back at once instead of after the session timeout; two processes with one
    /// name fence each other.
    #[arg(long, env = "BELLHOP_NODE", default_value = "1")]
    pub node: String,
}

impl KafkaConfig {
    /// The full name of a topic.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_namespace)
    }

    /// Settings that every client of this process shares.
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.kafka_brokers);
        client.set("socket.nagle.disable", "true");
        client.set("reconnect.backoff.ms", "50");
        client.set("reconnect.backoff.max.ms", "1000");
        client.set("log_level", "4");
        client
    }

    /// Creates the topics that do not exist.
    ///
    /// # Errors
    /// When the brokers cannot be reached or refuse.
    pub async fn create_topics(&self, topics: &[(String, i32)]) -> Result<(), KafkaError> {
        let admin: AdminClient<_> = self.client().create()?;
        let names: Vec<String> = topics.iter().map(|(name, _)| self.topic(name)).collect();
        let wanted: Vec<NewTopic<'_>> = names
            .iter()
            .zip(topics)
            .map(|(name, (_, partitions))| {
                NewTopic::new(
                    name,
                    *partitions,
                    TopicReplication::Fixed(self.kafka_replication_factor),
                )
            })
            .collect();
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
        for result in admin.create_topics(&wanted, &options).await? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(())
    }
}

/// One message, copied out of the consumer's buffers.
#[derive(Clone, Debug)]
pub struct Received {
    /// The topic, without the namespace.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The key, empty without one.
    pub key: Vec<u8>,
    /// The outbox row's id, where the message came from an outbox.
    pub message_id: Option<Uuid>,
    /// The message's type, from header `eventType`.
    pub kind: Option<String>,
    /// The body, empty for a tombstone.
    pub payload: Vec<u8>,
}

impl Received {
    fn copy(message: &BorrowedMessage<'_>, namespace: &str) -> Self {
        let header = |name: &str| {
            let headers = message.headers()?;
            let found = headers.iter().find(|header| header.key == name)?;
            std::str::from_utf8(found.value?).ok().map(str::to_owned)
        };
        Self {
            topic: message
                .topic()
                .strip_prefix(namespace)
                .unwrap_or(message.topic())
                .to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            message_id: header("id").and_then(|id| id.trim_matches('"').parse().ok()),
            kind: header("eventType"),
            payload: message.payload().unwrap_or_default().to_vec(),
        }
    }
}

/// What a consumer hands over.
#[derive(Debug)]
pub enum Delivery {
    /// Messages in order of their partitions; handled when the sender is used or dropped: used means
    /// handled, dropped means that the process is stopping and the batch stays unhandled.
    Batch(Vec<Received>, blocking::Sender<()>),
    /// These partitions (topic without namespace, partition) are now this consumer's.
    Assigned(Vec<(String, i32)>),
    /// These partitions are no longer this consumer's.
    Revoked(Vec<(String, i32)>),
}

struct Rebalances {
    deliveries: mpsc::Sender<Delivery>,
    namespace: String,
    /// How often partitions were taken away. What was read before that is read again by whoever has them
    /// now, from the committed offsets.
    revocations: AtomicU64,
}

impl ClientContext for Rebalances {}

impl Rebalances {
    fn say(&self, partitions: &TopicPartitionList, delivery: fn(Vec<(String, i32)>) -> Delivery) {
        let strip = |topic: &str| topic.strip_prefix(&self.namespace).unwrap_or(topic).to_owned();
        let list = partitions
            .elements()
            .iter()
            .map(|element| (strip(element.topic()), element.partition()))
            .collect();
        // The receiver is gone only when the process stops.
        let _ = self.deliveries.blocking_send(delivery(list));
    }
}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.revocations.fetch_add(1, Ordering::SeqCst);
            self.say(partitions, Delivery::Revoked);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            self.say(partitions, Delivery::Assigned);
        }
    }
}

/// Starts a consumer of `topics` in the group `group` and answers where it delivers.
///
/// # Errors
/// When the configuration is not accepted; an unreachable broker is waited for.
pub fn consume(
    config: &KafkaConfig,
    group: &str,
    topics: &[&str],
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Delivery>, KafkaError> {
    let (deliveries, receiver) = mpsc::channel(4);
    let context = Rebalances {
        deliveries: deliveries.clone(),
        namespace: config.topic_namespace.clone(),
        revocations: AtomicU64::new(0),
    };
    let mut client = config.client();
    client.set("group.id", config.topic(group));
    client.set(
        "group.instance.id",
        format!("{}-{}", config.topic(group), config.node),
    );
    client.set("partition.assignment.strategy", "range");
    // What was stored as handled is committed from time to time and when partitions go: a commit for each
    // batch would cost the broker as much as the batch. What was handled since may come again after a crash.
    client.set("enable.auto.commit", "true");
    client.set("auto.commit.interval.ms", "1000");
    client.set("enable.auto.offset.store", "false");
    client.set("auto.offset.reset", "earliest");
    client.set("session.timeout.ms", "10000");
    client.set("heartbeat.interval.ms", "2000");
    client.set("topic.metadata.refresh.interval.ms", "10000");
    client.set("queued.max.messages.kbytes", "8192");
    client.set("fetch.error.backoff.ms", "100");
    let consumer: Arc<BaseConsumer<Rebalances>> = Arc::new(client.create_with_context(context)?);
    let names: Vec<String> = topics.iter().map(|topic| config.topic(topic)).collect();
    consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let thread = Poller {
        consumer,
        deliveries,
        namespace: config.topic_namespace.clone(),
        stop,
        group: group.to_owned(),
        early: Vec::new(),
        busy: false,
    };
    std::thread::Builder::new()
        .name(format!("poll-{group}"))
        .spawn(move || thread.run())
        .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
    Ok(receiver)
}

struct Poller {
    consumer: Arc<BaseConsumer<Rebalances>>,
    deliveries: mpsc::Sender<Delivery>,
    namespace: String,
    stop: CancellationToken,
    group: String,
    /// Messages that came while a batch was waited for.
    early: Vec<Received>,
    /// Whether the last batch had many messages.
    busy: bool,
}

impl Poller {
    fn run(mut self) {
        while !self.stop.is_cancelled() {
            let (batch, revocations) = self.next_batch();
            if !batch.is_empty() && !self.hand_over(batch, revocations) {
                break;
            }
        }
        // Closing waits for the broker; the process must not wait with it.
        let consumer = self.consumer;
        std::thread::spawn(move || drop(consumer));
    }

    fn revocations(&self) -> u64 {
        self.consumer.context().revocations.load(Ordering::SeqCst)
    }

    /// Waits for a message, then takes what else is there already. Answers also after how many
    /// revocations it was read.
    ///
    /// After a batch of at least [`BUSY_FROM`] messages the next ends only when [`GATHER`] has brought no
    /// other: what was sent together shares a transaction. A message that comes alone waits for nothing.
    fn next_batch(&mut self) -> (Vec<Received>, u64) {
        let mut batch = std::mem::take(&mut self.early);
        let mut wait = if batch.is_empty() {
            Duration::from_millis(POLL_MS)
        } else {
            Duration::ZERO
        };
        let mut revocations = self.revocations();
        while batch.len() < BATCH_MAX {
            let polled = self.consumer.poll(wait);
            if revocations != self.revocations() {
                revocations = self.revocations();
                batch.clear();
            }
            match polled {
                Some(Ok(message)) => batch.push(Received::copy(&message, &self.namespace)),
                Some(Err(error)) => {
                    tracing::warn!(group = self.group, %error, "the Kafka consumer reports an error and goes on");
                    break;
                }
                None => break,
            }
            wait = if self.busy { GATHER } else { Duration::ZERO };
        }
        self.busy = batch.len() >= BUSY_FROM;
        (batch, revocations)
    }

    /// Hands a batch over and commits its offsets once it was handled, unless its partitions were taken
    /// away meanwhile: then they are no longer ours to commit. Answers whether to go on.
    fn hand_over(&mut self, batch: Vec<Received>, revocations: u64) -> bool {
        let offsets = self.offsets_after(&batch);
        let (handled, waiting) = blocking::channel();
        if self
            .deliveries
            .blocking_send(Delivery::Batch(batch, handled))
            .is_err()
        {
            return false;
        }
        if !self.wait_for(&waiting) {
            return false;
        }
        if revocations != self.revocations() {
            return true;
        }
        if let Err(error) = self.consumer.store_offsets(&offsets) {
            tracing::warn!(group = self.group, %error, "offsets were not kept; the messages may come again");
        }
        true
    }

    fn offsets_after(&self, batch: &[Received]) -> TopicPartitionList {
        let mut offsets = TopicPartitionList::new();
        for message in batch {
            let topic = format!("{}{}", self.namespace, message.topic);
            let next = Offset::Offset(message.offset + 1);
            if let Some(mut element) = offsets.find_partition(&topic, message.partition) {
                let _ = element.set_offset(next);
            } else {
                let _ = offsets.add_partition_offset(&topic, message.partition, next);
            }
        }
        offsets
    }

    /// Waits until the batch was handled; when that takes long, pauses and polls meanwhile.
    fn wait_for(&mut self, waiting: &blocking::Receiver<()>) -> bool {
        let mut paused = false;
        let mut revocations = self.revocations();
        let answer = loop {
            match waiting.recv_timeout(Duration::from_millis(PAUSE_AFTER_MS)) {
                Ok(()) => break true,
                Err(blocking::RecvTimeoutError::Disconnected) => break false,
                Err(blocking::RecvTimeoutError::Timeout) => {}
            }
            // Each time anew: a rebalance may have brought partitions that are not paused.
            if let Ok(partitions) = self.consumer.assignment() {
                paused = self.consumer.pause(&partitions).is_ok();
            }
            // Serves rebalances; a partition that one has just brought may give a message all the same.
            let polled = self.consumer.poll(Duration::ZERO);
            if revocations != self.revocations() {
                revocations = self.revocations();
                self.early.clear();
            }
            if let Some(Ok(message)) = polled {
                self.early.push(Received::copy(&message, &self.namespace));
            }
        };
        if paused && let Ok(partitions) = self.consumer.assignment() {
            let _ = self.consumer.resume(&partitions);
        }
        answer
    }
}
