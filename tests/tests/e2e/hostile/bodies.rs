//! Bodies that are not what they are said to be, or are too much.

use serde_json::{Value, json};
use tests::Hotel;

use super::wire::{Sent, Table, Want};

const MALFORMED: Want<'_> = Want {
    status: 400,
    code: "malformed_json",
    pointer: None,
};
const NOT_AN_OBJECT: Want<'_> = Want {
    status: 422,
    code: "invalid_field",
    pointer: Some(""),
};
const TOO_LARGE: Want<'_> = Want {
    status: 413,
    code: "body_too_large",
    pointer: None,
};
const UNSUPPORTED: Want<'_> = Want {
    status: 415,
    code: "unsupported_media_type",
    pointer: Some("Content-Type"),
};

/// Every path that takes a body, with a body that it takes.
fn endpoints(hotel: &Hotel) -> Vec<(&'static str, String, Value)> {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let money = json!({"amount": "1.00", "currency": "EUR"});
    vec![
        (
            "POST",
            "/v1/hotels".to_owned(),
            json!({"name": "A", "address": "B", "time_zone": "Asia/Tokyo", "currency": "JPY", "description": "C",
                "taxes": [{"name": "VAT", "percent": "6.00"}], "pictures": ["https://example.com/a.jpg"]}),
        ),
        (
            "POST",
            format!("{of}/room-types"),
            json!({"name": "A", "beds": ["b"], "adults_max": 2, "children_max": 0, "amenities": ["wifi"], "description": "C"}),
        ),
        (
            "POST",
            format!("{of}/rate-plans"),
            json!({"name": "A", "cancellation_policy": {"penalty": {"kind": "full"}}}),
        ),
        (
            "PUT",
            format!("{of}/prices"),
            json!({"room_type_id": hotel.room_type_id, "rate_plan_id": hotel.rate_plan_id, "nights": [{"night": hotel.night(59), "price": money}]}),
        ),
        (
            "PUT",
            format!("{of}/room-types/{}/inventory", hotel.room_type_id),
            json!({"from": hotel.night(59), "to": hotel.night(60), "total": 2, "force": true, "reason": "Paint"}),
        ),
        ("POST", "/v1/quotes".to_owned(), hotel.quote_body(0, 1, 1)),
    ]
}

pub(super) fn rows(table: &mut Table, hotel: &Hotel) {
    for (method, path, good) in endpoints(hotel) {
        let good = good.to_string();
        let sent = |body: Vec<u8>| {
            Sent::new(method, &path)
                .header("content-type", "application/json")
                .bytes(body)
        };
        let heard = table.send(
            &format!("{method} {path}, the good body"),
            &sent(good.clone().into()),
        );
        assert!(
            heard.status < 300,
            "{method} {path}: {} {}",
            heard.status,
            heard.json()
        );
        for (what, body) in not_json(&good) {
            table.refused(&format!("{method} {path}, {what}"), &sent(body), MALFORMED);
        }
        for body in ["null", "true", "7", "\"text\"", "[]", "[{}]", " [1, 2"] {
            table.refused(
                &format!("{method} {path}, {body}"),
                &sent(body.into()),
                NOT_AN_OBJECT,
            );
        }
        for (what, sent) in unsupported(method, &path, &good) {
            table.refused(&format!("{method} {path}, {what}"), &sent, UNSUPPORTED);
        }
        let what = format!("{method} {path}, 64 KiB and one byte");
        table.refused(&what, &sent(padded(&good, 64 * 1024 + 1)), TOO_LARGE);
    }
    let good = hotel.quote_body(0, 1, 1).to_string();
    table.served("64 KiB", &Sent::post("/v1/quotes", padded(&good, 64 * 1024)), 201);
    for kind in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;charset=\"UTF-8\"",
    ] {
        let sent = Sent::new("POST", "/v1/quotes")
            .header("content-type", kind)
            .bytes(good.clone());
        table.served(kind, &sent, 201);
    }
    nested_and_long(table);
    guests_bodies(table);
    cards_everywhere(table, hotel);
}

fn not_json(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let wide = |order: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(order).collect();
    let with = |bytes: &[u8]| [b"{\"", bytes, b"\":1}"].concat();
    vec![
        ("nothing", vec![]),
        ("spaces", b"  \n".to_vec()),
        ("a word", b"nope".to_vec()),
        ("a form", b"rooms=1&adults=2".to_vec()),
        (
            "XML",
            b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>".to_vec(),
        ),
        ("cut in the middle", good.as_bytes()[..good.len() - 1].to_vec()),
        ("a brace", b"{".to_vec()),
        ("trailing bytes", format!("{good} x").into_bytes()),
        ("two values", format!("{good}{good}").into_bytes()),
        (
            "a trailing comma",
            format!("{},}}", &good[..good.len() - 1]).into_bytes(),
        ),
        ("single quotes", good.replace('"', "'").into_bytes()),
        ("a comment", format!("/* x */{good}").into_bytes()),
        ("a byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16, little end first", wide(u16::to_le_bytes)),
        ("UTF-16, big end first", wide(u16::to_be_bytes)),
        ("bytes that are not UTF-8", with(b"\xff\xfe")),
        ("an overlong slash", with(b"\xc0\xaf")),
        ("half a surrogate pair", with(br"\ud800")),
        ("a NUL", with(b"\0")),
        ("a line break in a string", with(b"\n")),
    ]
}

fn unsupported(method: &str, path: &str, good: &str) -> Vec<(String, Sent)> {
    let plain = || Sent::new(method, path).bytes(good);
    let mut rows = vec![("no Content-Type".to_owned(), plain())];
    for kind in [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/jsonp",
        "*/*",
    ] {
        rows.push((
            format!("Content-Type {kind:?}"),
            plain().header("content-type", kind),
        ));
    }
    // A bomb never explodes: nothing is unpacked.
    for coding in ["gzip", "br", "deflate", "zstd", "nonsense"] {
        let sent = plain()
            .header("content-type", "application/json")
            .header("content-encoding", coding);
        rows.push((format!("Content-Encoding {coding}"), sent));
    }
    rows
}

/// `good` with spaces up to this length.
fn padded(good: &str, length: usize) -> Vec<u8> {
    let mut body = good.as_bytes().to_vec();
    body.resize(length, b' ');
    body
}

fn nested_and_long(table: &mut Table) {
    let deep =
        |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for depth in [33, 127, 128, 2_000, 6_000] {
        let (list, object) = (deep("[", "]", depth), deep("{\"a\":", "}", depth));
        let want = |pointer| Want {
            status: 422,
            code: "invalid_field",
            pointer: Some(pointer),
        };
        let what = format!("{depth} lists");
        table.refused(
            &what,
            &Sent::post("/v1/quotes", format!("{{\"party\":{list}}}")),
            want("/party"),
        );
        let what = format!("{depth} objects");
        table.refused(
            &what,
            &Sent::post("/v1/quotes", format!("{{\"party\":{object}}}")),
            want("/party/a"),
        );
        let what = format!("{depth} lists for a guest");
        let sent =
            Sent::post("/v1/reservations", format!("{{\"guest\":{list}}}")).header("idempotency-key", "deep");
        table.refused(&what, &sent, want("/guest"));
    }
    let long = format!("{{\"{}\":1}}", "k".repeat(60_000));
    let heard = table.send("a key of 60,000 letters", &Sent::post("/v1/quotes", long));
    if heard.status != 422 || heard.body.len() > 2_000 {
        table.wrong(
            "a key of 60,000 letters",
            &format!("{} with {} bytes", heard.status, heard.body.len()),
        );
    }
}

/// A list where an object belongs, inside a body; and card data anywhere.
fn guests_bodies(table: &mut Table) {
    let card = "4111-1111-1111-1111";
    for (body, code, pointer) in [
        (
            json!({"quote_token": "x", "guest": ["Ada", "ada@example.com", null]}),
            "invalid_field",
            "/guest",
        ),
        (
            json!({"quote_token": "x", "party": [2, 0]}),
            "invalid_field",
            "/party",
        ),
        (
            json!({"guest": {"name": card, "email": "a@b.c"}}),
            "card_data_refused",
            "/guest/name",
        ),
        (
            json!({"guest": {"phone": card}}),
            "card_data_refused",
            "/guest/phone",
        ),
        (
            json!({"payment_method": "4111111111111111"}),
            "card_data_refused",
            "/payment_method",
        ),
        (
            json!({"payment_method": 4_111_111_111_111_111_u64}),
            "card_data_refused",
            "/payment_method",
        ),
        (
            json!({"card": {"number": card, "cvv": "123"}}),
            "card_data_refused",
            "/card/number",
        ),
        (json!({"note": [[[card]]]}), "card_data_refused", "/note/0/0/0"),
    ] {
        let sent = Sent::post("/v1/reservations", body.to_string()).header("idempotency-key", "guest");
        let want = Want {
            status: 422,
            code,
            pointer: Some(pointer),
        };
        table.refused(&body.to_string(), &sent, want);
        let heard = table.send("no echo of card data", &sent);
        let text = String::from_utf8_lossy(&heard.body).into_owned();
        if text.contains("4111") {
            table.wrong("no echo of card data", &text);
        }
    }
}

/// A card number is refused in each text of each body, in a key and in a query, and never repeated.
fn cards_everywhere(table: &mut Table, hotel: &Hotel) {
    let card = "4111 1111 1111 1111";
    for (method, path, good) in endpoints(hotel) {
        let mut texts = Vec::new();
        texts_of(&good, String::new(), &mut texts);
        texts.extend(["/note".to_owned(), "/card/number".to_owned(), "/0".to_owned()]);
        for at in texts {
            let mut body = good.clone();
            put(&mut body, &at, card.into());
            refused_as_card(
                table,
                &Sent::new(method, &path)
                    .header("content-type", "application/json")
                    .bytes(body.to_string()),
                &at,
            );
        }
        if method == "POST" {
            for key in [
                "4111111111111111",
                "\"4111-1111-1111-1111\"",
                "card:4111111111111111",
            ] {
                let sent = Sent::post(&path, good.to_string()).header("idempotency-key", key);
                refused_as_card(table, &sent, "Idempotency-Key");
            }
        }
    }
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    for (target, at) in [
        (
            "/v1/reservations?guest_email=4111111111111111@example.com",
            "guest_email",
        ),
        ("/v1/hotels?4111111111111111=1", ""),
        (&format!("{of}?note=4111+1111+1111+1111"), "note"),
    ] {
        refused_as_card(table, &Sent::get(target), at);
    }
    let cancel = "/v1/reservations/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d/cancellation";
    let body = json!({"4111111111111111": 1}).to_string();
    refused_as_card(table, &Sent::post(cancel, body), "");
}

fn refused_as_card(table: &mut Table, sent: &Sent, at: &str) {
    let what = format!("a card number at {at:?}: {sent:?}");
    let want = Want {
        status: 422,
        code: "card_data_refused",
        pointer: Some(at),
    };
    table.refused(&what, sent, want);
    let heard = table.send(&what, sent);
    let text = String::from_utf8_lossy(&heard.body).into_owned();
    if text.contains("1111") {
        table.wrong("no echo of card data", &text);
    }
}

/// The pointers of all texts within a body.
fn texts_of(value: &Value, pointer: String, texts: &mut Vec<String>) {
    match value {
        Value::String(_) => texts.push(pointer),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                texts_of(item, format!("{pointer}/{at}"), texts);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                texts_of(field, format!("{pointer}/{name}"), texts);
            }
        }
        _ => {}
    }
}

/// Sets the value at a pointer, with the objects on the way there.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut at = body;
    for step in pointer.split('/').skip(1) {
        at = match step.parse::<usize>() {
            Ok(index) if at.is_array() => &mut at[index],
            _ => &mut at[step],
        };
    }
    *at = value;
}
