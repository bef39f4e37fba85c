//! Errors as `application/problem+json` (RFC 9457), with a stable code, a pointer to the field, and
//! whether a retry helps and when. Never a stack, never a word of the database's.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::Broken;

/// The body of a problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI reference for this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/sold_out")]
    pub kind: String,
    /// The kind of problem in words, the same each time.
    #[schema(example = "Conflict")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// A stable slug for programs.
    #[schema(example = "sold_out")]
    pub code: String,
    /// What is wrong this time and what to do about it.
    pub detail: String,
    /// JSON pointer (RFC 6901) to the field of the body, or the name of the parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/check_out")]
    pub pointer: Option<String>,
    /// The night that decided, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-24")]
    pub night: Option<String>,
    /// The reservation that this is about: the one that the request made before it was refused, or the one that
    /// stands in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
    pub reservation_id: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// After how many seconds to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// A request that was not served, and why.
#[derive(Debug, Clone)]
pub struct Problem(Box<ProblemBody>);

impl Problem {
    /// A problem that no retry helps.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemBody {
            kind: format!("/problems/{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            pointer: None,
            night: None,
            reservation_id: None,
            retryable: false,
            retry_after_seconds: None,
        }))
    }

    /// 422: the request is well-formed and its content is wrong.
    pub fn invalid(code: &str, pointer: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(pointer)
    }

    /// 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}."),
        )
    }

    /// 503: something that the request needs is away or busy.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after_seconds)
    }

    /// Names the field: a JSON pointer, or a parameter's or header's name.
    #[must_use]
    pub fn at(mut self, pointer: &str) -> Self {
        self.0.pointer = Some(pointer.to_owned());
        self
    }

    /// Names the night that decided.
    #[must_use]
    pub fn on_night(mut self, night: impl std::fmt::Display) -> Self {
        self.0.night = Some(night.to_string());
        self
    }

    /// Names the reservation that the request made before it was refused, or that stands in its way.
    #[must_use]
    pub fn about(mut self, reservation_id: impl std::fmt::Display) -> Self {
        self.0.reservation_id = Some(reservation_id.to_string());
        self
    }

    /// A retry may help, after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retryable = true;
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The body.
    pub fn body(&self) -> &ProblemBody {
        &self.0
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.0.retry_after_seconds;
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Broken> for Problem {
    /// Logged here, once, with the whole chain; the client learns only whether to come back.
    fn from(error: Broken) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
        if error.is_transient() {
            return Self::unavailable("The database is busy or away; nothing was changed. Try again.", 1);
        }
        let detail = "Something is wrong on our side; nothing was changed.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}
