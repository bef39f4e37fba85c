//! How many shards there are: as many as the topic has partitions, which the broker alone knows. An operator may raise the
//! number, and a topic that was made anew has the number of its day.

use std::sync::atomic::{AtomicI32, Ordering};

use contract::topics;
use platform::Broken;
use platform::kafka::KafkaConfig;

/// The number of shards, once it is known.
#[derive(Debug)]
pub(crate) struct Shards {
    /// Whom to ask; nobody where the number is given.
    kafka: Option<KafkaConfig>,
    /// 0 until it is known.
    count: AtomicI32,
}

impl Shards {
    /// As many as these brokers say.
    pub(crate) const fn of(kafka: KafkaConfig) -> Self {
        Self {
            kafka: Some(kafka),
            count: AtomicI32::new(0),
        }
    }

    /// So many.
    #[cfg(test)]
    pub(crate) const fn fixed(count: i32) -> Self {
        Self {
            kafka: None,
            count: AtomicI32::new(count),
        }
    }

    /// How many there are, if it is known: 1 or more.
    pub(crate) fn count(&self) -> Option<i32> {
        Some(self.count.load(Ordering::Relaxed)).filter(|count| *count > 0)
    }

    /// Kafka has given shards anew: perhaps there are others.
    pub(crate) fn forget(&self) {
        if self.kafka.is_some() {
            self.count.store(0, Ordering::Relaxed);
        }
    }

    /// How many there are; asks where that is not known.
    ///
    /// # Errors
    /// When Kafka does not say, which may pass.
    pub(crate) async fn know(&self) -> Result<i32, Broken> {
        let known = self.count();
        if let (None, Some(kafka)) = (known, &self.kafka) {
            // Those of the former release have as many; before the relay has made that of this one, they are all there is.
            let heard = [topics::ORCHESTRATOR_MESSAGES].into_iter();
            for topic in heard.chain(topics::ORCHESTRATOR_FORMER) {
                let count = kafka.partitions(topic).await;
                if let Some(count) = count.map_err(|error| Broken::Kafka(platform::chain(&error)))? {
                    self.count.store(count, Ordering::Relaxed);
                    break;
                }
            }
        }
        self.count()
            .ok_or_else(|| Broken::Kafka("there is no topic of the orchestrator".to_owned()))
    }
}
