//! The orchestrator: runs sagas. It hears that one is asked for, sends the commands of its steps one
//! after the other, and undoes what was done when a step is refused or given up. What a saga does next is
//! a pure function of its log ([`engine`]); the processes themselves are in [`sagas`], one file each. It
//! knows the words of `contract` and no service.

mod config;
mod dashboard;
pub mod engine;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod histories;
mod http;
mod message;
mod ownership;
mod recent;
#[cfg(test)]
mod restart_tests;
mod runner;
pub mod sagas;
mod store;
mod timers;
#[cfg(test)]
mod trials;
#[cfg(test)]
mod version_tests;

use std::sync::Arc;

use contract::topics;
use platform::outbox::{self, Schema};
use platform::{Parts, StartError, consumer};

pub use config::Config;
pub use dashboard::dashboard;

/// Brings the schema up to date.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The schema of this module.
pub const SCHEMA: Schema = Schema("orchestrator");

/// The API's document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Starts running sagas, and answers the inspection routes.
///
/// # Errors
/// When a setting is not usable.
pub fn start(parts: &Parts, config: &Config) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool("orchestrator")
        .map_err(|error| StartError::Database("orchestrator", error))?;
    let owner = format!("{}/{}", parts.kafka.node, std::process::id());
    let runner = Arc::new(runner::Runner {
        pool: pool.clone(),
        tasks: parts.tasks.clone(),
        health: parts.health.clone(),
        pace: config.pace(),
        deadline: config.deadline(),
        ownership: Arc::new(ownership::Ownership::new(owner, ownership::RECLAIM_AFTER)),
        recent: recent::Recent::default(),
    });
    parts.health.not_ready(
        "orchestrator",
        "no shard was assigned yet; is Kafka there, and has the relay made the topics?",
    );
    outbox::keep_tidy(&parts.tasks, &pool, SCHEMA);
    timers::start(&runner);
    let heard = [topics::ORCHESTRATOR_COMMANDS, topics::ORCHESTRATOR_REPLIES];
    consumer::start(parts, SCHEMA, pool.clone(), &heard, runner)?;
    let inspection = Arc::new(http::Inspection { pool });
    Ok(http::routes().with_state(inspection).split_for_parts().0)
}
