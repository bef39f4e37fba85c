//! The endpoints of the inventory service, one file each.

mod get_inventory;
mod set_inventory;

use contract::StayDate;
use contract::range::nights_between;
use platform::access::{Class, Kind, Row};
use platform::http::Problem;
use platform::{Clock, operations};
use sqlx::PgPool;

use crate::catalogue::Catalogue;

/// The most nights that one request may be about.
const NIGHTS_MAX: u32 = 400;

/// What the endpoints work with.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    /// The schema's connections.
    pub(crate) pool: PgPool,
    /// Tells which nights are past.
    pub(crate) clock: Clock,
    /// Tells which hotels and room types there are.
    pub(crate) catalogue: Catalogue,
}

operations! { pub(crate) Rooms;
    SetInventory = set_inventory::set_inventory:
        Row::of(&[Kind::Staff, Kind::Partner, Kind::Operator]).class(Class::Desk).cost(10),
    GetInventory = get_inventory::get_inventory:
        Row::of(&[Kind::Staff, Kind::Partner, Kind::Service, Kind::Viewer]).class(Class::Desk).cost(5),
}

/// Checks that `to` is 1 to [`NIGHTS_MAX`] nights after `from`.
fn range(from: StayDate, to: StayDate, pointer: &str) -> Result<(), Problem> {
    nights_between(from, to, NIGHTS_MAX)
        .map(drop)
        .map_err(|why| why.tell(Problem::refused).at(pointer))
}
