//! Processes are killed at any moment; nothing that was acknowledged is lost and nothing is left open.

use futures::future::join_all;
use reqwest::Method;
use tests::{Hotel, Platform, booking_body, until};

/// When each round is killed, as a condition in SQL.
const MOMENTS: [&str; 3] = [
    "true",
    "exists (select from payment.payment)",
    "exists (select from reservation.reservation where state = 'confirmed' and check_in = (select max(check_in) from reservation.reservation))",
];

#[tokio::test(flavor = "multi_thread")]
async fn bookings_survive_kills_of_everything() {
    let mut platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 30).await;
    let mut accepted = Vec::new();
    for round in 0..3_u32 {
        let asked = join_all((0..20).map(async |_| {
            let quote = hotel.quote(&platform, round, 2, 1).await;
            let key = quote["quote_id"].as_str().unwrap().to_owned();
            let body = booking_body(&quote, "Un Lucky", "pm_ok");
            let asked = platform
                .send_json(
                    Method::POST,
                    "/v1/reservations",
                    &body,
                    &[("idempotency-key", &key)],
                )
                .await;
            assert_eq!(asked.status, 202, "{}", asked.json);
            asked.text("/reservation_id").to_owned()
        }))
        .await;
        accepted.extend(asked);
        // Each round stops them at another moment of their way.
        until(MOMENTS[round as usize], async || {
            let reached = platform
                .query(&format!("select ({})::text", MOMENTS[round as usize]))
                .await;
            (reached.as_deref() == Some("true")).then_some(())
        })
        .await;
        platform.kill();
        platform.run("all");
        platform.ready().await;
    }
    for id in &accepted {
        until("every accepted booking ends", async || {
            let now = platform.get(&format!("/v1/reservations/{id}")).await;
            (now.text("/state") == "confirmed" || now.text("/state") == "rejected").then_some(())
        })
        .await;
    }
    platform.assert_audit_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_orchestrator_takes_over_and_the_paused_one_does_no_harm() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_NODE", "first");
    // The first process runs the orchestrator alone, so that it can be paused alone.
    let listen = free_address();
    let own = platform
        .env
        .iter()
        .find(|(name, _)| name == "BELLHOP_LISTEN")
        .cloned()
        .unwrap();
    platform.set("BELLHOP_LISTEN", &listen);
    platform.run("orchestrator");
    platform.set("BELLHOP_LISTEN", &own.1);
    platform.run("relay,access,sandbox-provider,hotel,inventory,payment,reservation,availability");
    platform.ready().await;
    let hotel = Hotel::create(&platform, 20).await;
    assert_eq!(hotel.book(&platform, 0, 1, "pm_ok").await.status, 201);

    platform.signal("-STOP");
    platform.set("BELLHOP_NODE", "second");
    platform.set("BELLHOP_LISTEN", &free_address());
    platform.run("orchestrator");
    let booked = hotel.book(&platform, 1, 1, "pm_ok").await;
    let id = booked.text("/reservation_id").to_owned();
    until("the second orchestrator books", async || {
        let now = platform.get(&format!("/v1/reservations/{id}")).await;
        (now.text("/state") == "confirmed").then_some(())
    })
    .await;
    platform.signal("-CONT");
    assert_eq!(hotel.book(&platform, 2, 1, "pm_ok").await.status, 201);
    let taken_over = platform
        .query("select count(*)::text from orchestrator.saga_epoch where ended_at is not null")
        .await;
    assert_ne!(taken_over.as_deref(), Some("0"));
    platform.assert_audit_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_and_ends_well() {
    let mut platform = Platform::start().await;
    platform.signal("-TERM");
    assert!(platform.exit(), "the process says that everything ended in order");
}

pub(crate) fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}
