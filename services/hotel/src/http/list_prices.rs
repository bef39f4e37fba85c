//! `GET /v1/hotels/{hotel_id}/prices`

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use contract::quote::NightPrice;
use contract::range::nights_between;
use contract::refusal::Code;
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath, StrictQuery};
use platform::problems;
use serde::Deserialize;
use utoipa::IntoParams;

use super::set_prices::NIGHTS_MAX;
use super::{App, Page, unknown};
use crate::store;

/// Which prices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PricesQuery {
    /// Of which rooms.
    #[param(value_type = RoomTypeId)]
    room_type_id: RoomTypeId,
    /// On which terms.
    rate_plan_id: RatePlanId,
    /// The first night.
    from: StayDate,
    /// The day after the last night, at most 400 nights after `from`.
    to: StayDate,
}

impl PricesQuery {
    fn check(&self) -> Result<(), Problem> {
        nights_between(self.from, self.to, NIGHTS_MAX)
            .map(drop)
            .map_err(|why| why.tell(Problem::refused).at("to"))
    }
}

/// A page, by a name of its own in the document.
type NightPricePage = Page<NightPrice>;

problems!(Problems: Common::NotFound, Code::EmptyRange, Code::RangeTooLong);

/// List the prices of nights, for one room type and rate plan, in date order.
///
/// A night that has no price is left out: it is not for sale on these terms. All nights fit on one page.
#[utoipa::path(
    get,
    path = "/v1/hotels/{hotel_id}/prices",
    tag = "Hotels",
    params(("hotel_id" = HotelId, Path, description = "The hotel."), PricesQuery),
    responses(
        (status = 200, description = "The prices.", body = NightPricePage),
        Problems,
    )
)]
pub(super) async fn list_prices(
    _: Allowed<super::ListPrices>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    StrictQuery(query): StrictQuery<PricesQuery>,
) -> Result<Json<Page<NightPrice>>, Problem> {
    query.check()?;
    let mut db = app.connection().await?;
    let room_type = BTreeSet::from([query.room_type_id]);
    let rate_plan = BTreeSet::from([query.rate_plan_id]);
    let offer = store::offers(&mut db, hotel_id, &rate_plan, &room_type).await?;
    let offer = offer.ok_or_else(|| unknown("hotel", "hotel_id"))?;
    if offer.capacities.is_empty() {
        return Err(unknown("room type in this hotel", "room_type_id"));
    }
    if offer.policies.is_empty() {
        return Err(unknown("rate plan in this hotel", "rate_plan_id"));
    }
    let (of, nights) = ((hotel_id, offer.currency), (query.from, query.to));
    let mut prices = store::prices(&mut db, of, &rate_plan, &room_type, nights).await?;
    let items = prices
        .remove(&(query.room_type_id, query.rate_plan_id))
        .unwrap_or_default();
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPool;

    use crate::testing::{Api, NOBODY, assert_problem};

    #[sqlx::test(migrations = false)]
    async fn a_bad_query_is_refused_and_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let (room_type, plan) = (aurora.room_type.as_str(), aurora.rate_plan.as_str());
        let query = |room_type: &str, plan: &str, from: &str, to: &str| {
            format!(
                "{}?room_type_id={room_type}&rate_plan_id={plan}&from={from}&to={to}",
                aurora.prices()
            )
        };
        let bad = [
            (
                query(room_type, plan, "2026-07-01", "2026-07-01"),
                "empty_range",
                "to",
            ),
            (
                query(room_type, plan, "2026-07-02", "2026-07-01"),
                "empty_range",
                "to",
            ),
            (
                query(room_type, plan, "2026-07-01", "2027-08-06"),
                "range_too_long",
                "to",
            ),
            (
                query(room_type, plan, "2026-7-1", "2026-07-02"),
                "invalid_field",
                "from",
            ),
            (
                query(room_type, plan, "2026-07-01", "infinity"),
                "invalid_field",
                "to",
            ),
            (
                query("x", plan, "2026-07-01", "2026-07-02"),
                "invalid_field",
                "room_type_id",
            ),
            (
                query(room_type, "", "2026-07-01", "2026-07-02"),
                "invalid_field",
                "rate_plan_id",
            ),
            (aurora.prices(), "invalid_field", "room_type_id"),
        ];
        for (path, code, pointer) in bad {
            assert_problem(&api.get(&path).await, 422, code, Some(pointer));
        }
        let longest = query(room_type, plan, "2026-07-01", "2027-08-05");
        assert_eq!(api.get(&longest).await.0.as_u16(), 200, "400 nights");
        let unknown = query(NOBODY, plan, "2026-07-01", "2026-07-02");
        assert_problem(&api.get(&unknown).await, 404, "not_found", Some("room_type_id"));
        let unknown = query(room_type, NOBODY, "2026-07-01", "2026-07-02");
        assert_problem(&api.get(&unknown).await, 404, "not_found", Some("rate_plan_id"));
    }
}
