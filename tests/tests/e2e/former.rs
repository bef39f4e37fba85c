//! Processes of the former release run beside this one while it comes.

use serde_json::json;
use tests::{Hotel, PATIENCE, Platform, booking_body};

use super::refusals::{held_up, waits_for};

/// They say to the orchestrator in two topics what this release says in one. Nobody has made those topics here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_where_the_former_release_says_it_is_heard() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    let quote = hotel.quote(&platform, 5, 2, 1).await;
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let waits = [("idempotency-key", "beside"), ("prefer", "wait=30")];
    let (others, taken) = held_up(&platform, &body, "beside").await;
    let saga_id = taken.text("/saga_id").to_owned();
    let reply = json!({
        "saga_id": saga_id, "step": "hold-rooms", "undo": false, "round": 1, "attempt": 1, "outcome": "done",
    });
    platform
        .tamper(&format!(
            "insert into inventory.outbox (id, aggregatetype, aggregateid, type, payload)
                 values (gen_random_uuid(), 'orchestrator.replies', '{saga_id}', 'Done', '{reply}');
             insert into reservation.outbox (id, aggregatetype, aggregateid, type, payload)
                 select gen_random_uuid(), 'orchestrator.commands', aggregateid, type, payload
                 from reservation.outbox where type = 'StartSaga'"
        ))
        .await;
    waits_for(&platform, &saga_id, "book-rooms").await;
    others.rollback().await.unwrap();
    let answer = platform
        .send_json(reqwest::Method::POST, "/v1/reservations", &body, &waits)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    // The audit wants everything that was said in an inbox, wherever it was said.
    platform.comes_to_rest(PATIENCE).await.unwrap();
}
