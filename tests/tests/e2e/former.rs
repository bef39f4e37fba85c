//! Processes of the former release run beside this one while it comes.

use reqwest::Method;
use serde_json::{Value, json};
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
        .send_json(Method::POST, "/v1/reservations", &body, &waits)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    // The audit wants everything that was said in an inbox, wherever it was said.
    platform.comes_to_rest(PATIENCE).await.unwrap();
}

/// They write rooms that are alike as one row of a hold, with their number.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_the_former_release_has_written_as_one_row_are_given_back() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5).await;
    let quote = hotel.quote(&platform, 4, 3, 3).await;
    let booked = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    assert_eq!(rows(&platform).await, "1 sold 1, 2 sold 1, 3 sold 1");
    platform
        .tamper(
            "delete from inventory.hold where line_no > 1;
             update inventory.hold set rooms = 3",
        )
        .await;
    platform.comes_to_rest(PATIENCE).await.unwrap();
    assert_eq!(hotel.counts(&platform, 5).await, (0, 3));
    let path = format!("/v1/reservations/{}/cancellation", booked.text("/reservation_id"));
    let cancelled = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    assert_eq!(rows(&platform).await, "1 released 3");
    assert_eq!(hotel.counts(&platform, 5).await, (0, 0));
    platform.comes_to_rest(PATIENCE).await.unwrap();
}

async fn rows(platform: &Platform) -> String {
    let rows = "select string_agg(format('%s %s %s', line_no, state, rooms), ', ' order by line_no) from inventory.hold";
    platform.query(rows).await.unwrap_or_default()
}
