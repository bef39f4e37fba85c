//! Sessions on a whole platform: somebody signs in by a link, reads and writes by pages alone, and is refused everywhere
//! soon after the session's end, also while the relay is gone.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Browser, Platform, SAME_ORIGIN, TARGETS, bearer, until};

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.text("/code"))
}

pub(crate) async fn by_admin(platform: &Platform, method: Method, path: &str, body: &Value) -> Answer {
    let admin = bearer(&platform.keys.admin);
    let headers = [("authorization", admin.as_str())];
    let answer = platform.send_json(method, path, body, &headers).await;
    assert!(answer.status.is_success(), "{}", answer.json);
    answer
}

/// A new person of this kind: the id.
pub(crate) async fn person(platform: &Platform, kind: &str) -> String {
    let wanted = json!({"kind": kind, "name": "Somebody"});
    let made = by_admin(platform, Method::POST, "/v1/principals", &wanted).await;
    made.text("/principal_id").to_owned()
}

/// The token of a link that the command line prints.
fn printed_link(platform: &Platform, principal: &str) -> String {
    let made = platform.command(&["access", "link", "--principal", principal]);
    let printed = String::from_utf8_lossy(&made.stdout).into_owned();
    let start = format!("{}/sign-in/#", platform.url);
    let token = printed.trim().strip_prefix(&start);
    let complaint = String::from_utf8_lossy(&made.stderr);
    token
        .unwrap_or_else(|| panic!("{printed}: {complaint}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_by_a_link_reads_writes_and_signs_out() {
    let platform = Platform::start().await;
    for file in [
        "/sign-in/",
        "/sign-in/app.js",
        "/sign-in/style.css",
        "/dashboard/",
    ] {
        let page = platform.get(file).await;
        assert_eq!(page.status, 200, "{file}");
        assert!(
            page.headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
    }
    let principal = platform.principal_of(&platform.keys.admin).await;
    let link = printed_link(&platform, &principal);
    let plain = [SAME_ORIGIN, ("origin", "http://bellhop.example")];
    let refused = platform
        .send_json(Method::POST, "/v1/session", &json!({"link": link}), &plain)
        .await;
    assert_eq!(told(&refused), (403, "insecure_origin"));
    let browser = Browser::sign_in(&platform, &link).await;
    let again = platform.sign_in(&link).await;
    assert_eq!(told(&again), (403, "sign_in_refused"), "a link is good once");

    let me = browser.get(&platform, "/v1/me").await;
    assert_eq!(me.text("/actor"), format!("admin:{principal}"));
    let sagas = browser.get(&platform, "/v1/sagas").await;
    assert_eq!(
        (sagas.status.as_u16(), &sagas.headers["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );

    // What changes something: from a page of this origin with the token.
    let wanted = json!({"kind": "viewer", "name": "Vera"});
    let written = browser
        .ask(&platform, Method::POST, "/v1/principals", &wanted)
        .await;
    assert_eq!(written.status, 201, "{}", written.json);
    let [no_key, cookie, token, same] = browser.headers();
    let cross = ("sec-fetch-site", "cross-site");
    for headers in [
        [no_key, cookie, same, same],
        [no_key, cookie, token, cross],
        [no_key, cookie, token, token],
    ] {
        let client = platform.client();
        let refused = client
            .json(Method::POST, "/v1/principals", &wanted, &headers)
            .await
            .unwrap();
        assert_eq!(told(&refused), (403, "csrf_refused"), "{headers:?}");
    }

    let signed_out = browser
        .ask(&platform, Method::DELETE, "/v1/session", &Value::Null)
        .await;
    assert_eq!(signed_out.status, 204, "{}", signed_out.json);
    until("the session is refused", async || {
        let me = browser.get(&platform, "/v1/me").await;
        (told(&me) == (401, "session_ended")).then_some(())
    })
    .await;
    let trail = "select string_agg(action, ' ' order by no) from access.trail where action like 'se%' or action like 'si%'";
    let done = platform.query(trail).await.unwrap_or_default();
    assert_eq!(done, "sign_in_link_made session_made session_ended");
    platform.assert_audit_at_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_is_refused_in_every_process_also_when_the_relay_is_gone() {
    let mut platform = Platform::migrated();
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    let people = [
        person(&platform, "viewer").await,
        person(&platform, "operator").await,
    ];
    let mut browsers = Vec::new();
    for principal in [&people[0], &people[0], &people[1]] {
        let link = platform.sign_in_link(principal).await;
        let browser = Browser::sign_in(&platform, &link).await;
        platform.everywhere(&TARGETS, browser.held(), true).await;
        browsers.push(browser);
    }
    let path = format!("/v1/principals/{}", people[0]);
    let shown = by_admin(&platform, Method::GET, &path, &Value::Null).await;
    assert_eq!(
        shown.json["sessions"].as_array().map(Vec::len),
        Some(2),
        "{}",
        shown.json
    );
    let newest = shown.text("/sessions/0/session_id");
    let revocation = format!("/v1/sessions/{newest}/revocation");
    by_admin(&platform, Method::POST, &revocation, &Value::Null).await;
    platform.everywhere(&TARGETS, browsers[1].held(), false).await;
    platform.everywhere(&TARGETS, browsers[0].held(), true).await;

    // Nothing comes by the topics any more: each process asks the access service.
    platform.kill_target("relay");
    let rest: Vec<&str> = TARGETS.into_iter().filter(|target| *target != "relay").collect();
    let signed_out = browsers[0]
        .ask(&platform, Method::DELETE, "/v1/session", &Value::Null)
        .await;
    assert_eq!(signed_out.status, 204, "{}", signed_out.json);
    platform.everywhere(&rest, browsers[0].held(), false).await;
    // With a principal go its sessions.
    let revocation = format!("/v1/principals/{}/revocation", people[1]);
    by_admin(&platform, Method::POST, &revocation, &Value::Null).await;
    platform.everywhere(&rest, browsers[2].held(), false).await;
    let refused = browsers[2].get(&platform, "/v1/sagas").await;
    assert_eq!(told(&refused), (401, "session_ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_secret_for_sessions_does_not_start_and_says_what_to_do() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_SESSION_SECRET", "");
    let refused = platform.command(&["run", "--target", "hotel"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(
        said.contains("BELLHOP_SESSION_SECRET") && said.contains("openssl rand"),
        "{said}"
    );
}
