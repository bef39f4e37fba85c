//! `POST /v1/quotes`: the order form. The hot path of this service: two statements on one connection.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::SubsecRound as _;
use chrono_tz::Tz;
use contract::line::{self, Line};
use contract::quote::{NightPrice, Quote, QuotedLine, nights_of_all};
use contract::refusal::Code;
use contract::{HotelId, Money, QuoteId, RatePlanId, RoomTypeId, Stay, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Keyed, Problem, Stored, StrictJson};
use platform::problems;
use platform::{Broken, repeat};
use rules::{Blocked, Facts, NightFacts, Today};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

mod wanted;

use wanted::{CreateQuote, Wanted};

use super::{App, unknown};
use crate::SCHEMA;
use crate::model;
use crate::store;

/// A quote with its token. `lines` says of each room what it costs. `nights` is what one room costs where they are alike,
/// and else, where `room_type_id` is left out, what all of them cost. `rate_plan_id` and `cancellation_policy` are left out
/// where the rooms are of several rate plans: then each of the `lines` has its own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuedQuote {
    #[serde(flatten)]
    quote: Quote,
    /// Nights times rooms; what a search calls by the same name.
    total_before_taxes: Money,
    /// Send it to `POST /v1/reservations`: it holds the price that is charged.
    quote_token: String,
}

/// What the hotel has for what is wanted, and what each line costs by night.
async fn look(
    hotel_id: HotelId,
    wanted: &Wanted,
    db: &mut PgConnection,
) -> Result<(store::Offers, Vec<QuotedLine>), Problem> {
    let room_types: BTreeSet<RoomTypeId> = wanted.lines.iter().map(|line| line.room_type_id).collect();
    let rate_plans: BTreeSet<RatePlanId> = wanted.lines.iter().map(|line| line.rate_plan_id).collect();
    let found = store::offers(db, hotel_id, &rate_plans, &room_types).await?;
    let found = found.ok_or_else(|| unknown("hotel", "/hotel_id"))?;
    for (at, line) in wanted.lines.iter().enumerate() {
        if !found.capacities.contains_key(&line.room_type_id) {
            return Err(unknown("room type in this hotel", &wanted.room_type_at(at)));
        }
        if !found.policies.contains_key(&line.rate_plan_id) {
            return Err(unknown("rate plan in this hotel", &wanted.rate_plan_at(at)));
        }
    }
    let stay = wanted.ask.stay;
    let (of, dates) = ((hotel_id, found.currency), (stay.check_in(), stay.check_out()));
    let per_night = store::prices(db, of, &rate_plans, &room_types, dates).await?;
    let is_of_one_plan = line::rate_plan_of(&wanted.lines).is_some();
    let lines = wanted.lines.iter().map(|line| QuotedLine {
        line: *line,
        nights: nights_of(line, &per_night),
        cancellation_policy: found
            .policies
            .get(&line.rate_plan_id)
            .copied()
            .filter(|_| !is_of_one_plan),
    });
    let lines = lines.collect();
    Ok((found, lines))
}

/// The prices of the nights of a line, as many as there are.
fn nights_of(line: &Line, per_night: &store::Prices) -> Vec<NightPrice> {
    let of_type = per_night.get(&(line.room_type_id, line.rate_plan_id));
    let its = |price: &&NightPrice| (line.stay.check_in()..line.stay.check_out()).contains(&price.night);
    of_type.into_iter().flatten().filter(its).copied().collect()
}

/// Refuses what the hotel's part of the rules is against: the rooms that are left are the inventory's to count.
fn allow(
    wanted: &Wanted,
    found: &store::Offers,
    lines: &[QuotedLine],
    today: Today,
    is_payable: bool,
) -> Result<(), Problem> {
    for (at, ((line, ask), quoted)) in wanted.asks().iter().zip(lines).enumerate() {
        let facts = Facts {
            today: Some(today),
            capacity: found.capacities.get(&line.room_type_id).copied(),
            nights: &facts_of(line.stay, &quoted.nights),
            payable: Some(is_payable),
            ..Facts::default()
        };
        if let Some(blocked) = rules::first(ask, &facts) {
            return Err(wanted.refused(at, blocked));
        }
    }
    Ok(())
}

/// Prices what is wanted.
async fn quote(
    hotel_id: HotelId,
    wanted: &Wanted,
    app: &App,
    db: &mut PgConnection,
) -> Result<(Quote, Money), Problem> {
    let (found, lines) = look(hotel_id, wanted, db).await?;
    let rate_plan_id = line::rate_plan_of(&wanted.lines);
    let now = app.clock.now();
    let priced = model::price_lines(&lines, &found.taxes, found.currency);
    let today = Today::at(now, &zone_of(&found)?);
    allow(wanted, &found, &lines, today, priced.is_ok())?;
    let too_expensive = |_| wanted.refused(0, Blocked::TooExpensive);
    let priced = priced.map_err(too_expensive)?;
    let is_alike = line::are_alike(&wanted.lines);
    let nights = match lines.first() {
        Some(first) if is_alike => first.nights.clone(),
        _ => nights_of_all(&lines).map_err(too_expensive)?,
    };
    let quote = Quote {
        quote_id: QuoteId::of(hotel_id),
        hotel_id,
        cancellation_policy: rate_plan_id.and_then(|plan| found.policies.get(&plan).copied()),
        time_zone: found.time_zone,
        room_type_id: line::room_type_of(&wanted.lines).filter(|_| is_alike),
        rate_plan_id,
        stay: wanted.ask.stay,
        rooms: wanted.ask.rooms,
        party: wanted.party,
        nights,
        lines: if is_alike { Vec::new() } else { lines },
        taxes: priced.taxes,
        total: priced.total,
        // A token's expiry is in whole seconds; what is shown is what is meant.
        expires_at: (now + app.quote_ttl).trunc_subsecs(0),
    };
    Ok((quote, priced.total_before_taxes))
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

fn zone_of(offer: &store::Offers) -> Result<Tz, Broken> {
    let unknown = |_| Broken::Inconsistent(format!("the stored time zone {} is not known", offer.time_zone));
    offer.time_zone.parse().map_err(unknown)
}

problems!(Problems:
    Common::IdempotencyKeyInvalid, Common::NotFound, Code::NoPrice, Common::IdempotencyKeyReused,
    Code::InvalidStay, Code::StayTooLong, Code::StayInPast, Code::StayTooFarAhead,
    Code::PartyTooSmall, Code::PartyTooLarge, Code::InvalidAmount,
);

/// Price a stay.
///
/// The answer is the order form: nights with the price of each, taxes, the total that will be charged, what a
/// cancellation costs, and a signed token that holds all of it until `expires_at`. It takes no room out of sale. Rooms of
/// several types, of other dates or rate plans, or with guests that are to be spread in another way than evenly, are asked
/// for by `lines`; each of them is cancelled under its own rate plan and dates.
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
    let wanted = body.check()?;
    let pool = app.pool.clone();
    repeat::once(&pool, SCHEMA, request, move |db| {
        Box::pin(async move {
            let (mut quote, total_before_taxes) = quote(body.hotel_id, &wanted, &app, db).await?;
            let quote_token = app
                .tokens
                .sign(&quote, quote.expires_at)
                .map_err(|error| Broken::Inconsistent(format!("a quote could not be signed: {error}")))?;
            quote.lines = quote.quoted_lines();
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
