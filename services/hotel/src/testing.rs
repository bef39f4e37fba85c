//! What the tests share: the routes on a database of their own, at a time of their own, and one hotel.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use chrono::TimeDelta;
use contract::quote::Quote;
use http_body_util::BodyExt as _;
use platform::access::{Actor, trial};
use platform::token::{TokenError, Tokens};
use platform::{Clock, Secret};
use serde_json::{Value, json};
use sqlx::Executor as _;
use sqlx::postgres::PgPool;
use tower::ServiceExt as _;

use crate::http::App;

/// An id of the right form that nothing has.
pub(crate) const NOBODY: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

/// The service's routes.
pub(crate) struct Api {
    app: App,
    /// The service's database.
    pub(crate) pool: PgPool,
}

/// A hotel in Lisbon with one room type for two adults and one child, one rate plan, and 100.00 EUR for each
/// night of 2026-07-01 to 2026-07-10 except that of the 8th.
pub(crate) struct Aurora {
    pub(crate) hotel: String,
    pub(crate) room_type: String,
    pub(crate) rate_plan: String,
}

impl Api {
    /// On an empty database, at half past ten in the evening of the first of June 2026 in UTC.
    pub(crate) async fn start(pool: PgPool) -> Self {
        pool.execute("create schema if not exists hotel").await.unwrap();
        crate::MIGRATOR.run(&pool).await.unwrap();
        let secret = Secret::new("1:0123456789abcdef0123456789abcdef");
        let tokens = Tokens::read("BELLHOP_QUOTE_SECRET", &secret, contract::quote::AUDIENCE).unwrap();
        let clock = Clock::fixed("2026-06-01T22:30:00.123456Z".parse().unwrap());
        let app = App {
            pool: pool.clone(),
            tokens,
            clock,
            quote_ttl: TimeDelta::minutes(15),
        };
        Self { app, pool }
    }

    /// Sets the time.
    pub(crate) fn set_clock(&self, now: &str) {
        self.app.clock.set(now.parse().unwrap());
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        let routes = crate::http::routes().with_state(self.app.clone()).into();
        let routes = trial(routes, crate::operations(), Actor::ANYONE);
        platform::http::layers(routes).oneshot(request).await.unwrap()
    }

    /// Sends a body, which need not be JSON.
    pub(crate) async fn send_text(&self, method: Method, path: &str, body: String) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = self.send(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send_text(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send_text(Method::PUT, path, body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send_text(Method::GET, path, String::new()).await
    }

    /// Adds something and answers its path, as `Location` says it.
    pub(crate) async fn located(&self, path: &str, body: &Value) -> String {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let response = self.send(request.body(body.to_string().into()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.headers()[header::LOCATION].to_str().unwrap().to_owned()
    }

    /// Adds something and answers the id in `field`.
    pub(crate) async fn add(&self, path: &str, body: &Value, field: &str) -> String {
        let (status, added) = self.post(path, body).await;
        assert_eq!(status, StatusCode::CREATED, "{added}");
        added[field].as_str().unwrap().to_owned()
    }

    /// Adds the hotel of the tests.
    pub(crate) async fn aurora(&self) -> Aurora {
        let hotel = self.add("/v1/hotels", &hotel(), "hotel_id").await;
        let room_type = json!({"name": "Double", "beds": ["double"], "adults_max": 2, "children_max": 1});
        let room_type = self
            .add(
                &format!("/v1/hotels/{hotel}/room-types"),
                &room_type,
                "room_type_id",
            )
            .await;
        let plan = json!({"name": "Flexible", "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "first_night"}}});
        let rate_plan = self
            .add(&format!("/v1/hotels/{hotel}/rate-plans"), &plan, "rate_plan_id")
            .await;
        let aurora = Aurora {
            hotel,
            room_type,
            rate_plan,
        };
        let nights: Vec<_> = (1..=10)
            .filter(|day| *day != 8)
            .map(|day| json!({"night": format!("2026-07-{day:02}"), "price": {"amount": "100.00", "currency": "EUR"}}))
            .collect();
        let (status, body) = self.put(&aurora.prices(), &aurora.set(&json!(nights))).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"nights_changed": 9})));
        aurora
    }

    /// What a quote's token says to the reservation service, so many minutes later.
    pub(crate) fn verify(&self, token: &str, minutes: i64) -> Result<Quote, TokenError> {
        self.app
            .tokens
            .verify(token, self.app.clock.now() + TimeDelta::minutes(minutes))
    }
}

impl Aurora {
    /// The path of the prices.
    pub(crate) fn prices(&self) -> String {
        format!("/v1/hotels/{}/prices", self.hotel)
    }

    /// A body that sets prices.
    pub(crate) fn set(&self, nights: &Value) -> Value {
        json!({"room_type_id": self.room_type, "rate_plan_id": self.rate_plan, "nights": nights})
    }

    /// A body that asks for a quote of two nights for two.
    pub(crate) fn stay(&self) -> Value {
        json!({
            "hotel_id": self.hotel, "room_type_id": self.room_type, "rate_plan_id": self.rate_plan,
            "check_in": "2026-07-01", "check_out": "2026-07-03", "rooms": 1, "party": {"adults": 2, "children": 1},
        })
    }
}

/// A body that adds the hotel of the tests, with every field.
pub(crate) fn hotel() -> Value {
    json!({
        "name": "Pensão Aurora 🏨",
        "address": "Rua das Flores 12, 1200-194 Lisboa, Portugal",
        "time_zone": "Europe/Lisbon",
        "currency": "EUR",
        "description": "Twelve rooms above the river.",
        "pictures": ["https://images.example.com/aurora/front.jpg"],
        "taxes": [{"name": "VAT", "percent": "6.00"}, {"name": "City", "percent": "1.25"}],
    })
}

/// A body with the field at a JSON pointer set to a value, or taken out when there is none.
pub(crate) fn with(body: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut body = body.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), Some(value)) => items[field.parse::<usize>().unwrap()] = value,
        (parent, Some(value)) => parent[field] = value,
        (parent, None) => drop(parent.as_object_mut().unwrap().remove(field)),
    }
    body
}

/// Checks that an answer is a problem with this status, code and pointer, and without a word of the database's.
pub(crate) fn assert_problem(answer: &(StatusCode, Value), status: u16, code: &str, pointer: Option<&str>) {
    let (got, body) = answer;
    assert_eq!(
        (got.as_u16(), body["code"].as_str()),
        (status, Some(code)),
        "{body}"
    );
    assert_eq!(body["pointer"].as_str(), pointer, "{body}");
    let detail = body["detail"].as_str().unwrap().to_lowercase();
    assert!(
        !["sql", "constraint", "relation", "postgres"]
            .iter()
            .any(|word| detail.contains(word)),
        "{detail}"
    );
}
