//! What people did is told by `bellhop trail`, and whoever kept an end of it finds that something is gone.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Hotel, Platform, until};

const WHY: &str = "The provider is down; see incident 4711.";

/// What the command printed, line by line.
fn trail(platform: &Platform, arguments: &[&str]) -> Vec<Value> {
    let done = platform.command(&[&["trail"], arguments].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Whether all that the file says is there as it was, and what the command says.
fn checked(platform: &Platform, file: &str) -> (Option<i32>, String) {
    let done = platform.command(&["trail", "--check", file]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_what_is_told_in_order_and_what_is_taken_from_the_end_is_missed() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 3).await;
    let subject = json!({"type": "book-stay", "hotel_id": hotel.hotel_id});
    let rule = json!({"kind": "pause", "subject": subject, "reason": WHY});
    let headers = [("idempotency-key", "incident-4711")];
    let made = platform
        .send_json(Method::POST, "/v1/saga-rules", &rule, &headers)
        .await;
    assert_eq!(made.status, 201, "{}", made.json);
    // A repeat does nothing, so it is not told.
    platform
        .send_json(Method::POST, "/v1/saga-rules", &rule, &headers)
        .await;
    let lift = format!("/v1/saga-rules/{}/lift", made.text("/rule_id"));
    let lifted = platform
        .send_json(Method::POST, &lift, &json!({"reason": WHY}), &[])
        .await;
    assert_eq!(lifted.status, 200, "{}", lifted.json);

    let told = trail(&platform, &[]);
    let of_runs: Vec<&Value> = told
        .iter()
        .filter(|line| line["schema"] == "orchestrator")
        .collect();
    let actions: Vec<&str> = of_runs
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["rule_made", "rule_lifted"]);
    for line in &of_runs {
        assert_eq!(line["subject"], made.json["rule_id"]);
        assert_eq!(line["body"]["reason"], WHY);
        let actor = line["actor"].as_str().unwrap();
        assert!(actor.contains(':') && actor != "anyone", "{actor}");
    }
    assert!(
        told.iter().any(|line| line["action"] == "key_made"),
        "keys are told too"
    );

    let heads = trail(&platform, &["--heads"]);
    let file = platform.folder().join("heads");
    let lines: Vec<String> = heads.iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(checked(&platform, file).0, Some(0));

    // The audit cannot know of it: what is left is whole.
    platform
        .tamper("begin; set local session_replication_role = replica; delete from orchestrator.trail where no = 2; commit")
        .await;
    let (code, said) = checked(&platform, file);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("GONE  orchestrator.trail, line 2"), "{said}");

    std::fs::write(file, "{}").unwrap();
    let (code, said) = checked(&platform, file);
    assert!(
        code == Some(1) && said.contains("line 1 is not one that"),
        "{said}"
    );
}

/// Whether all ends that were told are there as they were, and what the command says.
fn witnessed(platform: &Platform) -> (Option<i32>, String) {
    let done = platform.command(&["trail", "--witnessed"]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_were_told_to_a_topic_cannot_be_taken_back() {
    // Keys were made before it started, and the end of that is told when it does.
    let platform = Platform::start().await;
    until("the end is told", async || {
        let (code, said) = witnessed(&platform);
        (code == Some(0) && said.contains("1 of 1 lines")).then_some(())
    })
    .await;
    let last = platform
        .query("select no::text from access.trail_head")
        .await
        .unwrap();
    assert!(
        platform
            .try_query("delete from access.trail_head returning no::text")
            .await
            .is_none()
    );
    // Whoever owns the database cuts the trail and what it told of its end; what is left is whole.
    platform
        .tamper(&format!(
            "begin; set local session_replication_role = replica; delete from access.trail where no = {last};
             delete from access.trail_head; commit"
        ))
        .await;
    let audit = platform.command(&["audit"]);
    assert!(
        audit.status.success(),
        "{}",
        String::from_utf8_lossy(&audit.stdout)
    );
    let (code, said) = witnessed(&platform);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("GONE  access.trail, line {last}")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_was_cut_is_found_by_what_it_told() {
    let platform = Platform::start().await;
    until("the end is told", async || {
        platform.query("select no::text from access.trail_head").await
    })
    .await;
    platform
        .tamper(
            "begin; set local session_replication_role = replica;
             delete from access.trail where no = (select max(no) from access.trail); commit",
        )
        .await;
    let audit = platform.command(&["audit"]);
    let said = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(!audit.status.success() && said.contains("I-31"), "{said}");
}
