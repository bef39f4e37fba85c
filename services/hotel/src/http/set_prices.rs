//! `PUT /v1/hotels/{hotel_id}/prices`

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use contract::refusal::Code;
use contract::{Currency, HotelId, RatePlanId, RoomTypeId, StayDate, Why};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::problems;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::AmountText;
use super::{App, at_most, unknown};
use crate::store;

/// The most nights of one request.
pub(super) const NIGHTS_MAX: u32 = 400;

/// Prices to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPrices {
    /// For which rooms.
    room_type_id: RoomTypeId,
    /// On which terms.
    rate_plan_id: RatePlanId,
    /// One price per night.
    #[schema(min_items = 1, max_items = 400)]
    nights: Vec<PriceOfNight>,
}

/// The price to set for one night.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceOfNight {
    /// The night.
    night: StayDate,
    /// The price of one room before taxes, in the hotel's currency.
    #[schema(value_type = contract::Money)]
    price: AmountText,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PricesSet {
    /// Nights whose price is another one now.
    #[schema(example = 14)]
    nights_changed: u64,
}

impl SetPrices {
    /// Nights and amounts in date order.
    fn check(&self, currency: Currency) -> Result<Vec<(StayDate, i64)>, Problem> {
        let mut prices = Vec::with_capacity(self.nights.len());
        for (at, wanted) in self.nights.iter().enumerate() {
            let price = wanted.price.in_currency(currency);
            let price = price.map_err(|why| {
                let refused = Why::InvalidAmount.saying(why).tell(Problem::refused);
                refused
                    .at(&format!("/nights/{at}/price"))
                    .with("night", wanted.night.to_string())
            })?;
            prices.push((wanted.night, price.minor()));
        }
        prices.sort_unstable();
        match prices.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => {
                let twice = Why::DuplicateNight { night: twice[0].0 };
                Err(twice.tell(Problem::refused).at("/nights"))
            }
            None => Ok(prices),
        }
    }
}

problems!(Problems: Common::NotFound, Code::InvalidAmount, Code::DuplicateNight);

/// Set the prices of nights, for one room type and rate plan.
///
/// All or nothing. Nights that are not named keep their price; the same request again changes nothing.
#[utoipa::path(
    put,
    path = "/v1/hotels/{hotel_id}/prices",
    tag = "Hotels",
    params(("hotel_id" = HotelId, Path, description = "The hotel.")),
    request_body = SetPrices,
    responses(
        (status = 200, description = "Set.", body = PricesSet),
        Problems,
    )
)]
pub(super) async fn set_prices(
    allowed: Allowed<super::SetPrices>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    StrictJson(body): StrictJson<SetPrices>,
) -> Result<Json<PricesSet>, Problem> {
    allowed.sees.require_hotel(hotel_id.uuid())?;
    if body.nights.is_empty() {
        return Err(Problem::invalid_field("/nights", "Name at least one night."));
    }
    at_most(&body.nights, NIGHTS_MAX as usize, "/nights")?;
    let mut db = app.connection().await?;
    // Read before and not in the statement's transaction: none of this is ever changed or removed.
    let room_type = BTreeSet::from([body.room_type_id]);
    let rate_plan = BTreeSet::from([body.rate_plan_id]);
    let offer = store::offers(&mut db, hotel_id, &rate_plan, &room_type).await?;
    let offer = offer.ok_or_else(|| unknown("hotel", "hotel_id"))?;
    if offer.capacities.is_empty() {
        return Err(unknown("room type in this hotel", "/room_type_id"));
    }
    if offer.policies.is_empty() {
        return Err(unknown("rate plan in this hotel", "/rate_plan_id"));
    }
    let (nights, amounts): (Vec<_>, Vec<_>) = body
        .check(offer.currency)?
        .into_iter()
        .map(|(night, minor)| (night.date(), minor))
        .unzip();
    let of = (hotel_id, body.room_type_id, body.rate_plan_id);
    let nights_changed = store::set_prices(&mut db, of, &nights, &amounts).await?;
    Ok(Json(PricesSet { nights_changed }))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::{Value, json};
    use sqlx::postgres::PgPool;

    use super::*;
    use crate::testing::{Api, NOBODY, assert_problem, hotel, with};

    fn night(night: &str, amount: &str) -> Value {
        json!({"night": night, "price": {"amount": amount, "currency": "EUR"}})
    }

    #[sqlx::test(migrations = false)]
    async fn only_nights_whose_price_is_another_one_change(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let set = aurora.set(&json!([
            night("2026-07-02", "120.50"),
            night("2026-07-01", "100.00"),
            night("2026-07-08", "0.00")
        ]));
        assert_eq!(
            api.put(&aurora.prices(), &set).await,
            (StatusCode::OK, json!({"nights_changed": 2}))
        );
        assert_eq!(
            api.put(&aurora.prices(), &set).await,
            (StatusCode::OK, json!({"nights_changed": 0}))
        );
        let query = format!(
            "{}?room_type_id={}&rate_plan_id={}&from=2026-07-01&to=2026-07-03",
            aurora.prices(),
            aurora.room_type,
            aurora.rate_plan
        );
        let listed = json!({"items": [night("2026-07-01", "100.00"), night("2026-07-02", "120.50")]});
        assert_eq!(api.get(&query).await, (StatusCode::OK, listed));
    }

    #[sqlx::test(migrations = false)]
    async fn four_hundred_nights_fit_and_one_more_does_not(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let first: StayDate = "2027-01-01".parse().unwrap();
        let nights: Vec<_> = (0..=400)
            .map(|day| night(&first.plus_days(day).to_string(), "99999999.99"))
            .collect();
        let answer = api
            .put(&aurora.prices(), &aurora.set(&json!(nights[..400])))
            .await;
        assert_eq!(answer, (StatusCode::OK, json!({"nights_changed": 400})));
        let answer = api.put(&aurora.prices(), &aurora.set(&json!(nights))).await;
        assert_problem(&answer, 422, "invalid_field", Some("/nights"));
        let answer = api.put(&aurora.prices(), &aurora.set(&json!([]))).await;
        assert_problem(&answer, 422, "invalid_field", Some("/nights"));
    }

    #[sqlx::test(migrations = false)]
    async fn what_is_not_an_amount_of_the_hotels_currency_is_refused_and_nothing_is_set(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let good = aurora.set(&json!([night("2026-07-08", "1.00"), night("2026-07-09", "1.00")]));
        for amount in [
            "1e5",
            "1_000.00",
            " 1.00",
            "-0.00",
            "-1.00",
            "NaN",
            "1",
            "1.0",
            "1.000",
            "01.00",
            "+1.00",
            "1,00",
            "",
            "9999999999999.00",
            "0.00000000000000000000000000001",
        ] {
            let answer = api
                .put(
                    &aurora.prices(),
                    &with(&good, "/nights/1/price/amount", Some(json!(amount))),
                )
                .await;
            assert_problem(&answer, 422, "invalid_amount", Some("/nights/1/price"));
            assert_eq!(answer.1["night"], "2026-07-09");
        }
        for currency in ["USD", "JPY", "eur", "XXX", ""] {
            let answer = api
                .put(
                    &aurora.prices(),
                    &with(&good, "/nights/0/price/currency", Some(json!(currency))),
                )
                .await;
            assert_problem(&answer, 422, "invalid_amount", Some("/nights/0/price"));
        }
        let answer = api
            .put(
                &aurora.prices(),
                &with(&good, "/nights/0/price/amount", Some(json!(1.0))),
            )
            .await;
        assert_problem(&answer, 422, "invalid_field", Some("/nights/0/price/amount"));
        let query = format!(
            "{}?room_type_id={}&rate_plan_id={}&from=2026-07-08&to=2026-07-09",
            aurora.prices(),
            aurora.room_type,
            aurora.rate_plan
        );
        assert_eq!(api.get(&query).await.1, json!({"items": []}));
    }

    #[sqlx::test(migrations = false)]
    async fn a_yen_has_no_decimals(pool: PgPool) {
        let api = Api::start(pool).await;
        let japan = with(&hotel(), "/currency", Some(json!("JPY")));
        let hotel_id = api.add("/v1/hotels", &japan, "hotel_id").await;
        let path = |what: &str| format!("/v1/hotels/{hotel_id}/{what}");
        let room_type =
            json!({"name": "Twin", "beds": ["single", "single"], "adults_max": 2, "children_max": 0});
        let room_type = api.add(&path("room-types"), &room_type, "room_type_id").await;
        let plan = json!({"name": "Non-refundable", "cancellation_policy": {"penalty": {"kind": "full"}}});
        let plan = api.add(&path("rate-plans"), &plan, "rate_plan_id").await;
        let set = |amount: &str| {
            let price = json!({"amount": amount, "currency": "JPY"});
            json!({"room_type_id": room_type, "rate_plan_id": plan, "nights": [{"night": "2026-07-01", "price": price}]})
        };
        assert_problem(
            &api.put(&path("prices"), &set("1.50")).await,
            422,
            "invalid_amount",
            Some("/nights/0/price"),
        );
        assert_eq!(api.put(&path("prices"), &set("15000")).await.0, StatusCode::OK);
    }

    #[sqlx::test(migrations = false)]
    async fn dates_ids_and_fields_are_read_strictly(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let good = json!([
            night("2026-07-08", "1.00"),
            night("2026-07-10", "1.00"),
            night("2026-07-09", "1.00")
        ]);
        let good = aurora.set(&good);
        for date in [
            "2026-7-8",
            " 2026-07-08",
            "2026-02-30",
            "2027-02-29",
            "0000-01-01",
            "-044-03-15",
            "10000-01-01",
            "2026-07-08T00:00:00Z",
            "infinity",
            "",
        ] {
            let answer = api
                .put(
                    &aurora.prices(),
                    &with(&good, "/nights/0/night", Some(json!(date))),
                )
                .await;
            assert_problem(&answer, 422, "invalid_field", Some("/nights/0/night"));
        }
        let answer = api
            .put(
                &aurora.prices(),
                &with(&good, "/nights/0/night", Some(json!("2026-07-09"))),
            )
            .await;
        assert_problem(&answer, 422, "duplicate_night", Some("/nights"));
        for (pointer, value) in [
            ("/room_type_id", json!("x")),
            ("/nights/0/price/tax", json!(1)),
            ("/amount_minor", json!(1)),
        ] {
            let answer = api
                .put(&aurora.prices(), &with(&good, pointer, Some(value)))
                .await;
            assert_problem(&answer, 422, "invalid_field", Some(pointer));
        }
        for pointer in ["/room_type_id", "/rate_plan_id"] {
            let answer = api
                .put(&aurora.prices(), &with(&good, pointer, Some(json!(NOBODY))))
                .await;
            assert_problem(&answer, 404, "not_found", Some(pointer));
        }
        let answer = api.put(&format!("/v1/hotels/{NOBODY}/prices"), &good).await;
        assert_problem(&answer, 404, "not_found", Some("hotel_id"));
    }

    #[sqlx::test(migrations = false)]
    async fn two_who_set_the_same_nights_at_once_both_succeed(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let first: StayDate = "2026-09-01".parse().unwrap();
        let nights = |amount: &str| -> Vec<_> {
            (0..400)
                .map(|day| night(&first.plus_days(day).to_string(), amount))
                .collect()
        };
        let forwards = aurora.set(&json!(nights("1.00")));
        let backwards = aurora.set(&nights("2.00").into_iter().rev().collect());
        let path = aurora.prices();
        for _ in 0..10 {
            let (one, other) = tokio::join!(api.put(&path, &forwards), api.put(&path, &backwards));
            assert_eq!((one.0, other.0), (StatusCode::OK, StatusCode::OK));
        }
    }
}
