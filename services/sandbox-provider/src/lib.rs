//! A payment provider to develop and test against: a real HTTP server with a ledger of its own.
//!
//! Every operation carries an `Idempotency-Key`, so a repeat is the same operation, and every operation
//! can be asked for by its key. Payment method tokens misbehave on purpose (see [`Config`] and the API's
//! documentation). The ledger is a journal on disk that survives a killed process. Nothing of Bellhop
//! reaches this server but by HTTP.

mod config;
mod http;
mod journal;
mod kind;
mod method;
mod model;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use platform::{Clock, Parts, StartError};

pub use config::Config;
use http::OperationBody;
use journal::Journal;
use model::{Book, Operation, Rejection, Request, Totals};

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Reads the ledger back and answers the provider's routes, which the caller puts under a prefix.
///
/// # Errors
/// When the ledger cannot be read or written, or a setting is wrong.
pub fn start(parts: &Parts, config: &Config) -> Result<axum::Router, StartError> {
    let mut book = Book::default();
    let journal =
        Journal::open(&config.sandbox_ledger, |operation| book.record(operation)).map_err(|error| {
            let path = config.sandbox_ledger.display();
            StartError::Setting(format!(
                "the sandbox provider's ledger {path} (BELLHOP_SANDBOX_LEDGER) cannot be used: {error}"
            ))
        })?;
    let sandbox = Sandbox {
        book: Mutex::new((book, journal)),
        webhooks: webhook::Sender::new(config, parts.clock.clone())?,
        clock: parts.clock.clone(),
        slow_ms: config.sandbox_slow_ms,
        processing: TimeDelta::milliseconds(
            i64::try_from(config.sandbox_processing_ms).unwrap_or(i64::MAX / 2),
        ),
    };
    let (router, _) = http::routes().split_for_parts();
    Ok(router.with_state(Arc::new(sandbox)))
}

/// The running provider.
pub(crate) struct Sandbox {
    book: Mutex<(Book, Journal)>,
    webhooks: webhook::Sender,
    clock: Clock,
    slow_ms: u64,
    processing: TimeDelta,
}

/// Why an operation was not performed.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// It cannot be one.
    Rejected(Rejection),
    /// It could not be written down.
    Journal(std::io::Error),
}

impl Sandbox {
    /// Performs a request under a key, once. Answers whether this was the time.
    fn perform(&self, key: &str, request: &Request) -> Result<(Operation, bool), NotDone> {
        let now = self.clock.now();
        let mut guard = self.locked();
        let (book, journal) = &mut *guard;
        let (operation, new) = book
            .decide(key, request, now, self.processing)
            .map_err(NotDone::Rejected)?;
        if new {
            journal.append(&operation).map_err(NotDone::Journal)?;
            book.record(operation.clone());
        }
        Ok((operation, new))
    }

    fn operation(&self, key: &str) -> Option<OperationBody> {
        let now = self.clock.now();
        self.locked()
            .0
            .operation(key)
            .map(|operation| OperationBody::of(operation, now))
    }

    fn page(&self, after: Option<&(String, String)>, limit: usize) -> Vec<(String, Totals)> {
        let guard = self.locked();
        let page = guard.0.page(after, limit);
        page.into_iter()
            .map(|(reference, totals)| (reference.to_owned(), totals))
            .collect()
    }

    fn locked(&self) -> MutexGuard<'_, (Book, Journal)> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id for a new authorisation.
#[expect(
    clippy::disallowed_methods,
    reason = "the provider's ids are not the platform's"
)]
fn new_authorization_id() -> String {
    format!("auth_{}", uuid::Uuid::now_v7().simple())
}
