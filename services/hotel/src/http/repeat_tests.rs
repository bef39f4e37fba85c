//! One key, one thing: on every POST that makes something, at once, later, and by another process.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use platform::repeat::{self, RepeatConfig};
use serde_json::{Value, json};
use sqlx::postgres::PgPool;

use crate::SCHEMA;
use crate::testing::{Api, NOBODY, hotel, with};

/// An answer with what makes it the same.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, String) {
        (
            self.status,
            self.json()["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Whether `other` is a repeat of this: the same bytes, and said to be.
    fn again(&self, other: &Self) -> bool {
        let same = ["location", "content-type"]
            .iter()
            .all(|name| self.header(name) == other.header(name));
        same && (self.status, &self.bytes) == (other.status, &other.bytes)
            && self.header("idempotent-replayed").is_none()
            && other.header("idempotent-replayed") == Some("true")
    }
}

async fn post(api: &Api, path: &str, key: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = api
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await;
    let (head, body) = response.into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        bytes: body.collect().await.unwrap().to_bytes(),
    }
}

async fn count(api: &Api, from: &str) -> i64 {
    #[expect(clippy::disallowed_methods, reason = "tests look past the service")]
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from hotel.{from}")));
    count.fetch_one(&api.pool).await.unwrap()
}

async fn sql(api: &Api, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&api.pool).await.unwrap();
}

/// Each POST that makes something: its path, a body, another body, and the table in which one more is found.
async fn creations(api: &Api) -> Vec<(String, Value, Value, Option<&'static str>)> {
    let aurora = api.aurora().await;
    let of = format!("/v1/hotels/{}", aurora.hotel);
    let room_type = json!({"name": "Twin", "beds": ["single", "single"], "adults_max": 2, "children_max": 0});
    let plan = json!({"name": "Saver", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let other = |body: &Value, field: &str, value: Value| with(body, field, Some(value));
    let named = |body: &Value| other(body, "/name", json!("Another name"));
    let stay = aurora.stay();
    vec![
        ("/v1/hotels".to_owned(), hotel(), named(&hotel()), Some("hotel")),
        (
            format!("{of}/room-types"),
            room_type.clone(),
            named(&room_type),
            Some("room_type"),
        ),
        (
            format!("{of}/rate-plans"),
            plan.clone(),
            named(&plan),
            Some("rate_plan"),
        ),
        (
            "/v1/quotes".to_owned(),
            stay.clone(),
            other(&stay, "/party/children", json!(0)),
            None,
        ),
    ]
}

#[sqlx::test(migrations = false)]
async fn the_same_request_under_the_same_key_is_done_once(pool: PgPool) {
    let api = Api::start(pool.clone()).await;
    let restarted = Api::start(pool).await;
    for (path, body, other, table) in creations(&api).await {
        let rows = async || match table {
            Some(table) => count(&api, table).await,
            None => 0,
        };
        let before = rows().await;
        let made = i64::from(table.is_some());
        let first = post(&api, &path, Some("key"), &body).await;
        assert_eq!(first.status, 201, "{path}: {first:?}");
        for api in [&api, &restarted] {
            let again = post(api, &path, Some("key"), &body).await;
            assert!(first.again(&again), "{path}: {again:?}");
        }
        // However it is written.
        let fields = body.as_object().unwrap().iter().rev();
        let text: Vec<String> = fields
            .map(|(name, value)| format!("{}:\n{value}", json!(name)))
            .collect();
        let request = Request::post(&path)
            .header("content-type", "application/json; charset=utf-8")
            .header("idempotency-key", "\"key\"");
        let response = api
            .send(
                request
                    .body(Body::from(format!("{{ {} }}", text.join(" , "))))
                    .unwrap(),
            )
            .await;
        assert_eq!(response.headers()["idempotent-replayed"], "true", "{path}");
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            first.bytes
        );
        assert_eq!(rows().await, before + made, "{path}");

        let reused = post(&restarted, &path, Some("key"), &other).await;
        assert_eq!(
            reused.code(),
            (422, "idempotency_key_reused".to_owned()),
            "{path}"
        );
        assert_eq!(reused.json()["pointer"], "Idempotency-Key");
        assert_eq!(rows().await, before + made, "{path}");

        // Another key, and none, are other requests.
        let others = [
            post(&api, &path, Some("another"), &body).await,
            post(&api, &path, None, &body).await,
            post(&api, &path, None, &body).await,
        ];
        for other in others {
            assert_eq!(other.status, 201, "{path}: {other:?}");
            assert!(other.bytes != first.bytes && other.header("idempotent-replayed").is_none());
        }
        assert_eq!(rows().await, before + 4 * made, "{path}");
    }
    assert_eq!(count(&api, "idempotency_key").await, 8);
}

#[sqlx::test(migrations = false)]
async fn many_at_once_make_one(pool: PgPool) {
    let api = Api::start(pool.clone()).await;
    let other = Api::start(pool).await;
    for (path, body, different, table) in creations(&api).await {
        let before = match table {
            Some(table) => count(&api, table).await,
            None => 0,
        };
        let send = |api, body| post(api, &path, Some("at-once"), body);
        let (a, b, c, d, e, f) = tokio::join!(
            send(&api, &body),
            send(&other, &body),
            send(&api, &body),
            send(&other, &different),
            send(&api, &different),
            send(&other, &body),
        );
        let answers = [a, b, c, d, e, f];
        let first: Vec<&Answer> = answers
            .iter()
            .filter(|answer| answer.status == 201 && answer.header("idempotent-replayed").is_none())
            .collect();
        assert_eq!(first.len(), 1, "{path}: {answers:?}");
        for answer in answers.iter().filter(|answer| !std::ptr::eq(*answer, first[0])) {
            let reused = answer.code() == (422, "idempotency_key_reused".to_owned());
            assert!(reused || first[0].again(answer), "{path}: {answer:?}");
        }
        if let Some(table) = table {
            assert_eq!(count(&api, table).await, before + 1, "{path}");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn what_is_refused_claims_nothing(pool: PgPool) {
    let api = Api::start(pool).await;
    let creations = creations(&api).await;
    for (path, body, _, _) in &creations {
        for key in ["two words", "", "\"open", &"k".repeat(256)] {
            let answer = post(&api, path, Some(key), body).await;
            assert_eq!(
                answer.code(),
                (400, "idempotency_key_invalid".to_owned()),
                "{path} {key}"
            );
        }
        let unknown = with(body, "/no_such", Some(json!(1)));
        assert_eq!(post(&api, path, Some("key"), &unknown).await.status, 422);
        if path.contains("hotels/") {
            let (_, below) = path.rsplit_once('/').unwrap();
            let nowhere = format!("/v1/hotels/{NOBODY}/{below}");
            assert_eq!(post(&api, &nowhere, Some("key"), body).await.status, 404);
        }
    }
    // Refused for what the database says, inside the transaction.
    let stay = &creations[3].1;
    let unpriced = with(
        &with(stay, "/check_in", Some(json!("2026-07-08"))),
        "/check_out",
        Some(json!("2026-07-09")),
    );
    let refused = post(&api, "/v1/quotes", Some("key"), &unpriced).await;
    assert_eq!(refused.code(), (409, "no_price".to_owned()));
    assert_eq!(count(&api, "idempotency_key").await, 0);
    for (path, body, _, _) in &creations {
        let made = post(&api, path, Some("key"), body).await;
        assert!(
            made.status == 201 && made.header("idempotent-replayed").is_none(),
            "{path}: {made:?}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn the_same_body_for_another_hotel_is_another_request(pool: PgPool) {
    let api = Api::start(pool).await;
    let first = api.add("/v1/hotels", &hotel(), "hotel_id").await;
    let second = api.add("/v1/hotels", &hotel(), "hotel_id").await;
    let plan = json!({"name": "Saver", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let path = |hotel: &str| format!("/v1/hotels/{hotel}/rate-plans");
    assert_eq!(post(&api, &path(&first), Some("key"), &plan).await.status, 201);
    let reused = post(&api, &path(&second), Some("key"), &plan).await;
    assert_eq!(reused.code(), (422, "idempotency_key_reused".to_owned()));
    // Another route has keys of its own.
    let room_type = json!({"name": "Twin", "beds": ["twin"], "adults_max": 2, "children_max": 0});
    let path = format!("/v1/hotels/{second}/room-types");
    assert_eq!(post(&api, &path, Some("key"), &room_type).await.status, 201);
    assert_eq!(count(&api, "rate_plan").await, 1);
}

#[sqlx::test(migrations = false)]
async fn a_quote_is_told_again_as_it_was_whatever_it_would_cost_now(pool: PgPool) {
    let api = Api::start(pool).await;
    let stay = api.aurora().await.stay();
    let first = post(&api, "/v1/quotes", Some("key"), &stay).await;
    assert_eq!(first.status, 201, "{first:?}");
    sql(&api, "delete from hotel.price").await;
    let again = post(&api, "/v1/quotes", Some("key"), &stay).await;
    assert!(first.again(&again), "{again:?}");
    let anew = post(&api, "/v1/quotes", Some("another"), &stay).await;
    assert_eq!(anew.code(), (409, "no_price".to_owned()));
}

#[sqlx::test(migrations = false)]
async fn keys_are_kept_for_thirty_days_and_then_forgotten(pool: PgPool) {
    let api = Api::start(pool).await;
    let forget = async || {
        repeat::forget(&api.pool, SCHEMA, RepeatConfig::default(), 10)
            .await
            .unwrap()
    };
    let first = post(&api, "/v1/hotels", Some("key"), &hotel()).await;
    sql(
        &api,
        "update hotel.idempotency_key set claimed_at = now() - interval '29 days 23 hours'",
    )
    .await;
    assert_eq!(forget().await, 0);
    assert!(first.again(&post(&api, "/v1/hotels", Some("key"), &hotel()).await));
    sql(
        &api,
        "update hotel.idempotency_key set claimed_at = now() - interval '30 days 1 hour'",
    )
    .await;
    assert_eq!(
        post(&api, "/v1/hotels", Some("young"), &hotel()).await.status,
        201
    );
    assert_eq!(forget().await, 1);
    assert_eq!(count(&api, "idempotency_key").await, 1);
    let anew = post(&api, "/v1/hotels", Some("key"), &hotel()).await;
    assert!(anew.status == 201 && anew.bytes != first.bytes);
}

/// The document says of every POST that makes something that it takes a key, so that none is forgotten.
#[test]
fn every_creation_takes_a_key() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let mut creations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let post = &item["post"];
        if post["responses"]["201"].is_object() {
            creations += 1;
            let parameters = post["parameters"].as_array().cloned().unwrap_or_default();
            let takes = parameters
                .iter()
                .any(|parameter| parameter["name"] == "Idempotency-Key");
            assert!(takes, "POST {path}");
        }
    }
    assert_eq!(creations, 4);
}
