//! Reading a body in which card data may be hidden: such a body is refused as a whole, and nothing of it is
//! kept or logged. A guest pays with a token that the payment provider gave out.

use axum::extract::{FromRequest, Request};
use platform::http::{Grammar, Problem, strict_json};
use serde::de::DeserializeOwned;

/// The one field that is not looked into: it is signed by the platform, and random text.
const SIGNED: &str = "/quote_token";

/// A JSON body that a guest fills in.
#[derive(Debug)]
pub(super) struct GuestsJson<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for GuestsJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        strict_json(request, state, grammar_of).await.map(Self)
    }
}

/// Which numbers belong into a field.
fn grammar_of(pointer: &str) -> Option<Grammar> {
    match pointer {
        SIGNED => None,
        "/guest/phone" => Some(Grammar::Phone),
        "/guest/email" | "/email" => Some(Grammar::Email),
        _ => Some(Grammar::Free),
    }
}
