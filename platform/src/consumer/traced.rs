//! The spans of a batch: one for each message that is traced, and that of the commit that they share.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Incoming;
use crate::envelope::Traceparent;
use crate::outbox::Schema;
use crate::trace::{Kind, Span, Tracer};

/// The messages of a batch that are traced, while it is being handled.
pub(super) struct Traced {
    began: DateTime<Utc>,
    /// Messages in the batch, traced or not.
    count: i64,
    messages: Vec<Message>,
}

struct Message {
    id: Uuid,
    topic: String,
    partition: i32,
    /// What it is a part of.
    asked: Traceparent,
}

impl Traced {
    /// None where nothing is traced.
    pub(super) fn of<M>(tracer: &Tracer, batch: &[Incoming<M>]) -> Option<Self> {
        let began = tracer.now()?;
        let messages = batch.iter().filter_map(|message| {
            let asked = message.envelope.trace.as_ref();
            Some(Message {
                id: message.message_id,
                topic: message.topic.clone(),
                partition: message.partition,
                asked: asked.filter(|trace| trace.is_sampled())?.clone(),
            })
        });
        let messages: Vec<_> = messages.collect();
        (!messages.is_empty()).then(|| Self {
            began,
            count: i64::try_from(batch.len()).unwrap_or(i64::MAX),
            messages,
        })
    }

    /// The batch is committed.
    pub(super) fn record(self, tracer: &Tracer, schema: Schema) {
        let ended = tracer.now().unwrap_or(self.began);
        let own = |message: &Message| {
            let about = [schema.0.as_bytes(), message.id.as_bytes()];
            message.asked.child(&about)
        };
        let spans: Vec<Traceparent> = self.messages.iter().map(own).collect();
        for (message, own) in self.messages.iter().zip(&spans) {
            tracer.record(Span {
                name: format!("process {}", message.topic).into(),
                kind: Kind::Consumer,
                own,
                parent: Some(&message.asked),
                began: self.began,
                ended,
                attributes: vec![
                    ("messaging.system", "kafka".into()),
                    ("messaging.operation.name", "process".into()),
                    ("messaging.destination.name", message.topic.clone().into()),
                    (
                        "messaging.destination.partition.id",
                        message.partition.to_string().into(),
                    ),
                    ("messaging.consumer.group.name", schema.0.into()),
                    ("messaging.message.id", message.id.to_string().into()),
                ],
                links: Vec::new(),
                failed: None,
            });
        }
        let Some((first, others)) = spans.split_first() else {
            return;
        };
        if self.count > 1 {
            let own = first.child(&[b"commit"]);
            tracer.record(Span {
                name: format!("commit {}", schema.0).into(),
                kind: Kind::Internal,
                own: &own,
                parent: Some(first),
                began: self.began,
                ended,
                attributes: vec![("messaging.batch.message_count", self.count.into())],
                links: others.iter().collect(),
                failed: None,
            });
        }
    }
}
