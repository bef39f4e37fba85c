//! `GET /v1/hotels/{hotel_id}/availability`: what a party can book for a stay.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use contract::number::{within, within_or_none};
use contract::quote::{PARTY_MAX, Party};
use contract::refusal::Code;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;
use rules::limits::ROOMS_MAX;
use rules::{Ask, Blocked, Facts, Today};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::explain::{self, Explain, NotSold};
use super::{facts_of, json, night_names, offered_by_hotel, refused, required};
use crate::catalogue::RoomTypeFacts;
use crate::layout::Days;
use crate::model::{fewest, sum_of_all};
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
    /// Tells in `not_sold` why the rest is not on offer: `first`, the reason by which a quote or a hold would refuse it, or
    /// `all` that are known. Nothing is told when not said.
    #[param(inline, example = "first")]
    explain: Option<Explain>,
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
    /// With `explain`, each room type and rate plan that is not listed, with what stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_sold: Option<Vec<NotSold<'a>>>,
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

problems!(Problems:
    Common::NotFound, Code::InvalidStay, Code::StayTooLong, Code::StayInPast, Code::StayTooFarAhead,
    Code::PartyTooSmall,
);

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
        Problems,
    )
)]
pub async fn get(
    _: Allowed<super::GetAvailability>,
    State(service): State<Arc<Service>>,
    StrictPath(hotel): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Response, Problem> {
    let ask = ask(&query)?;
    let stay = ask.stay;
    let days = Days::between(stay.check_in(), stay.check_out());
    let (seen, freshness) = service
        .read(hotel, days, |_, facts| {
            query.explain.is_some() || rules::first(&ask, &of_room_type(None, facts)).is_none()
        })
        .await?;
    let today = service.today(&seen.catalogue.hotel)?;
    offered_by_hotel(&ask, today)?;
    let names = night_names(stay.check_in(), days.count());
    let asked = Asked {
        seen: &seen,
        ask: &ask,
        today,
        explain: query.explain,
        names: &names,
    };
    let (room_types, not_sold) = asked.offers();
    let answer = Availability {
        hotel_id: hotel,
        check_in: stay.check_in(),
        check_out: stay.check_out(),
        currency: seen.catalogue.hotel.currency,
        room_types,
        not_sold: query.explain.map(|_| not_sold),
        freshness,
    };
    let rates: usize = answer
        .room_types
        .iter()
        .map(|room_type| 3 + room_type.rates.len() * (names.len() + 3))
        .sum();
    Ok(json(&answer, 512 + rates * NIGHT_BYTES))
}

fn ask(query: &Query) -> Result<Ask, Problem> {
    let check_in = required("check_in", query.check_in)?;
    let check_out = required("check_out", query.check_out)?;
    let stay = rules::dates::stay(check_in, check_out).map_err(refused)?;
    let party = Party {
        adults: required("adults", query.adults)?,
        children: query.children,
    };
    Ask::new(stay, query.rooms, party).map_err(refused)
}

/// What the catalogue says of a room type.
fn of_room_type(today: Option<Today>, facts: &RoomTypeFacts) -> Facts<'static> {
    Facts {
        today,
        capacity: Some(facts.capacity()),
        ..Facts::default()
    }
}

/// What an answer is made of.
struct Asked<'a> {
    seen: &'a Seen,
    ask: &'a Ask,
    today: Today,
    explain: Option<Explain>,
    names: &'a [String],
}

impl<'a> Asked<'a> {
    /// What may be sold; and, where somebody wants to know, what not.
    fn offers(&self) -> (Vec<AvailableRoomType<'a>>, Vec<NotSold<'a>>) {
        let mut not_sold = Vec::new();
        let described = self.seen.room_types.iter().filter_map(|nights| {
            let (room_type_id, facts) = self.seen.catalogue.room_types.get(nights.index)?;
            let against = |rate_plan_id, blocked: &[Blocked]| NotSold {
                room_type_id: *room_type_id,
                name: &facts.name,
                rate_plan_id,
                blocked_by: explain::told(blocked),
            };
            let rates = self.rates(nights, facts, |rate_plan_id, blocked| {
                not_sold.push(against(rate_plan_id, blocked));
            });
            // Without a price there is no quote, so that there is nothing on offer.
            (!rates.is_empty()).then(|| AvailableRoomType {
                room_type_id: *room_type_id,
                name: &facts.name,
                rooms_left: fewest(&nights.left),
                fits: true,
                rates,
            })
        });
        (described.collect(), not_sold)
    }

    /// The rate plans in which a room type may be sold; the others are told to `not_sold` where somebody wants to know.
    fn rates(
        &self,
        nights: &RoomTypeNights,
        room_type: &RoomTypeFacts,
        mut not_sold: impl FnMut(Option<RatePlanId>, &[Blocked]),
    ) -> Vec<Rate<'a>> {
        let currency = self.seen.catalogue.hotel.currency;
        let against = |prices: &[Option<u64>], total: Option<Money>| {
            let too_expensive = total.is_none() && prices.iter().all(Option::is_some);
            let facts = Facts {
                nights: &facts_of(&nights.left, prices),
                // Taxes are not known here, so that it is known only when the total is too large without them.
                payable: too_expensive.then_some(false),
                ..of_room_type(Some(self.today), room_type)
            };
            explain::reasons(self.explain, self.ask, &facts)
        };
        if self.explain.is_some() && nights.prices.is_empty() {
            not_sold(None, &against(&vec![None; nights.left.len()], None));
        }
        let plans = self.seen.catalogue.rate_plans.iter().zip(&nights.prices);
        let sold = plans.filter_map(|((id, plan), prices)| {
            let total = total(currency, prices, self.ask.rooms);
            let blocked = against(prices, total);
            if self.explain.is_some() && !blocked.is_empty() {
                not_sold(Some(*id), &blocked);
            }
            let total = total.filter(|_| blocked.is_empty())?;
            rate(*id, &plan.name, prices, total, self.names)
        });
        sold.collect()
    }
}

/// All nights in all rooms, when every night has a price and the sum is an amount of money.
fn total(currency: Currency, prices: &[Option<u64>], rooms: u16) -> Option<Money> {
    let minor = i64::try_from(sum_of_all(prices)?).ok()?;
    let one_room = Money::from_minor(minor, currency).ok()?;
    one_room.times(u32::from(rooms)).ok()
}

fn rate<'a>(
    rate_plan_id: RatePlanId,
    name: &'a str,
    prices: &[Option<u64>],
    total_before_taxes: Money,
    names: &'a [String],
) -> Option<Rate<'a>> {
    let currency = total_before_taxes.currency();
    let money = |minor: u64| Money::from_minor(i64::try_from(minor).ok()?, currency).ok();
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
