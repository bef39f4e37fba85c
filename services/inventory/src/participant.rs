//! The consumer's side of the service: a batch of commands in, their replies out.

use contract::command::InventoryCommand;
use contract::{CommandEnvelope, Outcome, topics};
use futures::future::BoxFuture;
use platform::Broken;
use platform::consumer::{Handled, Incoming, Participant};
use platform::outbox::Outgoing;
use sqlx::PgConnection;

use crate::{Config, Queued, settle};

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
            let queued = |message: &Incoming<Self::Message>| Queued {
                envelope: message.body.clone(),
                deadline: message.envelope.deadline,
            };
            let commands: Vec<_> = batch.iter().map(queued).collect();
            let replies = |outcomes: &[Outcome]| {
                let replies = batch.iter().zip(outcomes);
                replies
                    .map(|(message, outcome)| reply(message, outcome))
                    .collect()
            };
            let ids: Vec<_> = batch.iter().map(|message| message.message_id).collect();
            let (outcomes, heard) = settle(db, &commands, &ids, &self.config, replies).await?;
            Ok((Vec::new(), heard, outcomes))
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

fn reply(
    message: &Incoming<CommandEnvelope<InventoryCommand>>,
    outcome: &Outcome,
) -> Result<Outgoing, Broken> {
    let reply = message.body.reply(outcome.clone());
    let saga = reply.saga_id.to_string();
    let said = Outgoing::new(topics::ORCHESTRATOR_MESSAGES, saga, reply.name(), &reply)?;
    Ok(said.within(message.envelope.onward()))
}

#[cfg(test)]
mod tests {
    use contract::{HoldId, HotelId, RoomTypeId};
    use platform::cost::{Statements, rows_written};
    use platform::envelope::{Envelope, Traceparent};
    use sqlx::{Connection as _, PgPool};

    use super::*;
    use crate::fixtures::{book, books, code, day, hold, offer, release, stay, tables};

    fn inventory() -> Inventory {
        Inventory {
            config: Config {
                hold_ttl_seconds: 900,
                hold_kept_days: 400,
            },
        }
    }

    fn incoming(
        command: &CommandEnvelope<InventoryCommand>,
        asked: &Envelope,
    ) -> Incoming<CommandEnvelope<InventoryCommand>> {
        Incoming {
            message_id: HoldId::new().uuid(),
            topic: topics::INVENTORY_COMMANDS.to_owned(),
            partition: 0,
            body: command.clone(),
            envelope: asked.clone(),
        }
    }

    #[sqlx::test(migrations = false)]
    async fn every_command_of_a_batch_is_answered_in_order_to_its_saga(pool: PgPool) {
        tables(&pool).await;
        let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
        let from = day(&pool, 1).await;
        offer(&pool, hotel, room_type, from, 1, 1).await;
        let wish = stay(from, 1);
        let [first, second] = [HoldId::new(), HoldId::new()];
        let mut undo = release(hotel, second);
        (undo.undo, undo.round, undo.attempt) = (true, 2, 3);
        let commands = [
            hold(hotel, room_type, first, wish, 1),
            hold(hotel, room_type, second, wish, 1),
            undo,
        ];
        let asked = Envelope {
            trace: Traceparent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            actor: Some("a-1".to_owned()),
            deadline: chrono::DateTime::from_timestamp_millis(4_102_444_800_000),
        };
        let batch: Vec<_> = commands.iter().map(|command| incoming(command, &asked)).collect();
        let inventory = inventory();
        let mut db = pool.acquire().await.unwrap();
        let (outgoing, _, outcomes) = inventory.handle(&mut db, &batch).await.unwrap();
        assert_eq!((outgoing.len(), outcomes.len()), (0, 3));
        #[expect(clippy::disallowed_methods, reason = "a test looks into the table")]
        let said: Vec<Said> = sqlx::query_as(
            "select type, aggregatetype, aggregateid, payload::text, actor, traceparent, deadline_ms \
             from inventory.outbox order by id",
        )
        .fetch_all(&mut *db)
        .await
        .unwrap();
        let kinds: Vec<_> = said.iter().map(|said| said.0.as_str()).collect();
        assert_eq!(kinds, ["Done", "Refused", "Done"]);
        for ((_, topic, key, payload, actor, trace, deadline), command) in said.iter().zip(&commands) {
            assert_eq!(topic, topics::ORCHESTRATOR_MESSAGES);
            assert_eq!(*key, command.saga_id.to_string());
            let read: contract::Reply = serde_json::from_str(payload).unwrap();
            assert_eq!(
                (read.undo, read.round, read.attempt),
                (command.undo, command.round, command.attempt)
            );
            let onward = asked.onward();
            assert_eq!(*actor, onward.actor);
            assert_eq!(trace.as_deref(), onward.trace.as_ref().map(Traceparent::as_str));
            assert_eq!(*deadline, None, "the deadline was for the command");
        }
        assert!(said[1].3.contains(&format!(r#""night":"{from}""#)));
    }

    /// A message of the outbox: type, topic, key, payload, and what travels beside it.
    type Said = (
        String,
        String,
        String,
        String,
        Option<String>,
        Option<String>,
        Option<i64>,
    );

    #[sqlx::test(migrations = false)]
    async fn a_hold_whose_deadline_is_over_is_not_begun_and_what_undoes_it_has_none(pool: PgPool) {
        tables(&pool).await;
        let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
        let from = day(&pool, 1).await;
        offer(&pool, hotel, room_type, from, 1, 1).await;
        let (late, in_time) = (HoldId::new(), HoldId::new());
        let wish = |id| hold(hotel, room_type, id, stay(from, 1), 1);
        let asked = |deadline| Envelope {
            deadline: Some(deadline),
            ..Envelope::default()
        };
        let over = asked(chrono::DateTime::UNIX_EPOCH);
        let still = asked(chrono::DateTime::from_timestamp_millis(4_102_444_800_000).unwrap());
        // The last room goes to whoever waits for it.
        let batch = [incoming(&wish(late), &over), incoming(&wish(in_time), &still)];
        let inventory = inventory();
        let mut db = pool.acquire().await.unwrap();
        let (_, _, outcomes) = inventory.handle(&mut db, &batch).await.unwrap();
        assert_eq!(
            outcomes.iter().map(code).collect::<Vec<_>>(),
            ["too_late", "done"]
        );
        let (nights, holds) = books(&pool, hotel).await;
        assert!(nights[0].contains(" 1/0/1 "), "{nights:?}");
        assert_eq!(holds.len(), 1, "nothing is kept of what came too late: {holds:?}");
    }

    #[sqlx::test(migrations = false)]
    async fn a_batch_of_holds_and_a_batch_of_books_are_three_statements_each(pool: PgPool) {
        tables(&pool).await;
        let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
        let from = day(&pool, 1).await;
        offer(&pool, hotel, room_type, from, 2, 10).await;
        let holds = [HoldId::new(), HoldId::new(), HoldId::new()];
        let held = holds.map(|id| hold(hotel, room_type, id, stay(from, 2), 1));
        let booked = holds.map(|id| book(hotel, id));
        let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
        sqlx::raw_sql("begin").execute(&mut db).await.unwrap();
        let inventory = inventory();
        let mut before = 0;
        // Of three bookings of the same two nights: holds, replies and commands, and the nights once.
        for (what, commands) in [("Hold", held), ("Book", booked)] {
            let heard = Statements::heard();
            let batch: Vec<_> = commands
                .iter()
                .map(|command| incoming(command, &Envelope::default()))
                .collect();
            inventory.handle(&mut db, &batch).await.unwrap();
            let statements = heard.take();
            assert_eq!(statements.len(), 3, "{what}: {statements:#?}");
            let (rows, where_they_are) = rows_written(&mut db, crate::SCHEMA).await.unwrap();
            assert_eq!(rows - before, 3 + 2 + 3 + 3, "{what}: {where_they_are}");
            before = rows;
        }
    }
}
