//! A whole platform in one thread and one second: the services' own decisions on a broker, databases, a clock, a
//! cache and a provider that keep only the weakest of their promises.
//!
//! The decisions are those that run in production: [`orchestrator::sagas::advance`], [`inventory::model`],
//! [`payment::model`], [`reservation::model`]. What production leaves to SQL, Lua and Kafka is written here a
//! second time, as a [`Rule`] that can be broken: that a message is handled once, that a former owner writes
//! nothing, that the outbox is committed with the rows, that a cache entry is written if its LSN is newer.
//!
//! One number decides everything, so any story can be told again. Each seed draws how often each thing goes
//! wrong ([`rates`]), lets things go wrong for a while, then heals and demands that everything ends ([`fn@run`]).
//! What must hold is checked after every step and at rest ([`check`]). Rare states are counted ([`seen`]): a
//! long run in which one never came up proves little and fails.

pub mod broker;
pub mod cache;
pub mod check;
pub mod coordinator;
mod deliver;
mod desk;
pub mod money;
pub mod provider;
pub mod rates;
pub mod reservations;
pub mod rooms;
pub mod run;
pub mod seen;
mod trouble;
pub mod world;

pub use run::{Outcome, run};
pub use seen::{Seen, Sight};
pub use world::World;
