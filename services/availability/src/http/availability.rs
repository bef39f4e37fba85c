//! `GET /v1/hotels/{hotel_id}/availability`: what a party can book for a stay.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use contract::number::{within, within_or_none};
use contract::offer::ROOMS_MAX;
use contract::quote::PARTY_MAX;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, Stay, StayDate, offer};
use platform::http::{Caller, Problem, ProblemBody, StrictPath, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{json, night_names, refused, required};
use crate::layout::Days;
use crate::model::{Wish, fewest, sum_of_all};
use crate::nights::{RoomTypeNights, Seen};
use crate::service::{Freshness, Service};

/// Bytes that one night of one rate takes in the answer.
const NIGHT_BYTES: usize = 80;

/// Who wants to stay when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// The day of arrival, from today at the hotel up to 730 days ahead.
    #[param(required = true, value_type = StayDate, example = "2026-12-24")]
    check_in: Option<StayDate>,
    /// The day of departure, at most 30 nights later.
    #[param(required = true, value_type = StayDate, example = "2026-12-27")]
    check_out: Option<StayDate>,
    /// Adults in all rooms together.
    #[param(required = true, value_type = u16, minimum = 1, maximum = 36, example = 2)]
    #[serde(default, deserialize_with = "within_or_none::<1, PARTY_MAX, _, _>")]
    adults: Option<u16>,
    /// Children in all rooms together; none when not said.
    #[param(value_type = Option<u16>, minimum = 0, maximum = 36, example = 0)]
    #[serde(default, deserialize_with = "within::<0, PARTY_MAX, _, _>")]
    children: u16,
    /// Rooms; 1 when not said. Each needs an adult.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 9, example = 1)]
    #[serde(default = "one", deserialize_with = "within::<1, ROOMS_MAX, _, _>")]
    rooms: u16,
}

const fn one() -> u16 {
    1
}

/// What can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Availability<'a> {
    /// The hotel.
    hotel_id: HotelId,
    /// The day of arrival.
    check_in: StayDate,
    /// The day of departure.
    check_out: StayDate,
    /// The hotel's currency.
    currency: Currency,
    /// The room types that take the party, have enough rooms left in every night and a price for every night in at
    /// least one rate plan, oldest first: each can be quoted.
    room_types: Vec<AvailableRoomType<'a>>,
    /// How fresh this is.
    freshness: Freshness,
}

/// A room type that can be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct AvailableRoomType<'a> {
    /// The room type.
    room_type_id: RoomTypeId,
    /// Its name.
    #[schema(example = "Double room")]
    name: &'a str,
    /// Rooms left in the night that has the fewest.
    #[schema(example = 4)]
    rooms_left: u64,
    /// That the party fits into the rooms asked for; room types that are too small are not listed.
    #[schema(example = true)]
    fits: bool,
    /// The rate plans that have a price for every night; at least one.
    rates: Vec<Rate<'a>>,
}

/// What a stay costs in one rate plan, before taxes.
#[expect(clippy::struct_field_names, reason = "the names of the interface")]
#[derive(Debug, Serialize, ToSchema)]
pub struct Rate<'a> {
    /// The rate plan.
    rate_plan_id: RatePlanId,
    /// Its name.
    #[schema(example = "Flexible")]
    name: &'a str,
    /// The price of one room each night.
    nights: Vec<RateNight<'a>>,
    /// All nights in all rooms, before taxes; the quote says what is charged.
    total_before_taxes: Money,
}

/// The price of one room for one night, before taxes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateNight<'a> {
    /// The night.
    #[schema(value_type = StayDate)]
    night: &'a str,
    /// The price of one room.
    price: Money,
}

/// What can be booked for a stay
///
/// What is listed can be quoted, and what a quote refuses is not listed: a stay that begins in the past at the hotel or
/// too far ahead, or a party with fewer adults than rooms, is refused here with the code of the quote.
///
/// Answers from the cache, with how fresh it is; from the database when the cache is away or empty.
/// Nothing is promised: rooms are counted again when they are booked.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/availability",
    tag = "Availability",
    operation_id = "get_availability",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), Query),
    responses(
        (status = 200, description = "What can be booked.", body = Availability<'static>),
        (status = 404, description = "`not_found`: there is no such hotel", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_stay`, `stay_too_long`, `stay_in_past`, `stay_too_far_ahead`, `party_too_small`, `invalid_field`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: too many ask while the cache is away; come back", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    State(service): State<Arc<Service>>,
    _: Caller,
    StrictPath(hotel): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Response, Problem> {
    let stay = stay(&query)?;
    let wish = Wish {
        adults: required("adults", query.adults)?,
        children: query.children,
        rooms: query.rooms,
    };
    offer::check_party(wish.party(), wish.rooms).map_err(refused)?;
    let days = Days::between(stay.check_in(), stay.check_out());
    let (seen, freshness) = service
        .read(hotel, days, |_, facts| {
            wish.fits(facts.adults_max, facts.children_max)
        })
        .await?;
    let arrivals = service.arrivals(&seen.catalogue.hotel)?;
    arrivals.check(stay.check_in()).map_err(refused)?;
    let names = night_names(stay.check_in(), days.count());
    let answer = Availability {
        hotel_id: hotel,
        check_in: stay.check_in(),
        check_out: stay.check_out(),
        currency: seen.catalogue.hotel.currency,
        room_types: room_types(&seen, wish, &names),
        freshness,
    };
    let rates: usize = answer
        .room_types
        .iter()
        .map(|room_type| 3 + room_type.rates.len() * (names.len() + 3))
        .sum();
    Ok(json(&answer, 512 + rates * NIGHT_BYTES))
}

fn stay(query: &Query) -> Result<Stay, Problem> {
    let check_in = required("check_in", query.check_in)?;
    let check_out = required("check_out", query.check_out)?;
    offer::stay(check_in, check_out).map_err(refused)
}

fn room_types<'a>(seen: &'a Seen, wish: Wish, names: &'a [String]) -> Vec<AvailableRoomType<'a>> {
    let enough = |nights: &&RoomTypeNights| fewest(&nights.left) >= u64::from(wish.rooms);
    let described = seen.room_types.iter().filter(enough).filter_map(|nights| {
        let (room_type_id, facts) = seen.catalogue.room_types.get(nights.index)?;
        let plans = seen.catalogue.rate_plans.iter().zip(&nights.prices);
        let rates = plans.filter_map(|((id, plan), prices)| {
            rate(
                seen.catalogue.hotel.currency,
                *id,
                &plan.name,
                prices,
                wish.rooms,
                names,
            )
        });
        let rates: Vec<Rate<'_>> = rates.collect();
        // Without a price there is no quote, so that there is nothing on offer.
        (!rates.is_empty()).then(|| AvailableRoomType {
            room_type_id: *room_type_id,
            name: &facts.name,
            rooms_left: fewest(&nights.left),
            fits: true,
            rates,
        })
    });
    described.collect()
}

fn rate<'a>(
    currency: Currency,
    rate_plan_id: RatePlanId,
    name: &'a str,
    prices: &[Option<u64>],
    rooms: u16,
    names: &'a [String],
) -> Option<Rate<'a>> {
    let money = |minor: u64| Money::from_minor(i64::try_from(minor).ok()?, currency).ok();
    let total_before_taxes = money(sum_of_all(prices)?)?.times(u32::from(rooms)).ok()?;
    let nights = names.iter().zip(prices).map(|(night, price)| {
        Some(RateNight {
            night,
            price: money((*price)?)?,
        })
    });
    Some(Rate {
        rate_plan_id,
        name,
        nights: nights.collect::<Option<_>>()?,
        total_before_taxes,
    })
}
