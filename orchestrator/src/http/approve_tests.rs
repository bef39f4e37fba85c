//! Tests of the second person, over HTTP. Every request of a test is one person's, so the first is written by hand.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use platform::Tasks;
use platform::access::{Actor, trial};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::*;
use crate::engine::Verb;
use crate::fixtures::{PACE, booking, commands, done, migrate, no_rules, runner, start, state, take};
use crate::message::Message;
use crate::store::NewVerb;

/// A run that waits for its payment, and what abandoning it comes to.
async fn asked_by(pool: &PgPool, actor: &str) -> (SagaId, VerbId, String) {
    migrate(pool).await;
    let saga_id = SagaId::new();
    let runner = runner(pool, "one").await;
    take(&runner, &[start(saga_id, booking()), done(saga_id, "hold-rooms")])
        .await
        .unwrap();
    let mut db = pool.acquire().await.unwrap();
    let kept = run(&mut db, saga_id, PACE).await.unwrap();
    let spoken = Spoken {
        verb_id: VerbId::new(),
        verb: Verb::Abandon,
        actor: actor.to_owned(),
        reason: "Nobody knows what else.".to_owned(),
        step: None,
        result: None,
        evidence: None,
        approved_by: None,
    };
    let mut asked = Asked {
        saga_id,
        expected: Some(kept.run.seq),
        digest: None,
        spoken,
    };
    let digest = verbs::show(&kept, &asked, &no_rules(), kept.created_at, PACE)
        .unwrap()
        .digest();
    asked.digest = Some(digest.clone());
    let verb_id = asked.spoken.verb_id;
    let new = NewVerb {
        asked,
        key: "one".to_owned(),
        fingerprint: [0; 32],
        outcome: None,
        waits: true,
    };
    assert!(store::ask(&mut db, &new, &[]).await.unwrap());
    (saga_id, verb_id, digest)
}

async fn approve(pool: &PgPool, verb_id: VerbId, digest: &str) -> (StatusCode, Value) {
    let inspection = Arc::new(Inspection {
        pool: pool.clone(),
        pace: PACE,
        rules: no_rules(),
        tasks: Tasks::new(),
    });
    let routes = super::super::routes().with_state(inspection).into();
    let routes = trial(routes, crate::operations(), Actor::ANYONE);
    let request = Request::post(format!("/v1/verbs/{verb_id}/approve")).header("preview-digest", digest);
    let response = routes
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[sqlx::test(migrations = false)]
async fn a_verb_waits_for_a_second_person_who_saw_the_same(pool: PgPool) {
    let (saga_id, verb_id, digest) = asked_by(&pool, "first").await;
    let (status, problem) = approve(&pool, verb_id, "else").await;
    assert_eq!(
        (status, &problem["pointer"]),
        (StatusCode::PRECONDITION_FAILED, &json!("Preview-Digest"))
    );
    assert!(!commands(&pool, saga_id).await.contains(&"Verb".to_owned()));
    let (status, verb) = approve(&pool, verb_id, &digest).await;
    assert_eq!(
        (status, &verb["state"]),
        (StatusCode::ACCEPTED, &json!("asked")),
        "{verb}"
    );
    assert_eq!(
        (&verb["actor"], &verb["approved_by"]),
        (&json!("first"), &json!("anyone"))
    );
    let (status, problem) = approve(&pool, verb_id, &digest).await;
    assert_eq!(
        (status, &problem["rule"]),
        (StatusCode::CONFLICT, &json!("nothing_to_approve"))
    );

    let said = crate::fixtures::said(&pool).await;
    let said = said.into_iter().find(|(_, kind, _)| kind == "Verb").unwrap().2;
    let message: Message = serde_json::from_value(said).unwrap();
    take(&runner(&pool, "two").await, &[message]).await.unwrap();
    assert_eq!(state(&pool, saga_id).await.0, "abandoned");
    let journal = crate::fixtures::journal(&pool, saga_id).await;
    let line: Value = serde_json::from_str(journal.last().unwrap().body.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&line["actor"], &line["approved_by"]),
        (&json!("first"), &json!("anyone"))
    );
}

#[sqlx::test(migrations = false)]
async fn whoever_says_a_verb_does_not_approve_it(pool: PgPool) {
    let (_, verb_id, digest) = asked_by(&pool, "anyone").await;
    let (status, problem) = approve(&pool, verb_id, &digest).await;
    assert_eq!(
        (status, &problem["rule"]),
        (StatusCode::CONFLICT, &json!("approved_by_the_same"))
    );
}

#[sqlx::test(migrations = false)]
async fn what_waited_for_more_than_a_day_or_is_about_an_older_version_is_said_anew(pool: PgPool) {
    let (saga_id, verb_id, digest) = asked_by(&pool, "first").await;
    let runner = runner(&pool, "two").await;
    take(&runner, &[done(saga_id, "authorize-payment")])
        .await
        .unwrap();
    let (status, problem) = approve(&pool, verb_id, &digest).await;
    assert_eq!(
        (status, &problem["pointer"]),
        (StatusCode::PRECONDITION_FAILED, &json!("If-Match"))
    );
    sqlx::query!("update orchestrator.verb set asked_at = asked_at - interval '25 hours'")
        .execute(&pool)
        .await
        .unwrap();
    let (status, problem) = approve(&pool, verb_id, &digest).await;
    assert_eq!(
        (status, &problem["rule"]),
        (StatusCode::CONFLICT, &json!("approved_too_late"))
    );
}
