//! `GET /v1/hotels/{hotel_id}/inventory`: how many rooms there are, straight from the tables.

use axum::Json;
use axum::extract::State;
use contract::refusal::Code;
use contract::{HotelId, RoomTypeId, StayDate, Why};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Rooms, range};
use crate::store::{self, NightRow};

/// Nights of all room types together that one answer holds.
const ROWS_MAX: usize = 100_000;

/// Which nights.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The first night.
    #[param(value_type = StayDate, example = "2026-12-24")]
    from: StayDate,
    /// The night after the last, at most 400 nights after `from`.
    #[param(value_type = StayDate, example = "2026-12-27")]
    to: StayDate,
    /// Only this room type.
    #[param(value_type = Option<RoomTypeId>)]
    room_type_id: Option<RoomTypeId>,
}

/// The rooms of one type in one night.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InventoryNight {
    room_type_id: RoomTypeId,
    night: StayDate,
    /// Rooms that exist.
    #[schema(example = 20, minimum = 0)]
    total: i32,
    /// Rooms on hold for bookings that are under way.
    #[schema(example = 1, minimum = 0)]
    held: i32,
    /// Rooms sold.
    #[schema(example = 12, minimum = 0)]
    sold: i32,
    /// Rooms that can still be taken: 110 % of `total`, rounded down, less `held` and `sold`; 0 when closed.
    #[schema(example = 9, minimum = 0)]
    left: u32,
    /// Whether the hotel sells nothing more for this night.
    closed: bool,
}

/// The nights that the hotel offers, by room type and date; nights never offered are not listed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Inventory {
    items: Vec<InventoryNight>,
}

impl From<NightRow> for InventoryNight {
    fn from(
        NightRow {
            room_type_id,
            night,
            rooms,
        }: NightRow,
    ) -> Self {
        let left = rooms.left();
        Self {
            room_type_id,
            night,
            total: rooms.total,
            held: rooms.held,
            sold: rooms.sold,
            left,
            closed: rooms.closed,
        }
    }
}

problems!(Problems: Common::NotFound, Code::EmptyRange, Code::RangeTooLong, Code::TooManyNights);

/// List a hotel's rooms by night
///
/// From the tables, not from a cache. A hotel that offers nothing in these nights has an empty list.
#[utoipa::path(
    get, path = "/v1/hotels/{hotel_id}/inventory", tag = "Inventory",
    params(("hotel_id" = HotelId, Path, description = "The hotel"), Which),
    responses(
        (status = 200, description = "The nights, by room type and date", body = Inventory),
        Problems,
    )
)]
pub(super) async fn get_inventory(
    allowed: Allowed<super::GetInventory>,
    State(rooms): State<Rooms>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<Inventory>, Problem> {
    allowed.sees.require_hotel(hotel_id.uuid())?;
    range(which.from, which.to, "to")?;
    let limit = i64::try_from(ROWS_MAX + 1).unwrap_or(i64::MAX);
    let nights = (which.from, which.to);
    let rows = store::nights_of(&rooms.pool, hotel_id, which.room_type_id, nights, limit).await?;
    if rows.len() > ROWS_MAX {
        let most = u32::try_from(ROWS_MAX).unwrap_or(u32::MAX);
        return Err(Why::TooManyNights { most }.tell(Problem::refused).at("to"));
    }
    if rows.is_empty() {
        rooms.catalogue.offers(hotel_id, which.room_type_id).await?;
    }
    let items = rows.into_iter().map(InventoryNight::from).collect();
    Ok(Json(Inventory { items }))
}
