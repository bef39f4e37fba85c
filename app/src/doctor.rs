//! `bellhop doctor`: what is missing or wrong around the platform, and what to do about it.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use availability::cache::Cache;
use availability::config::RedisUrl;
use availability::keeper::unfilled_text;
use clap::Args;
use platform::db::DatabaseConfig;
use platform::kafka::KafkaConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::client::ClientConfig;
use crate::run::LIMPS;
use crate::{migrate, say};

/// How long each engine may take to answer.
const ANSWER_SECONDS_MAX: u64 = 3;

/// Settings of `bellhop doctor`: those of `bellhop run`.
#[derive(Args, Debug)]
pub struct Doctor {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    kafka: KafkaConfig,
    #[command(flatten)]
    redis_url: RedisUrl,
    /// What every key in Redis begins with.
    #[arg(long, env = "BELLHOP_REDIS_PREFIX", default_value = "")]
    redis_prefix: String,
    /// The relay's replication slot.
    #[arg(long, env = "BELLHOP_SLOT", default_value = "bellhop")]
    slot_name: String,
    /// The relay's publication.
    #[arg(long, env = "BELLHOP_PUBLICATION", default_value = "bellhop")]
    publication_name: String,
    #[command(flatten)]
    client: ClientConfig,
}

/// What was found: well, or wrong with the remedy.
type Finding = Result<String, (String, &'static str)>;

const START_POSTGRES: &str = "start Postgres, or set BELLHOP_DATABASE_URL; scripts/up does both";
const MIGRATE: &str = "run `bellhop migrate`";

impl Doctor {
    /// Looks at everything and says what it found; exit code 1 when something is wrong.
    ///
    /// # Errors
    /// Never; what is wrong is a finding.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let mut findings = vec![("configuration", self.settings())];
        for (module, migrator) in migrate::owners() {
            findings.push((module, self.schema(module, migrator).await));
        }
        match PgConnection::connect_with(&self.database.options("audit")?).await {
            Err(error) => findings.push(("audit role", Err((error.to_string(), MIGRATE)))),
            Ok(mut db) => {
                findings.push(("wal_level", wal_level(&mut db).await));
                findings.push(("publication", self.publication(&mut db).await));
                findings.push(("slot", self.slot(&mut db).await));
            }
        }
        findings.push(("kafka", self.brokers().await));
        let redis = self.redis().await;
        let answers = redis.is_ok();
        findings.push(("redis", redis));
        if answers {
            findings.push(("cache", self.cache().await));
        }
        findings.push(("platform", self.platform().await));
        let mut wrong = 0;
        for (what, finding) in findings {
            match finding {
                Ok(text) => say::line(format!("ok    {what}: {text}")),
                Err((text, remedy)) => {
                    wrong += 1;
                    say::line(format!("WRONG {what}: {text}\n      -> {remedy}"));
                }
            }
        }
        say::line(if wrong == 0 {
            "all is well".to_owned()
        } else {
            format!("{wrong} findings")
        });
        Ok(if wrong == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn settings(&self) -> Finding {
        let remedy = "set BELLHOP_DATABASE_PASSWORD; scripts/up writes it into .bellhop/env";
        match self.database.password("hotel") {
            Err(error) => return Err((platform::chain(&error), remedy)),
            Ok(none) if none.is_empty() => {
                return Err(("no password for the database roles is set".to_owned(), remedy));
            }
            Ok(_) => {}
        }
        Ok(format!(
            "database {}, brokers {}",
            self.database.database_url, self.kafka.kafka_brokers
        ))
    }

    async fn schema(&self, module: &str, migrator: &sqlx::migrate::Migrator) -> Finding {
        match migrate::check(&self.database, module, migrator).await {
            Ok(count) => Ok(format!("role logs in, {count} migrations applied")),
            Err(error) => {
                let connects = error
                    .downcast_ref::<sqlx::Error>()
                    .is_none_or(|error| !matches!(error, sqlx::Error::Io(_)));
                Err((
                    format!("{error:#}"),
                    if connects { MIGRATE } else { START_POSTGRES },
                ))
            }
        }
    }

    async fn publication(&self, db: &mut PgConnection) -> Finding {
        let name = self.publication_name.replace('\'', "''");
        let sql = format!("select count(*)::text from pg_publication_tables where pubname = '{name}'");
        match text(db, &sql).await {
            Ok(count) if count != "0" => Ok(format!("{name} with {count} tables")),
            Ok(_) => Err((format!("there is no publication {name}"), MIGRATE)),
            Err(error) => Err((error, START_POSTGRES)),
        }
    }

    async fn slot(&self, db: &mut PgConnection) -> Finding {
        let name = self.slot_name.replace('\'', "''");
        let sql = format!(
            "select coalesce((select (case when active then 'active' else 'inactive' end) || ', wal ' || \
             coalesce(wal_status, 'unknown') from pg_replication_slots where slot_name = '{name}'), 'missing')"
        );
        match text(db, &sql).await {
            Ok(state) if state == "missing" => Err((
                format!("there is no slot {name}"),
                "run the relay; it creates its slot: `bellhop run --target=relay`",
            )),
            Ok(state) if state.contains("lost") => Err((
                format!("{name} is {state}"),
                "restart the relay; it makes a new slot and rebuilds by snapshot",
            )),
            Ok(state) if state.starts_with("inactive") => Err((
                format!("{name} is {state}: it keeps the log from being removed"),
                "run the relay, or drop the slot",
            )),
            Ok(state) => Ok(format!("{name} is {state}")),
            Err(error) => Err((error, START_POSTGRES)),
        }
    }

    async fn brokers(&self) -> Finding {
        let remedy = "start Kafka, or set BELLHOP_KAFKA_BROKERS; scripts/up does both";
        let client = self.kafka.client();
        let wanted: Vec<String> = contract::topics::all(self.kafka.partitions_made())
            .into_iter()
            .map(|topic| self.kafka.topic(&topic.name))
            .collect();
        let looked = tokio::task::spawn_blocking(move || -> Result<(usize, Vec<String>), String> {
            let consumer: BaseConsumer = client.create().map_err(|error| error.to_string())?;
            let metadata = consumer
                .fetch_metadata(None, Duration::from_secs(ANSWER_SECONDS_MAX))
                .map_err(|error| error.to_string())?;
            let there: Vec<&str> = metadata
                .topics()
                .iter()
                .map(rdkafka::metadata::MetadataTopic::name)
                .collect();
            let missing = wanted
                .into_iter()
                .filter(|name| !there.contains(&name.as_str()))
                .collect();
            Ok((metadata.brokers().len(), missing))
        });
        match looked.await {
            Err(error) => Err((error.to_string(), remedy)),
            Ok(Err(error)) => Err((error, remedy)),
            Ok(Ok((_, missing))) if !missing.is_empty() => Err((
                format!("topics are missing: {}", missing.join(", ")),
                "run the relay; it creates the topics",
            )),
            Ok(Ok((brokers, _))) => Ok(format!("{brokers} brokers, all topics there")),
        }
    }

    async fn redis(&self) -> Finding {
        let remedy =
            "start Redis, or set BELLHOP_REDIS_URL; until then availability is read from the database";
        let ping = async {
            let client = redis::Client::open(self.redis_url.reveal())?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            redis::cmd("PING").query_async::<String>(&mut connection).await
        };
        match tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), ping).await {
            Ok(Ok(_)) => Ok("answers".to_owned()),
            Ok(Err(error)) => Err((error.to_string(), remedy)),
            Err(_) => Err(("does not answer in time".to_owned(), remedy)),
        }
    }

    async fn cache(&self) -> Finding {
        let state = async {
            let cache = Cache::new(self.redis_url.reveal(), &self.redis_prefix)?;
            Ok::<_, redis::RedisError>((cache.is_filled().await?, cache.unfilled().await?))
        };
        match tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), state).await {
            Ok(Ok((false, _))) => Err((
                "is not filled, or not to the end; availability is read from the database".to_owned(),
                "run the availability service, which fills it, or `bellhop warm`; its log and /readyz say how far it is",
            )),
            Ok(Ok((true, unfilled))) => unfilled_text(&unfilled).map_or_else(
                || Ok("filled".to_owned()),
                |text| {
                    let remedy =
                        "mend what is named, then `bellhop warm --hotels ID`, or wait: each is tried again";
                    Err((text, remedy))
                },
            ),
            Ok(Err(error)) => Err((error.to_string(), "look into Redis' log")),
            Err(_) => Err(("Redis does not answer in time".to_owned(), "look into Redis' log")),
        }
    }

    async fn platform(&self) -> Finding {
        let remedy = "run `bellhop run`, or set BELLHOP_URL to where it listens";
        let url = format!("{}/readyz", self.client.url.trim_end_matches('/'));
        let asked = reqwest::Client::new()
            .get(&url)
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
            .send()
            .await;
        match asked {
            Err(error) => Err((error.to_string(), remedy)),
            Ok(answer) if answer.status().is_success() => {
                limping(&url, &answer.text().await.unwrap_or_default())
            }
            Ok(answer) => Err((
                answer.text().await.unwrap_or_default(),
                "wait, or look into its log for the part named",
            )),
        }
    }
}

/// Ready, unless a part says that it works worse than it should.
fn limping(url: &str, body: &str) -> Finding {
    let parts: BTreeMap<String, String> = serde_json::from_str(body).unwrap_or_default();
    let limps = parts.iter().filter_map(|(part, state)| {
        let why = state.strip_prefix(LIMPS)?;
        Some(format!("{part}: {why}"))
    });
    let limps: Vec<String> = limps.collect();
    if limps.is_empty() {
        Ok(format!("{url} is ready"))
    } else {
        Err((
            limps.join("; "),
            "wait, or mend what is named; the platform works meanwhile, slower",
        ))
    }
}

async fn wal_level(db: &mut PgConnection) -> Finding {
    match text(db, "select current_setting('wal_level')").await {
        Ok(level) if level == "logical" => Ok(level),
        Ok(level) => Err((
            format!("is {level}"),
            "set wal_level = logical in postgresql.conf and restart Postgres",
        )),
        Err(error) => Err((error, START_POSTGRES)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the system catalogue, not a table of ours"
)]
async fn text(db: &mut PgConnection, sql: &str) -> Result<String, String> {
    let read = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql.to_owned()))
        .fetch_one(db)
        .await;
    read.map_err(|error| error.to_string())
}
