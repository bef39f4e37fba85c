//! The availability service: what is left to book, answered from a cache that the change stream keeps.
//!
//! It owns no table. A [`consumer`] writes every changed room night, price and catalogue row into Redis,
//! each only if its place in the write-ahead log is newer ([`layout`] says how). Two endpoints answer
//! from there and say how fresh the answer is. When Redis is away, empty or old they ask the services
//! that own the tables, a limited number at once. [`rebuild()`] fills, repairs and verifies the cache, and
//! the [`keeper`] calls it whenever the cache was lost. Booking never believes any of this.

pub mod cache;
pub mod catalogue;
pub mod changes;
pub mod config;
pub mod consumer;
pub mod database;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod forms_tests;
pub mod http;
pub mod keeper;
pub mod layout;
pub mod model;
pub mod nights;
pub mod rebuild;
pub mod service;
#[cfg(test)]
mod shapes;

use std::sync::Arc;

use axum::Router;
use platform::access::ServiceIdentity;
use platform::{Parts, StartError};
use tokio::sync::mpsc;

pub use config::Config;
pub use rebuild::{Difference, Failed, Mode, Plan, Progress, RebuildError, Report, rebuild};

/// As whom this service asks others.
pub const NAME: &str = "availability";
/// Cold hotels that wait for the keeper at most.
const COLD_MAX: usize = 256;

/// The service's part of the interface's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Starts the consumer and the keeper, and answers the routes. Redis, Kafka and the other services need
/// not be there yet.
///
/// # Errors
/// When a setting cannot be used.
pub fn start(parts: &Parts, config: &Config) -> Result<Router, StartError> {
    let cache = open_cache(config)?;
    let database = open_database(config, ServiceIdentity::of(parts, NAME)?)?;
    consumer::start(parts, cache.clone())?;
    let (cold, cold_hotels) = mpsc::channel(COLD_MAX);
    keeper::start(parts, config, cache.clone(), database.clone(), cold_hotels);
    let service = service::Service {
        cache,
        database,
        clock: parts.clock.clone(),
        age_ms_max: config.cache_age_ms_max,
        cold,
    };
    parts.health.ready("availability");
    let (routes, _) = http::routes().split_for_parts();
    Ok(routes.with_state(Arc::new(service)))
}

fn open_cache(config: &Config) -> Result<cache::Cache, StartError> {
    cache::Cache::new(config.redis_url.reveal(), &config.redis_prefix).map_err(|error| {
        StartError::Setting(format!(
            "BELLHOP_REDIS_URL is not the address of a Redis: {error}"
        ))
    })
}

fn open_database(config: &Config, identity: ServiceIdentity) -> Result<database::Database, StartError> {
    database::Database::new(config, identity)
        .map_err(|error| StartError::Setting(format!("The HTTP client cannot be made: {error}")))
}
