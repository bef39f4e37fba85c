//! `GET /v1/hotels/{hotel_id}/rate-plans`

use axum::Json;
use axum::extract::State;
use contract::{HotelId, RatePlanId};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;

use super::list_hotels::PageQuery;
use super::{App, Page, unknown};
use crate::catalogue::RatePlan;
use crate::store;

/// A page, by a name of its own in the document.
type RatePlanPage = Page<RatePlan>;

problems!(Problems: Common::InvalidCursor, Common::NotFound);

/// List the rate plans of a hotel, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/rate-plans",
    tag = "Hotels",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), PageQuery),
    responses(
        (status = 200, description = "A page of rate plans.", body = RatePlanPage),
        Problems,
    )
)]
pub(super) async fn list_rate_plans(
    _: Allowed<super::ListRatePlans>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<Json<Page<RatePlan>>, Problem> {
    let after: Option<RatePlanId> = query.after()?;
    let mut db = app.connection().await?;
    let rate_plans = store::rate_plans(&mut db, hotel_id, after, query.limit.rows_and_one()).await?;
    if rate_plans.is_empty() && store::hotel(&mut db, hotel_id).await?.is_none() {
        return Err(unknown("hotel", "hotel_id"));
    }
    Ok(Json(Page::new(rate_plans, query.limit, |rate_plan| {
        rate_plan.rate_plan_id
    })))
}
