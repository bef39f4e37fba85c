//! What a collector of OpenTelemetry is told of a booking, from every process that takes part in it.

use reqwest::Method;
use tests::{Answer, Collector, Hotel, Platform, SpanSeen, booking_body, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

async fn book(platform: &Platform, hotel: &Hotel, flags: &str, payment_method: &str) -> Answer {
    let quote = hotel.quote(platform, 3, 2, 1).await;
    let key = quote["quote_id"].as_str().unwrap();
    let traceparent = format!("00-{TRACE}-{CALLER}-{flags}");
    let headers = [
        ("idempotency-key", key),
        ("prefer", "wait=30"),
        ("traceparent", traceparent.as_str()),
    ];
    let body = booking_body(&quote, "Grace Hopper", payment_method);
    platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await
}

/// Waits until the request has arrived, so many steps, and of each what its participant did and how the orchestrator
/// heard of it: every process exports when it is its turn.
async fn arrived(collector: &Collector, steps: usize) -> Vec<SpanSeen> {
    until("the spans arrive", async || {
        let spans = collector.spans();
        let request = spans.iter().find(|span| span.name == "POST /v1/reservations")?;
        let started = names(&children(&spans, request)).contains(&"process orchestrator.messages");
        let ended: Vec<_> = spans.iter().filter(|span| is_step(span)).collect();
        let whole = |step: &&&SpanSeen| {
            let parts = names(&children(&spans, step)).join(", ");
            parts.contains(".commands") && parts.contains("process orchestrator.messages")
        };
        let whole = ended.iter().filter(whole).count();
        (started && whole >= steps).then_some(spans)
    })
    .await
}

fn is_step(span: &SpanSeen) -> bool {
    span.name.starts_with("step ") || span.name.starts_with("undo ")
}

fn children<'s>(spans: &'s [SpanSeen], of: &SpanSeen) -> Vec<&'s SpanSeen> {
    let mut found: Vec<_> = spans.iter().filter(|span| span.parent == of.id).collect();
    found.sort_by_key(|span| span.from_to);
    found
}

fn names<'s>(spans: &[&'s SpanSeen]) -> Vec<&'s str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

async fn platform(collector: &Collector) -> Platform {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_OTLP_ENDPOINT", &collector.url);
    platform.set("BELLHOP_TRACED_PER_THOUSAND", "0");
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    platform
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_tells_where_the_time_of_a_booking_went_over_all_processes() {
    let collector = Collector::start().await;
    let platform = platform(&collector).await;
    let hotel = Hotel::create(&platform, 3).await;
    let booked = book(&platform, &hotel, "01", "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    let spans = arrived(&collector, 5).await;
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:?}");
    assert!(
        spans.iter().all(|span| span.from_to.0 <= span.from_to.1),
        "{spans:?}"
    );

    let request = spans
        .iter()
        .find(|span| span.name == "POST /v1/reservations")
        .unwrap();
    assert_eq!(request.parent, CALLER);
    assert_eq!(request.attributes["http.response.status_code"], "201");
    let parts = children(&spans, request);
    let steps: Vec<_> = parts.iter().copied().filter(|span| is_step(span)).collect();
    let expected = [
        ("step hold-rooms", "process inventory.commands"),
        ("step authorize-payment", "process payment.commands"),
        ("step book-rooms", "process inventory.commands"),
        ("step capture-payment", "process payment.commands"),
        ("step confirm-reservation", "process reservation.commands"),
    ];
    assert_eq!(names(&steps), expected.map(|(step, _)| step));
    // The saga was asked for by the request itself.
    assert_eq!(parts.len(), 6, "{:?}", names(&parts));
    assert!(names(&parts).contains(&"process orchestrator.messages"));
    for (step, (name, participant)) in steps.iter().zip(expected) {
        assert_eq!(step.attributes["bellhop.step.outcome"], "done", "{name}");
        assert_eq!(
            step.attributes["bellhop.saga.id"],
            booked.text("/saga_id"),
            "{name}"
        );
        // What the participant did, and how the orchestrator heard of it.
        let parts = names(&children(&spans, step)).join(", ");
        assert!(parts.contains(participant), "{name}: {parts}");
        assert!(!step.failed, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_step_and_what_was_undone_are_told_and_what_nobody_asked_for_is_not() {
    let collector = Collector::start().await;
    let platform = platform(&collector).await;
    let hotel = Hotel::create(&platform, 3).await;
    // Its caller does not keep a record of it.
    let booked = book(&platform, &hotel, "00", "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    let declined = book(&platform, &hotel, "01", "pm_declined").await;
    assert_eq!(declined.status, 402, "{}", declined.json);
    let spans = arrived(&collector, 4).await;
    let requests: Vec<_> = spans
        .iter()
        .filter(|span| span.name.starts_with("POST "))
        .collect();
    assert_eq!(
        names(&requests),
        ["POST /v1/reservations"],
        "the others were not sampled"
    );
    let steps: Vec<_> = children(&spans, requests[0])
        .into_iter()
        .filter(|span| is_step(span))
        .collect();
    let told: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                step.name.as_str(),
                step.attributes["bellhop.step.outcome"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("step hold-rooms", "done"),
            ("step authorize-payment", "refused"),
            ("undo hold-rooms", "undone"),
            ("undo open-reservation", "undone"),
        ]
    );
    assert_eq!(steps[1].attributes["bellhop.refusal.code"], "payment_declined");
    assert!(steps.iter().all(|step| !step.failed), "a no is an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let url = Collector::start().await.url.clone();
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_OTLP_ENDPOINT", &url);
    platform.set("BELLHOP_TRACED_PER_THOUSAND", "1000");
    platform.run("all");
    platform.ready().await;
    let hotel = Hotel::create(&platform, 3).await;
    let booked = hotel.book(&platform, 3, 2, "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    until("the lost spans are counted", async || {
        let metrics = platform.get("/metrics").await;
        let said = String::from_utf8_lossy(&metrics.bytes).into_owned();
        said.contains("bellhop_spans_total{outcome=\"lost\"}")
            .then_some(())
    })
    .await;
}
