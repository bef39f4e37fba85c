//! What a reader of the relay's topics hears.

use std::collections::{BTreeMap, HashMap};

use platform::Tasks;
use platform::kafka::{Delivery, KafkaConfig, Received};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::sync::mpsc::Receiver;

use super::{PATIENCE, number};

/// A reader, from the beginning of its topics.
pub(super) struct Events {
    kafka: KafkaConfig,
    deliveries: Receiver<Delivery>,
    waiting: Vec<Received>,
    /// The last offset that was read of each topic and partition.
    last: HashMap<(String, i32), i64>,
}

impl Events {
    pub(super) fn of(kafka: &KafkaConfig, group: &str, topics: &[&str], tasks: &Tasks) -> Self {
        Self {
            kafka: kafka.clone(),
            deliveries: platform::kafka::consume(kafka, group, topics, &[], tasks.stop_token()).unwrap(),
            waiting: Vec::new(),
            last: HashMap::new(),
        }
    }

    /// What a consumer reads twice, because its partitions went and came, was published once.
    fn hear(&mut self, message: Received) {
        let partition = (message.topic.clone(), message.partition);
        let last = self.last.entry(partition).or_insert(-1);
        if message.offset > *last {
            *last = message.offset;
            self.waiting.push(message);
        }
    }

    async fn read(&mut self) {
        let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
        match next.unwrap_or_else(|_| panic!("only {} messages came", self.waiting.len())) {
            Some(Delivery::Batch(messages, handled)) => {
                for message in messages {
                    self.hear(message);
                }
                handled.send(()).unwrap();
            }
            Some(_) => {}
            None => panic!("the consumer ended"),
        }
    }

    /// The next messages.
    pub(super) async fn take(&mut self, count: usize) -> Vec<Received> {
        while self.waiting.len() < count {
            self.read().await;
        }
        self.waiting.drain(..count).collect()
    }

    /// The numbers of so many messages, of each key in the order in which they came first: a relay may say again what it
    /// said, as one does whose connection breaks before Postgres has heard how far it is.
    pub(super) async fn first(&mut self, count: usize) -> Vec<Vec<usize>> {
        let mut seen: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        while seen.values().map(Vec::len).sum::<usize>() < count {
            for message in self.take(1).await {
                let (of_key, number) = (seen.entry(message.key.clone()).or_default(), number(&message));
                if !of_key.contains(&number) {
                    of_key.push(number);
                }
            }
        }
        seen.into_values().collect()
    }

    /// Reads and forgets all that stands in a topic now.
    pub(super) async fn skip(&mut self, topic: &str) {
        let (plain, named, client) = (topic.to_owned(), self.kafka.topic(topic), self.kafka.client());
        let ends = tokio::task::spawn_blocking(move || -> Vec<(i32, i64)> {
            let consumer: BaseConsumer = client.create().unwrap();
            let listed = consumer.fetch_metadata(Some(&named), PATIENCE).unwrap();
            let partitions = listed.topics()[0].partitions().iter();
            let end = |id| (id, consumer.fetch_watermarks(&named, id, PATIENCE).unwrap().1);
            partitions.map(|partition| end(partition.id())).collect()
        });
        for (partition, end) in ends.await.unwrap() {
            while self.last.get(&(plain.clone(), partition)).copied().unwrap_or(-1) < end - 1 {
                self.read().await;
            }
        }
        self.waiting.clear();
    }
}
