//! What a hotel says of itself, with wrong values: its prices, its rooms, its terms, its inventory.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Hotel, Platform};

use super::fields::{Row, each, same};
use super::wire::{Sent, Table, Want};

/// An id of the right form that nothing has.
const NOBODY: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

pub(super) async fn rows(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    amounts(table, platform, hotel).await;
    catalogue(table, hotel);
    inventory(table, hotel);
}

/// Amounts of money, in a currency with two decimals and in one with none.
async fn amounts(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let wrong = [
        r#""1e5""#,
        r#""1_000.00""#,
        r#"" 1.00""#,
        r#""1.00 ""#,
        r#""-0""#,
        r#""-0.00""#,
        r#""-1.00""#,
        r#""+1.00""#,
        r#""NaN""#,
        r#""Infinity""#,
        r#""0.00000000000000000000000000001""#,
        r#""1234567890123.00""#,
        r#""9999999999999999999999999999.00""#,
        r#""1""#,
        r#""1.0""#,
        r#""1.000""#,
        r#""1,00""#,
        r#""1.00EUR""#,
        r#""01.00""#,
        r#"".50""#,
        r#""1.""#,
        r#""""#,
        r#""٢.٥٠""#,
        r#""0x1.00""#,
    ];
    let body = json!({"room_type_id": hotel.room_type_id, "rate_plan_id": hotel.rate_plan_id,
        "nights": [{"night": hotel.night(59), "price": {"amount": "1.00", "currency": "EUR"}}]});
    let path = format!("/v1/hotels/{}/prices", hotel.hotel_id);
    let amount = "/nights/0/price/amount";
    let mut rows: Vec<Row<'_>> = wrong
        .iter()
        .map(|text| (amount, *text, "invalid_amount", "/nights/0/price"))
        .collect();
    rows.extend(same(
        amount,
        &["1.00", "1", "-1", "1e2", "null", "[]"],
        "invalid_field",
    ));
    rows.push((
        "/nights/0/price",
        r#"["1.00","EUR"]"#,
        "invalid_field",
        "/nights/0/price",
    ));
    rows.push(("/nights/0/price", "1.00", "invalid_field", "/nights/0/price"));
    for currency in [
        r#""USD""#,
        r#""JPY""#,
        r#""eur""#,
        r#""XXX""#,
        r#""EUR ""#,
        r#""""#,
    ] {
        rows.push((
            "/nights/0/price/currency",
            currency,
            "invalid_amount",
            "/nights/0/price",
        ));
    }
    rows.push(("/nights", "[]", "invalid_field", "/nights"));
    rows.push(("/nights", "{}", "invalid_field", "/nights"));
    let (many, twice) = many_nights(&body);
    rows.push(("/nights", &many, "invalid_field", "/nights"));
    rows.push(("/nights", &twice, "duplicate_night", "/nights"));
    each(table, |body| Sent::put(&path, body), &body, &rows);
    let yen = json!({"name": "Yen", "address": "Tokyo", "time_zone": "Asia/Tokyo", "currency": "JPY"});
    let yen = platform.post("/v1/hotels", &yen).await;
    let path = format!("/v1/hotels/{}/prices", yen.text("/hotel_id"));
    let priced = json!({"amount": "150", "currency": "JPY"});
    let of = format!("/v1/hotels/{}", yen.text("/hotel_id"));
    let room = json!({"name": "A", "beds": ["b"], "adults_max": 2, "children_max": 0});
    let room = platform.post(&format!("{of}/room-types"), &room).await;
    let plan = json!({"name": "A", "cancellation_policy": {"penalty": {"kind": "full"}}});
    let plan = platform.post(&format!("{of}/rate-plans"), &plan).await;
    let body = json!({"room_type_id": room.json["room_type_id"], "rate_plan_id": plan.json["rate_plan_id"],
        "nights": [{"night": hotel.night(59), "price": priced}]});
    let put = platform.send_json(Method::PUT, &path, &body, &[]).await;
    assert_eq!(put.status, 200, "{}", put.json);
    let rows: Vec<Row<'_>> = [r#""1.50""#, r#""150.0""#, r#""150.""#, r#""1,500""#]
        .iter()
        .map(|text| (amount, *text, "invalid_amount", "/nights/0/price"))
        .collect();
    each(table, |body| Sent::put(&path, body), &body, &rows);
}

/// 401 nights, and the same night twice.
fn many_nights(body: &Value) -> (String, String) {
    let night = &body["nights"][0];
    (
        json!(vec![night; 401]).to_string(),
        json!([night, night]).to_string(),
    )
}

fn catalogue(table: &mut Table, hotel: &Hotel) {
    let good = json!({"name": "A", "address": "B", "time_zone": "Asia/Tokyo", "currency": "JPY",
        "taxes": [{"name": "VAT", "percent": "6.00"}], "pictures": ["https://example.com/a.jpg"]});
    let mut rows = same(
        "/name",
        &[
            r#""""#,
            r#""   ""#,
            "7",
            "null",
            r#""a\u0000b""#,
            r#""a\nb""#,
            r#""a\u202eb""#,
            r#""\u0007""#,
            r#""\u2066a""#,
            r#""\u0085""#,
        ],
        "invalid_field",
    );
    let long = json!("é".repeat(201)).to_string();
    rows.push(("/name", &long, "invalid_field", "/name"));
    rows.extend(same(
        "/time_zone",
        &[r#""Lisbon""#, r#""+01:00""#, r#""../../etc/passwd""#],
        "unknown_time_zone",
    ));
    rows.extend(same(
        "/currency",
        &[
            r#""XXX""#,
            r#""eur""#,
            r#""EURO""#,
            "978",
            r#""HRK""#,
            r#""BGN""#,
            r#""ANG""#,
            r#""USN""#,
            r#""CHE""#,
            r#""XDR""#,
        ],
        "invalid_field",
    ));
    rows.extend(same(
        "/taxes/0/percent",
        &[r#""1e1""#, r#""-1""#, r#""100.01""#, "6", r#""6.00000""#],
        "invalid_field",
    ));
    rows.extend(same(
        "/pictures/0",
        &[
            r#""javascript:alert(1)""#,
            r#""http://user:pass@example.com/""#,
            r#""file:///etc/passwd""#,
        ],
        "invalid_field",
    ));
    for unknown in [
        "/hotel_id",
        "/created_at",
        "/tenant_id",
        "/version",
        "/__proto__",
        "/constructor",
    ] {
        rows.push((unknown, "{}", "invalid_field", unknown));
    }
    each(table, |body| Sent::post("/v1/hotels", body), &good, &rows);

    let path = format!("/v1/hotels/{}/room-types", hotel.hotel_id);
    let good = json!({"name": "A", "beds": ["b"], "adults_max": 2, "children_max": 0});
    let mut rows = same(
        "/adults_max",
        &["0", "37", "-1", "1.5", r#""2""#, "4294967296"],
        "invalid_field",
    );
    rows.extend(same("/children_max", &["37", "-1"], "invalid_field"));
    let many = json!(vec!["b"; 1_001]).to_string();
    rows.extend(same("/beds", &["[]", &many, "{}", "null"], "invalid_field"));
    rows.push(("/amenities", &many, "invalid_field", "/amenities"));
    each(table, |body| Sent::post(&path, body), &good, &rows);

    rate_plans(table, hotel);
}

fn rate_plans(table: &mut Table, hotel: &Hotel) {
    let path = format!("/v1/hotels/{}/rate-plans", hotel.hotel_id);
    let good = json!({"name": "A", "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "full"}}});
    let mut rows = same(
        "/cancellation_policy/free_until_days_before",
        &["366", "-1", "1.5"],
        "invalid_field",
    );
    rows.extend(same(
        "/cancellation_policy",
        &["[7,\"full\"]", "null"],
        "invalid_field",
    ));
    rows.push((
        "/cancellation_policy",
        "{}",
        "invalid_field",
        "/cancellation_policy/penalty",
    ));
    let at = "/cancellation_policy/penalty";
    rows.extend(same(
        at,
        &[
            "\"half\"",
            "7",
            "null",
            "[]",
            "{}",
            "\"first_night\"",
            "\"full\"",
            r#"{"percent":50}"#,
        ],
        "invalid_field",
    ));
    rows.push((
        at,
        r#"{"kind":"percent","percent":101}"#,
        "invalid_field",
        "/cancellation_policy/penalty/percent",
    ));
    rows.push((
        at,
        r#"{"kind":"percent"}"#,
        "invalid_field",
        "/cancellation_policy/penalty/percent",
    ));
    rows.push((
        at,
        r#"{"kind":"half"}"#,
        "invalid_field",
        "/cancellation_policy/penalty/kind",
    ));
    rows.push((
        at,
        r#"{"kind":"full","full":null}"#,
        "invalid_field",
        "/cancellation_policy/penalty/full",
    ));
    each(table, |body| Sent::post(&path, body), &good, &rows);
}

fn inventory(table: &mut Table, hotel: &Hotel) {
    let path = format!(
        "/v1/hotels/{}/room-types/{}/inventory",
        hotel.hotel_id, hotel.room_type_id
    );
    let (night, long) = (
        json!(hotel.night(59)).to_string(),
        json!(hotel.night(700)).to_string(),
    );
    let good = json!({"from": hotel.night(59), "to": hotel.night(60), "total": 2});
    let mut rows = same(
        "/total",
        &["-1", "10001", "65536", "2147483648", "1.5", r#""2""#],
        "invalid_field",
    );
    rows.push(("/to", &night, "empty_range", "/to"));
    rows.push(("/to", &long, "range_too_long", "/to"));
    rows.push(("/from", "\"2001-01-01\"", "range_too_long", "/to"));
    rows.push(("/force", "true", "reason_required", "/reason"));
    for unknown in ["/held", "/sold", "/left", "/version"] {
        rows.push((unknown, "0", "invalid_field", unknown));
    }
    rows.push(("/total", "null", "nothing_to_set", ""));
    each(table, |body| Sent::put(&path, body), &good, &rows);
    for (of, room_type, pointer) in [
        (
            hotel.hotel_id.as_str(),
            hotel.rate_plan_id.as_str(),
            "room_type_id",
        ),
        (&hotel.hotel_id, NOBODY, "room_type_id"),
        (NOBODY, &hotel.room_type_id, "hotel_id"),
        (&hotel.room_type_id, &hotel.hotel_id, "hotel_id"),
    ] {
        let path = format!("/v1/hotels/{of}/room-types/{room_type}/inventory");
        let want = Want {
            status: 404,
            code: "not_found",
            pointer: Some(pointer),
        };
        table.refused(
            "rooms of what is not there",
            &Sent::put(&path, good.to_string()),
            want,
        );
    }
    let listed = format!(
        "/v1/hotels/{NOBODY}/inventory?from={}&to={}",
        hotel.night(0),
        hotel.night(1)
    );
    let want = Want {
        status: 404,
        code: "not_found",
        pointer: Some("hotel_id"),
    };
    table.refused("rooms of a hotel that is not there", &Sent::get(&listed), want);
}
