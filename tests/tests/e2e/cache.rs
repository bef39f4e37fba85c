//! The cache is filled with hotels of any shape, and one that cannot be read stops no other: with the real services,
//! the real keeper and the commands that people type.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Platform, until};

/// What a hotel has: room types, rate plans, and whether nights and prices are set.
const SHAPES: [(usize, usize, bool, bool); 9] = [
    (0, 0, false, false),
    (1, 0, false, false),
    (0, 1, false, false),
    (1, 1, false, false),
    (1, 0, true, false),
    (1, 1, true, false),
    (1, 1, false, true),
    (2, 2, true, true),
    (3, 1, true, true),
];

async fn id(platform: &Platform, path: &str, body: &Value, field: &str) -> String {
    let made = platform.post(path, body).await;
    assert!(made.status.is_success(), "{path} {}", made.json);
    made.text(&format!("/{field}")).to_owned()
}

async fn put(platform: &Platform, path: &str, body: &Value) {
    let put = platform.send_json(Method::PUT, path, body, &[]).await;
    assert!(put.status.is_success(), "{path} {}", put.json);
}

async fn hotel(platform: &Platform, number: usize, shape: (usize, usize, bool, bool)) -> String {
    let (room_types, plans, nights, prices) = shape;
    let body = json!({
        "name": format!("Hotel number {number}"), "address": "Anywhere 1", "time_zone": "Asia/Kathmandu",
        "currency": "JPY", "taxes": [{"name": "VAT", "percent": "6.00"}],
    });
    let hotel = id(platform, "/v1/hotels", &body, "hotel_id").await;
    let of = format!("/v1/hotels/{hotel}");
    let mut plan_ids = Vec::new();
    for _ in 0..plans {
        let body = json!({"name": "Plan", "cancellation_policy": {"penalty": {"kind": "full"}}});
        plan_ids.push(id(platform, &format!("{of}/rate-plans"), &body, "rate_plan_id").await);
    }
    for _ in 0..room_types {
        let body = json!({"name": "Room", "beds": ["double"], "adults_max": 2, "children_max": 1});
        let room_type = id(platform, &format!("{of}/room-types"), &body, "room_type_id").await;
        if nights {
            let body = json!({"from": "2027-12-01", "to": "2027-12-20", "total": 3});
            put(platform, &format!("{of}/room-types/{room_type}/inventory"), &body).await;
        }
        for plan in plan_ids.iter().filter(|_| prices) {
            let night = json!({"night": "2027-12-03", "price": {"amount": "900", "currency": "JPY"}});
            let body = json!({"room_type_id": room_type, "rate_plan_id": plan, "nights": [night]});
            put(platform, &format!("{of}/prices"), &body).await;
        }
    }
    hotel
}

/// Ways in which a row cannot be read, each past all services, with what mends it.
const UNREADABLE: [(&str, &str); 3] = [
    (
        "update hotel.hotel set taxes = '[{\"levy\": 1}]' where hotel_id = '{id}'",
        "update hotel.hotel set taxes = '[]' where hotel_id = '{id}'",
    ),
    (
        "update hotel.hotel set currency = 'QQQ' where hotel_id = '{id}'",
        "update hotel.hotel set currency = 'JPY' where hotel_id = '{id}'",
    ),
    (
        "alter table hotel.room_type drop constraint room_type_adults_max_check;
         update hotel.room_type set adults_max = -1 where hotel_id = '{id}'",
        "update hotel.room_type set adults_max = 2 where hotel_id = '{id}'",
    ),
];

fn said(platform: &Platform, arguments: &[&str]) -> (bool, String) {
    let output = platform.command(arguments);
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn hotels_of_any_shape_are_filled_and_unreadable_ones_are_named_and_tried_again() {
    let platform = Platform::start().await;
    let mut hotels = Vec::new();
    for (number, shape) in SHAPES.into_iter().enumerate() {
        hotels.push(hotel(&platform, number, shape).await);
    }
    // The last three have everything that can be broken.
    let bad: Vec<String> = hotels[SHAPES.len() - UNREADABLE.len()..].to_vec();
    for ((sql, _), id) in UNREADABLE.iter().zip(&bad) {
        platform.tamper(&sql.replace("{id}", id)).await;
    }
    platform.forget_cache().await;

    // The keeper fills the rest, and says what it cannot fill.
    until("what cannot be filled is named", async || {
        let told = platform.get("/readyz").await.json["availability-cache"].clone();
        let told = told.as_str().unwrap_or_default();
        bad.iter().all(|id| told.contains(id)).then_some(())
    })
    .await;
    let ready = platform.get("/readyz").await;
    assert!(
        ready.status.is_success(),
        "answers come from the database meanwhile"
    );
    let (well, doctor) = said(&platform, &["doctor"]);
    assert!(!well && doctor.contains("WRONG cache"), "{doctor}");
    assert!(bad.iter().all(|id| doctor.contains(id)), "{doctor}");
    for mode in [&["warm"][..], &["warm", "--verify"]] {
        let (well, warmed) = said(&platform, mode);
        assert!(!well, "{mode:?} {warmed}");
        for id in &bad {
            assert!(warmed.contains(&format!("hotel {id} (Hotel number ")), "{warmed}");
        }
        let others = SHAPES.len() - bad.len();
        assert!(
            warmed.contains(&format!("{others} hotels, ")) && warmed.contains(" 0 differed, "),
            "{warmed}"
        );
        assert!(
            warmed.contains(&format!(", {} hotels not ", bad.len())),
            "{warmed}"
        );
    }
    let metrics = String::from_utf8(platform.get("/metrics").await.bytes).unwrap();
    assert!(metrics.contains("bellhop_cache_hotels_unfilled 3"), "{metrics}");

    for ((_, sql), id) in UNREADABLE.iter().zip(&bad) {
        platform.tamper(&sql.replace("{id}", id)).await;
    }
    until("they are filled without anybody's help", async || {
        let (well, doctor) = said(&platform, &["doctor"]);
        (well && doctor.contains("ok    cache: filled")).then_some(())
    })
    .await;
    let (well, warmed) = said(&platform, &["warm", "--verify"]);
    assert!(
        well && warmed.contains(&format!("{} hotels, ", SHAPES.len())),
        "{warmed}"
    );
}
