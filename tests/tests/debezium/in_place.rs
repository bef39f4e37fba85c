//! Bookings and cancellations with Debezium where the relay was: the same end.

use reqwest::Method;
use serde_json::json;
use tests::{Hotel, PATIENCE, Platform, until};

use super::connect::{Connect, kafka};

/// Every target but the relay.
const OTHERS: &str = "access,sandbox-provider,hotel,inventory,payment,reservation,orchestrator,availability";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/prove debezium runs it"]
async fn bookings_and_cancellations_end_as_with_the_relay() {
    let mut platform = Platform::migrated();
    let namespace = format!("{}.", platform.name);
    // The relay makes the topics where it works; Connect would make each with its first record, too late for
    // whoever waits for its partitions.
    let brokers = kafka(&platform, &namespace);
    brokers.create_topics(&contract::topics::plans(2)).await.unwrap();
    let connect = Connect::start(&platform, &platform.name.clone(), &namespace, &[]).await;
    platform.run(OTHERS);
    platform.ready().await;
    let hotel = Hotel::create(&platform, 10).await;
    let mut confirmed = Vec::new();
    for round in 0..12 {
        let answer = hotel.book(&platform, 0, 2, "pm_ok").await;
        if round < 11 {
            assert_eq!(answer.status, 201, "{}", answer.json);
            confirmed.push(answer.text("/reservation_id").to_owned());
        } else {
            assert_eq!(answer.json["code"], "sold_out", "{}", answer.json);
        }
    }
    let declined = hotel.book(&platform, 5, 1, "pm_declined").await;
    assert_eq!(declined.json["code"], "payment_declined", "{}", declined.json);
    let cancelled = platform
        .send_json(
            Method::POST,
            &format!("/v1/reservations/{}/cancellation", confirmed[0]),
            &json!({}),
            &[("prefer", "wait=30")],
        )
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    until("the cache follows", async || {
        (hotel.left(&platform, 0, 2).await == [1, 1]).then_some(())
    })
    .await;
    assert_eq!(platform.comes_to_rest(PATIENCE).await, Ok(()));
    platform.kill();
    connect.stop(&platform).await;
}
