//! Limits at both sides of their edges, lists and their order, and which of several mistakes is told.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;

use crate::testing::{Api, NOBODY, assert_problem, hotel, with};

fn many(item: &Value, count: usize) -> Value {
    Value::Array(vec![item.clone(); count])
}

fn letters(count: usize) -> Value {
    json!("é".repeat(count))
}

/// Sends `good` with each value in its place: the first is just allowed, the second is one too many.
async fn edges(api: &Api, path: &str, good: &Value, rows: Vec<(&str, Value, Value)>) {
    for (pointer, most, beyond) in rows {
        let (status, added) = api.post(path, &with(good, pointer, Some(most.clone()))).await;
        assert_eq!(status, StatusCode::CREATED, "{pointer}: {added}");
        assert_eq!(added.pointer(pointer), Some(&most), "{pointer}");
        let answer = api.post(path, &with(good, pointer, Some(beyond))).await;
        assert_problem(&answer, 422, "invalid_field", Some(pointer));
    }
}

#[sqlx::test(migrations = false)]
async fn a_hotel_takes_what_is_just_allowed(pool: PgPool) {
    let api = Api::start(pool).await;
    let picture = json!("https://example.com/a.jpg");
    let taxes = |count: usize| {
        let tax = |at| json!({"name": format!("Tax {at}"), "percent": "1"});
        Value::Array((0..count).map(tax).collect())
    };
    let rows = vec![
        ("/name", letters(200), letters(201)),
        ("/address", letters(500), letters(501)),
        ("/description", letters(4_000), letters(4_001)),
        ("/pictures", many(&picture, 30), many(&picture, 31)),
        ("/taxes", taxes(10), taxes(11)),
    ];
    edges(&api, "/v1/hotels", &hotel(), rows).await;
    for (percent, taken) in [
        ("0", true),
        ("0.0001", true),
        ("99.9999", true),
        ("100", true),
        ("100.0000", true),
        ("100.0001", false),
        ("101", false),
        ("0.00001", false),
    ] {
        let (status, answer) = api
            .post(
                "/v1/hotels",
                &with(&hotel(), "/taxes/0/percent", Some(json!(percent))),
            )
            .await;
        assert_eq!(status == StatusCode::CREATED, taken, "{percent}: {answer}");
    }
    let same = with(&hotel(), "/taxes/1/name", Some(json!("vat")));
    assert_eq!(
        api.post("/v1/hotels", &same).await.0,
        StatusCode::CREATED,
        "names differ by case"
    );
}

#[sqlx::test(migrations = false)]
async fn a_room_type_and_a_rate_plan_take_what_is_just_allowed(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let path = |what: &str| format!("/v1/hotels/{}/{what}", aurora.hotel);
    let good = json!({"name": "A", "beds": ["b"], "adults_max": 2, "children_max": 1, "amenities": [],
        "description": "c", "pictures": []});
    let picture = json!("https://example.com/a.jpg");
    let rows = vec![
        ("/name", letters(200), letters(201)),
        ("/beds", many(&json!("b"), 20), many(&json!("b"), 21)),
        ("/beds", many(&json!("b"), 1), json!([])),
        ("/beds/0", letters(60), letters(61)),
        ("/adults_max", json!(1), json!(0)),
        ("/adults_max", json!(36), json!(37)),
        ("/children_max", json!(0), json!(-1)),
        ("/children_max", json!(36), json!(37)),
        ("/amenities", many(&json!("a"), 100), many(&json!("a"), 101)),
        ("/description", letters(4_000), letters(4_001)),
        ("/pictures", many(&picture, 30), many(&picture, 31)),
    ];
    edges(&api, &path("room-types"), &good, rows).await;
    let good = json!({"name": "A", "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "full"}}});
    let days = "/cancellation_policy/free_until_days_before";
    let rows = vec![
        ("/name", letters(200), letters(201)),
        (days, json!(0), json!(-1)),
        (days, json!(365), json!(366)),
    ];
    edges(&api, &path("rate-plans"), &good, rows).await;
}

#[sqlx::test(migrations = false)]
async fn pages_of_a_hotels_own_things_are_in_the_order_of_adding(pool: PgPool) {
    let api = Api::start(pool).await;
    let (one, other) = (api.aurora().await, api.aurora().await);
    let plan = json!({"name": "A", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let room = json!({"name": "A", "beds": ["b"], "adults_max": 1, "children_max": 0});
    for (what, id, body, first) in [
        ("room-types", "room_type_id", &room, &one.room_type),
        ("rate-plans", "rate_plan_id", &plan, &one.rate_plan),
    ] {
        let path = format!("/v1/hotels/{}/{what}", one.hotel);
        let mut added = vec![first.clone()];
        for _ in 0..4 {
            added.push(api.add(&path, body, id).await);
            api.add(&format!("/v1/hotels/{}/{what}", other.hotel), body, id)
                .await;
        }
        let (mut shown, mut pages, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let (status, page) = api.get(&format!("{path}?limit=2{cursor}")).await;
            assert_eq!(status, StatusCode::OK);
            let items = page["items"].as_array().unwrap();
            shown.extend(items.iter().map(|item| item[id].as_str().unwrap().to_owned()));
            pages += 1;
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!((shown, pages), (added, 3), "{what}");
        let (_, whole) = api.get(&format!("{path}?limit=5")).await;
        assert_eq!(
            whole.get("next_cursor"),
            None,
            "a full last page has no next: {what}"
        );
        for limit in [1, 200] {
            assert_eq!(api.get(&format!("{path}?limit={limit}")).await.0, StatusCode::OK);
        }
    }
    let none = api
        .get(&format!("/v1/hotels/{}/room-types?cursor={}", one.hotel, "22"))
        .await;
    assert_problem(&none, 400, "invalid_cursor", Some("cursor"));
}

#[sqlx::test(migrations = false)]
async fn of_several_mistakes_the_first_is_told(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    // Each row mends the mistake of the one before; what can be said without looking anything up comes first.
    let mut ask = json!({
        "hotel_id": NOBODY, "room_type_id": NOBODY, "rate_plan_id": NOBODY,
        "check_in": "2028-06-02", "check_out": "2028-07-30", "rooms": 10, "party": {"adults": 37, "children": 37},
    });
    for (pointer, value, status, code, at) in [
        // Numbers are read before anything is asked about them.
        (
            "/check_out",
            json!("2028-07-03"),
            422,
            "invalid_field",
            "/party/adults",
        ),
        ("/party/adults", json!(0), 422, "invalid_field", "/party/adults"),
        (
            "/party/adults",
            json!(36),
            422,
            "invalid_field",
            "/party/children",
        ),
        ("/party/children", json!(36), 422, "invalid_field", "/rooms"),
        ("/rooms", json!(9), 422, "stay_too_long", "/check_out"),
        (
            "/check_out",
            json!("2028-06-02"),
            422,
            "invalid_stay",
            "/check_out",
        ),
        ("/check_out", json!("2028-07-02"), 404, "not_found", "/hotel_id"),
        ("/party/adults", json!(8), 422, "party_too_small", "/party/adults"),
        ("/party/adults", json!(36), 404, "not_found", "/hotel_id"),
        (
            "/hotel_id",
            json!(aurora.hotel),
            404,
            "not_found",
            "/room_type_id",
        ),
        (
            "/room_type_id",
            json!(aurora.room_type),
            404,
            "not_found",
            "/rate_plan_id",
        ),
        (
            "/rate_plan_id",
            json!(aurora.rate_plan),
            422,
            "stay_too_far_ahead",
            "/check_in",
        ),
        (
            "/check_in",
            json!("2028-06-30"),
            422,
            "stay_too_far_ahead",
            "/check_in",
        ),
    ] {
        ask = with(&ask, pointer, Some(value));
        assert_problem(&api.post("/v1/quotes", &ask).await, status, code, Some(at));
    }
    ask = with(&ask, "/check_in", Some(json!("2026-07-07")));
    ask = with(&ask, "/check_out", Some(json!("2026-07-09")));
    assert_problem(
        &api.post("/v1/quotes", &ask).await,
        422,
        "party_too_large",
        Some("/party/adults"),
    );
    ask = with(&ask, "/party/adults", Some(json!(18)));
    assert_problem(
        &api.post("/v1/quotes", &ask).await,
        422,
        "party_too_large",
        Some("/party/children"),
    );
    ask = with(&ask, "/party/children", Some(json!(9)));
    let answer = api.post("/v1/quotes", &ask).await;
    assert_problem(&answer, 409, "no_price", None);
    assert_eq!(answer.1["night"], "2026-07-08");
}

#[sqlx::test(migrations = false)]
async fn a_price_may_be_nothing_and_prices_are_listed_without_the_day_of_to(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let price =
        |night: &str, amount: &str| json!({"night": night, "price": {"amount": amount, "currency": "EUR"}});
    let free = aurora.set(&json!([price("2026-07-08", "0.00"), price("2026-07-07", "0.01")]));
    assert_eq!(api.put(&aurora.prices(), &free).await.0, StatusCode::OK);
    let list = |from: &str, to: &str| {
        format!(
            "{}?room_type_id={}&rate_plan_id={}&from={from}&to={to}",
            aurora.prices(),
            aurora.room_type,
            aurora.rate_plan
        )
    };
    let (_, listed) = api.get(&list("2026-07-07", "2026-07-09")).await;
    assert_eq!(
        listed,
        json!({"items": [price("2026-07-07", "0.01"), price("2026-07-08", "0.00")]})
    );
    let (status, quote) = api
        .post(
            "/v1/quotes",
            &with(
                &with(&aurora.stay(), "/check_in", Some(json!("2026-07-08"))),
                "/check_out",
                Some(json!("2026-07-09")),
            ),
        )
        .await;
    assert_eq!(
        (status, &quote["total"]["amount"]),
        (StatusCode::CREATED, &json!("0.00")),
        "a night for nothing is a night with a price"
    );
    // The price of one room type and plan is no other's.
    let plan = json!({"name": "B", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let plan = api
        .add(
            &format!("/v1/hotels/{}/rate-plans", aurora.hotel),
            &plan,
            "rate_plan_id",
        )
        .await;
    let other = with(&aurora.stay(), "/rate_plan_id", Some(json!(plan)));
    assert_problem(&api.post("/v1/quotes", &other).await, 409, "no_price", None);
}
