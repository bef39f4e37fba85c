//! The orchestrator: runs sagas. It hears that one is asked for, sends the commands of its steps one
//! after the other, and undoes what was done when a step is refused or given up. What a saga does next is
//! a pure function of its journal ([`engine`]); the processes themselves are in [`sagas`], one file each. It
//! knows the words of `contract` and no service.

mod batch;
mod config;
mod dashboard;
pub mod engine;
#[cfg(test)]
mod envelope_tests;
mod epochs;
#[cfg(test)]
mod fixtures;
mod former;
mod gauges;
#[cfg(test)]
mod histories;
mod http;
mod kept;
mod message;
mod now;
mod ownership;
mod recent;
mod resends;
#[cfg(test)]
mod restart_tests;
mod rules;
mod runner;
pub mod sagas;
mod shards;
mod spans;
mod store;
mod timers;
#[cfg(test)]
mod trials;
mod verbs;
#[cfg(test)]
mod version_tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use contract::topics;
use platform::outbox::{self, Schema};
use platform::{Broken, Parts, StartError, consumer, db, retention, trail};
use sqlx::PgPool;

pub use config::Config;
pub use dashboard::{DASHBOARD, dashboard};
pub use former::carry_over;

/// Brings the schema up to date.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The schema of this module.
pub const SCHEMA: Schema = Schema("orchestrator");

/// The API's document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
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
        now: now::Now::default(),
        rules: Arc::new(rules::Rules::over(shards::Shards::of(parts.kafka.clone()))),
        resends: Arc::default(),
        woken: Arc::default(),
        tracer: parts.tracer.clone(),
    });
    parts.health.not_ready(
        "orchestrator",
        "no shard was assigned yet; is Kafka there, and has the relay made the topics?",
    );
    outbox::keep_tidy(&parts.tasks, &pool, SCHEMA);
    trail::keep_telling_heads(&parts.tasks, &pool, SCHEMA);
    timers::start(&runner);
    watch::start(&runner);
    gauges::start(
        &parts.tasks,
        &pool,
        Duration::from_secs(config.saga_count_seconds),
    );
    let (runs, days) = (pool.clone(), i32::from(config.saga_kept_days));
    retention::keep_removing(&parts.tasks, "orchestrator.run", move || {
        remove_ended(runs.clone(), days)
    });
    let rules = Arc::clone(&runner.rules);
    let heard = [topics::ORCHESTRATOR_MESSAGES];
    consumer::start(parts, SCHEMA, pool.clone(), &heard, runner)?;
    let inspection = Arc::new(http::Inspection {
        pool,
        pace: config.pace(),
        rules,
        tasks: parts.tasks.clone(),
    });
    Ok(http::routes().with_state(inspection).split_for_parts().0)
}

/// Removes a batch of runs that ended well so many days ago.
async fn remove_ended(pool: PgPool, days: i32) -> Result<u64, Broken> {
    db::unit_of_work(&pool, move |db| {
        Box::pin(store::remove(db, days, retention::BATCH))
    })
    .await
}

#[cfg(test)]
mod retention_tests;
