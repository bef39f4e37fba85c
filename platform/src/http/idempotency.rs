//! `Idempotency-Key`: the header, the request that it names, and the answer that is kept and given again.

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::caller::Caller;
use super::card;
use super::declared::PROBLEM;
use super::meaning::Common;
use super::problem::Problem;

/// The longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// The header (draft-ietf-httpapi-idempotency-key-header).
const KEY: &str = "idempotency-key";
/// The `Content-Type` of what is no problem.
const JSON: &str = "application/json";
/// Says that an answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A key with its scope: the same key of another client, or for another route, is another key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose it is.
    pub client: String,
    /// Method and path of the operation, as it stands in the OpenAPI document.
    pub route: String,
    /// What the client wrote.
    pub text: String,
}

/// A request whose body was not read yet: its key, if it has one, and what it is about.
#[derive(Debug, Clone)]
pub struct Keyed {
    key: Option<Key>,
    path: String,
}

/// A request under a key.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    /// The key.
    pub key: Key,
    /// Tells it from any other request.
    pub fingerprint: [u8; 32],
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = Caller::in_request(parts);
        let template = parts.extensions.get::<MatchedPath>();
        let template = template.map_or_else(|| parts.uri.path(), MatchedPath::as_str);
        let route = format!("{} {template}", parts.method);
        let key = read_key(&parts.headers)?.map(|text| Key {
            client: caller.client,
            route,
            text,
        });
        let path = parts.uri.path().to_owned();
        Ok(Self { key, path })
    }
}

impl Keyed {
    /// The request with this body, when it has a key. White space and the order of fields do not count; the path
    /// does: under one key the same body for another thing is another request.
    pub fn with(self, body: &impl Serialize) -> Option<KeyedRequest> {
        let Self { key, path } = self;
        let fingerprint = fingerprint(&(path, body));
        key.map(|key| KeyedRequest { key, fingerprint })
    }

    /// The request with this body, on a route where nothing is done without a key.
    ///
    /// # Errors
    /// 400 without a key.
    pub fn required(self, body: &impl Serialize) -> Result<KeyedRequest, Problem> {
        // A route whose path names nothing is told by its body alone.
        let fingerprint = fingerprint(body);
        let key = self.key.ok_or_else(missing)?;
        Ok(KeyedRequest { key, fingerprint })
    }
}

/// The key that a request must have.
///
/// # Errors
/// 400 when it is missing or cannot be one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    read_key(headers)?.ok_or_else(missing)
}

fn missing() -> Problem {
    let detail = "Send an Idempotency-Key header with a key of your choice, such as the quote_id. The same request \
                  under the same key is done once.";
    Problem::new(Common::IdempotencyKeyMissing, detail).at("Idempotency-Key")
}

/// Tells a request from any other under the same key: SHA-256 of it in one canonical form.
pub fn fingerprint(request: &impl Serialize) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).into()
}

/// The key of the header: 1 to 255 visible ASCII characters. In quotation marks, as the draft writes it, it is
/// the same key as without.
fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let wrong = |detail: &str| Problem::new(Common::IdempotencyKeyInvalid, detail).at("Idempotency-Key");
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(wrong(
            "Send one Idempotency-Key header; this request has several.",
        ));
    }
    let written = value.to_str().unwrap_or_default().trim_matches([' ', '\t']);
    let key = match written.strip_prefix('"') {
        Some(quoted) => unquoted(quoted),
        None => Some(written.to_owned()),
    };
    let fits = |key: &String| {
        (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = key.filter(fits).ok_or_else(|| {
        wrong("An Idempotency-Key is 1 to 255 visible ASCII characters without spaces, plain or in quotation marks.")
    })?;
    card::refuse_header("Idempotency-Key", &key)?;
    Ok(Some(key))
}

/// A string of RFC 9651 (structured fields), without its first quotation mark; only `"` and `\` are escaped.
fn unquoted(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return letters.as_str().is_empty().then_some(key),
            '\\' => key.push(letters.next().filter(|letter| ['"', '\\'].contains(letter))?),
            letter => key.push(letter),
        }
    }
}

/// An answer as it is kept under a key, and given again in the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The `Location`, if it names one.
    pub location: Option<String>,
    /// The `Content-Type`.
    pub content_type: String,
}

impl Stored {
    /// A JSON answer about what is at `location`.
    pub fn json(status: StatusCode, body: &impl Serialize, location: Option<String>) -> Self {
        Self {
            status: status.as_u16(),
            body: serde_json::to_vec(body).unwrap_or_default(),
            location,
            content_type: JSON.to_owned(),
        }
    }

    /// A refusal, perhaps with the path of what it is about.
    pub fn problem(problem: &Problem, location: Option<String>) -> Self {
        Self {
            content_type: PROBLEM.to_owned(),
            ..Self::json(problem.status(), problem.body(), location)
        }
    }

    /// An answer of which the status and the body were kept: a refusal from 400 on, below it JSON.
    pub fn kept(status: u16, body: Vec<u8>, location: Option<String>) -> Self {
        let content_type = if status < 400 { JSON } else { PROBLEM };
        Self {
            status,
            body,
            location,
            content_type: content_type.to_owned(),
        }
    }

    /// The answer to the first request.
    pub fn first(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::CONTENT_TYPE, &self.content_type);
        if let Some(location) = &self.location {
            set(header::LOCATION, location);
        }
        response
    }

    /// The answer to a repeat.
    pub fn again(self) -> Response {
        replayed(self.first())
    }
}

/// Says that an answer is one to a repeat.
pub fn replayed(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// 422: the key belongs to another request.
pub fn reused() -> Problem {
    let detail = "This Idempotency-Key belongs to another request. A new request needs a new key; a repeat must \
                  have the same path and the same body.";
    Problem::new(Common::IdempotencyKeyReused, detail).at("Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(KEY, line.parse().unwrap());
        }
        read_key(&headers).map_err(|problem| problem.body().code.clone())
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotation_marks() {
        for line in ["order-1", "\"order-1\"", " order-1 ", " \"order-1\" "] {
            assert_eq!(read(&[line]), Ok(Some("order-1".to_owned())), "{line}");
        }
        assert_eq!(read(&[r#""a\"b\\c""#]), Ok(Some(r#"a"b\c"#.to_owned())));
        // Inside a plain key everything visible is itself.
        assert_eq!(read(&[r#"a"b\c,;="#]), Ok(Some(r#"a"b\c,;="#.to_owned())));
        assert_eq!(read(&[]), Ok(None));
        let longest = "k".repeat(255);
        assert_eq!(read(&[&longest]), Ok(Some(longest.clone())));
        assert_eq!(read(&[&format!("\"{longest}\"")]), Ok(Some(longest)));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let long = "k".repeat(256);
        for line in [
            "",
            " ",
            "two words",
            "\"two words\"",
            "\"",
            "\"\"",
            "\"open",
            "\"a\"b",
            "\"a\", \"b\"",
            "\"a\";x=1",
            r#""a\b""#,
            r#""a\"#,
            &long,
            &format!("\"{long}\""),
        ] {
            assert_eq!(read(&[line]), Err("idempotency_key_invalid".to_owned()), "{line}");
        }
        assert_eq!(read(&["a", "a"]), Err("idempotency_key_invalid".to_owned()));
    }
}
