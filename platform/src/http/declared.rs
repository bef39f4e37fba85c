//! Which problems an operation may answer, as its handler declares them with `problems!`: codes of closed tables, from
//! which the document says what each means. What the layers around every handler answer is added to all alike.

use std::collections::BTreeMap;

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::meaning::{Common, Meaning};

/// A problem that an operation may answer: status, code, and what happened.
pub type Declared = (u16, &'static str, &'static str);

/// Where the codes of an answer stand in the document, for programs.
pub const CODES: &str = "x-problem-codes";
/// The content type of a problem.
pub const PROBLEM: &str = "application/problem+json";

impl Common {
    /// As an operation declares it.
    pub const fn declared(self) -> Declared {
        let Meaning {
            status,
            word,
            happened,
            ..
        } = *self.meaning();
        (status, word, happened)
    }
}

/// What every operation may answer before its handler has looked.
const ALWAYS: [Common; 7] = [
    Common::InvalidHost,
    Common::MalformedBody,
    Common::BodyTooSlow,
    Common::BodyTooLarge,
    Common::InvalidField,
    Common::CardDataRefused,
    Common::Unavailable,
];
/// What one that takes a body may answer beside that.
const WITH_BODY: [Common; 2] = [Common::MalformedJson, Common::UnsupportedMediaType];
/// What one that takes none may answer beside that.
const WITHOUT_BODY: [Common; 1] = [Common::UnexpectedBody];

/// What the layers around a handler may answer.
pub fn met_by_all(takes_body: bool) -> impl Iterator<Item = Declared> {
    let more: &[Common] = if takes_body { &WITH_BODY } else { &WITHOUT_BODY };
    ALWAYS.iter().chain(more).map(|code| code.declared())
}

/// The answers of these problems, by status.
pub fn documented(problems: &[Declared]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, BTreeMap<&str, &str>> = BTreeMap::new();
    for (status, code, happened) in problems {
        by_status.entry(*status).or_default().insert(code, happened);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), response(status, &codes).into()))
        .collect()
}

fn response(status: u16, codes: &BTreeMap<&str, &str>) -> Response {
    let lines: Vec<_> = codes
        .iter()
        .map(|(code, happened)| format!("`{code}`: {happened}"))
        .collect();
    let words: Vec<_> = codes.keys().collect();
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n\n"))
        .content(PROBLEM, Content::new(Some(Ref::from_schema_name("Problem"))));
    if status == 503 {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0_u32));
        let header = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("After how many seconds to send the same again."));
        response = response.header("Retry-After", header.build());
    }
    let mut response = response.build();
    response.extensions = Some(Extensions::from_iter([(CODES, serde_json::json!(words))]));
    response
}

/// Declares the problems that an operation may answer, as a type for `responses(..)` of its `utoipa::path`:
/// `problems!(Problems: Common::NotFound, Code::NoPrice);`
#[macro_export]
macro_rules! problems {
    ($name:ident: $($code:expr),+ $(,)?) => {
        /// The problems that the operation may answer.
        enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::documented(&[$($code.declared()),+])
            }
        }
    };
}
