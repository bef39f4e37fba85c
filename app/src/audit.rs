//! `bellhop audit`: the invariants of the platform, checked from outside.
//!
//! Promise: reads only, as a role that can do nothing else; goes through every kind, whatever it finds; says
//! of each what it checked, how many rows it saw, and the first rows that violate it with their number; exits
//! with 1 when any kind is violated or could not be checked. One snapshot serves all schemas, so what is
//! compared was true at one moment.

mod cache;
mod invariants;
mod provider;

use std::process::ExitCode;

use anyhow::Context as _;
use availability::config::RedisUrl;
use clap::Args;
use platform::db::DatabaseConfig;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::client::ClientConfig;
use crate::say;

/// The audit reads whole tables, each once: a loop over one for each row of another would be chosen only where
/// Postgres has no statistics, as after a crash, and would never end. No statement runs longer than this.
const PLANNING: [(&str, &str); 2] = [("statement_timeout", "30min"), ("enable_nestloop", "off")];
/// Rows of one violation that are printed.
const ROWS_SHOWN: usize = 20;

/// Settings of `bellhop audit`.
#[derive(Args, Debug)]
pub struct Audit {
    /// Check also what holds only when nothing is on its way: no saga open, nobody charged without a
    /// room, no cache key that differs.
    #[arg(long)]
    at_rest: bool,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    redis_url: RedisUrl,
    /// What stands in front of every key in Redis.
    #[arg(long, env = "BELLHOP_REDIS_PREFIX", default_value = "")]
    redis_prefix: String,
    /// Where the payment provider is, whose ledger is compared.
    #[arg(
        long,
        env = "BELLHOP_PROVIDER_URL",
        default_value = "http://127.0.0.1:8080/sandbox-provider"
    )]
    provider_url: String,
    #[command(flatten)]
    client: ClientConfig,
}

/// What one check found.
struct Checked {
    rows_seen: i64,
    violations: Vec<String>,
}

impl Audit {
    /// Checks every invariant and says of each how it stands.
    ///
    /// # Errors
    /// When the database cannot be reached: nothing is known then.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let options = self.database.options("audit")?.options(PLANNING);
        let mut db = PgConnection::connect_with(&options)
            .await
            .context("the role bellhop_audit cannot log in")?;
        let mut told = Told::default();
        let mut snapshot = db
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        for invariant in invariants::ALL
            .iter()
            .filter(|invariant| self.at_rest || invariant.always)
        {
            // A statement that fails, such as over a value that cannot be read, costs no other.
            let mut point = snapshot.begin().await?;
            let checked = invariant.check(&mut point).await;
            point.rollback().await?;
            told.tell(invariant.id, invariant.promise, checked);
        }
        snapshot.rollback().await?;
        if self.at_rest {
            let checked = provider::check(&mut db, &self.provider_url).await;
            told.tell("I-7p", "the provider's ledger says what ours says", checked);
            let checked = cache::check(&mut db, self.redis_url.reveal(), &self.redis_prefix).await;
            told.tell("I-13", "every cache key is what the database says", checked);
        }
        Ok(told.end())
    }
}

/// How many kinds were checked, and which do not hold.
#[derive(Default)]
struct Told {
    kinds: usize,
    violated: Vec<&'static str>,
    unknown: Vec<&'static str>,
}

impl Told {
    fn tell(&mut self, id: &'static str, promise: &str, checked: anyhow::Result<Checked>) {
        self.kinds += 1;
        match checked {
            Ok(checked) => {
                if !report(id, promise, &checked) {
                    self.violated.push(id);
                }
            }
            Err(error) => {
                say::line(format!("UNKNOWN  {id:<5} {promise}: {error:#}"));
                self.unknown.push(id);
            }
        }
    }

    fn end(&self) -> ExitCode {
        let Self {
            kinds,
            violated,
            unknown,
        } = self;
        if violated.is_empty() && unknown.is_empty() {
            say::line(format!("{kinds} invariants hold"));
            return ExitCode::SUCCESS;
        }
        if !violated.is_empty() {
            let (count, which) = (violated.len(), violated.join(", "));
            say::line(format!("{count} of {kinds} invariants are violated: {which}"));
        }
        if !unknown.is_empty() {
            let (count, which) = (unknown.len(), unknown.join(", "));
            say::line(format!(
                "{count} of {kinds} invariants could not be checked: {which}"
            ));
        }
        ExitCode::FAILURE
    }
}

/// Says what was checked; answers whether it holds.
fn report(id: &str, promise: &str, checked: &Checked) -> bool {
    let seen = checked.rows_seen;
    if checked.violations.is_empty() {
        say::line(format!("ok       {id:<5} {promise} ({seen} rows)"));
        return true;
    }
    let count = checked.violations.len();
    say::line(format!("VIOLATED {id:<5} {promise}: {count} of {seen} rows"));
    for row in checked.violations.iter().take(ROWS_SHOWN) {
        say::line(format!("         {row}"));
    }
    if count > ROWS_SHOWN {
        say::line(format!("         and {} more", count - ROWS_SHOWN));
    }
    false
}

/// All rows of a query as JSON.
async fn rows(db: &mut PgConnection, sql: &str) -> anyhow::Result<Vec<String>> {
    let sql = format!(
        "select row_to_json(violation)::text from ({}) violation",
        sql.trim().trim_end_matches(';')
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "the audit's statements span schemas and are files of their own"
    )]
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(db).await?;
    Ok(rows)
}

async fn count(db: &mut PgConnection, table: &str) -> anyhow::Result<i64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "one statement for every table, named in the code"
    )]
    let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(db)
        .await?;
    Ok(count)
}
