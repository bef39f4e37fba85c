//! Batches of commands: one transaction, each effect once, and every contradiction refused.

use contract::{Refusal, Why};
use platform::cost::{Statements, rows_written};
use sqlx::{Connection as _, PgPool};

use super::*;
use crate::fixtures::{World, confirm, incoming, mark_cancelled, reject};

#[sqlx::test(migrations = false)]
async fn a_batch_takes_effect_in_order_and_repeats_change_nothing(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.booked().await, world.booked().await);
    let refusal = Refusal::from(Why::PaymentDeclined);
    let no = || reject(&two, refusal.clone());
    world
        .command(vec![confirm(&one), no(), confirm(&one), no()])
        .await
        .unwrap();
    world.command(vec![no(), confirm(&one)]).await.unwrap();
    let (one, two) = (
        world.stored(one.reservation_id).await,
        world.stored(two.reservation_id).await,
    );
    assert_eq!((one.state, one.version), (State::Confirmed, 2));
    assert_eq!((two.state, two.version), (State::Rejected, 2));
    assert_eq!(two.refusal, Some(refusal));
    assert_eq!(world.count("reservation_history").await, 4);
    let said = world.said().await;
    let count = |kind: &str| said.iter().filter(|said| *said == kind).count();
    assert_eq!(count("Done"), 6);
    assert_eq!(
        (count("reservation.confirmed"), count("reservation.rejected")),
        (1, 1)
    );
}

#[sqlx::test(migrations = false)]
async fn who_cancels_while_the_booking_runs_is_cancelled_when_it_is_confirmed(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    for _ in 0..2 {
        let answer = world.cancel(row.reservation_id, 0).await;
        assert_eq!(
            (answer.status, answer.json()["state"].as_str()),
            (202, Some("pending"))
        );
    }
    world.command(vec![confirm(&row), confirm(&row)]).await.unwrap();
    let row = world.stored(row.reservation_id).await;
    assert_eq!((row.state, row.version), (State::Cancelling, 3));
    assert_eq!(row.cost.unwrap().refund, row.terms.total);
    let history = world
        .get(&format!("/v1/reservations/{}/history", row.reservation_id))
        .await
        .json();
    let states: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["state"])
        .collect();
    assert_eq!(states, ["pending", "confirmed", "cancelling"]);
    let said = world.said().await;
    assert_eq!(
        said,
        ["StartSaga", "reservation.confirmed", "StartSaga", "Done", "Done"]
    );
    world
        .command(vec![mark_cancelled(&row), mark_cancelled(&row)])
        .await
        .unwrap();
    let row = world.stored(row.reservation_id).await;
    assert_eq!((row.state, row.version), (State::Cancelled, 4));
}

#[sqlx::test(migrations = false)]
async fn who_cancels_while_the_booking_runs_is_just_rejected_when_it_is_refused(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    assert_eq!(world.cancel(row.reservation_id, 0).await.status, 202);
    world
        .command(vec![reject(&row, Why::HoldReleased.into())])
        .await
        .unwrap();
    assert_eq!(world.stored(row.reservation_id).await.state, State::Rejected);
    assert_eq!(world.said().await, ["StartSaga", "reservation.rejected", "Done"]);
    let answer = world.cancel(row.reservation_id, 0).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "not_cancellable"));
}

#[sqlx::test(migrations = false)]
async fn a_contradiction_changes_nothing(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.booked().await, world.booked().await);
    let unknown = crate::fixtures::pending();
    for batch in [
        vec![confirm(&one), mark_cancelled(&one)],
        vec![confirm(&one), reject(&one, Why::HoldReleased.into())],
        vec![confirm(&two), confirm(&unknown)],
    ] {
        let error = world.command(batch).await.unwrap_err();
        assert!(matches!(error, Broken::Inconsistent(_)), "{error}");
    }
    assert_eq!(world.stored(one.reservation_id).await, one);
    assert_eq!(world.stored(two.reservation_id).await, two);
}

#[sqlx::test(migrations = false)]
async fn a_database_that_takes_no_writes_for_a_while_is_waited_for(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    // As on a standby that is about to be promoted. A pool of its own, whose sessions are of that kind.
    let read_only = (*pool.connect_options())
        .clone()
        .options([("default_transaction_read_only", "on")]);
    let standby = World::again(&PgPool::connect_lazy_with(read_only));
    let error = standby.command(vec![confirm(&row)]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let answer = standby.cancel(row.reservation_id, 0).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert_eq!(world.stored(row.reservation_id).await.state, State::Pending);
}

#[sqlx::test(migrations = false)]
async fn a_batch_that_ends_bookings_is_two_statements_and_five_rows_for_each(pool: PgPool) {
    let world = World::new(&pool).await;
    let (one, two) = (world.booked().await, world.booked().await);
    let batch = [confirm(&one), reject(&two, Why::HoldReleased.into())].map(incoming);
    let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut db).await.unwrap();
    let heard = Statements::heard();
    handle(&mut db, &batch).await.unwrap();
    let statements = heard.take();
    assert_eq!(statements.len(), 2, "{statements:#?}");
    // The booking with its answer, a line of history, what is told to everybody, the reply, the command.
    let (rows, where_they_are) = rows_written(&mut db, crate::SCHEMA).await.unwrap();
    assert_eq!(rows, 2 * 5, "{where_they_are}");
}

#[sqlx::test(migrations = false)]
async fn an_answer_that_is_there_stays(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let answer = "reservation where answer_status = 201 and convert_from(told, 'UTF8')::json ->> 'state' = 'confirmed'";
    assert_eq!(world.count(answer).await, 1);
    assert_eq!(world.cancel(row.reservation_id, 0).await.status, 202);
    world
        .command(vec![confirm(&row), mark_cancelled(&row)])
        .await
        .unwrap();
    assert_eq!(world.count(answer).await, 1);
}
