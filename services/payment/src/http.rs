//! The service's routes, one file per endpoint.

mod get_payment;
mod webhook;

use std::sync::Arc;

use sqlx::PgPool;
use standardwebhooks::Webhook;
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the handlers need.
pub(crate) struct State {
    pub(crate) pool: PgPool,
    pub(crate) webhooks: Webhook,
    /// Tells the sweep that operations may have become due.
    pub(crate) nudge: Arc<Notify>,
}

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(get_payment::get_payment))
        .routes(routes!(webhook::webhook))
}
