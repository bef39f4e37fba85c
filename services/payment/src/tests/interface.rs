//! The HTTP interface: looking a payment up, and webhooks that are forged, old, repeated or early.

use contract::{Outcome, PaymentId};
use serde_json::{Value, json};
use sqlx::{Executor as _, PgPool};
use standardwebhooks::Webhook;

use super::world::{Booking, SECRET, World};

#[expect(
    clippy::disallowed_methods,
    reason = "a webhook's signature is checked against the machine's clock"
)]
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

async fn hear(world: &World, secret: &str, id: &str, timestamp: i64, body: &str) -> u16 {
    let signature = Webhook::new(secret)
        .unwrap()
        .sign(id, timestamp, body.as_bytes())
        .unwrap();
    let request = world
        .client
        .post(format!("{}/v1/webhooks/sandbox", world.url))
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

fn event(booking: Booking) -> String {
    let key = format!("{}.{}.authorize", booking.hotel_id, booking.payment_id);
    json!({"type": "operation.succeeded", "timestamp": "2026-01-01T00:00:00Z", "data": {"key": key}})
        .to_string()
}

#[sqlx::test(migrations = false)]
async fn a_webhook_is_believed_only_when_it_is_signed_and_fresh(pool: PgPool) {
    let world = World::new(pool).await;
    let body = event(Booking::new());
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(hear(&world, other, "a", now(), &body).await, 401);
    assert_eq!(hear(&world, SECRET, "a", now() - 301, &body).await, 401);
    assert_eq!(hear(&world, SECRET, "a", now() + 310, &body).await, 401);
    assert_eq!(world.count("select count(*) from payment.webhook").await, 0);
    let unsigned = world
        .client
        .post(format!("{}/v1/webhooks/sandbox", world.url))
        .body(body.clone());
    assert_eq!(unsigned.send().await.unwrap().status().as_u16(), 401);
    assert_eq!(hear(&world, SECRET, "a", now(), &body).await, 200);
    assert_eq!(hear(&world, SECRET, "a", now(), &body).await, 200);
    assert_eq!(world.count("select count(*) from payment.webhook").await, 1);
    assert_eq!(
        hear(
            &world,
            SECRET,
            "b",
            now(),
            r#"{"type":"payout.paid","data":{"key":"x"}}"#
        )
        .await,
        202
    );
    assert_eq!(
        hear(&world, SECRET, "c", now(), r#"{"type":"operation.succeeded"}"#).await,
        202
    );
    assert_eq!(hear(&world, SECRET, "d", now(), "not json").await, 400);
    assert_eq!(hear(&world, SECRET, "e", now(), &"x".repeat(100_000)).await, 413);
}

#[sqlx::test(migrations = false)]
async fn a_webhook_has_its_operation_asked_for_now_and_a_repeat_does_not(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    drop(world.record(vec![booking.authorize("pm_ok", "10.00")]).await);
    let never = "update payment.operation set next_attempt_at = now() + interval '1 day'";
    world.pool.execute(never).await.unwrap();
    assert_eq!(hear(&world, SECRET, "early", now(), &event(booking)).await, 200);
    assert_eq!(
        world.replied(&booking.authorize("pm_ok", "10.00")).await,
        Outcome::Done
    );

    let other = Booking::new();
    drop(world.record(vec![other.authorize("pm_ok", "10.00")]).await);
    world
        .pool
        .execute(
            "update payment.operation set next_attempt_at = now() + interval '1 day' where state = 'due'",
        )
        .await
        .unwrap();
    assert_eq!(hear(&world, SECRET, "early", now(), &event(other)).await, 200);
    // Nor does an event of another kind, whatever it names.
    let of_another = event(other).replace("operation.", "payout.");
    assert_eq!(hear(&world, SECRET, "payout", now(), &of_another).await, 202);
    let woken = "select count(*) from payment.operation where state = 'due' and next_attempt_at <= now()";
    assert_eq!(world.count(woken).await, 0);
}

#[sqlx::test(migrations = false)]
async fn a_payment_is_shown_with_the_money_that_moved(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    world.outcome(booking.authorize("pm_ok", "129.00")).await;
    world.outcome(booking.capture()).await;
    world.outcome(booking.again().refund("29.00")).await;
    let (status, payment) = world.get(&format!("/v1/payments/{}", booking.payment_id)).await;
    assert_eq!(status, 200);
    assert_eq!(payment["reservation_id"], booking.payment_id.to_string());
    assert_eq!(payment["state"], "captured");
    assert_eq!(
        payment["captured"],
        json!({"amount": "129.00", "currency": "EUR"})
    );
    assert_eq!(payment["refunded"], json!({"amount": "29.00", "currency": "EUR"}));
    let kinds: Vec<&Value> = payment["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(kinds, [&json!("capture"), &json!("refund")]);
    assert!(
        !payment.to_string().contains("pm_ok"),
        "the payment method is nobody's business"
    );

    let (status, problem) = world.get(&format!("/v1/payments/{}", PaymentId::new())).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    assert_eq!(world.get("/v1/payments/x").await.0, 404);
}

#[sqlx::test(migrations = false)]
async fn what_a_webhook_says_of_an_outcome_is_not_believed(pool: PgPool) {
    let world = World::new(pool).await;
    for (method, lie, declined) in [
        ("pm_ok", "operation.declined", false),
        ("pm_declined", "operation.succeeded", true),
    ] {
        let booking = Booking::new();
        let authorize = booking.authorize(method, "10.00");
        drop(world.record(vec![authorize.clone()]).await);
        let body = event(booking).replace("operation.succeeded", lie);
        assert_eq!(hear(&world, SECRET, method, now(), &body).await, 200);
        match world.replied(&authorize).await {
            Outcome::Done => assert!(!declined, "{method}"),
            Outcome::Refused(refusal) => {
                assert_eq!((refusal.word(), declined), ("payment_declined", true));
            }
        }
    }
    world.check_ledgers().await;
}
