//! `POST /v1/quotes`: the order form. The hot path of this service: two statements on one connection.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::SubsecRound as _;
use chrono_tz::Tz;
use contract::quote::{Party, Quote};
use contract::{HotelId, QuoteId, RatePlanId, RoomTypeId, Stay, StayDate};
use platform::Broken;
use platform::http::{Caller, Problem, ProblemBody, StrictJson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, unknown};
use crate::model::{self, PARTY_MAX, ROOMS_MAX, Unquotable};
use crate::store::{self, Offer};

/// A stay to price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateQuote {
    /// Where.
    hotel_id: HotelId,
    /// What.
    room_type_id: RoomTypeId,
    /// On which terms.
    rate_plan_id: RatePlanId,
    /// The day of arrival at the hotel, from today up to 730 days ahead.
    check_in: StayDate,
    /// The day of departure, 1 to 30 nights later.
    check_out: StayDate,
    /// How many rooms.
    #[schema(minimum = 1, maximum = 9, example = 1)]
    rooms: u16,
    /// Who stays, in all rooms together.
    party: Party,
}

/// A quote with its token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuedQuote {
    #[serde(flatten)]
    quote: Quote,
    /// Send it to `POST /v1/reservations`: it holds the price that is charged.
    quote_token: String,
}

impl CreateQuote {
    /// What can be said without looking anything up.
    fn check(&self) -> Result<Stay, Problem> {
        let stay = Stay::new(self.check_in, self.check_out).map_err(|error| {
            Problem::invalid("invalid_stay", "/check_out", format!("Not a stay: {error}."))
        })?;
        let between = |what: &str, number: u16, least: u16, most: u16, pointer: &str| {
            if (least..=most).contains(&number) {
                return Ok(());
            }
            let detail = format!("{what} are {least} to {most} in one quote.");
            Err(Problem::invalid("invalid_field", pointer, detail))
        };
        between("Rooms", self.rooms, 1, ROOMS_MAX, "/rooms")?;
        between("Adults", self.party.adults, 1, PARTY_MAX, "/party/adults")?;
        between("Children", self.party.children, 0, PARTY_MAX, "/party/children")?;
        Ok(stay)
    }

    async fn quote(&self, app: &App, stay: Stay) -> Result<Quote, Problem> {
        let mut db = app.connection().await?;
        let offer = store::offer(&mut db, self.hotel_id, self.room_type_id, self.rate_plan_id).await?;
        let offer = offer.ok_or_else(|| unknown("hotel", "/hotel_id"))?;
        let capacity = offer
            .capacity
            .ok_or_else(|| unknown("room type in this hotel", "/room_type_id"))?;
        let cancellation_policy = offer
            .cancellation_policy
            .ok_or_else(|| unknown("rate plan in this hotel", "/rate_plan_id"))?;
        let now = app.clock.now();
        model::check_arrival(stay.check_in(), now, zone_of(&offer)?)?;
        model::check_party(self.party, capacity, self.rooms)?;
        let of = (self.hotel_id, self.room_type_id, self.rate_plan_id);
        let known = store::prices(&mut db, of, stay.check_in(), stay.check_out(), offer.currency).await?;
        drop(db);
        let nights = model::price_each_night(stay, &known)?;
        let priced = model::price_stay(&nights, self.rooms, &offer.taxes, offer.currency)?;
        Ok(Quote {
            quote_id: QuoteId::new(),
            hotel_id: self.hotel_id,
            time_zone: offer.time_zone,
            room_type_id: self.room_type_id,
            rate_plan_id: self.rate_plan_id,
            stay,
            rooms: self.rooms,
            party: self.party,
            nights,
            taxes: priced.taxes,
            total: priced.total,
            cancellation_policy,
            // A token's expiry is in whole seconds; what is shown is what is meant.
            expires_at: (now + app.quote_ttl).trunc_subsecs(0),
        })
    }
}

fn zone_of(offer: &Offer) -> Result<Tz, Broken> {
    let unknown = |_| Broken::Inconsistent(format!("the stored time zone {} is not known", offer.time_zone));
    offer.time_zone.parse().map_err(unknown)
}

impl From<Unquotable> for Problem {
    fn from(why: Unquotable) -> Self {
        let detail = why.to_string();
        match why {
            Unquotable::InPast { .. } => Self::invalid("stay_in_past", "/check_in", detail),
            Unquotable::TooFarAhead { .. } => Self::invalid("stay_too_far_ahead", "/check_in", detail),
            Unquotable::TooManyAdults { .. } => Self::invalid("party_too_large", "/party/adults", detail),
            Unquotable::TooManyChildren { .. } => Self::invalid("party_too_large", "/party/children", detail),
            Unquotable::TooExpensive => Self::invalid("invalid_amount", "/rooms", detail),
            Unquotable::NoPrice(night) => Self::new(StatusCode::CONFLICT, "no_price", detail).on_night(night),
        }
    }
}

/// Price a stay.
///
/// The answer is the order form: nights with the price of each, taxes, the total that will be charged, what a
/// cancellation costs, and a signed token that holds all of it until `expires_at`. It takes no room out of sale.
#[utoipa::path(
    post,
    path = "/v1/quotes",
    tag = "Hotels",
    request_body = CreateQuote,
    responses(
        (status = 201, description = "The quote.", body = IssuedQuote),
        (status = 400, description = "`malformed_json`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: the hotel, or its room type or rate plan, named by `pointer`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`no_price`: `night` has no price in this rate plan", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_field`, `invalid_stay`, `stay_in_past`, `stay_too_far_ahead`, `party_too_large`, `invalid_amount`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create_quote(
    _: Caller,
    State(app): State<App>,
    StrictJson(body): StrictJson<CreateQuote>,
) -> Result<(StatusCode, Json<IssuedQuote>), Problem> {
    let stay = body.check()?;
    let quote = body.quote(&app, stay).await?;
    let quote_token = app
        .tokens
        .sign(&quote, quote.expires_at)
        .map_err(|error| Broken::Inconsistent(format!("a quote could not be signed: {error}")))?;
    Ok((StatusCode::CREATED, Json(IssuedQuote { quote, quote_token })))
}

#[cfg(test)]
mod tests {
    use contract::quote::Penalty;
    use platform::token::TokenError;
    use serde_json::{Value, json};
    use sqlx::Executor as _;
    use sqlx::postgres::PgPool;

    use super::*;
    use crate::testing::{Api, NOBODY, assert_problem, with};

    #[sqlx::test(migrations = false)]
    async fn a_quote_adds_up_and_its_token_says_the_same(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let (status, quote) = api
            .post("/v1/quotes", &with(&aurora.stay(), "/rooms", Some(json!(3))))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{quote}");
        let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
        // Two nights of 100.00 in three rooms: 600.00; 6% is 36.00 and 1.25% is 7.50.
        assert_eq!(quote["total"], euros("643.50"));
        assert_eq!(
            quote["taxes"],
            json!([
                {"name": "VAT", "percent": "6.00", "amount": euros("36.00")},
                {"name": "City", "percent": "1.25", "amount": euros("7.50")},
            ])
        );
        assert_eq!(
            quote["nights"],
            json!([{"night": "2026-07-01", "price": euros("100.00")}, {"night": "2026-07-02", "price": euros("100.00")}])
        );
        assert_eq!(quote["time_zone"], "Europe/Lisbon");
        assert_eq!(quote["expires_at"], "2026-06-01T22:45:00Z");
        let token = quote["quote_token"].as_str().unwrap();
        let claims = api.verify(token, 14).unwrap();
        assert_eq!(claims.cancellation_policy.penalty, Penalty::FirstNight);
        let mut shown = quote.clone();
        shown.as_object_mut().unwrap().remove("quote_token");
        assert_eq!(serde_json::to_value(&claims).unwrap(), shown);
        assert_eq!(api.verify(token, 15), Err(TokenError::Expired));
        let mut forged = token.to_owned();
        forged.replace_range(100..101, if &token[100..101] == "A" { "B" } else { "A" });
        assert_eq!(api.verify(&forged, 1), Err(TokenError::Invalid));
    }

    #[sqlx::test(migrations = false)]
    async fn whatever_is_wrong_is_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let bad: [(&str, Value, u16, &str, &str); 33] = [
            ("/hotel_id", json!(NOBODY), 404, "not_found", "/hotel_id"),
            ("/room_type_id", json!(NOBODY), 404, "not_found", "/room_type_id"),
            ("/rate_plan_id", json!(NOBODY), 404, "not_found", "/rate_plan_id"),
            (
                "/hotel_id",
                json!(NOBODY.to_uppercase()),
                422,
                "invalid_field",
                "/hotel_id",
            ),
            (
                "/hotel_id",
                json!("' or 1=1 --"),
                422,
                "invalid_field",
                "/hotel_id",
            ),
            (
                "/room_type_id",
                json!("00000000-0000-0000-0000-000000000000"),
                422,
                "invalid_field",
                "/room_type_id",
            ),
            (
                "/check_out",
                json!("2026-07-01"),
                422,
                "invalid_stay",
                "/check_out",
            ),
            (
                "/check_out",
                json!("2026-06-30"),
                422,
                "invalid_stay",
                "/check_out",
            ),
            (
                "/check_out",
                json!("2026-08-01"),
                422,
                "invalid_stay",
                "/check_out",
            ),
            (
                "/check_out",
                json!("2026-02-30"),
                422,
                "invalid_field",
                "/check_out",
            ),
            ("/check_in", json!("2026-7-1"), 422, "invalid_field", "/check_in"),
            (
                "/check_in",
                json!("2026-07-01T00:00:00Z"),
                422,
                "invalid_field",
                "/check_in",
            ),
            ("/check_in", json!("infinity"), 422, "invalid_field", "/check_in"),
            ("/check_in", json!(20_260_701), 422, "invalid_field", "/check_in"),
            ("/check_in", Value::Null, 422, "invalid_field", "/check_in"),
            ("/rooms", json!(0), 422, "invalid_field", "/rooms"),
            ("/rooms", json!(10), 422, "invalid_field", "/rooms"),
            ("/rooms", json!(-1), 422, "invalid_field", "/rooms"),
            ("/rooms", json!(1.5), 422, "invalid_field", "/rooms"),
            ("/rooms", json!("1"), 422, "invalid_field", "/rooms"),
            ("/rooms", json!(2_147_483_648_u64), 422, "invalid_field", "/rooms"),
            (
                "/rooms",
                json!(9_223_372_036_854_775_808_u64),
                422,
                "invalid_field",
                "/rooms",
            ),
            ("/party/adults", json!(0), 422, "invalid_field", "/party/adults"),
            ("/party/adults", json!(37), 422, "invalid_field", "/party/adults"),
            ("/party/adults", json!(3), 422, "party_too_large", "/party/adults"),
            (
                "/party/children",
                json!(2),
                422,
                "party_too_large",
                "/party/children",
            ),
            (
                "/party/children",
                json!(-1),
                422,
                "invalid_field",
                "/party/children",
            ),
            ("/party/pets", json!(1), 422, "invalid_field", "/party/pets"),
            (
                "/total",
                json!({"amount": "1.00", "currency": "EUR"}),
                422,
                "invalid_field",
                "/total",
            ),
            ("/price", json!("1.00"), 422, "invalid_field", "/price"),
            ("/quote_id", json!(NOBODY), 422, "invalid_field", "/quote_id"),
            (
                "/expires_at",
                json!("2030-01-01T00:00:00Z"),
                422,
                "invalid_field",
                "/expires_at",
            ),
            ("/state", json!("confirmed"), 422, "invalid_field", "/state"),
        ];
        for (field, value, status, code, pointer) in bad {
            let answer = api
                .post("/v1/quotes", &with(&aurora.stay(), field, Some(value)))
                .await;
            assert_problem(&answer, status, code, Some(pointer));
        }
    }

    #[sqlx::test(migrations = false)]
    async fn a_room_type_of_another_hotel_is_unknown(pool: PgPool) {
        let api = Api::start(pool).await;
        let (one, other) = (api.aurora().await, api.aurora().await);
        let answer = api
            .post(
                "/v1/quotes",
                &with(&one.stay(), "/room_type_id", Some(json!(other.room_type))),
            )
            .await;
        assert_problem(&answer, 404, "not_found", Some("/room_type_id"));
    }

    #[sqlx::test(migrations = false)]
    async fn a_night_without_a_price_is_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let answer = api
            .post(
                "/v1/quotes",
                &with(&aurora.stay(), "/check_out", Some(json!("2026-07-10"))),
            )
            .await;
        assert_problem(&answer, 409, "no_price", None);
        assert_eq!(answer.1["night"], "2026-07-08");
    }

    #[sqlx::test(migrations = false)]
    async fn the_past_and_the_far_future_are_those_of_the_hotels_zone(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let stay = |check_in: &str, check_out: &str| {
            with(
                &with(&aurora.stay(), "/check_in", Some(json!(check_in))),
                "/check_out",
                Some(json!(check_out)),
            )
        };
        // It is half past eleven in the evening of the first of June in Lisbon: today has no price, but may be asked for.
        assert_problem(
            &api.post("/v1/quotes", &stay("2026-06-01", "2026-06-02")).await,
            409,
            "no_price",
            None,
        );
        let answer = api.post("/v1/quotes", &stay("2026-05-31", "2026-06-02")).await;
        assert_problem(&answer, 422, "stay_in_past", Some("/check_in"));
        assert_problem(
            &api.post("/v1/quotes", &stay("2028-05-31", "2028-06-01")).await,
            409,
            "no_price",
            None,
        );
        let answer = api.post("/v1/quotes", &stay("2028-06-01", "2028-06-02")).await;
        assert_problem(&answer, 422, "stay_too_far_ahead", Some("/check_in"));
        // The same moment is the second of June in Berlin.
        api.pool
            .execute("update hotel.hotel set time_zone = 'Europe/Berlin'")
            .await
            .unwrap();
        let answer = api.post("/v1/quotes", &stay("2026-06-01", "2026-06-02")).await;
        assert_problem(&answer, 422, "stay_in_past", Some("/check_in"));
    }

    #[sqlx::test(migrations = false)]
    async fn a_total_beyond_all_money_is_refused(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        let price = json!([{"night": "2026-07-01", "price": {"amount": "9999999999.99", "currency": "EUR"}}]);
        assert_eq!(
            api.put(&aurora.prices(), &aurora.set(&price)).await.0,
            StatusCode::OK
        );
        assert_problem(
            &api.post("/v1/quotes", &aurora.stay()).await,
            422,
            "invalid_amount",
            Some("/rooms"),
        );
    }
}
