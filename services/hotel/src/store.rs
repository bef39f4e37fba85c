//! Every SQL statement of the schema hotel, one per function.

mod hotels;
mod offers;
mod prices;
mod rate_plans;
mod room_types;

use platform::Broken;

pub(crate) use hotels::{add_hotel, hotel, hotels};
pub(crate) use offers::{Offers, offers};
pub(crate) use prices::{Prices, prices, set_prices};
pub(crate) use rate_plans::{add_rate_plan, rate_plan, rate_plans};
pub(crate) use room_types::{add_room_type, room_type, room_types};

fn inconsistent(what: impl std::fmt::Display) -> Broken {
    Broken::Inconsistent(what.to_string())
}

fn small(number: i32) -> Result<u16, Broken> {
    u16::try_from(number).map_err(inconsistent)
}
