//! `GET /v1/hotels/{hotel_id}/calendar`: one room type, night by night, for up to a year.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use contract::range::nights_between;
use contract::refusal::Code;
use contract::{Currency, HotelId, Money, RoomTypeId, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;
use rules::{Ask, Facts, Today};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{json, night_names, required};
use crate::layout::Days;
use crate::service::{Freshness, Service};

/// Nights in one calendar at most.
const NIGHTS_MAX: u32 = 366;
/// Bytes that one night takes in the answer.
const NIGHT_BYTES: usize = 120;

/// Which room type, and when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// The room type.
    #[param(required = true, value_type = RoomTypeId)]
    room_type_id: Option<RoomTypeId>,
    /// The first night.
    #[param(required = true, value_type = StayDate, example = "2026-12-01")]
    from: Option<StayDate>,
    /// The day after the last night, at most 366 days later.
    #[param(required = true, value_type = StayDate, example = "2027-01-01")]
    to: Option<StayDate>,
}

/// A room type's nights.
#[derive(Debug, Serialize, ToSchema)]
pub struct Calendar<'a> {
    /// The hotel.
    hotel_id: HotelId,
    /// The room type.
    room_type_id: RoomTypeId,
    /// Its name.
    #[schema(example = "Double room")]
    name: &'a str,
    /// The hotel's currency.
    currency: Currency,
    /// Every night from `from` up to but without `to`.
    nights: Vec<CalendarNight<'a>>,
    /// How fresh this is.
    freshness: Freshness,
}

/// One night.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarNight<'a> {
    /// The night.
    #[schema(value_type = StayDate)]
    night: &'a str,
    /// Rooms left for whoever arrives that day; 0 also where no stay of this night can be quoted: before today at the
    /// hotel, more than 730 days ahead, without a price, or where the hotel offers no rooms.
    #[schema(example = 4)]
    rooms_left: u64,
    /// The lowest price of one room in any rate plan, before taxes; absent where none is set or the night cannot be
    /// quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    lowest_price: Option<Money>,
}

problems!(Problems: Common::NotFound, Code::EmptyRange, Code::RangeTooLong);

/// A room type's calendar
///
/// Rooms left and the lowest price, night by night, as a stay of that one night can be quoted. Answers from the cache, with how fresh it is; from
/// the database when the cache is away or empty.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/calendar",
    tag = "Availability",
    operation_id = "get_calendar",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), Query),
    responses(
        (status = 200, description = "The nights.", body = Calendar<'static>),
        Problems,
    )
)]
pub async fn get(
    _: Allowed<super::GetCalendar>,
    State(service): State<Arc<Service>>,
    StrictPath(hotel): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Response, Problem> {
    let room_type_id = required("room_type_id", query.room_type_id)?;
    let from = required("from", query.from)?;
    let to = required("to", query.to)?;
    nights_between(from, to, NIGHTS_MAX).map_err(|why| why.tell(Problem::refused).at("to"))?;
    let days = Days::between(from, to);
    let (seen, freshness) = service.read(hotel, days, |id, _| id == room_type_id).await?;
    let found = seen
        .room_types
        .first()
        .and_then(|nights| Some((seen.catalogue.room_types.get(nights.index)?, nights)));
    let Some(((_, facts), nights)) = found else {
        return Err(Problem::not_found("room type in this hotel").at("room_type_id"));
    };
    let currency = seen.catalogue.hotel.currency;
    let today = service.today(&seen.catalogue.hotel)?;
    let names = night_names(from, days.count());
    let lowest_price = |night: usize| {
        let lowest = nights
            .prices
            .iter()
            .filter_map(|prices| *prices.get(night)?)
            .min()?;
        Money::from_minor(i64::try_from(lowest).ok()?, currency).ok()
    };
    let described = names.iter().zip(0_u32..).map(|(night, offset)| {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let lowest_price = lowest_price(at).filter(|_| is_quoted(today, from.plus_days(offset)));
        let left = nights.left.get(at).copied().flatten().unwrap_or(0);
        CalendarNight {
            night,
            rooms_left: if lowest_price.is_some() { left } else { 0 },
            lowest_price,
        }
    });
    let answer = Calendar {
        hotel_id: hotel,
        room_type_id,
        name: &facts.name,
        currency,
        nights: described.collect(),
        freshness,
    };
    Ok(json(&answer, 512 + names.len() * NIGHT_BYTES))
}

/// Whether a stay of this one night, which has a price, would be quoted to somebody.
fn is_quoted(today: Today, night: StayDate) -> bool {
    let stay = rules::dates::stay(night, night.plus_days(1));
    stay.is_ok_and(|stay| {
        let (rooms, party) = (1, None);
        let facts = Facts {
            today: Some(today),
            ..Facts::default()
        };
        rules::first(&Ask { stay, rooms, party }, &facts).is_none()
    })
}
