//! The service against a real provider: whatever the provider does, the guest is charged at most once and
//! both ledgers agree.

mod answers;
mod asked;
mod breaker;
mod cost;
mod interface;
mod late;
mod once;
mod order;
mod rounds;
mod trouble;
mod world;

use contract::Outcome;
use sqlx::PgPool;

use world::{Booking, World};

/// Done, or the code of the refusal.
type Told<'r> = Result<(), &'r str>;

/// Every token, with how its authorisation and its capture end.
const TOKENS: [(&str, Told<'_>, Told<'_>); 9] = [
    ("pm_ok", Ok(()), Ok(())),
    ("pm_declined", Err("payment_declined"), Err("capture_declined")),
    ("pm_slow", Ok(()), Ok(())),
    ("pm_lost_reply", Ok(()), Ok(())),
    (
        "pm_failed_lost_reply",
        Err("payment_declined"),
        Err("capture_declined"),
    ),
    ("pm_unknown_then_ok", Ok(()), Ok(())),
    ("pm_500_after_charge", Ok(()), Ok(())),
    ("pm_webhook_twice_first", Ok(()), Ok(())),
    ("pm_capture_declined", Ok(()), Err("capture_declined")),
];

fn ended(outcome: &Outcome) -> Told<'_> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Refused(refusal) => Err(refusal.word()),
    }
}

#[sqlx::test(migrations = false)]
async fn every_token_is_authorised_captured_and_refunded_once(pool: PgPool) {
    let world = World::new(pool).await;
    let all = TOKENS.map(|(token, authorization, capture)| {
        let world = &world;
        async move {
            let booking = Booking::new();
            let authorized = world.outcome(booking.authorize(token, "129.00")).await;
            assert_eq!(ended(&authorized), authorization, "{token}");
            let captured = world.outcome(booking.capture()).await;
            assert_eq!(ended(&captured), capture, "{token}");
            let cancellation = booking.again();
            if capture.is_ok() {
                assert_eq!(
                    world.outcome(cancellation.refund("29.00")).await,
                    Outcome::Done,
                    "{token}"
                );
                let (_, payment) = world.get(&format!("/v1/payments/{}", booking.payment_id)).await;
                assert_eq!(payment["state"], "captured", "{token}");
                assert_eq!(payment["refunded"]["amount"], "29.00", "{token}");
                assert_eq!(payment["movements"].as_array().unwrap().len(), 2, "{token}");
            } else {
                assert_eq!(world.outcome(booking.void()).await, Outcome::Done, "{token}");
                assert_ne!(world.open_at_provider(booking).await, Some(1), "{token}");
            }
        }
    });
    futures::future::join_all(all).await;
    world.check_ledgers().await;
    assert_eq!(
        world
            .count("select count(*) from payment.operation where state = 'due'")
            .await,
        0
    );
}

#[sqlx::test(migrations = false)]
async fn every_token_is_authorised_and_voided(pool: PgPool) {
    let world = World::new(pool).await;
    let all = TOKENS.map(|(token, authorization, _)| {
        let world = &world;
        async move {
            // The void does not wait for the outcome of the authorisation; the service does.
            let booking = Booking::new();
            world.send(vec![booking.authorize(token, "129.00")]).await;
            assert_eq!(world.outcome(booking.void()).await, Outcome::Done, "{token}");
            assert_ne!(world.open_at_provider(booking).await, Some(1), "{token}");
            let state = if authorization.is_ok() {
                "voided"
            } else {
                "declined"
            };
            let (_, payment) = world.get(&format!("/v1/payments/{}", booking.payment_id)).await;
            assert_eq!(payment["state"], state, "{token}");
            let late = world.outcome(booking.again().capture()).await;
            assert_eq!(ended(&late), Err("capture_declined"), "{token}");
        }
    });
    futures::future::join_all(all).await;
    assert_eq!(world.count("select count(*) from payment.movement").await, 0);
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn a_void_gives_back_what_was_captured_all_the_same(pool: PgPool) {
    let world = World::new(pool).await;
    let all = TOKENS.map(|(token, ..)| {
        let world = &world;
        async move {
            let booking = Booking::new();
            world.outcome(booking.authorize(token, "80.00")).await;
            world.send(vec![booking.capture()]).await;
            assert_eq!(world.outcome(booking.void()).await, Outcome::Done, "{token}");
            assert_eq!(
                world.outcome(booking.again().void()).await,
                Outcome::Done,
                "{token}"
            );
            assert_ne!(world.open_at_provider(booking).await, Some(1), "{token}");
        }
    });
    futures::future::join_all(all).await;
    assert_eq!(
        world
            .count("select coalesce(sum(amount_minor), 0)::bigint from payment.movement")
            .await,
        0
    );
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn a_void_that_comes_first_forbids_the_authorisation(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    assert_eq!(world.outcome(booking.void()).await, Outcome::Done);
    let late = world.outcome(booking.authorize("pm_ok", "129.00")).await;
    assert_eq!(ended(&late), Err("payment_voided"));
    assert_eq!(
        world.open_at_provider(booking).await,
        None,
        "the provider was never asked"
    );
    // Also when both come in one batch.
    let together = Booking::new();
    world
        .send(vec![together.void(), together.authorize("pm_ok", "129.00")])
        .await;
    assert_eq!(
        ended(&world.replied(&together.authorize("pm_ok", "129.00")).await),
        Err("payment_voided")
    );
    let reversed = Booking::new();
    world
        .send(vec![
            reversed.authorize("pm_unknown_then_ok", "129.00"),
            reversed.void(),
        ])
        .await;
    assert_eq!(world.replied(&reversed.void()).await, Outcome::Done);
    assert_eq!(world.open_at_provider(reversed).await, Some(0));
}

#[sqlx::test(migrations = false)]
async fn a_command_that_comes_again_is_answered_again_and_done_once(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    let mut authorize = booking.authorize("pm_ok", "129.00");
    for attempt in 1..=3 {
        authorize.attempt = attempt;
        assert_eq!(world.outcome(authorize.clone()).await, Outcome::Done);
    }
    let mut capture = booking.capture();
    let repeats: Vec<_> = (1..=3)
        .map(|attempt| {
            capture.attempt = attempt;
            capture.clone()
        })
        .collect();
    world.send(repeats).await;
    assert_eq!(world.replied(&capture).await, Outcome::Done);
    let refund = booking.again().refund("129.00");
    for attempt in 1..=3 {
        let mut refund = refund.clone();
        refund.attempt = attempt;
        assert_eq!(world.outcome(refund).await, Outcome::Done);
    }
    assert_eq!(world.count("select count(*) from payment.operation").await, 3);
    assert_eq!(world.count("select count(*) from payment.movement").await, 2);
    let (_, payment) = world.get(&format!("/v1/payments/{}", booking.payment_id)).await;
    assert_eq!(payment["state"], "refunded");
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn a_refund_never_exceeds_what_is_left(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    world.outcome(booking.authorize("pm_ok", "100.00")).await;
    world.outcome(booking.capture()).await;
    for amount in ["70.00", "70.00", "70.00", "0.00"] {
        assert_eq!(world.outcome(booking.again().refund(amount)).await, Outcome::Done);
    }
    let (_, payment) = world.get(&format!("/v1/payments/{}", booking.payment_id)).await;
    assert_eq!(payment["refunded"]["amount"], "100.00");
    world.check_ledgers().await;
    // What was never paid cannot be given back, and a cancellation ends all the same.
    assert_eq!(world.outcome(Booking::new().refund("1.00")).await, Outcome::Done);
    assert_eq!(
        ended(&world.outcome(Booking::new().capture()).await),
        Err("capture_declined")
    );
}
