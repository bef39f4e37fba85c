//! Who calls. Every handler takes a [`Caller`], so that keys, roles and rules can come without
//! touching the handlers. Today there is one identity, for development.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Who calls, and for whom requests are kept apart (idempotency keys, lists).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The client's name; also the scope of its idempotency keys.
    pub client: String,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            client: "development".to_owned(),
        })
    }
}
