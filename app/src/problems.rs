//! Every problem that the interface may answer, as a list for programs (`GET /v1/problems`) and as the page to which a
//! problem's `type` leads. The words of the business are `contract`'s, those of any HTTP interface are `platform`'s;
//! here they are joined, and nowhere else.

use std::borrow::Cow;

use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use contract::refusal::{self, Code};
use platform::access::{Allowed, Place, Row, Table};
use platform::http::{Common, Declared, Problem, StrictPath, meaning};
use platform::operations;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

/// What there is to say of a code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemMeaning)]
struct Entry {
    /// The stable word that a problem carries.
    #[schema(value_type = ProblemCode)]
    code: &'static str,
    /// What it is, and so what may help.
    #[schema(value_type = ProblemClass)]
    class: &'static str,
    /// The one status of HTTP with which it is answered.
    #[schema(example = 409)]
    status: u16,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// What happened. Names between backticks are members of the problem.
    happened: &'static str,
    /// What to do about it.
    remedy: &'static str,
    /// What may help, as for every code of its class.
    advice: &'static str,
    /// Sentences for three readers; names in braces stand for arguments. Absent where the detail is all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentences: Option<Sentences>,
    /// The members that a problem of this code has beside the usual ones.
    arguments: Vec<&'static str>,
    links: Links,
}

/// A refusal in the words of three readers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemSentences)]
struct Sentences {
    /// Who books.
    #[schema(example = "The night of {night} is sold out.")]
    guest: &'static str,
    /// Who works at the hotel.
    staff: &'static str,
    /// Who runs the platform.
    operator: &'static str,
}

/// Where to read on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemLinks)]
struct Links {
    /// The page for people, to which a problem's `type` leads.
    #[schema(example = "/problems/sold_out")]
    page: String,
}

/// Every problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemList)]
struct List {
    items: Vec<Entry>,
}

impl From<Code> for Entry {
    fn from(code: Code) -> Self {
        let meaning = code.meaning();
        Self {
            code: meaning.word,
            class: meaning.class.word(),
            status: meaning.class.status(),
            retryable: meaning.class.is_retryable(),
            happened: meaning.happened,
            remedy: meaning.remedy,
            advice: meaning.class.advice(),
            sentences: Some(Sentences {
                guest: meaning.guest,
                staff: meaning.staff,
                operator: meaning.operator,
            }),
            arguments: meaning.arguments.iter().map(|argument| argument.name).collect(),
            links: Links::to(meaning.word),
        }
    }
}

impl From<Common> for Entry {
    fn from(code: Common) -> Self {
        let meaning = code.meaning();
        Self {
            code: meaning.word,
            class: meaning.class.word(),
            status: meaning.status,
            retryable: meaning.class.is_retryable(),
            happened: meaning.happened,
            remedy: meaning.remedy,
            advice: meaning.class.advice(),
            sentences: None,
            arguments: Vec::new(),
            links: Links::to(meaning.word),
        }
    }
}

impl Links {
    fn to(code: &str) -> Self {
        Self {
            page: format!("/problems/{code}"),
        }
    }
}

/// Every code, by its word.
fn entries() -> Vec<Entry> {
    let business = Code::ALL.iter().map(|code| Entry::from(*code));
    let common = Common::ALL.iter().map(|code| Entry::from(*code));
    let mut entries: Vec<Entry> = business.chain(common).collect();
    entries.sort_unstable_by_key(|entry| entry.code);
    entries
}

/// A code as operations declare it.
pub fn declared(word: &str) -> Option<Declared> {
    let common = Common::ALL.iter().map(|code| code.declared());
    let mut all = Code::ALL.iter().map(|code| code.declared()).chain(common);
    all.find(|(_, code, _)| *code == word)
}

/// The codes, for programs.
enum ProblemCode {}

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        let words = entries().into_iter().map(|entry| entry.code);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .description(Some(
                "The codes of this release. A problem of a newer one may carry a word that is not among them: its \
                 status says what it is, and its detail what happened.",
            ))
            .examples(["sold_out"])
            .into()
    }
}

impl ToSchema for ProblemCode {
    fn name() -> Cow<'static, str> {
        "ProblemCode".into()
    }
}

/// What a problem is.
enum ProblemClass {}

impl PartialSchema for ProblemClass {
    fn schema() -> RefOr<Schema> {
        let business = refusal::Class::ALL.map(refusal::Class::word);
        let common = meaning::Class::ALL.map(meaning::Class::word);
        let mut words = [&business[..], &common[..]].concat();
        words.sort_unstable();
        words.dedup();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .description(Some("What a problem is, and so what may help."))
            .examples(["taken"])
            .into()
    }
}

impl ToSchema for ProblemClass {
    fn name() -> Cow<'static, str> {
        "ProblemClass".into()
    }
}

/// Every problem
///
/// Each code that an operation of this release may answer, with its class, its status, what happened, and what to do.
/// It changes with a release only.
#[utoipa::path(
    get, path = "/v1/problems", tag = "Problems", operation_id = "list_problems",
    responses((status = 200, description = "The codes, by word.", body = List))
)]
async fn list_problems(_: Allowed<ListProblems>) -> Json<List> {
    Json(List { items: entries() })
}

operations! { ();
    ListProblems = list_problems: Row::anyone().found_by(Place::Root),
}

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemCode, ProblemClass)))]
struct Document;

/// What the document says of it.
pub fn openapi() -> OpenApi {
    let mut document = Document::openapi();
    document.merge(routes().into_openapi());
    document
}

/// The list for programs.
pub fn interface() -> Router {
    routes().into()
}

/// Who may read them.
pub fn operations() -> Table {
    const PAGES: &Row = &Row::anyone().named("ProblemPages").found_by(Place::Root);
    table().pages(&["/problems", "/problems/{code}"], PAGES)
}

/// `/problems/{code}`, and `/problems` with all of them.
pub fn pages() -> Router {
    Router::new()
        .route("/problems", get(|| std::future::ready(Html(list()))))
        .route(
            "/problems/{code}",
            get(|StrictPath(code): StrictPath<String>| std::future::ready(one(&code))),
        )
}

fn one(code: &str) -> Response {
    match entries().iter().find(|entry| entry.code == code) {
        Some(entry) => Html(entry.html()).into_response(),
        None => Problem::not_found("code of a problem").into_response(),
    }
}

fn list() -> String {
    let rows: Vec<String> = entries()
        .iter()
        .map(|entry| {
            format!(
                "<li><a href=\"/problems/{0}\"><code>{0}</code></a> {1}</li>",
                entry.code,
                marked(entry.happened)
            )
        })
        .collect();
    html(
        "Problems",
        &format!("<h1>Problems</h1><ul>{}</ul>", rows.concat()),
    )
}

impl Entry {
    fn html(&self) -> String {
        let body = format!(
            "<h1><code>{}</code></h1><p>{}</p><h2>What to do</h2><p>{}</p><p>{}</p>\
             <p>HTTP status {}. <a href=\"/problems\">All problems</a></p>",
            self.code,
            marked(self.happened),
            marked(self.remedy),
            self.advice,
            self.status,
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
        let codes: BTreeSet<_> = entries().iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), entries().len());
        for entry in entries() {
            for text in [entry.happened, entry.remedy] {
                assert!(
                    !text.contains(['<', '>', '&']) && text.matches('`').count() % 2 == 0,
                    "{text}"
                );
            }
            assert!(
                one(entry.code).status().is_success(),
                "{} has no page",
                entry.code
            );
        }
        assert_eq!(one("sold-out").status(), 404);
        assert!(list().contains("/problems/unavailable"));
    }

    #[test]
    fn a_code_of_either_table_is_declared_as_it_is_listed() {
        for entry in entries() {
            assert_eq!(
                declared(entry.code),
                Some((entry.status, entry.code, entry.happened))
            );
        }
        assert_eq!(declared("moonlight"), None);
    }
}
