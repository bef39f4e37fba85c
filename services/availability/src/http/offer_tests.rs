//! What search and calendar offer is what a quote takes, for random hotels, dates, zones, parties and rooms; and the
//! cache says the same as the tables. Against a real Redis.
//!
//! What a quote takes is written down here once more, plainly, from the hotel service's interface. The two real services
//! side by side are compared by the end-to-end tests.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contract::{StayDate, Version};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::tests::Front;
use crate::cache::Cache;
use crate::changes;
use crate::consumer;
use crate::fixtures::{TestCache, TestHotel};
use crate::nights::Reached;
use crate::shapes::{Rooms, Shape, serve, shape};

/// Around this day, and 730 days later.
const DAY: i32 = 20_800;
const AHEAD: i32 = 730;

#[derive(Debug, Clone)]
struct Asked {
    check_in: i32,
    nights: i32,
    adults: u16,
    children: u16,
    rooms: u16,
}

fn asked() -> impl Strategy<Value = Asked> {
    let check_in = prop_oneof![DAY - 3..DAY + 6, DAY + AHEAD - 3..DAY + AHEAD + 4];
    let nights = prop_oneof![4 => 1..4_i32, 1 => Just(0), 1 => 30..33_i32];
    (check_in, nights, 0..6_u16, 0..4_u16, 0..4_u16).prop_map(
        |(check_in, nights, adults, children, rooms)| Asked {
            check_in,
            nights,
            adults,
            children,
            rooms,
        },
    )
}

/// A hotel whose nights lie around both ends of the days on which one may arrive.
fn hotel() -> impl Strategy<Value = Shape> {
    (shape(DAY - 3..DAY + 8), shape(DAY + AHEAD - 3..DAY + AHEAD + 8)).prop_map(|(mut near, far)| {
        for ((_, rooms), (_, later)) in near.room_types.iter_mut().zip(far.room_types) {
            rooms.nights.extend(later.nights);
            let plans = near.rate_plans.len();
            let prices = later.prices.into_iter().filter(|((plan, _), _)| *plan < plans);
            rooms.prices.extend(prices);
        }
        near
    })
}

fn today(zone: &str, now: DateTime<Utc>) -> i32 {
    let zone: Tz = zone.parse().unwrap();
    now.with_timezone(&zone).date_naive().to_epoch_days()
}

/// The code with which a quote of any room type is refused.
fn refusal(asked: &Asked, today: i32) -> Option<&'static str> {
    // Numbers out of their bounds cannot be read, so they are told first.
    if !(1..=9).contains(&asked.rooms) || !(1..=36).contains(&asked.adults) {
        Some("invalid_field")
    } else if asked.nights < 1 {
        Some("invalid_stay")
    } else if asked.nights > 30 {
        Some("stay_too_long")
    } else if asked.adults < asked.rooms {
        Some("party_too_small")
    } else if asked.check_in < today {
        Some("stay_in_past")
    } else if asked.check_in > today + AHEAD {
        Some("stay_too_far_ahead")
    } else {
        None
    }
}

fn left(rooms: &Rooms, night: i32) -> i32 {
    match rooms.nights.get(&night) {
        Some((total, held, sold, false)) => (total * 11 / 10 - held - sold).max(0),
        _ => 0,
    }
}

/// The rate plans in which a quote for this room type is given, by number, with the net price.
fn quotable(rooms: &Rooms, plans: usize, asked: &Asked) -> Vec<(usize, i64)> {
    let (each, count) = (i64::from(asked.rooms), asked.rooms);
    let spare = i32::from(rooms.adults_max * count) - i32::from(asked.adults);
    if spare < 0 || i32::from(asked.children) > spare + i32::from(rooms.children_max * count) {
        return Vec::new();
    }
    let total = |plan: usize| {
        let nights = asked.check_in..asked.check_in + asked.nights;
        let prices: Option<Vec<i64>> = nights
            .map(|night| rooms.prices.get(&(plan, night)).copied())
            .collect();
        Some((plan, prices?.iter().sum::<i64>() * each))
    };
    (0..plans).filter_map(total).collect()
}

fn amount(minor: i64) -> Value {
    json!({"amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "EUR"})
}

/// What the search should list: each room type with its rooms left, and each rate plan with its total.
fn offered(hotel: &Shape, asked: &Asked) -> Vec<Value> {
    let mut listed = Vec::new();
    for (id, rooms) in &hotel.room_types {
        let nights = asked.check_in..asked.check_in + asked.nights;
        let fewest = nights.map(|night| left(rooms, night)).min().unwrap_or(0);
        let rates = quotable(rooms, hotel.rate_plans.len(), asked);
        if fewest >= i32::from(asked.rooms) && !rates.is_empty() {
            let rates = rates
                .iter()
                .map(|(plan, total)| json!([hotel.rate_plans[*plan], amount(*total)]));
            listed.push(json!([id, fewest, rates.collect::<Vec<_>>()]));
        }
    }
    listed
}

fn listed(body: &Value) -> Vec<Value> {
    let rates = |room_type: &Value| -> Vec<Value> {
        let rates = room_type["rates"].as_array().unwrap().iter();
        rates
            .map(|rate| json!([rate["rate_plan_id"], rate["total_before_taxes"]]))
            .collect()
    };
    let room_types = body["room_types"].as_array().unwrap().iter();
    room_types
        .map(|one| json!([one["room_type_id"], one["rooms_left"], rates(one)]))
        .collect()
}

/// What stands against a room type in a rate plan, or in none: codes with their nights, in the order of the rules.
fn against(rooms: &Rooms, plan: Option<usize>, asked: &Asked) -> Vec<Value> {
    let count = asked.rooms;
    let spare = i32::from(rooms.adults_max * count) - i32::from(asked.adults);
    let too_many = [
        spare < 0,
        i32::from(asked.children) > spare.max(0) + i32::from(rooms.children_max * count),
    ];
    let nights = asked.check_in..asked.check_in + asked.nights;
    let sold_out = nights
        .clone()
        .filter(|night| left(rooms, *night) < i32::from(count))
        .map(|night| json!(["sold_out", date(night)]));
    let no_price = nights
        .filter(|night| plan.is_none_or(|plan| !rooms.prices.contains_key(&(plan, *night))))
        .map(|night| json!(["no_price", date(night)]));
    let party = too_many
        .into_iter()
        .filter(|so| *so)
        .map(|_| json!(["party_too_large", null]));
    party.chain(sold_out).chain(no_price).collect()
}

/// What an explaining search should tell: each room type and rate plan that something stands against.
fn not_offered(hotel: &Shape, asked: &Asked) -> Vec<Value> {
    let plans: Vec<Option<usize>> = match hotel.rate_plans.len() {
        0 => vec![None],
        plans => (0..plans).map(Some).collect(),
    };
    let mut told = Vec::new();
    for (id, rooms) in &hotel.room_types {
        for plan in &plans {
            let against = against(rooms, *plan, asked);
            if !against.is_empty() {
                let rate_plan = plan.map(|plan| hotel.rate_plans[plan]);
                told.push(json!([id, rate_plan, against]));
            }
        }
    }
    told.sort_by_key(ToString::to_string);
    told
}

/// What it tells.
fn explained(body: &Value) -> Vec<Value> {
    let reasons = |one: &Value| -> Vec<Value> {
        let reasons = one["blocked_by"].as_array().unwrap().iter();
        reasons
            .map(|reason| json!([reason["code"], reason["night"]]))
            .collect()
    };
    let mut told: Vec<Value> = body["not_sold"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["room_type_id"], one["rate_plan_id"], reasons(one)]))
        .collect();
    told.sort_by_key(ToString::to_string);
    told
}

fn date(day: i32) -> StayDate {
    StayDate::from_days_since_1970(day).unwrap()
}

/// Both sources, each with its endpoints.
async fn fronts(of: &TestCache, hotel: &Shape, now: DateTime<Utc>) -> [Front; 2] {
    of.say_filled().await;
    let reached = Reached {
        version: Version::from_bits(100),
        at_ms: now.timestamp_millis(),
    };
    let mut batch = changes::read(&hotel.messages(7));
    consumer::apply(&of.cache, &mut batch, Some(reached))
        .await
        .unwrap();
    let (services, _) = serve(vec![hotel.clone()]).await;
    let away = Cache::new("redis://127.0.0.1:1/", "").unwrap();
    [
        Front::at(of, of.cache.clone(), "http://127.0.0.1:1", now),
        Front::at(of, away, &services, now),
    ]
}

/// Searches; `more` is the rest of the query.
async fn search(front: &Front, hotel: &Shape, asked: &Asked, more: &str) -> (u16, Value) {
    let Asked {
        adults,
        children,
        rooms,
        ..
    } = asked;
    let (check_in, check_out) = (date(asked.check_in), date(asked.check_in + asked.nights));
    let id = hotel.hotel;
    front
        .get(&format!(
            "/v1/hotels/{id}/availability?check_in={check_in}&check_out={check_out}&adults={adults}&children={children}&rooms={rooms}{more}"
        ))
        .await
}

async fn check(hotel: Shape, now: DateTime<Utc>, wishes: Vec<Asked>) -> Result<(), TestCaseError> {
    let of = TestCache::new();
    let today = today(hotel.zone, now);
    let fronts = fronts(&of, &hotel, now).await;
    for (front, source) in fronts.iter().zip(["cache", "database"]) {
        for asked in &wishes {
            let (status, body) = search(front, &hotel, asked, "").await;
            prop_assert_eq!(body.get("not_sold"), None);
            if let Some(code) = refusal(asked, today) {
                prop_assert_eq!(
                    (status, &body["code"]),
                    (422, &json!(code)),
                    "{:?} {}",
                    asked,
                    body
                );
                continue;
            }
            prop_assert_eq!(
                (status, &body["freshness"]["source"]),
                (200, &json!(source)),
                "{}",
                body
            );
            let mut should = offered(&hotel, asked);
            // Ids are listed in their order, which is not that of the sample.
            should.sort_by_key(|one| one[0].to_string());
            for one in &mut should {
                let rates = one[2].as_array_mut().unwrap();
                rates.sort_by_key(|rate| rate[0].to_string());
            }
            prop_assert_eq!(listed(&body), should.clone(), "{:?} from the {}", asked, source);
            let mut reasons = not_offered(&hotel, asked);
            for explain in ["all", "first"] {
                let (_, body) = search(front, &hotel, asked, &format!("&explain={explain}")).await;
                prop_assert_eq!(listed(&body), should.clone(), "explaining changes no offer");
                prop_assert_eq!(&explained(&body), &reasons, "{:?} from the {}", asked, source);
                for one in &mut reasons {
                    one[2].as_array_mut().unwrap().truncate(1);
                }
            }
        }
        for (id, rooms) in &hotel.room_types {
            for from in [DAY - 4, DAY + AHEAD - 4] {
                let (hotel_id, to) = (hotel.hotel, date(from + 12));
                let from_date = date(from);
                let path =
                    format!("/v1/hotels/{hotel_id}/calendar?room_type_id={id}&from={from_date}&to={to}");
                let (status, body) = front.get(&path).await;
                prop_assert_eq!(status, 200, "{}", body);
                for (night, shown) in (from..).zip(body["nights"].as_array().unwrap()) {
                    let open = (today..=today + AHEAD).contains(&night);
                    let prices =
                        (0..hotel.rate_plans.len()).filter_map(|plan| rooms.prices.get(&(plan, night)));
                    let lowest = prices.min().filter(|_| open);
                    let mut should = json!({"night": date(night), "rooms_left": 0});
                    if let Some(lowest) = lowest {
                        should["rooms_left"] = json!(left(rooms, night));
                        should["lowest_price"] = amount(*lowest);
                    }
                    prop_assert_eq!(shown, &should, "{} from the {}", night, source);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_offered_can_be_quoted_and_what_cannot_be_quoted_is_not_offered(
        hotel in hotel(),
        seconds in -43_200..129_600_i64,
        wishes in prop::collection::vec(asked(), 12),
    ) {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(i64::from(DAY)) + TimeDelta::seconds(seconds);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(hotel, now, wishes))?;
    }
}

#[tokio::test]
async fn whoever_asks_why_is_told_that_a_sum_is_larger_than_any_amount_of_money() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let reached = Reached {
        version: Version::from_bits(7),
        at_ms: now.timestamp_millis(),
    };
    of.seed(&hotel, reached).await;
    of.apply(&[hotel.price(200, "u", "2026-12-24", contract::money::MINOR_MAX)])
        .await;
    let front = Front::at(&of, of.cache.clone(), "http://127.0.0.1:1", now);
    for (rooms, sold, told) in [(1, 1, json!([])), (2, 0, json!(["invalid_amount"]))] {
        let path = format!(
            "/v1/hotels/{}/availability?check_in=2026-12-24&check_out=2026-12-25&adults=2&rooms={rooms}&explain=all",
            hotel.hotel
        );
        let (status, body) = front.get(&path).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["room_types"].as_array().unwrap().len(), sold, "{body}");
        let not_sold = body["not_sold"].as_array().unwrap().iter();
        let codes = not_sold.map(|one| one["blocked_by"][0]["code"].clone());
        assert_eq!(Value::Array(codes.collect()), told, "{body}");
    }
}
