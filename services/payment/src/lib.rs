//! Payments: authorise, capture, void and refund, by a provider that may answer late, twice or never.
//!
//! Every command is recorded before the provider is called, and every call carries a key that is the same
//! for each repeat, so that a guest is charged at most once. An outcome is done, refused or unknown; an
//! unknown one is asked for by its key until it is known. Money that moved is booked in a double-entry
//! ledger, in the transaction that says so to the orchestrator. Operations of one payment are settled one
//! after the other, so a void finds out first what it has to undo.

mod commands;
mod config;
mod desk;
mod http;
pub mod model;
#[cfg(test)]
mod model_rules_tests;
#[cfg(test)]
mod model_tests;
mod provider;
mod refusal;
mod settle;
mod store;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use contract::topics;
use platform::outbox::{self, Schema};
use platform::{Parts, StartError, consumer};
use sqlx::PgPool;
use standardwebhooks::Webhook;
use tokio::sync::Notify;

use commands::Commands;
pub use config::Config;
use desk::Desk;
use provider::Provider;
use sweep::Sweep;

/// The schema's migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The schema that this service owns.
pub const SCHEMA: Schema = Schema("payment");

/// Beyond the time of two calls, this much longer is an operation left to the process that took it, in
/// milliseconds.
const LEASE_MARGIN_MS: u64 = 2_000;
/// The fewest bytes that the webhook secret may have.
const SECRET_BYTES_MIN: usize = 24;

/// The interface's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Starts the consumer, the desk and the sweep, and answers the routes.
///
/// # Errors
/// When a setting is not usable.
pub fn start(parts: &Parts, config: &Config) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(SCHEMA.0)
        .map_err(|error| StartError::Database(SCHEMA.0, error))?;
    let (commands, routes) = assemble(parts, config, &pool, provider::Sandbox::new(config)?)?;
    consumer::start(parts, SCHEMA, pool.clone(), &[topics::PAYMENT_COMMANDS], commands)?;
    outbox::keep_tidy(&parts.tasks, &pool, SCHEMA);
    Ok(routes)
}

/// Everything but the consumer.
fn assemble<P: Provider>(
    parts: &Parts,
    config: &Config,
    pool: &PgPool,
    provider: P,
) -> Result<(Arc<Commands<P>>, axum::Router), StartError> {
    let webhooks = webhooks(config)?;
    let nudge = Arc::new(Notify::new());
    let desk = Desk::open(
        parts,
        pool,
        provider,
        config.provider_calls_max,
        Arc::clone(&nudge),
    );
    let lease = config
        .provider_timeout_ms
        .saturating_mul(2)
        .saturating_add(LEASE_MARGIN_MS);
    let lease_ms = i64::try_from(lease).unwrap_or(i64::MAX);
    let sweep = Sweep {
        tasks: parts.tasks.clone(),
        health: parts.health.clone(),
        pool: pool.clone(),
        desk: Arc::clone(&desk),
        nudge: Arc::clone(&nudge),
        lease_ms,
    };
    parts.tasks.spawn("payment-sweep", sweep.run());
    let providers = Arc::clone(&desk);
    let state = http::State {
        pool: pool.clone(),
        webhooks,
        nudge,
        providers: Box::new(move || vec![providers.provider()]),
    };
    let (router, _) = http::routes().split_for_parts();
    Ok((
        Arc::new(Commands {
            desk,
            lease_ms,
            clock: parts.clock.clone(),
        }),
        router.with_state(Arc::new(state)),
    ))
}

/// Who checks the webhooks' signatures.
fn webhooks(config: &Config) -> Result<Webhook, StartError> {
    let secret = config.payment_webhook_secret.reveal();
    let wrong = |why: String| {
        StartError::Setting(format!(
            "BELLHOP_WEBHOOK_SECRET {why}; `openssl rand -base64 32` makes a good one"
        ))
    };
    // Four characters of base64 are three bytes.
    if secret.trim_start_matches("whsec_").len() / 4 * 3 < SECRET_BYTES_MIN {
        return Err(wrong(format!("has less than {SECRET_BYTES_MIN} bytes")));
    }
    Webhook::new(secret).map_err(|error| wrong(format!("is not base64: {error}")))
}
