//! Messages as rows of a row type, for the one statement that writes what a transaction says beside what it does.

/// Makes `Message`, a row of the schema's outbox, of the row type with this name: for statements that write messages
/// beside other rows. `Message::all` makes rows of what is to be said, in its order.
#[macro_export]
macro_rules! message_row {
    ($name:literal) => {
        /// A message as a row of the outbox.
        #[derive(Debug, ::sqlx::Encode)]
        pub(crate) struct Message<'a> {
            id: ::uuid::Uuid,
            topic: &'a str,
            key: &'a str,
            kind: &'a str,
            payload: &'a str,
            actor: Option<&'a str>,
            traceparent: Option<&'a str>,
            deadline_ms: Option<i64>,
        }
        $crate::row_type!(Message<'_>, $name);

        impl<'a> Message<'a> {
            /// The messages, in this order.
            pub(crate) fn all(messages: &'a [$crate::outbox::Outgoing]) -> Vec<Self> {
                let row = |message: &'a $crate::outbox::Outgoing| Self {
                    id: message.id,
                    topic: &message.topic,
                    key: &message.key,
                    kind: &message.kind,
                    payload: &message.payload,
                    actor: message.envelope.actor.as_deref(),
                    traceparent: message
                        .envelope
                        .trace
                        .as_ref()
                        .map($crate::envelope::Traceparent::as_str),
                    deadline_ms: message.envelope.deadline.map(|at| at.timestamp_millis()),
                };
                messages.iter().map(row).collect()
            }
        }
    };
}
