//! For whom requests are kept apart: the same `Idempotency-Key` of two callers is two keys.

use axum::http::request::Parts;

/// Whoever has no credential. The word stands in the rows of former releases, whose repeats must be known.
const ANYONE: &str = "development";

/// The scope of a caller's idempotency keys; whoever admits a request sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The actor as it is written.
    pub client: String,
}

impl Caller {
    /// The scope of this actor; of whoever has no credential without one.
    pub fn of(actor: Option<String>) -> Self {
        Self {
            client: actor.unwrap_or_else(|| ANYONE.to_owned()),
        }
    }

    /// Whose request it is.
    pub(super) fn in_request(parts: &Parts) -> Self {
        let set = parts.extensions.get::<Self>();
        set.cloned().unwrap_or_else(|| Self::of(None))
    }
}
