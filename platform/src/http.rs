//! HTTP: strict reading of requests, problem+json for everything that is wrong, and the server.

mod caller;
mod card;
mod cors;
mod cursor;
mod declared;
mod expected;
mod guard;
mod idempotency;
mod issuers;
pub mod meaning;
mod objects;
mod page;
mod prefer;
mod problem;
mod sentence;
mod server;
mod stalled;
mod strict;
mod traced;

pub use caller::Caller;
pub use card::{Grammar, GrammarOf};
pub use cors::{Origin, cors};
pub use cursor::{Cursor, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, PageLimit};
pub use declared::{CODES, Declared, PROBLEM, documented, met_by_all};
pub use expected::as_documented;
pub(crate) use expected::operations;
pub use idempotency::{Key, Keyed, KeyedRequest, Stored, fingerprint, idempotency_key, replayed, reused};
pub use meaning::Common;
pub use page::page;
pub use prefer::Prefer;
pub use problem::{Problem, ProblemBody};
pub use server::{BODY_BYTES_MAX, HttpConfig, layers, serve};
pub use strict::{StrictJson, StrictPath, StrictQuery, strict_json};
pub use traced::traced;
