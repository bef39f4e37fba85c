//! Processes of the former release run beside this one while it comes.

use serde_json::json;
use sqlx::Executor as _;
use tests::{Hotel, PATIENCE, Platform, booking_body, until};

/// They say to the orchestrator in two topics what this release says in one. Nobody has made those topics here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_where_the_former_release_says_it_is_heard() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    let quote = hotel.quote(&platform, 5, 2, 1).await;
    // The inventory of this release does not get to its holds before the one of the former release has answered.
    let database = platform.database().await;
    #[expect(clippy::disallowed_methods, reason = "a lock past the services")]
    let mut others = database.begin().await.unwrap();
    others
        .execute("lock table inventory.hold in access exclusive mode")
        .await
        .unwrap();
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let waits = [("idempotency-key", "beside"), ("prefer", "wait=30")];
    let taken = platform
        .send_json(reqwest::Method::POST, "/v1/reservations", &body, &waits[..1])
        .await;
    assert_eq!(taken.status, 202, "{}", taken.json);
    let saga_id = taken.text("/saga_id").to_owned();
    let waits_for = async |step: &str| {
        until(step, async || {
            let run = platform.get(&format!("/v1/sagas/{saga_id}")).await;
            (run.text("/waiting_for/step") == step).then_some(())
        })
        .await;
    };
    waits_for("hold-rooms").await;
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
    waits_for("book-rooms").await;
    others.rollback().await.unwrap();
    let answer = platform
        .send_json(reqwest::Method::POST, "/v1/reservations", &body, &waits)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    // The audit wants everything that was said in an inbox, wherever it was said.
    platform.comes_to_rest(PATIENCE).await.unwrap();
}
