//! `GET /v1/hotels/{hotel_id}/room-types/{room_type_id}`

use axum::Json;
use axum::extract::State;
use contract::{HotelId, RoomTypeId};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;

use super::{App, unknown};
use crate::catalogue::RoomType;
use crate::store;

problems!(Problems: Common::NotFound);

/// Show a room type.
///
/// `pointer` of a 404 says what there is not: `hotel_id` or `room_type_id`.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/room-types/{room_type_id}",
    tag = "Hotels",
    params(
        ("hotel_id" = HotelId, Path, description = "The hotel."),
        ("room_type_id" = RoomTypeId, Path, description = "The room type."),
    ),
    responses(
        (status = 200, description = "The room type.", body = RoomType),
        Problems,
    )
)]
pub(super) async fn get_room_type(
    _: Allowed<super::GetRoomType>,
    State(app): State<App>,
    StrictPath((hotel_id, room_type_id)): StrictPath<(HotelId, RoomTypeId)>,
) -> Result<Json<RoomType>, Problem> {
    let mut db = app.connection().await?;
    if let Some(room_type) = store::room_type(&mut db, hotel_id, room_type_id).await? {
        return Ok(Json(room_type));
    }
    match store::hotel(&mut db, hotel_id).await? {
        Some(_) => Err(unknown("room type in this hotel", "room_type_id")),
        None => Err(unknown("hotel", "hotel_id")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use sqlx::postgres::PgPool;

    use crate::testing::{Api, NOBODY, assert_problem};

    #[sqlx::test(migrations = false)]
    async fn a_room_type_is_shown_by_its_own_hotel_alone(pool: PgPool) {
        let api = Api::start(pool).await;
        let (aurora, other) = (api.aurora().await, api.aurora().await);
        let path = |hotel: &str, room_type: &str| format!("/v1/hotels/{hotel}/room-types/{room_type}");
        let (status, shown) = api.get(&path(&aurora.hotel, &aurora.room_type)).await;
        let (_, listed) = api.get(&format!("/v1/hotels/{}/room-types", aurora.hotel)).await;
        assert_eq!((status, &shown), (StatusCode::OK, &listed["items"][0]));
        for (hotel, room_type, pointer) in [
            (aurora.hotel.as_str(), other.room_type.as_str(), "room_type_id"),
            (&aurora.hotel, &aurora.rate_plan, "room_type_id"),
            (&aurora.hotel, NOBODY, "room_type_id"),
            (NOBODY, &aurora.room_type, "hotel_id"),
        ] {
            let answer = api.get(&path(hotel, room_type)).await;
            assert_problem(&answer, 404, "not_found", Some(pointer));
        }
        assert_problem(
            &api.get(&path(&aurora.hotel, "x")).await,
            404,
            "not_found",
            Some("room_type_id"),
        );
    }
}
