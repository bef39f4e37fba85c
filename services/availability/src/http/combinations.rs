//! `GET /v1/hotels/{hotel_id}/combinations`: which rooms of several types fit a party that says who stays in which.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use contract::line::LINES_MAX;
use contract::quote::Party;
use contract::refusal::Code;
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;
use rules::combine::{self, Choice};
use rules::{Ask, Facts};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{facts_of, json, offered_by_hotel, refused, required};
use crate::layout::Days;
use crate::model::{fewest, sum_of_all};
use crate::nights::Seen;
use crate::service::{Freshness, Service};

/// Bytes that a line takes in the answer.
const LINE_BYTES: usize = 220;

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
    /// Room by room who stays there: adults, or adults and children with a hyphen between, and a comma between rooms.
    /// `2-1,1` is a room for two adults and a child and one for an adult. At most nine rooms.
    #[param(required = true, value_type = String, pattern = "^[1-9][0-9]?(-[0-9]{1,2})?(,[1-9][0-9]?(-[0-9]{1,2})?){0,8}$", example = "2-1,1")]
    guests: Option<Guests>,
}

/// Who stays in which room.
#[derive(Debug)]
struct Guests(Vec<Party>);

impl Guests {
    fn read(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| plain)
        };
        let room = |text: &str| {
            let (adults, children) = text.split_once('-').unwrap_or((text, "0"));
            let (adults, children) = (number(adults)?, number(children)?);
            // As the pattern says it; nobody writes 01.
            (!text.starts_with('0')).then_some(Party { adults, children })
        };
        let rooms: Vec<Party> = text.split(',').map(room).collect::<Option<_>>()?;
        (rooms.len() <= usize::from(LINES_MAX)).then_some(Self(rooms))
    }
}

impl<'de> Deserialize<'de> for Guests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let what = "the guests of 1 to 9 rooms such as 2-1,1: two adults and a child, and one adult";
        contract::text::from_text(deserializer, what, |text| Self::read(text).ok_or(what))
    }
}

/// What fits, room by room.
#[expect(clippy::struct_field_names, reason = "the names of the interface")]
#[derive(Debug, Serialize, ToSchema)]
pub struct Combinations<'a> {
    /// The hotel.
    hotel_id: HotelId,
    /// The day of arrival.
    check_in: StayDate,
    /// The day of departure.
    check_out: StayDate,
    /// The hotel's currency.
    currency: Currency,
    /// For each rate plan in which all rooms can be had at once the cheapest way, the cheapest first.
    combinations: Vec<Combination<'a>>,
    /// How fresh this is.
    freshness: Freshness,
}

/// Rooms for everybody in one rate plan: as `lines` of a quote they can be quoted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Combination<'a> {
    /// The rate plan.
    rate_plan_id: RatePlanId,
    /// Its name.
    #[schema(example = "Flexible")]
    name: &'a str,
    /// A room for each of those that were asked for, in their order.
    lines: Vec<CombinedLine<'a>>,
    /// All nights in all rooms, before taxes; the quote says what is charged.
    total_before_taxes: Money,
}

/// One room.
#[derive(Debug, Serialize, ToSchema)]
pub struct CombinedLine<'a> {
    /// The room type.
    room_type_id: RoomTypeId,
    /// Its name.
    #[schema(example = "Double room")]
    name: &'a str,
    /// Who stays there.
    party: Party,
    /// All nights in this room, before taxes.
    total_before_taxes: Money,
}

problems!(Problems:
    Common::NotFound, Code::InvalidStay, Code::StayTooLong, Code::StayInPast, Code::StayTooFarAhead,
);

/// Which rooms fit a party, room by room
///
/// Rooms may be of several types. A combination is listed when all its rooms are left in every night, each takes its
/// guests, and every night has a price: it can be quoted, by its `lines`. Nothing is promised: rooms are counted again
/// when they are booked.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/combinations",
    tag = "Availability",
    operation_id = "get_combinations",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), Query),
    responses(
        (status = 200, description = "What fits.", body = Combinations<'static>),
        Problems,
    )
)]
pub async fn get(
    _: Allowed<super::GetCombinations>,
    State(service): State<Arc<Service>>,
    StrictPath(hotel): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Response, Problem> {
    let check_in = required("check_in", query.check_in)?;
    let check_out = required("check_out", query.check_out)?;
    let Guests(parties) = required("guests", query.guests)?;
    let stay = rules::dates::stay(check_in, check_out).map_err(refused)?;
    let rooms = u16::try_from(parties.len()).unwrap_or(u16::MAX);
    let ask = Ask::new(stay, rooms, Party::together(parties.iter().copied())).map_err(|_| {
        let detail = "A booking has at most 9 rooms, 36 adults and 36 children, and an adult in every room.";
        Problem::invalid_field("guests", detail)
    })?;
    let days = Days::between(stay.check_in(), stay.check_out());
    let (seen, freshness) = service.read(hotel, days, |_, _| true).await?;
    offered_by_hotel(&ask, service.today(&seen.catalogue.hotel)?)?;
    let mut combinations: Vec<Combination<'_>> = (0..seen.catalogue.rate_plans.len())
        .filter_map(|plan| combination(&seen, plan, &ask, &parties))
        .collect();
    combinations.sort_by_key(|found| found.total_before_taxes.minor());
    let answer = Combinations {
        hotel_id: hotel,
        check_in: stay.check_in(),
        check_out: stay.check_out(),
        currency: seen.catalogue.hotel.currency,
        combinations,
        freshness,
    };
    let lines = answer.combinations.len() * (parties.len() + 1);
    Ok(json(&answer, 512 + lines * LINE_BYTES))
}

/// The cheapest rooms for everybody in this rate plan, if all of them can be had.
fn combination<'a>(seen: &'a Seen, plan: usize, ask: &Ask, parties: &[Party]) -> Option<Combination<'a>> {
    let currency = seen.catalogue.hotel.currency;
    let (rate_plan_id, facts) = seen.catalogue.rate_plans.get(plan)?;
    let one = Ask {
        rooms: 1,
        party: None,
        ..*ask
    };
    let sold = seen.room_types.iter().filter_map(|nights| {
        let (room_type_id, room_type) = seen.catalogue.room_types.get(nights.index)?;
        let prices = nights.prices.get(plan)?;
        let facts = Facts {
            nights: &facts_of(&nights.left, prices),
            ..Facts::default()
        };
        if rules::first(&one, &facts).is_some() {
            return None;
        }
        let choice = Choice {
            capacity: room_type.capacity(),
            left: fewest(&nights.left),
            price: i64::try_from(sum_of_all(prices)?).ok()?,
        };
        Some((*room_type_id, room_type.name.as_str(), choice))
    });
    let sold: Vec<_> = sold.collect();
    let choices: Vec<Choice> = sold.iter().map(|(.., choice)| *choice).collect();
    let taken = combine::cheapest(parties, &choices)?;
    let money = |minor| Money::from_minor(minor, currency).ok();
    let lines = taken.iter().zip(parties).map(|(at, party)| {
        let (room_type_id, name, choice) = sold.get(*at)?;
        Some(CombinedLine {
            room_type_id: *room_type_id,
            name,
            party: *party,
            total_before_taxes: money(choice.price)?,
        })
    });
    let total: i64 = taken.iter().map(|at| choices[*at].price).sum();
    Some(Combination {
        rate_plan_id: *rate_plan_id,
        name: &facts.name,
        lines: lines.collect::<Option<_>>()?,
        total_before_taxes: money(total)?,
    })
}

#[cfg(test)]
mod tests {
    use super::Guests;

    #[test]
    fn guests_are_told_room_by_room() {
        let read = |text: &str| {
            let Guests(rooms) = Guests::read(text)?;
            Some(
                rooms
                    .iter()
                    .map(|party| (party.adults, party.children))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(read("2"), Some(vec![(2, 0)]));
        assert_eq!(read("2-1,1,12-10"), Some(vec![(2, 1), (1, 0), (12, 10)]));
        for bad in [
            "",
            ",",
            "2,",
            "0",
            "01",
            "2-",
            "-1",
            "2-1-1",
            "a",
            "2 ,1",
            "100",
            "+2",
            "1,1,1,1,1,1,1,1,1,1",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
