//! What the relay works with, and remembers from session to session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::topics::{self, Plan};
use platform::kafka::KafkaConfig;
use platform::{Clock, Parts, Secret, StartError, Tasks};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::config::Config;
use crate::error::Parted;
use crate::memory::Memory;
use crate::status::{Meters, Status};
use crate::store;

/// The module's name, and of its role `bellhop_relay`.
const MODULE: &str = "relay";
/// Heartbeats, the catalog and a snapshot: one each.
const CONNECTIONS_MAX: u32 = 3;
/// Making a slot waits for running transactions, and a snapshot reads everything with one statement per
/// table: the services' limit does not fit.
const STATEMENT_TIMEOUT: &str = "2h";

fn made(former: Option<i32>, partitions: i32) -> Vec<Plan> {
    let mut made = topics::plans(partitions);
    for (name, count, _) in &mut made {
        if let (topics::ORCHESTRATOR_MESSAGES, Some(former)) = (name.as_str(), former) {
            *count = former;
        }
    }
    made
}

/// The relay with what it works with.
pub(crate) struct Relay {
    pub(crate) config: Config,
    pub(crate) kafka: KafkaConfig,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) options: PgConnectOptions,
    pub(crate) password: Secret,
    pub(crate) pool: PgPool,
    pub(crate) status: Status,
    pub(crate) meters: Meters,
    pub(crate) memory: Memory,
    topics_made: AtomicBool,
    slot_useless: AtomicBool,
    followed: AtomicBool,
}

impl Relay {
    pub(crate) fn new(parts: &Parts, config: &Config) -> Result<Self, StartError> {
        config.check()?;
        let options = parts
            .database
            .options(MODULE)
            .map_err(|error| StartError::Database(MODULE, error))?;
        let password = parts.database.password(MODULE);
        let password = password.map_err(|error| StartError::Database(MODULE, error))?;
        let patient = [
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", "10min"),
        ];
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_secs(5))
            .max_lifetime(Duration::from_mins(5))
            .after_connect(|connection, _| platform::db::primary_only(connection))
            .connect_lazy_with(options.clone().options(patient));
        Ok(Self {
            config: config.clone(),
            kafka: parts.kafka.clone(),
            clock: parts.clock.clone(),
            tasks: parts.tasks.clone(),
            password,
            options,
            pool,
            status: Status::new(parts.health.clone()),
            meters: Meters::new(),
            memory: Memory::default(),
            topics_made: AtomicBool::new(false),
            slot_useless: AtomicBool::new(false),
            followed: AtomicBool::new(false),
        })
    }

    /// Makes Kafka's topics unless this was done since Kafka last gave trouble.
    ///
    /// A topic that is missing has lost what was published to it, acknowledged or not. So before it is made
    /// again, a snapshot is asked for, which publishes every kept outbox row and every captured row anew.
    pub(crate) async fn ensure_topics(&self) -> Result<(), Parted> {
        if !self.topics_made.load(Ordering::Relaxed) {
            let topics = self.wanted().await?;
            let missing = self.kafka.missing_topics(&topics).await?;
            if !missing.is_empty() {
                tracing::warn!(
                    ?missing,
                    "topics are missing in Kafka; making them and publishing all again"
                );
                store::snapshot_due(&self.pool, &self.config.slot_name).await?;
            }
            self.kafka.create_topics(&topics).await?;
            self.topics_made.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Every topic, and how it is made where it is missing. That of the orchestrator has as many partitions as those of the former
    /// release, where these are: a run then stays in the shard that it is in.
    async fn wanted(&self) -> Result<Vec<Plan>, Parted> {
        let mut former = None;
        for topic in topics::ORCHESTRATOR_FORMER {
            former = former.max(self.kafka.partitions(topic).await?);
        }
        Ok(made(former, self.kafka.partitions_made()))
    }

    /// Whether the slot was found to be of no use although Postgres lists it as sound.
    pub(crate) fn is_slot_useless(&self) -> bool {
        self.slot_useless.load(Ordering::Relaxed)
    }

    /// Whether commits wait for a synchronous standby. The stream does not: what it brings may still be lost with
    /// this server.
    pub(crate) fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Relaxed)
    }

    /// Whether commits wait for a synchronous standby was read.
    pub(crate) fn set_followed(&self, followed: bool) {
        self.followed.store(followed, Ordering::Relaxed);
    }

    /// Kafka gave trouble: topics may be gone.
    pub(crate) fn forget_topics(&self) {
        self.topics_made.store(false, Ordering::Relaxed);
    }

    /// The slot is of no use although Postgres lists it as sound.
    pub(crate) fn slot_failed(&self) {
        self.slot_useless.store(true, Ordering::Relaxed);
    }

    /// A new slot was made.
    pub(crate) fn slot_is_new(&self) {
        self.slot_useless.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orchestrators_topic_has_the_partitions_of_the_former_ones() {
        let counts = |former| {
            let made = made(former, 3);
            [
                "orchestrator.messages",
                "orchestrator.messages.dead",
                "inventory.commands",
                "bellhop.relay.heartbeat",
            ]
            .map(|name| made.iter().find(|(topic, ..)| topic == name).unwrap().1)
        };
        assert_eq!(counts(None), [3, 1, 3, 1]);
        assert_eq!(counts(Some(4)), [4, 1, 3, 1]);
    }
}
