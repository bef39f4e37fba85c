//! Keys on a whole platform: made from the command line and over HTTP, known to every process, refused everywhere soon
//! after they were revoked, also while the relay is gone; and what processes do that can hear of nothing any more.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, TARGETS, bearer, until};

/// In how long a revocation is heard of everywhere. A busy machine may be slower than the second that is promised, which
/// `scripts/prove revoke` is about.
const HEARD: Duration = Duration::from_secs(10);

pub(crate) async fn send(platform: &Platform, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = bearer(key);
    let headers = [("authorization", bearer.as_str())];
    platform.send_json(method, path, body, &headers).await
}

/// A partner who sells rooms of these hotels, of all without any, with a key: its id, the key's id, the key.
pub(crate) async fn partner(platform: &Platform, hotels: &[&Hotel]) -> (String, String, String) {
    let admin = &platform.keys.admin;
    let ids: Vec<_> = hotels.iter().map(|hotel| &hotel.hotel_id).collect();
    let wanted =
        json!({"kind": "partner", "name": "Sunny Trips", "hotels": ids, "all_hotels": hotels.is_empty()});
    let principal = send(platform, admin, Method::POST, "/v1/principals", &wanted).await;
    assert_eq!(principal.status, 201, "{}", principal.json);
    let principal = principal.text("/principal_id").to_owned();
    let path = format!("/v1/principals/{principal}/keys");
    let key = send(platform, admin, Method::POST, &path, &json!({})).await;
    assert_eq!(key.status, 201, "{}", key.json);
    (
        principal,
        key.text("/key_id").to_owned(),
        key.text("/key").to_owned(),
    )
}

async fn revoke(platform: &Platform, targets: &[&str], (id, key): (&str, &str)) -> Duration {
    let path = format!("/v1/keys/{id}/revocation");
    let revoked = send(platform, &platform.keys.admin, Method::POST, &path, &Value::Null).await;
    assert_eq!(revoked.status, 200, "{}", revoked.json);
    let began = Instant::now();
    platform
        .everywhere(targets, ("authorization", &bearer(key)), false)
        .await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_in_every_process_also_when_the_relay_is_gone() {
    let mut platform = Platform::migrated();
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    let hotel = Hotel::create(&platform, 3).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let (_, id, key) = partner(&platform, &[]).await;
        platform
            .everywhere(&TARGETS, ("authorization", &bearer(&key)), true)
            .await;
        keys.push((id, key));
    }
    let of = |at: usize| -> (&str, &str) { (&keys[at].0, &keys[at].1) };
    let heard = revoke(&platform, &TARGETS, of(0)).await;
    assert!(heard < HEARD, "{heard:?}");

    // Nothing comes by the topics any more: each process asks the access service.
    platform.kill_target("relay");
    let rest: Vec<&str> = TARGETS.into_iter().filter(|target| *target != "relay").collect();
    let asked = revoke(&platform, &rest, of(1)).await;
    assert!(asked < HEARD, "{asked:?}");

    // Nobody tells anything any more: what is known counts, and nothing is done for which that is not enough.
    platform.kill_target("access");
    let path = "/v1/sagas/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d/pause?dry_run=true";
    let why = json!({"reason": "Nobody knows who I am."});
    // A client that does not ask again, as others do of a platform that is too busy.
    let stale = async |platform: &Platform| {
        let client = platform.client();
        client.json(Method::POST, path, &why, &[]).await.unwrap()
    };
    until("verbs are refused", async || {
        let refused = stale(&platform).await;
        let told = (refused.status.as_u16(), refused.text("/code").to_owned());
        (told == (503, "identities_stale".to_owned())).then_some(())
    })
    .await;
    for (at, known) in [(2, true), (0, false)] {
        let header = bearer(of(at).1);
        platform
            .everywhere(&["hotel"], ("authorization", &header), known)
            .await;
    }
    let quote = hotel.quote(&platform, 3, 1, 1).await;
    assert!(quote["quote_token"].is_string(), "guests are served: {quote}");

    platform.run("access");
    until("verbs are heard again", async || {
        (stale(&platform).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_pepper_does_not_start_and_says_what_to_do() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_KEY_PEPPER", "");
    let refused = platform.command(&["run", "--target", "hotel"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(
        said.contains("BELLHOP_KEY_PEPPER") && said.contains("openssl rand"),
        "{said}"
    );
}
