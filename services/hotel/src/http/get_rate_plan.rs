//! `GET /v1/hotels/{hotel_id}/rate-plans/{rate_plan_id}`

use axum::Json;
use axum::extract::State;
use contract::{HotelId, RatePlanId};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;

use super::{App, unknown};
use crate::catalogue::RatePlan;
use crate::store;

problems!(Problems: Common::NotFound);

/// Show a rate plan.
///
/// `pointer` of a 404 says what there is not: `hotel_id` or `rate_plan_id`.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/rate-plans/{rate_plan_id}",
    tag = "Hotels",
    params(
        ("hotel_id" = HotelId, Path, description = "The hotel."),
        ("rate_plan_id" = RatePlanId, Path, description = "The rate plan."),
    ),
    responses(
        (status = 200, description = "The rate plan.", body = RatePlan),
        Problems,
    )
)]
pub(super) async fn get_rate_plan(
    _: Allowed<super::GetRatePlan>,
    State(app): State<App>,
    StrictPath((hotel_id, rate_plan_id)): StrictPath<(HotelId, RatePlanId)>,
) -> Result<Json<RatePlan>, Problem> {
    let mut db = app.connection().await?;
    if let Some(plan) = store::rate_plan(&mut db, hotel_id, rate_plan_id).await? {
        return Ok(Json(plan));
    }
    match store::hotel(&mut db, hotel_id).await? {
        Some(_) => Err(unknown("rate plan in this hotel", "rate_plan_id")),
        None => Err(unknown("hotel", "hotel_id")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use sqlx::postgres::PgPool;

    use crate::testing::{Api, NOBODY, assert_problem};

    #[sqlx::test(migrations = false)]
    async fn a_rate_plan_is_shown_by_its_own_hotel_alone(pool: PgPool) {
        let api = Api::start(pool).await;
        let (aurora, other) = (api.aurora().await, api.aurora().await);
        let path = |hotel: &str, rate_plan: &str| format!("/v1/hotels/{hotel}/rate-plans/{rate_plan}");
        let (status, shown) = api.get(&path(&aurora.hotel, &aurora.rate_plan)).await;
        let (_, listed) = api.get(&format!("/v1/hotels/{}/rate-plans", aurora.hotel)).await;
        assert_eq!((status, &shown), (StatusCode::OK, &listed["items"][0]));
        for (hotel, rate_plan, pointer) in [
            (aurora.hotel.as_str(), other.rate_plan.as_str(), "rate_plan_id"),
            (&aurora.hotel, &aurora.room_type, "rate_plan_id"),
            (&aurora.hotel, NOBODY, "rate_plan_id"),
            (NOBODY, &aurora.rate_plan, "hotel_id"),
        ] {
            let answer = api.get(&path(hotel, rate_plan)).await;
            assert_problem(&answer, 404, "not_found", Some(pointer));
        }
        assert_problem(
            &api.get(&path(&aurora.hotel, "x")).await,
            404,
            "not_found",
            Some("rate_plan_id"),
        );
    }
}
