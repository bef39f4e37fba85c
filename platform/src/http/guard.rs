//! What a request must be before any handler sees it: sent to a host, framed in one way only, and whole.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::meaning::Common;
use super::problem::Problem;

/// A client has this many seconds to send a body: 64 KiB at the speed of the slowest telephone.
const BODY_SECONDS: u64 = 10;

/// Refuses a request that is not sent to one host, and ends the connection after a body in chunks (RFC 9112,
/// sections 3.2 and 6.3): the parser drops a length that stood beside the chunks, so nobody can tell whether
/// another reader, in front of this one, took that length for the end and what follows for the next request.
pub(super) async fn framing(request: Request, next: Next) -> Response {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if request.version() == Version::HTTP_11 && !names_one_host(request.headers()) {
        let detail = "Send exactly one Host header, a name or an address.";
        let problem = Problem::new(Common::InvalidHost, detail).at("Host");
        return closing(problem.into_response());
    }
    let response = next.run(request).await;
    if chunked { closing(response) } else { response }
}

fn names_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    Authority::try_from(host.as_bytes()).is_ok_and(|authority| {
        let whole = authority.port_u16().is_some() || authority.as_str() == authority.host();
        whole && !authority.host().is_empty() && !authority.as_str().contains('@')
    })
}

/// Reads the body before the handler runs: no handler holds anything while a client takes its time.
pub(super) async fn whole_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let reading = Bytes::from_request(Request::new(body), &());
    match tokio::time::timeout(Duration::from_secs(BODY_SECONDS), reading).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        Ok(Err(_)) => {
            let detail = "The body ended early or is not framed as its headers say.";
            closing(Problem::new(Common::MalformedBody, detail).into_response())
        }
        Err(_) => {
            let detail = format!("The body was not there after {BODY_SECONDS} s.");
            closing(Problem::new(Common::BodyTooSlow, detail).into_response())
        }
    }
}

/// The answer to a body that is too large. Such a body is not read to its end, so its connection cannot be used
/// again: the client is told, or its next request would meet a closed connection.
pub(super) fn too_large() -> Response {
    let detail = format!("A request body has at most {} bytes.", super::BODY_BYTES_MAX);
    closing(Problem::new(Common::BodyTooLarge, detail).into_response())
}

/// The connection ends with this response.
pub(super) fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(hosts: &[&'static str]) -> bool {
        let hosts = hosts
            .iter()
            .map(|host| (header::HOST, HeaderValue::from_static(host)));
        let mut headers = HeaderMap::new();
        hosts.for_each(|(name, host)| {
            headers.append(name, host);
        });
        names_one_host(&headers)
    }

    #[test]
    fn a_request_names_one_host() {
        for host in ["x", "bellhop.example:8080", "127.0.0.1:1", "[::1]:8080"] {
            assert!(named(&[host]), "{host}");
        }
        for host in ["", "a b", "user@x", "x/y", "[::1", "x:y"] {
            assert!(!named(&[host]), "{host:?}");
        }
        assert!(!named(&[]) && !named(&["x", "x"]));
    }

    /// What comes of a request that passes both guards to a handler that says how long its body is.
    async fn answered(
        request: axum::http::request::Builder,
        body: Body,
    ) -> (StatusCode, bool, serde_json::Value) {
        use axum::{Router, middleware::from_fn, routing::any};
        use tower::ServiceExt as _;

        let length = async |body: Bytes| axum::Json(body.len());
        let guarded = Router::new()
            .route("/", any(length))
            .layer(from_fn(whole_body))
            .layer(tower_http::limit::RequestBodyLimitLayer::new(
                super::super::BODY_BYTES_MAX,
            ))
            .layer(from_fn(framing));
        let response = guarded.oneshot(request.body(body).unwrap()).await.unwrap();
        let closes = response
            .headers()
            .get(header::CONNECTION)
            .is_some_and(|value| value == "close");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, closes, serde_json::from_slice(&body).unwrap())
    }

    fn request(version: Version) -> axum::http::request::Builder {
        Request::builder().version(version).uri("/")
    }

    #[tokio::test]
    async fn only_a_request_of_this_century_names_its_host() {
        let (status, closes, body) = answered(request(Version::HTTP_11), Body::empty()).await;
        assert_eq!(
            (status, closes, &body["code"]),
            (StatusCode::BAD_REQUEST, true, &"invalid_host".into())
        );
        assert_eq!(body["pointer"], "Host");
        let named = request(Version::HTTP_11).header(header::HOST, "x");
        assert_eq!(
            answered(named, Body::empty()).await,
            (StatusCode::OK, false, 0.into())
        );
        assert_eq!(
            answered(request(Version::HTTP_10), Body::empty()).await,
            (StatusCode::OK, false, 0.into())
        );
    }

    #[tokio::test]
    async fn a_connection_ends_after_a_body_in_chunks() {
        let chunked = request(Version::HTTP_11)
            .header(header::HOST, "x")
            .header(header::TRANSFER_ENCODING, "chunked");
        assert_eq!(
            answered(chunked, Body::from("abc")).await,
            (StatusCode::OK, true, 3.into())
        );
    }

    #[tokio::test]
    async fn a_body_arrives_whole_or_not_at_all() {
        let post = || request(Version::HTTP_11).header(header::HOST, "x");
        let largest = vec![b'x'; super::super::BODY_BYTES_MAX];
        assert_eq!(
            answered(post(), Body::from(largest.clone())).await,
            (StatusCode::OK, false, largest.len().into())
        );
        let larger = [&largest[..], b"x"].concat();
        let (status, closes, body) = answered(post(), Body::from(larger)).await;
        assert_eq!(
            (status, closes, &body["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, true, &"body_too_large".into())
        );
        let broken = futures::stream::iter([Ok("abc"), Err(std::io::Error::other("gone"))]);
        let (status, closes, body) = answered(post(), Body::from_stream(broken)).await;
        assert_eq!(
            (status, closes, &body["code"]),
            (StatusCode::BAD_REQUEST, true, &"malformed_body".into())
        );
    }
}
