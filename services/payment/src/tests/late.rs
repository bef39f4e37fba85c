//! Authorisations that come when nobody waits for them: not begun, and nothing is kept of that.

use chrono::{DateTime, TimeDelta, Utc};
use contract::CommandEnvelope;
use contract::command::PaymentCommand;
use platform::consumer::Incoming;
use sqlx::PgPool;

use super::world::{Booking, incoming, migrate};
use crate::commands::handle;

type Message = Incoming<CommandEnvelope<PaymentCommand>>;

/// This command, which somebody waits for until then.
fn until(command: CommandEnvelope<PaymentCommand>, deadline: DateTime<Utc>) -> Message {
    let mut message = incoming(command);
    message.envelope.deadline = Some(deadline);
    message
}

#[sqlx::test(migrations = false)]
async fn an_authorisation_that_comes_too_late_is_not_begun_unless_it_was_asked_for_before(pool: PgPool) {
    migrate(&pool).await;
    let mut db = pool.acquire().await.unwrap();
    let now = sqlx::query_scalar!("select clock_timestamp() as \"now!\"");
    let now = now.fetch_one(&mut *db).await.unwrap();
    let (late, in_time) = (now - TimeDelta::seconds(1), now + TimeDelta::minutes(1));
    let (one, other) = (Booking::new(), Booking::new());
    let authorize = |booking: Booking| booking.authorize("pm_ok", "129.00");
    let mut takes = async |batch: &[Message], clock: DateTime<Utc>| {
        let (said, _, jobs) = handle(&mut db, batch, 60_000, clock).await.unwrap();
        let said = said.iter().map(|said| said.payload.clone()).collect::<Vec<_>>();
        let counted = sqlx::query_scalar!("select count(*) as \"count!\" from payment.payment");
        (said, jobs.len(), counted.fetch_one(&mut *db).await.unwrap())
    };
    // Of two in one batch the one that is in time is begun.
    let batch = [until(authorize(one), late), until(authorize(other), in_time)];
    let (said, jobs, payments) = takes(&batch, now).await;
    assert_eq!((said.len(), jobs, payments), (1, 1, 1), "{said:?}");
    assert!(said[0].contains("too_late"), "{said:?}");
    // A process whose clock is slow begins what is late, and one whose clock is fast finds that nobody is late.
    let (said, jobs, _) = takes(&[until(authorize(Booking::new()), late)], late).await;
    assert_eq!((said.len(), jobs), (0, 1));
    let fast = in_time + TimeDelta::minutes(1);
    let (said, jobs, _) = takes(&[until(authorize(one), in_time)], fast).await;
    assert_eq!((said.len(), jobs), (0, 1), "whoever still waits is not too late");
    // What was begun goes on, however late it is asked for again, and an undo is never late.
    let (said, jobs, _) = takes(&[until(authorize(one), late)], now).await;
    assert_eq!((said.len(), jobs), (0, 0), "it is at work");
    let (said, _, payments) = takes(&[until(one.void(), late)], now).await;
    assert_eq!((said.len(), payments), (0, 3));
}
