//! The inspection API. Reads only; the dashboard uses nothing else.

mod definitions;
mod list;
mod one;
mod saga;

use std::sync::Arc;

use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) pool: PgPool,
}

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Arc<Inspection>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_sagas))
        .routes(routes!(one::get_saga))
        .routes(routes!(definitions::list_saga_definitions))
}

#[cfg(test)]
mod tests;
