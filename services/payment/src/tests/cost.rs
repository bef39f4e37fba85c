//! What a payment costs: the statements and rows of each of its transactions, but for the consumer's.

use chrono::DateTime;
use contract::CommandEnvelope;
use contract::command::PaymentCommand;
use platform::cost::{Statements, rows_written};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::world::{Booking, incoming, migrate};
use crate::commands::handle;
use crate::desk::Job;
use crate::model::{Effect, Ending};
use crate::settle;

/// An open transaction, in which everything happens.
struct Counted {
    db: PgConnection,
    heard: Statements,
    rows: i64,
}

impl Counted {
    async fn new(pool: &PgPool) -> Self {
        let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
        sqlx::raw_sql("begin").execute(&mut db).await.unwrap();
        let heard = Statements::heard();
        Self { db, heard, rows: 0 }
    }

    /// The statements and rows since the last time.
    async fn cost(&mut self) -> (usize, i64) {
        let statements = self.heard.take();
        let (rows, _) = rows_written(&mut self.db, crate::SCHEMA).await.unwrap();
        let _ = self.heard.take();
        let before = std::mem::replace(&mut self.rows, rows);
        (statements.len(), rows - before)
    }

    async fn asked(&mut self, commands: Vec<CommandEnvelope<PaymentCommand>>) -> Vec<Job> {
        let batch: Vec<_> = commands.into_iter().map(incoming).collect();
        let (outgoing, _, jobs) = handle(&mut self.db, &batch, 60_000, DateTime::UNIX_EPOCH)
            .await
            .unwrap();
        assert!(outgoing.is_empty());
        jobs
    }

    async fn ended(&mut self, jobs: &[Job], effect: Effect) {
        let settled: Vec<_> = jobs
            .iter()
            .map(|job| job.settled(Ending::Done, effect.clone()))
            .collect();
        let (replies, _) = settle::write(&mut self.db, &settled).await.unwrap();
        assert_eq!(replies.len(), jobs.len());
    }
}

#[sqlx::test(migrations = false)]
async fn an_intent_and_an_outcome_are_two_statements_each(pool: PgPool) {
    migrate(&pool).await;
    let mut counted = Counted::new(&pool).await;
    let bookings = [Booking::new(), Booking::new(), Booking::new()];
    let asked = |of: fn(Booking) -> CommandEnvelope<PaymentCommand>| bookings.map(of).to_vec();

    let jobs = counted
        .asked(asked(|booking| booking.authorize("pm_ok", "100.00")))
        .await;
    assert_eq!(counted.cost().await, (2, 3 * 3), "payment, operation, command");
    let authorization_id = Some("auth_1".to_owned());
    counted
        .ended(&jobs, Effect::Authorized { authorization_id })
        .await;
    assert_eq!(counted.cost().await, (2, 3 * 3), "payment, operation, reply");

    let jobs = counted.asked(asked(Booking::capture)).await;
    assert_eq!(counted.cost().await, (2, 3 * 2), "operation, command");
    counted.ended(&jobs, Effect::Captured).await;
    assert_eq!(
        counted.cost().await,
        (2, 3 * 4),
        "payment, operation, movement, reply"
    );
}

#[sqlx::test(migrations = false)]
async fn what_needs_no_provider_is_four_statements(pool: PgPool) {
    migrate(&pool).await;
    let mut counted = Counted::new(&pool).await;
    let booking = Booking::new();
    let jobs = counted.asked(vec![booking.authorize("pm_ok", "0.00")]).await;
    assert!(jobs.is_empty());
    assert_eq!(counted.cost().await, (4, 6));
}
