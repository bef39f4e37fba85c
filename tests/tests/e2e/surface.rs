//! The HTTP surface holds against bad input and bad clients: a clear problem, never a 5xx.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body};

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_a_clear_problem_that_names_the_field() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    quotes(&platform, &hotel).await;
    reservations(&platform, &hotel).await;
    queries(&platform, &hotel).await;
    bodies(&platform).await;
    half_a_head_is_closed(&platform);
    pages_load_nothing_from_elsewhere(&platform).await;
}

async fn quotes(platform: &Platform, hotel: &Hotel) {
    let good = json!({
        "hotel_id": hotel.hotel_id, "room_type_id": hotel.room_type_id, "rate_plan_id": hotel.rate_plan_id,
        "check_in": hotel.night(0), "check_out": hotel.night(1), "rooms": 1, "party": {"adults": 2},
    });
    assert_eq!(platform.post("/v1/quotes", &good).await.status, 201);
    let nobody = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    let cases: [(&str, Value, &[u16]); 22] = [
        ("/check_in", json!("2026-2-3"), &[422]),
        ("/check_in", json!("2026-02-30"), &[422]),
        ("/check_in", json!("infinity"), &[422]),
        // Too long a stay, and one that ends before it begins: what is told is where it ends.
        ("/check_in", json!("2024-02-03"), &[422]),
        ("/check_in", json!("2199-02-03"), &[422]),
        ("/check_in", json!(20_260_203), &[422]),
        ("/check_in", Value::Null, &[422]),
        ("/check_out", json!(hotel.night(0)), &[422]),
        ("/check_out", json!(hotel.night(31)), &[422]),
        ("/rooms", json!(0), &[422]),
        ("/rooms", json!(-1), &[422]),
        ("/rooms", json!(1.5), &[422]),
        ("/rooms", json!(2_147_483_648_u64), &[422]),
        ("/rooms", json!("1"), &[422]),
        ("/party/adults", json!(0), &[422]),
        ("/party/adults", json!(9), &[422]),
        ("/party/infants", json!(1), &[422]),
        ("/hotel_id", json!(nobody), &[404, 422]),
        ("/room_type_id", json!(nobody), &[404, 422]),
        (
            "/rate_plan_id",
            json!("01936F5E-7D5C-7C3A-9A44-0D3F6A1B2C4D"),
            &[422],
        ),
        ("/price", json!("1.00"), &[422]),
        ("/hotel_id", json!("../../etc/passwd"), &[422]),
    ];
    for (pointer, value, statuses) in cases {
        let answer = platform.post("/v1/quotes", &with(&good, pointer, &value)).await;
        assert!(
            statuses.contains(&answer.status.as_u16()),
            "{pointer} {value}: {} {}",
            answer.status,
            answer.json
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(
            !answer.text("/code").is_empty() && !answer.text("/detail").is_empty(),
            "{}",
            answer.json
        );
        let told = match value.as_str() {
            Some("2024-02-03" | "2199-02-03") => "/check_out",
            _ => pointer,
        };
        assert_eq!(answer.text("/pointer"), told, "{value}: {}", answer.json);
    }
    // Inside the stay, but beyond what has a price.
    let unpriced = with(
        &with(&good, "/check_in", &json!(hotel.night(60))),
        "/check_out",
        &json!(hotel.night(61)),
    );
    let answer = platform.post("/v1/quotes", &unpriced).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("/code")),
        (409, "no_price"),
        "{}",
        answer.json
    );
}

async fn reservations(platform: &Platform, hotel: &Hotel) {
    let quote = hotel.quote(platform, 0, 1, 1).await;
    let good = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let forged = format!("{}x", quote["quote_token"].as_str().unwrap());
    let cases = [
        ("/quote_token", json!(forged), 422),
        ("/quote_token", json!("eyJhbGciOiJub25lIn0.e30."), 422),
        ("/guest/name", json!("a\u{0}b"), 422),
        ("/guest/name", json!(""), 422),
        ("/guest/name", json!("x".repeat(1_000)), 422),
        ("/guest/email", json!("not an address"), 422),
        ("/payment_method", json!("4111111111111111"), 422),
        ("/guest/name", json!("4111 1111 1111 1111"), 422),
        ("/party/adults", json!(1), 422),
        ("/state", json!("confirmed"), 422),
        ("/total", json!({"amount": "0.01", "currency": "EUR"}), 422),
    ];
    for (at, (pointer, value, status)) in cases.into_iter().enumerate() {
        let key = format!("bad-{at}");
        let headers = [("idempotency-key", key.as_str())];
        let body = with(&good, pointer, &value);
        let answer = platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{pointer} {value}: {}",
            answer.json
        );
        let told = if pointer == "/party/adults" {
            "/party"
        } else {
            pointer
        };
        assert_eq!(answer.text("/pointer"), told, "{value}: {}", answer.json);
        // A request that failed validation never burns its key.
        assert_eq!(
            platform
                .query(&format!(
                    "select key from reservation.reservation where key = '{key}'"
                ))
                .await,
            None
        );
    }
    let long = "x".repeat(256);
    for key in ["", "with space", long.as_str()] {
        let headers = [("idempotency-key", key)];
        let answer = platform
            .send_json(Method::POST, "/v1/reservations", &good, &headers)
            .await;
        assert_eq!(answer.status.as_u16(), 400, "{key:?}: {}", answer.json);
    }
}

async fn queries(platform: &Platform, hotel: &Hotel) {
    let base = format!("/v1/hotels/{}", hotel.hotel_id);
    let dates = format!("check_in={}&check_out={}", hotel.night(0), hotel.night(1));
    let one = format!("/v1/reservations?hotel_id={}", hotel.hotel_id);
    let found = format!("{base}/availability?{dates}&adults=2");
    let nonsense = format!(
        "{base}/calendar?room_type_id=nonsense&from={}&to={}",
        hotel.night(0),
        hotel.night(1)
    );
    let no_date = format!("{base}/availability?check_in=2026-02-30&check_out=2026-03-01&adults=1");
    let nobody = "/v1/reservations/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d".to_owned();
    let cases = [
        (format!("{found}&rooms=1&sort=price"), 422, Some("sort")),
        (format!("{found}&adults=3"), 422, Some("adults")),
        (format!("{base}/availability?{dates}"), 422, Some("adults")),
        (no_date, 422, Some("check_in")),
        (nonsense, 422, Some("room_type_id")),
        ("/v1/reservations".to_owned(), 422, Some("hotel_id")),
        (format!("{one}&limit=0"), 422, Some("limit")),
        (format!("{one}&limit=100000"), 422, Some("limit")),
        (format!("{one}&cursor=forged"), 400, Some("cursor")),
        (format!("{one}%27%20or%201=1--"), 422, Some("hotel_id")),
        (
            "/v1/reservations/not-an-id".to_owned(),
            404,
            Some("reservation_id"),
        ),
        (nobody, 404, Some("reservation_id")),
        ("/v1/hotels/%00".to_owned(), 404, Some("hotel_id")),
        ("/v1/sagas?state=nonsense".to_owned(), 422, Some("state")),
        ("/v1/nothing".to_owned(), 404, None),
        ("/v1/hotels/".to_owned(), 404, None),
    ];
    for (path, status, pointer) in cases {
        let answer = platform.get(&path).await;
        let told = (answer.status.as_u16(), answer.json["pointer"].as_str());
        assert_eq!(told, (status, pointer), "{path}: {}", answer.json);
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{path}"
        );
    }
    let answer = platform
        .send_json(Method::DELETE, "/v1/hotels", &Value::Null, &[])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("/code")),
        (405, "method_not_allowed")
    );
    assert!(answer.headers.contains_key("allow"));
}

async fn bodies(platform: &Platform) {
    let http = reqwest::Client::new();
    let url = format!("{}/v1/quotes", platform.url);
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let cases: [(&str, Vec<u8>, &[u16]); 9] = [
        ("application/json", b"{".to_vec(), &[400]),
        ("application/json", b"{} trailing".to_vec(), &[400, 422]),
        ("application/json", b"\xef\xbb\xbf{}".to_vec(), &[400]),
        ("application/json", b"\xff\xfe{\0}\0".to_vec(), &[400]),
        ("application/json", br#"{"rooms":1,"rooms":2}"#.to_vec(), &[422]),
        ("application/json", deep.into_bytes(), &[400, 422]),
        ("application/json", vec![b' '; 70_000], &[413]),
        ("text/plain", b"{}".to_vec(), &[415]),
        ("application/json; charset=latin-1", b"{}".to_vec(), &[415]),
    ];
    for (kind, body, statuses) in cases {
        let start = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        let answer = http
            .post(&url)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        assert!(statuses.contains(&status), "{kind} {start:?}: {status}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{kind} {start:?}"
        );
    }
}

/// A client that sends half a request head is cut off by a deadline.
fn half_a_head_is_closed(platform: &Platform) {
    let address = platform.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x").unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut rest = Vec::new();
    // Either an answer such as 408 and the end, or just the end: but not an open connection.
    stream
        .read_to_end(&mut rest)
        .expect("the connection is closed by the server");
}

async fn pages_load_nothing_from_elsewhere(platform: &Platform) {
    for page in ["/swagger-ui/", "/dashboard/"] {
        let answer = platform.get(page).await;
        let html = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert_eq!(answer.status, 200, "{page}");
        assert!(
            html.contains("<html") || html.contains("<!DOCTYPE html") || html.contains("<!doctype html"),
            "{page}"
        );
        for attribute in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
            assert!(!html.contains(attribute), "{page} loads from elsewhere: {html}");
        }
    }
}

/// `body` with the value at `pointer` set, made if it is not there.
fn with(body: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = body.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    parent[field] = value.clone();
    body
}
