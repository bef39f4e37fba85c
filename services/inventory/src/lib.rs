//! The inventory service: how many rooms of each type a hotel has each night, and who has them.
//!
//! It holds rooms for a booking that is under way, sells held rooms, and gives rooms back. Ten percent
//! more than there is may be taken, never one room more. A hold that nobody books expires. Commands come
//! in batches over Kafka and are settled together; hotels say over HTTP how many rooms there are.

mod catalogue;
mod config;
mod expiry;
mod http;
pub mod model;
mod participant;
mod settle;
mod store;

#[cfg(test)]
mod fixtures;

use std::sync::Arc;

use platform::outbox::{self, Schema};
use platform::{Broken, Parts, StartError, consumer, db, retention, trail};
use sqlx::PgPool;

pub use config::Config;
pub use settle::{Queued, settle};

/// The schema that this service owns.
pub const SCHEMA: Schema = Schema("inventory");

/// Its migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Its part of the OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Starts the service and answers its routes. `hotel_url` is where the hotel service, which need not be there yet, is
/// asked for hotels and room types.
///
/// # Errors
/// When the configuration of the database or of Kafka is not usable.
pub fn start(parts: &Parts, config: &Config, hotel_url: &str) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(SCHEMA.0)
        .map_err(|error| StartError::Database(SCHEMA.0, error))?;
    let inventory = participant::Inventory {
        config: config.clone(),
    };
    let topics = [contract::topics::INVENTORY_COMMANDS];
    consumer::start(parts, SCHEMA, pool.clone(), &topics, Arc::new(inventory))?;
    expiry::start(&parts.tasks, parts.health.clone(), pool.clone());
    outbox::keep_tidy(&parts.tasks, &pool, SCHEMA);
    trail::keep_telling_heads(&parts.tasks, &pool, SCHEMA);
    let (holds, days) = (pool.clone(), i32::from(config.hold_kept_days));
    retention::keep_removing(&parts.tasks, "inventory.hold", move || {
        remove_over(holds.clone(), days)
    });
    let (routes, _) = http::routes().split_for_parts();
    Ok(routes.with_state(http::Rooms {
        pool,
        clock: parts.clock.clone(),
        catalogue: catalogue::Catalogue::new(hotel_url, parts.clock.clone())?,
    }))
}

/// Removes a batch of holds of stays that were over so many days ago.
async fn remove_over(pool: PgPool, days: i32) -> Result<u64, Broken> {
    db::unit_of_work(&pool, move |db| {
        Box::pin(store::remove_over(db, days, retention::BATCH))
    })
    .await
}

#[cfg(test)]
mod retention_tests;
