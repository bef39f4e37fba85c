//! Whether something is done, or only shown.

use serde::Deserialize;
use utoipa::IntoParams;

/// Whether to do it.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DryRun {
    /// `true` only shows what would come of it.
    #[serde(default)]
    pub(super) dry_run: bool,
}
