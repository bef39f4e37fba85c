//! `bellhop trail`: what people did to keys, runs, rules and rooms, as it was told, for whoever keeps it elsewhere.

#![expect(
    clippy::disallowed_methods,
    reason = "reads all schemas, as whoever looks on from outside; no service's query does"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use futures::TryStreamExt as _;
use platform::db::DatabaseConfig;
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
    #[command(flatten)]
    database: DatabaseConfig,
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
#[derive(Deserialize)]
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
            Some(file) => check(&mut db, file).await,
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

async fn check(db: &mut PgConnection, file: &Path) -> anyhow::Result<ExitCode> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let sql =
        format!("select exists (select from ({LINES}) line where schema = $1 and no = $2 and hash = $3)");
    let (mut kept, mut gone) = (0, 0);
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let line: Kept = serde_json::from_str(line)
            .with_context(|| format!("{name}: line {} is not one that `bellhop trail` printed", at + 1))?;
        let is_there: bool = sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .bind(&line.schema)
            .bind(line.no)
            .bind(&line.hash)
            .fetch_one(&mut *db)
            .await?;
        kept += 1;
        if !is_there {
            gone += 1;
            say::line(format!(
                "GONE  {}.trail, line {}: not there as it was",
                line.schema, line.no
            ));
        }
    }
    anyhow::ensure!(
        kept > 0,
        "{name} has no line; `bellhop trail --heads` prints those to keep"
    );
    say::line(format!("{} of {kept} lines are there as they were", kept - gone));
    Ok(if gone > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
