//! The sign-in page: the files of the folder `page/`, part of the executable.

use axum::Router;
use platform::http::page;

/// Where the page is.
pub const SIGN_IN: &str = "/sign-in/";
/// The paths of its files.
pub const FILES: [&str; 3] = ["/sign-in/", "/sign-in/app.js", "/sign-in/style.css"];

const PAGE: &str = include_str!("../page/index.html");
const SCRIPT: &str = include_str!("../page/app.js");
const STYLE: &str = include_str!("../page/style.css");

/// The page's files, to be nested at [`SIGN_IN`].
pub fn sign_in() -> Router {
    Router::new()
        .route("/", page("text/html; charset=utf-8", PAGE))
        .route("/app.js", page("text/javascript; charset=utf-8", SCRIPT))
        .route("/style.css", page("text/css; charset=utf-8", STYLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_becomes_markup() {
        for (name, text) in [("index.html", PAGE), ("app.js", SCRIPT), ("style.css", STYLE)] {
            for bad in [
                "innerHTML",
                "outerHTML",
                "style=",
                "onclick=",
                "src=\"http",
                "href=\"http",
            ] {
                assert!(!text.contains(bad), "{name} contains {bad}");
            }
        }
        for path in FILES {
            assert!(path.starts_with(SIGN_IN), "{path}");
        }
        // Without one a browser asks for /favicon.ico, which is not there.
        assert!(PAGE.contains("rel=\"icon\""));
    }
}
