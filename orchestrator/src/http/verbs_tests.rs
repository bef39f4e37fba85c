//! Tests of verbs over HTTP: what is shown, what is asked, what its owner makes of it, and what is refused.

use axum::http::StatusCode;
use contract::SagaId;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::desk::{Answer, Desk, Headers, WHY};
use crate::fixtures::{
    booking, cancellation, commands, done, journal, pass, refused, said, start, state, story, undone,
};
use crate::message::Message;
use crate::timers;

mod back_tests;
mod owed_tests;
mod skip_tests;

impl Answer {
    fn code(&self) -> (u16, &str) {
        (
            self.status.as_u16(),
            self.json["code"].as_str().unwrap_or_default(),
        )
    }
}

impl Desk {
    /// A run that heard this.
    async fn run(&self, messages: impl FnOnce(SagaId) -> Vec<Message>) -> SagaId {
        let saga_id = SagaId::new();
        self.hear(&messages(saga_id)).await;
        saga_id
    }

    async fn post(&self, path: &str, headers: Headers<'_>, reason: &str) -> Answer {
        self.post_body(path, headers, &json!({"reason": reason})).await
    }

    async fn preview(&self, saga_id: SagaId, verb: &str) -> Answer {
        let path = format!("/v1/sagas/{saga_id}/{verb}?dry_run=true");
        self.post(&path, &[], WHY).await
    }

    /// Says what was previewed.
    async fn say(&self, saga_id: SagaId, verb: &str, shown: &Answer, key: &str) -> Answer {
        let version = shown.headers["etag"].to_str().unwrap();
        let digest = shown.json["digest"].as_str().unwrap();
        let headers = [
            ("if-match", version),
            ("preview-digest", digest),
            ("idempotency-key", key),
        ];
        self.post(&format!("/v1/sagas/{saga_id}/{verb}"), &headers, WHY)
            .await
    }

    /// Verbs that were said come to the owner, each once more than it was said.
    async fn deliver(&mut self) {
        let verbs: Vec<Message> = said(&self.pool)
            .await
            .into_iter()
            .filter(|(topic, kind, _)| topic == "orchestrator.messages" && kind == "Verb")
            .map(|(_, _, body)| serde_json::from_value(body).unwrap())
            .collect();
        for verb in &verbs[self.heard..] {
            self.hear(std::slice::from_ref(verb)).await;
            self.hear(std::slice::from_ref(verb)).await;
        }
        self.heard = verbs.len();
    }

    /// What became of a verb.
    async fn became(&mut self, answer: &Answer) -> Value {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
        let path = answer.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(self.get(&path).await["state"], "asked");
        self.deliver().await;
        self.get(&path).await
    }
}

fn stuck(saga_id: SagaId) -> Vec<Message> {
    vec![
        start(saga_id, cancellation()),
        done(saga_id, "release-rooms"),
        refused(saga_id, "refund-payment", "refund_failed"),
    ]
}

#[sqlx::test(migrations = false)]
async fn a_stuck_run_is_retried_as_it_was_shown_and_once(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.run(stuck).await;
    assert_eq!(state(&desk.pool, saga_id).await.0, "stuck");
    let shown = desk.preview(saga_id, "retry").await;
    assert_eq!(
        (shown.status, shown.headers["etag"].to_str().unwrap()),
        (StatusCode::OK, "\"3\"")
    );
    assert_eq!(shown.json["state"], "running");
    assert_eq!(shown.json["ends_as"], "completed");
    assert_eq!(shown.json["commands"][0]["command_name"], "Refund");
    assert_eq!(shown.json["commands"][0]["round"], 2);
    assert_eq!(shown.json["until_end"][0]["command_name"], "MarkCancelled");
    assert_eq!(
        shown.json["effects"][0]["amount"],
        json!({"amount": "300.00", "currency": "EUR"})
    );
    assert_eq!(journal(&desk.pool, saga_id).await.len(), 3, "nothing was done");

    let asked = desk.say(saga_id, "retry", &shown, "one").await;
    let again = desk.say(saga_id, "retry", &shown, "one").await;
    assert_eq!(
        again.json["verb_id"], asked.json["verb_id"],
        "the same key is the same verb"
    );
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(asked.headers.get("idempotent-replayed").is_none());
    let became = desk.became(&asked).await;
    assert_eq!(became["state"], "applied", "{became}");
    assert_eq!(became["outcome"], json!({"version": 4, "changed": true}));
    assert_eq!(
        (&became["actor"], &became["reason"]),
        (&"anyone".into(), &WHY.into())
    );
    assert_eq!(state(&desk.pool, saga_id).await, ("running".to_owned(), None));
    let sent = commands(&desk.pool, saga_id).await;
    assert_eq!(sent, ["Release", "Refund", "Verb", "Refund"]);
    let line = &desk.get(&format!("/v1/sagas/{saga_id}")).await["journal"][3];
    assert_eq!(
        (&line["what"], &line["step"]),
        (&"verb".into(), &"refund-payment".into())
    );
    assert_eq!(
        (&line["round"], &line["verb"]["verb"]),
        (&2.into(), &"retry".into())
    );
    assert_eq!(line["verb"]["reason"], WHY);

    // An answer to the first round comes late and counts for nothing; that to the second ends it.
    desk.hear(&[done(saga_id, "refund-payment")]).await;
    assert_eq!(journal(&desk.pool, saga_id).await.len(), 4);
    let Message::Reply(mut reply) = done(saga_id, "refund-payment") else {
        panic!("a reply")
    };
    reply.round = 2;
    desk.hear(&[Message::Reply(reply.clone())]).await;
    reply.step = "mark-cancelled".to_owned();
    desk.hear(&[Message::Reply(reply)]).await;
    assert_eq!(state(&desk.pool, saga_id).await.0, "completed");
    let ended = desk.preview(saga_id, "retry").await;
    assert_eq!(ended.code(), (409, "against_rule"));
    assert_eq!(ended.json["rule"], "ended");
}

#[sqlx::test(migrations = false)]
async fn what_was_not_seen_is_not_done(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.run(|saga_id| vec![start(saga_id, booking())]).await;
    let path = format!("/v1/sagas/{saga_id}/cancel");
    let shown = desk.preview(saga_id, "cancel").await;
    let digest = shown.json["digest"].as_str().unwrap().to_owned();
    let seen = ("if-match", "\"1\"");
    let shown_so = ("preview-digest", &digest[..]);
    let key = ("idempotency-key", "a");
    let refusals: [(Headers<'_>, (u16, &str)); 6] = [
        (&[], (428, "precondition_required")),
        (&[seen, key], (428, "precondition_required")),
        (&[seen, shown_so], (400, "idempotency_key_missing")),
        (&[("if-match", "*"), key], (428, "precondition_required")),
        (
            &[("if-match", "\"2\""), shown_so, key],
            (412, "precondition_failed"),
        ),
        (
            &[seen, ("preview-digest", "else"), key],
            (412, "precondition_failed"),
        ),
    ];
    for (headers, wanted) in refusals {
        let answer = desk.post(&path, headers, WHY).await;
        assert_eq!(answer.code(), wanted, "{}", answer.json);
    }
    let short = desk.post(&path, &[seen, shown_so, key], "Because").await;
    assert_eq!(
        (short.code().1, &short.json["pointer"]),
        ("invalid_field", &"/reason".into())
    );
    let unknown = desk.preview(SagaId::new(), "cancel").await;
    assert_eq!(unknown.code(), (404, "not_found"));
    assert_eq!(commands(&desk.pool, saga_id).await, ["Hold"], "nothing was done");

    // It goes on after it was asked and before its owner hears of it.
    let asked = desk.say(saga_id, "cancel", &shown, "a").await;
    desk.hear(&[done(saga_id, "hold-rooms")]).await;
    let became = desk.became(&asked).await;
    assert_eq!(became["state"], "refused");
    assert_eq!(became["outcome"]["problem"]["code"], "precondition_failed");
    let reused = desk
        .post(&path, &[seen, shown_so, key], "Quite another reason.")
        .await;
    assert_eq!(reused.code(), (422, "idempotency_key_reused"));
    let again = desk.say(saga_id, "cancel", &shown, "a").await;
    assert_eq!(
        again.code(),
        (412, "precondition_failed"),
        "the key keeps its answer"
    );
    assert_eq!(
        story(&desk.pool, saga_id).await,
        ["open-reservation opened 0", "hold-rooms done 1"]
    );
}

#[sqlx::test(migrations = false)]
async fn a_cancelled_booking_is_undone_with_what_is_on_its_way(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk
        .run(|id| vec![start(id, booking()), done(id, "hold-rooms")])
        .await;
    let shown = desk.preview(saga_id, "cancel").await;
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|sent| sent["command_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&shown.json["commands"]), ["Void"]);
    assert_eq!(names(&shown.json["until_end"]), ["Release", "Reject"]);
    assert_eq!(shown.json["ends_as"], "compensated");
    let asked = desk.say(saga_id, "cancel", &shown, "a").await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    // While it is being undone there is nothing left to cancel, which is no mistake.
    let shown = desk.preview(saga_id, "cancel").await;
    assert_eq!(shown.json["changes"], false);
    let again = desk.say(saga_id, "cancel", &shown, "b").await;
    assert_eq!(
        (again.status, &again.json["state"]),
        (StatusCode::CREATED, &"applied".into())
    );
    assert_eq!(again.json["outcome"]["changed"], false);
    for step in ["authorize-payment", "hold-rooms", "open-reservation"] {
        desk.hear(&[undone(saga_id, step)]).await;
    }
    let (state, reason) = state(&desk.pool, saga_id).await;
    assert_eq!(state, "compensated");
    assert!(reason.unwrap().starts_with("cancelled_by_operator"));
    assert_eq!(
        commands(&desk.pool, saga_id).await,
        ["Hold", "Authorize", "Verb", "Void", "Release", "Reject"]
    );
}

#[sqlx::test(migrations = false)]
async fn a_paused_run_is_left_alone_by_the_timer_until_it_is_resumed(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.run(|id| vec![start(id, booking())]).await;
    let any = |key| [("if-match", "*"), ("idempotency-key", key)];
    let path = |verb: &str| format!("/v1/sagas/{saga_id}/{verb}");
    let asked = desk.post(&path("pause"), &any("a"), WHY).await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    let shown = desk.get(&format!("/v1/sagas/{saga_id}")).await;
    assert!(shown["paused_since"].is_string(), "{shown}");
    assert!(shown["waiting_for"].get("due_at").is_none());
    pass(&desk.pool, 3_600).await;
    timers::round(&desk.runner).await.unwrap();
    desk.hear(&[done(saga_id, "hold-rooms")]).await;
    assert_eq!(commands(&desk.pool, saga_id).await, ["Hold", "Verb"]);
    assert_eq!(
        desk.preview(saga_id, "retry").await.json["rule"],
        "retry_while_paused"
    );
    let asked = desk.post(&path("resume"), &any("b"), WHY).await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    assert_eq!(
        commands(&desk.pool, saga_id).await,
        ["Hold", "Verb", "Verb", "Authorize"]
    );
    let shown = desk.get(&format!("/v1/sagas/{saga_id}")).await;
    assert!(shown.get("paused_since").is_none());
    assert!(shown["waiting_for"]["due_at"].is_string());
    pass(&desk.pool, 10).await;
    timers::round(&desk.runner).await.unwrap();
    assert_eq!(
        commands(&desk.pool, saga_id).await.len(),
        5,
        "the timer looks again"
    );
}

#[sqlx::test(migrations = false)]
async fn what_an_abandoned_run_leaves_is_owed_and_what_is_heard_later_is_kept_with_it(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk
        .run(|id| vec![start(id, booking()), done(id, "hold-rooms")])
        .await;
    let shown = desk.preview(saga_id, "abandon").await;
    let asked = desk.say(saga_id, "abandon", &shown, "a").await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    assert_eq!(
        state(&desk.pool, saga_id).await,
        ("abandoned".to_owned(), Some(WHY.to_owned()))
    );
    desk.hear(&[done(saga_id, "authorize-payment")]).await;
    let seen = desk.get(&format!("/v1/sagas/{saga_id}")).await;
    let owed = seen["obligations"].as_array().unwrap();
    let told: Vec<_> = owed
        .iter()
        .map(|owed| ["what", "step", "is_done"].map(|name| owed[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["guest", "open-reservation", "done"],
            ["rooms", "hold-rooms", "done"],
            ["money", "authorize-payment", "maybe_done"],
        ]
    );
    assert_eq!(
        (&owed[2]["amount_minor"], &owed[2]["currency"]),
        (&38_700.into(), &"EUR".into())
    );
    assert_eq!(owed[2]["evidence"]["outcome"], "done");
    assert!(owed[1].get("evidence").is_none());
    assert_eq!(desk.preview(saga_id, "cancel").await.json["rule"], "ended");
}
