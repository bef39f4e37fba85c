//! The endpoints, one file each, and what they share.

use std::borrow::Cow;

use chrono::TimeDelta;
use platform::access::{Class, Kind, Place, Row};
use platform::http::{PageLimit, Problem};
use platform::token::Tokens;
use platform::{Clock, operations};
use serde::Serialize;
use sqlx::postgres::PgPool;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

mod create_hotel;
mod create_quote;
mod create_rate_plan;
mod create_room_type;
mod fields;
mod get_hotel;
mod get_rate_plan;
mod get_room_type;
mod list_hotels;
mod list_prices;
mod list_rate_plans;
mod list_room_types;
#[cfg(test)]
mod repeat_tests;
mod set_prices;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) pool: PgPool,
    pub(crate) tokens: Tokens,
    pub(crate) clock: Clock,
    pub(crate) quote_ttl: TimeDelta,
}

impl App {
    async fn connection(&self) -> Result<platform::db::Lease, Problem> {
        platform::db::lease(&self.pool)
            .await
            .map_err(|error| platform::Broken::from(error).into())
    }
}

/// Who writes what a hotel is: its staff, partners that were granted it, and operators.
const WRITES: Row = Row::of(&[Kind::Staff, Kind::Partner, Kind::Operator])
    .class(Class::Desk)
    .cost(5);

operations! { pub(crate) App;
    CreateHotel = create_hotel::create_hotel: Row::of(&[Kind::Operator]).class(Class::Desk).cost(10).found_by(Place::Root),
    ListHotels = list_hotels::list_hotels: Row::anyone().cost(5).found_by(Place::All),
    GetHotel = get_hotel::get_hotel: Row::anyone(),
    CreateRoomType = create_room_type::create_room_type: WRITES,
    ListRoomTypes = list_room_types::list_room_types: Row::anyone(),
    CreateRatePlan = create_rate_plan::create_rate_plan: WRITES,
    ListRatePlans = list_rate_plans::list_rate_plans: Row::anyone(),
    GetRoomType = get_room_type::get_room_type: Row::anyone(),
    GetRatePlan = get_rate_plan::get_rate_plan: Row::anyone(),
    SetPrices = set_prices::set_prices: WRITES.cost(10),
    ListPrices = list_prices::list_prices: Row::anyone().cost(5),
    CreateQuote = create_quote::create_quote: Row::anyone().class(Class::Booking).cost(5).found_by(Place::Body),
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T: ToSchema> {
    /// The rows.
    items: Vec<T>,
    /// Send it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A page of hotels is a `HotelPage` whose items are `Hotel`: utoipa would write both out without a name.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let rows = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let next = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "Send it as `cursor` to get the next page; absent on the last.",
        ));
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", rows.description(Some("The rows.")))
            .required("items")
            .property("next_cursor", next)
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> Page<T> {
    /// A page of rows read with `limit.rows_and_one()`; `key` is the key by which they are sorted.
    fn new<K: Serialize>(mut items: Vec<T>, limit: PageLimit, key: impl Fn(&T) -> K) -> Self {
        let next_cursor = limit.cut(&mut items, key);
        Self { items, next_cursor }
    }
}

/// Refuses a list that is too long.
fn at_most<T>(list: &[T], max: usize, pointer: &str) -> Result<(), Problem> {
    if list.len() <= max {
        Ok(())
    } else {
        Err(Problem::invalid_field(
            pointer,
            format!("At most {max} are allowed here."),
        ))
    }
}

/// 404, with the field that names what is not there.
fn unknown(what: &str, pointer: &str) -> Problem {
    Problem::not_found(what).at(pointer)
}

#[cfg(test)]
mod edges_tests;
