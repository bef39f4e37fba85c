//! The relay's one endpoint.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Relay;

mod get_relay;

/// All routes.
pub(crate) fn routes() -> OpenApiRouter<Arc<Relay>> {
    OpenApiRouter::new().routes(routes!(get_relay::get_relay))
}
