//! Search, calendar and quote never disagree: what is offered can be quoted, and what cannot be quoted is not offered,
//! for hotels on both sides of UTC, dates around both ends of the booking window, and parties of all sizes. Through both
//! real services.

use contract::StayDate;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Platform, booking_body, quote_a_day_earlier, until};

/// On both sides of UTC, with offsets of no full hours.
const ZONES: [&str; 4] = [
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
];

#[expect(
    clippy::disallowed_methods,
    reason = "stays are around the present of the machine that runs the test"
)]
fn today() -> StayDate {
    StayDate::from_date(chrono::Utc::now().date_naive()).unwrap()
}

fn days_from(date: StayDate, days: i32) -> StayDate {
    StayDate::from_days_since_1970(date.days_since_1970() + days).unwrap()
}

/// A hotel whose two room types have rooms from yesterday until after the booking window: the small one has a price for
/// every night in one plan and for every third in the other, the large one for none.
struct Hotel {
    id: String,
    small: String,
    large: String,
    plans: [String; 2],
}

async fn id(platform: &Platform, path: &str, body: &Value, field: &str) -> String {
    let made = platform.post(path, body).await;
    assert!(made.status.is_success(), "{path} {}", made.json);
    made.text(&format!("/{field}")).to_owned()
}

async fn put(platform: &Platform, path: &str, body: &Value) {
    let put = platform.send_json(Method::PUT, path, body, &[]).await;
    assert!(put.status.is_success(), "{path} {}", put.json);
}

impl Hotel {
    async fn create(platform: &Platform, zone: &str) -> Self {
        let body = json!({
            "name": format!("Hotel {zone}"), "address": "Anywhere 1", "time_zone": zone, "currency": "EUR",
            "taxes": [{"name": "VAT", "percent": "6.00"}],
        });
        let hotel = id(platform, "/v1/hotels", &body, "hotel_id").await;
        let of = format!("/v1/hotels/{hotel}");
        let room_type = |name: &str, adults: u16| json!({"name": name, "beds": ["double"], "adults_max": adults, "children_max": 1});
        let path = format!("{of}/room-types");
        let small = id(platform, &path, &room_type("Small", 2), "room_type_id").await;
        let large = id(platform, &path, &room_type("Large", 4), "room_type_id").await;
        let mut plans = Vec::new();
        for name in ["Flexible", "Saver"] {
            let body = json!({"name": name, "cancellation_policy": {"penalty": {"kind": "full"}}});
            plans.push(id(platform, &format!("{of}/rate-plans"), &body, "rate_plan_id").await);
        }
        let today = today();
        for room_type in [&small, &large] {
            for (from, to) in [(-1, 20), (720, 770)] {
                let body = json!({"from": days_from(today, from), "to": days_from(today, to), "total": 9});
                put(platform, &format!("{of}/room-types/{room_type}/inventory"), &body).await;
            }
        }
        for (plan, step) in plans.iter().zip([1, 3]) {
            let days = (-3..20).chain(720..770).filter(|day| day % step == 0);
            let night = |day| json!({"night": days_from(today, day), "price": {"amount": "80.00", "currency": "EUR"}});
            let nights: Vec<Value> = days.map(night).collect();
            let body = json!({"room_type_id": small, "rate_plan_id": plan, "nights": nights});
            put(platform, &format!("{of}/prices"), &body).await;
        }
        let plans = [plans[0].clone(), plans[1].clone()];
        Self {
            id: hotel,
            small,
            large,
            plans,
        }
    }

    /// The pairs of room type and rate plan that the search offers, or the code of its refusal.
    async fn search(&self, platform: &Platform, ask: &Ask) -> Result<Vec<(String, String)>, String> {
        let path = format!(
            "/v1/hotels/{}/availability?check_in={}&check_out={}&adults={}&children={}&rooms={}",
            self.id, ask.check_in, ask.check_out, ask.adults, ask.children, ask.rooms
        );
        let answer = platform.get(&path).await;
        if !answer.status.is_success() {
            return Err(format!("{} {}", answer.status.as_u16(), answer.text("/code")));
        }
        let mut offered = Vec::new();
        for room_type in answer.json["room_types"].as_array().unwrap() {
            let rates = room_type["rates"].as_array().unwrap();
            assert!(
                !rates.is_empty(),
                "a room type without a rate is on offer: {}",
                answer.json
            );
            for rate in rates {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                offered.push((text(&room_type["room_type_id"]), text(&rate["rate_plan_id"])));
            }
        }
        offered.sort();
        Ok(offered)
    }

    /// The pairs for which a quote is given, and the codes of the refusals.
    async fn quotes(&self, platform: &Platform, ask: &Ask) -> (Vec<(String, String)>, Vec<String>) {
        let (mut quoted, mut refusals) = (Vec::new(), Vec::new());
        for room_type in [&self.small, &self.large] {
            for plan in &self.plans {
                let body = json!({
                    "hotel_id": self.id, "room_type_id": room_type, "rate_plan_id": plan, "rooms": ask.rooms,
                    "check_in": ask.check_in, "check_out": ask.check_out,
                    "party": {"adults": ask.adults, "children": ask.children},
                });
                let answer = platform.post("/v1/quotes", &body).await;
                if answer.status == 201 {
                    quoted.push((room_type.clone(), plan.clone()));
                } else {
                    refusals.push(format!("{} {}", answer.status.as_u16(), answer.text("/code")));
                }
            }
        }
        quoted.sort();
        (quoted, refusals)
    }
}

#[derive(Debug, Clone, Copy)]
struct Ask {
    check_in: StayDate,
    check_out: StayDate,
    adults: u16,
    children: u16,
    rooms: u16,
}

fn asks() -> Vec<Ask> {
    let mut asks = Vec::new();
    let people = [
        (1, 0, 1),
        (2, 1, 1),
        (3, 0, 1),
        (1, 0, 2),
        (2, 3, 2),
        (1, 5, 3),
        (0, 1, 1),
        (2, 0, 10),
    ];
    // Every day around both ends with one party, and every party on a day in the middle.
    let days = [-2, -1, 0, 1, 2, 729, 730, 731, 732];
    let stays = days.iter().flat_map(|day| [1, 3].map(|nights| (*day, nights)));
    for (day, nights) in stays.chain([(3, 0), (3, -1), (3, 31), (735, 1)]) {
        asks.push((day, nights, (2, 0, 1)));
    }
    asks.extend(people.map(|party| (6, 1, party)));
    let today = today();
    let ask = |(day, nights, (adults, children, rooms))| {
        let check_in = days_from(today, day);
        Ask {
            check_in,
            check_out: days_from(check_in, nights),
            adults,
            children,
            rooms,
        }
    };
    asks.into_iter().map(ask).collect()
}

async fn agree(platform: &Platform, hotel: &Hotel, ask: &Ask) {
    // When the hotel's day ends between the questions, they are asked again.
    until("the same day before and after", async || {
        let before = hotel.search(platform, ask).await;
        let (quoted, refusals) = hotel.quotes(platform, ask).await;
        if hotel.search(platform, ask).await != before {
            return None;
        }
        match before {
            Ok(offered) => assert_eq!(offered, quoted, "{ask:?}: {refusals:?}"),
            Err(refusal) => {
                assert!(quoted.is_empty(), "{ask:?}: search {refusal}, quoted {quoted:?}");
                assert!(
                    refusals.iter().all(|code| *code == refusal),
                    "{ask:?}: {refusal}, {refusals:?}"
                );
            }
        }
        Some(())
    })
    .await;
}

/// Whether the calendar offers a night of the small room type is whether a night of it is quoted.
async fn calendar_agrees(platform: &Platform, hotel: &Hotel) {
    for days in [-3, 727] {
        let (from, to) = (days_from(today(), days), days_from(today(), days + 7));
        for room_type in [&hotel.small, &hotel.large] {
            let path = format!(
                "/v1/hotels/{}/calendar?room_type_id={room_type}&from={from}&to={to}",
                hotel.id
            );
            until("the same day before and after", async || {
                let calendar = platform.get(&path).await.json["nights"].clone();
                let mut offered = Vec::new();
                for (night, shown) in (0..).zip(calendar.as_array().unwrap()) {
                    let check_in = from.plus_days(night);
                    let ask = Ask {
                        check_in,
                        check_out: check_in.plus_days(1),
                        adults: 1,
                        children: 0,
                        rooms: 1,
                    };
                    let (quoted, _) = hotel.quotes(platform, &ask).await;
                    let is_quoted = quoted.iter().any(|(of, _)| of == room_type);
                    let is_offered = shown["rooms_left"].as_u64().unwrap() > 0;
                    let has_price = !shown["lowest_price"].is_null();
                    offered.push((check_in, is_quoted, is_offered, has_price));
                }
                if platform.get(&path).await.json["nights"] != calendar {
                    return None;
                }
                for (night, is_quoted, is_offered, has_price) in offered {
                    // The inventory begins yesterday in UTC, where Pago Pago may still have the day before.
                    assert_eq!((is_offered, has_price), (is_quoted, is_quoted), "{night}");
                }
                Some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_quoted_and_what_is_not_quoted_is_not_offered() {
    let platform = Platform::start().await;
    for zone in ZONES {
        let hotel = Hotel::create(&platform, zone).await;
        let ask = Ask {
            check_in: days_from(today(), 6),
            check_out: days_from(today(), 7),
            adults: 1,
            children: 0,
            rooms: 1,
        };
        until("the cache has heard of the hotel", async || {
            let offered = hotel.search(&platform, &ask).await;
            (offered.is_ok_and(|offered| offered.len() == 2)).then_some(())
        })
        .await;
        for ask in asks() {
            agree(&platform, &hotel, &ask).await;
        }
        calendar_agrees(&platform, &hotel).await;
    }
}

/// The hold knows the date at its hotel, as the quote did: east of Greenwich, what is past there is not for sale although
/// it may be today, or even tomorrow, where the platform runs.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_quoted_before_midnight_at_the_hotel_is_not_held_after_it() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, "Pacific/Kiritimati").await;
    let book = async |quote: Value| {
        let key = contract::QuoteId::new().to_string();
        let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=30")];
        let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
        let booked = platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await;
        (booked.status.as_u16(), booked.json)
    };
    until("the same day before and after", async || {
        let today = tests::today_at(14);
        let body = json!({
            "hotel_id": hotel.id, "room_type_id": hotel.small, "rate_plan_id": hotel.plans[0], "rooms": 1,
            "check_in": today, "check_out": today.plus_days(2), "party": {"adults": 1},
        });
        let quote = platform.post("/v1/quotes", &body).await;
        let yesterday = book(quote_a_day_earlier(&quote.json)).await;
        let now = book(quote.json).await;
        if tests::today_at(14) != today {
            return None;
        }
        let (status, said) = yesterday;
        assert_eq!((status, &said["code"]), (422, &json!("stay_in_past")), "{said}");
        assert_eq!(said["night"], json!(days_from(today, -1)));
        assert_eq!((now.0, &now.1["state"]), (201, &json!("confirmed")), "{}", now.1);
        Some(())
    })
    .await;
}
