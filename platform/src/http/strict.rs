//! Strict reading of requests: what is unknown, of the wrong type or badly written is answered with a
//! problem that names the field, and nothing is guessed.

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::card::{self, GrammarOf};
use super::meaning::Common;
use super::objects::Objects;
use super::problem::Problem;
use super::sentence::{Thing, say};

/// A pointer longer than this, in bytes, is into names that no body of ours has.
pub(super) const POINTER_BYTES_MAX: usize = 200;

/// A JSON body. The type decides what is allowed; unknown and duplicate fields are refused when it says
/// `deny_unknown_fields`. A card number anywhere in it is refused.
#[derive(Debug, Clone)]
pub struct StrictJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        strict_json(request, state, card::of_any_field).await.map(Self)
    }
}

/// Reads a JSON body as [`StrictJson`] does, where some fields have a grammar of their own that explains numbers.
///
/// # Errors
/// What is wrong with the body.
pub async fn strict_json<S: Send + Sync, T: DeserializeOwned>(
    request: Request,
    state: &S,
    grammar_of: GrammarOf,
) -> Result<T, Problem> {
    check_content_type(request.headers())?;
    // It is there as a whole already, so this does not fail.
    let body = Bytes::from_request(request, state).await;
    let body = body.map_err(|_| Problem::new(Common::MalformedBody, "The body ended early."))?;
    if let Ok(value) = serde_json::from_slice(&body) {
        card::refuse_body(&value, grammar_of)?;
    }
    from_json(&body)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |detail: &str| Problem::new(Common::UnsupportedMediaType, detail).at("Content-Type");
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("Send the body without a Content-Encoding."));
    }
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut pieces = value.split(';').map(str::trim);
    let json = pieces
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = pieces.all(|piece| {
        let lower = piece.to_ascii_lowercase();
        !lower.starts_with("charset=") || lower.trim_start_matches("charset=").trim_matches('"') == "utf-8"
    });
    if json && utf8 {
        Ok(())
    } else {
        Err(unsupported("Send application/json in UTF-8."))
    }
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let malformed = |detail: String| Problem::new(Common::MalformedJson, detail);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let value = T::deserialize(Objects(tracked)).map_err(|inner| {
        let path = || pointer_of(&track.path());
        match inner.classify() {
            serde_json::error::Category::Data => invalid(path(), &inner.to_string(), Thing::Field),
            // A word or an object was expected, and the parser gives up as if the text were broken.
            _ if serde_json::from_slice::<serde_json::Value>(body).is_ok() => {
                let detail = "This is not a value that the field takes.";
                Problem::invalid_field(&path(), detail)
            }
            _ if inner.to_string().starts_with("number out of range") => {
                let detail = "The number is larger than any that is taken here.";
                Problem::invalid_field(&path(), detail)
            }
            _ if body.trim_ascii().is_empty() => malformed("The body is empty; send JSON.".to_owned()),
            _ if inner.is_eof() => malformed("The body is not JSON: it ends too early.".to_owned()),
            _ => malformed(format!(
                "The body is not JSON: it cannot be read on from line {}, column {}.",
                inner.line(),
                inner.column()
            )),
        }
    })?;
    reader
        .end()
        .map_err(|_| malformed("The body goes on after the JSON value.".to_owned()))?;
    Ok(value)
}

/// 422 at the field or parameter where reading stopped, or beside which what is missing or stands twice belongs.
fn invalid(mut pointer: String, message: &str, thing: Thing) -> Problem {
    let said = say(message, thing);
    match (said.about, thing) {
        (Some(name), Thing::Field) => pointer.push_str(&step(&name)),
        (Some(name), Thing::Parameter) => pointer = name,
        (None, _) => {}
    }
    if pointer.len() > POINTER_BYTES_MAX {
        pointer.clear();
    }
    Problem::invalid_field(&pointer, said.detail)
}

/// An RFC 6901 pointer to where reading stopped; the whole body is the empty pointer.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(step(key)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// One step of a pointer.
fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The query string. Unknown and repeated parameters are refused (the type says `deny_unknown_fields`), and what
/// is wrong has the status and code that it has in a body: 422 `invalid_field`, here with the parameter's name.
#[derive(Debug, Clone)]
pub struct StrictQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        card::refuse_query(&parts.uri)?;
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0))
            .map_err(|rejection| in_query(&rejection))
    }
}

/// What is wrong with a query, at the parameter where reading stopped.
fn in_query(rejection: &(dyn std::error::Error + 'static)) -> Problem {
    type Refused = serde_path_to_error::Error<serde::de::value::Error>;
    let mut causes = std::iter::successors(Some(rejection), |cause| cause.source());
    match causes.find_map(<dyn std::error::Error>::downcast_ref::<Refused>) {
        Some(refused) => {
            let path = pointer_of(refused.path());
            let name = path.strip_prefix('/').unwrap_or_default().replace("~1", "/");
            let name = name.replace("~0", "~");
            invalid(name, &refused.inner().to_string(), Thing::Parameter)
        }
        None => Problem::invalid_field("", "The query cannot be read."),
    }
}

/// The ids of the path: one, or a tuple in the order in which they stand. What is not an id is answered
/// like an id that does not exist: 404, with the parameter's name.
#[derive(Debug, Clone, Copy)]
pub struct StrictPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for StrictPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(ids)| Self(ids)).map_err(no_id)
    }
}

fn no_id(rejection: PathRejection) -> Problem {
    let problem = Problem::not_found("resource; ids are UUIDs in lower case with hyphens");
    let PathRejection::FailedToDeserializePathParams(why) = rejection else {
        return problem;
    };
    match why.into_kind() {
        ErrorKind::DeserializeError { key, .. } | ErrorKind::InvalidUtf8InPathParam { key } => {
            problem.at(&key)
        }
        _ => problem,
    }
}

#[cfg(test)]
#[path = "strict_tests.rs"]
mod tests;
