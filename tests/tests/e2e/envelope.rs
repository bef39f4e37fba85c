//! What travels with messages beside their bodies, from the request through every service and back.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Hotel, PATIENCE, Platform, booking_body};

const BOOKING: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CANCELLATION: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Every message so far, by who said it.
const SAID: &str = "(select 1 as place, id, type, traceparent, deadline_ms from reservation.outbox
    union all select 2, id, type, traceparent, deadline_ms from orchestrator.outbox
    union all select 3, id, type, traceparent, deadline_ms from inventory.outbox
    union all select 4, id, type, traceparent, deadline_ms from payment.outbox) said";

fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap()
}

async fn book(platform: &Platform, hotel: &Hotel, traceparent: &str) -> Answer {
    let quote = hotel.quote(platform, 3, 2, 1).await;
    let key = quote["quote_id"].as_str().unwrap();
    let headers = [
        ("idempotency-key", key),
        ("prefer", "wait=30"),
        ("traceparent", traceparent),
    ];
    let body = booking_body(&quote, "Grace Hopper", "pm_ok");
    platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_that_a_request_leads_to_has_its_trace() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 3).await;
    let traces = async |which: &str| {
        let sql = format!(
            "select string_agg(distinct coalesce(substr(traceparent, 4, 32), 'none'), ' ') from {SAID} where {which}"
        );
        platform.query(&sql).await.unwrap()
    };
    let count = async || {
        let count = platform
            .query(&format!("select count(*)::text from {SAID}"))
            .await;
        count.unwrap().parse::<u32>().unwrap()
    };
    let booked = book(&platform, &hotel, BOOKING).await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    platform.comes_to_rest(PATIENCE).await.unwrap();
    assert_eq!(traces("true").await, trace_id(BOOKING));
    let first = count().await;
    assert!(first >= 12, "{first} messages");

    // The cancellation is another request.
    let path = format!("/v1/reservations/{}/cancellation", booked.text("/reservation_id"));
    let headers = [("prefer", "wait=30"), ("traceparent", CANCELLATION)];
    let cancelled = platform
        .send_json(Method::POST, &path, &json!({}), &headers)
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    platform.comes_to_rest(PATIENCE).await.unwrap();
    let both = format!("{} {}", trace_id(CANCELLATION), trace_id(BOOKING));
    assert_eq!(traces("true").await, both);
    let second = count().await;
    assert!(second >= first + 8, "{second} messages after {first}");

    // What cannot be read is no trace, and the booking is one all the same.
    let odd = book(&platform, &hotel, "00-not-a-trace-01").await;
    assert_eq!(odd.status, 201, "{}", odd.json);
    platform.comes_to_rest(PATIENCE).await.unwrap();
    assert_eq!(traces("true").await, format!("{both} none"));

    // Only who is asked for what may be given up is told until when.
    let sql = format!(
        "select string_agg(distinct place || ' ' || type, ', ' order by place || ' ' || type) from {SAID}
         where deadline_ms is not null"
    );
    let told = platform.query(&sql).await.unwrap();
    assert_eq!(told, "2 Authorize, 2 Book, 2 Hold");
}
