//! Quotes, right and wrong, through the routes.

use contract::penalty::Penalty;
use platform::token::TokenError;
use serde_json::{Value, json};
use sqlx::Executor as _;
use sqlx::postgres::PgPool;

use super::*;
use crate::testing::{Api, NOBODY, assert_problem, with};

#[sqlx::test(migrations = false)]
async fn a_quote_adds_up_and_its_token_says_the_same(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let (status, quote) = api
        .post(
            "/v1/quotes",
            &with(
                &with(&aurora.stay(), "/rooms", Some(json!(3))),
                "/party",
                Some(json!({"adults": 3, "children": 4})),
            ),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{quote}");
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    // Two nights of 100.00 in three rooms: 600.00; 6% is 36.00 and 1.25% is 7.50.
    assert_eq!(quote["total_before_taxes"], euros("600.00"));
    assert_eq!(quote["total"], euros("643.50"));
    assert_eq!(
        quote["taxes"],
        json!([
            {"name": "VAT", "percent": "6.00", "amount": euros("36.00")},
            {"name": "City", "percent": "1.25", "amount": euros("7.50")},
        ])
    );
    assert_eq!(
        quote["nights"],
        json!([{"night": "2026-07-01", "price": euros("100.00")}, {"night": "2026-07-02", "price": euros("100.00")}])
    );
    assert_eq!(quote["time_zone"], "Europe/Lisbon");
    assert_eq!(quote["expires_at"], "2026-06-01T22:45:00Z");
    let parties =
        [(1, 1), (1, 1), (1, 2)].map(|(adults, children)| json!({"adults": adults, "children": children}));
    let lines = quote["lines"].as_array().unwrap();
    assert_eq!(
        lines.iter().map(|line| line["party"].clone()).collect::<Vec<_>>(),
        parties
    );
    let token = quote["quote_token"].as_str().unwrap();
    let claims = api.verify(token, 14).unwrap();
    assert_eq!(claims.cancellation_policy.unwrap().penalty, Penalty::FirstNight);
    let mut shown = quote.clone();
    for beside_it in ["quote_token", "total_before_taxes", "lines"] {
        shown.as_object_mut().unwrap().remove(beside_it);
    }
    assert_eq!(serde_json::to_value(&claims).unwrap(), shown);
    assert_eq!(api.verify(token, 15), Err(TokenError::Expired));
    let mut forged = token.to_owned();
    forged.replace_range(100..101, if &token[100..101] == "A" { "B" } else { "A" });
    assert_eq!(api.verify(&forged, 1), Err(TokenError::Invalid));
}

#[sqlx::test(migrations = false)]
async fn a_quote_ends_with_the_second_in_which_its_time_ends(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    for now in ["22:30:00", "22:30:00.000001", "22:30:00.5", "22:30:00.999999"] {
        api.set_clock(&format!("2026-06-01T{now}Z"));
        let (_, quote) = api.post("/v1/quotes", &aurora.stay()).await;
        assert_eq!(quote["expires_at"], "2026-06-01T22:45:00Z", "{now}");
        let token = quote["quote_token"].as_str().unwrap();
        for (then, is_good) in [("22:44:59.999999", true), ("22:45:00", false)] {
            api.set_clock(&format!("2026-06-01T{then}Z"));
            assert_eq!(api.verify(token, 0).is_ok(), is_good, "{now}, at {then}");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn whatever_is_wrong_is_named(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let bad: [(&str, Value, u16, &str, &str); 34] = [
        ("/hotel_id", json!(NOBODY), 404, "not_found", "/hotel_id"),
        ("/room_type_id", json!(NOBODY), 404, "not_found", "/room_type_id"),
        ("/rate_plan_id", json!(NOBODY), 404, "not_found", "/rate_plan_id"),
        (
            "/hotel_id",
            json!(NOBODY.to_uppercase()),
            422,
            "invalid_field",
            "/hotel_id",
        ),
        (
            "/hotel_id",
            json!("' or 1=1 --"),
            422,
            "invalid_field",
            "/hotel_id",
        ),
        (
            "/room_type_id",
            json!("00000000-0000-0000-0000-000000000000"),
            422,
            "invalid_field",
            "/room_type_id",
        ),
        (
            "/check_out",
            json!("2026-07-01"),
            422,
            "invalid_stay",
            "/check_out",
        ),
        (
            "/check_out",
            json!("2026-06-30"),
            422,
            "invalid_stay",
            "/check_out",
        ),
        (
            "/check_out",
            json!("2026-08-01"),
            422,
            "stay_too_long",
            "/check_out",
        ),
        (
            "/check_out",
            json!("2026-02-30"),
            422,
            "invalid_field",
            "/check_out",
        ),
        ("/check_in", json!("2026-7-1"), 422, "invalid_field", "/check_in"),
        (
            "/check_in",
            json!("2026-07-01T00:00:00Z"),
            422,
            "invalid_field",
            "/check_in",
        ),
        ("/check_in", json!("infinity"), 422, "invalid_field", "/check_in"),
        ("/check_in", json!(20_260_701), 422, "invalid_field", "/check_in"),
        ("/check_in", Value::Null, 422, "invalid_field", "/check_in"),
        ("/rooms", json!(0), 422, "invalid_field", "/rooms"),
        ("/rooms", json!(10), 422, "invalid_field", "/rooms"),
        ("/rooms", json!(-1), 422, "invalid_field", "/rooms"),
        ("/rooms", json!(1.5), 422, "invalid_field", "/rooms"),
        ("/rooms", json!("1"), 422, "invalid_field", "/rooms"),
        ("/rooms", json!(2_147_483_648_u64), 422, "invalid_field", "/rooms"),
        (
            "/rooms",
            json!(9_223_372_036_854_775_808_u64),
            422,
            "invalid_field",
            "/rooms",
        ),
        ("/party/adults", json!(0), 422, "invalid_field", "/party/adults"),
        ("/party/adults", json!(37), 422, "invalid_field", "/party/adults"),
        ("/party/adults", json!(3), 422, "party_too_large", "/party/adults"),
        (
            "/party/children",
            json!(2),
            422,
            "party_too_large",
            "/party/children",
        ),
        (
            "/party/children",
            json!(-1),
            422,
            "invalid_field",
            "/party/children",
        ),
        ("/rooms", json!(3), 422, "party_too_small", "/party/adults"),
        ("/party/pets", json!(1), 422, "invalid_field", "/party/pets"),
        (
            "/total",
            json!({"amount": "1.00", "currency": "EUR"}),
            422,
            "invalid_field",
            "/total",
        ),
        ("/price", json!("1.00"), 422, "invalid_field", "/price"),
        ("/quote_id", json!(NOBODY), 422, "invalid_field", "/quote_id"),
        (
            "/expires_at",
            json!("2030-01-01T00:00:00Z"),
            422,
            "invalid_field",
            "/expires_at",
        ),
        ("/state", json!("confirmed"), 422, "invalid_field", "/state"),
    ];
    for (field, value, status, code, pointer) in bad {
        let answer = api
            .post("/v1/quotes", &with(&aurora.stay(), field, Some(value)))
            .await;
        assert_problem(&answer, status, code, Some(pointer));
    }
}

#[sqlx::test(migrations = false)]
async fn every_room_has_an_adult(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let ask = |rooms: u16, adults: u16, children: u16| {
        let party = json!({"adults": adults, "children": children});
        with(
            &with(&aurora.stay(), "/rooms", Some(json!(rooms))),
            "/party",
            Some(party),
        )
    };
    for (rooms, adults, children) in [(2, 1, 0), (2, 1, 1), (3, 1, 8), (3, 2, 3), (9, 8, 0)] {
        let answer = api.post("/v1/quotes", &ask(rooms, adults, children)).await;
        assert_problem(&answer, 422, "party_too_small", Some("/party/adults"));
        let detail = answer.1["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("{rooms} rooms need {rooms} adults")),
            "{detail}"
        );
    }
    for (rooms, adults, children) in [(1, 1, 0), (2, 2, 0), (3, 3, 6), (9, 9, 18), (9, 18, 9)] {
        let answer = api.post("/v1/quotes", &ask(rooms, adults, children)).await;
        assert_eq!(answer.0, StatusCode::CREATED, "{}", answer.1);
    }
}

#[sqlx::test(migrations = false)]
async fn a_room_type_or_a_rate_plan_of_another_hotel_is_unknown(pool: PgPool) {
    let api = Api::start(pool).await;
    let (one, other) = (api.aurora().await, api.aurora().await);
    for (pointer, of_another) in [
        ("/room_type_id", &other.room_type),
        ("/rate_plan_id", &other.rate_plan),
    ] {
        let wish = with(&one.stay(), pointer, Some(json!(of_another)));
        let answer = api.post("/v1/quotes", &wish).await;
        assert_problem(&answer, 404, "not_found", Some(pointer));
        // Nor is it priced or shown under this hotel.
        let prices = with(&one.set(&json!([])), pointer, Some(json!(of_another)));
        let prices = with(
            &prices,
            "/nights",
            Some(json!([{"night": "2026-07-08", "price": {"amount": "1.00", "currency": "EUR"}}])),
        );
        let answer = api.put(&one.prices(), &prices).await;
        assert_problem(&answer, 404, "not_found", Some(pointer));
    }
}

#[sqlx::test(migrations = false)]
async fn a_night_without_a_price_is_named(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let answer = api
        .post(
            "/v1/quotes",
            &with(&aurora.stay(), "/check_out", Some(json!("2026-07-10"))),
        )
        .await;
    assert_problem(&answer, 409, "no_price", None);
    assert_eq!(answer.1["night"], "2026-07-08");
}

#[sqlx::test(migrations = false)]
async fn the_past_and_the_far_future_are_those_of_the_hotels_zone(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let stay = |check_in: &str, check_out: &str| {
        with(
            &with(&aurora.stay(), "/check_in", Some(json!(check_in))),
            "/check_out",
            Some(json!(check_out)),
        )
    };
    // It is half past eleven in the evening of the first of June in Lisbon: today has no price, but may be asked for.
    assert_problem(
        &api.post("/v1/quotes", &stay("2026-06-01", "2026-06-02")).await,
        409,
        "no_price",
        None,
    );
    let answer = api.post("/v1/quotes", &stay("2026-05-31", "2026-06-02")).await;
    assert_problem(&answer, 422, "stay_in_past", Some("/check_in"));
    assert_problem(
        &api.post("/v1/quotes", &stay("2028-05-31", "2028-06-01")).await,
        409,
        "no_price",
        None,
    );
    let answer = api.post("/v1/quotes", &stay("2028-06-01", "2028-06-02")).await;
    assert_problem(&answer, 422, "stay_too_far_ahead", Some("/check_in"));
    // The same moment is the second of June in Berlin.
    api.pool
        .execute("update hotel.hotel set time_zone = 'Europe/Berlin'")
        .await
        .unwrap();
    let answer = api.post("/v1/quotes", &stay("2026-06-01", "2026-06-02")).await;
    assert_problem(&answer, 422, "stay_in_past", Some("/check_in"));
}

#[sqlx::test(migrations = false)]
async fn a_total_beyond_all_money_is_refused(pool: PgPool) {
    let api = Api::start(pool).await;
    let aurora = api.aurora().await;
    let price = json!([{"night": "2026-07-01", "price": {"amount": "9999999999.99", "currency": "EUR"}}]);
    assert_eq!(
        api.put(&aurora.prices(), &aurora.set(&price)).await.0,
        StatusCode::OK
    );
    assert_problem(
        &api.post("/v1/quotes", &aurora.stay()).await,
        422,
        "invalid_amount",
        Some("/rooms"),
    );
}
