//! How Bellhop uses Postgres, Kafka, HTTP, time, configuration and telemetry.
//!
//! Knows no hotel word: nothing here depends on `contract` or on a service. A service is built from
//! these parts: routes behind [`http`], a [`consumer`] for its commands, loops under [`tasks`], and
//! units of work on its own pool from [`db`].

pub mod access;
pub mod breaker;
mod causes;
pub mod chaos;
pub mod clock;
pub mod consumer;
pub mod cost;
pub mod db;
pub mod envelope;
pub mod grouped;
pub mod health;
mod hex;
pub mod http;
pub mod kafka;
pub mod outbox;
pub mod outward;
pub mod parts;
pub mod repeat;
pub mod retention;
pub mod retry;
mod ring;
pub mod secret;
pub mod tasks;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod token;
pub mod trace;
pub mod trail;

pub use causes::chain;
pub use clock::Clock;
pub use db::Broken;
pub use envelope::Envelope;
pub use parts::{Parts, StartError};
pub use secret::Secret;
pub use tasks::Tasks;
pub use trace::Tracer;
