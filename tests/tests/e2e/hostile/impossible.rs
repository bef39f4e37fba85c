//! Requests that are right in themselves and cannot be had.

use contract::StayDate;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body, today_at};

use super::wire::{Sent, Table, Want};

const NOBODY: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

pub(super) async fn rows(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let other = Hotel::create(platform, 1).await;
    let good = hotel.quote_body(40, 1, 1);
    for (field, id) in [
        ("hotel_id", NOBODY),
        ("room_type_id", NOBODY),
        ("rate_plan_id", NOBODY),
        ("room_type_id", other.room_type_id.as_str()),
        ("rate_plan_id", other.rate_plan_id.as_str()),
    ] {
        let mut body = good.clone();
        body[field] = json!(id);
        let sent = Sent::post("/v1/quotes", body.to_string());
        let want = Want {
            status: 404,
            code: "not_found",
            pointer: Some(&format!("/{field}")),
        };
        table.refused(&format!("{field} of nothing"), &sent, want);
    }
    let unpriced = hotel.quote_body(60, 1, 1).to_string();
    let no_price = Want {
        status: 409,
        code: "no_price",
        pointer: None,
    };
    table.refused(
        "a night without a price",
        &Sent::post("/v1/quotes", unpriced),
        no_price,
    );
    the_day_of_arrival_is_the_hotels(table, platform).await;

    let closed = json!({"from": hotel.night(41), "to": hotel.night(42), "closed": true});
    let quote = hotel.quote(platform, 41, 1, 1).await;
    hotel.set_inventory(platform, &closed).await;
    refused_booking(table, "a closed night", &quote, "closed");
    let quote = hotel.quote(platform, 42, 1, 3).await;
    refused_booking(table, "more rooms than there are", &quote, "sold_out");
    the_key_belongs_to_its_first_body(table, platform, hotel).await;
    too_little_for_what_is_sold(table, platform, hotel).await;
}

fn booking(quote: &Value, guest: &str) -> Sent {
    let body = booking_body(quote, guest, "pm_ok").to_string();
    let key = quote["quote_id"].as_str().unwrap();
    Sent::post("/v1/reservations", body)
        .header("idempotency-key", key)
        .header("prefer", "wait=30")
}

fn refused_booking(table: &mut Table, what: &str, quote: &Value, code: &str) {
    let want = Want {
        status: 409,
        code,
        pointer: None,
    };
    table.refused(what, &booking(quote, "Ada"), want);
}

/// Whether a stay begins in the past is told by the calendar at the hotel, not by the server's.
async fn the_day_of_arrival_is_the_hotels(table: &mut Table, platform: &Platform) {
    for (zone, hours) in [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)] {
        let body = json!({"name": zone, "address": "A", "time_zone": zone, "currency": "EUR"});
        let hotel_id = platform.post("/v1/hotels", &body).await.json["hotel_id"].clone();
        let of = format!("/v1/hotels/{}", hotel_id.as_str().unwrap());
        let body = json!({"name": "A", "beds": ["b"], "adults_max": 2, "children_max": 0});
        let room = platform.post(&format!("{of}/room-types"), &body).await.json["room_type_id"].clone();
        let body = json!({"name": "A", "cancellation_policy": {"penalty": {"kind": "full"}}});
        let plan = platform.post(&format!("{of}/rate-plans"), &body).await.json["rate_plan_id"].clone();
        let quote = |from: StayDate| {
            let body = json!({"hotel_id": hotel_id, "room_type_id": room, "rate_plan_id": plan, "check_in": from,
                "check_out": from.plus_days(1), "rooms": 1, "party": {"adults": 1}});
            Sent::post("/v1/quotes", body.to_string())
        };
        // Asked again if midnight there comes in between.
        loop {
            let today = today_at(hours);
            let yesterday = StayDate::from_days_since_1970(today.days_since_1970() - 1).unwrap();
            let (past, now) = (
                table.send(zone, &quote(yesterday)),
                table.send(zone, &quote(today)),
            );
            if today != today_at(hours) {
                continue;
            }
            let codes = [past.json()["code"].clone(), now.json()["code"].clone()];
            if codes != [json!("stay_in_past"), json!("no_price")] {
                table.wrong(zone, &format!("yesterday and today there: {codes:?}"));
            }
            break;
        }
    }
}

async fn the_key_belongs_to_its_first_body(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let quote = hotel.quote(platform, 43, 1, 1).await;
    let first = table.served("a booking", &booking(&quote, "Ada Lovelace"), 201);
    let again = table.served("the same booking again", &booking(&quote, "Ada Lovelace"), 201);
    if first.body != again.body || again.header("idempotent-replayed") != Some("true") {
        table.wrong("the same booking again", "it is not the first answer");
    }
    // The address goes nowhere but to a path of ours, whatever a client says that it is called.
    let spoofed = booking(&quote, "Ada Lovelace")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "gopher")
        .header("x-forwarded-for", "127.0.0.1")
        .header("forwarded", "host=evil.example");
    let heard = table.served("forwarded headers", &spoofed, 201);
    if heard
        .header("location")
        .is_none_or(|location| !location.starts_with("/v1/reservations/"))
    {
        table.wrong("forwarded headers", &format!("{heard:?}"));
    }
    let reused = Want {
        status: 422,
        code: "idempotency_key_reused",
        pointer: Some("Idempotency-Key"),
    };
    table.refused(
        "the key with another guest",
        &booking(&quote, "Grace Hopper"),
        reused,
    );
}

async fn too_little_for_what_is_sold(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let body = json!({"from": hotel.night(43), "to": hotel.night(44), "total": 0});
    let path = format!(
        "/v1/hotels/{}/room-types/{}/inventory",
        hotel.hotel_id, hotel.room_type_id
    );
    let below = Want {
        status: 409,
        code: "below_sold",
        pointer: Some("/total"),
    };
    table.refused(
        "fewer rooms than are sold",
        &Sent::put(&path, body.to_string()),
        below,
    );
    let list = format!("/v1/reservations?hotel_id={}", hotel.hotel_id);
    let booked = platform.get(&list).await.json["items"][0]["reservation_id"].clone();
    let path = format!(
        "/v1/reservations/{}/cancellation",
        booked.as_str().unwrap_or_default()
    );
    for _ in 0..2 {
        let cancelled = platform
            .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
            .await;
        assert!(
            cancelled.status.is_client_error() || cancelled.status.is_success(),
            "{}",
            cancelled.json
        );
    }
}
