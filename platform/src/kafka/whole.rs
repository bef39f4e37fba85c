//! Topics that a process reads whole and then follows, outside any group: each process has all of them.
//!
//! Positions are kept nowhere. When the brokers were silent for long, or lost what they had, everything is read again
//! from its beginning; who reads compares versions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{KafkaConfig, Received};
use crate::chain;

/// How long one poll waits for a message.
const POLL: Duration = Duration::from_millis(500);
/// Questions to the brokers take no longer.
const ASK_MAX: Duration = Duration::from_secs(5);
/// Between two looks for topics that are not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// After so much silence everything is read again.
const SILENT_MAX: Duration = Duration::from_secs(15);

/// What is read.
#[derive(Debug)]
pub enum Whole {
    /// A message.
    Message(Box<Received>),
    /// Everything that was there when reading began has been handed over.
    CaughtUp,
}

/// Reads `whole` from their beginning and `news` from now on, for as long as the process lives.
///
/// # Errors
/// When the thread cannot be started; brokers and topics are waited for.
pub fn read_whole(
    config: &KafkaConfig,
    whole: &[&str],
    news: &[&str],
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Whole>, KafkaError> {
    let (sender, receiver) = mpsc::channel(256);
    let topic = |name: &&str| config.topic(name);
    let reader = Reader {
        config: config.clone(),
        whole: whole.iter().map(topic).collect(),
        news: news.iter().map(topic).collect(),
        sender,
        stop,
    };
    std::thread::Builder::new()
        .name("read-whole".to_owned())
        .spawn(move || reader.run())
        .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
    Ok(receiver)
}

struct Reader {
    config: KafkaConfig,
    whole: Vec<String>,
    news: Vec<String>,
    sender: mpsc::Sender<Whole>,
    stop: CancellationToken,
}

/// Where a partition ended when its reading began, by topic and partition.
type Ends = HashMap<(String, i32), i64>;

impl Reader {
    fn run(self) {
        while !self.stop.is_cancelled() && !self.sender.is_closed() {
            if let Err(error) = self.read() {
                tracing::debug!(
                    error = chain(&error),
                    "topics that are read whole cannot be read now"
                );
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Reads from the beginning until the process stops, or until it has to begin again.
    fn read(&self) -> Result<(), KafkaError> {
        let mut client = self.config.client();
        // No group: the name is asked for by the library alone.
        client.set("group.id", self.config.topic("whole"));
        client.set("enable.auto.commit", "false");
        client.set("auto.offset.reset", "earliest");
        client.set("fetch.error.backoff.ms", "100");
        client.set("queued.max.messages.kbytes", "8192");
        let consumer: BaseConsumer = client.create()?;
        let mut ends = self.assign(&consumer)?;
        if ends.is_empty() {
            self.say(Whole::CaughtUp);
        }
        let mut heard = Instant::now();
        while !self.stop.is_cancelled() && !self.sender.is_closed() && heard.elapsed() < SILENT_MAX {
            let Some(polled) = consumer.poll(POLL) else {
                continue;
            };
            let message = match polled {
                Ok(message) => message,
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(
                        error = chain(&error),
                        "a consumer of whole topics reports an error"
                    );
                    continue;
                }
            };
            heard = Instant::now();
            let read = (message.topic().to_owned(), message.partition());
            let next = message.offset() + 1;
            let copied = Received::copy(&message, &self.config.topic_namespace);
            self.say(Whole::Message(Box::new(copied)));
            if ends.get(&read).is_some_and(|end| next >= *end) {
                ends.remove(&read);
                if ends.is_empty() {
                    self.say(Whole::CaughtUp);
                }
            }
        }
        Ok(())
    }

    /// Takes all partitions; answers the ends of those that are to be read whole and are not empty.
    fn assign(&self, consumer: &BaseConsumer) -> Result<Ends, KafkaError> {
        let listed = consumer.fetch_metadata(None, ASK_MAX)?;
        let mut list = TopicPartitionList::new();
        let mut ends = Ends::new();
        for (topics, from) in [(&self.whole, Offset::Beginning), (&self.news, Offset::End)] {
            for topic in topics {
                let found = listed.topics().iter().find(|found| found.name() == topic);
                let partitions = found.map(rdkafka::metadata::MetadataTopic::partitions);
                let Some(partitions) = partitions.filter(|partitions| !partitions.is_empty()) else {
                    return Err(KafkaError::Subscription(format!(
                        "the topic {topic} is not there yet"
                    )));
                };
                for partition in partitions {
                    list.add_partition_offset(topic, partition.id(), from)?;
                    if from == Offset::Beginning {
                        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), ASK_MAX)?;
                        if low < high {
                            ends.insert((topic.clone(), partition.id()), high);
                        }
                    }
                }
            }
        }
        consumer.assign(&list)?;
        Ok(ends)
    }

    fn say(&self, what: Whole) {
        // The receiver is gone only when the process stops.
        let _ = self.sender.blocking_send(what);
    }
}
