//! What was not asked for is refused, on every operation that the OpenAPI document has, now and later: an unknown
//! parameter, an unknown field, and a body where none is taken.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Document, Hotel, Platform, booking_body, until};

/// Signed by the provider, whose events may say more than matters here.
const OTHER_RULES: [&str; 1] = ["/v1/webhooks/sandbox"];
/// For no person.
const FOR_SERVICES: &str = "/v1/access/changes";
/// An id of the right form that nothing has.
const NOBODY: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

/// An operation of the document, with ids in its path.
struct Operation {
    method: Method,
    path: String,
    takes_body: bool,
}

async fn operations(platform: &Platform, hotel: &Hotel, reservation: &str) -> Vec<Operation> {
    let document = platform.get("/openapi.json").await.json;
    let mut operations = Vec::new();
    let paths = document["paths"].as_object().unwrap().iter();
    for (template, item) in paths.filter(|(template, _)| *template != FOR_SERVICES) {
        let path = template
            .replace("{hotel_id}", &hotel.hotel_id)
            .replace("{room_type_id}", &hotel.room_type_id)
            .replace("{rate_plan_id}", &hotel.rate_plan_id)
            .replace("{reservation_id}", reservation)
            .replace("{seq}", "1")
            .replace("{verb}", "pause");
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { NOBODY } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            if operation["responses"].is_object() {
                operations.push(Operation {
                    method,
                    path: path.clone(),
                    takes_body: operation["requestBody"].is_object(),
                });
            }
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_operation_does_not_know_is_refused_and_named() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 20).await;
    let quote = hotel.quote(&platform, 0, 2, 3).await;
    let headers = [("idempotency-key", "three-rooms"), ("prefer", "wait=30")];
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let booked = platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    let reservation = booked.text("/reservation_id").to_owned();
    let operations = operations(&platform, &hotel, &reservation).await;
    assert!(operations.len() > 25, "{}", operations.len());
    let before = counts(&platform).await;
    for operation in &operations {
        queries(&platform, operation).await;
        bodies(&platform, operation).await;
    }
    assert_eq!(counts(&platform).await, before, "nothing was made or changed");
    cancelling_one_room_cancels_nothing(&platform, &reservation).await;
    tools_may_ask_as_they_like(&platform).await;
}

async fn queries(platform: &Platform, operation: &Operation) {
    let Operation { method, path, .. } = operation;
    if OTHER_RULES.contains(&path.as_str()) && method == Method::POST {
        let status = send(platform, method, &format!("{path}?no_such=1"), Some("{}"))
            .await
            .0;
        assert_eq!(status, 422, "{method} {path}");
        return;
    }
    for (query, name) in [
        ("no_such=1", "no_such"),
        ("no_such", "no_such"),
        ("n%6F_such=&no_such=2", "no_such"),
    ] {
        let (status, problem) = send(platform, method, &format!("{path}?{query}"), None).await;
        assert_eq!(
            (status, problem["code"].as_str(), problem["pointer"].as_str()),
            (422, Some("invalid_field"), Some(name)),
            "{method} {path}?{query}: {problem}"
        );
    }
}

async fn bodies(platform: &Platform, operation: &Operation) {
    let Operation {
        method,
        path,
        takes_body,
    } = operation;
    if OTHER_RULES.contains(&path.as_str()) {
        return;
    }
    let (status, problem) = send(platform, method, path, Some(r#"{"no_such":1}"#)).await;
    assert_eq!(
        (status, problem["code"].as_str(), problem["pointer"].as_str()),
        (422, Some("invalid_field"), Some("/no_such")),
        "{method} {path}: {problem}"
    );
    for body in ["null", "[]", "1", "x=1", "{"] {
        let (status, problem) = send(platform, method, path, Some(body)).await;
        assert!(
            matches!(status, 400 | 422),
            "{method} {path} with {body}: {status} {problem}"
        );
        if !takes_body {
            assert_eq!(problem["code"], "unexpected_body", "{method} {path} with {body}");
        }
    }
}

/// Sends a request as it is, as an administrator where guests do not ask, and answers the status and the body.
async fn send(platform: &Platform, method: &Method, path: &str, body: Option<&str>) -> (u16, Value) {
    let request = reqwest::Client::new()
        .request(method.clone(), format!("{}{path}", platform.url))
        .header("idempotency-key", "never-claimed");
    let request = match platform.keys.of(method.as_str(), path) {
        Some(_) => request.bearer_auth(&platform.keys.admin),
        None => request,
    };
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body.to_owned()),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let document = Document::new(platform.get("/openapi.json").await.json);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fault = document.fault((method.as_str(), path), status, header, &body);
    assert_eq!(fault, None, "{method} {path}: {body}");
    (status, body)
}

async fn counts(platform: &Platform) -> Vec<Option<String>> {
    let mut counts = Vec::new();
    for table in [
        "hotel.hotel",
        "hotel.room_type",
        "hotel.rate_plan",
        "hotel.price",
        "inventory.room_night",
        "reservation.reservation",
        "reservation.reservation_history",
    ] {
        counts.push(
            platform
                .query(&format!("select count(*)::text from {table}"))
                .await,
        );
    }
    counts
}

async fn cancelling_one_room_cancels_nothing(platform: &Platform, reservation: &str) {
    let itself = format!("/v1/reservations/{reservation}");
    let path = format!("{itself}/cancellation");
    for (query, body, status, pointer) in [
        ("", Some(r#"{"rooms":1}"#), 422, Some("/rooms")),
        ("", Some(r#"{"rooms":[1,2]}"#), 422, Some("/rooms")),
        ("", Some(r#"["room 1"]"#), 400, None),
        ("", Some("rooms=1"), 400, None),
        ("?rooms=1", None, 422, Some("rooms")),
        ("?rooms=1", Some(r#"{"rooms":1}"#), 422, Some("rooms")),
        ("?dry_run", Some("{}"), 422, Some("dry_run")),
    ] {
        let (got, problem) = send(platform, &Method::POST, &format!("{path}{query}"), body).await;
        assert_eq!(
            (got, problem["pointer"].as_str()),
            (status, pointer),
            "{query} {body:?}: {problem}"
        );
        assert_eq!(
            platform.get(&itself).await.text("/state"),
            "confirmed",
            "{query} {body:?}"
        );
    }
    // Who has nothing to say may say so in JSON.
    let (status, cancelling) = send(platform, &Method::POST, &path, Some("{}")).await;
    assert!(matches!(status, 200 | 202), "{cancelling}");
    until("it is cancelled", async || {
        (platform.get(&itself).await.text("/state") == "cancelled").then_some(())
    })
    .await;
}

/// What is not the interface is for tools, which add what they need.
async fn tools_may_ask_as_they_like(platform: &Platform) {
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/dashboard/"] {
        let answer = platform.get(&format!("{path}?collect%5B%5D=cpu&x=1")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let made = platform.post("/v1/hotels?dry_run=true", &json!({})).await;
    assert_eq!((made.status.as_u16(), made.text("/pointer")), (422, "dry_run"));
}
