//! The availability service's routes.

pub mod availability;
pub mod calendar;
pub mod combinations;
pub mod explain;
#[cfg(test)]
mod offer_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use contract::StayDate;
use platform::access::Row;
use platform::http::{Common, Problem};
use platform::operations;
use rules::{Ask, Blocked, Facts, Field, NightFacts, Today};
use serde::Serialize;

use crate::service::Service;

operations! { pub Arc<Service>;
    GetAvailability = availability::get: Row::anyone(),
    GetCalendar = calendar::get: Row::anyone(),
    GetCombinations = combinations::get: Row::anyone().cost(2),
}

/// What is not offered whatever room type is taken, as the quote refuses it too, with the same code.
fn refused(blocked: Blocked) -> Problem {
    let parameter = blocked.field().map_or("check_in", Field::parameter);
    blocked
        .tell(Problem::refused, |detail| {
            Problem::new(Common::InvalidField, detail)
        })
        .at(parameter)
}

/// Whether a stay is offered at all, whatever room type is taken.
fn offered_by_hotel(ask: &Ask, today: Today) -> Result<(), Problem> {
    let facts = Facts {
        today: Some(today),
        ..Facts::default()
    };
    rules::first(ask, &facts).map_or(Ok(()), |blocked| Err(refused(blocked)))
}

/// What the nights say in one rate plan. A closed night has no rooms left, and nothing here knows why.
fn facts_of(left: &[Option<u64>], prices: &[Option<u64>]) -> Vec<NightFacts> {
    let nights = left.iter().zip(prices);
    let facts = nights.map(|(left, price)| NightFacts {
        closed: None,
        left: Some(left.map_or(0, |left| u32::try_from(left).unwrap_or(u32::MAX))),
        priced: Some(price.is_some()),
    });
    facts.collect()
}

/// A parameter that has no default.
fn required<T>(parameter: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| {
        let detail = format!("The parameter `{parameter}` is missing.");
        Problem::invalid_field(parameter, detail)
    })
}

/// The nights as text, each written once however often the answer names it.
fn night_names(from: StayDate, count: usize) -> Vec<String> {
    let offsets = (0_u32..).take(count);
    offsets.map(|offset| from.plus_days(offset).to_string()).collect()
}

/// A JSON answer of about `bytes` bytes. Not to be stored by anybody: it is about this moment.
fn json(body: &impl Serialize, bytes: usize) -> Response {
    let mut buffer = Vec::with_capacity(bytes);
    if let Err(error) = serde_json::to_writer(&mut buffer, body) {
        tracing::error!(error = platform::chain(&error), "an answer could not be written");
        let detail = "Something is wrong on our side.";
        return Problem::new(Common::Internal, detail).into_response();
    }
    let set = |value| HeaderValue::from_static(value);
    let headers = [
        (header::CONTENT_TYPE, set("application/json")),
        (header::CACHE_CONTROL, set("no-store")),
    ];
    (headers, buffer).into_response()
}
