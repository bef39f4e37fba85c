//! A whole platform in one thread and one second: the services' own decisions on a broker, databases, a clock, a
//! cache and a provider that keep as little of their promises as they may.
//!
//! The decisions are those that run in production: [`orchestrator::sagas::advance`], [`inventory::model`],
//! [`payment::model`] (what a command asks, what is said to a provider, what its answer means), [`reservation::model`],
//! and what [`availability`] writes into its cache and how it sets it right.
//!
//! What production leaves to SQL, Lua and Kafka is written here a second time, with the same rule: a message is
//! handled once by each reader (inbox); rows and outbox are committed together; an offset is committed after its
//! message; the relay confirms after the broker; only the epoch that has not ended writes; a line of a
//! journal is written if nobody has taken its number, and else decided anew; operations of a payment follow each other and are settled once;
//! a cache entry is written if its version is newer or if what was expected stands there; a lost slot is followed by a
//! snapshot; a night's total goes below what is taken only if the hotel insists. Not simulated: locks and their order
//! (a transaction is one step), JSON, HTTP, SQL itself, prices; nor handlers that fail and messages set aside, a claim
//! of a shard apart from its assignment, and a reader of changes that writes an old batch after the cache was emptied
//! and filled. Each of these three hid a defect until somebody read the code beside production's (docs/proof.md).
//!
//! One number decides everything, so any story can be told again. Each seed draws how often each thing goes
//! wrong ([`rates`]), lets things go wrong for a while, then heals and demands that everything ends ([`fn@run`]).
//! What must hold is checked after every step that wrote something and at rest ([`check`]). Rare states are counted ([`seen`]): a
//! long run in which one never came up proves little and fails. [`mod@planted`] lists the bugs that are
//! planted, one by one, to see that each is found.

pub mod broker;
pub mod cache;
pub mod check;
pub mod coordinator;
pub mod course;
mod deliver;
mod desk;
pub mod money;
mod operator;
pub mod planted;
mod price;
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
