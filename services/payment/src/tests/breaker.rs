//! A provider that hangs, that is away and that answers badly: it is left alone, what is to be asked of it waits, and nothing is
//! decided until it answers.

use contract::Outcome;
use platform::breaker::State;
use sqlx::PgPool;
use tokio::net::TcpListener;

use super::world::{Booking, World};

/// Operations whose provider was never called, though they came up.
const HELD_BACK: &str = "select count(*) from payment.operation where state = 'due' and tries = 0 and trouble like '%left alone%'";
const DUE: &str = "select count(*) from payment.operation where state = 'due'";

/// More than are called at once.
fn many() -> Vec<Booking> {
    (0..60).map(|_| Booking::new()).collect()
}

async fn authorize(world: &World, bookings: &[Booking], method: &str) {
    let batch = bookings.iter().map(|booking| booking.authorize(method, "50.00"));
    world.send(batch.collect()).await;
}

async fn all_are_authorized_once(world: &World, bookings: &[Booking], method: &str) {
    for booking in bookings {
        assert_eq!(
            world.replied(&booking.authorize(method, "50.00")).await,
            Outcome::Done
        );
        assert_eq!(world.open_at_provider(*booking).await, Some(1));
    }
}

#[sqlx::test(migrations = false)]
async fn a_provider_that_hangs_is_left_alone_and_all_is_done_once_it_answers(pool: PgPool) {
    // Nobody accepts what comes in here, so whoever calls waits in vain.
    let (world, routes, listener) = World::dark(pool).await;
    let bookings = many();
    authorize(&world, &bookings, "pm_ok").await;
    world
        .until("most are held back", async || world.count(HELD_BACK).await >= 40)
        .await;
    let seen = world.provider_seen();
    assert_ne!(seen.state, State::Closed);
    assert!(
        seen.why.as_ref().unwrap().contains("no answer in time"),
        "{seen:?}"
    );
    assert!(seen.held_back >= 40, "{seen:?}");
    assert_eq!(world.count(DUE).await, 60, "nothing is decided");
    // One at a time is tried, however much waits.
    let tries = "select coalesce(sum(tries), 0)::bigint from payment.operation";
    let before = world.count(tries).await;
    world
        .until("some were tried", async || world.count(tries).await > before + 2)
        .await;
    assert!(world.count(HELD_BACK).await >= 35);

    world.serve(listener, routes.merge(world.provider()));
    all_are_authorized_once(&world, &bookings, "pm_ok").await;
    assert_eq!(world.provider_seen().state, State::Closed);
}

#[sqlx::test(migrations = false)]
async fn a_provider_that_is_away_is_left_alone_and_what_needs_none_goes_on(pool: PgPool) {
    let (world, routes, listener) = World::dark(pool).await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bookings = many();
    authorize(&world, &bookings, "pm_ok").await;
    world
        .until("it is left alone", async || {
            world.provider_seen().state == State::Open
        })
        .await;
    let free = Booking::new();
    assert_eq!(
        world.outcome(free.authorize("pm_ok", "0.00")).await,
        Outcome::Done
    );
    assert_eq!(world.count(DUE).await, 60);
    let listener = TcpListener::bind(address).await.unwrap();
    world.serve(listener, routes.merge(world.provider()));
    all_are_authorized_once(&world, &bookings, "pm_ok").await;
    let seen = world.provider_seen();
    assert_eq!((seen.state, seen.why), (State::Closed, None));
}

#[sqlx::test(migrations = false)]
async fn a_provider_that_answers_in_the_end_or_says_no_is_not_left_alone(pool: PgPool) {
    let world = World::new(pool).await;
    for method in ["pm_500_after_charge", "pm_lost_reply"] {
        let bookings = many();
        authorize(&world, &bookings, method).await;
        all_are_authorized_once(&world, &bookings, method).await;
    }
    let declined = many();
    authorize(&world, &declined, "pm_declined").await;
    for booking in &declined {
        let outcome = world.replied(&booking.authorize("pm_declined", "50.00")).await;
        assert!(matches!(outcome, Outcome::Refused(_)));
    }
    let seen = world.provider_seen();
    assert_eq!((seen.state, seen.held_back), (State::Closed, 0), "{seen:?}");
}
