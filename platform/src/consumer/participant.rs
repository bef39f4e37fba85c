//! Who handles messages, and what a message is to them.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::db::Broken;
use crate::envelope::Envelope;
use crate::outbox::{Heard, Outgoing, Schema};

/// One new message, decoded.
#[derive(Clone, Debug)]
pub struct Incoming<M> {
    /// The outbox row's id.
    pub message_id: Uuid,
    /// The topic, without the namespace.
    pub topic: String,
    /// The partition it came from.
    pub partition: i32,
    /// The body.
    pub body: M,
    /// What travelled beside it.
    pub envelope: Envelope,
}

/// What to send, that the messages are in the inbox, and what is left to do after the commit.
pub type Handled<After> = Result<(Vec<Outgoing>, Heard, After), Broken>;

/// What became of a batch: what is left to do after the commit, if anything was new, and how many messages were not.
pub type Transacted<After> = Result<(Option<After>, usize), Broken>;

/// Who handles the messages of some topics.
pub trait Participant: Send + Sync + 'static {
    /// The body of a message.
    type Message: DeserializeOwned + Clone + Send + Sync + 'static;
    /// What is left to do once the transaction is committed.
    type After: Send + 'static;
    /// Topics in which a former release says what it handles, read where they exist.
    const FORMER: &'static [&'static str] = &[];

    /// Handles messages in order inside the open transaction, puts their ids into the inbox with what it writes, and
    /// answers the messages to send. One that was handled before may be among them: it ends the transaction when it
    /// meets itself in the inbox. Must not do anything outside the transaction. Who has a
    /// [`transact`](Self::transact) of its own needs none.
    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Self::Message>],
    ) -> BoxFuture<'c, Handled<Self::After>> {
        let _ = (db, batch);
        let why = || Broken::Inconsistent("it handles batches in transactions of its own".to_owned());
        Box::pin(async move { Err(why()) })
    }

    /// Handles a batch, which is shared with whoever tries it again, in one transaction: what was handled before is left
    /// out, what is new is in the inbox and what is to be sent in the outbox when it is committed.
    fn transact(
        self: &Arc<Self>,
        pool: &PgPool,
        schema: Schema,
        batch: Arc<Vec<Incoming<Self::Message>>>,
    ) -> impl Future<Output = Transacted<Self::After>> + Send
    where
        Self: Sized,
    {
        super::unit::unit(Arc::clone(self), pool, schema, batch)
    }

    /// Called once the transaction is committed: wakes who waits, starts calls. Lost in a crash, so
    /// nothing may depend on it alone.
    fn committed(&self, after: Self::After) -> impl Future<Output = ()> + Send;

    /// Partitions came or went; only the orchestrator cares.
    fn rebalanced(&self, assigned: bool, partitions: Vec<(String, i32)>) -> impl Future<Output = ()> + Send {
        let _ = (assigned, partitions);
        async {}
    }
}
