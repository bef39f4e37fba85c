//! Quotes of hotels far from Lisbon and cents: zones on both sides of UTC, currencies with other decimals, several
//! nights and rooms.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::*;
use crate::testing::{Api, assert_problem};

/// A hotel with one room type for four, one rate plan, and these prices from a night on.
async fn hotel(
    api: &Api,
    zone: &str,
    currency: &str,
    taxes: &Value,
    from: StayDate,
    prices: &[&str],
) -> Value {
    let hotel = json!({
        "name": "Far", "address": "Far away", "time_zone": zone, "currency": currency, "taxes": taxes,
    });
    let hotel = api.add("/v1/hotels", &hotel, "hotel_id").await;
    let room_type =
        json!({"name": "Suite", "beds": ["double", "double"], "adults_max": 4, "children_max": 0});
    let path = format!("/v1/hotels/{hotel}");
    let room_type = api
        .add(&format!("{path}/room-types"), &room_type, "room_type_id")
        .await;
    let plan = json!({"name": "Plan", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let rate_plan = api
        .add(&format!("{path}/rate-plans"), &plan, "rate_plan_id")
        .await;
    let nights: Vec<Value> = (0..)
        .zip(prices)
        .map(|(at, amount)| json!({"night": from.plus_days(at), "price": {"amount": amount, "currency": currency}}))
        .collect();
    let (status, said) = api
        .put(
            &format!("{path}/prices"),
            &json!({"room_type_id": room_type, "rate_plan_id": rate_plan, "nights": nights}),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let nights = u32::try_from(prices.len()).unwrap();
    json!({
        "hotel_id": hotel, "room_type_id": room_type, "rate_plan_id": rate_plan, "check_in": from,
        "check_out": from.plus_days(nights), "rooms": 1, "party": {"adults": 4},
    })
}

fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_tax_is_rounded_once_in_each_currency(pool: PgPool) {
    let api = Api::start(pool).await;
    let taxes = json!([{"name": "VAT", "percent": "6.00"}, {"name": "City", "percent": "1.25"}]);
    for (currency, prices, rooms, lines, total) in [
        // 2 x (99.99 + 100.01 + 87.35) = 574.70: 34.482 and 7.18375.
        (
            "EUR",
            ["99.99", "100.01", "87.35"],
            2,
            ["34.48", "7.18"],
            "616.36",
        ),
        // 3 x (9999 + 12001 + 8351) = 91053: 5463.18 and 1138.1625.
        ("JPY", ["9999", "12001", "8351"], 3, ["5463", "1138"], "97654"),
        // 2 x (45.125 + 45.130 + 0.001) = 180.512: 10.83072 and 2.2564.
        (
            "KWD",
            ["45.125", "45.130", "0.001"],
            2,
            ["10.831", "2.256"],
            "193.599",
        ),
        // Half a cent goes up, once: 4 x 3 x 0.05 = 0.60: 0.036 and 0.0075.
        ("EUR", ["0.05", "0.05", "0.05"], 4, ["0.04", "0.01"], "0.65"),
    ] {
        let mut body = hotel(
            &api,
            "Europe/Lisbon",
            currency,
            &taxes,
            day("2026-07-01"),
            &prices,
        )
        .await;
        body["rooms"] = json!(rooms);
        body["party"] = json!({"adults": 2 * rooms});
        let (status, quote) = api.post("/v1/quotes", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{quote}");
        let said: Vec<&Value> = quote["taxes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tax| &tax["amount"]["amount"])
            .collect();
        assert_eq!(said, lines, "{quote}");
        assert_eq!(
            quote["total"],
            json!({"amount": total, "currency": currency}),
            "{quote}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn today_is_the_hotels_on_both_sides_of_utc(pool: PgPool) {
    // It is 22:30 of 2026-06-01 in UTC.
    let api = Api::start(pool).await;
    for (zone, today, yesterday) in [
        ("Pacific/Kiritimati", "2026-06-02", "2026-06-01"),
        ("Asia/Kathmandu", "2026-06-02", "2026-06-01"),
        ("Pacific/Pago_Pago", "2026-06-01", "2026-05-31"),
    ] {
        let quote = async |from: StayDate| {
            let body = hotel(&api, zone, "USD", &json!([]), from, &["80.00", "80.00"]).await;
            api.post("/v1/quotes", &body).await
        };
        let (status, said) = quote(day(today)).await;
        assert_eq!(
            (status, &said["check_in"]),
            (StatusCode::CREATED, &json!(today)),
            "{said}"
        );
        assert_problem(
            &quote(day(yesterday)).await,
            422,
            "stay_in_past",
            Some("/check_in"),
        );
        let latest = day(today).plus_days(730);
        assert_eq!(quote(latest).await.0, StatusCode::CREATED, "{zone}");
        let later = quote(latest.plus_days(1)).await;
        assert_problem(&later, 422, "stay_too_far_ahead", Some("/check_in"));
    }
}

#[sqlx::test(migrations = false)]
async fn west_of_utc_the_day_goes_on_after_its_midnight(pool: PgPool) {
    let api = Api::start(pool).await;
    let mut body = hotel(
        &api,
        "Pacific/Pago_Pago",
        "USD",
        &json!([]),
        day("2026-05-31"),
        &["80.00"; 3],
    )
    .await;
    for (now, first) in [
        ("2026-06-01T10:59:59Z", "2026-05-31"),
        ("2026-06-01T11:00:00Z", "2026-06-01"),
        ("2026-06-02T10:59:59Z", "2026-06-01"),
    ] {
        api.set_clock(now);
        for from in ["2026-05-31", "2026-06-01"] {
            body["check_in"] = json!(from);
            let (status, said) = api.post("/v1/quotes", &body).await;
            assert_eq!(status == StatusCode::CREATED, from >= first, "{now}: {said}");
        }
    }
}
