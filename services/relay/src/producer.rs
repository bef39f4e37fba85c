//! The producer, and the thread on which it tells what became of its records.
//!
//! Not rdkafka's `ThreadedProducer`: that one polls all the time, each time to a deadline of which librdkafka waits
//! for the whole milliseconds and rdkafka spins through the rest, which takes 0.7 % of a core for ever. This thread
//! sleeps while nothing is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

/// One poll of a thread that waits for reports; so long may it take to notice that it is to end.
const POLL: Duration = Duration::from_millis(100);
/// The longest sleep: what librdkafka says of itself, such as brokers that are away, has to be fetched too.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// The producer with its thread.
pub(crate) struct Reporting<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    ends: Arc<AtomicBool>,
    /// Until it is joined.
    thread: Option<JoinHandle<()>>,
}

impl<C: ProducerContext + 'static> Reporting<C> {
    pub(crate) fn new(client: &ClientConfig, context: C) -> Result<Self, KafkaError> {
        let producer: Arc<BaseProducer<C>> = Arc::new(client.create_with_context(context)?);
        let ends = Arc::new(AtomicBool::new(false));
        let (polled, ending) = (Arc::clone(&producer), Arc::clone(&ends));
        let thread = std::thread::Builder::new()
            .name("kafka-reports".to_owned())
            .spawn(move || {
                while !ending.load(Ordering::SeqCst) {
                    // Counts reports that wait to be fetched, too.
                    if polled.in_flight_count() == 0 {
                        std::thread::park_timeout(SLEEP_MAX);
                    } else {
                        polled.poll(POLL);
                    }
                }
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self {
            producer,
            ends,
            thread: Some(thread),
        })
    }

    /// Hands a record over. Never waits.
    #[expect(
        clippy::disallowed_methods,
        reason = "the relay is the one that speaks to Kafka"
    )]
    pub(crate) fn send(
        &self,
        record: BaseRecord<'_, [u8], [u8], C::DeliveryOpaque>,
    ) -> Result<(), KafkaError> {
        let sent = self.producer.send(record);
        self.wake();
        sent.map_err(|(error, _)| error)
    }

    /// Waits until everything is acknowledged, at most `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.producer.flush(timeout)
    }

    /// What comes before is never overslept: a wake while the thread does not sleep ends its next sleep.
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl<C: ProducerContext + 'static> Drop for Reporting<C> {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It only fails when a report panicked, which the report has said.
            let _ = thread.join();
        }
    }
}
