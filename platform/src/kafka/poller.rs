//! A thread per consumer that polls and hands over batches.
//!
//! The thread, not a future, polls: librdkafka's callbacks run inside `poll`, and a consumer that is not
//! polled leaves its group. While a batch is being handled the thread waits; when that takes long it
//! pauses its partitions and goes on polling, so that the group sees it alive. Offsets are committed
//! only after the batch was handled, so delivery is at least once.

use std::collections::BTreeMap;
use std::sync::mpsc as blocking;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::former::Former;
use super::member::{Member, Membership};
use super::{Delivery, KafkaConfig, Received};

/// Messages in one batch at most: what one transaction takes.
pub const BATCH_MAX: usize = 500;
/// How long one poll waits for a message, in milliseconds.
const POLL_MS: u64 = 500;
/// A batch that takes longer than this is waited for with paused partitions, in milliseconds.
const PAUSE_AFTER_MS: u64 = 1_000;
/// After a large batch the next one waits so long for a further message: what the relay sent together
/// comes over several partitions one after the other.
const GATHER: Duration = Duration::from_millis(1);
/// Messages from which on a batch shows that more are coming.
const BUSY_FROM: usize = 4;
/// Between two looks whether the cluster is still the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between a consumer that is lost and the one that takes its place.
const REJOIN_AFTER: Duration = Duration::from_secs(1);

/// Starts a consumer of `topics` in the group `group` and answers where it delivers. Topics of a `former` release are read
/// where they exist, from when they do, and not missed where they do not.
///
/// # Errors
/// When the configuration is not accepted; an unreachable broker is waited for.
pub fn consume(
    config: &KafkaConfig,
    group: &str,
    topics: &[&str],
    former: &[&str],
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Delivery>, KafkaError> {
    let (deliveries, receiver) = mpsc::channel(4);
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
    let membership = Membership {
        client,
        topics: topics.iter().map(|topic| config.topic(topic)).collect(),
        namespace: config.topic_namespace.clone(),
        deliveries: deliveries.clone(),
    };
    let member = membership.join()?;
    let thread = Poller {
        membership,
        member,
        former: Former::new(former.iter().map(|topic| config.topic(topic))),
        deliveries,
        stop,
        group: group.to_owned(),
        early: Vec::new(),
        is_lost: false,
        looked: Instant::now(),
        busy: false,
    };
    std::thread::Builder::new()
        .name(format!("poll-{group}"))
        .spawn(move || thread.run())
        .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
    Ok(receiver)
}

struct Poller {
    membership: Membership,
    member: Member,
    former: Former,
    deliveries: mpsc::Sender<Delivery>,
    stop: CancellationToken,
    group: String,
    /// Messages that came while a batch was waited for.
    early: Vec<Received>,
    /// Whether the consumer can never read again.
    is_lost: bool,
    /// When it was last looked whether the cluster is still the same.
    looked: Instant,
    /// Whether the last batch had many messages.
    busy: bool,
}

impl Poller {
    fn run(mut self) {
        while !self.stop.is_cancelled() {
            let (batch, revocations) = self.next_batch();
            if self.looked.elapsed() >= LOOK_EVERY {
                self.looked = Instant::now();
                self.is_lost |= self.member.is_in_another_cluster();
                self.former.look(&self.membership, &self.member);
            }
            if self.is_lost {
                self = self.rejoin();
            } else if !batch.is_empty() && !self.hand_over(batch, revocations) {
                break;
            }
        }
        self.member.leave();
    }

    /// Puts another consumer in the place of the one that is lost. What that one had read and not handed over
    /// comes again.
    ///
    /// The new one joins without the static name. Under the name it would be given what the lost one had, be it
    /// nothing, and if that one led the group nobody would lead it any more (KIP-814): nobody would see topics
    /// that are made again.
    fn rejoin(mut self) -> Self {
        std::thread::sleep(REJOIN_AFTER);
        self.early.clear();
        self.membership.client.remove("group.instance.id");
        match self.membership.join() {
            Ok(member) => {
                tracing::warn!(
                    group = self.group,
                    "a new consumer takes the place of the one that was lost"
                );
                std::mem::replace(&mut self.member, member).replace();
                self.former.forget();
                self.is_lost = false;
            }
            Err(error) => tracing::warn!(
                group = self.group,
                error = crate::chain(&error),
                "no new consumer yet; trying again"
            ),
        }
        self
    }

    fn revocations(&self) -> u64 {
        self.member.revocations()
    }

    /// Leaves out messages of partitions that were taken away since `seen` revocations, and has seen all then. Messages of
    /// partitions that stayed are not read again, so they stay too.
    fn drop_taken(&self, messages: &mut Vec<Received>, seen: &mut u64) {
        let now = self.revocations();
        if *seen != now {
            messages.retain(|message| self.member.has_had(&message.partition(), *seen));
            *seen = now;
        }
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
            let polled = self.member.consumer.poll(wait);
            self.drop_taken(&mut batch, &mut revocations);
            match polled {
                Some(Ok(message)) => batch.push(Received::copy(&message, &self.membership.namespace)),
                Some(Err(error)) => {
                    tracing::warn!(
                        group = self.group,
                        error = crate::chain(&error),
                        "the Kafka consumer reports an error"
                    );
                    self.is_lost |= matches!(error, KafkaError::MessageConsumptionFatal(_));
                    break;
                }
                None => break,
            }
            wait = if self.busy { GATHER } else { Duration::ZERO };
        }
        self.busy = batch.len() >= BUSY_FROM;
        (batch, revocations)
    }

    /// Hands a batch over and commits its offsets once it was handled, but of partitions that were taken away
    /// meanwhile: those are no longer ours to commit. Answers whether to go on.
    fn hand_over(&mut self, batch: Vec<Received>, revocations: u64) -> bool {
        let ends = ends_of(&batch);
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
        let offsets = self.offsets_after(ends, revocations);
        if offsets.count() == 0 {
            return true;
        }
        if let Err(error) = self.member.consumer.store_offsets(&offsets) {
            tracing::warn!(
                group = self.group,
                error = crate::chain(&error),
                "offsets were not kept; the messages may come again"
            );
        }
        true
    }

    /// Where to read on, of the partitions that have been ours since so many revocations.
    fn offsets_after(&self, ends: BTreeMap<(String, i32), i64>, since: u64) -> TopicPartitionList {
        let mut offsets = TopicPartitionList::new();
        for (partition, last) in ends {
            if self.member.has_had(&partition, since) {
                let topic = format!("{}{}", self.membership.namespace, partition.0);
                let _ = offsets.add_partition_offset(&topic, partition.1, Offset::Offset(last + 1));
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
            if let Ok(partitions) = self.member.consumer.assignment() {
                paused = self.member.consumer.pause(&partitions).is_ok();
            }
            // Serves rebalances; a partition that one has just brought may give a message all the same.
            let polled = self.member.consumer.poll(Duration::ZERO);
            let mut early = std::mem::take(&mut self.early);
            self.drop_taken(&mut early, &mut revocations);
            self.early = early;
            if let Some(Ok(message)) = polled {
                self.early
                    .push(Received::copy(&message, &self.membership.namespace));
            }
        };
        if paused && let Ok(partitions) = self.member.consumer.assignment() {
            let _ = self.member.consumer.resume(&partitions);
        }
        answer
    }
}

/// The last offset of each partition in a batch.
fn ends_of(batch: &[Received]) -> BTreeMap<(String, i32), i64> {
    let ends = batch.iter().map(|message| (message.partition(), message.offset));
    ends.collect()
}
