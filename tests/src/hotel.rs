//! A hotel to book in, made through the public interface.

use ::platform::Secret;
use ::platform::token::Tokens;
use contract::quote::Quote;
use contract::{QuoteId, Stay, StayDate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::keys::bearer;
use crate::secrets::QUOTE_SECRET;
use crate::{Answer, Platform};

/// A hotel with one room type and a flexible rate plan at 100.00 EUR a night plus 6% tax.
#[derive(Debug, Clone)]
pub struct Hotel {
    /// Its id.
    pub hotel_id: String,
    /// Its room type, for two adults and one child.
    pub room_type_id: String,
    /// Its rate plan: free until 3 days before, then the first night.
    pub rate_plan_id: String,
    /// The first night on sale, 30 days from now; 60 nights are.
    pub first: StayDate,
}

fn id(answer: &Answer, field: &str) -> String {
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.json);
    answer.text(&format!("/{field}")).to_owned()
}

/// Today's date in a place so many hours ahead of UTC.
///
/// # Panics
/// When the machine's clock is centuries off.
#[expect(
    clippy::disallowed_methods,
    reason = "stays are counted from the day of the machine that runs the test"
)]
pub fn today_at(hours: i64) -> StayDate {
    let there = chrono::Utc::now() + chrono::TimeDelta::hours(hours);
    StayDate::from_date(there.date_naive()).expect("now is a date")
}

/// The body that books a quote.
pub fn booking_body(quote: &Value, guest: &str, payment_method: &str) -> Value {
    json!({
        "quote_token": quote["quote_token"],
        "guest": {"name": guest, "email": format!("{}@example.com", guest.to_lowercase().replace(' ', "."))},
        "party": quote["party"],
        "payment_method": payment_method,
    })
}

/// Another quote for the same stay, signed as the hotel service would. For floods of bookings, of which each needs a
/// quote of its own: asking for as many would be another flood.
pub fn quote_again(quote: &Value) -> Value {
    signed_anew(quote, |_| {})
}

/// The same for a stay that begins a day earlier: as if it had been asked for the day before.
///
/// # Panics
/// When the stay is one of the year 2000.
pub fn quote_a_day_earlier(quote: &Value) -> Value {
    let earlier = |date: StayDate| {
        StayDate::from_days_since_1970(date.days_since_1970() - 1).expect("there is a day before")
    };
    signed_anew(quote, |quote| {
        let (check_in, check_out) = (quote.stay.check_in(), quote.stay.check_out());
        quote.stay = Stay::new(earlier(check_in), earlier(check_out)).expect("as long as it was");
        for night in &mut quote.nights {
            night.night = earlier(night.night);
        }
    })
}

fn signed_anew(quote: &Value, change: impl FnOnce(&mut Quote)) -> Value {
    let secret = Secret::new(QUOTE_SECRET);
    let tokens = Tokens::read("BELLHOP_QUOTE_SECRET", &secret, contract::quote::AUDIENCE);
    let tokens = tokens.expect("the secret is long enough");
    let token = quote["quote_token"].as_str().expect("a token");
    let (mut again, _): (Quote, bool) = tokens
        .verify_at_any_time(token, chrono::DateTime::UNIX_EPOCH)
        .expect("a quote of this platform");
    again.quote_id = QuoteId::new();
    change(&mut again);
    let token = tokens
        .sign(&again, again.expires_at)
        .expect("a quote is an object");
    json!({"quote_token": token, "party": again.party})
}

impl Hotel {
    /// Creates a hotel with `rooms` rooms.
    pub async fn create(platform: &Platform, rooms: u32) -> Self {
        let body = json!({
            "name": "Hotel Test", "address": "Rua 1, Lisboa", "time_zone": "Europe/Lisbon", "currency": "EUR",
            "taxes": [{"name": "VAT", "percent": "6.00"}],
        });
        let hotel_id = id(&platform.post("/v1/hotels", &body).await, "hotel_id");
        let body = json!({"name": "Double", "beds": ["double"], "adults_max": 2, "children_max": 1});
        let made = platform
            .post(&format!("/v1/hotels/{hotel_id}/room-types"), &body)
            .await;
        let room_type_id = id(&made, "room_type_id");
        let policy = json!({"free_until_days_before": 3, "penalty": {"kind": "first_night"}});
        let body = json!({"name": "Flexible", "cancellation_policy": policy});
        let made = platform
            .post(&format!("/v1/hotels/{hotel_id}/rate-plans"), &body)
            .await;
        let rate_plan_id = id(&made, "rate_plan_id");
        let hotel = Self {
            hotel_id,
            room_type_id,
            rate_plan_id,
            first: today_at(0).plus_days(30),
        };
        let of = (&hotel.room_type_id[..], &hotel.rate_plan_id[..]);
        let price = |_| json!({"amount": "100.00", "currency": "EUR"});
        hotel.sell(platform, of, rooms, 60, price).await;
        hotel
    }

    /// Puts so many rooms of a room type on sale in a rate plan, for so many nights from the first; each costs what it has
    /// by its number.
    pub async fn sell(
        &self,
        platform: &Platform,
        (room_type, rate_plan): (&str, &str),
        rooms: u32,
        nights: u32,
        price: impl Fn(u32) -> Value,
    ) {
        let night = |at| json!({"night": self.night(at), "price": price(at)});
        let priced: Vec<Value> = (0..nights).map(night).collect();
        let of = format!("/v1/hotels/{}", self.hotel_id);
        for (path, body) in [
            (
                format!("{of}/room-types/{room_type}/inventory"),
                json!({"from": self.first, "to": self.night(nights), "total": rooms}),
            ),
            (
                format!("{of}/prices"),
                json!({"room_type_id": room_type, "rate_plan_id": rate_plan, "nights": priced}),
            ),
        ] {
            let put = platform.send_json(Method::PUT, &path, &body, &[]).await;
            assert!(put.status.is_success(), "{}", put.json);
        }
    }

    /// The night so many days after the first.
    pub fn night(&self, days: u32) -> StayDate {
        self.first.plus_days(days)
    }

    /// Sets inventory and expects it to be accepted.
    pub async fn set_inventory(&self, platform: &Platform, body: &Value) {
        let path = format!(
            "/v1/hotels/{}/room-types/{}/inventory",
            self.hotel_id, self.room_type_id
        );
        let put = platform.send_json(Method::PUT, &path, body, &[]).await;
        assert!(put.status.is_success(), "{}", put.json);
    }

    /// A quote for two adults, or for as many as there are rooms, `nights` nights from the night `from` days after the first.
    pub async fn quote(&self, platform: &Platform, from: u32, nights: u32, rooms: u16) -> Value {
        let body = self.quote_body(from, nights, rooms);
        let quote = platform.post("/v1/quotes", &body).await;
        assert_eq!(quote.status, 201, "{}", quote.json);
        quote.json
    }

    /// What asks for a quote.
    pub fn quote_body(&self, from: u32, nights: u32, rooms: u16) -> Value {
        json!({
            "hotel_id": self.hotel_id, "room_type_id": self.room_type_id, "rate_plan_id": self.rate_plan_id,
            "check_in": self.night(from), "check_out": self.night(from + nights), "rooms": rooms,
            "party": {"adults": rooms.max(2)},
        })
    }

    /// Books one room and waits for the outcome.
    pub async fn book(&self, platform: &Platform, from: u32, nights: u32, payment_method: &str) -> Answer {
        let quote = self.quote(platform, from, nights, 1).await;
        self.book_quote(platform, &quote, payment_method).await
    }

    /// Books what was quoted and waits for the outcome.
    pub async fn book_quote(&self, platform: &Platform, quote: &Value, payment_method: &str) -> Answer {
        self.book_by(platform, quote, payment_method, "").await
    }

    /// The same by whoever has this key; an empty one is none.
    pub async fn book_by(
        &self,
        platform: &Platform,
        quote: &Value,
        payment_method: &str,
        key: &str,
    ) -> Answer {
        let id = quote["quote_id"].as_str().expect("an id").to_owned();
        let by = if key.is_empty() {
            String::new()
        } else {
            bearer(key)
        };
        let headers = [
            ("idempotency-key", id.as_str()),
            ("prefer", "wait=30"),
            ("authorization", by.as_str()),
        ];
        let body = booking_body(quote, "Ada Lovelace", payment_method);
        platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await
    }

    /// Rooms left of each night as the availability endpoint's calendar tells it.
    pub async fn left(&self, platform: &Platform, from: u32, nights: u32) -> Vec<i64> {
        let (start, end) = (self.night(from), self.night(from + nights));
        let path = format!(
            "/v1/hotels/{}/calendar?room_type_id={}&from={start}&to={end}",
            self.hotel_id, self.room_type_id
        );
        let calendar = platform.get(&path).await;
        let nights = calendar.json["nights"].as_array().cloned().unwrap_or_default();
        nights
            .iter()
            .map(|night| night["rooms_left"].as_i64().unwrap_or(-1))
            .collect()
    }

    /// The inventory's own count of one night: (held, sold).
    pub async fn counts(&self, platform: &Platform, night: u32) -> (i64, i64) {
        let path = format!(
            "/v1/hotels/{}/inventory?from={}&to={}",
            self.hotel_id,
            self.night(night),
            self.night(night + 1)
        );
        let answer = platform.get(&path).await;
        let item = &answer.json["items"][0];
        (
            item["held"].as_i64().unwrap_or(-1),
            item["sold"].as_i64().unwrap_or(-1),
        )
    }
}
