//! The relay: what was committed in Postgres, published to Kafka.
//!
//! Reads the write-ahead log in commit order ([`pgoutput`]); publishes each outbox row as the message it is
//! ([`outbox`]) and each changed row of a captured table as Debezium's envelope ([`envelope`]); confirms a
//! position to Postgres only after Kafka has acknowledged everything before it ([`tracker`]). At least once,
//! in order per key. It is the only producer of the platform.

use std::sync::Arc;

use axum::Router;
use platform::{Parts, StartError};

mod captured;
mod config;
mod context;
pub mod envelope;
mod error;
mod http;
mod memory;
mod opening;
pub mod outbox;
pub mod pgoutput;
mod producer;
mod publisher;
mod relay;
mod router;
mod session;
mod snapshot;
mod status;
mod store;
#[cfg(test)]
mod tests;
pub mod tracker;
pub mod values;
#[cfg(test)]
mod wire;

pub use captured::{PREFIX, PUBLICATION, SLOT, captured_tables, is_name, publication_sql};
pub use config::Config;

/// The migrations of the schema `relay`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The relay's part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Starts the relay and answers its routes. It connects when it can: neither Postgres nor Kafka, nor the
/// publication, has to be there yet.
///
/// # Errors
/// When a setting is not usable.
pub fn start(parts: &Parts, config: &Config) -> Result<Router, StartError> {
    let relay = Arc::new(context::Relay::new(parts, config)?);
    let routes = http::routes().with_state(Arc::clone(&relay));
    parts.tasks.spawn("relay", async move { relay.run().await });
    Ok(routes.into())
}
