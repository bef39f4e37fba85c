//! Which web pages of elsewhere may call the platform from a browser (the CORS protocol of the Fetch standard).

use std::str::FromStr;
use std::time::Duration;

use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{Any, CorsLayer};

/// How long a browser may remember what a preflight was told, in seconds.
const REMEMBERED_SECONDS: u64 = 3_600;
/// How an origin is written.
const HOW: &str = "an origin is * or a scheme and a host as browsers send them, such as https://www.example.com or \
                   http://localhost:3000: in lower case, without a path, a final slash or the scheme's own port";

/// Where a page may come from: one place, or anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Anywhere; written `*`.
    Any,
    /// Exactly this scheme, host and port.
    Exactly(HeaderValue),
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (scheme, authority) = text.split_once("://").ok_or(HOW)?;
        let own_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(HOW),
        };
        let read: Authority = authority.parse().map_err(|_| HOW)?;
        let as_sent = !read.host().is_empty()
            && !authority.contains(['@', '*'])
            && !authority.ends_with(':')
            && !authority.bytes().any(|byte| byte.is_ascii_uppercase())
            && read.port_u16() != Some(own_port)
            && (read.port_u16().is_some()
                == authority.rsplit(']').next().is_some_and(|end| end.contains(':')));
        let value = HeaderValue::from_str(text).map_err(|_| HOW)?;
        if as_sent {
            Ok(Self::Exactly(value))
        } else {
            Err(HOW)
        }
    }
}

/// Lets pages of these origins call what is below; a preflight is answered here. None when there are no origins.
pub fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    let named = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            named("idempotency-key"),
            named("prefer"),
        ])
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            named("idempotent-replayed"),
            named("preference-applied"),
        ])
        .max_age(Duration::from_secs(REMEMBERED_SECONDS));
    if origins.contains(&Origin::Any) {
        return Some(layer.allow_origin(Any));
    }
    let exactly: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| match origin {
            Origin::Any => None,
            Origin::Exactly(value) => Some(value.clone()),
        })
        .collect();
    (!exactly.is_empty()).then(|| layer.allow_origin(exactly))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    const SHOP: &str = "https://shop.example";

    async fn ask(origins: &[&str], method: Method, path: &str, from: &str) -> Response {
        let busy = || async { super::super::Problem::unavailable("Busy.", 1) };
        let routes = Router::new()
            .route("/taken", post(|| async { "taken" }))
            .route("/busy", post(busy));
        let origins: Vec<Origin> = origins.iter().map(|text| text.parse().unwrap()).collect();
        let mut routes = super::super::layers(routes);
        if let Some(cors) = cors(&origins) {
            routes = routes.layer(cors);
        }
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header("origin", from);
        if method == Method::OPTIONS {
            request = request.header("access-control-request-method", "POST").header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key,prefer",
            );
        }
        let long = if path == "/taken?long" { 70_000 } else { 0 };
        let request = request
            .header("content-length", long)
            .body(Body::from(vec![b' '; long]))
            .unwrap();
        routes.oneshot(request).await.unwrap()
    }

    fn allowed(answer: &Response) -> Option<&str> {
        let value = answer.headers().get("access-control-allow-origin")?;
        value.to_str().ok()
    }

    #[tokio::test]
    async fn a_preflight_is_told_what_a_page_may_send() {
        let answer = ask(&[SHOP], Method::OPTIONS, "/taken", SHOP).await;
        assert_eq!((answer.status(), allowed(&answer)), (StatusCode::OK, Some(SHOP)));
        let headers = answer.headers()["access-control-allow-headers"].to_str().unwrap();
        for name in ["authorization", "content-type", "idempotency-key", "prefer"] {
            assert!(headers.contains(name), "{headers}");
        }
        assert!(
            answer.headers()["access-control-allow-methods"]
                .to_str()
                .unwrap()
                .contains("PUT")
        );
    }

    #[tokio::test]
    async fn answers_and_refusals_alike_can_be_read_by_the_page() {
        for (path, status) in [
            ("/taken", 200),
            ("/nothing", 404),
            ("/taken?long", 413),
            ("/busy", 503),
        ] {
            let answer = ask(&["https://other.example", SHOP], Method::POST, path, SHOP).await;
            assert_eq!(
                (answer.status().as_u16(), allowed(&answer)),
                (status, Some(SHOP)),
                "{path}"
            );
            let exposed = answer.headers()["access-control-expose-headers"]
                .to_str()
                .unwrap();
            for name in ["location", "retry-after", "idempotent-replayed"] {
                assert!(exposed.contains(name), "{exposed}");
            }
        }
        let answer = ask(&["*"], Method::POST, "/taken", SHOP).await;
        assert_eq!(allowed(&answer), Some("*"));
    }

    #[tokio::test]
    async fn nobody_else_is_let_in() {
        for origins in [&[][..], &[SHOP][..]] {
            for from in [
                "https://evil.example",
                "https://shop.example.evil.example",
                "http://shop.example",
                "null",
            ] {
                for method in [Method::OPTIONS, Method::POST] {
                    let answer = ask(origins, method, "/taken", from).await;
                    assert_eq!(allowed(&answer), None, "{origins:?} {from}");
                }
            }
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_how_it_is_written() {
        for good in [
            "*",
            SHOP,
            "http://localhost:3000",
            "http://[::1]:8080",
            "http://127.0.0.1:5173",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/a",
            "https://Shop.example",
            "https://*.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "ftp://shop.example",
            "null",
            "https://a@shop.example",
            "https://shop.example:",
            "https://shop.example:99999",
            "https://shop example",
            " *",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(HOW), "{bad:?}");
        }
    }
}
