//! Tests of what is owed, over HTTP: how it is listed, and how it is settled.

use axum::body::Body;
use axum::http::Request;
use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::watch;

impl Desk {
    /// A booking that was abandoned while its payment was on its way.
    async fn abandoned(&mut self) -> SagaId {
        let saga_id = self
            .run(|id| vec![start(id, booking()), done(id, "hold-rooms")])
            .await;
        let shown = self.preview(saga_id, "abandon").await;
        let asked = self.say(saga_id, "abandon", &shown, &saga_id.to_string()).await;
        assert_eq!(self.became(&asked).await["state"], "applied");
        saga_id
    }

    /// The obligations of a list, each as its run and its place among those of the run.
    async fn listed(&self, query: &str) -> Vec<(String, i64)> {
        let page = self.get(&format!("/v1/obligations?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let place = |item: &Value| {
            let saga_id = item["saga_id"].as_str().unwrap().to_owned();
            (saga_id, item["seq"].as_i64().unwrap())
        };
        items.iter().map(place).collect()
    }
}

#[sqlx::test(migrations = false)]
async fn obligations_are_listed_the_oldest_first_filtered_paged_and_added_up(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    assert_eq!(desk.listed("").await, []);
    let runs = [desk.abandoned().await, desk.abandoned().await].map(|id| id.to_string());
    let [one, two] = runs.each_ref();
    let of = |run: &String, places: &[i64]| -> Vec<(String, i64)> {
        places.iter().map(|seq| (run.clone(), *seq)).collect()
    };
    let all = [of(one, &[1, 2, 3]), of(two, &[1, 2, 3])].concat();
    assert_eq!(desk.listed("").await, all);
    assert_eq!(
        desk.listed("what=money").await,
        [of(one, &[3]), of(two, &[3])].concat()
    );
    assert_eq!(desk.listed(&format!("saga_id={two}")).await, of(two, &[1, 2, 3]));
    let hotel = booking().hotel_id();
    assert_eq!(
        desk.listed(&format!("hotel_id={hotel}")).await,
        [],
        "another hotel"
    );
    let (mut walked, mut query) = (Vec::new(), "limit=4".to_owned());
    loop {
        walked.extend(desk.listed(&query).await);
        let page = desk.get(&format!("/v1/obligations?{query}")).await;
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("limit=4&cursor={cursor}");
    }
    assert_eq!(walked, all);

    let money = desk.get("/v1/obligations").await["open_money"].take();
    assert_eq!(
        money,
        json!([{"currency": "EUR", "amount_minor": 77_400, "payments": 2}])
    );
    let closed = format!(
        "update orchestrator.obligation set closed_at = clock_timestamp() where saga_id = '{one}' and seq = 3"
    );
    desk.pool.execute(AssertSqlSafe(closed)).await.unwrap();
    assert_eq!(desk.listed("state=open&what=money").await, of(two, &[3]));
    assert_eq!(desk.listed("state=closed").await, of(one, &[3]));
    let money = desk.get("/v1/obligations?state=closed").await["open_money"].take();
    assert_eq!(
        money,
        json!([{"currency": "EUR", "amount_minor": 38_700, "payments": 1}])
    );
    let money = desk.get(&format!("/v1/obligations?saga_id={one}")).await["open_money"].take();
    assert_eq!(money, json!([]));
}

#[sqlx::test(migrations = false)]
async fn an_obligation_tells_its_run_and_its_age(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.abandoned().await;
    let path = format!("/v1/obligations/{saga_id}/2");
    let one = desk.get(&path).await;
    assert_eq!(
        ["what", "step", "is_done", "type", "run_state"].map(|name| one[name].as_str().unwrap()),
        ["rooms", "hold-rooms", "done", "book-stay", "abandoned"]
    );
    assert_eq!(one["links"]["self"], path);
    assert_eq!(one["links"]["saga"], format!("/v1/sagas/{saga_id}"));
    let run = desk.get(&format!("/v1/sagas/{saga_id}")).await;
    assert_eq!(
        (&one["hotel_id"], &one["thing"]),
        (&run["hotel_id"], &run["data"]["hold_id"])
    );
    let aged = format!(
        "update orchestrator.obligation set opened_at = opened_at - interval '1 hour' where saga_id = '{saga_id}'"
    );
    desk.pool.execute(AssertSqlSafe(aged)).await.unwrap();
    let age = desk.get(&path).await["age_seconds"].as_i64().unwrap();
    assert!((3_600..3_700).contains(&age), "{age}");
    for unknown in [
        format!("{saga_id}/4"),
        format!("{saga_id}/0"),
        format!("{}/1", SagaId::new()),
    ] {
        let request = Request::get(format!("/v1/obligations/{unknown}"));
        let answer = desk.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code(), (404, "not_found"));
    }
}

impl Desk {
    /// What would come of a verb about a step.
    async fn would(&self, saga_id: SagaId, verb: &str, step: &str) -> Answer {
        let path = format!("/v1/sagas/{saga_id}/{verb}?dry_run=true");
        self.post_body(&path, &[], &about(verb, step)).await
    }

    /// Says a verb about a step, as it was shown, and answers that and what became of it.
    async fn settle(&mut self, saga_id: SagaId, verb: &str, step: &str) -> (Value, Value) {
        let shown = self.would(saga_id, verb, step).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.json);
        assert_eq!(shown.json["takes_two"], true);
        let key = SagaId::new().to_string();
        let headers = [
            ("if-match", shown.headers["etag"].to_str().unwrap()),
            ("preview-digest", shown.json["digest"].as_str().unwrap()),
            ("idempotency-key", &key[..]),
        ];
        let path = format!("/v1/sagas/{saga_id}/{verb}");
        let asked = self.post_body(&path, &headers, &about(verb, step)).await;
        let became = self.became(&asked).await;
        assert_eq!(became["state"], "applied", "{became}");
        (shown.json, became)
    }

    /// What becomes of a run's obligations: of each its step, and how it was settled.
    async fn owed(&self, saga_id: SagaId) -> Vec<(String, Value)> {
        let mut run = self.get(&format!("/v1/sagas/{saga_id}")).await;
        let owed = run["obligations"].as_array_mut().unwrap().iter_mut();
        owed.map(|owed| {
            let step = owed["step"].as_str().unwrap().to_owned();
            assert_eq!(owed["settled"].is_null(), owed["closed_at"].is_null());
            (step, owed["settled"].take())
        })
        .collect()
    }
}

fn about(verb: &str, step: &str) -> Value {
    let mut said = json!({"reason": WHY, "step": step});
    if verb == "settled_by_hand" {
        said["evidence"] = "The bank's letter of today.".into();
    }
    said
}

fn of_round(message: Message, round: u32) -> Message {
    match message {
        Message::Reply(reply) => Message::Reply(contract::Reply { round, ..reply }),
        other => other,
    }
}

#[sqlx::test(migrations = false)]
async fn what_an_abandoned_run_owes_is_given_back_and_closed_by_the_answer(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.abandoned().await;
    let owed = desk.get(&format!("/v1/obligations?saga_id={saga_id}")).await;
    let items = owed["items"].as_array().unwrap().iter();
    let fixes: Vec<_> = items
        .map(|owed| ["suggested_fix", "suggested_command"].map(|name| owed[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        fixes,
        [
            ["give_back", "Reject"],
            ["give_back", "Release"],
            ["give_back", "Void"]
        ]
    );
    let (shown, became) = desk.settle(saga_id, "settle", "hold-rooms").await;
    assert_eq!(
        (
            &shown["commands"][0]["command_name"],
            &shown["commands"][0]["round"]
        ),
        (&"Release".into(), &2.into())
    );
    assert_eq!(
        (&shown["settles"], &shown["ends_as"]),
        (&json!(["hold-rooms"]), &"abandoned".into())
    );
    let sent = ["Hold", "Authorize", "Verb", "Verb", "Release"];
    assert_eq!(commands(&desk.pool, saga_id).await, sent);
    // An answer of another round is no answer to it.
    desk.hear(&[undone(saga_id, "hold-rooms")]).await;
    assert!(
        desk.owed(saga_id)
            .await
            .iter()
            .all(|(_, settled)| settled.is_null())
    );
    for _ in 0..2 {
        desk.hear(&[of_round(undone(saga_id, "hold-rooms"), 2)]).await;
    }
    let owed = desk.owed(saga_id).await;
    assert_eq!(owed[1].1["verb_id"], became["verb_id"], "{owed:?}");
    assert_eq!(owed[1].1["answer"]["outcome"], "done");
    assert!(owed[0].1.is_null() && owed[2].1.is_null(), "{owed:?}");
    let lines = story(&desk.pool, saga_id).await;
    assert_eq!(lines.last().unwrap(), "undo hold-rooms undone 1");
    assert_eq!(state(&desk.pool, saga_id).await.0, "abandoned");
    let again = desk.would(saga_id, "settle", "hold-rooms").await;
    assert_eq!(
        (again.code().0, &again.json["rule"]),
        (409, &"nothing_owed".into())
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_refused_stays_owed_with_the_answer_and_is_asked_for_anew(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.run(stuck).await;
    let shown = desk.preview(saga_id, "abandon").await;
    let asked = desk.say(saga_id, "abandon", &shown, "a").await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    let (shown, _) = desk.settle(saga_id, "settle", "refund-payment").await;
    assert_eq!(shown["commands"][0]["command_name"], "Refund");
    assert_eq!(shown["commands"][0]["undo"], false, "it was promised");
    desk.hear(&[of_round(refused(saga_id, "refund-payment", "refund_failed"), 2)])
        .await;
    let path = format!("/v1/obligations?saga_id={saga_id}&what=money");
    let money = desk.get(&path).await["items"][0].take();
    assert_eq!(money["evidence"]["outcome"]["refused"]["code"], "refund_failed");
    assert_eq!(
        (&money["suggested_fix"], money.get("closed_at")),
        (&"carry_out".into(), None)
    );
    let (shown, _) = desk.settle(saga_id, "settle", "refund-payment").await;
    assert_eq!(shown["commands"][0]["round"], 3);
    desk.hear(&[of_round(done(saga_id, "refund-payment"), 3)]).await;
    let money = desk.get(&path).await["items"][0].take();
    assert!(money["closed_at"].is_string(), "{money}");
    assert_eq!(money.get("suggested_fix"), None);
    // What opened it for good is over with its last step.
    let (shown, _) = desk.settle(saga_id, "settle", "lock-reservation").await;
    assert_eq!(shown["settles"], json!(["lock-reservation", "mark-cancelled"]));
}

/// A guest may cancel a booking whose confirmation is on its way while its run is abandoned: the cancellation gives the rooms
/// back, and no settling sells them again.
#[sqlx::test(migrations = false)]
async fn what_is_refused_for_good_is_left_to_people(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let captured = |id| {
        let steps = ["hold-rooms", "authorize-payment", "book-rooms", "capture-payment"].into_iter();
        [
            vec![start(id, booking())],
            steps.map(|step| done(id, step)).collect(),
        ]
        .concat()
    };
    let saga_id = desk.run(captured).await;
    let shown = desk.preview(saga_id, "abandon").await;
    let asked = desk.say(saga_id, "abandon", &shown, "a").await;
    assert_eq!(desk.became(&asked).await["state"], "applied");
    let path = format!("/v1/obligations?saga_id={saga_id}&what=rooms");
    let fixes = async |desk: &Desk| {
        let owed = desk.get(&path).await["items"][0].take();
        ["suggested_fix", "suggested_command"].map(|name| owed[name].as_str().map(str::to_owned))
    };
    let carry_out = ["carry_out", "Book"].map(|word| Some(word.to_owned()));
    assert_eq!(fixes(&desk).await, carry_out);
    for (round, code, is_for_good) in [(2, "not_today", false), (3, "hold_expired", true)] {
        desk.settle(saga_id, "settle", "book-rooms").await;
        desk.hear(&[of_round(refused(saga_id, "book-rooms", code), round)])
            .await;
        let wanted = if is_for_good {
            [Some("by_hand".to_owned()), None]
        } else {
            carry_out.clone()
        };
        assert_eq!(fixes(&desk).await, wanted, "{code}");
    }
    desk.settle(saga_id, "settled_by_hand", "book-rooms").await;
    let closed = desk.get(&path).await["items"][0]["closed_at"].take();
    assert!(closed.is_string(), "{closed}");
}

#[sqlx::test(migrations = false)]
async fn what_was_settled_by_hand_is_closed_with_its_evidence(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.abandoned().await;
    let path = format!("/v1/sagas/{saga_id}/settled_by_hand?dry_run=true");
    let silent = json!({"reason": WHY, "step": "authorize-payment"});
    let refused = desk.post_body(&path, &[], &silent).await;
    assert_eq!(refused.json["pointer"], "/evidence");
    let (shown, became) = desk.settle(saga_id, "settled_by_hand", "authorize-payment").await;
    assert_eq!(
        (&shown["commands"], &shown["settles"]),
        (&json!([]), &json!(["authorize-payment"]))
    );
    let owed = desk.owed(saga_id).await;
    assert_eq!(
        owed[2].1,
        json!({"verb_id": became["verb_id"], "by_hand": "The bank's letter of today."})
    );
    assert_eq!(
        commands(&desk.pool, saga_id).await.last().unwrap(),
        "Verb",
        "nothing is sent"
    );
}

#[sqlx::test(migrations = false)]
async fn a_pause_keeps_what_is_owed_from_being_settled_and_a_limit_does_not(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.abandoned().await;
    let rule = |kind: &str, per_minute: Option<u32>| {
        let mut rule = json!({"kind": kind, "subject": {"step": "hold-rooms"}, "reason": WHY});
        if let Some(per_minute) = per_minute {
            rule["per_minute"] = per_minute.into();
        }
        rule
    };
    let key = [("idempotency-key", "pause")];
    let made = desk.post_body("/v1/saga-rules", &key, &rule("pause", None)).await;
    watch::look(&desk.runner, &mut 0).await.unwrap();
    let held = desk.would(saga_id, "settle", "hold-rooms").await;
    assert_eq!(held.json["rule"], "settled_while_held_back", "{}", held.json);
    assert_eq!(
        desk.would(saga_id, "settle", "authorize-payment").await.code().0,
        200
    );
    let lift = format!("{}/lift", made.json["links"]["self"].as_str().unwrap());
    desk.post(&lift, &[], WHY).await;
    let key = [("idempotency-key", "limit")];
    desk.post_body("/v1/saga-rules", &key, &rule("limit", Some(1)))
        .await;
    watch::look(&desk.runner, &mut 0).await.unwrap();
    desk.settle(saga_id, "settle", "hold-rooms").await;
    desk.settle(saga_id, "settle", "hold-rooms").await;
    let sent = commands(&desk.pool, saga_id).await;
    assert_eq!(
        sent.iter().filter(|name| *name == "Release").count(),
        2,
        "{sent:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn somebody_sees_to_what_is_owed_and_hands_it_over(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk.abandoned().await;
    let path = format!("/v1/obligations/{saga_id}/3");
    let to = format!("{path}/owner");
    let owner = async |who: Value| desk.post_body(&to, &[], &who).await;
    assert_eq!(desk.get(&path).await.get("owner"), None);
    let taken = owner(json!({})).await;
    assert_eq!(
        (taken.status, &taken.json["owner"]),
        (StatusCode::OK, &"anyone".into())
    );
    let other = "operator:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    assert_eq!(owner(json!({"owner": other})).await.json["owner"], other);
    assert_eq!(desk.get(&path).await["owner"], other);
    let wrong = owner(json!({"owner": "Ada"})).await;
    assert_eq!((wrong.code().0, &wrong.json["pointer"]), (422, &"/owner".into()));
    let unknown = format!("/v1/obligations/{saga_id}/4/owner");
    assert_eq!(
        desk.post_body(&unknown, &[], &json!({})).await.code(),
        (404, "not_found")
    );
    desk.settle(saga_id, "settled_by_hand", "authorize-payment").await;
    let late = desk.post_body(&to, &[], &json!({})).await;
    assert_eq!((late.code().0, &late.json["rule"]), (409, &"nothing_owed".into()));
    assert_eq!(desk.get(&path).await["owner"], other, "it is told as it was");
}
