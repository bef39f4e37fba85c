//! The provider over the network: every token does what it promises, and a killed process forgets nothing.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use platform::{Clock, Tasks};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use super::*;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

type Heard = Arc<Mutex<Vec<(HeaderMap, String)>>>;

struct Running {
    url: String,
    client: reqwest::Client,
    tasks: Tasks,
    ledger: PathBuf,
    heard: Heard,
}

fn parts(tasks: Tasks) -> Parts {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct All {
        #[command(flatten)]
        database: platform::db::DatabaseConfig,
        #[command(flatten)]
        kafka: platform::kafka::KafkaConfig,
        #[command(flatten)]
        token: platform::token::TokenConfig,
    }
    let all = All::parse_from(["test"]);
    Parts {
        database: all.database,
        kafka: all.kafka,
        token: all.token,
        repeat: platform::repeat::RepeatConfig::default(),
        clock: Clock::system(),
        tasks,
        health: platform::health::Health::default(),
        tracer: platform::Tracer::default(),
    }
}

fn ledger(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("bellhop-sandbox-{}-{name}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

async fn serve(tasks: &Tasks, routes: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn(
        "server",
        platform::http::serve(listener, 100, platform::http::layers(routes), tasks.clone()),
    );
    url
}

async fn run(ledger: PathBuf) -> Running {
    let tasks = Tasks::new();
    let heard = Heard::default();
    let ears = Arc::clone(&heard);
    let receiver = axum::Router::new().route(
        "/hook",
        axum::routing::post(move |headers: HeaderMap, body: String| async move {
            ears.lock().unwrap().push((headers, body));
        }),
    );
    let hook = serve(&tasks, receiver).await;
    let config = Config {
        sandbox_ledger: ledger.clone(),
        sandbox_slow_ms: 300,
        sandbox_processing_ms: 200,
        sandbox_webhook_url: format!("{hook}/hook"),
        sandbox_webhook_secret: SECRET.parse().unwrap(),
    };
    let routes = start(&parts(tasks.clone()), &config).unwrap();
    let url = serve(&tasks, routes).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Running {
        url,
        client,
        tasks,
        ledger,
        heard,
    }
}

impl Running {
    async fn post(&self, path: &str, key: &str, body: Value) -> Result<(u16, Value), reqwest::Error> {
        let request = self
            .client
            .post(format!("{}/v1/{path}", self.url))
            .header("idempotency-key", key);
        let response = request.json(&body).send().await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok((status, serde_json::from_slice(&body).unwrap()))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .client
            .get(format!("{}/v1/{path}", self.url))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn authorize(&self, method: &str, key: &str) -> Result<(u16, Value), reqwest::Error> {
        let body = json!({"amount": eur("129.00"), "payment_method": method, "reference": key});
        self.post("authorizations", key, body).await
    }

    /// Stops everything, as a kill would, and starts again on the same ledger.
    async fn killed(self) -> Running {
        self.tasks.stop();
        assert!(self.tasks.drained().await);
        run(self.ledger).await
    }
}

fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_the_same_operation() {
    let sandbox = run(ledger("repeat")).await;
    let (status, first) = sandbox.authorize("pm_ok", "a").await.unwrap();
    assert_eq!((status, &first["state"]), (201, &json!("succeeded")));
    let (status, again) = sandbox.authorize("pm_ok", "a").await.unwrap();
    assert_eq!((status, again), (200, first.clone()));
    let (status, other) = sandbox.authorize("pm_declined", "a").await.unwrap();
    assert_eq!((status, &other["code"]), (422, &json!("key_reused")));

    let id = first["authorization_id"].as_str().unwrap();
    let amount = json!({"amount": eur("129.00")});
    for expected in [201, 200] {
        let captured = sandbox
            .post(&format!("authorizations/{id}/capture"), "c", amount.clone())
            .await;
        assert_eq!(captured.unwrap().0, expected);
    }
    let twice = sandbox
        .post(&format!("authorizations/{id}/capture"), "c2", amount.clone())
        .await
        .unwrap();
    assert_eq!(twice.1["reason"], "already_captured");
    let part = json!({"amount": eur("29.00")});
    for expected in [201, 200] {
        let refunded = sandbox
            .post(&format!("authorizations/{id}/refunds"), "r", part.clone())
            .await;
        assert_eq!(refunded.unwrap().0, expected);
    }
    let beyond = sandbox
        .post(&format!("authorizations/{id}/refunds"), "r2", amount)
        .await
        .unwrap();
    assert_eq!(beyond.1["reason"], "exceeds_capture");

    let (_, page) = sandbox.get("ledger").await;
    assert_eq!(page["items"][0]["net"], eur("100.00"));
    assert_eq!(
        (&page["items"][0]["captures"], &page["items"][0]["refunds"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_takes_no_key() {
    let sandbox = run(ledger("wrong")).await;
    let zero = json!({"amount": eur("0.00"), "payment_method": "pm_ok", "reference": "a"});
    assert_eq!(sandbox.post("authorizations", "a", zero).await.unwrap().0, 422);
    assert_eq!(sandbox.authorize("4111111111111111", "a").await.unwrap().0, 422);
    let amount = json!({"amount": eur("1.00")});
    assert_eq!(
        sandbox
            .post("authorizations/auth_no/capture", "a", amount)
            .await
            .unwrap()
            .0,
        404
    );
    assert_eq!(sandbox.get("operations/a").await.0, 404);
    assert_eq!(sandbox.authorize("pm_ok", "a").await.unwrap().0, 201);
    assert_eq!(sandbox.get("ledger?limit=0").await.0, 422);
}

#[tokio::test]
async fn every_token_keeps_its_promise() {
    let sandbox = run(ledger("tokens")).await;
    for (method, state) in [
        ("pm_lost_reply", "succeeded"),
        ("pm_failed_lost_reply", "declined"),
    ] {
        assert!(
            sandbox.authorize(method, method).await.is_err(),
            "{method} gives no answer"
        );
        assert_eq!(
            sandbox.get(&format!("operations/{method}")).await.1["state"],
            state
        );
        assert_eq!(sandbox.authorize(method, method).await.unwrap().1["state"], state);
    }
    assert_eq!(
        sandbox.authorize("pm_500_after_charge", "e").await.unwrap().0,
        500
    );
    assert_eq!(sandbox.get("operations/e").await.1["state"], "succeeded");
    assert_eq!(
        sandbox.authorize("pm_declined", "d").await.unwrap().1["reason"],
        "card_declined"
    );

    let begun = tokio::time::Instant::now();
    assert_eq!(
        sandbox.authorize("pm_slow", "s").await.unwrap().1["state"],
        "succeeded"
    );
    assert!(begun.elapsed() >= Duration::from_millis(300));

    assert_eq!(sandbox.authorize("pm_unknown_then_ok", "u").await.unwrap().0, 504);
    assert_eq!(sandbox.get("operations/u").await.1["state"], "processing");
    let settled = async {
        while sandbox.get("operations/u").await.1["state"] != "succeeded" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), settled)
        .await
        .unwrap();

    let (_, declined) = sandbox.authorize("pm_capture_declined", "cd").await.unwrap();
    let id = declined["authorization_id"].as_str().unwrap();
    let amount = json!({"amount": eur("129.00")});
    let captured = sandbox
        .post(&format!("authorizations/{id}/capture"), "cd-c", amount)
        .await
        .unwrap();
    assert_eq!(captured.1["state"], "declined");
    let voided = sandbox
        .post(&format!("authorizations/{id}/void"), "cd-v", json!({}))
        .await
        .unwrap();
    assert_eq!(voided.1["state"], "succeeded");
}

#[tokio::test]
async fn the_webhook_comes_twice_and_signed_before_the_answer() {
    let sandbox = run(ledger("webhook")).await;
    sandbox.authorize("pm_ok", "quiet").await.unwrap();
    assert!(sandbox.heard.lock().unwrap().is_empty());
    sandbox.authorize("pm_webhook_twice_first", "w").await.unwrap();
    let heard = sandbox.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 2);
    for (headers, body) in heard {
        Webhook::new(SECRET)
            .unwrap()
            .verify(body.as_bytes(), &headers)
            .unwrap();
        assert_eq!(headers["webhook-id"], "msg_w");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["key"]),
            (&json!("operation.succeeded"), &json!("w"))
        );
    }
}

#[tokio::test]
async fn a_killed_process_forgets_nothing_and_a_torn_line_is_cut() {
    let sandbox = run(ledger("killed")).await;
    let (_, first) = sandbox.authorize("pm_ok", "a").await.unwrap();
    let id = first["authorization_id"].as_str().unwrap().to_owned();
    let amount = json!({"amount": eur("129.00")});
    sandbox
        .post(&format!("authorizations/{id}/capture"), "c", amount.clone())
        .await
        .unwrap();
    for reference in 0..5 {
        sandbox
            .authorize("pm_ok", &format!("b{reference}"))
            .await
            .unwrap();
    }
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&sandbox.ledger)
        .unwrap();
    file.write_all(br#"{"key":"torn","kind":"auth"#).unwrap();

    let sandbox = sandbox.killed().await;
    assert_eq!(sandbox.authorize("pm_ok", "a").await.unwrap(), (200, first));
    let path = format!("authorizations/{id}/refunds");
    assert_eq!(sandbox.post(&path, "r", amount).await.unwrap().0, 201);

    let sandbox = sandbox.killed().await;
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let (_, page) = sandbox.get(&format!("ledger?limit=2{next}")).await;
        for item in page["items"].as_array().unwrap() {
            let open = item["open_authorizations"].as_u64().unwrap();
            seen.push((
                item["reference"].as_str().unwrap().to_owned(),
                item["net"].clone(),
                open,
            ));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let expected: Vec<_> = std::iter::once(("a".to_owned(), eur("0.00"), 0))
        .chain((0..5).map(|reference| (format!("b{reference}"), eur("0.00"), 1)))
        .collect();
    assert_eq!(seen, expected);
    let _ = std::fs::remove_file(&sandbox.ledger);
}

#[test]
fn two_processes_never_share_a_ledger() {
    let path = ledger("shared");
    let first = Journal::open(&path, |_| {}).unwrap();
    assert!(Journal::open(&path, |_| {}).is_err());
    drop(first);
    assert!(Journal::open(&path, |_| {}).is_ok());
    let _ = std::fs::remove_file(&path);
}
