//! Tests of the inspection API, over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use contract::SagaId;
use http_body_util::BodyExt as _;
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::{Inspection, routes};
use crate::fixtures::{booking, cancellation, done, migrate, refused, runner, start, take};

async fn get(pool: &PgPool, path: &str) -> (StatusCode, Value) {
    let inspection = Arc::new(Inspection { pool: pool.clone() });
    let routes: Router = routes().with_state(inspection).split_for_parts().0;
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = routes.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["saga_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Five sagas, oldest first: three run, one is stuck, one was undone to the point of waiting.
async fn five(pool: &PgPool) -> Vec<SagaId> {
    migrate(pool).await;
    let runner = runner(pool, "one").await;
    let ids: Vec<_> = (0..5).map(|_| SagaId::new()).collect();
    take(
        &runner,
        &[
            start(ids[0], booking()),
            start(ids[1], cancellation()),
            start(ids[2], booking()),
            start(ids[3], cancellation()),
            start(ids[4], booking()),
            done(ids[1], "release-rooms"),
            refused(ids[1], "refund-payment", "refund_failed"),
            refused(ids[4], "hold-rooms", "sold_out"),
        ],
    )
    .await
    .unwrap();
    ids
}

#[sqlx::test(migrations = false)]
async fn the_list_is_newest_first_filtered_and_paged(pool: PgPool) {
    let sagas: Vec<_> = five(&pool).await.iter().map(ToString::to_string).collect();
    let (status, all) = get(&pool, "/v1/sagas").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ids(&all), sagas.iter().rev().cloned().collect::<Vec<_>>());
    assert!(all.get("next_cursor").is_none());
    assert_eq!(
        ids(&get(&pool, "/v1/sagas?state=stuck").await.1),
        [sagas[1].clone()]
    );
    assert_eq!(
        ids(&get(&pool, "/v1/sagas?state=compensating").await.1),
        [sagas[4].clone()]
    );
    assert_eq!(
        ids(&get(&pool, "/v1/sagas?type=cancel-stay").await.1),
        [sagas[3].clone(), sagas[1].clone()]
    );
    assert_eq!(
        ids(&get(&pool, "/v1/sagas?state=running&type=cancel-stay").await.1),
        [sagas[3].clone()]
    );
    let (mut walked, mut path) = (Vec::new(), "/v1/sagas?limit=2".to_owned());
    loop {
        let (_, page) = get(&pool, &path).await;
        walked.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/sagas?limit=2&cursor={cursor}");
    }
    assert_eq!(walked, ids(&all));
}

#[sqlx::test(migrations = false)]
async fn one_saga_shows_every_step_attempt_command_reply_and_time(pool: PgPool) {
    let sagas = five(&pool).await;
    let (status, saga) = get(&pool, &format!("/v1/sagas/{}", sagas[4])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&saga["type"], &saga["state"]),
        (&"book-stay".into(), &"compensating".into())
    );
    assert_eq!(saga["waiting_for"]["step"], "open-reservation");
    assert_eq!(saga["waiting_for"]["undo"], true);
    assert_eq!(saga["data"]["rooms"], 1);
    assert_eq!(saga["overdue"], false);
    let steps = saga["steps"].as_array().unwrap();
    let story: Vec<_> = steps
        .iter()
        .map(|step| (step["kind"].as_str().unwrap(), step["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        story,
        [
            ("opening", "ok"),
            ("do", "sent"),
            ("do", "refused"),
            ("undo", "sent")
        ]
    );
    assert_eq!(steps[1]["command"]["type"], "hold");
    assert_eq!(steps[2]["reply"]["outcome"]["refused"]["code"], "sold_out");
    assert_eq!(steps[3]["command_name"], "Reject");
    assert!(
        steps
            .iter()
            .skip(1)
            .all(|step| step["sent_at"].is_string() && step["at"].is_string())
    );
    assert_eq!(
        get(&pool, &format!("/v1/sagas/{}", sagas[1])).await.1["reason"],
        "refund-payment comes after the pivot and was refused: refund_failed (No.)"
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_not_there_or_not_understood_is_said(pool: PgPool) {
    migrate(&pool).await;
    for (path, status, code) in [
        (format!("/v1/sagas/{}", SagaId::new()), 404, "not_found"),
        ("/v1/sagas/7".to_owned(), 404, "not_found"),
        ("/v1/sagas?state=lost".to_owned(), 422, "invalid_field"),
        ("/v1/sagas?type=fly".to_owned(), 422, "invalid_field"),
        ("/v1/sagas?cursor=00".to_owned(), 400, "invalid_cursor"),
        ("/v1/sagas?limit=0".to_owned(), 422, "invalid_field"),
        ("/v1/sagas?sort=up".to_owned(), 422, "invalid_field"),
        (
            "/v1/sagas?state=stuck&state=running".to_owned(),
            422,
            "invalid_field",
        ),
    ] {
        let (got, problem) = get(&pool, &path).await;
        assert_eq!((got.as_u16(), &problem["code"]), (status, &code.into()), "{path}");
    }
}

#[sqlx::test(migrations = false)]
async fn the_definitions_are_those_that_run(pool: PgPool) {
    let (status, definitions) = get(&pool, "/v1/saga-definitions").await;
    assert_eq!(status, StatusCode::OK);
    let book = &definitions["items"][0];
    assert_eq!(book["type"], "book-stay");
    let steps: Vec<_> = book["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    let wanted = [
        "open-reservation",
        "hold-rooms",
        "authorize-payment",
        "book-rooms",
        "capture-payment",
        "confirm-reservation",
    ];
    assert_eq!(steps, wanted);
    assert_eq!(book["steps"][3]["undone_by_command"], false);
    assert!(
        book["steps"][3]["because"]
            .as_str()
            .unwrap()
            .contains("sold rooms too")
    );
    assert_eq!(book["steps"][4]["kind"], "pivot");
}

#[test]
fn the_document_describes_every_route() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    for path in ["/v1/sagas", "/v1/sagas/{saga_id}", "/v1/saga-definitions"] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
}
