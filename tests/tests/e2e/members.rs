//! Members: tokens that say all there is to say of somebody, minted for load without a row.

use platform::access::{Member, MemberConfig};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer};

const SECRET: &str = "1:a secret of members for tests of at least 32 bytes";

async fn send(platform: &Platform, token: &str, path: &str) -> Answer {
    let authorization = bearer(token);
    let headers = [("authorization", authorization.as_str())];
    platform
        .send_json(Method::GET, path, &Value::Null, &headers)
        .await
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.text("/code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_minted_token_is_a_member_and_sees_their_own_things_alone() {
    let mut platform = Platform::migrated();
    let without = platform.command(&["members", "mint", "--count", "1"]);
    assert!(!without.status.success());
    assert!(String::from_utf8_lossy(&without.stderr).contains("BELLHOP_MEMBER_SECRET"));
    platform.set("BELLHOP_MEMBER_SECRET", SECRET);
    let minted = platform.command(&[
        "members", "mint", "--count", "3", "--grade", "gold", "--days", "400",
    ]);
    let printed = String::from_utf8(minted.stdout).unwrap();
    let tokens: Vec<&str> = printed.lines().collect();
    assert_eq!(tokens.len(), 3, "{printed}");
    platform.run("all");
    platform.ready().await;
    let mut members = Vec::new();
    for token in &tokens {
        let me = send(&platform, token, "/v1/me").await;
        assert_eq!(
            (me.text("/kind"), me.text("/member/grade")),
            ("member", "gold"),
            "{}",
            me.json
        );
        assert_eq!(me.json["all_hotels"], json!(false));
        members.push(me.text("/id").to_owned());
    }
    members.dedup();
    assert_eq!(members.len(), 3, "each is somebody else");

    let hotel = Hotel::create(&platform, 3).await;
    let booked = hotel.book(&platform, 3, 1, "pm_ok").await;
    let list = format!("/v1/reservations?hotel_id={}", hotel.hotel_id);
    let listed = send(&platform, tokens[0], &list).await;
    assert_eq!(
        (listed.status.as_u16(), &listed.json["items"]),
        (200, &json!([])),
        "{}",
        listed.json
    );
    let others = send(&platform, tokens[0], booked.text("/links/self")).await;
    assert_eq!(told(&others), (404, "not_found"));
    assert_eq!(
        told(&send(&platform, tokens[0], "/v1/sagas").await),
        (403, "not_permitted")
    );

    // Blocked, over, or of nobody.
    let member_secret = SECRET.parse().unwrap();
    let ours = MemberConfig { member_secret }.members().unwrap().unwrap();
    let now = platform::Clock::system().now();
    let member = |blocked| Member {
        id: contract::MemberId::new().uuid(),
        grade: "gold".to_owned(),
        since: now,
        blocked,
    };
    let hour = chrono::TimeDelta::hours(1);
    let blocked = ours.write(&member(true), now + hour).unwrap();
    assert_eq!(
        told(&send(&platform, &blocked, "/v1/me").await),
        (403, "not_permitted")
    );
    let over = ours.write(&member(false), now - hour).unwrap();
    assert_eq!(
        told(&send(&platform, &over, "/v1/me").await),
        (401, "credential_invalid")
    );
    let forged = tokens[0].replace("_gold_", "_best_");
    assert_eq!(
        told(&send(&platform, &forged, "/v1/me").await),
        (401, "credential_invalid")
    );
    let rows = "select count(*)::text from access.principal where kind = 'member'";
    assert_eq!(platform.query(rows).await.as_deref(), Some("0"));
}
