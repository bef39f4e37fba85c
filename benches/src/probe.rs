//! How long one hop over Kafka takes: produced durably, consumed, with nothing else in between.

use std::time::{Duration, Instant};

use platform::kafka::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

/// Messages of the probe.
const MESSAGES: u32 = 100;

/// Median time from produce to consume, at 20 messages a second.
pub(crate) async fn produce_to_consume(brokers: &str) -> anyhow::Result<Duration> {
    let topic = format!("probe-{}", std::process::id());
    let kafka = KafkaConfig {
        kafka_brokers: brokers.to_owned(),
        topic_namespace: String::new(),
        kafka_replication_factor: 1,
        kafka_partitions: None,
        node: "probe".to_owned(),
    };
    kafka.create_topics(&[(topic.clone(), 1, Vec::new())]).await?;
    tokio::task::spawn_blocking(move || measure(&kafka.client(), &topic)).await?
}

#[expect(clippy::disallowed_methods, reason = "the probe measures a producer")]
fn measure(client: &ClientConfig, topic: &str) -> anyhow::Result<Duration> {
    let producer: ThreadedProducer<_> = client
        .clone()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0")
        .create_with_context(rdkafka::producer::DefaultProducerContext)?;
    let consumer: BaseConsumer = client
        .clone()
        .set("group.id", topic)
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[topic])?;
    let mut took = Vec::new();
    for number in 0..MESSAGES {
        let next = Instant::now() + Duration::from_millis(50);
        let text = number.to_string();
        let began = Instant::now();
        let sent = producer.send(BaseRecord::to(topic).key("probe").payload(&text));
        sent.map_err(|(error, _)| error)?;
        while let Some(message) = consumer.poll(Duration::from_secs(10)) {
            if message?.payload() == Some(text.as_bytes()) {
                took.push(began.elapsed());
                break;
            }
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    producer.flush(Duration::from_secs(5))?;
    took.sort_unstable();
    anyhow::ensure!(!took.is_empty(), "Kafka gave nothing back");
    Ok(took.get(took.len() / 2).copied().unwrap_or_default())
}
