//! Reservations: a guest's wish to stay, from the moment it was asked for.
//!
//! A booking is one transaction: the idempotency key, the guest, the reservation in state `pending`, and the
//! message that starts the saga; concurrent bookings share one. What becomes of it the orchestrator says by
//! commands ([`contract::command::ReservationCommand`]). The quote is verified offline by its signature. A
//! cancellation costs what the quote's policy says on the date at the hotel, and the same request under the
//! same key is answered with the same bytes.

mod answers;
mod booking;
mod commands;
mod config;
mod fingerprint;
#[cfg(test)]
mod fixtures;
mod http;
mod link;
pub mod model;
mod open;
mod store;
mod view;
mod waiting;

use std::sync::Arc;

use contract::{BookingCode, topics};
use platform::access::Links;
use platform::grouped::Grouped;
use platform::outbox::Schema;
use platform::token::Tokens;
use platform::{Clock, Parts, StartError, Tasks, consumer, outbox, repeat};
use sqlx::PgPool;

pub use config::Config;
pub use store::charges::charge_cancelled;
pub use store::codes::give_codes;

use answers::Answers;
use booking::Bookings;
use commands::Commands;
use config::GuestIds;
use fingerprint::Fingerprints;
use open::Open;
use waiting::Waiting;

/// The schema's migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
/// The schema.
pub const SCHEMA: Schema = Schema("reservation");

/// The module's name, and so the name of its role.
const MODULE: &str = "reservation";

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Starts handling commands and answers the routes.
///
/// # Errors
/// When a setting cannot be used.
pub fn start(parts: &Parts, config: &Config, links: Links) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(MODULE)
        .map_err(|error| StartError::Database(MODULE, error))?;
    let tokens = config.tokens()?;
    let app = App::start(parts, config, pool.clone(), tokens, links)?;
    let participant = Arc::new(Commands {
        waiting: app.waiting.clone(),
    });
    let topics = [topics::RESERVATION_COMMANDS];
    consumer::start(parts, SCHEMA, pool.clone(), &topics, participant)?;
    outbox::keep_tidy(&parts.tasks, &pool, SCHEMA);
    repeat::keep_forgetting(&parts.tasks, &pool, SCHEMA, parts.repeat);
    Ok(routes(app))
}

fn routes(app: App) -> axum::Router {
    let (router, _) = http::routes().split_for_parts();
    router.with_state(app)
}

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pool: PgPool,
    clock: Clock,
    tasks: Tasks,
    tokens: Tokens,
    links: Links,
    guest_ids: GuestIds,
    fingerprints: Fingerprints,
    bookings: Grouped<Bookings>,
    answers: Grouped<Answers>,
    waiting: Waiting,
}

impl App {
    fn start(
        parts: &Parts,
        config: &Config,
        pool: PgPool,
        tokens: Tokens,
        links: Links,
    ) -> Result<Self, StartError> {
        let (group, queue) = (
            config.reservation_group_max.max(1),
            config.reservation_queue_max.max(1),
        );
        let tasks = &parts.tasks;
        let bookings = Bookings {
            pool: pool.clone(),
            open: Open::new(config.open_bookings_max.max(1)),
            draw: BookingCode::draw,
        };
        let answers = Answers { pool: pool.clone() };
        Ok(Self {
            clock: parts.clock.clone(),
            tasks: tasks.clone(),
            tokens,
            links,
            guest_ids: config.guest_ids()?,
            fingerprints: config.fingerprints()?,
            bookings: Grouped::start(tasks, "bookings", bookings, group, queue),
            answers: Grouped::start(tasks, "answers", answers, group, queue),
            waiting: Waiting::start(tasks, pool.clone()),
            pool,
        })
    }
}
