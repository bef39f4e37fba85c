//! Setting and listing rooms over HTTP.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use contract::HoldId;
use platform::Clock;
use platform::access::{Actor, trial};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::*;
use crate::catalogue::Catalogue;
use crate::fixtures::*;

mod input_tests;

pub(super) struct Api {
    routes: Router,
    pub(super) hotel: HotelId,
    pub(super) room_type: RoomTypeId,
    pub(super) today: StayDate,
    hotels: Hotels,
}

impl Api {
    /// With one hotel, which has one room type.
    pub(super) async fn new(pool: &PgPool) -> Self {
        let hotels = Hotels::start().await;
        let api = Self::asking(pool, &hotels.url, hotels.clone()).await;
        api.hotels.add(api.hotel, api.room_type);
        api
    }

    /// Asks for hotels and room types at this address.
    async fn asking(pool: &PgPool, url: &str, hotels: Hotels) -> Self {
        tables(pool).await;
        let state = Rooms {
            pool: pool.clone(),
            clock: Clock::system(),
            catalogue: Catalogue::new(url, Clock::system()).unwrap(),
        };
        let routes = crate::http::routes().split_for_parts().0.with_state(state);
        Self {
            routes: trial(routes, crate::operations(), Actor::ANYONE),
            hotel: HotelId::new(),
            room_type: RoomTypeId::new(),
            today: day(pool, 0).await,
            hotels,
        }
    }

    async fn send(&self, method: Method, path: &str, body: String) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        let response = self
            .routes
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(super) async fn put(&self, body: Value) -> (u16, Value) {
        let path = format!(
            "/v1/hotels/{}/room-types/{}/inventory",
            self.hotel, self.room_type
        );
        self.send(Method::PUT, &path, body.to_string()).await
    }

    pub(super) async fn get(&self, query: &str) -> (u16, Value) {
        self.send(
            Method::GET,
            &format!("/v1/hotels/{}/inventory?{query}", self.hotel),
            String::new(),
        )
        .await
    }

    pub(super) fn day(&self, ahead: u32) -> StayDate {
        self.today.plus_days(ahead)
    }
}

#[sqlx::test(migrations = false)]
async fn rooms_are_offered_changed_and_listed(pool: PgPool) {
    let api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(4));
    assert_eq!(
        api.put(json!({"from": from, "to": to, "total": 19})).await,
        (200, json!({"nights_changed": 3, "nights_forced": 0}))
    );
    assert_eq!(
        api.put(json!({"from": from, "to": to, "total": 19, "closed": false}))
            .await
            .1["nights_changed"],
        0
    );
    let close = json!({"from": api.day(2), "to": api.day(3), "closed": true});
    assert_eq!(api.put(close).await.1["nights_changed"], 1);
    let one = hold(api.hotel, api.room_type, HoldId::new(), stay(from, 1), 3);
    settled(&pool, vec![one], 900).await;

    let (status, body) = api.get(&format!("from={from}&to={}", api.day(9))).await;
    assert_eq!(status, 200);
    let night = |ahead, held, left, closed| {
        json!({"room_type_id": api.room_type, "night": api.day(ahead), "total": 19, "held": held, "sold": 0,
               "left": left, "closed": closed})
    };
    assert_eq!(
        body,
        json!({"items": [night(1, 3, 17, false), night(2, 0, 0, true), night(3, 0, 20, false)]})
    );
    let none = (200, json!({"items": []}));
    let single = RoomTypeId::new();
    let other = format!("from={from}&to={to}&room_type_id={single}");
    let (status, problem) = api.get(&other).await;
    assert_eq!((status, &problem["pointer"]), (404, &json!("room_type_id")));
    api.hotels.add(api.hotel, single);
    assert_eq!(api.get(&other).await, none, "it exists and offers nothing");
    let later = format!("from={}&to={}", api.day(50), api.day(60));
    assert_eq!(api.get(&later).await, none, "nothing is offered in these nights");
}

#[sqlx::test(migrations = false)]
async fn rooms_are_set_only_for_what_the_hotel_has(pool: PgPool) {
    let mut api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(4));
    let wish = json!({"from": from, "to": to, "total": 7});
    let (hotel, room_type) = (api.hotel, api.room_type);
    for (at_hotel, of_type, pointer) in [
        (hotel, RoomTypeId::new(), "room_type_id"),
        (HotelId::new(), room_type, "hotel_id"),
        (HotelId::new(), RoomTypeId::new(), "hotel_id"),
    ] {
        (api.hotel, api.room_type) = (at_hotel, of_type);
        let (status, problem) = api.put(wish.clone()).await;
        assert_eq!(
            (status, &problem["code"], &problem["pointer"]),
            (404, &json!("not_found"), &json!(pointer)),
            "{problem}"
        );
        if at_hotel != hotel {
            let (status, problem) = api.get(&format!("from={from}&to={to}")).await;
            assert_eq!((status, &problem["pointer"]), (404, &json!("hotel_id")));
        }
        assert_eq!(books(&pool, at_hotel).await, (Vec::new(), Vec::new()));
        // As soon as it is there, it can be used.
        api.hotels.add(at_hotel, of_type);
        assert_eq!(api.put(wish.clone()).await.1["nights_changed"], 3);
    }
}

#[sqlx::test(migrations = false)]
async fn without_the_hotel_service_nothing_is_set_and_what_was_set_is_listed(pool: PgPool) {
    let api = Api::asking(&pool, "http://127.0.0.1:1", Hotels::start().await).await;
    let (from, to) = (api.day(1), api.day(4));
    let (status, problem) = api.put(json!({"from": from, "to": to, "total": 7})).await;
    assert_eq!(
        (status, &problem["code"], &problem["retry_after_seconds"]),
        (503, &json!("unavailable"), &json!(1))
    );
    assert_eq!(books(&pool, api.hotel).await, (Vec::new(), Vec::new()));
    let listed = format!("from={from}&to={to}");
    assert_eq!(api.get(&listed).await.0, 503);
    offer(&pool, api.hotel, api.room_type, from, 3, 7).await;
    let (status, nights) = api.get(&listed).await;
    assert_eq!((status, nights["items"].as_array().unwrap().len()), (200, 3));
    // What can be refused without asking is.
    let (status, problem) = api.put(json!({"from": to, "to": from, "total": 7})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("empty_range")));
}

#[sqlx::test(migrations = false)]
async fn fewer_rooms_than_are_taken_need_force_and_a_reason_and_are_recorded(pool: PgPool) {
    let api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(3));
    api.put(json!({"from": from, "to": to, "total": 10})).await;
    let ids = [HoldId::new(), HoldId::new()];
    let holds = ids.map(|id| hold(api.hotel, api.room_type, id, stay(api.day(2), 1), 4));
    settled(&pool, holds.to_vec(), 900).await;
    settled(&pool, vec![book(api.hotel, ids[0])], 900).await;

    let (status, problem) = api.put(json!({"from": from, "to": to, "total": 5})).await;
    assert_eq!(
        (status, &problem["code"], &problem["night"]),
        (409, &json!("below_sold"), &json!(api.day(2)))
    );
    assert_eq!(
        api.get(&format!("from={from}&to={to}")).await.1["items"][0]["total"],
        10,
        "all nights or none"
    );
    let forced = json!({"from": from, "to": to, "total": 5, "force": true, "reason": "Water damage"});
    assert_eq!(
        api.put(forced.clone()).await.1,
        json!({"nights_changed": 2, "nights_forced": 1})
    );
    assert_eq!(
        api.put(forced).await.1,
        json!({"nights_changed": 0, "nights_forced": 0})
    );
    let shown = api.get(&format!("from={from}&to={to}")).await.1;
    let left = [&shown["items"][0]["left"], &shown["items"][1]["left"]];
    assert_eq!(
        left,
        [5, 0],
        "eight of five are taken: none is left, and not less than none"
    );
    let recorded = sqlx::query_scalar!(
        r#"select format('%s %s>%s %s/%s %s %s', night, old_total, new_total, held, sold, reason, caller) as "line!"
         from inventory.forced_reduction"#
    );
    let recorded = recorded.fetch_all(&pool).await.unwrap();
    assert_eq!(recorded, [format!("{} 10>5 4/4 Water damage anyone", api.day(2))]);
    let told = sqlx::query_scalar!(
        r#"select format('%s %s %s %s', actor, action, subject, body #>> '{nights,0,before}') as "line!" from inventory.trail"#
    );
    let told = told.fetch_all(&pool).await.unwrap();
    assert_eq!(told, [format!("anyone reduction_forced {} 10", api.room_type)]);

    let one = |id| hold(api.hotel, api.room_type, id, stay(api.day(2), 1), 1);
    assert_eq!(
        code(&settled(&pool, vec![one(HoldId::new())], 900).await[0]),
        "sold_out"
    );
    assert!(books(&pool, api.hotel).await.0[1].ends_with("4/4/5 f t"));
    let shown = api.get(&format!("from={from}&to={to}")).await.1;
    let figures = |at: usize| ["total", "held", "sold", "left"].map(|name| shown["items"][at][name].clone());
    assert_eq!(figures(0), [5, 0, 0, 5].map(Value::from));
    assert_eq!(
        figures(1),
        [5, 4, 4, 0].map(Value::from),
        "nothing is left, and never less"
    );
    // Giving rooms back brings the night within its total, and then it is an ordinary night again.
    settled(&pool, vec![release(api.hotel, ids[1])], 900).await;
    assert!(books(&pool, api.hotel).await.0[1].ends_with("0/4/5 f f"));
    assert_eq!(
        code(&settled(&pool, vec![one(HoldId::new())], 900).await[0]),
        "done"
    );
    assert_books_balance(&pool).await;

    api.put(json!({"from": from, "to": to, "total": 1, "force": true, "reason": "Fire"}))
        .await;
    assert!(books(&pool, api.hotel).await.0[1].ends_with("1/4/1 f t"));
    assert_eq!(api.put(json!({"from": from, "to": to, "total": 9})).await.0, 200);
    assert!(books(&pool, api.hotel).await.0[1].ends_with("1/4/9 f f"));
}

#[sqlx::test(migrations = false)]
async fn the_same_new_nights_set_by_many_at_once_are_set_once(pool: PgPool) {
    let api = Api::new(&pool).await;
    let put = |total: i32| api.put(json!({"from": api.day(1), "to": api.day(60), "total": total}));
    let answers = tokio::join!(put(10), put(10), put(10), put(10));
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let changed: u64 = answers
        .iter()
        .map(|(_, body)| body["nights_changed"].as_u64().unwrap())
        .sum();
    assert_eq!(changed, 59);
}

#[test]
fn the_document_names_both_endpoints() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/v1/hotels/{hotel_id}/inventory",
            "/v1/hotels/{hotel_id}/room-types/{room_type_id}/inventory"
        ]
    );
}
