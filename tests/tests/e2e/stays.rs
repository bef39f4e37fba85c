//! A booking whose rooms have dates and rate plans of their own: quoted, held, paid and shown as one, and cancelled line by
//! line.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, today_at, until};

/// A hotel with a double for a flexible price and a single for one that nobody gets back; three decimals.
struct Inn {
    hotel: Hotel,
    single: String,
    saver: String,
}

fn dinars(amount: &str) -> Value {
    json!({"amount": amount, "currency": "KWD"})
}

fn made(answer: &Answer, field: &str) -> String {
    assert!(answer.status.is_success(), "{}", answer.json);
    answer.text(&format!("/{field}")).to_owned()
}

impl Inn {
    /// On sale for ten nights, the first so many days from now: a double for 45.125 and a single for 20.001, for each later
    /// night 0.007 more, before 6.75 % of tax.
    async fn create(platform: &Platform, zone: &str, hours: i64, days: u32, singles: u32) -> Self {
        let body = json!({
            "name": "Inn", "address": "1 Water Street", "time_zone": zone, "currency": "KWD",
            "taxes": [{"name": "VAT", "percent": "6.75"}],
        });
        let hotel_id = made(&platform.post("/v1/hotels", &body).await, "hotel_id");
        let of = format!("/v1/hotels/{hotel_id}");
        let mut room_types = Vec::new();
        for (name, adults) in [("Double", 2), ("Single", 1)] {
            let body = json!({"name": name, "beds": ["bed"], "adults_max": adults, "children_max": 0});
            let answer = platform.post(&format!("{of}/room-types"), &body).await;
            room_types.push(made(&answer, "room_type_id"));
        }
        let mut plans = Vec::new();
        for policy in [
            json!({"free_until_days_before": 1, "penalty": {"kind": "first_night"}}),
            json!({"penalty": {"kind": "full"}}),
        ] {
            let body = json!({"name": "Plan", "cancellation_policy": policy});
            let answer = platform.post(&format!("{of}/rate-plans"), &body).await;
            plans.push(made(&answer, "rate_plan_id"));
        }
        let (saver, single) = (plans.remove(1), room_types.remove(1));
        let hotel = Hotel {
            hotel_id,
            room_type_id: room_types.remove(0),
            rate_plan_id: plans.remove(0),
            first: today_at(hours).plus_days(days),
        };
        for (room_type, plan, first, rooms) in [
            (&hotel.room_type_id, &hotel.rate_plan_id, 45_125, 1),
            (&single, &saver, 20_001, singles),
        ] {
            let price = |at: u32| {
                let fils = first + 7 * at;
                dinars(&format!("{}.{:03}", fils / 1_000, fils % 1_000))
            };
            hotel.sell(platform, (room_type, plan), rooms, 10, price).await;
        }
        Self { hotel, single, saver }
    }

    /// The double on the booking's dates, and the single on its own.
    fn wanted(&self, double: (u32, u32), single: (u32, u32)) -> Value {
        let night = |at| self.hotel.night(at);
        json!({
            "hotel_id": self.hotel.hotel_id, "rate_plan_id": self.hotel.rate_plan_id,
            "check_in": night(double.0), "check_out": night(double.1),
            "lines": [
                {"room_type_id": self.hotel.room_type_id, "party": {"adults": 2}},
                {"room_type_id": self.single, "rate_plan_id": self.saver, "party": {"adults": 1},
                 "check_in": night(single.0), "check_out": night(single.1)},
            ],
        })
    }

    async fn quote(&self, platform: &Platform, double: (u32, u32), single: (u32, u32)) -> Value {
        let quote = platform.post("/v1/quotes", &self.wanted(double, single)).await;
        assert_eq!(quote.status, StatusCode::CREATED, "{}", quote.json);
        quote.json
    }
}

async fn holds(platform: &Platform, hold: &str) -> String {
    let sql = format!(
        "select coalesce(string_agg(format('%s %s %s', line_no, state, check_out - check_in), ', ' order by line_no), '')
         from inventory.hold where state in ('held', 'sold', 'released') and {hold}"
    );
    platform.query(&sql).await.unwrap_or_default()
}

async fn at_rest(platform: &Platform) {
    until("the audit is content", async || {
        let audit = platform.command(&["audit", "--at-rest"]);
        audit.status.success().then_some(())
    })
    .await;
}

async fn cancel(platform: &Platform, booked: &Answer) -> (Value, Value) {
    let itself = format!("/v1/reservations/{}", booked.text("/reservation_id"));
    let quote = platform.get(&format!("{itself}/cancellation-quote")).await.json;
    let path = format!("{itself}/cancellation");
    let cancelled = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    for part in ["penalty", "refund"] {
        assert_eq!(quote[part], cancelled.json[part], "{quote}");
    }
    (quote, cancelled.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_other_dates_and_rate_plans_are_one_booking_and_cancelled_each_by_its_own() {
    let platform = Platform::start().await;
    let inn = Inn::create(&platform, "Pacific/Kiritimati", 14, 30, 2).await;
    let hotel = &inn.hotel;
    let quote = inn.quote(&platform, (0, 2), (1, 4)).await;
    // 45.125 + 45.132, and 20.008 + 20.015 + 20.022; 6.75 % of 150.302 are 10.145385.
    assert_eq!(quote["total_before_taxes"], dinars("150.302"));
    assert_eq!(quote["total"], dinars("160.447"));
    assert_eq!(
        (&quote["check_in"], &quote["check_out"]),
        (&json!(hotel.night(0)), &json!(hotel.night(4)))
    );
    for of_each in ["room_type_id", "rate_plan_id", "cancellation_policy"] {
        assert!(quote.get(of_each).is_none(), "{of_each}: {quote}");
    }
    assert_eq!(quote["nights"].as_array().map(Vec::len), Some(4));
    assert_eq!(quote["nights"][1]["price"], dinars("65.140"));
    assert_eq!(
        quote["lines"][1]["cancellation_policy"]["penalty"]["kind"],
        "full"
    );

    let booked = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    for of_each in ["rate_plan_id", "cancellation_policy"] {
        assert!(booked.json.get(of_each).is_none(), "{}", booked.json);
    }
    let line = &booked.json["lines"][1];
    assert_eq!(
        (&line["check_in"], &line["check_out"], &line["rate_plan_id"]),
        (&json!(hotel.night(1)), &json!(hotel.night(4)), &json!(inn.saver))
    );
    assert_eq!(line["cancellation_policy"]["penalty"]["kind"], "full");
    assert_eq!(holds(&platform, "true").await, "1 sold 2, 2 sold 3");
    assert_eq!(hotel.counts(&platform, 1).await, (0, 1));
    at_rest(&platform).await;

    // The double of these nights is gone; that the single is there helps nobody.
    let again = inn.quote(&platform, (1, 3), (0, 1)).await;
    let refused = hotel.book_quote(&platform, &again, "pm_ok").await;
    let told = (refused.status, refused.text("/code"), refused.text("/night"));
    let night = hotel.night(1).to_string();
    assert_eq!(
        told,
        (StatusCode::CONFLICT, "sold_out", night.as_str()),
        "{}",
        refused.json
    );
    // Beside it, both are.
    let beside = inn.quote(&platform, (2, 4), (0, 1)).await;
    let beside = hotel.book_quote(&platform, &beside, "pm_ok").await;
    assert_eq!(beside.status, StatusCode::CREATED, "{}", beside.json);

    // The flexible double is free; its share of 160.447 is 160.447 x 90.257 / 150.302. The single's is kept in full.
    let (quote, cancelled) = cancel(&platform, &booked).await;
    assert_eq!(quote["lines"][0]["refund"], dinars("96.349"), "{quote}");
    assert_eq!(quote["lines"][0]["penalty"], dinars("0.000"));
    assert_eq!(quote["lines"][1]["penalty"], dinars("64.098"));
    assert_eq!(quote["lines"][0]["free_until"], json!(day_before(hotel)));
    assert!(
        quote.get("free_until").is_none() && quote["lines"][1].get("free_until").is_none(),
        "{quote}"
    );
    assert_eq!(
        (&cancelled["penalty"], &cancelled["refund"]),
        (&dinars("64.098"), &dinars("96.349"))
    );
    let payment = platform
        .get(&format!("/v1/payments/{}", booked.text("/payment_id")))
        .await;
    assert_eq!(payment.json["refunded"], dinars("96.349"), "{}", payment.json);
    assert_eq!(hotel.counts(&platform, 1).await, (0, 0));
    at_rest(&platform).await;
}

fn day_before(hotel: &Hotel) -> String {
    let first = hotel.first.days_since_1970();
    contract::StayDate::from_days_since_1970(first - 1)
        .unwrap()
        .to_string()
}

/// A day cannot be waited for: the hotel lies where the day ends last on earth, and is moved to where it ends first.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_early_pays_for_nights_that_have_begun_and_each_line_by_its_policy() {
    let platform = Platform::start().await;
    let inn = Inn::create(&platform, "Pacific/Pago_Pago", -11, 0, 1).await;
    let hotel = &inn.hotel;
    let quote = inn.quote(&platform, (4, 6), (0, 4)).await;
    let booked = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    let moved = "update reservation.reservation set time_zone = 'Pacific/Kiritimati'";
    platform.tamper(moved).await;
    let (quote, cancelled) = cancel(&platform, &booked).await;
    // One night of the single is over there, or two when it is late: it is kept, and its rest by its policy. The double is
    // for later and still free.
    let over = (1..3).find(|at| cancelled["kept_until"] == json!(hotel.night(*at)));
    let over = over.expect("a night is over");
    assert_eq!(quote["lines"][0]["penalty"], dinars("0.000"), "{quote}");
    assert_eq!(quote["lines"][1]["refund"], dinars("0.000"), "{quote}");
    let begun = quote["nights"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|night| night["begun"] == json!(true));
    assert_eq!(begun.count(), usize::try_from(over).unwrap());
    assert_eq!(
        holds(&platform, "true").await,
        format!("1 released 2, 2 sold {over}")
    );
    assert_eq!(cancelled["penalty"], quote["lines"][1]["penalty"]);
    at_rest(&platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_dates_and_rate_plans_is_named_where_it_is_written() {
    let platform = Platform::start().await;
    let inn = Inn::create(&platform, "America/St_Johns", -3, 30, 2).await;
    let good = inn.wanted((0, 2), (1, 4));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let without = |fields: &[&str]| {
        with(&|body| {
            for field in fields {
                body.as_object_mut().unwrap().remove(*field);
            }
        })
    };
    let nobody = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    for (body, status, code, pointer) in [
        (
            with(&|body| body["lines"][1]["rate_plan_id"] = json!(nobody)),
            404,
            "not_found",
            "/lines/1/rate_plan_id",
        ),
        (
            with(&|body| body["rate_plan_id"] = json!(nobody)),
            404,
            "not_found",
            "/rate_plan_id",
        ),
        (
            with(&|body| body["lines"][1]["check_out"] = json!(inn.hotel.night(1))),
            422,
            "invalid_stay",
            "/lines/1/check_out",
        ),
        (
            with(&|body| body["check_out"] = json!(inn.hotel.night(0))),
            422,
            "invalid_stay",
            "/check_out",
        ),
        (
            with(&|body| body["lines"][1]["check_in"] = json!("2020-01-01")),
            422,
            "stay_too_long",
            "/lines/1/check_out",
        ),
        (
            with(&|body| {
                body["lines"][1]["check_in"] = json!(inn.hotel.night(29));
                body["lines"][1]["check_out"] = json!(inn.hotel.night(31));
            }),
            422,
            "stay_too_long",
            "/lines",
        ),
        (
            with(&|body| body["lines"][1]["rooms"] = json!(1)),
            422,
            "invalid_field",
            "/lines/1/rooms",
        ),
        (without(&["rate_plan_id"]), 422, "invalid_field", "/rate_plan_id"),
        (without(&["check_in"]), 422, "invalid_field", "/check_in"),
        (without(&["check_out"]), 422, "invalid_field", "/check_out"),
    ] {
        let answer = platform.post("/v1/quotes", &body).await;
        let said = (
            answer.status.as_u16(),
            answer.text("/code"),
            answer.text("/pointer"),
        );
        assert_eq!(said, (status, code, pointer), "{body}: {}", answer.json);
    }
    // Lines that say everything themselves need nothing of the booking.
    let mut whole = without(&["rate_plan_id", "check_in", "check_out"]);
    whole["lines"] = json!([good["lines"][1]]);
    let quote = platform.post("/v1/quotes", &whole).await;
    assert_eq!(quote.status, StatusCode::CREATED, "{}", quote.json);
    assert_eq!(quote.json["rate_plan_id"], json!(inn.saver));
}
