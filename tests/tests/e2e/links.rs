//! A guest's link on a whole platform: the README's walk by somebody who has no key.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer};

const NOBODY: (&str, &str) = ("authorization", "");

async fn send(platform: &Platform, method: Method, path: &str, link: &str) -> Answer {
    let bearer = bearer(link);
    let headers = [("authorization", bearer.as_str()), ("prefer", "wait=30")];
    platform.send_json(method, path, &Value::Null, &headers).await
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.text("/code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reads_and_cancels_by_the_link_of_the_answer_and_whoever_knows_the_id_does_not() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 3).await;
    let quote = hotel.quote(&platform, 1, 2, 1).await;
    let booked = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    let again = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(again.bytes, booked.bytes, "a repeat has the same link");
    let itself = booked.text("/links/self");
    let link = booked.text("/guest_link/token");
    let nobody = platform
        .send_json(Method::GET, itself, &Value::Null, &[NOBODY])
        .await;
    assert_eq!(told(&nobody), (401, "credential_missing"));
    assert!(
        nobody.text("/detail").contains("look-up"),
        "{}",
        nobody.text("/detail")
    );

    let mut without = booked.json.clone();
    without.as_object_mut().unwrap().remove("guest_link");
    assert_eq!(send(&platform, Method::GET, itself, link).await.json, without);
    let cost = send(
        &platform,
        Method::GET,
        booked.text("/links/cancellation_quote"),
        link,
    )
    .await;
    let cancelled = send(&platform, Method::POST, booked.text("/links/cancellation"), link).await;
    assert_eq!(
        (cancelled.text("/state"), &cancelled.json["refund"]),
        ("cancelled", &cost.json["refund"]),
        "{}",
        cancelled.json
    );
    let history = send(&platform, Method::GET, booked.text("/links/history"), link).await;
    assert_eq!(history.json["items"].as_array().map(Vec::len), Some(4));
    // The messages of the cancellation name the guest, by the reservation.
    let asked = format!(
        "select count(*)::text from reservation.outbox where actor = 'guest:{}'",
        booked.text("/reservation_id")
    );
    assert_ne!(platform.query(&asked).await.as_deref(), Some("0"));
    platform.assert_audit_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_withdraws_the_links_of_a_booking_and_its_guest_gets_another() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 3).await;
    let booked = hotel.book(&platform, 1, 2, "pm_ok").await;
    let (itself, link) = (booked.text("/links/self"), booked.text("/guest_link/token"));
    let revocation = booked.text("/links/guest_links_revocation");
    let viewer = send(&platform, Method::POST, revocation, &platform.keys.viewer).await;
    assert_eq!(told(&viewer), (403, "not_permitted"));
    assert_eq!(send(&platform, Method::GET, itself, link).await.status, 200);
    let withdrawn = send(&platform, Method::POST, revocation, &platform.keys.staff).await;
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.json);
    assert_eq!(withdrawn.json.get("guest_link"), None);
    let old = send(&platform, Method::GET, itself, link).await;
    assert_eq!(told(&old), (404, "not_found"));
    let body = json!({"code": booked.text("/code"), "email": booked.text("/guest/email")});
    let found = platform.post("/v1/reservations/look-up", &body).await;
    let new = found.text("/guest_link/token");
    assert_ne!(new, link);
    assert_eq!(send(&platform, Method::GET, itself, new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_secret_for_links_does_not_start_and_says_what_to_do() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_LINK_SECRET", "1:short");
    let refused = platform.command(&["run", "--target", "hotel"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(
        said.contains("BELLHOP_LINK_SECRET") && said.contains("openssl rand"),
        "{said}"
    );
}
