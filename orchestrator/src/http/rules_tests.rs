//! Tests of rules over HTTP: what is made, what it holds back, and how it goes on once it is lifted.

use axum::http::StatusCode;
use contract::SagaId;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::desk::{Desk, WHY};
use crate::fixtures::{
    SHARD, assigned, booking, cancellation, commands, done, idle, pass, start, state, story, take, undone,
};
use crate::{timers, watch};

mod preview_tests;

impl Desk {
    async fn ask(&self, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let headers: Vec<_> = key.into_iter().map(|key| ("idempotency-key", key)).collect();
        let answer = self.post_body(path, &headers, body).await;
        (answer.status, answer.json)
    }

    /// Makes a rule, of which the runner hears, and answers its path.
    async fn rule(&self, kind: &str, subject: Value, per_minute: Option<u32>) -> String {
        let mut body = json!({"kind": kind, "subject": subject, "reason": WHY});
        if let Some(per_minute) = per_minute {
            body["per_minute"] = per_minute.into();
        }
        let key = SagaId::new().to_string();
        let (status, made) = self.ask("/v1/saga-rules", Some(&key), &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        self.hear_rules().await;
        made["links"]["self"].as_str().unwrap().to_owned()
    }

    async fn lift(&self, rule: &str) {
        let (status, lifted) = self
            .ask(&format!("{rule}/lift"), None, &json!({"reason": WHY}))
            .await;
        assert_eq!((status, &lifted["in_force"]), (StatusCode::OK, &false.into()));
        self.hear_rules().await;
    }

    async fn hear_rules(&self) {
        watch::look(&self.runner, &mut 0).await.unwrap();
    }

    async fn later(&self, seconds: i32) {
        pass(&self.pool, seconds).await;
        timers::round(&self.runner).await.unwrap();
    }

    async fn held(&self, saga_id: SagaId) -> Value {
        self.get(&format!("/v1/sagas/{saga_id}")).await["held_back"].take()
    }
}

fn authorizing() -> Value {
    json!({"type": "book-stay", "step": "authorize-payment", "undo": false})
}

#[sqlx::test(migrations = false)]
async fn what_a_pause_is_about_is_not_sent_and_no_time_runs_out_until_it_is_lifted(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let rule = desk.rule("pause", authorizing(), None).await;
    let (held, free) = (SagaId::new(), SagaId::new());
    desk.hear(&[
        start(held, booking()),
        done(held, "hold-rooms"),
        start(free, cancellation()),
    ])
    .await;
    assert_eq!(
        commands(&desk.pool, held).await,
        ["Hold"],
        "the card is left alone"
    );
    assert_eq!(
        commands(&desk.pool, free).await,
        ["Release"],
        "others go their way"
    );
    assert!(rule.ends_with(desk.held(held).await["rule_id"].as_str().unwrap()));
    assert_eq!(desk.get(&rule).await["holds_back"], 1);
    for _ in 0..5 {
        desk.later(3600).await;
    }
    assert_eq!(state(&desk.pool, held).await, ("running".to_owned(), None));
    let lines = ["open-reservation opened 0", "hold-rooms done 1"].map(str::to_owned);
    let mut lines = lines.to_vec();
    lines.push("authorize-payment held_back 0".to_owned());
    assert_eq!(
        story(&desk.pool, held).await,
        lines,
        "one line, however often it is looked at"
    );

    desk.lift(&rule).await;
    desk.later(0).await;
    assert_eq!(commands(&desk.pool, held).await, ["Hold", "Authorize"]);
    lines.push("authorize-payment released 1".to_owned());
    assert_eq!(story(&desk.pool, held).await, lines);
    assert_eq!(desk.held(held).await, Value::Null);
    assert_eq!(desk.get(&rule).await["holds_back"], 0);
    desk.later(3).await;
    assert_eq!(
        story(&desk.pool, held).await,
        lines,
        "its time began when it was sent"
    );
    desk.later(3).await;
    lines.push("authorize-payment sent_again 2".to_owned());
    assert_eq!(story(&desk.pool, held).await, lines);
}

#[sqlx::test(migrations = false)]
async fn what_was_sent_before_a_pause_is_answered_but_not_sent_again(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let (answered, silent) = (SagaId::new(), SagaId::new());
    for saga_id in [answered, silent] {
        desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
            .await;
    }
    let rule = desk
        .rule("pause", json!({"step": "authorize-payment"}), None)
        .await;
    for _ in 0..5 {
        desk.later(600).await;
    }
    let lines = story(&desk.pool, silent).await;
    assert_eq!(lines.last().unwrap(), "authorize-payment held_back 1");
    assert_eq!(commands(&desk.pool, silent).await, ["Hold", "Authorize"]);
    desk.hear(&[done(answered, "authorize-payment")]).await;
    assert_eq!(
        commands(&desk.pool, answered).await.last().unwrap(),
        "Book",
        "an answer is an answer"
    );
    desk.lift(&rule).await;
    desk.later(0).await;
    let lines = story(&desk.pool, silent).await;
    assert_eq!(lines.last().unwrap(), "authorize-payment released 2");
    assert_eq!(state(&desk.pool, silent).await.0, "running", "nobody gave it up");
    desk.later(600).await;
    let lines = story(&desk.pool, silent).await;
    assert_eq!(lines.last().unwrap(), "authorize-payment given_up 2");
}

#[sqlx::test(migrations = false)]
async fn a_run_that_is_held_back_is_cancelled_and_not_retried(pool: PgPool) {
    let desk = Desk::open(pool).await;
    desk.rule("pause", authorizing(), None).await;
    let saga_id = SagaId::new();
    desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
        .await;
    let say = |verb: &str| format!("/v1/sagas/{saga_id}/{verb}?dry_run=true");
    let (status, refused) = desk.ask(&say("retry"), None, &json!({"reason": WHY})).await;
    assert_eq!(
        (status, &refused["rule"]),
        (StatusCode::CONFLICT, &"retry_while_held_back".into())
    );
    let (status, shown) = desk.ask(&say("cancel"), None, &json!({"reason": WHY})).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert_eq!(
        shown["commands"][0]["command_name"], "Release",
        "what was never sent needs no undo: {shown}"
    );
}

#[sqlx::test(migrations = false)]
async fn undoing_is_held_back_too_unless_the_rule_says_otherwise(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let saga_id = SagaId::new();
    desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
        .await;
    let rule = desk
        .rule("pause", json!({"step": "authorize-payment", "undo": true}), None)
        .await;
    for _ in 0..8 {
        desk.later(60).await;
    }
    let lines = story(&desk.pool, saga_id).await;
    assert_eq!(
        lines.last().unwrap(),
        "undo authorize-payment held_back 0",
        "doing it went on until it was given up: {lines:?}"
    );
    desk.lift(&rule).await;
    desk.later(0).await;
    let rest = ["authorize-payment", "hold-rooms", "open-reservation"].map(|step| undone(saga_id, step));
    desk.hear(&rest).await;
    assert_eq!(state(&desk.pool, saga_id).await.0, "compensated");
}

#[sqlx::test(migrations = false)]
async fn who_takes_a_shard_over_goes_on_holding_back(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let rule = desk.rule("pause", authorizing(), None).await;
    let saga_id = SagaId::new();
    desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
        .await;
    let other = idle(&desk.pool, "other", std::time::Duration::MAX);
    assigned(&other, &[SHARD]).await;
    let next = SagaId::new();
    take(&other, &[start(next, booking()), done(next, "hold-rooms")])
        .await
        .unwrap();
    for _ in 0..3 {
        pass(&desk.pool, 600).await;
        timers::round(&other).await.unwrap();
    }
    for saga_id in [saga_id, next] {
        assert_eq!(commands(&desk.pool, saga_id).await, ["Hold"]);
    }
    assert_eq!(desk.get(&rule).await["holds_back"], 2);
    let (status, _) = desk
        .ask(&format!("{rule}/lift"), None, &json!({"reason": WHY}))
        .await;
    assert_eq!(status, StatusCode::OK);
    watch::look(&other, &mut 0).await.unwrap();
    timers::round(&other).await.unwrap();
    for saga_id in [saga_id, next] {
        assert_eq!(commands(&desk.pool, saga_id).await, ["Hold", "Authorize"]);
    }
}

#[sqlx::test(migrations = false)]
async fn a_limit_lets_commands_go_one_after_the_other(pool: PgPool) {
    let desk = Desk::open(pool).await;
    // Of the four shards each has a fourth of it: a command each 200 ms.
    desk.rule("limit", authorizing(), Some(1200)).await;
    let ids = [SagaId::new(), SagaId::new(), SagaId::new()];
    for saga_id in ids {
        desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
            .await;
    }
    let [first, second, third] = ids;
    assert_eq!(commands(&desk.pool, first).await, ["Hold", "Authorize"]);
    let (second_at, third_at) = (desk.held(second).await, desk.held(third).await);
    assert!(
        second_at["until"].as_str().unwrap() < third_at["until"].as_str().unwrap(),
        "{second_at} {third_at}"
    );
    while commands(&desk.pool, third).await.len() < 2 {
        let sleep = timers::round(&desk.runner).await.unwrap();
        tokio::time::sleep(sleep).await;
    }
    assert_eq!(commands(&desk.pool, second).await, ["Hold", "Authorize"]);
    let lines = story(&desk.pool, third).await;
    assert_eq!(
        lines[2..],
        ["authorize-payment held_back 0", "authorize-payment released 1"]
    );
}

#[sqlx::test(migrations = false)]
async fn a_rule_is_made_once_under_its_key_listed_and_lifted_once(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let body = json!({"kind": "limit", "per_minute": 30, "subject": authorizing(), "reason": WHY});
    let (status, made) = desk.ask("/v1/saga-rules", Some("one"), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["per_minute"], &made["made_by"]),
        (&30.into(), &"anyone".into())
    );
    assert_eq!(made["subject"], authorizing());
    let (_, again) = desk.ask("/v1/saga-rules", Some("one"), &body).await;
    assert_eq!(again, made);
    let other = json!({"kind": "pause", "reason": WHY});
    let (status, reused) = desk.ask("/v1/saga-rules", Some("one"), &other).await;
    assert_eq!(
        (status.as_u16(), &reused["code"]),
        (422, &"idempotency_key_reused".into())
    );
    let all = desk.rule("pause", json!({}), None).await;
    desk.lift(&all).await;
    let lifted = desk.get(&all).await;
    let (_, again) = desk
        .ask(
            &format!("{all}/lift"),
            None,
            &json!({"reason": "Another reason."}),
        )
        .await;
    assert_eq!(again, lifted, "the first one counts");
    let listed = desk.get("/v1/saga-rules?in_force=true").await;
    assert_eq!(listed["items"], json!([made]));
    let page = desk.get("/v1/saga-rules?limit=1").await;
    assert_eq!(page["items"], json!([lifted]));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = desk.get(&format!("/v1/saga-rules?limit=1&cursor={cursor}")).await;
    assert_eq!(rest["items"], json!([made]));
    assert!(rest.get("next_cursor").is_none());
    let unknown = format!("/v1/saga-rules/{}/lift", SagaId::new());
    let (status, _) = desk.ask(&unknown, None, &json!({"reason": WHY})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = false)]
async fn a_dry_run_counts_what_a_rule_would_be_about_and_makes_none(pool: PgPool) {
    let desk = Desk::open(pool).await;
    for answered in [false, true, true] {
        let saga_id = SagaId::new();
        desk.hear(&[start(saga_id, booking())]).await;
        if answered {
            desk.hear(&[done(saga_id, "hold-rooms")]).await;
        }
    }
    let body = json!({"kind": "pause", "subject": authorizing(), "reason": WHY});
    let (status, shown) = desk.ask("/v1/saga-rules?dry_run=true", None, &body).await;
    assert_eq!(
        (status, shown),
        (StatusCode::OK, json!({"matches": 2, "is_at_least": false}))
    );
    assert_eq!(desk.get("/v1/saga-rules").await["items"], json!([]));
}

#[sqlx::test(migrations = false)]
async fn what_is_wrong_with_a_rule_is_told_at_its_field(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let pause = |subject: Value| json!({"kind": "pause", "subject": subject, "reason": WHY});
    for (body, field, said) in [
        (json!({"kind": "pause", "reason": "no"}), "/reason", "at least 10"),
        (pause(json!({"type": "book"})), "/subject/type", "book-stay"),
        (
            pause(json!({"step": "pay"})),
            "/subject/step",
            "authorize-payment",
        ),
        (
            pause(json!({"type": "cancel-stay", "step": "hold-rooms"})),
            "/subject/step",
            "release-rooms",
        ),
        (
            json!({"kind": "pause", "per_minute": 1, "reason": WHY}),
            "/per_minute",
            "leave it out",
        ),
        (
            json!({"kind": "limit", "reason": WHY}),
            "/per_minute",
            "Say how many",
        ),
        (
            json!({"kind": "limit", "per_minute": 0, "reason": WHY}),
            "/per_minute",
            "use a pause",
        ),
        (
            json!({"kind": "limit", "per_minute": 1_000_001, "reason": WHY}),
            "/per_minute",
            "1000000",
        ),
    ] {
        let (status, refused) = desk.ask("/v1/saga-rules", Some("k"), &body).await;
        assert_eq!(
            (status.as_u16(), &refused["pointer"]),
            (422, &field.into()),
            "{body}"
        );
        assert!(refused["detail"].as_str().unwrap().contains(said), "{refused}");
    }
    let (status, refused) = desk.ask("/v1/saga-rules", None, &pause(json!({}))).await;
    assert_eq!(
        (status.as_u16(), &refused["code"]),
        (400, &"idempotency_key_missing".into())
    );
}
