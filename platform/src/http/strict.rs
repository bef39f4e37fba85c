//! Strict reading of requests: what is unknown, of the wrong type or badly written is answered with a
//! problem that names the field, and nothing is guessed.

use std::collections::HashSet;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::objects::Objects;
use super::problem::Problem;

/// A pointer longer than this, in bytes, is into names that no body of ours has.
pub(super) const POINTER_BYTES_MAX: usize = 200;
/// The longest detail about a field, in bytes.
const DETAIL_BYTES_MAX: usize = 500;

/// A JSON body. The type decides what is allowed; unknown and duplicate fields are refused when it says
/// `deny_unknown_fields`.
#[derive(Debug, Clone)]
pub struct StrictJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.into_response_status();
            let detail = "The body is too large or ended early.";
            Problem::new(
                status,
                if status == StatusCode::PAYLOAD_TOO_LARGE {
                    "body_too_large"
                } else {
                    "malformed_body"
                },
                detail,
            )
        })?;
        from_json(&body).map(Self)
    }
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
    let unsupported = |detail: &str| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
        .at("Content-Type")
    };
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
    let malformed = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let value = T::deserialize(Objects(tracked)).map_err(|inner| {
        let detail = sentence(&inner.to_string());
        match inner.classify() {
            serde_json::error::Category::Data => invalid(&track.path(), detail),
            // A word or an object was expected, and the parser gives up as if the text were broken.
            _ if serde_json::from_slice::<serde_json::Value>(body).is_ok() => {
                invalid(&track.path(), "Not a value that this field takes.".to_owned())
            }
            _ => malformed(detail),
        }
    })?;
    reader
        .end()
        .map_err(|_| malformed("The body goes on after the JSON value.".to_owned()))?;
    Ok(value)
}

/// 422 at the field where reading stopped. What the client wrote is repeated only as far as it helps.
fn invalid(path: &serde_path_to_error::Path, mut detail: String) -> Problem {
    let mut pointer = pointer_of(path);
    if pointer.len() > POINTER_BYTES_MAX {
        pointer.clear();
    }
    if detail.len() > DETAIL_BYTES_MAX {
        let end = detail.floor_char_boundary(DETAIL_BYTES_MAX);
        detail.truncate(end);
        detail.push('…');
    }
    Problem::invalid("invalid_field", &pointer, detail)
}

/// An RFC 6901 pointer to where reading stopped; the whole body is the empty pointer.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// serde's message as a sentence, without the position that only programmers of parsers want.
fn sentence(message: &str) -> String {
    let text = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// The query string. Unknown and repeated parameters are refused (the type says `deny_unknown_fields`).
#[derive(Debug, Clone)]
pub struct StrictQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_query", detail);
        let query = parts.uri.query().unwrap_or_default();
        let mut seen = HashSet::new();
        for name in query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty())
        {
            if !seen.insert(name) {
                return Err(wrong("A parameter stands twice in the query.".to_owned()).at(name));
            }
        }
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|rejection| {
            use std::error::Error as _;
            let inner = rejection
                .source()
                .map_or_else(|| rejection.to_string(), ToString::to_string);
            let problem = wrong(sentence(&inner));
            match inner.split_once(": ") {
                Some((name, _)) if !name.contains(' ') => problem.at(name),
                _ => problem,
            }
        })
    }
}

/// The ids of the path: one, or a tuple in the order in which they stand. What is not an id is answered
/// like an id that does not exist: 404.
#[derive(Debug, Clone, Copy)]
pub struct StrictPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for StrictPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(ids)| Self(ids))
            .map_err(|_| Problem::not_found("resource; ids are UUIDs in lower case with hyphens"))
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
        assert_eq!(problem(r#"{"name":"a","other":1}"#).0, 422);
        assert_eq!(problem(r#"{"name":"a","name":"b"}"#).0, 422);
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
        assert!(problem.body().detail.len() < 600);
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
