//! Fields with wrong values: every body that is good but for one of them, which the problem names.

use contract::StayDate;
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body};

use super::wire::{Sent, Table, Want};

/// Stands for a value that is written as it is, also when it is not JSON that `json!` could write.
const PLACE: &str = "@value@";

/// What a row changes: where, to what JSON text, and the code and pointer that answer it.
pub(super) type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

pub(super) async fn rows(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    quotes(table, hotel);
    bookings(table, platform, hotel).await;
    names(table);
}

/// `body` with the value at `pointer` written as `text`.
fn changed(body: &Value, pointer: &str, text: &str) -> String {
    let mut body = body.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match field.parse::<usize>() {
        Ok(at) if parent.is_array() => parent[at] = PLACE.into(),
        _ => parent[field] = PLACE.into(),
    }
    body.to_string().replace(&format!("\"{PLACE}\""), text)
}

pub(super) fn each(table: &mut Table, sent: impl Fn(String) -> Sent, good: &Value, rows: &[Row<'_>]) {
    for (at, text, code, pointer) in rows {
        let want = Want {
            status: 422,
            code,
            pointer: Some(pointer),
        };
        table.refused(&format!("{at} = {text}"), &sent(changed(good, at, text)), want);
    }
}

/// The same field with many texts and the same answer.
pub(super) fn same<'a>(at: &'a str, texts: &[&'a str], code: &'a str) -> Vec<Row<'a>> {
    texts.iter().map(|text| (at, *text, code, at)).collect()
}

/// What is no date, as JSON.
const NOT_DATES: [&str; 30] = [
    r#""2024-2-3""#,
    r#"" 2027-02-03""#,
    r#""2027-02-03 ""#,
    r#""2027-02-30""#,
    r#""2027-02-29""#,
    r#""2027-13-01""#,
    r#""2027-00-10""#,
    r#""0000-01-01""#,
    r#""-044-03-15""#,
    r#""10000-01-01""#,
    r#""+262142-01-01""#,
    r#""2027-02-03T00:00:00Z""#,
    r#""2027-02-03T00:00:00+14:00""#,
    r#""20270203""#,
    r#""03.02.2027""#,
    r#""02/03/2027""#,
    r#""2027-W05-3""#,
    r#""infinity""#,
    r#""-infinity""#,
    r#""now""#,
    r#""""#,
    r#""２０２７-02-03""#,
    r#""2200-01-01""#,
    r#""1999-12-31""#,
    "20270203",
    "1e9",
    "null",
    "true",
    "[]",
    "{}",
];

/// What is no id, as JSON.
const NOT_IDS: [&str; 11] = [
    r#""""#,
    r#""1""#,
    r#""01936F5E-7D5C-7C3A-9A44-0D3F6A1B2C4D""#,
    r#""01936f5e7d5c7c3a9a440d3f6a1b2c4d""#,
    r#""{01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d}""#,
    r#""urn:uuid:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d""#,
    r#""00000000-0000-0000-0000-000000000000""#,
    r#""../../etc/passwd""#,
    r#""' or 1=1 --""#,
    "1",
    "null",
];

/// What is no count, as JSON.
const NOT_COUNTS: [&str; 12] = [
    "-1",
    "1.5",
    "1.0",
    "1e0",
    "65536",
    "2147483648",
    "9223372036854775808",
    "1e400",
    r#""1""#,
    "null",
    "true",
    "[1]",
];

fn quotes(table: &mut Table, hotel: &Hotel) {
    let good = hotel.quote_body(0, 2, 1);
    let sent = |body: String| Sent::post("/v1/quotes", body);
    let mut rows = Vec::new();
    for at in ["/check_in", "/check_out"] {
        rows.extend(same(at, &NOT_DATES, "invalid_field"));
    }
    for at in ["/hotel_id", "/room_type_id", "/rate_plan_id"] {
        rows.extend(same(at, &NOT_IDS, "invalid_field"));
    }
    for at in ["/rooms", "/party/adults", "/party/children"] {
        rows.extend(same(at, &NOT_COUNTS, "invalid_field"));
    }
    rows.extend(same("/rooms", &["0", "10"], "invalid_field"));
    rows.extend(same("/party/adults", &["0", "37"], "invalid_field"));
    rows.extend(same("/party/adults", &["3", "36"], "party_too_large"));
    for rooms in ["3", "9"] {
        rows.push(("/rooms", rooms, "party_too_small", "/party/adults"));
    }
    rows.push(("/party", "2", "invalid_field", "/party"));
    for unknown in [
        "/tenant_id",
        "/state",
        "/price",
        "/total",
        "/version",
        "/quote_id",
        "/currency",
        "/party/infants",
    ] {
        rows.push((unknown, "1", "invalid_field", unknown));
    }
    let (first, long) = (
        format!("\"{}\"", hotel.night(0)),
        format!("\"{}\"", hotel.night(31)),
    );
    rows.push(("/check_out", &first, "invalid_stay", "/check_out"));
    rows.push(("/check_out", &long, "stay_too_long", "/check_out"));
    rows.push(("/check_in", &long, "invalid_stay", "/check_out"));
    each(table, sent, &good, &rows);
    numbers_that_are_none(table, hotel);
    far_stays(table, hotel);
    for field in ["hotel_id", "check_in", "rooms", "party"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let want = Want {
            status: 422,
            code: "invalid_field",
            pointer: Some(&format!("/{field}")),
        };
        table.refused(&format!("without {field}"), &sent(body.to_string()), want);
    }
    let twice = good.to_string().replacen('{', "{\"rooms\":1,", 1);
    let want = Want {
        status: 422,
        code: "invalid_field",
        pointer: Some("/rooms"),
    };
    table.refused("rooms twice", &sent(twice), want);
}

/// What JSON does not know as a number is not JSON.
fn numbers_that_are_none(table: &mut Table, hotel: &Hotel) {
    for text in [
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "1.",
        ".5",
        // 0x1 is read as 0, and refused for that.
        "1x1",
        "1_000",
    ] {
        let body = changed(&hotel.quote_body(0, 2, 1), "/rooms", text);
        let want = Want {
            status: 400,
            code: "malformed_json",
            pointer: None,
        };
        table.refused(&format!("/rooms = {text}"), &Sent::post("/v1/quotes", body), want);
    }
}

/// Stays that are dates, but none that can be had.
fn far_stays(table: &mut Table, hotel: &Hotel) {
    let stay = |from: StayDate| {
        let mut body = hotel.quote_body(0, 1, 1);
        body["check_in"] = json!(from);
        body["check_out"] = json!(from.plus_days(1));
        Sent::post("/v1/quotes", body.to_string())
    };
    let want = |code| Want {
        status: 422,
        code,
        pointer: Some("/check_in"),
    };
    table.refused(
        "a stay years ago",
        &stay("2001-02-03".parse().unwrap()),
        want("stay_in_past"),
    );
    table.refused(
        "a stay in years",
        &stay(hotel.night(800)),
        want("stay_too_far_ahead"),
    );
    table.refused(
        "the last stay there is",
        &stay("2199-12-30".parse().unwrap()),
        want("stay_too_far_ahead"),
    );
}

async fn bookings(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let quote = hotel.quote(platform, 0, 1, 1).await;
    let good = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let token = quote["quote_token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let forged = [
        json!(format!("{token}x")),
        json!(format!("eyJhbGciOiJub25lIn0.{claims}.")),
        json!(format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.AAAA")),
        json!(token.to_uppercase()),
        json!(token.replace('.', "")),
        json!(""),
        json!(".."),
        json!("x".repeat(20_000)),
    ];
    let forged: Vec<String> = forged.iter().map(ToString::to_string).collect();
    let forged: Vec<&str> = forged.iter().map(String::as_str).collect();
    let mut rows = same("/quote_token", &forged, "invalid_quote");
    let long = json!("x".repeat(201)).to_string();
    rows.extend(same(
        "/guest/name",
        &[
            r#""""#,
            "\" \"",
            r#""a\u0000b""#,
            r#""a\tb""#,
            r#""a\u202eb""#,
            &long,
            "7",
        ],
        "invalid_field",
    ));
    rows.extend(same(
        "/guest/email",
        &[
            r#""x""#,
            r#""a@b""#,
            r#""a@b.c\r\nBcc: d@e.f""#,
            r#""ä@b.cd""#,
            r#""a@@b.cd""#,
            r#""<a@b.cd>""#,
            r#""a@b.cd\u0000""#,
        ],
        "invalid_field",
    ));
    rows.extend(same(
        "/guest/phone",
        &[r#""1""#, r#""call me""#, r#""+1;ext=2""#, "7"],
        "invalid_field",
    ));
    rows.extend(same(
        "/payment_method",
        &[r#""ok""#, r#""pm_""#, r#""pm_OK""#, r#""pm_ok ""#, "null"],
        "invalid_field",
    ));
    rows.extend(same(
        "/party",
        &[r#"{"adults":1}"#, r#"{"adults":2,"children":1}"#],
        "party_differs",
    ));
    rows.push(("/party", r#"{"adults":0}"#, "invalid_field", "/party/adults"));
    for unknown in [
        "/state",
        "/reservation_id",
        "/tenant_id",
        "/price",
        "/version",
        "/hotel_id",
        "/guest/id",
    ] {
        rows.push((unknown, "\"x\"", "invalid_field", unknown));
    }
    let total = r#"{"amount":"0.01","currency":"EUR"}"#;
    rows.push(("/total", total, "invalid_field", "/total"));
    let sent = |body: String| Sent::post("/v1/reservations", body).header("idempotency-key", "a-bad-body");
    each(table, sent, &good, &rows);
    keys(table, &good);
    let two_rooms = hotel.quote(platform, 3, 1, 2).await;
    let alone = changed(
        &booking_body(&two_rooms, "Ada Lovelace", "pm_ok"),
        "/party",
        r#"{"adults":1}"#,
    );
    let want = Want {
        status: 422,
        code: "party_too_small",
        pointer: Some("/party/adults"),
    };
    table.refused("one adult for two rooms that were quoted", &sent(alone), want);
    let stored = "select key from reservation.reservation where key = 'a-bad-body'";
    assert_eq!(
        platform.query(stored).await,
        None,
        "a body that is refused never burns its key"
    );
}

fn keys(table: &mut Table, good: &Value) {
    let want = |code| Want {
        status: 400,
        code,
        pointer: Some("Idempotency-Key"),
    };
    let sent = || Sent::post("/v1/reservations", good.to_string());
    table.refused("no key", &sent(), want("idempotency_key_missing"));
    let twice = sent()
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    table.refused("two keys", &twice, want("idempotency_key_invalid"));
    let long = "x".repeat(256);
    for key in [
        "",
        "with space",
        "tab\tin it",
        "schlüssel",
        "\u{1f3e8}",
        long.as_str(),
    ] {
        table.refused(
            &format!("key {key:?}"),
            &sent().header("idempotency-key", key),
            want("idempotency_key_invalid"),
        );
    }
}

/// What people are called is kept byte for byte, however it looks.
fn names(table: &mut Table) {
    let bomb = format!("Z{}", "\u{0301}\u{0489}".repeat(90));
    for name in [
        "Zoë 🏨",
        "👨‍👩‍👧‍👦",
        "zero\u{200b}width\u{feff}",
        "مرحبا",
        "דניאל",
        "ﬁ ﬀ ǅ",
        "e\u{301}",
        "Robert'); DROP TABLE hotel.hotel;--",
        "<script>alert(1)</script>",
        "${jndi:ldap://x}",
        "%00%n%s",
        "{{7*7}}",
        "\\u0000",
        "Z\u{10ffff}",
        bomb.as_str(),
    ] {
        let body = json!({"name": name, "address": name, "time_zone": "Asia/Tokyo", "currency": "JPY"});
        let made = table
            .served(name, &Sent::post("/v1/hotels", body.to_string()), 201)
            .json();
        let path = format!("/v1/hotels/{}", made["hotel_id"].as_str().unwrap_or_default());
        let kept = table.served(name, &Sent::get(&path), 200).json();
        if kept["name"] != name || kept["address"] != name || made["name"] != name {
            table.wrong(name, &format!("came back as {kept}"));
        }
    }
}
