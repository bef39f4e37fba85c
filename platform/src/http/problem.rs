//! Errors as `application/problem+json` (RFC 9457), with a stable code, a pointer to the field, and
//! whether a retry helps and when. Never a stack, never a word of the database's.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::declared::PROBLEM;
use super::meaning::Common;
use crate::db::Broken;

/// A refusal that the service itself calls busy may be asked for again after this many seconds.
const BUSY_SECONDS: u32 = 1;
/// The names of the body's own fields; no member is called so.
const FIELDS: [&str; 8] = [
    "type",
    "title",
    "status",
    "code",
    "detail",
    "pointer",
    "retryable",
    "retry_after_seconds",
];

/// The body of a problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI reference for this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not_found")]
    pub kind: String,
    /// The kind of problem in words, the same each time.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// A stable slug for programs: one of `ProblemCode`, or a word of a newer release, of which the status says
    /// enough.
    #[schema(example = "not_found", pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    /// What is wrong this time and what to do about it.
    pub detail: String,
    /// JSON pointer (RFC 6901) to the field of the body, or the name of the parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/check_out")]
    pub pointer: Option<String>,
    /// What else is told, by name (RFC 9457, section 3.2).
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: Map<String, Value>,
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
    /// What any interface may answer.
    pub fn new(code: Common, detail: impl Into<String>) -> Self {
        let meaning = code.meaning();
        Self::of(meaning.status, meaning.word, detail.into())
    }

    /// A refusal by a table that is not ours: its status, code, sentence and further members.
    pub fn refused(status: u16, code: &str, detail: &str, members: Vec<(&str, Value)>) -> Self {
        let mut problem = Self::of(status, code, detail.to_owned());
        for (name, value) in members {
            problem = problem.with(name, value);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return problem.retry_after(BUSY_SECONDS);
        }
        problem
    }

    fn of(status: u16, code: &str, detail: String) -> Self {
        let title = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason());
        Self(Box::new(ProblemBody {
            kind: format!("/problems/{code}"),
            title: title.unwrap_or("Error").to_owned(),
            status,
            code: code.to_owned(),
            detail,
            pointer: None,
            members: Map::new(),
            retryable: false,
            retry_after_seconds: None,
        }))
    }

    /// 422: a field or parameter has a value that it does not take.
    pub fn invalid_field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::new(Common::InvalidField, detail).at(pointer)
    }

    /// 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(Common::NotFound, format!("There is no such {what}."))
    }

    /// 503: something that the request needs is away or busy.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(Common::Unavailable, detail).retry_after(retry_after_seconds)
    }

    /// Names the field: a JSON pointer, or a parameter's or header's name.
    #[must_use]
    pub fn at(mut self, pointer: &str) -> Self {
        self.0.pointer = Some(pointer.to_owned());
        self
    }

    /// Tells more, by name. What the body has a field for is never overwritten.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !FIELDS.contains(&name) {
            self.0.members.insert(name.to_owned(), value.into());
        }
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
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response();
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
        tracing::error!(error = crate::chain(&error), "a request failed");
        if error.is_transient() {
            return Self::unavailable("The database is busy or away; nothing was changed. Try again.", 1);
        }
        let detail = "Something is wrong on our side; nothing was changed.";
        Self::new(Common::Internal, detail)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_of_another_table_is_told_with_all_its_members_and_its_status() {
        let members = vec![
            ("night", json!("2027-02-28")),
            ("status", json!(200)),
            ("moon", json!({"full": true})),
        ];
        let problem = Problem::refused(410, "moonlight", "The moon is too bright.", members).at("/check_in");
        assert_eq!(problem.status(), StatusCode::GONE);
        let body = serde_json::to_string(problem.body()).unwrap();
        assert_eq!(
            body,
            r#"{"type":"/problems/moonlight","title":"Gone","status":410,"code":"moonlight","detail":"The moon is too bright.","pointer":"/check_in","moon":{"full":true},"night":"2027-02-28","retryable":false}"#
        );
    }

    #[test]
    fn what_is_busy_may_be_asked_for_again() {
        let response = Problem::refused(503, "moonlight", "Wait.", Vec::new()).into_response();
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
