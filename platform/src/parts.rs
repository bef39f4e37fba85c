//! What every module of the process is given to build itself from.

use crate::clock::Clock;
use crate::db::DatabaseConfig;
use crate::health::Health;
use crate::kafka::KafkaConfig;
use crate::repeat::RepeatConfig;
use crate::tasks::Tasks;
use crate::token::TokenConfig;
use crate::trace::Tracer;

/// The process's shared parts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where Postgres is; a module opens its own pool under its own role.
    pub database: DatabaseConfig,
    /// Where Kafka is.
    pub kafka: KafkaConfig,
    /// The secret for tokens between modules.
    pub token: TokenConfig,
    /// How long idempotency keys are remembered.
    pub repeat: RepeatConfig,
    /// The clock.
    pub clock: Clock,
    /// Tasks and the stop signal.
    pub tasks: Tasks,
    /// Readiness.
    pub health: Health,
    /// Where spans go.
    pub tracer: Tracer,
}

/// Why a module cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database's configuration cannot be read.
    #[error("the database configuration of {0} is not usable")]
    Database(&'static str, #[source] sqlx::Error),
    /// Kafka's client refuses its configuration.
    #[error("the Kafka configuration is not usable")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// A setting is missing or wrong; the text names it and the remedy.
    #[error("{0}")]
    Setting(String),
}
