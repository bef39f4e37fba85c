//! How long what was revoked goes on being taken: `scripts/prove revoke`.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tests::{Browser, Platform, TARGETS, bearer};

use super::keys::partner;
use super::sessions::{by_admin, person};

/// Of each kind so many are revoked with the relay, and so many without.
const EACH: usize = 60;
/// What is promised.
const HEARD_MAX: Duration = Duration::from_secs(1);

/// What is revoked, and how.
struct Held {
    header: (&'static str, String),
    /// Where its revocation is sent.
    revocation: String,
}

/// A new partner's key.
async fn key(platform: &Platform) -> Held {
    let (_, id, key) = partner(platform, &[]).await;
    Held {
        header: ("authorization", bearer(&key)),
        revocation: format!("/v1/keys/{id}/revocation"),
    }
}

/// A new viewer's session.
async fn session(platform: &Platform) -> Held {
    let principal = person(platform, "viewer").await;
    let link = platform.sign_in_link(&principal).await;
    let browser = Browser::sign_in(platform, &link).await;
    let path = format!("/v1/principals/{principal}");
    let shown = by_admin(platform, Method::GET, &path, &Value::Null).await;
    let id = shown.text("/sessions/0/session_id");
    Held {
        header: ("cookie", browser.held().1.to_owned()),
        revocation: format!("/v1/sessions/{id}/revocation"),
    }
}

/// The session of a viewer, with whom it is revoked.
async fn with_its_principal(platform: &Platform) -> Held {
    let principal = person(platform, "viewer").await;
    let link = platform.sign_in_link(&principal).await;
    let browser = Browser::sign_in(platform, &link).await;
    Held {
        header: ("cookie", browser.held().1.to_owned()),
        revocation: format!("/v1/principals/{principal}/revocation"),
    }
}

/// How long each process of these targets went on taking it after its revocation was answered.
async fn heard(platform: &Platform, targets: &[&str], held: &Held) -> Vec<Duration> {
    by_admin(platform, Method::POST, &held.revocation, &Value::Null).await;
    let began = Instant::now();
    let each = targets.iter().map(async |target| {
        let header = (held.header.0, held.header.1.as_str());
        platform.everywhere(&[target], header, false).await;
        began.elapsed()
    });
    futures::future::join_all(each).await
}

/// Revokes them one after the other, says how long they went on being taken, and answers of the slowest hundredth.
async fn p99(platform: &Platform, targets: &[&str], what: &str, held: &[Held]) -> Duration {
    let mut times = Vec::new();
    for held in held {
        times.extend(heard(platform, targets, held).await);
    }
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    let (half, most) = (at(50), at(99));
    let said = format!(
        "{what}: {} times, p50 {half:?}, p99 {most:?}, worst {:?}\n",
        times.len(),
        at(100)
    );
    std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes()).unwrap();
    most
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/prove revoke runs it"]
async fn revocations_are_heard_within_a_second_also_with_the_relay_killed() {
    let mut platform = Platform::migrated();
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    let targets: Vec<&str> = TARGETS.into_iter().filter(|target| *target != "relay").collect();
    let (mut keys, mut sessions, mut principals) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 * EACH {
        keys.push(key(&platform).await);
        sessions.push(session(&platform).await);
        principals.push(with_its_principal(&platform).await);
    }
    let kinds = [
        ("keys", &keys),
        ("sessions", &sessions),
        ("principals with their sessions", &principals),
    ];
    for held in kinds.iter().flat_map(|(_, held)| held.iter()) {
        let header = (held.header.0, held.header.1.as_str());
        platform.everywhere(&targets, header, true).await;
    }
    let mut slowest = Vec::new();
    for (relay, of) in [
        ("with the relay", 0..EACH),
        ("with the relay killed", EACH..2 * EACH),
    ] {
        if of.start > 0 {
            platform.kill_target("relay");
        }
        for (kind, held) in kinds {
            let what = format!("{kind}, {relay}");
            slowest.push((p99(&platform, &targets, &what, &held[of.clone()]).await, what));
        }
    }
    let late: Vec<_> = slowest.iter().filter(|(most, _)| *most > HEARD_MAX).collect();
    assert!(late.is_empty(), "{late:?}");
}
