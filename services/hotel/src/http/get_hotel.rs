//! `GET /v1/hotels/{hotel_id}`

use axum::Json;
use axum::extract::State;
use contract::HotelId;
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;

use super::{App, unknown};
use crate::catalogue::Hotel;
use crate::store;

problems!(Problems: Common::NotFound);

/// Show a hotel.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}",
    tag = "Hotels",
    params(("hotel_id" = HotelId, Path, description = "The hotel.")),
    responses(
        (status = 200, description = "The hotel.", body = Hotel),
        Problems,
    )
)]
pub(super) async fn get_hotel(
    _: Allowed<super::GetHotel>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
) -> Result<Json<Hotel>, Problem> {
    let hotel = store::hotel(&mut *app.connection().await?, hotel_id).await?;
    hotel.map(Json).ok_or_else(|| unknown("hotel", "hotel_id"))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPool;

    use crate::testing::{Api, NOBODY, assert_problem};

    #[sqlx::test(migrations = false)]
    async fn what_is_not_an_id_and_what_nobody_has_are_both_not_found(pool: PgPool) {
        let api = Api::start(pool).await;
        let upper = NOBODY.to_uppercase();
        for id in [
            NOBODY,
            "1",
            "00000000-0000-0000-0000-000000000000",
            &upper,
            "%00",
            "..%2f",
            &"a".repeat(5_000),
        ] {
            for below in ["", "/room-types", "/rate-plans"] {
                assert_problem(
                    &api.get(&format!("/v1/hotels/{id}{below}")).await,
                    404,
                    "not_found",
                    Some("hotel_id"),
                );
            }
        }
    }
}
