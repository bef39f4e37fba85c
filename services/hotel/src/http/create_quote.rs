//! `POST /v1/quotes`: the order form. The hot path of this service: two statements on one connection.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::SubsecRound as _;
use chrono_tz::Tz;
use contract::number::within;
use contract::quote::{NightPrice, Party, Quote};
use contract::refusal::Code;
use contract::{HotelId, Money, QuoteId, RatePlanId, RoomTypeId, Stay, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Keyed, Problem, Stored, StrictJson};
use platform::problems;
use platform::{Broken, repeat};
use rules::limits::ROOMS_MAX;
use rules::{Ask, Blocked, Facts, NightFacts, Today};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{App, unknown};
use crate::SCHEMA;
use crate::model;
use crate::store;

/// A stay to price.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
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
    #[serde(deserialize_with = "within::<1, ROOMS_MAX, _, _>")]
    #[schema(minimum = 1, maximum = 9, example = 1)]
    rooms: u16,
    /// Who stays, in all rooms together; at least one adult in each room.
    party: Party,
}

/// A quote with its token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuedQuote {
    #[serde(flatten)]
    quote: Quote,
    /// Nights times rooms; what a search calls by the same name.
    total_before_taxes: Money,
    /// Send it to `POST /v1/reservations`: it holds the price that is charged.
    quote_token: String,
}

impl CreateQuote {
    /// What can be said without looking anything up.
    fn check(&self) -> Result<Ask, Blocked> {
        let stay = rules::dates::stay(self.check_in, self.check_out)?;
        Ask::new(stay, self.rooms, self.party)
    }

    async fn quote(&self, app: &App, db: &mut PgConnection, ask: Ask) -> Result<(Quote, Money), Problem> {
        let found = store::offer(db, self.hotel_id, self.room_type_id, self.rate_plan_id).await?;
        let found = found.ok_or_else(|| unknown("hotel", "/hotel_id"))?;
        let capacity = found
            .capacity
            .ok_or_else(|| unknown("room type in this hotel", "/room_type_id"))?;
        let cancellation_policy = found
            .cancellation_policy
            .ok_or_else(|| unknown("rate plan in this hotel", "/rate_plan_id"))?;
        let now = app.clock.now();
        let today = Today::at(now, &zone_of(&found)?);
        let of = (self.hotel_id, self.room_type_id, self.rate_plan_id);
        let stay = ask.stay;
        let nights = store::prices(db, of, stay.check_in(), stay.check_out(), found.currency).await?;
        let priced = model::price_stay(&nights, self.rooms, &found.taxes, found.currency);
        // The hotel's part of the rules: the rooms that are left are the inventory's to count.
        let facts = Facts {
            today: Some(today),
            capacity: Some(capacity),
            nights: &facts_of(stay, &nights),
            payable: Some(priced.is_ok()),
            ..Facts::default()
        };
        if let Some(blocked) = rules::first(&ask, &facts) {
            return Err(refused(blocked));
        }
        let priced = priced.map_err(|_| refused(Blocked::TooExpensive))?;
        let quote = Quote {
            quote_id: QuoteId::of(self.hotel_id),
            hotel_id: self.hotel_id,
            time_zone: found.time_zone,
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
        };
        Ok((quote, priced.total_before_taxes))
    }
}

/// Which nights of the stay have a price. `known` is sorted by night.
fn facts_of(stay: Stay, known: &[NightPrice]) -> Vec<NightFacts> {
    let priced = |night: StayDate| known.binary_search_by_key(&night, |price| price.night).is_ok();
    let nights = stay.nights();
    let facts = nights.map(|night| NightFacts {
        priced: Some(priced(night)),
        ..NightFacts::default()
    });
    facts.collect()
}

fn zone_of(offer: &store::Offer) -> Result<Tz, Broken> {
    let unknown = |_| Broken::Inconsistent(format!("the stored time zone {} is not known", offer.time_zone));
    offer.time_zone.parse().map_err(unknown)
}

/// At the field that has to change, where it is one: else another night may do.
fn refused(blocked: Blocked) -> Problem {
    let problem = blocked.tell(Problem::refused, |detail| {
        Problem::new(Common::InvalidField, detail)
    });
    match blocked.field() {
        Some(field) => problem.at(field.pointer()),
        None => problem,
    }
}

problems!(Problems:
    Common::IdempotencyKeyInvalid, Common::NotFound, Code::NoPrice, Common::IdempotencyKeyReused,
    Code::InvalidStay, Code::StayTooLong, Code::StayInPast, Code::StayTooFarAhead,
    Code::PartyTooSmall, Code::PartyTooLarge, Code::InvalidAmount,
);

/// Price a stay.
///
/// The answer is the order form: nights with the price of each, taxes, the total that will be charged, what a
/// cancellation costs, and a signed token that holds all of it until `expires_at`. It takes no room out of sale.
#[utoipa::path(
    post,
    path = "/v1/quotes",
    tag = "Hotels",
    request_body = CreateQuote,
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "A key of your choice: the same request under it is done once, and a repeat within 30 days gets the same answer, with `Idempotent-Replayed: true`.", example = "set-up-1"),
    ),
    responses(
        (status = 201, description = "The quote.", body = IssuedQuote),
        Problems,
    )
)]
pub(super) async fn create_quote(
    _: Allowed<super::CreateQuote>,
    State(app): State<App>,
    keyed: Keyed,
    StrictJson(body): StrictJson<CreateQuote>,
) -> Result<Response, Problem> {
    let request = keyed.with(&body);
    let ask = body.check().map_err(refused)?;
    let pool = app.pool.clone();
    repeat::once(&pool, SCHEMA, request, move |db| {
        Box::pin(async move {
            let (quote, total_before_taxes) = body.quote(&app, db, ask).await?;
            let quote_token = app
                .tokens
                .sign(&quote, quote.expires_at)
                .map_err(|error| Broken::Inconsistent(format!("a quote could not be signed: {error}")))?;
            let issued = IssuedQuote {
                quote,
                total_before_taxes,
                quote_token,
            };
            Ok(Stored::json(StatusCode::CREATED, &issued, None))
        })
    })
    .await
}

#[cfg(test)]
#[path = "create_quote_money_tests.rs"]
mod money_tests;
#[cfg(test)]
#[path = "create_quote_tests.rs"]
mod tests;
