//! What a booking is refused for reaches the guest, by words that this release has never heard too.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;
use sqlx::{Postgres, Transaction};
use tests::{Answer, Hotel, Platform, booking_body, until};
use uuid::Uuid;

/// Says as a participant of a newer release that a step is refused, in its outbox, from where its relay takes it.
async fn refuse(platform: &Platform, saga_id: &str, step: &str, refusal: &str) {
    let reply = format!(
        r#"{{"saga_id":"{saga_id}","step":"{step}","undo":false,"attempt":1,"outcome":{{"refused":{refusal}}}}}"#
    );
    let id = Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d);
    let row = format!(
        "insert into inventory.outbox (id, aggregatetype, aggregateid, type, payload) \
         values ('{id}', 'orchestrator.messages', '{saga_id}', 'Refused', '{reply}')"
    );
    platform.tamper(&row).await;
}

/// A run waits for the answer to this step.
pub(crate) async fn waits_for(platform: &Platform, saga_id: &str, step: &str) {
    until(step, async || {
        let run = platform.get(&format!("/v1/sagas/{saga_id}")).await;
        (run.text("/waiting_for/step") == step).then_some(())
    })
    .await;
}

/// Books, and has the inventory of this release not get to its holds before one of another release has answered: until the
/// lock is given back. The answer is the first one, 202.
pub(crate) async fn held_up(
    platform: &Platform,
    body: &Value,
    key: &str,
) -> (Transaction<'static, Postgres>, Answer) {
    let database = platform.database().await;
    #[expect(clippy::disallowed_methods, reason = "a lock past the services")]
    let mut others = database.begin().await.unwrap();
    others
        .execute("lock table inventory.hold in access exclusive mode")
        .await
        .unwrap();
    let headers = [("idempotency-key", key)];
    let taken = platform
        .send_json(Method::POST, "/v1/reservations", body, &headers)
        .await;
    assert_eq!(taken.status, 202, "{}", taken.json);
    waits_for(platform, taken.text("/saga_id"), "hold-rooms").await;
    (others, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_nobody_knows_reaches_the_guest_with_its_text_and_the_status_of_its_class() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    let quote = hotel.quote(&platform, 5, 2, 1).await;
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let waits = [("idempotency-key", "moonlit"), ("prefer", "wait=30")];
    let (others, taken) = held_up(&platform, &body, "moonlit").await;
    let saga = format!("/v1/sagas/{}", taken.text("/saga_id"));

    let night = hotel.night(6);
    let said = format!(
        r#"{{"moon":{{"phase":"full","days":[14,-1]}},"message":"The moon is too bright for {night}.","class":"gone","night":"{night}","code":"moonlit"}}"#
    );
    refuse(&platform, taken.text("/saga_id"), "hold-rooms", &said).await;
    let answer = platform
        .send_json(Method::POST, "/v1/reservations", &body, &waits)
        .await;
    others.rollback().await.unwrap();
    assert_eq!(answer.status, 410, "gone is 410: {}", answer.json);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let wanted = json!({
        "type": "/problems/moonlit", "title": "Gone", "status": 410, "code": "moonlit", "retryable": false,
        "detail": format!("The moon is too bright for {night}."), "night": night,
        "reservation_id": taken.json["reservation_id"], "moon": {"phase": "full", "days": [14, -1]},
    });
    assert_eq!(answer.json, wanted);

    // Orchestrator and reservation pass it on byte for byte: in the run, in the reservation, and to who follows it.
    let reservation = platform
        .get(&format!("/v1/reservations/{}", taken.text("/reservation_id")))
        .await;
    assert_eq!(reservation.text("/state"), "rejected");
    let text = String::from_utf8_lossy(&reservation.bytes).into_owned();
    assert!(text.contains(&format!("\"refusal\":{said}")), "{text}");
    // The guest may be told before the run has written why it ended.
    let reason = until("the run says why", async || {
        let run = platform.get(&saga).await;
        Some(run.text("/reason").to_owned()).filter(|reason| !reason.is_empty())
    })
    .await;
    assert_eq!(reason, format!("moonlit (The moon is too bright for {night}.)"));
    let events = platform
        .query("select payload::text from reservation.outbox where type = 'reservation.rejected'")
        .await;
    assert!(events.is_some_and(|event| event.contains(&format!("{{\"rejected\":{said}}}"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_listed_with_what_to_do_and_has_a_page() {
    let platform = Platform::start().await;
    let list = platform.get("/v1/problems").await;
    assert_eq!(list.status, 200, "{}", list.json);
    let items = list.json["items"].as_array().unwrap();
    let find = |code: &str| {
        items
            .iter()
            .find(|item| item["code"] == code)
            .unwrap_or(&Value::Null)
    };
    assert_eq!(
        find("sold_out"),
        &json!({
            "code": "sold_out", "class": "taken", "status": 409, "retryable": false,
            "happened": "A night of the stay has no room of this type left; `night` says which.",
            "remedy": "Search again and take other dates or another room type. Nothing was charged. Another try needs a new Idempotency-Key.",
            "advice": "The same request will not succeed; another offer may. A booking needs a new quote.",
            "sentences": {
                "guest": "The night of {night} is sold out.",
                "staff": "In the night of {night} every room of this type that may be sold is held or sold.",
                "operator": "The hold found no room left in the night of {night}.",
            },
            "arguments": ["night"],
            "links": {"page": "/problems/sold_out"},
        })
    );
    let busy = find("unavailable");
    assert_eq!(
        (&busy["class"], &busy["status"], &busy["retryable"]),
        (&json!("busy"), &json!(503), &json!(true))
    );
    for item in items {
        let page = platform.get(item["links"]["page"].as_str().unwrap()).await;
        let html = String::from_utf8_lossy(&page.bytes).into_owned();
        assert!(page.status == 200 && html.contains("What to do"), "{item}");
    }
    let document = platform.get("/openapi.json").await;
    let codes: Vec<_> = items.iter().map(|item| item["code"].clone()).collect();
    assert_eq!(
        document.json["components"]["schemas"]["ProblemCode"]["enum"],
        json!(codes)
    );
    assert_eq!(platform.get("/v1/problems?code=x").await.status, 422);
}
