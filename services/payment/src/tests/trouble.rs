//! Crashes, a provider that is away, and amounts of nothing.

use contract::Outcome;
use sqlx::{Executor as _, PgPool};
use tokio::net::TcpListener;

use super::world::{Booking, World};

const DUE_NOW: &str = "update payment.operation set next_attempt_at = now() where state = 'due'";

#[sqlx::test(migrations = false)]
async fn what_was_recorded_before_a_crash_is_done_after_it(pool: PgPool) {
    let world = World::new(pool).await;
    let bookings: Vec<Booking> = (0..20).map(|_| Booking::new()).collect();
    let batch = bookings
        .iter()
        .map(|booking| booking.authorize("pm_ok", "50.00"))
        .collect();
    // Nobody hands the operations to the desk: the process died after the commit.
    drop(world.record(batch).await);
    let left =
        "select count(*) from payment.operation where next_attempt_at > created_at + interval '1 second'";
    assert_eq!(
        world.count(left).await,
        20,
        "left to the process that died for longer than its two calls may take"
    );
    world.pool.execute(DUE_NOW).await.unwrap();
    for booking in bookings {
        assert_eq!(
            world.replied(&booking.authorize("pm_ok", "50.00")).await,
            Outcome::Done
        );
        assert_eq!(world.open_at_provider(booking).await, Some(1));
    }
}

#[sqlx::test(migrations = false)]
async fn a_charge_whose_answer_died_with_the_process_is_found_and_not_repeated(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    world.outcome(booking.authorize("pm_ok", "50.00")).await;
    drop(world.record(vec![booking.capture()]).await);
    // The call was made under its key, and the process died before it could write the answer down.
    let (_, found) = world
        .get(&format!(
            "/sandbox-provider/v1/operations/{}.{}.authorize",
            booking.hotel_id, booking.payment_id
        ))
        .await;
    let authorization = found["authorization_id"].as_str().unwrap();
    let charged = world
        .client
        .post(format!(
            "{}/sandbox-provider/v1/authorizations/{authorization}/capture",
            world.url
        ))
        .header(
            "idempotency-key",
            format!("{}.{}.capture", booking.hotel_id, booking.payment_id),
        )
        .json(&serde_json::json!({"amount": {"amount": "50.00", "currency": "EUR"}}))
        .send()
        .await
        .unwrap();
    assert_eq!(charged.status().as_u16(), 201);
    world.pool.execute(DUE_NOW).await.unwrap();
    assert_eq!(world.replied(&booking.capture()).await, Outcome::Done);
    assert_eq!(world.count("select count(*) from payment.movement").await, 1);
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn while_the_provider_is_away_nothing_is_lost_and_nothing_is_decided(pool: PgPool) {
    let (world, routes, listener) = World::dark(pool).await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let booking = Booking::new();
    world.send(vec![booking.authorize("pm_ok", "50.00")]).await;
    world.send(vec![booking.void()]).await;
    world
        .until("two tries without an outcome", async || {
            world
                .count("select coalesce(max(tries), 0)::bigint from payment.operation")
                .await
                >= 2
        })
        .await;
    assert!(world.replies(booking.saga_id).await.is_empty());
    let listener = TcpListener::bind(address).await.unwrap();
    world.serve(listener, routes.merge(world.provider()));
    assert_eq!(
        world.replied(&booking.authorize("pm_ok", "50.00")).await,
        Outcome::Done
    );
    assert_eq!(world.replied(&booking.void()).await, Outcome::Done);
    assert_eq!(world.open_at_provider(booking).await, Some(0));
}

#[sqlx::test(migrations = false)]
async fn an_amount_of_nothing_needs_no_provider(pool: PgPool) {
    let (world, _, listener) = World::dark(pool).await;
    drop(listener);
    let booking = Booking::new();
    for command in [
        booking.authorize("pm_declined", "0.00"),
        booking.capture(),
        booking.again().refund("0.00"),
    ] {
        assert_eq!(world.outcome(command).await, Outcome::Done);
    }
    assert_eq!(world.outcome(booking.void()).await, Outcome::Done);
    assert_eq!(world.count("select count(*) from payment.movement").await, 0);
}

#[sqlx::test(migrations = false)]
async fn many_at_once_are_each_charged_once(pool: PgPool) {
    let world = World::new(pool).await;
    let bookings: Vec<Booking> = (0..150).map(|_| Booking::new()).collect();
    let batch = |of: fn(Booking) -> contract::CommandEnvelope<contract::command::PaymentCommand>| {
        bookings.iter().map(|booking| of(*booking)).collect::<Vec<_>>()
    };
    world
        .send(batch(|booking| booking.authorize("pm_ok", "10.00")))
        .await;
    for booking in &bookings {
        assert_eq!(
            world.replied(&booking.authorize("pm_ok", "10.00")).await,
            Outcome::Done
        );
    }
    world.send(batch(Booking::capture)).await;
    for booking in &bookings {
        assert_eq!(world.replied(&booking.capture()).await, Outcome::Done);
    }
    assert_eq!(
        world
            .count("select sum(amount_minor)::bigint from payment.movement")
            .await,
        150_000
    );
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn what_was_booked_stays_booked(pool: PgPool) {
    let world = World::new(pool).await;
    let error = world
        .pool
        .execute("delete from payment.movement")
        .await
        .unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().constraint(),
        Some("ledger_only_grows")
    );
}
