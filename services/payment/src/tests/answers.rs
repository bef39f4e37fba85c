//! What the provider's answers are taken for: only a state of our own operation is a known outcome.

use axum::http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use super::world::{SECRET, eur};
use crate::Config;
use crate::model::Answer;
use crate::model::Call;
use crate::provider::{Heard, Provider as _, Sandbox};
use platform::Tasks;

/// What a provider that always answers this is taken to say to a call and to a question.
async fn taken_for(status: u16, body: &str) -> (Answer, Answer) {
    let (call, question) = heard(status, body).await;
    (call.answer, question.answer)
}

async fn heard(status: u16, body: &str) -> (Heard, Heard) {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (status, body) = (StatusCode::from_u16(status).unwrap(), body.to_owned());
    let routes = axum::Router::new().fallback(move || std::future::ready((status, body)));
    tasks.spawn(
        "server",
        platform::http::serve(listener, 10, routes, tasks.clone()),
    );
    let config = Config {
        provider_url: url,
        provider_timeout_ms: 2_000,
        provider_calls_max: 1,
        payment_webhook_secret: SECRET.parse().unwrap(),
    };
    let provider = Sandbox::new(&config).unwrap();
    let call = Call::Capture {
        authorization_id: "auth_1".to_owned(),
        amount: eur("10.00"),
    };
    let answers = (provider.submit("key", &call).await, provider.ask("key").await);
    tasks.stop();
    answers
}

#[tokio::test]
async fn only_a_state_of_our_own_operation_is_an_outcome() {
    let operation = |key: &str, state: &str, id: &str| {
        json!({"key": key, "state": state, "authorization_id": id, "new": 1}).to_string()
    };
    let known = Answer::Succeeded {
        authorization_id: Some("auth_1".to_owned()),
    };
    assert_eq!(
        taken_for(200, &operation("key", "succeeded", "auth_1")).await,
        (known.clone(), known)
    );
    let declined = (Answer::Declined, Answer::Declined);
    assert_eq!(
        taken_for(201, &operation("key", "declined", "auth_1")).await,
        declined
    );
    let processing = (Answer::Processing, Answer::Processing);
    assert_eq!(
        taken_for(202, &operation("key", "processing", "auth_1")).await,
        processing
    );

    let too_long = "x".repeat(100_000);
    for (status, body) in [
        (200, operation("another", "succeeded", "auth_1")),
        (200, operation("key", "perhaps", "auth_1")),
        (200, operation("key", "succeeded", "../../v1/refunds")),
        (200, "<html>maintenance</html>".to_owned()),
        (200, String::new()),
        (200, too_long),
        (302, String::new()),
        (400, operation("key", "declined", "auth_1")),
        (401, json!({"code": "unauthorized"}).to_string()),
        (404, "no such page".to_owned()),
        (409, json!({"code": "in_progress"}).to_string()),
        (422, json!({"code": "key_reused"}).to_string()),
        (429, String::new()),
        (500, operation("key", "declined", "auth_1")),
        (503, String::new()),
        (504, json!({"code": "outcome_unknown"}).to_string()),
    ] {
        let answers = taken_for(status, &body).await;
        let unknown = |answer: &Answer| matches!(answer, Answer::Unknown(_));
        assert!(
            unknown(&answers.0) && unknown(&answers.1),
            "{status} {body:.60}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn a_key_that_was_never_seen_and_a_method_that_does_not_exist_are_definite() {
    let (call, question) = taken_for(404, &json!({"code": "not_found"}).to_string()).await;
    assert!(
        matches!(call, Answer::Unknown(_)),
        "a call that finds nothing says nothing about the operation"
    );
    assert_eq!(question, Answer::NeverSeen);
    assert_eq!(
        taken_for(422, &json!({"code": "unknown_payment_method"}).to_string())
            .await
            .0,
        Answer::Declined
    );
}

#[tokio::test]
async fn whoever_cannot_or_is_not_the_provider_is_away_and_one_that_is_not_understood_is_there() {
    for (status, body, is_away) in [
        (200, "<html>maintenance</html>", true),
        (429, "", true),
        (500, "", true),
        (503, "", true),
        (504, "{\"code\": \"outcome_unknown\"}", true),
        (401, "", false),
        (404, "{\"code\": \"not_found\"}", false),
        (409, "{\"code\": \"in_progress\"}", false),
        (422, "{\"code\": \"key_reused\"}", false),
    ] {
        let (call, question) = heard(status, body).await;
        let away = (call.away.is_some(), question.away.is_some());
        assert_eq!(away, (is_away, is_away), "{status} {body}");
    }
}
