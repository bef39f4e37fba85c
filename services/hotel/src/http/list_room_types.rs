//! `GET /v1/hotels/{hotel_id}/room-types`

use axum::Json;
use axum::extract::State;
use contract::{HotelId, RoomTypeId};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;

use super::list_hotels::PageQuery;
use super::{App, Page, unknown};
use crate::catalogue::RoomType;
use crate::store;

/// A page, by a name of its own in the document.
type RoomTypePage = Page<RoomType>;

problems!(Problems: Common::InvalidCursor, Common::NotFound);

/// List the room types of a hotel, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/room-types",
    tag = "Hotels",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), PageQuery),
    responses(
        (status = 200, description = "A page of room types.", body = RoomTypePage),
        Problems,
    )
)]
pub(super) async fn list_room_types(
    _: Allowed<super::ListRoomTypes>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<Json<Page<RoomType>>, Problem> {
    let after: Option<RoomTypeId> = query.after()?;
    let mut db = app.connection().await?;
    let room_types = store::room_types(&mut db, hotel_id, after, query.limit.rows_and_one()).await?;
    if room_types.is_empty() && store::hotel(&mut db, hotel_id).await?.is_none() {
        return Err(unknown("hotel", "hotel_id"));
    }
    Ok(Json(Page::new(room_types, query.limit, |room_type| {
        room_type.room_type_id
    })))
}
