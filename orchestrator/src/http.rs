//! The API of runs: what people see of them, and what they say to them. The dashboard uses nothing else.

mod definitions;
mod journal;
mod list;
mod one;
mod saga;
mod say;
mod seen;
mod verb;

use std::sync::Arc;

use platform::Tasks;
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
    /// The process's tasks, whose end nobody waits beyond.
    pub(crate) tasks: Tasks,
}

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Arc<Inspection>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_sagas))
        .routes(routes!(one::get_saga))
        .routes(routes!(say::say_verb))
        .routes(routes!(verb::get_verb))
        .routes(routes!(definitions::list_saga_definitions))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verbs_tests;
