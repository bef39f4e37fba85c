//! The page of each code: what a problem's `type` leads to. The words of the business are `contract`'s, those of any
//! HTTP interface are `platform`'s; here they are joined, and nowhere else.

use axum::Router;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use contract::refusal;
use platform::http::{Problem, StrictPath, meaning};

/// What a page says of a code.
struct Page {
    code: &'static str,
    statuses: &'static [u16],
    advice: &'static str,
    happened: &'static str,
    remedy: &'static str,
}

fn pages() -> impl Iterator<Item = Page> {
    let business = refusal::REFUSALS.iter().map(|meaning| Page {
        code: meaning.code,
        statuses: meaning.statuses,
        advice: match meaning.class {
            refusal::Class::Invalid => INVALID,
            refusal::Class::Taken => "The same request will not succeed; another offer may.",
            refusal::Class::Payment => "The same request will not succeed; another payment method may.",
        },
        happened: meaning.happened,
        remedy: meaning.remedy,
    });
    let general = meaning::MEANINGS.iter().map(|meaning| Page {
        code: meaning.code,
        statuses: meaning.statuses,
        advice: match meaning.class {
            meaning::Class::Invalid => INVALID,
            meaning::Class::Missing => "The same request will succeed only when what it names is there.",
            meaning::Class::Busy => "The same request may succeed later.",
            meaning::Class::Ours => "Nobody but the operator can help.",
        },
        happened: meaning.happened,
        remedy: meaning.remedy,
    });
    business.chain(general)
}

const INVALID: &str = "The same request will never succeed; change it first.";

/// Whether a code has a page.
pub fn is_code(word: &str) -> bool {
    pages().any(|page| page.code == word)
}

/// `/problems/{code}`, and `/problems` with all of them.
pub fn routes() -> Router {
    Router::new()
        .route("/problems", get(|| std::future::ready(Html(list()))))
        .route(
            "/problems/{code}",
            get(|StrictPath(code): StrictPath<String>| std::future::ready(one(&code))),
        )
}

fn one(code: &str) -> Response {
    match pages().find(|page| page.code == code) {
        Some(page) => Html(page.html()).into_response(),
        None => Problem::not_found("code of a problem").into_response(),
    }
}

fn list() -> String {
    let mut pages: Vec<Page> = pages().collect();
    pages.sort_unstable_by_key(|page| page.code);
    let rows: Vec<String> = pages
        .iter()
        .map(|page| {
            format!(
                "<li><a href=\"/problems/{0}\"><code>{0}</code></a> {1}</li>",
                page.code,
                marked(page.happened)
            )
        })
        .collect();
    html(
        "Problems",
        &format!("<h1>Problems</h1><ul>{}</ul>", rows.concat()),
    )
}

impl Page {
    fn html(&self) -> String {
        let statuses: Vec<String> = self.statuses.iter().map(ToString::to_string).collect();
        let body = format!(
            "<h1><code>{}</code></h1><p>{}</p><h2>What to do</h2><p>{}</p><p>{}</p>\
             <p>HTTP status {}. <a href=\"/problems\">All problems</a></p>",
            self.code,
            marked(self.happened),
            marked(self.remedy),
            self.advice,
            statuses.join(" or "),
        );
        html(self.code, &body)
    }
}

/// Words between backticks as code. The table has no other character that HTML knows but quotes.
fn marked(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    let pieces: Vec<String> = pieces
        .map(|(at, piece)| {
            if at % 2 == 0 {
                piece.to_owned()
            } else {
                format!("<code>{piece}</code>")
            }
        })
        .collect();
    pieces.concat()
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} - Bellhop</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:2em auto;\
         padding:0 1em}}@media(prefers-color-scheme:dark){{body{{background:#111;color:#eee}}a{{color:#8cf}}}}</style>{body}</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_stands_once_and_its_sentences_are_html() {
        let codes: BTreeSet<_> = pages().map(|page| page.code).collect();
        assert_eq!(codes.len(), pages().count());
        for page in pages() {
            assert!(
                !page.statuses.is_empty() && page.happened.ends_with('.') && page.remedy.ends_with('.'),
                "{}",
                page.code
            );
            for text in [page.happened, page.remedy] {
                assert!(
                    !text.contains(['<', '>', '&']) && text.matches('`').count() % 2 == 0,
                    "{text}"
                );
            }
        }
        assert!(one("sold_out").status().is_success());
        assert_eq!(one("sold-out").status(), 404);
        assert!(list().contains("/problems/unavailable"));
    }
}
