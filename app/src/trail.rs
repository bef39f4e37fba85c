//! `bellhop trail`: what people did to keys, runs, rules and rooms, as it was told, for whoever keeps it elsewhere.

#![expect(
    clippy::disallowed_methods,
    reason = "reads all schemas, as whoever looks on from outside; no service's query does"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use contract::topics;
use futures::TryStreamExt as _;
use platform::Tasks;
use platform::db::DatabaseConfig;
use platform::kafka::{KafkaConfig, Whole, read_whole};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use crate::say;

/// Settings of `bellhop trail`.
#[derive(Args, Debug)]
pub struct Trail {
    /// Print only the last line of each schema. Who keeps it where nobody can change it proves later, with --check, that
    /// nothing was taken from the end.
    #[arg(long, conflicts_with = "check")]
    heads: bool,
    /// A file of lines that were printed before: says which of them are not there any more as they were, and exits
    /// with 1 if there is one.
    #[arg(long)]
    check: Option<PathBuf>,
    /// Check against the ends that were told to Kafka, hourly and for good: says which of them are not there any more as they
    /// were, and exits with 1 if there is one.
    #[arg(long, conflicts_with_all = ["check", "heads"])]
    witnessed: bool,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    kafka: KafkaConfig,
}

/// A line as it is printed: JSON, one a line.
#[derive(Serialize, sqlx::FromRow)]
struct Printed {
    schema: String,
    no: i64,
    #[serde(serialize_with = "microseconds")]
    at: DateTime<Utc>,
    actor: String,
    action: String,
    subject: Uuid,
    body: serde_json::Value,
    hash: String,
}

/// As exact as the database keeps it: the hash is over it.
fn microseconds<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// What of a line that was printed is compared: its hash is over all that came before it, too.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Kept {
    schema: String,
    no: i64,
    hash: String,
}

/// All lines of all schemas.
pub(crate) const LINES: &str = include_str!("audit/sql/trails.sql");

impl Trail {
    /// Prints the lines, or says which of those that were kept are gone.
    ///
    /// # Errors
    /// When the database cannot be reached, or the file cannot be read.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let options = self.database.options("audit")?;
        let mut db = PgConnection::connect_with(&options)
            .await
            .context("the role bellhop_audit cannot log in")?;
        match &self.check {
            Some(file) => check(&mut db, &of_file(file)?).await,
            None if self.witnessed => check(&mut db, &told(&self.kafka).await?).await,
            None => print(&mut db, self.heads).await,
        }
    }
}

async fn print(db: &mut PgConnection, heads: bool) -> anyhow::Result<ExitCode> {
    let sql = if heads {
        format!("select distinct on (schema) * from ({LINES}) line order by schema, no desc")
    } else {
        format!("select * from ({LINES}) line order by at, schema, no")
    };
    let mut lines = sqlx::query_as::<_, Printed>(AssertSqlSafe(sql)).fetch(db);
    while let Some(line) = lines.try_next().await? {
        say::line(serde_json::to_string(&line)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines of a file that were printed before.
fn of_file(file: &Path) -> anyhow::Result<Vec<Kept>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let kept = lines.map(|(at, line)| {
        serde_json::from_str(line)
            .with_context(|| format!("{name}: line {} is not one that `bellhop trail` printed", at + 1))
    });
    let kept: Vec<Kept> = kept.collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(
        !kept.is_empty(),
        "{name} has no line; `bellhop trail --heads` prints those to keep"
    );
    Ok(kept)
}

/// How long the brokers may take to hand over everything.
const READ_MAX: Duration = Duration::from_mins(5);

/// An end as its topic has it.
#[derive(Deserialize)]
struct Change {
    after: Option<End>,
}

#[derive(Deserialize)]
struct End {
    no: i64,
    hash: String,
}

/// The ends that were told. One that a topic has twice, said differently, is there twice.
async fn told(kafka: &KafkaConfig) -> anyhow::Result<Vec<Kept>> {
    let tasks = Tasks::new();
    let mut read = read_whole(
        kafka,
        &topics::TRAIL_HEADS.map(|(topic, _)| topic),
        &[],
        tasks.stop_token(),
    )?;
    let mut kept = Vec::new();
    let reading = async {
        loop {
            let message = match read.recv().await.context("the reading of topics ended early")? {
                Whole::Message(message) => message,
                Whole::CaughtUp => return anyhow::Ok(()),
            };
            let of = topics::TRAIL_HEADS
                .iter()
                .find(|(topic, _)| *topic == message.topic);
            let (Some((topic, schema)), false) = (of, message.payload.is_empty()) else {
                continue;
            };
            let change: Change = serde_json::from_slice(&message.payload)
                .with_context(|| format!("{topic} has a message that is no end of a trail"))?;
            kept.extend(change.after.map(|End { no, hash }| Kept {
                schema: (*schema).to_owned(),
                no,
                hash,
            }));
        }
    };
    let reading = tokio::time::timeout(READ_MAX, reading).await;
    reading.context(
        "the brokers did not hand over the ends; are they there, and has the relay made the topics?",
    )??;
    tasks.stop();
    // A relay that begins again says everything again.
    kept.sort_unstable();
    kept.dedup();
    anyhow::ensure!(
        !kept.is_empty(),
        "no end was told yet; one is, within an hour after something was done"
    );
    Ok(kept)
}

async fn check(db: &mut PgConnection, kept: &[Kept]) -> anyhow::Result<ExitCode> {
    let sql =
        format!("select exists (select from ({LINES}) line where schema = $1 and no = $2 and hash = $3)");
    let mut gone = 0;
    for line in kept {
        let is_there: bool = sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .bind(&line.schema)
            .bind(line.no)
            .bind(&line.hash)
            .fetch_one(&mut *db)
            .await?;
        if !is_there {
            gone += 1;
            say::line(format!(
                "GONE  {}.trail, line {}: not there as it was",
                line.schema, line.no
            ));
        }
    }
    say::line(format!(
        "{} of {} lines are there as they were",
        kept.len() - gone,
        kept.len()
    ));
    Ok(if gone > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
