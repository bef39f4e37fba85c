//! `bellhop seed --any-shape`: hotels of every shape there is, in turn.

use std::process::ExitCode;

use contract::StayDate;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::{Value, json};

use super::text;
use crate::client::Client;
use crate::say;

/// Hotels that are made at once.
const AT_ONCE: usize = 8;
/// In which the hotels stand: from the first to the last midnight on earth.
const ZONES: [&str; 5] = [
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Pago_Pago",
];

/// How much of something there is.
#[derive(Debug, Clone, Copy)]
enum Set {
    Nothing,
    OneNight,
    Month,
}

/// What a hotel has.
#[derive(Debug, Clone, Copy)]
struct Shape {
    room_types: u32,
    rate_plans: u32,
    nights: Set,
    prices: Set,
    zone: &'static str,
}

impl Shape {
    /// Every shape comes once in each 108 hotels.
    fn of(number: u32) -> Self {
        let set = |number: u32| match number % 3 {
            0 => Set::Nothing,
            1 => Set::OneNight,
            _ => Set::Month,
        };
        let zone = usize::try_from(number).unwrap_or(0) % ZONES.len();
        Self {
            room_types: number % 4,
            rate_plans: number / 4 % 3,
            nights: set(number / 12),
            prices: set(number / 36),
            zone: ZONES[zone],
        }
    }
}

/// Creates `hotels` hotels, with rooms and prices from a week after `from`.
pub(super) async fn create(
    client: &Client,
    hotels: u32,
    from: StayDate,
    bar: &ProgressBar,
) -> anyhow::Result<ExitCode> {
    let made = stream::iter(0..hotels).map(|number| async move {
        hotel(client, number, from.plus_days(7)).await?;
        bar.inc(1);
        anyhow::Ok(())
    });
    made.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    bar.finish_and_clear();
    say::line(format!("created {hotels} hotels of every shape"));
    Ok(ExitCode::SUCCESS)
}

async fn hotel(client: &Client, number: u32, from: StayDate) -> anyhow::Result<()> {
    let shape = Shape::of(number);
    let add = async |path: &str, body: &Value, id: &str| {
        let made: Value = client.write(Method::POST, path, body).await?;
        text(&made, id)
    };
    let body = json!({
        "name": format!("Hotel of any shape {number}"), "address": "Anywhere 1", "time_zone": shape.zone,
        "currency": "EUR", "taxes": [],
    });
    let hotel = add("/v1/hotels", &body, "hotel_id").await?;
    let of = format!("/v1/hotels/{hotel}");
    let mut plans = Vec::new();
    for plan in 0..shape.rate_plans {
        let body =
            json!({"name": format!("Plan {plan}"), "cancellation_policy": {"penalty": {"kind": "full"}}});
        plans.push(add(&format!("{of}/rate-plans"), &body, "rate_plan_id").await?);
    }
    for room_type in 0..shape.room_types {
        let body = json!({"name": format!("Room {room_type}"), "beds": ["double"], "adults_max": 2, "children_max": 1});
        let room_type = add(&format!("{of}/room-types"), &body, "room_type_id").await?;
        if let Some(nights) = count(shape.nights) {
            let path = format!("{of}/room-types/{room_type}/inventory");
            let body = json!({"from": from, "to": from.plus_days(nights), "total": 9});
            client.write::<Value>(Method::PUT, &path, &body).await?;
        }
        if let Some(nights) = count(shape.prices) {
            let price = json!({"amount": "90.00", "currency": "EUR"});
            let night = |offset| json!({"night": from.plus_days(offset), "price": price});
            let nights: Vec<Value> = (0..nights).map(night).collect();
            for plan in &plans {
                let body = json!({"room_type_id": room_type, "rate_plan_id": plan, "nights": nights});
                client
                    .write::<Value>(Method::PUT, &format!("{of}/prices"), &body)
                    .await?;
            }
        }
    }
    Ok(())
}

const fn count(set: Set) -> Option<u32> {
    match set {
        Set::Nothing => None,
        Set::OneNight => Some(1),
        Set::Month => Some(30),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_shape_comes_once_in_108_hotels() {
        let shapes: BTreeSet<String> = (0..108)
            .map(|number| {
                let shape = Shape::of(number);
                format!(
                    "{} {} {:?} {:?}",
                    shape.room_types, shape.rate_plans, shape.nights, shape.prices
                )
            })
            .collect();
        assert_eq!(shapes.len(), 108);
    }
}
