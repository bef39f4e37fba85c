//! What the endpoints answer, from a seeded cache and from the services that own the tables.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{HotelId, RoomTypeId, Version};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http_body_util::BodyExt;
use platform::Clock;
use platform::access::{Actor, trial};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::cache::Cache;
use crate::fixtures::{Tables, TestCache, TestHotel, serve};
use crate::nights::Reached;
use crate::service::Service;

const NOBODY: &str = "http://127.0.0.1:1";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub(super) struct Front {
    routes: Router,
    cold: mpsc::Receiver<HotelId>,
}

impl Front {
    fn new(of: &TestCache, services: &str) -> Self {
        Self::with_cache(of, of.cache.clone(), services)
    }

    fn with_cache(of: &TestCache, cache: Cache, services: &str) -> Self {
        Self::at(of, cache, services, now())
    }

    /// Endpoints for which it is `now`.
    pub(super) fn at(of: &TestCache, cache: Cache, services: &str, now: DateTime<Utc>) -> Self {
        let config = of.config(services);
        let (cold, receiver) = mpsc::channel(8);
        let service = Service {
            cache,
            database: of.database(services),
            clock: Clock::fixed(now),
            age_ms_max: config.cache_age_ms_max,
            cold,
        };
        let (routes, _) = super::routes().split_for_parts();
        Self {
            routes: trial(
                routes.with_state(Arc::new(service)),
                crate::operations(),
                Actor::ANYONE,
            ),
            cold: receiver,
        }
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn stay(&self, hotel: HotelId, query: &str) -> (u16, Value) {
        self.get(&format!("/v1/hotels/{hotel}/availability?{query}"))
            .await
    }
}

fn second_ago() -> Reached {
    Reached {
        version: Version::from_bits(4_711),
        at_ms: (now() - TimeDelta::seconds(1)).timestamp_millis(),
    }
}

fn price(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

#[tokio::test]
async fn a_stay_is_answered_from_the_cache_with_its_age() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    of.seed(&hotel, second_ago()).await;
    let front = Front::new(&of, NOBODY);
    let query = "check_in=2026-12-24&check_out=2026-12-26&adults=4&children=1&rooms=2";
    let (status, body) = front.stay(hotel.hotel, query).await;
    let expected = json!({
        "hotel_id": hotel.hotel, "check_in": "2026-12-24", "check_out": "2026-12-26", "currency": "EUR",
        "room_types": [{
            "room_type_id": hotel.room_type, "name": "Double", "rooms_left": 8, "fits": true,
            "rates": [{
                "rate_plan_id": hotel.rate_plan, "name": "Flexible",
                "nights": [{"night": "2026-12-24", "price": price("100.00")}, {"night": "2026-12-25", "price": price("105.00")}],
                "total_before_taxes": price("410.00"),
            }],
        }],
        "freshness": {"source": "cache", "position": "0000000000001267", "as_of": "2026-09-21T14:13:19Z", "age_ms": 1000},
    });
    assert_eq!((status, body), (200, expected));
}

#[tokio::test]
async fn only_what_fits_and_is_left_is_listed() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    of.seed(&hotel, second_ago()).await;
    let front = Front::new(&of, NOBODY);
    let listed = async |query: &str| {
        let (status, body) = front.stay(hotel.hotel, &format!("adults={query}")).await;
        assert_eq!(status, 200, "{body}");
        body["room_types"].as_array().unwrap().len()
    };
    assert_eq!(listed("1&check_in=2026-12-24&check_out=2026-12-25").await, 1);
    assert_eq!(
        listed("3&check_in=2026-12-24&check_out=2026-12-25").await,
        0,
        "too many people"
    );
    assert_eq!(
        listed("5&check_in=2026-12-26&check_out=2026-12-27&rooms=5").await,
        1
    );
    assert_eq!(
        listed("6&check_in=2026-12-26&check_out=2026-12-27&rooms=6").await,
        0,
        "too many rooms"
    );
    assert_eq!(
        listed("1&check_in=2026-12-26&check_out=2026-12-28").await,
        0,
        "a night that nobody offers"
    );

    // A change is in the next answer, a new room type as much as a room sold.
    of.apply(&[hotel.room_night(200, "u", "2026-12-26", (10, 0, 11))])
        .await;
    assert_eq!(listed("1&check_in=2026-12-26&check_out=2026-12-27").await, 0);
    let second = TestHotel {
        room_type: RoomTypeId::new(),
        ..hotel
    };
    of.apply(&second.catalogue_messages(300)).await;
    of.apply(&[second.room_night(310, "c", "2026-12-26", (1, 0, 0))])
        .await;
    assert_eq!(
        listed("1&check_in=2026-12-26&check_out=2026-12-27").await,
        0,
        "what has no price cannot be quoted"
    );
    of.apply(&[second.price(320, "c", "2026-12-26", 5_000)]).await;
    assert_eq!(listed("1&check_in=2026-12-26&check_out=2026-12-27").await, 1);
}

#[tokio::test]
async fn a_calendar_is_a_year_of_rooms_and_lowest_prices() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    of.seed(&hotel, second_ago()).await;
    let cheaper = TestHotel {
        rate_plan: contract::RatePlanId::new(),
        ..hotel
    };
    of.apply(&cheaper.catalogue_messages(200)).await;
    of.apply(&[cheaper.price(210, "c", "2026-12-25", 9_000)]).await;
    let front = Front::new(&of, NOBODY);
    let path = |room_type, from, to| {
        format!(
            "/v1/hotels/{}/calendar?room_type_id={room_type}&from={from}&to={to}",
            hotel.hotel
        )
    };
    let (status, body) = front
        .get(&path(hotel.room_type, "2026-01-01", "2027-01-01"))
        .await;
    assert_eq!(status, 200, "{body}");
    let nights = body["nights"].as_array().unwrap();
    assert_eq!(nights.len(), 365);
    assert_eq!(nights[0], json!({"night": "2026-01-01", "rooms_left": 0}));
    assert_eq!(
        nights[357],
        json!({"night": "2026-12-24", "rooms_left": 11, "lowest_price": price("100.00")})
    );
    assert_eq!(
        nights[358],
        json!({"night": "2026-12-25", "rooms_left": 8, "lowest_price": price("90.00")})
    );
    assert_eq!(body["freshness"]["source"], "cache");

    let (status, body) = front
        .get(&path(RoomTypeId::new(), "2026-12-24", "2026-12-25"))
        .await;
    assert_eq!((status, &body["pointer"]), (404, &json!("room_type_id")));
    let (status, body) = front
        .get(&path(hotel.room_type, "2026-01-01", "2027-01-03"))
        .await;
    assert_eq!(
        (status, &body["pointer"], &body["code"]),
        (422, &json!("to"), &json!("range_too_long"))
    );
    let (_, body) = front
        .get(&path(hotel.room_type, "2026-01-01", "2026-01-01"))
        .await;
    assert_eq!(body["code"], "empty_range");
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let front = Front::new(&of, NOBODY);
    let night = |rest: &str| format!("check_in=2026-12-24&check_out=2026-12-25{rest}");
    let (missing, unread, field) = (
        (422, "invalid_field"),
        (422, "invalid_field"),
        (422, "invalid_field"),
    );
    for (query, parameter, (status, code)) in [
        ("check_out=2026-12-25".to_owned(), "check_in", missing),
        ("check_in=2026-12-24".to_owned(), "check_out", missing),
        (
            "check_in=2026-02-30&check_out=2026-12-25".to_owned(),
            "check_in",
            unread,
        ),
        (
            "check_in=2026-12-24&check_out=2026-12-24".to_owned(),
            "check_out",
            (422, "invalid_stay"),
        ),
        (
            "check_in=2026-12-01&check_out=2027-01-01".to_owned(),
            "check_out",
            (422, "stay_too_long"),
        ),
        (night("&adults=0"), "adults", field),
        (night("&adults=37"), "adults", field),
        (night("&adults=-1"), "adults", unread),
        (night(""), "adults", missing),
        (night("&adults=2&children=37"), "children", field),
        (night("&adults=2&rooms=0"), "rooms", field),
        (night("&adults=2&rooms=10"), "rooms", field),
        (night("&rooms=two"), "rooms", unread),
        (night("&adults=1&rooms=2"), "adults", (422, "party_too_small")),
        (
            night("&adults=1&children=8&rooms=3"),
            "adults",
            (422, "party_too_small"),
        ),
        (night("&check_in=2026-12-24"), "check_in", unread),
    ] {
        let (got, body) = front.stay(hotel.hotel, &query).await;
        assert_eq!(
            (got, &body["pointer"], &body["code"]),
            (status, &json!(parameter), &json!(code)),
            "{query}: {body}"
        );
    }
    let (status, body) = front
        .stay(hotel.hotel, "check_in=2026-12-24&check_out=2026-12-25&pets=1")
        .await;
    assert_eq!(status, 422);
    assert!(body["detail"].as_str().unwrap().contains("pets"), "{body}");
    assert_eq!(
        front
            .get("/v1/hotels/x/availability?check_in=2026-12-24&check_out=2026-12-25")
            .await
            .0,
        404
    );
}

const STAY: &str = "check_in=2026-12-24&check_out=2026-12-26&adults=2";

#[tokio::test]
async fn a_cold_cache_is_no_error_and_asks_to_be_filled() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let (services, _) = serve(Tables::new(hotel)).await;
    // The catalogue alone does not make a hotel's nights complete.
    of.apply(&hotel.catalogue_messages(1)).await;
    let mut front = Front::new(&of, &services);
    let (status, body) = front.stay(hotel.hotel, STAY).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["freshness"],
        json!({"source": "database", "as_of": "2026-09-21T14:13:20Z", "age_ms": 0})
    );
    assert_eq!(body["room_types"][0]["rooms_left"], 4);
    assert_eq!(
        body["room_types"][0]["rates"][0]["total_before_taxes"],
        price("240.00")
    );
    assert_eq!(front.cold.try_recv().unwrap(), hotel.hotel);

    let (status, body) = front.stay(HotelId::new(), STAY).await;
    assert_eq!((status, &body["code"]), (404, &json!("not_found")));
    assert!(
        front.cold.try_recv().is_err(),
        "a hotel that does not exist is not filled"
    );
}

#[tokio::test]
async fn with_redis_away_the_database_answers() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let (services, _) = serve(Tables::new(hotel)).await;
    let away = Cache::new("redis://127.0.0.1:1/", "").unwrap();
    let front = Front::with_cache(&of, away, &services);
    for _ in 0..3 {
        let (status, body) = front.stay(hotel.hotel, STAY).await;
        assert_eq!(
            (status, &body["freshness"]["source"]),
            (200, &json!("database")),
            "{body}"
        );
    }
    let calendar = format!(
        "/v1/hotels/{}/calendar?room_type_id={}&from=2026-12-24&to=2026-12-26",
        hotel.hotel, hotel.room_type
    );
    let (status, body) = front.get(&calendar).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["nights"][1],
        json!({"night": "2026-12-25", "rooms_left": 4, "lowest_price": price("120.00")})
    );
}

#[tokio::test]
async fn the_database_is_asked_by_a_limited_number_at_once() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let tables = Tables::new(hotel);
    let gate = Arc::clone(&tables.gate);
    let (services, _) = serve(tables).await;
    let front = Front::new(&of, &services);
    let closed = gate.lock().await;
    let mut answers: FuturesUnordered<_> = (0..3).map(|_| front.stay(hotel.hotel, STAY)).collect();
    let (status, body) = answers.next().await.unwrap();
    assert_eq!(
        (status, &body["code"], &body["retryable"]),
        (503, &json!("unavailable"), &json!(true))
    );
    drop(closed);
    while let Some((status, body)) = answers.next().await {
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn an_old_answer_is_given_only_when_nothing_better_can_be_had() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let old = Reached {
        version: Version::from_bits(9),
        at_ms: (now() - TimeDelta::hours(20)).timestamp_millis(),
    };
    of.seed(&hotel, old).await;
    let (services, _) = serve(Tables::new(hotel)).await;
    let (_, body) = Front::new(&of, &services).stay(hotel.hotel, STAY).await;
    assert_eq!(body["freshness"]["source"], "database");
    let (status, body) = Front::new(&of, NOBODY).stay(hotel.hotel, STAY).await;
    assert_eq!((status, &body["freshness"]["source"]), (200, &json!("cache")));
    assert_eq!(body["freshness"]["age_ms"], 20 * 3_600_000);
}

#[test]
fn the_description_names_both_endpoints() {
    let description = serde_json::to_value(crate::openapi()).unwrap();
    for path in ["availability", "calendar"] {
        let operation = &description["paths"][format!("/v1/hotels/{{hotel_id}}/{path}")]["get"];
        assert_eq!(operation["tags"], json!(["Availability"]));
        let required = operation["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["required"] == true)
            .count();
        assert!(required >= 4, "{operation}");
    }
}
