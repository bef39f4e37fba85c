//! The inspection API. Reads only; the dashboard uses nothing else.

mod definitions;
mod journal;
mod list;
mod one;
mod saga;

use std::sync::Arc;

use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::Pace;

/// What the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) pool: PgPool,
    /// How patient runs are, by which one sees when something is due.
    pub(crate) pace: Pace,
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
