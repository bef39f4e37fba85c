//! Paths, ids, queries and methods.

use tests::Hotel;

use super::wire::{Sent, Table, Want};

/// What is not an id and what names nothing are answered alike, with the part of the path that it is.
fn nothing_at(part: &str) -> Want<'_> {
    Want {
        status: 404,
        code: "not_found",
        pointer: Some(part),
    }
}

pub(super) fn rows(table: &mut Table, hotel: &Hotel) {
    ids(table, hotel);
    queries(table, hotel);
    methods(table, hotel);
    heads(table, hotel);
}

fn ids(table: &mut Table, hotel: &Hotel) {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let long = "a".repeat(10_000);
    let bad = [
        "x",
        "1",
        "-1",
        "01936F5E-7D5C-7C3A-9A44-0D3F6A1B2C4D",
        "01936f5e7d5c7c3a9a440d3f6a1b2c4d",
        "00000000-0000-0000-0000-000000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "%00",
        "%0d%0aset-cookie:x",
        "%2f",
        "%c0%af",
        "%ff",
        "%",
        "%zz",
        "'%20or%201=1--",
        "$%7Bjndi%7D",
        "*",
        ";",
        long.as_str(),
        "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
    ];
    let dates = "check_in=2027-01-01&check_out=2027-01-02&adults=1";
    let nights = "from=2027-01-01&to=2027-01-02";
    for id in bad {
        for (path, part) in [
            (format!("/v1/hotels/{id}"), "hotel_id"),
            (format!("/v1/hotels/{id}/room-types"), "hotel_id"),
            (format!("/v1/hotels/{id}/rate-plans"), "hotel_id"),
            (format!("/v1/hotels/{id}/availability?{dates}"), "hotel_id"),
            (format!("/v1/hotels/{id}/inventory?{nights}"), "hotel_id"),
            (format!("{of}/room-types/{id}"), "room_type_id"),
            (format!("{of}/rate-plans/{id}"), "rate_plan_id"),
            (format!("/v1/reservations/{id}"), "reservation_id"),
            (format!("/v1/reservations/{id}/history"), "reservation_id"),
            (
                format!("/v1/reservations/{id}/cancellation-quote"),
                "reservation_id",
            ),
            (format!("/v1/payments/{id}"), "payment_id"),
            (format!("/v1/sagas/{id}"), "saga_id"),
        ] {
            let what = format!("GET {}", path.chars().take(120).collect::<String>());
            table.refused(&what, &Sent::get(&path), nothing_at(part));
        }
        let path = format!("/v1/reservations/{id}/cancellation");
        table.refused(
            &format!("POST {}", &path[..path.len().min(120)]),
            &Sent::new("POST", &path),
            nothing_at("reservation_id"),
        );
    }
    // What is not an id and what names nothing look the same, so that nobody can tell by asking.
    let unknown = table.send(
        "an id of nothing",
        &Sent::get("/v1/reservations/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d"),
    );
    let again = table.send(
        "another id of nothing",
        &Sent::get("/v1/reservations/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4e"),
    );
    if unknown.body != again.body {
        table.wrong("ids of nothing", "two of them are answered differently");
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/hotels",
        "/v1/nothing",
        "/v1/hotels/",
        "//v1/hotels",
        "/v1//hotels",
        "/v1/./hotels",
        "/v1/x/../hotels",
        "/V1/hotels",
        "/v1/hotels%2f",
        "/v1/hotels;a=b",
        "/.env",
        "/.git/config",
        "/actuator",
        "/dashboard/../v1/hotels",
        "/dashboard/..%2f..%2fetc%2fpasswd",
        "/swagger-ui/../../etc/passwd",
        "/swagger-ui/..%2f..%2fCargo.toml",
        "/wp-login.php",
    ] {
        let heard = table.send(path, &Sent::get(path));
        if heard.status != 404 {
            table.wrong(path, &format!("wanted 404, got {}", heard.status));
        }
    }
}

/// A query, and the code and the parameter that answer it.
type Query = (String, &'static str, Option<&'static str>);

const INVALID: &str = "invalid_field";

fn queries(table: &mut Table, hotel: &Hotel) {
    let rows = [availability(hotel), lists(hotel)].concat();
    for (path, code, pointer) in rows {
        let want = Want {
            status: if code == "invalid_cursor" { 400 } else { 422 },
            code,
            pointer,
        };
        let what = path.chars().take(160).collect::<String>();
        table.refused(&what, &Sent::get(&path), want);
    }
    for (path, code, pointer) in wrong_offers(hotel) {
        let want = Want {
            status: 422,
            code,
            pointer,
        };
        table.refused(&path, &Sent::get(&path), want);
    }
}

/// Queries that can be read, about what is not offered: each is refused as the quote refuses it.
fn wrong_offers(hotel: &Hotel) -> Vec<Query> {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let search = |from: u32, to: u32, rest: &str| {
        let (check_in, check_out) = (hotel.night(from), hotel.night(to));
        format!("{of}/availability?check_in={check_in}&check_out={check_out}&{rest}")
    };
    let calendar = |from: u32, to: u32| {
        let (from, to) = (hotel.night(from), hotel.night(to));
        let room_type = &hotel.room_type_id;
        format!("{of}/calendar?room_type_id={room_type}&from={from}&to={to}")
    };
    vec![
        (search(0, 1, ""), "invalid_field", Some("adults")),
        (search(0, 1, "adults=0"), "invalid_field", Some("adults")),
        (search(0, 1, "adults=37"), "invalid_field", Some("adults")),
        (search(0, 1, "adults=2&rooms=0"), "invalid_field", Some("rooms")),
        (search(0, 1, "adults=2&rooms=10"), "invalid_field", Some("rooms")),
        (
            search(0, 1, "adults=2&children=37"),
            "invalid_field",
            Some("children"),
        ),
        (
            search(0, 1, "adults=1&rooms=2"),
            "party_too_small",
            Some("adults"),
        ),
        (
            search(0, 1, "adults=1&rooms=3&children=8"),
            "party_too_small",
            Some("adults"),
        ),
        (search(1, 1, "adults=1"), "invalid_stay", Some("check_out")),
        (search(2, 1, "adults=1"), "invalid_stay", Some("check_out")),
        (search(0, 31, "adults=1"), "stay_too_long", Some("check_out")),
        (
            search(702, 703, "adults=1"),
            "stay_too_far_ahead",
            Some("check_in"),
        ),
        (
            format!("{of}/availability?check_in=2020-01-01&check_out=2020-01-02&adults=1"),
            "stay_in_past",
            Some("check_in"),
        ),
        (calendar(1, 1), "empty_range", Some("to")),
        (calendar(9, 1), "empty_range", Some("to")),
        (calendar(0, 367), "range_too_long", Some("to")),
    ]
}

fn availability(hotel: &Hotel) -> Vec<Query> {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let dates = format!("check_in={}&check_out={}", hotel.night(0), hotel.night(1));
    let availability = |rest: &str| format!("{of}/availability?{dates}{rest}");
    vec![
        (availability("&adults="), INVALID, Some("adults")),
        (availability("&adults=2&sort=price"), INVALID, Some("sort")),
        (availability("&adults=2&adults=2"), INVALID, Some("adults")),
        (availability("&adults=2&%61dults=2"), INVALID, Some("adults")),
        (availability("&adults=2&adults[]=2"), INVALID, Some("adults[]")),
        (availability("&adults=65536"), INVALID, Some("adults")),
        (availability("&adults=-1"), INVALID, Some("adults")),
        (availability("&adults=1.5"), INVALID, Some("adults")),
        (availability("&adults=1e1"), INVALID, Some("adults")),
        (availability("&adults=%31%20or%201=1"), INVALID, Some("adults")),
        (availability("&adults=2&rooms=2147483648"), INVALID, Some("rooms")),
        (availability("&adults=2&children=%00"), INVALID, Some("children")),
        (availability("&adults=2&x=%ff"), INVALID, Some("x")),
        (
            format!("{of}/availability?check_in=2027-2-3&check_out=2027-02-04&adults=1"),
            INVALID,
            Some("check_in"),
        ),
    ]
}

fn lists(hotel: &Hotel) -> Vec<Query> {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let nights = format!("from={}&to={}", hotel.night(0), hotel.night(1));
    let mine = format!("hotel_id={}", hotel.hotel_id);
    let list = |rest: &str| format!("/v1/reservations?{mine}{rest}");
    let long = format!("&cursor={}", "5b".repeat(300));
    vec![
        (
            format!("{of}/calendar?room_type_id=x&{nights}"),
            INVALID,
            Some("room_type_id"),
        ),
        (format!("{of}/prices?{nights}"), INVALID, Some("room_type_id")),
        (
            format!("{of}/inventory?from=infinity&to=2027-01-01"),
            INVALID,
            Some("from"),
        ),
        (list("&limit=0"), INVALID, Some("limit")),
        (list("&limit=201"), INVALID, Some("limit")),
        (list("&limit=1000000000"), INVALID, Some("limit")),
        (list("&limit=-1"), INVALID, Some("limit")),
        (list("&sort=guest.email"), INVALID, Some("sort")),
        (list("&state=nonsense"), INVALID, Some("state")),
        (list("&state='%20or%20'1'='1"), INVALID, Some("state")),
        (list("&guest_email=x"), INVALID, Some("guest_email")),
        (list("&cursor="), "invalid_cursor", Some("cursor")),
        (list("&cursor=forged"), "invalid_cursor", Some("cursor")),
        (list("&cursor=5b5d"), "invalid_cursor", Some("cursor")),
        (
            list("&cursor=%27;drop%20table%20x;--"),
            "invalid_cursor",
            Some("cursor"),
        ),
        (list("&cursor=+5+5"), "invalid_cursor", Some("cursor")),
        (list(&long), "invalid_cursor", Some("cursor")),
        ("/v1/reservations".to_owned(), "filter_missing", Some("hotel_id")),
        (
            format!("/v1/reservations?{mine}%27%20or%201=1--"),
            INVALID,
            Some("hotel_id"),
        ),
        ("/v1/hotels?limit=x".to_owned(), INVALID, Some("limit")),
        (
            "/v1/hotels?cursor=00".to_owned(),
            "invalid_cursor",
            Some("cursor"),
        ),
        ("/v1/sagas?state=nonsense".to_owned(), INVALID, Some("state")),
        ("/v1/sagas?type=nonsense".to_owned(), INVALID, Some("type")),
        (
            "/v1/sagas?cursor=ffff".to_owned(),
            "invalid_cursor",
            Some("cursor"),
        ),
    ]
}

fn methods(table: &mut Table, hotel: &Hotel) {
    let hotel = format!("/v1/hotels/{}", hotel.hotel_id);
    for path in [
        "/v1/hotels",
        "/v1/quotes",
        "/v1/reservations",
        hotel.as_str(),
        "/v1/sagas",
        "/healthz",
    ] {
        for method in ["DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BOOK", "get"] {
            let what = format!("{method} {path}");
            let sent = Sent::new(method, path);
            let heard = table.send(&what, &sent);
            let allow = heard.header("allow").map(str::to_owned);
            if heard.status != 405 || allow.is_none_or(|allow| allow.is_empty()) {
                table.wrong(&what, &format!("wanted 405 with Allow, got {}", heard.status));
            }
            if heard.json()["code"] != "method_not_allowed" {
                table.wrong(&what, &heard.json().to_string());
            }
        }
    }
}

/// HEAD is GET without the body.
fn heads(table: &mut Table, hotel: &Hotel) {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let unknown = "/v1/hotels/01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    for path in [
        of.as_str(),
        "/v1/hotels",
        "/openapi.json",
        "/healthz",
        "/v1/nothing",
        unknown,
        "/v1/reservations",
    ] {
        let get = table.send(path, &Sent::get(path));
        let head = table.send(path, &Sent::new("HEAD", path));
        let same = ["content-type", "content-length"]
            .iter()
            .all(|name| get.header(name) == head.header(name));
        if head.status != get.status || !head.body.is_empty() || !same {
            table.wrong(
                &format!("HEAD {path}"),
                &format!("{head:?} is not {get:?} without its body"),
            );
        }
    }
}
