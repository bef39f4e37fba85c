//! Why a session of the relay ended.

use platform::Broken;

use crate::outbox::OutboxError;
use crate::pgoutput::DecodeError;

/// Why a session ended. All but the first end in another try.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Parted {
    /// The process stops.
    #[error("the process stops")]
    Stopping,
    /// Something that an operator has to do is missing.
    #[error("{0}")]
    Waiting(String),
    /// Another relay holds the slot.
    #[error("Another relay works on the slot {0}; this one stands by.")]
    Standby(String),
    /// The slot can never be read again.
    #[error("The slot cannot be used any more ({0}); a new one and a snapshot take its place.")]
    SlotUseless(String),
    /// The database failed.
    #[error("Postgres")]
    Database(#[from] sqlx::Error),
    /// A unit of work failed.
    #[error("Postgres")]
    Broken(#[from] Broken),
    /// The replication connection failed.
    #[error("Replication")]
    Replication(#[from] pgwire_replication::PgWireError),
    /// Nothing came for too long.
    #[error("Postgres said nothing for {0} s")]
    Silent(u64),
    /// Kafka's client failed.
    #[error("Kafka")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// Kafka did not take a record.
    #[error("Kafka did not take a record: {0}")]
    Delivery(String),
    /// The stream cannot be understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An outbox cannot be understood.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The stream contradicts itself.
    #[error("the replication stream is inconsistent: {0}")]
    Inconsistent(&'static str),
}

impl Parted {
    /// Whether Kafka's topics should be looked at again.
    pub(crate) const fn is_kafka(&self) -> bool {
        matches!(self, Self::Kafka(_) | Self::Delivery(_))
    }
}
