//! The saga inspection page: three files of the folder `dashboard/`, part of the executable. It uses the
//! public API only.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'";

const PAGE: &str = include_str!("../../dashboard/index.html");
const SCRIPT: &str = include_str!("../../dashboard/app.js");
const STYLE: &str = include_str!("../../dashboard/style.css");

/// The page's files, to be nested at `/dashboard/`.
pub fn dashboard() -> Router {
    Router::new()
        .route("/", file("text/html; charset=utf-8", PAGE))
        .route("/app.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/style.css", file("text/css; charset=utf-8", STYLE))
}

fn file(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    get(move || std::future::ready((headers, text).into_response()))
}
