//! Tests of the inspection API, over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{Request, StatusCode};
use contract::SagaId;
use http_body_util::BodyExt as _;
use platform::Tasks;
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::{Inspection, routes};
use crate::fixtures::{
    PACE, booking, cancellation, done, migrate, no_rules, pass, refused, runner, start, take, undone,
};
use crate::timers;
use platform::access::{Actor, trial};

async fn get(pool: &PgPool, path: &str) -> (StatusCode, Value) {
    let (parts, body) = answer(pool, path).await;
    (parts.status, body)
}

async fn answer(pool: &PgPool, path: &str) -> (Parts, Value) {
    let inspection = Arc::new(Inspection {
        pool: pool.clone(),
        pace: PACE,
        rules: no_rules(),
        tasks: Tasks::new(),
    });
    let routes: Router = routes().with_state(inspection).split_for_parts().0;
    let routes = trial(routes, crate::operations(), Actor::ANYONE);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = routes.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts, serde_json::from_slice(&body).unwrap())
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
    assert_eq!(saga["waiting_for"]["round"], 1);
    assert_eq!(saga["waiting_for"]["sendings"], 1);
    assert_eq!((&saga["definition"], &saga["version"]), (&1.into(), &2.into()));
    let journal = saga["journal"].as_array().unwrap();
    let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let story: Vec<_> = journal
        .iter()
        .map(|line| {
            let counts = (
                line["seq"].clone(),
                line["round"].clone(),
                line["sendings"].clone(),
            );
            (
                word(line, "what"),
                word(line, "step"),
                word(line, "place"),
                counts,
            )
        })
        .collect();
    let line = |what: &str, step: &str, place: &str, seq: i32, sendings: i32| {
        let counts = (seq.into(), 1.into(), sendings.into());
        (what.to_owned(), step.to_owned(), place.to_owned(), counts)
    };
    assert_eq!(
        story,
        [
            line("opened", "open-reservation", "opening", 1, 0),
            line("refused", "hold-rooms", "do", 2, 1),
        ]
    );
    assert!(journal[0].get("command").is_none());
    assert_eq!(journal[1]["command"]["type"], "hold");
    assert_eq!(journal[1]["command_name"], "Hold");
    assert_eq!(journal[1]["reply"]["outcome"]["refused"]["code"], "sold_out");
    assert_eq!(journal[1]["reply"]["saga_id"], saga["saga_id"]);
    assert!(journal[1]["sent_at"].is_string() && journal[1]["message_id"].is_string());
    assert_eq!(
        get(&pool, &format!("/v1/sagas/{}", sagas[1])).await.1["reason"],
        "refund-payment comes after the pivot and was refused: refund_failed (No.)"
    );
}

#[sqlx::test(migrations = false)]
async fn the_version_is_the_number_of_the_last_line(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking())]).await.unwrap();
    let path = format!("/v1/sagas/{id}");
    for version in ["1", "2"] {
        let (parts, saga) = answer(&pool, &path).await;
        assert_eq!(parts.headers["etag"], format!("\"{version}\""));
        assert_eq!(saga["version"].to_string(), version);
        take(&runner, &[done(id, "hold-rooms")]).await.unwrap();
    }
}

/// What is shown of a line is computed; what was said stands in the outbox.
#[sqlx::test(migrations = false)]
async fn a_command_is_shown_as_it_was_said(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking())]).await.unwrap();
    take(&runner, &[done(id, "hold-rooms")]).await.unwrap();
    pass(&pool, 6).await;
    timers::round(&runner).await.unwrap();
    take(&runner, &[refused(id, "authorize-payment", "payment_declined")])
        .await
        .unwrap();
    for step in ["authorize-payment", "hold-rooms", "open-reservation"] {
        take(&runner, &[undone(id, step)]).await.unwrap();
    }
    let said = sqlx::query_scalar!("select payload from orchestrator.outbox order by id");
    let said = said.fetch_all(&pool).await.unwrap();
    let said = said.iter().map(|body| {
        let place = (body["step"].clone(), body["undo"].clone(), body["round"].clone());
        (place, body["command"].clone())
    });
    let mut said: Vec<_> = said.collect();
    // The line with which a step ended tells of all its sendings.
    said.dedup();
    let (_, saga) = answer(&pool, &format!("/v1/sagas/{id}")).await;
    let ended = saga["journal"].as_array().unwrap().iter();
    let ended = ended.filter(|line| !["opened", "sent_again"].contains(&line["what"].as_str().unwrap()));
    let shown = ended.map(|line| {
        let place = (line["step"].clone(), line["undo"].clone(), line["round"].clone());
        (place, line["command"].clone())
    });
    assert_eq!(shown.collect::<Vec<_>>(), said);
    assert_eq!(said.len(), 5);
}

#[sqlx::test(migrations = false)]
async fn what_this_release_cannot_read_is_shown_as_it_stands(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking()), done(id, "hold-rooms")])
        .await
        .unwrap();
    sqlx::query!("update orchestrator.run set definition = 7")
        .execute(&pool)
        .await
        .unwrap();
    let (status, saga) = get(&pool, &format!("/v1/sagas/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(saga.get("waiting_for").is_none());
    let journal = saga["journal"].as_array().unwrap();
    assert_eq!((journal.len(), &journal[1]["what"]), (2, &"done".into()));
    assert_eq!(journal[1]["reply"]["outcome"], "done");
    assert_eq!(get(&pool, "/v1/sagas").await.1["items"][0]["version"], 2);
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
