//! The consumer's side of the service: a batch of commands in, their replies out.

use contract::command::InventoryCommand;
use contract::{CommandEnvelope, Outcome, topics};
use futures::future::BoxFuture;
use platform::Broken;
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
            let replies = batch.iter().zip(&outcomes).map(|(message, outcome)| {
                let reply = message.body.reply(outcome.clone());
                let reply = Outgoing::new(
                    topics::ORCHESTRATOR_REPLIES,
                    reply.saga_id.to_string(),
                    reply.name(),
                    &reply,
                )?;
                Ok::<_, Broken>(reply.within(message.envelope.onward()))
            });
            let replies = replies.collect::<Result<Vec<_>, _>>()?;
            Ok((replies, outcomes))
        })
    }

    async fn committed(&self, outcomes: Self::After) {
        for outcome in outcomes {
            let code = match outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Refused(refusal) => refusal.word().to_owned(),
            };
            metrics::counter!("bellhop_inventory_outcomes_total", "code" => code).increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::{HoldId, HotelId, RoomTypeId};
    use platform::envelope::{Envelope, Traceparent};
    use sqlx::PgPool;

    use super::*;
    use crate::fixtures::{day, hold, offer, release, stay, tables};

    #[sqlx::test(migrations = false)]
    async fn every_command_of_a_batch_is_answered_in_order_to_its_saga(pool: PgPool) {
        tables(&pool).await;
        let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
        let from = day(&pool, 1).await;
        offer(&pool, hotel, room_type, from, 1, 1).await;
        let wish = stay(from, 1);
        let [first, second] = [HoldId::new(), HoldId::new()];
        let mut undo = release(hotel, second);
        (undo.undo, undo.attempt) = (true, 3);
        let commands = [
            hold(hotel, room_type, first, wish, 1),
            hold(hotel, room_type, second, wish, 1),
            undo,
        ];
        let asked = Envelope {
            trace: Traceparent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            actor: Some("a-1".to_owned()),
            deadline: chrono::DateTime::from_timestamp_millis(1_796_000_000_000),
        };
        let batch: Vec<_> = commands
            .iter()
            .map(|command| Incoming {
                message_id: HoldId::new().uuid(),
                topic: topics::INVENTORY_COMMANDS.to_owned(),
                partition: 0,
                body: command.clone(),
                envelope: asked.clone(),
            })
            .collect();
        let inventory = Inventory {
            config: Config {
                hold_ttl_seconds: 900,
                hold_kept_days: 400,
            },
        };
        let mut db = pool.acquire().await.unwrap();
        let (replies, outcomes) = inventory.handle(&mut db, &batch).await.unwrap();
        assert_eq!(outcomes.len(), 3);
        assert_eq!(
            replies
                .iter()
                .map(|reply| reply.kind.as_str())
                .collect::<Vec<_>>(),
            ["Done", "Refused", "Done"]
        );
        for (reply, command) in replies.iter().zip(&commands) {
            assert_eq!(reply.topic, topics::ORCHESTRATOR_REPLIES);
            assert_eq!(reply.key, command.saga_id.to_string());
            let read: contract::Reply = serde_json::from_str(&reply.payload).unwrap();
            assert_eq!((read.undo, read.attempt), (command.undo, command.attempt));
            assert_eq!(reply.envelope, asked.onward(), "the deadline was for the command");
        }
        assert!(replies[1].payload.contains(&format!(r#""night":"{from}""#)));
    }
}
