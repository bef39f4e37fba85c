//! Files of pages that are part of the executable.

use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'";

/// Answers with the file, which is asked for again each time.
pub fn page(kind: &'static str, text: &'static str) -> MethodRouter {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    get(move || std::future::ready((headers, text).into_response()))
}
