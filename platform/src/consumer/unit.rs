//! How most participants handle a batch.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::PgPool;
use uuid::Uuid;

use super::{Incoming, Participant, Transacted};
use crate::db::{self, Broken};
use crate::outbox::{self, Schema};

/// A batch as a unit of work: what the participant does, the inbox with it, the outbox.
///
/// Nobody looks into the inbox before. A message that is there ends the transaction when it meets itself, or by what
/// is wrong with it, and the batch is handled anew without it: few come again, and no other pays for a look.
pub(super) async fn unit<P: Participant>(
    participant: Arc<P>,
    pool: &PgPool,
    schema: Schema,
    mut batch: Arc<Vec<Incoming<P::Message>>>,
) -> Transacted<P::After> {
    let count = batch.len();
    each_once(&mut batch);
    loop {
        let (participant, new) = (Arc::clone(&participant), Arc::clone(&batch));
        let done = db::unit_of_work::<_, Broken, _>(pool, move |db| {
            Box::pin(async move {
                let (outgoing, _, after) = participant.handle(db, &new).await?;
                outbox::write(db, schema, &outgoing).await?;
                Ok(after)
            })
        });
        let error = match done.await {
            Ok(after) => return Ok((Some(after), count - batch.len())),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => error,
        };
        let before = batch.len();
        leave_out_heard(pool, schema, Arc::make_mut(&mut batch)).await?;
        if batch.is_empty() {
            return Ok((None, count));
        }
        if batch.len() == before {
            return Err(error);
        }
    }
}

/// A message can stand twice in one batch; the first one counts.
pub fn each_once<M: Clone>(batch: &mut Arc<Vec<Incoming<M>>>) {
    let mut seen = HashSet::with_capacity(batch.len());
    if !batch.iter().all(|message| seen.insert(message.message_id)) {
        seen.clear();
        Arc::make_mut(batch).retain(|message| seen.insert(message.message_id));
    }
}

/// Takes the messages out of a batch that are in the inbox.
///
/// # Errors
/// When the database fails.
pub async fn leave_out_heard<M>(
    pool: &PgPool,
    schema: Schema,
    batch: &mut Vec<Incoming<M>>,
) -> Result<(), Broken> {
    let ids: Vec<Uuid> = batch.iter().map(|message| message.message_id).collect();
    let mut db = db::lease(pool).await?;
    let heard = db::patiently(outbox::heard(&mut db, schema, &ids)).await?;
    batch.retain(|message| !heard.contains(&message.message_id));
    Ok(())
}
