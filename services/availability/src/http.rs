//! The availability service's routes.

pub mod availability;
pub mod calendar;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::StayDate;
use platform::http::Problem;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Service;

/// All routes with their documentation.
pub fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(availability::get))
        .routes(routes!(calendar::get))
}

/// A problem with a parameter of the query: 400 that names it.
fn wrong(parameter: &str, code: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail).at(parameter)
}

/// A parameter that has no default.
fn required<T>(parameter: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| {
        wrong(
            parameter,
            "missing_parameter",
            format!("Send the parameter {parameter}."),
        )
    })
}

/// A number within its bounds.
fn within(parameter: &str, value: u16, least: u16, most: u16) -> Result<u16, Problem> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(wrong(
        parameter,
        "invalid_parameter",
        format!("{parameter} is {least} to {most}."),
    ))
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
        tracing::error!(%error, "an answer could not be written");
        let detail = "Something is wrong on our side.";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response();
    }
    let set = |value| HeaderValue::from_static(value);
    let headers = [
        (header::CONTENT_TYPE, set("application/json")),
        (header::CACHE_CONTROL, set("no-store")),
    ];
    (headers, buffer).into_response()
}
