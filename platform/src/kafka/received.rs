//! What a consumer hands over.

use std::sync::mpsc as blocking;

use rdkafka::message::{BorrowedMessage, Headers, Message};
use uuid::Uuid;

use crate::envelope::Envelope;

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
    /// What travelled beside it.
    pub envelope: Envelope,
}

impl Received {
    /// Where it was read: the topic, without the namespace, and the partition.
    pub(super) fn partition(&self) -> (String, i32) {
        (self.topic.clone(), self.partition)
    }

    pub(super) fn copy(message: &BorrowedMessage<'_>, namespace: &str) -> Self {
        let header = |name: &str| {
            let headers = message.headers()?;
            let found = headers.iter().find(|header| header.key == name)?;
            std::str::from_utf8(found.value?).ok()
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
            kind: header("eventType").map(str::to_owned),
            payload: message.payload().unwrap_or_default().to_vec(),
            envelope: Envelope::of_message(header),
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
