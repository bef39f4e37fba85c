//! How most participants handle a batch.

use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

use super::{Incoming, Participant, Transacted};
use crate::db::{self, Broken};
use crate::outbox::{self, Schema};

/// A batch as a unit of work: the inbox, what the participant does, the outbox.
pub(super) async fn unit<P: Participant>(
    participant: Arc<P>,
    pool: &PgPool,
    schema: Schema,
    batch: Vec<Incoming<P::Message>>,
) -> Transacted<P::After> {
    let done = db::unit_of_work::<_, Broken, _>(pool, move |db| {
        Box::pin(async move {
            let ids: Vec<Uuid> = batch.iter().map(|message| message.message_id).collect();
            let mut new = outbox::remember(db, schema, &ids).await?;
            // A message can stand twice in one batch; the first one counts.
            let batch: Vec<_> = batch
                .into_iter()
                .filter(|message| new.remove(&message.message_id))
                .collect();
            let duplicates = ids.len() - batch.len();
            if batch.is_empty() {
                return Ok((None, duplicates));
            }
            let (outgoing, after) = participant.handle(db, &batch).await?;
            outbox::write(db, schema, &outgoing).await?;
            Ok((Some(after), duplicates))
        })
    });
    done.await
}
