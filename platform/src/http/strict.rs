//! Strict reading of requests: what is unknown, of the wrong type or badly written is answered with a
//! problem that names the field, and nothing is guessed.

use std::collections::HashSet;

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
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
    let body = Bytes::from_request(request, state).await.map_err(|rejection| {
        let too_large = rejection.into_response_status() == StatusCode::PAYLOAD_TOO_LARGE;
        let code = if too_large {
            Common::BodyTooLarge
        } else {
            Common::MalformedBody
        };
        Problem::new(code, "The body is too large or ended early.")
    })?;
    if let Ok(value) = serde_json::from_slice(&body) {
        card::refuse_body(&value, grammar_of)?;
    }
    from_json(&body)
}

trait RejectionStatus {
    fn into_response_status(self) -> StatusCode;
}

impl RejectionStatus for axum::extract::rejection::BytesRejection {
    fn into_response_status(self) -> StatusCode {
        use axum::response::IntoResponse as _;
        self.into_response().status()
    }
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
        let query = parts.uri.query().unwrap_or_default();
        let mut seen = HashSet::new();
        for name in query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty())
        {
            if !seen.insert(name) {
                let message = format!("duplicate field `{name}`");
                return Err(invalid(String::new(), &message, Thing::Parameter));
            }
        }
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
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Body {
        name: String,
        #[serde(default)]
        nested: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Inner {
        count: u32,
    }

    fn problem(body: &str) -> (u16, String, Option<String>) {
        let problem = from_json::<Body>(body.as_bytes()).unwrap_err();
        (
            problem.body().status,
            problem.body().code.clone(),
            problem.body().pointer.clone(),
        )
    }

    #[test]
    fn a_bad_field_is_named() {
        let (status, code, pointer) = problem(r#"{"name":"a","nested":[{"count":1},{"count":"1"}]}"#);
        assert_eq!(
            (status, code.as_str(), pointer.as_deref()),
            (422, "invalid_field", Some("/nested/1/count"))
        );
        for (body, pointer) in [
            (r#"{"name":"a","other":1}"#, "/other"),
            (r#"{"name":"a","name":"b"}"#, "/name"),
            (r#"{"nested":[]}"#, "/name"),
            (r#"{"name":"a","nested":[{"count":1},{}]}"#, "/nested/1/count"),
        ] {
            let (status, _, at) = problem(body);
            assert_eq!((status, at.as_deref()), (422, Some(pointer)), "{body}");
        }
    }

    #[test]
    fn a_list_is_never_read_as_the_fields_of_an_object() {
        let (status, _, pointer) = problem(r#" ["a",[]]"#);
        assert_eq!((status, pointer.as_deref()), (422, Some("")));
        let (status, _, pointer) = problem(r#"{"name":"a","nested":[{"count":1},[2]]}"#);
        assert_eq!((status, pointer.as_deref()), (422, Some("/nested/1")));
    }

    #[test]
    fn a_long_name_is_not_repeated() {
        let long = "k".repeat(60_000);
        let body = format!(r#"{{"name":"a","{long}":1}}"#);
        let problem = from_json::<Body>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.body().pointer.as_deref(), Some(""));
        assert!(problem.body().detail.len() < 200);
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Query {
        count: u16,
        on: Option<bool>,
    }

    #[tokio::test]
    async fn a_bad_parameter_is_answered_like_a_bad_field() {
        for (query, pointer, detail) in [
            (
                "count=x",
                "count",
                "This takes a whole number in digits, such as 2.",
            ),
            (
                "count=70000",
                "count",
                "The number is larger than any that is taken here.",
            ),
            ("count=1&on=maybe", "on", "This takes true or false."),
            ("", "count", "The parameter `count` is missing."),
            ("count=1&count=1", "count", "The parameter `count` stands twice."),
            (
                "count=1&%63ount=1",
                "count",
                "The parameter `count` stands twice.",
            ),
            (
                "count=1&a/b~=1",
                "a/b~",
                "There is no parameter `a/b~`; `count` and `on` are known here.",
            ),
        ] {
            let uri = format!("/?{query}");
            let (mut parts, ()) = axum::http::Request::get(uri).body(()).unwrap().into_parts();
            let read = StrictQuery::<Query>::from_request_parts(&mut parts, &()).await;
            let problem = read.unwrap_err();
            let problem = problem.body();
            assert_eq!(
                (
                    problem.status,
                    problem.code.as_str(),
                    problem.pointer.as_deref(),
                    problem.detail.as_str()
                ),
                (422, "invalid_field", Some(pointer), detail),
                "{query}"
            );
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only reading is tested")]
    enum Word {
        One,
        Two(u8),
    }

    #[test]
    fn what_is_not_one_of_the_words_is_invalid_and_not_malformed() {
        for body in [
            "7",
            "null",
            "[]",
            "{}",
            r#"{"two":1,"one":null}"#,
            r#""three""#,
            r#"{"two":"x"}"#,
        ] {
            let problem = from_json::<Word>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.body().status, 422, "{body}: {problem:?}");
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in [
            "",
            "{",
            "{\"name\":\"a\"} x",
            "\u{feff}{\"name\":\"a\"}",
            "{\"name\":\"\\ud800\"}",
        ] {
            assert_eq!(problem(body).0, 400, "{body:?}");
        }
    }
}
