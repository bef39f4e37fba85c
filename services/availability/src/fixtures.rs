//! For tests: a cache of one's own in a real Redis, a hotel as change messages, and a stand-in for the
//! services that own the tables.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate, topics};
use platform::access::{ServiceIdentity, ServiceTokens};
use platform::kafka::Received;
use platform::token::TokenConfig;
use platform::{Clock, Tasks};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cache::Cache;
use crate::changes;
use crate::config::Config;
use crate::consumer;
use crate::database::Database;
use crate::layout::Days;
use crate::nights::Reached;

/// Where the tests' Redis is.
#[expect(clippy::disallowed_methods, reason = "tests have no command line")]
pub(crate) fn redis_url() -> String {
    std::env::var("BELLHOP_REDIS_URL")
        .expect("BELLHOP_REDIS_URL names the tests' Redis; scripts/test sets it")
}

pub(crate) fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

pub(crate) fn days(from: &str, to: &str) -> Days {
    Days::between(day(from), day(to))
}

/// A cache under a prefix of its own, emptied at the end.
pub(crate) struct TestCache {
    pub(crate) cache: Cache,
    pub(crate) prefix: String,
}

/// As this service.
pub(crate) fn identity(clock: Clock) -> ServiceIdentity {
    let token_secret = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let tokens = ServiceTokens::new(&TokenConfig { token_secret }).unwrap();
    ServiceIdentity::new(tokens, crate::NAME, clock)
}

impl TestCache {
    pub(crate) fn new() -> Self {
        let prefix = format!("test-{}:", HotelId::new());
        Self {
            cache: Cache::new(&redis_url(), &prefix).unwrap(),
            prefix,
        }
    }

    /// A plain connection, to see what others see.
    pub(crate) fn redis() -> redis::Connection {
        redis::Client::open(redis_url())
            .unwrap()
            .get_connection()
            .unwrap()
    }

    pub(crate) fn get(key: &str) -> Option<String> {
        redis::cmd("GET").arg(key).query(&mut Self::redis()).unwrap()
    }

    pub(crate) fn set(key: &str, value: &str) {
        redis::cmd("SET")
            .arg(key)
            .arg(value)
            .query::<()>(&mut Self::redis())
            .unwrap();
    }

    pub(crate) fn config(&self, services: &str) -> Config {
        Config {
            redis_url: redis_url().parse().unwrap(),
            redis_prefix: self.prefix.clone(),
            inventory_url: services.to_owned(),
            hotel_url: services.to_owned(),
            fallback_calls_max: 2,
            cache_age_ms_max: 60_000,
            cache_past_days: 1,
        }
    }

    pub(crate) fn database(&self, services: &str) -> Database {
        Database::new(&self.config(services), identity(Clock::system())).unwrap()
    }

    pub(crate) async fn apply(&self, messages: &[Received]) {
        consumer::apply(&self.cache, &mut changes::read(messages), None)
            .await
            .unwrap();
    }

    /// As if a rebuild had just ended.
    pub(crate) async fn say_filled(&self) {
        let filling = self.cache.begin_filling().await.unwrap();
        let filled = self
            .cache
            .set_filled_since(&filling, chrono::DateTime::UNIX_EPOCH);
        assert!(filled.await.unwrap());
    }

    /// Everything is gone, as when Redis loses its memory.
    pub(crate) fn empty(&self) {
        let mut redis = Self::redis();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("{}*", self.prefix))
            .query(&mut redis)
            .unwrap_or_default();
        if !keys.is_empty() {
            redis::cmd("DEL").arg(keys).query::<()>(&mut redis).unwrap();
        }
    }

    /// Everything of a hotel, complete, as if the consumer had seen it from the beginning.
    pub(crate) async fn seed(&self, hotel: &TestHotel, reached: Reached) {
        self.say_filled().await;
        let mut messages = hotel.catalogue_messages(10);
        for (at, night) in ["2026-12-24", "2026-12-25", "2026-12-26"].iter().enumerate() {
            let taken = i32::try_from(at).unwrap();
            messages.push(hotel.room_night(100, "c", night, (10, taken, taken * 2)));
            messages.push(hotel.price(100, "c", night, 10_000 + i64::from(taken) * 500));
        }
        consumer::apply(&self.cache, &mut changes::read(&messages), Some(reached))
            .await
            .unwrap();
    }
}

impl Drop for TestCache {
    fn drop(&mut self) {
        self.empty();
    }
}

/// A hotel with one room type and one rate plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestHotel {
    pub(crate) hotel: HotelId,
    pub(crate) room_type: RoomTypeId,
    pub(crate) rate_plan: RatePlanId,
}

impl TestHotel {
    pub(crate) fn new() -> Self {
        Self {
            hotel: HotelId::new(),
            room_type: RoomTypeId::new(),
            rate_plan: RatePlanId::new(),
        }
    }

    pub(crate) fn catalogue_messages(&self, number: u64) -> Vec<Received> {
        let Self {
            hotel,
            room_type,
            rate_plan,
        } = self;
        vec![
            message(
                topics::HOTEL_CHANGES,
                number,
                "c",
                &json!({"hotel_id": hotel}),
                json!({"hotel_id": hotel, "name": "Grand", "time_zone": "Europe/Lisbon", "currency": "EUR", "address": "x"}),
            ),
            message(
                topics::ROOM_TYPE_CHANGES,
                number + 1,
                "c",
                &json!({"hotel_id": hotel, "room_type_id": room_type}),
                json!({"hotel_id": hotel, "room_type_id": room_type, "name": "Double", "adults_max": 2, "children_max": 1}),
            ),
            message(
                topics::RATE_PLAN_CHANGES,
                number + 2,
                "c",
                &json!({"hotel_id": hotel, "rate_plan_id": rate_plan}),
                json!({"hotel_id": hotel, "rate_plan_id": rate_plan, "name": "Flexible"}),
            ),
        ]
    }

    /// `rooms` is total, held, sold.
    pub(crate) fn room_night(&self, number: u64, op: &str, night: &str, rooms: (i32, i32, i32)) -> Received {
        let night = day(night).days_since_1970();
        let key = json!({"hotel_id": self.hotel, "room_type_id": self.room_type, "night": night});
        let mut row = key.clone();
        for (name, value) in [("total", rooms.0), ("held", rooms.1), ("sold", rooms.2)] {
            row[name] = value.into();
        }
        row["closed"] = false.into();
        row["forced"] = false.into();
        message(topics::ROOM_NIGHT_CHANGES, number, op, &key, row)
    }

    pub(crate) fn price(&self, number: u64, op: &str, night: &str, minor: i64) -> Received {
        let night = day(night).days_since_1970();
        let Self {
            hotel,
            room_type,
            rate_plan,
        } = self;
        let key =
            json!({"hotel_id": hotel, "room_type_id": room_type, "rate_plan_id": rate_plan, "night": night});
        let mut row = key.clone();
        row["amount_minor"] = minor.into();
        message(topics::PRICE_CHANGES, number, op, &key, row)
    }

    pub(crate) fn public_key(&self, of: &TestCache, night: &str) -> String {
        of.cache.layout().dated(self.hotel, self.room_type, day(night))
    }
}

/// A message as the relay writes it: a deletion has the key's columns in `before` and nulls beside them.
pub(crate) fn message(topic: &str, number: u64, op: &str, key: &Value, row: Value) -> Received {
    let (before, after) = if op == "d" {
        let mut before = row;
        for (name, value) in before.as_object_mut().unwrap() {
            if key.get(name).is_none() {
                *value = Value::Null;
            }
        }
        (before, Value::Null)
    } else {
        (Value::Null, row)
    };
    let envelope = json!({
        "before": before, "after": after, "op": op, "transaction": null, "ts_ms": 1,
        "source": {"version": "1", "connector": "postgresql", "era": number >> 52, "lsn": number & ((1 << 52) - 1), "ts_ms": 1_790_000_000_000_i64, "snapshot": "false"},
    });
    Received {
        topic: topic.to_owned(),
        partition: 0,
        offset: 0,
        key: key.to_string().into_bytes(),
        message_id: None,
        kind: None,
        payload: envelope.to_string().into_bytes(),
        envelope: platform::Envelope::default(),
    }
}

/// What the tables say, behind the interface of the services that own them.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) of: TestHotel,
    pub(crate) nights: Vec<(&'static str, i32, i32, i32)>,
    pub(crate) price: &'static str,
    /// Inventory calls wait while this lock is held.
    pub(crate) gate: Arc<tokio::sync::Mutex<()>>,
    /// Whether one has waited.
    pub(crate) waiting: Arc<AtomicBool>,
}

impl Tables {
    pub(crate) fn new(of: TestHotel) -> Self {
        let nights = vec![("2026-12-24", 10, 0, 4), ("2026-12-25", 10, 1, 6)];
        Self {
            of,
            nights,
            price: "120.00",
            gate: Arc::default(),
            waiting: Arc::default(),
        }
    }
}

pub(crate) type Shared = Arc<Mutex<Tables>>;

/// Serves the tables on a free port. Answers the address.
pub(crate) async fn serve(tables: Tables) -> (String, Shared) {
    let shared = Arc::new(Mutex::new(tables));
    let routes = Router::new()
        .route("/v1/hotels", get(hotels))
        .route("/v1/hotels/{hotel}", get(hotel))
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

fn seen(tables: &Shared) -> Tables {
    tables.lock().unwrap().clone()
}

async fn hotels(State(tables): State<Shared>) -> Json<Value> {
    Json(json!({"items": [{"hotel_id": seen(&tables).of.hotel, "name": "Grand"}]}))
}

async fn hotel(State(tables): State<Shared>, Path(hotel): Path<String>) -> Result<Json<Value>, StatusCode> {
    if hotel != seen(&tables).of.hotel.to_string() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(Json(
        json!({"hotel_id": hotel, "name": "Grand", "time_zone": "Europe/Lisbon", "currency": "EUR", "pictures": []}),
    ))
}

async fn room_types(State(tables): State<Shared>) -> Json<Value> {
    let room_type = seen(&tables).of.room_type;
    Json(
        json!({"items": [{"room_type_id": room_type, "name": "Double", "adults_max": 2, "children_max": 1, "beds": []}]}),
    )
}

async fn rate_plans(State(tables): State<Shared>) -> Json<Value> {
    Json(json!({"items": [{"rate_plan_id": seen(&tables).of.rate_plan, "name": "Flexible"}]}))
}

#[derive(Deserialize)]
struct Range {
    from: StayDate,
    to: StayDate,
}

async fn prices(State(tables): State<Shared>, Query(range): Query<Range>) -> Json<Value> {
    let tables = seen(&tables);
    let nights = tables
        .nights
        .iter()
        .filter(|night| (range.from..range.to).contains(&day(night.0)));
    let items =
        nights.map(|night| json!({"night": night.0, "price": {"amount": tables.price, "currency": "EUR"}}));
    Json(json!({"items": items.collect::<Vec<_>>()}))
}

async fn inventory(State(tables): State<Shared>, Query(range): Query<Range>) -> Json<Value> {
    let gate = Arc::clone(&tables.lock().unwrap().gate);
    let _open = if let Ok(open) = gate.try_lock() {
        open
    } else {
        tables.lock().unwrap().waiting.store(true, Ordering::SeqCst);
        gate.lock().await
    };
    let tables = seen(&tables);
    let nights = tables
        .nights
        .iter()
        .filter(|night| (range.from..range.to).contains(&day(night.0)));
    let items = nights.map(|(night, total, held, sold)| {
        json!({"room_type_id": tables.of.room_type, "night": night, "total": total, "held": held, "sold": sold, "left": 0, "closed": false})
    });
    Json(json!({"items": items.collect::<Vec<_>>()}))
}
