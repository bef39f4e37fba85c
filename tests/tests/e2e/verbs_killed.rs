//! Verbs are said, and everything that could obey them is killed before it hears of them: each is obeyed once, by whoever comes
//! after, as it was shown.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer, fixed_address, until};

use super::verbs::{asked, becomes, say, settle, start_payment};

const REST: &str = "access,hotel,inventory,reservation,availability,orchestrator,sandbox-provider";

/// Without the relay nobody who owns a run hears a verb.
fn start_relay(platform: &mut Platform) {
    platform.run_with("relay", "relay", &[("BELLHOP_LISTEN", &fixed_address())]);
}

/// Says a verb as it was shown, waits for nobody, and answers what was shown and what was said.
async fn say_into_the_void(platform: &Platform, run: &str, verb: &str) -> (Value, Answer) {
    let mut why = json!({"reason": "The whole platform is killed."});
    if verb == "back_to" {
        why["step"] = "hold-rooms".into();
    }
    let path = format!("/v1/sagas/{run}/{verb}");
    let dry = format!("{path}?dry_run=true");
    let shown = platform.send_json(Method::POST, &dry, &why, &[]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.json);
    let version = format!("\"{}\"", shown.json["version"]);
    let headers = [
        ("if-match", &version[..]),
        ("preview-digest", shown.text("/digest")),
        ("idempotency-key", run),
    ];
    let mut said = platform.send_json(Method::POST, &path, &why, &headers).await;
    if said.text("/state") == "waits" {
        let path = format!("/v1/verbs/{}/approve", said.text("/verb_id"));
        let second = bearer(&platform.keys.second);
        let headers = [
            ("preview-digest", said.text("/digest")),
            ("authorization", &second),
        ];
        said = platform
            .send_json(Method::POST, &path, &Value::Null, &headers)
            .await;
    }
    assert_eq!(said.text("/state"), "asked", "{}", said.json);
    (shown.json, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_whose_owner_is_killed_before_it_hears_them_are_obeyed_once_as_they_were_shown() {
    let mut platform = Platform::migrated();
    platform.run_with("rest", REST, &[]);
    start_relay(&mut platform);
    start_payment(&mut platform);
    platform.ready().await;
    let hotel = Hotel::create(&platform, 2).await;
    let booked = hotel.book(&platform, 20, 1, "pm_ok").await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    platform.kill_target("payment");
    let verbs = [
        ("retry", "completed"),
        ("pause", "completed"),
        ("cancel", "compensated"),
        ("back_to", "completed"),
        ("abandon", "abandoned"),
    ];
    let mut said = Vec::new();
    for (night, (verb, end)) in (0..).zip(verbs) {
        let (_, run) = asked(&platform, &hotel, 2 * night).await;
        said.push((verb, end, run));
    }
    platform.kill_target("relay");
    let mut rows = Vec::new();
    for (verb, end, run) in said {
        let (shown, answer) = say_into_the_void(&platform, &run, verb).await;
        rows.push((verb, end, run, shown, answer.text("/verb_id").to_owned()));
    }
    platform.kill_target("rest");
    let waiting = "select count(*)::text from orchestrator.verb where state = 'asked'";
    assert_eq!(
        platform.query(waiting).await.as_deref(),
        Some("5"),
        "the rows are all there is"
    );

    platform.run_with("rest", REST, &[]);
    start_relay(&mut platform);
    platform.ready().await;
    for (verb, _, run, shown, verb_id) in &rows {
        let done = until(&format!("{verb} is obeyed"), async || {
            let now = platform.get(&format!("/v1/verbs/{verb_id}")).await.json;
            (now["state"] != "asked").then_some(now)
        })
        .await;
        assert_eq!(done["state"], "applied", "{done}");
        let version = shown["version"].as_u64().unwrap() + 1;
        assert_eq!(done["outcome"], json!({"version": version, "changed": true}));
        let saga = platform.get(&format!("/v1/sagas/{run}")).await.json;
        let lines = saga["journal"].as_array().unwrap().iter();
        let obeyed: Vec<_> = lines.filter(|line| line["what"] == "verb").collect();
        assert_eq!(obeyed.len(), 1, "{saga}");
        assert_eq!(
            (&obeyed[0]["seq"], &obeyed[0]["verb"]["verb"]),
            (&version.into(), &(*verb).into())
        );
        assert_eq!(saga["state"], shown["state"], "{saga}");
        assert_eq!(saga["paused_since"].is_string(), shown["paused"] == true);
        let owed = |of: &Value| {
            of.as_array()
                .unwrap()
                .iter()
                .map(|debt| debt["step"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(owed(&saga["obligations"]), owed(&shown["obligations"]));
    }
    start_payment(&mut platform);
    for (verb, end, run, shown, _) in &rows {
        if *verb == "pause" {
            say(&platform, run, "resume").await;
        } else {
            assert_eq!(shown["ends_as"], *end, "{shown}");
        }
        becomes(&platform, run, end, |saga| saga["state"] == *end).await;
        if *verb == "abandon" {
            assert!(settle(&platform, run).await > 0);
        }
    }
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
}
