//! The consumer's side of the service: a batch of commands in, their replies out.

use contract::command::InventoryCommand;
use contract::{CommandEnvelope, Outcome, Reply, topics};
use futures::future::BoxFuture;
use platform::consumer::{Handled, Incoming, Participant};
use platform::outbox::Outgoing;
use sqlx::PgConnection;

use crate::{Config, settle};

/// Settles commands.
#[derive(Debug)]
pub(crate) struct Inventory {
    /// The service's settings.
    pub(crate) config: Config,
}

impl Participant for Inventory {
    type Message = CommandEnvelope<InventoryCommand>;
    /// Outcomes, to be counted once they are true.
    type After = Vec<Outcome>;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Self::Message>],
    ) -> BoxFuture<'c, Handled<Self::After>> {
        Box::pin(async move {
            let commands: Vec<_> = batch.iter().map(|message| message.body.clone()).collect();
            let outcomes = settle(db, &commands, &self.config).await?;
            let replies = commands.iter().zip(&outcomes).map(|(command, outcome)| {
                let reply = Reply::to(command, outcome.clone());
                Outgoing::new(
                    topics::ORCHESTRATOR_REPLIES,
                    reply.saga_id.to_string(),
                    reply.name(),
                    &reply,
                )
            });
            let replies = replies.collect::<Result<Vec<_>, _>>()?;
            Ok((replies, outcomes))
        })
    }

    async fn committed(&self, outcomes: Self::After) {
        for outcome in outcomes {
            let code = match outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Refused(refusal) => refusal.code,
            };
            metrics::counter!("bellhop_inventory_outcomes_total", "code" => code).increment(1);
        }
    }
}
