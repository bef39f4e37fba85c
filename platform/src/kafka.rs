//! Kafka: where it is, which topics it has, and the consuming side. Only the relay produces.

mod former;
mod member;
mod poller;
mod received;
mod whole;

use std::collections::HashSet;
use std::num::NonZero;
use std::time::Duration;

use clap::Args;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};

pub use poller::{BATCH_MAX, consume};
pub use received::{Delivery, Received};
pub use whole::{Whole, read_whole};

/// Partitions of a topic at least, so that a second process of a target finds work.
const PARTITIONS_LEAST: i32 = 2;
/// Asking for topics or creating them takes no longer.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A topic as it is to be made: its name without the namespace, its partitions, and its settings as Kafka calls them.
pub type TopicPlan = (String, i32, Vec<(&'static str, String)>);

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

    /// Partitions of the topics that this process creates, by which as many processes can share the messages of a
    /// target. As many as this machine has cores, and 2 at least, unless it is said. A topic that is there keeps its own.
    #[arg(long, env = "BELLHOP_KAFKA_PARTITIONS", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub kafka_partitions: Option<i32>,

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

    /// How many partitions a topic has; none where it is not there.
    ///
    /// # Errors
    /// When the brokers cannot be reached.
    pub async fn partitions(&self, topic: &str) -> Result<Option<i32>, KafkaError> {
        let topic = self.topic(topic);
        let listed = self.listed().await?;
        let found = listed.topics().iter().find(|listed| listed.name() == topic);
        Ok(found.and_then(|topic| i32::try_from(topic.partitions().len()).ok()))
    }

    /// How many partitions a topic gets that this process creates.
    pub fn partitions_made(&self) -> i32 {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let said = self.kafka_partitions.map(|said| said.max(1));
        said.unwrap_or_else(|| i32::try_from(cores()).unwrap_or(i32::MAX).max(PARTITIONS_LEAST))
    }

    /// What the brokers say that there is.
    async fn listed(&self) -> Result<Metadata, KafkaError> {
        let admin: AdminClient<_> = self.client().create()?;
        let listing = tokio::task::spawn_blocking(move || admin.inner().fetch_metadata(None, ADMIN_TIMEOUT));
        listing
            .await
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?
    }

    /// Which of these topics do not exist, without the namespace.
    ///
    /// # Errors
    /// When the brokers cannot be reached.
    pub async fn missing_topics(&self, topics: &[TopicPlan]) -> Result<Vec<String>, KafkaError> {
        let listed = self.listed().await?;
        let there: HashSet<&str> = listed.topics().iter().map(MetadataTopic::name).collect();
        let names = topics.iter().map(|(name, ..)| name);
        let missing = names.filter(|name| !there.contains(self.topic(name).as_str()));
        Ok(missing.cloned().collect())
    }

    /// Creates the topics that do not exist. Those that do stay as they are.
    ///
    /// # Errors
    /// When the brokers cannot be reached or refuse.
    pub async fn create_topics(&self, topics: &[TopicPlan]) -> Result<(), KafkaError> {
        let admin: AdminClient<_> = self.client().create()?;
        let names: Vec<String> = topics.iter().map(|(name, ..)| self.topic(name)).collect();
        let wanted: Vec<NewTopic<'_>> = names
            .iter()
            .zip(topics)
            .map(|(name, (_, partitions, settings))| {
                let replication = TopicReplication::Fixed(self.kafka_replication_factor);
                let topic = NewTopic::new(name, *partitions, replication);
                settings
                    .iter()
                    .fold(topic, |topic, (name, value)| topic.set(name, value))
            })
            .collect();
        let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
        for result in admin.create_topics(&wanted, &options).await? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
