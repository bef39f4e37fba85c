//! A guest cancels: nights and money come back by the policy, whenever the guest asks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_gives_back_nights_and_money() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 1).await;
    let booked = hotel.book(&platform, 0, 2, "pm_ok").await;
    let id = booked.text("/reservation_id");

    let quote = platform
        .get(&format!("/v1/reservations/{id}/cancellation-quote"))
        .await;
    assert_eq!(
        quote.json["refund"],
        json!({"amount": "212.00", "currency": "EUR"}),
        "{}",
        quote.json
    );
    assert_eq!(
        quote.json["penalty"],
        json!({"amount": "0.00", "currency": "EUR"})
    );

    let path = format!("/v1/reservations/{id}/cancellation");
    let cancelled = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(
        (cancelled.status, cancelled.text("/state")),
        (StatusCode::OK, "cancelled"),
        "{}",
        cancelled.json
    );
    assert_eq!(hotel.counts(&platform, 0).await, (0, 0));
    let payment = platform.get(&format!("/v1/payments/{id}")).await;
    assert_eq!(
        payment.json["refunded"],
        json!({"amount": "212.00", "currency": "EUR"}),
        "{}",
        payment.json
    );

    // Asking again changes nothing.
    let again = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(
        (again.status, again.text("/state")),
        (StatusCode::OK, "cancelled")
    );
    let refunds = platform
        .query("select count(*)::text from payment.movement where kind = 'refund'")
        .await;
    assert_eq!(refunds.as_deref(), Some("1"));

    let rebooked = hotel.book(&platform, 0, 2, "pm_ok").await;
    assert_eq!(
        rebooked.status,
        StatusCode::CREATED,
        "the room can be sold again: {}",
        rebooked.json
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_during_the_booking_never_ends_both_confirmed_and_refunded() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 20).await;
    for _ in 0..5 {
        let quote = hotel.quote(&platform, 3, 1, 1).await;
        let key = quote["quote_id"].as_str().unwrap().to_owned();
        let body = booking_body(&quote, "Early Regret", "pm_slow");
        let asked = platform
            .send_json(
                Method::POST,
                "/v1/reservations",
                &body,
                &[("idempotency-key", &key)],
            )
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.json);
        let id = asked.text("/reservation_id").to_owned();
        let cancelled = platform
            .post(&format!("/v1/reservations/{id}/cancellation"), &Value::Null)
            .await;
        assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.json);
        until("the reservation is cancelled", async || {
            let now = platform.get(&format!("/v1/reservations/{id}")).await;
            matches!(now.text("/state"), "cancelled" | "rejected").then_some(())
        })
        .await;
        let net = platform
            .query(&format!(
                "select coalesce(sum(amount_minor), 0)::text from payment.movement where reservation_id = '{id}'"
            ))
            .await;
        assert_eq!(net.as_deref(), Some("0"));
    }
    assert_eq!(hotel.counts(&platform, 3).await, (0, 0));
}
