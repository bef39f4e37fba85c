//! Every way in which a payment provider misbehaves ends well: paid once for a room, or not at all.

use futures::future::join_all;
use tests::{Hotel, Platform, until};

/// Each payment method token of the sandbox provider, with how the booking must end.
const METHODS: [(&str, &str); 9] = [
    ("pm_ok", "confirmed"),
    ("pm_declined", "rejected"),
    ("pm_slow", "confirmed"),
    ("pm_lost_reply", "confirmed"),
    ("pm_failed_lost_reply", "rejected"),
    ("pm_unknown_then_ok", "confirmed"),
    ("pm_500_after_charge", "confirmed"),
    ("pm_webhook_twice_first", "confirmed"),
    ("pm_capture_declined", "rejected"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_provider_does_the_guest_pays_once_or_not_at_all() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 20).await;
    let ended = join_all(METHODS.map(async |(method, expected)| {
        let asked = hotel.book(&platform, 0, 1, method).await;
        let id = match asked.text("/reservation_id") {
            "" => panic!("{method}: {}", asked.json),
            id => id.to_owned(),
        };
        let state = until(&format!("{method} ends"), async || {
            let now = platform.get(&format!("/v1/reservations/{id}")).await;
            (now.text("/state") != "pending").then(|| now.text("/state").to_owned())
        })
        .await;
        (method, expected, state)
    }))
    .await;
    for (method, expected, state) in &ended {
        assert_eq!(state, expected, "{method}");
    }
    let confirmed = ended
        .iter()
        .filter(|(_, _, state)| state == "confirmed")
        .count()
        .to_string();
    let paid = platform
        .query("select count(*)::text from payment.movement where kind = 'capture'")
        .await;
    assert_eq!(paid.as_ref(), Some(&confirmed));
    assert_eq!(hotel.counts(&platform, 0).await, (0, confirmed.parse().unwrap()));
    platform.assert_audit_at_rest();
}
