//! A database, a slot and a namespace for one test, taken away again whatever the test does.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use futures::FutureExt as _;
use platform::db::DatabaseConfig;
use platform::health::Health;
use platform::kafka::KafkaConfig;
use platform::token::TokenConfig;
use platform::{Clock, Parts, Tasks};
use rdkafka::admin::{AdminClient, AdminOptions};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, Postgres};
use sqlx::{AssertSqlSafe, Row as _};

use super::PATIENCE;
use super::events::Events;
use crate::Config;
use crate::context::Relay;
use crate::status::State;

/// The tables that other services own, as far as the relay looks at them.
const OTHERS: &str = "
    create table inventory.room_night (hotel_id uuid, room_type_id uuid, night date, total int not null,
        held int not null default 0, sold int not null default 0, closed bool not null default false,
        primary key (hotel_id, room_type_id, night));
    create table hotel.hotel (hotel_id uuid primary key, name text, time_zone text, currency char(3));
    create table hotel.room_type (hotel_id uuid, room_type_id uuid, name text, primary key (hotel_id, room_type_id));
    create table hotel.rate_plan (hotel_id uuid, rate_plan_id uuid, name text, primary key (hotel_id, rate_plan_id));
    create table hotel.price (hotel_id uuid, room_type_id uuid, rate_plan_id uuid, night date, amount_minor bigint, primary key (hotel_id, room_type_id, rate_plan_id, night));
    create table access.principal (principal_id uuid primary key); create table access.granted (grant_id uuid primary key); create table access.api_key (key_id uuid primary key); create table access.session (session_id uuid primary key);
    create table access.trail_head (no bigint primary key); create table inventory.trail_head (no bigint primary key);
    create table orchestrator.trail_head (no bigint primary key);";
/// The role's rights, as `bellhop migrate` grants them.
const RIGHTS: &str = "
    do $$ begin create role bellhop_relay; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin alter role bellhop_relay login replication;
    exception when internal_error then null; end $$;
    grant usage on schema access, inventory, reservation, payment, orchestrator, hotel, relay to bellhop_relay;
    grant select, insert, update on all tables in schema relay to bellhop_relay;";
/// The owners of outboxes.
pub(super) const SPEAKERS: [&str; 4] = ["inventory", "reservation", "payment", "orchestrator"];

#[derive(Parser)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    #[command(flatten)]
    pub(crate) kafka: KafkaConfig,
    #[command(flatten)]
    token: TokenConfig,
    #[command(flatten)]
    pub(crate) relay: Config,
}

impl Settings {
    /// As a command line gives them.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        Self::parse_from(["relay"].iter().chain(arguments))
    }

    /// The parts of a process.
    pub(crate) fn parts(&self) -> Parts {
        Parts {
            database: self.database.clone(),
            kafka: self.kafka.clone(),
            token: self.token.clone(),
            repeat: platform::repeat::RepeatConfig::default(),
            clock: Clock::system(),
            tasks: Tasks::new(),
            health: Health::default(),
            tracer: platform::Tracer::default(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Stage {
    /// Of the database, the slot and the publication; with a dash, the namespace.
    pub(super) name: String,
    database: DatabaseConfig,
    kafka: KafkaConfig,
    token: TokenConfig,
    config: Config,
    admin: PgPool,
    consumers: Tasks,
}

/// Runs a test and clears up after it, also when it fails.
pub(super) async fn on_stage(test: &str, act: impl AsyncFnOnce(Stage)) {
    let by_day = async |stage: Stage| {
        stage.by_day(0).await;
        stage.by_day(1).await;
        stage.grant().await;
        act(stage).await;
    };
    on_former_stage(test, by_day).await;
}

/// As [`on_stage`], where outboxes have no days yet.
pub(super) async fn on_former_stage(test: &str, act: impl AsyncFnOnce(Stage)) {
    let Some((url, brokers)) = engines() else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: set DATABASE_URL and BELLHOP_KAFKA_BROKERS to run it");
        }
        return;
    };
    let server: PgConnectOptions = url.parse().unwrap();
    let name = format!("relay_test_{test}_{}", unique());
    let root = PgPool::connect_with(server.clone()).await.unwrap();
    run(&root, &format!("create database {name}")).await;
    let stage = Stage::build(&name, &server, &brokers).await;
    let outcome = std::panic::AssertUnwindSafe(act(stage.clone()))
        .catch_unwind()
        .await;
    stage.consumers.stop();
    stage.drop_slot().await;
    stage.admin.close().await;
    run(&root, &format!("drop database {name} with (force)")).await;
    stage.delete_topics().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment where its engines are"
)]
fn engines() -> Option<(String, String)> {
    Some((
        std::env::var("DATABASE_URL").ok()?,
        std::env::var("BELLHOP_KAFKA_BROKERS").ok()?,
    ))
}

/// What no other test is called.
fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

/// Waits until `met` holds.
pub(super) async fn until(what: &str, mut met: impl AsyncFnMut() -> Result<(), String>) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(instead) = met().await {
        assert!(Instant::now() < deadline, "waited for {what}, got {instead}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Stage {
    async fn build(name: &str, server: &PgConnectOptions, brokers: &str) -> Self {
        let admin = PgPool::connect_with(server.clone().database(name)).await.unwrap();
        for schema in [
            "access",
            "hotel",
            "inventory",
            "reservation",
            "payment",
            "orchestrator",
            "relay",
        ] {
            run(&admin, &format!("create schema {schema}")).await;
        }
        for schema in SPEAKERS {
            let outbox = format!(
                "create table {schema}.outbox (id uuid primary key, aggregatetype text not null,
                 aggregateid text not null, type text not null, payload json not null,
                 created_at timestamptz not null default now())"
            );
            run(&admin, &outbox).await;
        }
        run(&admin, OTHERS).await;
        crate::MIGRATOR.run(&admin).await.unwrap();
        let url = format!("postgres://{}:{}/{name}", server.get_host(), server.get_port());
        let namespace = format!("{name}-");
        let settings = Settings::of(&[
            "--database-url",
            &url,
            "--kafka-brokers",
            brokers,
            "--topic-namespace",
            &namespace,
            "--slot-name",
            name,
            "--publication-name",
            name,
        ]);
        // Every stage of a run sets the same password, so it does not matter which of them comes last.
        let password = settings
            .database
            .password("relay")
            .unwrap()
            .reveal()
            .replace('\'', "''");
        let rights = RIGHTS.replace(
            "login replication",
            &format!("login replication password '{password}'"),
        );
        until("the role", async || {
            sqlx::raw_sql(AssertSqlSafe(rights.clone()))
                .execute(&admin)
                .await
                .map(|_| ())
                .map_err(|error| error.to_string())
        })
        .await;
        let Settings {
            database,
            kafka,
            token,
            relay,
        } = settings;
        let name = name.to_owned();
        Self {
            name,
            database,
            kafka,
            token,
            config: relay,
            admin,
            consumers: Tasks::new(),
        }
    }

    /// The database as its owner sees it.
    pub(super) fn pool(&self) -> PgPool {
        self.admin.clone()
    }

    /// Makes the publication, as `bellhop migrate` does.
    pub(super) async fn publish(&self) {
        self.execute(&crate::publication_sql(&self.name)).await;
    }

    /// A session of its own, for what lasts longer than a statement.
    pub(super) async fn session(&self) -> PoolConnection<Postgres> {
        self.admin.acquire().await.unwrap()
    }

    /// Runs statements in one transaction.
    pub(super) async fn execute(&self, sql: &str) {
        run(&self.admin, sql).await;
    }

    /// Starts a relay.
    pub(super) fn relay(&self, node: &str) -> Running {
        let parts = Parts {
            database: self.database.clone(),
            kafka: KafkaConfig {
                node: node.to_owned(),
                ..self.kafka.clone()
            },
            token: self.token.clone(),
            repeat: platform::repeat::RepeatConfig::default(),
            clock: Clock::system(),
            tasks: Tasks::new(),
            health: Health::default(),
            tracer: platform::Tracer::default(),
        };
        let relay = Arc::new(Relay::new(&parts, &self.config).unwrap());
        let working = Arc::clone(&relay);
        let task = parts.tasks.spawn_work(async move { working.run().await });
        Running {
            relay,
            tasks: parts.tasks,
            task,
        }
    }

    /// Makes the topics before a relay does, and waits until brokers list them. Where a relay finds some missing, it
    /// publishes again all that is kept.
    pub(super) async fn make_topics(&self) {
        let topics = contract::topics::plans(2);
        self.kafka.create_topics(&topics).await.unwrap();
        until("topics", async || {
            match self.kafka.missing_topics(&topics).await {
                Ok(missing) if missing.is_empty() => Ok(()),
                instead => Err(format!("{instead:?}")),
            }
        })
        .await;
    }

    /// Reads topics from their beginning.
    pub(super) fn consume(&self, topics: &[&str]) -> Events {
        let group = format!("reader-{}", unique());
        Events::of(&self.kafka, &group, topics, &self.consumers)
    }

    pub(super) async fn wal_end(&self) -> i64 {
        self.number("select (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint")
            .await
    }

    pub(super) async fn slot_is_confirmed_to(&self, lsn: i64) {
        let sql = format!(
            "select (confirmed_flush_lsn - '0/0'::pg_lsn)::bigint from pg_replication_slots where slot_name = '{}'",
            self.name
        );
        until("the confirmed position", async || {
            let confirmed = self.number(&sql).await;
            if confirmed >= lsn {
                Ok(())
            } else {
                Err(format!("{confirmed} instead of {lsn}"))
            }
        })
        .await;
    }

    /// The number that a statement answers.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.admin)
            .await
            .unwrap();
        row.try_get_raw(0).unwrap().as_str().unwrap().parse().unwrap()
    }

    /// Drops the slot as soon as nobody streams from it, ending whoever still does.
    pub(super) async fn drop_slot(&self) {
        let sql = format!(
            "select pg_terminate_backend(active_pid) from pg_replication_slots
                 where slot_name = '{0}' and active_pid is not null;
             select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{0}';",
            self.name
        );
        until("the slot to be free", async || {
            let dropped = sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                .execute(&self.admin)
                .await;
            dropped.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
    }

    async fn delete_topics(&self) {
        let admin: AdminClient<_> = self.kafka.client().create().unwrap();
        let listed = contract::topics::all(2).into_iter().map(|topic| topic.name);
        let names: Vec<String> = listed
            .chain(["made.up".to_owned()])
            .map(|name| self.kafka.topic(&name))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Best effort: a topic of a stopped test disturbs nobody.
        let _ = admin.delete_topics(&names, &AdminOptions::new()).await;
    }
}

pub(super) struct Running {
    relay: Arc<Relay>,
    tasks: Tasks,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Waits until the relay is in this state for this reason.
    pub(super) async fn is(&self, state: State, reason: &str) {
        until(&format!("{state:?} {reason}"), async || {
            let seen = self.relay.status.seen();
            let fits = seen.state == state && seen.reason.clone().unwrap_or_default().starts_with(reason);
            if fits { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
    }

    /// Stops as a process does on a signal.
    pub(super) async fn stop(self) {
        self.tasks.stop();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// Ends in the middle of whatever it does, as far as one task of a process can.
    pub(super) fn die(self) {
        self.task.abort();
    }
}
