//! Tests of what is owed, over HTTP: how it is listed.

use axum::body::Body;
use axum::http::Request;
use sqlx::{AssertSqlSafe, Executor as _};

use super::*;

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
