//! For tests: hotels of any shape, behind the interface of the services that own the tables, as change messages, and
//! broken in any way that a hotel can be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate, topics};
use platform::Tasks;
use platform::kafka::Received;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixtures::message;

/// Zones on both sides of UTC, with offsets that are no full hours and a daylight saving of half an hour.
pub(crate) const ZONES: [&str; 8] = [
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Chatham",
    "Europe/Lisbon",
    "UTC",
];

/// One call that a hotel answers badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Detail,
    RoomTypes,
    RatePlans,
    Prices,
    Inventory,
}

/// How a hotel cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The service cannot decode a row.
    Fails(Part),
    /// What comes is not what the interface promises.
    Garbage(Part),
    /// The list of hotels cannot read it either.
    Unlisted,
}

/// A room type: adults and children of one room; what is set for its nights; its prices by rate plan and night.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rooms {
    pub(crate) adults_max: u16,
    pub(crate) children_max: u16,
    /// By day since 1970: total, held, sold, closed.
    pub(crate) nights: BTreeMap<i32, (i32, i32, i32, bool)>,
    /// By number of the rate plan and day since 1970: minor units.
    pub(crate) prices: BTreeMap<(usize, i32), i64>,
}

/// A hotel of any shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) hotel: HotelId,
    pub(crate) zone: &'static str,
    pub(crate) room_types: Vec<(RoomTypeId, Rooms)>,
    pub(crate) rate_plans: Vec<RatePlanId>,
    pub(crate) broken: Option<Broken>,
}

pub(crate) type Hotels = Arc<Mutex<Vec<Shape>>>;

fn rooms(days: std::ops::Range<i32>, plans: usize) -> impl Strategy<Value = Rooms> {
    let night = (0..12_i32, 0..3_i32, 0..3_i32, prop::bool::weighted(0.1));
    let nights = prop::collection::btree_map(days.clone(), night, 0..24);
    let prices = prop::collection::btree_map((0..plans.max(1), days), 0..90_000_i64, 0..40);
    (1..4_u16, 0..3_u16, nights, prices).prop_map(move |(adults_max, children_max, nights, mut prices)| {
        prices.retain(|(plan, _), _| *plan < plans);
        Rooms {
            adults_max,
            children_max,
            nights,
            prices,
        }
    })
}

/// Hotels with anything missing: room types, rate plans, nights, prices, or one of each.
pub(crate) fn shape(days: std::ops::Range<i32>) -> impl Strategy<Value = Shape> {
    (0..3_usize)
        .prop_flat_map(move |plans| {
            (
                Just(plans),
                prop::collection::vec(rooms(days.clone(), plans), 0..3),
                0..ZONES.len(),
            )
        })
        .prop_map(|(plans, rooms, zone)| Shape {
            hotel: HotelId::new(),
            zone: ZONES[zone],
            room_types: rooms
                .into_iter()
                .map(|rooms| (RoomTypeId::new(), rooms))
                .collect(),
            rate_plans: (0..plans).map(|_| RatePlanId::new()).collect(),
            broken: None,
        })
}

/// Any way in which a hotel is unreadable.
pub(crate) fn broken() -> impl Strategy<Value = Broken> {
    let part = || {
        prop::sample::select(vec![
            Part::Detail,
            Part::RoomTypes,
            Part::RatePlans,
            Part::Inventory,
        ])
    };
    prop_oneof![
        part().prop_map(Broken::Fails),
        part().prop_map(Broken::Garbage),
        Just(Broken::Unlisted)
    ]
}

impl Shape {
    fn catalogue_row(&self) -> Value {
        json!({"hotel_id": self.hotel, "name": "Any", "time_zone": self.zone, "currency": "EUR"})
    }

    /// The hotel as the change stream tells of it.
    pub(crate) fn messages(&self, number: u64) -> Vec<Received> {
        let hotel = self.hotel;
        let own = |mut row: Value| {
            row["hotel_id"] = json!(hotel);
            row
        };
        let row = self.catalogue_row();
        let mut all = vec![message(
            topics::HOTEL_CHANGES,
            number,
            "c",
            &json!({"hotel_id": hotel}),
            row,
        )];
        for plan in &self.rate_plans {
            let key = own(json!({"rate_plan_id": plan}));
            let mut row = key.clone();
            row["name"] = json!("Plan");
            all.push(message(topics::RATE_PLAN_CHANGES, number, "c", &key, row));
        }
        for (id, rooms) in &self.room_types {
            let key = own(json!({"room_type_id": id}));
            let mut row = key.clone();
            row["name"] = json!("Room");
            row["adults_max"] = json!(rooms.adults_max);
            row["children_max"] = json!(rooms.children_max);
            all.push(message(topics::ROOM_TYPE_CHANGES, number, "c", &key, row));
            for (night, (total, held, sold, closed)) in &rooms.nights {
                let mut key = key.clone();
                key["night"] = json!(night);
                let mut row = key.clone();
                row["total"] = json!(total);
                row["held"] = json!(held);
                row["sold"] = json!(sold);
                row["closed"] = json!(closed);
                all.push(message(topics::ROOM_NIGHT_CHANGES, number, "c", &key, row));
            }
            for ((plan, night), minor) in &rooms.prices {
                let mut key = key.clone();
                key["rate_plan_id"] = json!(self.rate_plans[*plan]);
                key["night"] = json!(night);
                let mut row = key.clone();
                row["amount_minor"] = json!(minor);
                all.push(message(topics::PRICE_CHANGES, number, "c", &key, row));
            }
        }
        all
    }

    fn answer(&self, part: Part, right: Value) -> Response {
        match self.broken {
            Some(Broken::Fails(broken)) if broken == part => {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Some(Broken::Garbage(broken)) if broken == part => {
                Json(json!({"items": [{"night": 7}]})).into_response()
            }
            Some(Broken::Unlisted) if part == Part::Detail => {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            _ => Json(right).into_response(),
        }
    }
}

/// Serves the hotels on a free port. Answers the address.
pub(crate) async fn serve(hotels: Vec<Shape>) -> (String, Hotels) {
    let shared = Arc::new(Mutex::new(hotels));
    let routes = Router::new()
        .route("/v1/hotels", get(list))
        .route("/v1/hotels/{hotel}", get(detail))
        .route("/v1/hotels/{hotel}/room-types", get(room_types))
        .route("/v1/hotels/{hotel}/rate-plans", get(rate_plans))
        .route("/v1/hotels/{hotel}/prices", get(prices))
        .route("/v1/hotels/{hotel}/inventory", get(inventory))
        .with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tasks = Tasks::new();
    tasks.spawn(
        "stand-in",
        platform::http::serve(listener, 100, routes, tasks.clone()),
    );
    (address, shared)
}

async fn list(State(hotels): State<Hotels>) -> Json<Value> {
    let hotels = hotels.lock().unwrap();
    let named = |unreadable: bool| -> Vec<Value> {
        let all = hotels
            .iter()
            .filter(|hotel| (hotel.broken == Some(Broken::Unlisted)) == unreadable);
        all.map(|hotel| json!({"hotel_id": hotel.hotel, "name": "Any"}))
            .collect()
    };
    Json(json!({"items": named(false), "unreadable": named(true)}))
}

fn of(hotels: &Hotels, id: &str) -> Result<Shape, StatusCode> {
    let hotels = hotels.lock().unwrap();
    let found = hotels.iter().find(|hotel| hotel.hotel.to_string() == id);
    found.cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn detail(State(hotels): State<Hotels>, Path(id): Path<String>) -> Result<Response, StatusCode> {
    let hotel = of(&hotels, &id)?;
    Ok(hotel.answer(Part::Detail, hotel.catalogue_row()))
}

async fn room_types(State(hotels): State<Hotels>, Path(id): Path<String>) -> Result<Response, StatusCode> {
    let hotel = of(&hotels, &id)?;
    let row = |(id, rooms): &(RoomTypeId, Rooms)| json!({"room_type_id": id, "name": "Room", "adults_max": rooms.adults_max, "children_max": rooms.children_max});
    let items: Vec<Value> = hotel.room_types.iter().map(row).collect();
    Ok(hotel.answer(Part::RoomTypes, json!({"items": items})))
}

async fn rate_plans(State(hotels): State<Hotels>, Path(id): Path<String>) -> Result<Response, StatusCode> {
    let hotel = of(&hotels, &id)?;
    let row = |id: &RatePlanId| json!({"rate_plan_id": id, "name": "Plan"});
    let items: Vec<Value> = hotel.rate_plans.iter().map(row).collect();
    Ok(hotel.answer(Part::RatePlans, json!({"items": items})))
}

#[derive(Deserialize)]
struct Nights {
    from: StayDate,
    to: StayDate,
    room_type_id: Option<String>,
    rate_plan_id: Option<String>,
}

impl Nights {
    fn has(&self, day: i32) -> bool {
        (self.from.days_since_1970()..self.to.days_since_1970()).contains(&day)
    }
}

fn date(day: i32) -> StayDate {
    StayDate::from_days_since_1970(day).unwrap()
}

async fn prices(
    State(hotels): State<Hotels>,
    Path(id): Path<String>,
    Query(asked): Query<Nights>,
) -> Result<Response, StatusCode> {
    let hotel = of(&hotels, &id)?;
    let (room_type, plan) = (asked.room_type_id.as_deref(), asked.rate_plan_id.as_deref());
    let rooms = hotel
        .room_types
        .iter()
        .find(|(id, _)| Some(id.to_string().as_str()) == room_type);
    let plan = hotel
        .rate_plans
        .iter()
        .position(|id| Some(id.to_string().as_str()) == plan);
    let (Some((_, rooms)), Some(plan)) = (rooms, plan) else {
        return Err(StatusCode::NOT_FOUND);
    };
    let mine = rooms
        .prices
        .iter()
        .filter(|((of, day), _)| *of == plan && asked.has(*day));
    let items = mine.map(|((_, day), minor)| {
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        json!({"night": date(*day), "price": {"amount": amount, "currency": "EUR"}})
    });
    let items: Vec<Value> = items.collect();
    Ok(hotel.answer(Part::Prices, json!({"items": items})))
}

async fn inventory(
    State(hotels): State<Hotels>,
    Path(id): Path<String>,
    Query(asked): Query<Nights>,
) -> Result<Response, StatusCode> {
    let hotel = of(&hotels, &id)?;
    let mut items = Vec::new();
    for (room_type, rooms) in &hotel.room_types {
        for (day, (total, held, sold, closed)) in rooms.nights.iter().filter(|(day, _)| asked.has(**day)) {
            items.push(json!({
                "room_type_id": room_type, "night": date(*day), "total": total, "held": held, "sold": sold, "closed": closed,
            }));
        }
    }
    // A hotel without rooms is not known to the inventory service.
    if items.is_empty() && hotel.room_types.is_empty() && hotel.broken.is_none() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(hotel.answer(Part::Inventory, json!({"items": items})))
}
