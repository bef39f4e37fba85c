//! The hotel of the file: its room types, one rate plan per deposit type, inventory and prices.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use reqwest::Method;
use serde_json::{Value, json};

use super::file::Deposit;
use super::plan::Plan;
use crate::client::Client;

/// Nights in one request at most.
const NIGHTS_PER_REQUEST: usize = 300;
/// Adults and children that one room takes; the file's few larger parties are groups in many rooms.
const ADULTS_MAX: u16 = 4;
const CHILDREN_MAX: u16 = 3;

/// The hotel as the platform named it.
#[derive(Debug, Clone)]
pub(crate) struct Resort {
    pub(crate) hotel_id: HotelId,
    pub(crate) room_types: BTreeMap<String, RoomTypeId>,
    pub(crate) rate_plans: BTreeMap<Deposit, RatePlanId>,
}

/// Creates the hotel of `plan`.
pub(crate) async fn hotel(client: &Client, plan: &Plan) -> anyhow::Result<Resort> {
    let body = json!({
        "name": "Resort Hotel (replay)",
        "address": "Praia da Rocha, 8500-802 Portimão, Portugal",
        "time_zone": "Europe/Lisbon",
        "currency": "EUR",
    });
    let hotel_id: HotelId = id(
        &client.write(Method::POST, "/v1/hotels", &body).await?,
        "hotel_id",
    )?;
    let mut hotel = Resort {
        hotel_id,
        room_types: BTreeMap::new(),
        rate_plans: BTreeMap::new(),
    };
    for deposit in Deposit::ALL {
        let path = format!("/v1/hotels/{hotel_id}/rate-plans");
        let made: Value = client.write(Method::POST, &path, &rate_plan(deposit)).await?;
        hotel.rate_plans.insert(deposit, id(&made, "rate_plan_id")?);
    }
    for (name, rooms) in &plan.rooms {
        let room_type_id = room_type(client, hotel_id, name).await?;
        hotel.room_types.insert(name.clone(), room_type_id);
        inventory(client, hotel_id, room_type_id, *rooms, plan.nights).await?;
    }
    for ((name, deposit), nights) in &plan.prices {
        let room_type_id = hotel
            .room_types
            .get(name)
            .context("a price without a room type")?;
        let rate_plan_id = hotel
            .rate_plans
            .get(deposit)
            .context("a price without a rate plan")?;
        prices(client, hotel_id, *room_type_id, *rate_plan_id, nights).await?;
    }
    Ok(hotel)
}

fn rate_plan(deposit: Deposit) -> Value {
    match deposit {
        Deposit::None => json!({
            "name": "No deposit",
            "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "first_night"}},
        }),
        Deposit::Refundable => {
            json!({"name": "Refundable deposit", "cancellation_policy": {"penalty": {"kind": "percent", "percent": 50}}})
        }
        Deposit::NonRefundable => {
            json!({"name": "Non-refundable", "cancellation_policy": {"penalty": {"kind": "full"}}})
        }
    }
}

async fn room_type(client: &Client, hotel_id: HotelId, name: &str) -> anyhow::Result<RoomTypeId> {
    let body = json!({
        "name": format!("Room type {name}"),
        "beds": ["double"],
        "adults_max": ADULTS_MAX,
        "children_max": CHILDREN_MAX,
    });
    let path = format!("/v1/hotels/{hotel_id}/room-types");
    id(&client.write(Method::POST, &path, &body).await?, "room_type_id")
}

async fn inventory(
    client: &Client,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    rooms: u32,
    (first, last): (StayDate, StayDate),
) -> anyhow::Result<()> {
    let path = format!("/v1/hotels/{hotel_id}/room-types/{room_type_id}/inventory");
    let end = last.plus_days(1);
    let mut from = first;
    while from < end {
        let to = from.plus_days(u32::try_from(NIGHTS_PER_REQUEST)?).min(end);
        let body = json!({"from": from, "to": to, "total": rooms});
        client.write::<Value>(Method::PUT, &path, &body).await?;
        from = to;
    }
    Ok(())
}

async fn prices(
    client: &Client,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    rate_plan_id: RatePlanId,
    nights: &BTreeMap<StayDate, i64>,
) -> anyhow::Result<()> {
    let euro: Currency = "EUR".parse()?;
    let path = format!("/v1/hotels/{hotel_id}/prices");
    let nights: Vec<(&StayDate, &i64)> = nights.iter().collect();
    for chunk in nights.chunks(NIGHTS_PER_REQUEST) {
        let priced: anyhow::Result<Vec<Value>> = chunk
            .iter()
            .map(|(night, cents)| Ok(json!({"night": night, "price": Money::from_minor(**cents, euro)?})))
            .collect();
        let body = json!({"room_type_id": room_type_id, "rate_plan_id": rate_plan_id, "nights": priced?});
        client.write::<Value>(Method::PUT, &path, &body).await?;
    }
    Ok(())
}

fn id<T: std::str::FromStr>(body: &Value, field: &str) -> anyhow::Result<T> {
    let text = body.get(field).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok())
        .with_context(|| format!("the platform's answer has no {field}"))
}
