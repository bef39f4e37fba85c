//! What can be asked of the provider.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What can be asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Reserve an amount.
    Authorization,
    /// Take it.
    Capture,
    /// Give the reservation up.
    Void,
    /// Give money back.
    Refund,
}
