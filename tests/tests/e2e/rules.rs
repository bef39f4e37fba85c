//! Operators hold many runs back at once, over HTTP, on a platform whose orchestrator runs in two processes.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body, fixed_address, until};

const WHY: &str = "The whole platform is tried.";

/// A platform with an orchestrator more, which has some of the shards.
async fn platform() -> Platform {
    let mut platform = Platform::start().await;
    let listen = fixed_address();
    let env = [("BELLHOP_NODE", "second"), ("BELLHOP_LISTEN", listen.as_str())];
    platform.run_with("second", "orchestrator", &env);
    platform
}

async fn post(platform: &Platform, path: &str, body: &Value, key: &str) -> Value {
    let headers = [("idempotency-key", key)];
    let answer = platform.send_json(Method::POST, path, body, &headers).await;
    assert!(answer.status.is_success(), "{}", answer.json);
    answer.json
}

/// Asks for a booking, and answers its reservation and its run.
async fn asked(platform: &Platform, hotel: &Hotel, from: u32) -> (String, String) {
    let quote = hotel.quote(platform, from, 1, 1).await;
    let key = quote["quote_id"].as_str().unwrap();
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let headers = [("idempotency-key", key), ("prefer", "respond-async")];
    let answer = platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    (
        answer.text("/reservation_id").to_owned(),
        answer.text("/saga_id").to_owned(),
    )
}

async fn ends(platform: &Platform, reservation: &str, state: &str) {
    until(&format!("{reservation} is {state}"), async || {
        let now = platform.get(&format!("/v1/reservations/{reservation}")).await;
        (now.json["state"] == state).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_one_hotel_holds_its_bookings_back_in_every_process_and_no_others() {
    let platform = platform().await;
    let (paused, other) = (
        Hotel::create(&platform, 9).await,
        Hotel::create(&platform, 9).await,
    );
    let subject = json!({"type": "book-stay", "step": "authorize-payment", "hotel_id": paused.hotel_id});
    let rule = json!({"kind": "pause", "subject": subject, "reason": WHY});
    let rule = post(&platform, "/v1/saga-rules", &rule, "pause").await;
    let rule = rule["links"]["self"].as_str().unwrap().to_owned();
    // It holds within a second; whatever is asked for after the first that is held is held too, in that process.
    until("both processes know it", async || {
        let (_, run) = asked(&platform, &paused, 0).await;
        until("it is held back or goes on", async || {
            let saga = platform.get(&format!("/v1/sagas/{run}")).await.json;
            (saga["held_back"].is_object() || saga["state"] == "completed")
                .then(|| saga["held_back"].is_object())
        })
        .await
        .then_some(())
    })
    .await;
    let mut held = Vec::new();
    for from in 1..9 {
        held.push(asked(&platform, &paused, from).await);
    }
    let (free, _) = asked(&platform, &other, 0).await;
    ends(&platform, &free, "confirmed").await;
    for (reservation, run) in &held {
        let saga = until("it is held back", async || {
            let saga = platform.get(&format!("/v1/sagas/{run}")).await.json;
            saga["held_back"].is_object().then_some(saga)
        })
        .await;
        assert!(rule.ends_with(saga["held_back"]["rule_id"].as_str().unwrap()));
        let reservation = platform.get(&format!("/v1/reservations/{reservation}")).await;
        assert_eq!(reservation.text("/state"), "pending");
    }
    let seen = platform.get(&rule).await.json;
    assert!(seen["holds_back"].as_i64().unwrap() >= 8, "{seen}");
    post(
        &platform,
        &format!("{rule}/lift"),
        &json!({"reason": WHY}),
        "lift",
    )
    .await;
    for (reservation, run) in &held {
        ends(&platform, reservation, "confirmed").await;
        let saga = platform.get(&format!("/v1/sagas/{run}")).await.json;
        let whats = saga["journal"].as_array().unwrap().iter();
        let whats: Vec<_> = whats.map(|line| line["what"].as_str().unwrap()).collect();
        assert!(
            whats.windows(2).any(|pair| pair == ["held_back", "released"]),
            "{whats:?}"
        );
    }
    assert_eq!(platform.get(&rule).await.json["holds_back"], 0);
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
}
