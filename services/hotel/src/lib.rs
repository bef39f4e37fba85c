//! The hotel service: what can be booked, and what it costs.
//!
//! Hotels, their room types and rate plans, and a price for each room type, rate plan and night. From
//! these it makes quotes: a price for a stay that holds until it expires, with a signed token that the
//! reservation service verifies without asking anybody. How many rooms are left is not known here.
//! Changes of the tables reach the cache by the write-ahead log; no command is accepted and no message
//! is sent.

mod catalogue;
mod config;
mod http;
mod model;
mod store;
#[cfg(test)]
mod testing;

pub use config::Config;

/// The migrations of the schema `hotel`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The OpenAPI document of this service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Builds the service and answers its routes.
///
/// # Errors
/// When the database's URL or the token secret is not usable.
pub fn start(parts: &platform::Parts, config: &Config) -> Result<axum::Router, platform::StartError> {
    let pool = parts
        .database
        .pool("hotel")
        .map_err(|error| platform::StartError::Database("hotel", error))?;
    let app = http::App {
        pool,
        tokens: parts.token.tokens(contract::quote::AUDIENCE)?,
        clock: parts.clock.clone(),
        quote_ttl: config.quote_ttl(),
    };
    parts.health.ready("hotel");
    Ok(http::routes().with_state(app).into())
}
