//! The saga inspection page: the files of the folder `dashboard/`, part of the executable. It uses the
//! public API only.

use axum::Router;
use platform::http::page;

const PAGE: &str = include_str!("../../dashboard/index.html");
const SCRIPT: &str = include_str!("../../dashboard/app.js");
const STYLE: &str = include_str!("../../dashboard/style.css");
const ICON: &str = include_str!("../../dashboard/icon.svg");

/// The paths of the page's files.
pub const DASHBOARD: [&str; 4] = [
    "/dashboard/",
    "/dashboard/app.js",
    "/dashboard/style.css",
    "/dashboard/icon.svg",
];

/// The page's files, to be nested at `/dashboard/`.
pub fn dashboard() -> Router {
    Router::new()
        .route("/", page("text/html; charset=utf-8", PAGE))
        .route("/app.js", page("text/javascript; charset=utf-8", SCRIPT))
        .route("/style.css", page("text/css; charset=utf-8", STYLE))
        .route("/icon.svg", page("image/svg+xml", ICON))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
        let routes = Router::new().nest("/dashboard/", dashboard());
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    #[tokio::test]
    async fn every_file_of_the_page_is_there_with_its_type_and_policy() {
        for (path, kind) in [
            ("/dashboard/", "text/html"),
            ("/dashboard/app.js", "text/javascript"),
            ("/dashboard/style.css", "text/css"),
            ("/dashboard/icon.svg", "image/svg+xml"),
        ] {
            let (status, headers, text) = get(path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(
                headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind),
                "{path}"
            );
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
            assert!(!text.is_empty());
        }
    }

    #[test]
    fn nothing_is_inline_nothing_comes_from_elsewhere_and_nothing_becomes_markup() {
        for (name, text) in [("index.html", PAGE), ("app.js", SCRIPT), ("style.css", STYLE)] {
            for bad in [
                "http:",
                "https:",
                "innerHTML",
                "insertAdjacentHTML",
                "outerHTML",
                "style=",
                "onclick=",
                "<style",
            ] {
                assert!(!text.contains(bad), "{name} contains {bad}");
            }
        }
        for link in PAGE.split("src=\"").skip(1).chain(PAGE.split("href=\"").skip(1)) {
            let target = link.split('"').next().unwrap();
            let known = ["app.js", "style.css", "icon.svg", "/v1/sagas", "#/", "#main"];
            assert!(known.contains(&target), "{target}");
        }
    }
}
