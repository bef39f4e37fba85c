//! The payment provider hangs: it is left alone, bookings wait and are not decided, and all come home once it answers.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{Hotel, Platform, booking_body, fixed_address, until};

/// How the provider stands.
async fn provider(platform: &Platform) -> serde_json::Value {
    let seen = platform.get("/v1/payment-providers").await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.json);
    seen.json["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_is_left_alone_and_no_booking_is_decided_until_it_answers() {
    let mut platform = Platform::migrated();
    let apart = fixed_address();
    platform.set("BELLHOP_PROVIDER_TIMEOUT_MS", "400");
    platform.set(
        "BELLHOP_PROVIDER_URL",
        &format!("http://{apart}/sandbox-provider"),
    );
    // First, so that a signal meets it.
    platform.run_with("provider", "sandbox-provider", &[("BELLHOP_LISTEN", &apart)]);
    platform.run("access,hotel,inventory,payment,reservation,availability,orchestrator,relay");
    platform.ready().await;
    let hotel = Hotel::create(&platform, 9).await;
    assert_eq!(
        hotel.book(&platform, 9, 1, "pm_ok").await.status,
        StatusCode::CREATED
    );
    assert_eq!(provider(&platform).await["state"], "closed");

    platform.signal("-STOP");
    let mut asked = Vec::new();
    for night in 0..8 {
        let quote = hotel.quote(&platform, night, 1, 1).await;
        let key = quote["quote_id"].as_str().unwrap();
        let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
        let headers = [("idempotency-key", key), ("prefer", "respond-async")];
        let answer = platform
            .send_json(reqwest::Method::POST, "/v1/reservations", &body, &headers)
            .await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
        asked.push(answer.text("/reservation_id").to_owned());
    }
    let seen = until("the provider is left alone", async || {
        let seen = provider(&platform).await;
        (seen["state"] == "open").then_some(seen)
    })
    .await;
    assert_eq!(seen["name"], "sandbox");
    assert!(seen["why"].as_str().unwrap().contains("failed"), "{seen}");
    assert!(
        seen["since"].is_string() && seen["tries_at"].is_string(),
        "{seen}"
    );
    let ready = platform.client().get("/readyz").await.unwrap();
    assert_eq!(
        ready.status,
        StatusCode::OK,
        "it could not be reached from elsewhere either"
    );
    let metrics = platform.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.bytes);
    assert!(
        metrics.contains("bellhop_breaker_opened_total{dependency=\"sandbox\"}"),
        "{metrics}"
    );
    let pending = "select count(*)::text from reservation.reservation where state = 'pending'";
    assert_eq!(
        platform.query(pending).await.as_deref(),
        Some("8"),
        "nothing is decided"
    );

    platform.signal("-CONT");
    for id in &asked {
        until(&format!("{id} is confirmed"), async || {
            let now = platform.get(&format!("/v1/reservations/{id}")).await;
            assert_ne!(now.json["state"], "rejected", "{}", now.json);
            (now.json["state"] == "confirmed").then_some(())
        })
        .await;
    }
    until("the provider is called as usual", async || {
        (provider(&platform).await["state"] == "closed").then_some(())
    })
    .await;
    let taken = "select count(*)::text from payment.movement where kind = 'capture'";
    assert_eq!(platform.query(taken).await.as_deref(), Some("9"), "each once");
    assert_eq!(provider(&platform).await.get("why"), None, "{}", json!(asked));
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
}
