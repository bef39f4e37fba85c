//! Postgres: one pool per module under its own role, and the unit of work.
//!
//! A transaction is only ever opened by [`unit_of_work`], which runs it in a task of its own. A
//! request's future can be dropped at any await when its client goes away; a transaction that lived
//! in it would be left open on a pooled connection (measured with sqlx 0.9: 27 of 200 cancelled
//! `begin()` poisoned the pool, none when the work was spawned).

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::secret::{self, Secret};
use clap::Args;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions as _, Connection as _};

mod rows;

pub use rows::all_written;

/// How a service's statements are planned. Every one goes by index, whatever its arrays hold and whatever
/// statistics a young table has. Planning each anew was a fifth of its cost, and a plan made for an empty
/// table read all of it for as long as it was kept.
const PLANNING: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
/// One other open transaction is enough for a commit to wait for it, as long as the role's `commit_delay` says:
/// `bellhop migrate` sets that, because only an administrator may.
const SHARED_FLUSH: [(&str, &str); 1] = [("commit_siblings", "1")];
/// A pooled connection that was idle longer is asked whether it lives before it is used.
const PING_AFTER: Duration = Duration::from_secs(1);
/// And so long it may take to answer that.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// A unit of work that has not ended after so long never will: its statements would have ended before. The
/// other end is gone and nobody was told, so the connection is given up.
const UNIT_TIMEOUT: Duration = Duration::from_secs(20);
/// Waiting for a pooled connection, in milliseconds, before the work is shed.
const ACQUIRE_TIMEOUT_MS: u64 = 2_000;
/// No statement of a service runs longer, in milliseconds.
const STATEMENT_TIMEOUT_MS: u32 = 15_000;
/// No statement waits longer for a lock, in milliseconds.
const LOCK_TIMEOUT_MS: u32 = 5_000;
/// A session that sits in a transaction without speaking is ended after this many milliseconds.
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u32 = 15_000;

crate::secret_setting! {
    /// Password of the modules' roles. `BELLHOP_<MODULE>_DATABASE_PASSWORD` overrides it for one module,
    /// so that each container can be given its own alone.
    pub DatabasePassword = "BELLHOP_DATABASE_PASSWORD", None
}

/// Where Postgres is. Every module logs in as its own role, `bellhop_<module>`.
#[derive(Args, Clone, Debug)]
pub struct DatabaseConfig {
    /// Host, port and database, without credentials.
    #[arg(
        long,
        env = "BELLHOP_DATABASE_URL",
        default_value = "postgres://127.0.0.1:5432/bellhop"
    )]
    pub database_url: String,

    /// [`DatabasePassword`].
    #[command(flatten)]
    pub database_password: DatabasePassword,

    /// Connections per module. More do not make a hot row faster (see docs/decisions).
    #[arg(long, env = "BELLHOP_DATABASE_CONNECTIONS_MAX", default_value_t = 8)]
    pub database_connections_max: u32,
}

impl DatabaseConfig {
    /// How a module connects.
    ///
    /// # Errors
    /// When the URL, or the file that has the password, cannot be read.
    pub fn options(&self, module: &str) -> Result<PgConnectOptions, sqlx::Error> {
        let role = format!("bellhop_{module}");
        let options = PgConnectOptions::from_str(&self.database_url)?
            .username(&role)
            .password(self.password(module)?.reveal())
            .application_name(&role);
        Ok(bounded(options))
    }

    /// How a module's tables are made and changed: by an administrator's URL, as the role that owns them and cannot log in.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn owner_options(admin_url: &Secret, module: &str) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(admin_url.reveal())?
            .application_name("bellhop_migrate")
            .options([("role", owner_of(module))]);
        Ok(bounded(options))
    }

    /// The password of a module's role.
    ///
    /// # Errors
    /// When the file that has it cannot be read.
    pub fn password(&self, module: &str) -> Result<Secret, sqlx::Error> {
        let variable = format!("BELLHOP_{}_DATABASE_PASSWORD", module.to_uppercase());
        let own = secret::given(&variable).map_err(|error| sqlx::Error::Configuration(error.into()))?;
        Ok(own.unwrap_or_else(|| Secret::clone(&self.database_password)))
    }

    /// A pool for a module. Connects when first used, so that a module starts before its database does.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn pool(&self, module: &str) -> Result<PgPool, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(self.database_connections_max)
            .acquire_timeout(Duration::from_millis(ACQUIRE_TIMEOUT_MS))
            .max_lifetime(Duration::from_mins(5))
            .test_before_acquire(false)
            .after_connect(|connection, _| primary_only(connection))
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    // A busy connection has just shown that it lives; asking each time costs a round trip.
                    if meta.idle_for < PING_AFTER {
                        return Ok(true);
                    }
                    let answer = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await;
                    // An error closes the connection without a farewell, for which a silent peer would be waited.
                    answer.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
                })
            })
            .connect_lazy_with(self.options(module)?.options(PLANNING).options(SHARED_FLUSH));
        Ok(pool)
    }
}

/// The role that owns a module's schema and tables, and cannot log in.
pub fn owner_of(module: &str) -> String {
    format!("bellhop_{module}_owner")
}

/// No statement of such a connection takes or waits for longer than it may.
fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    let bounds = [
        ("statement_timeout", STATEMENT_TIMEOUT_MS),
        ("lock_timeout", LOCK_TIMEOUT_MS),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT_MS,
        ),
    ];
    options.options(bounds).disable_statement_logging()
}

/// Refuses a new connection to a standby, for a pool's `after_connect`: what leads to the database may lead to
/// one for a while, and a standby takes no writes.
pub fn primary_only(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    Box::pin(async move {
        #[expect(
            clippy::disallowed_methods,
            reason = "there are no checked queries here, and this one names no table"
        )]
        let standby: bool = sqlx::query_scalar("select pg_is_in_recovery()")
            .fetch_one(connection)
            .await?;
        if standby {
            return Err(sqlx::Error::Protocol(
                "this is a standby, not the primary".to_owned(),
            ));
        }
        Ok(())
    })
}

/// Something did not work: the unit of work is rolled back and tried again by whoever owns it.
/// A refusal is not broken; it is an answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The database failed or could not be reached.
    #[error("the database did not do it")]
    Database(#[from] sqlx::Error),
    /// The database did not answer for longer than any statement may take.
    #[error("the database is silent")]
    Silent,
    /// Kafka did not answer what the work needs to know.
    #[error("Kafka did not answer: {0}")]
    Kafka(String),
    /// The task that ran the work died.
    #[error("the task died")]
    Task(#[from] tokio::task::JoinError),
    /// Another transaction wrote first what this one was about to write; it must be decided anew.
    #[error("overtaken: {0}")]
    Overtaken(&'static str),
    /// Rows or messages contradict the code.
    #[error("inconsistent: {0}")]
    Inconsistent(String),
    /// Another process has taken over what the work is about, so this one must not do it.
    #[error("superseded: {0}")]
    Superseded(String),
}

impl Broken {
    /// Whether the same work may succeed when simply tried again.
    ///
    /// Of what Postgres says only that is final which speaks of the values: everything else may be said of any
    /// work while a password is rotated, a migration is missing, a disk is full or a standby is not yet promoted.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                // Classes of PostgreSQL's appendix A: cardinality, data, integrity, check option, limits of the
                // program (such as a row that is too large), an error raised in SQL.
                let code = error.code().unwrap_or_default();
                !["21", "22", "23", "44", "54", "P0"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }
            Self::Database(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::WorkerCrashed,
            )
            | Self::Silent
            | Self::Kafka(_)
            | Self::Overtaken(_) => true,
            // Work that panicked does so again.
            Self::Task(error) => !error.is_panic(),
            Self::Database(_) | Self::Inconsistent(_) | Self::Superseded(_) => false,
        }
    }

    /// Whether it took longer than anything may: perhaps there was too much of it.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| code == "57014"),
            Self::Silent => true,
            _ => false,
        }
    }

    /// The name of the constraint that refused a row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}

/// A pooled connection, for reading outside a unit of work.
///
/// A pool takes a connection back by speaking to it, and waits for the answer without end (sqlx 0.9). One
/// whose other end is gone without a word would so be lost to the pool for ever. So what was away for longer
/// than any statement may take is not given back, but closed.
#[derive(Debug)]
pub struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    since: Instant,
}

/// Leases a connection.
///
/// # Errors
/// When the pool has none for too long, or the database cannot be reached.
pub async fn lease(pool: &PgPool) -> Result<Lease, sqlx::Error> {
    Ok(Lease {
        connection: Some(pool.acquire().await?),
        since: Instant::now(),
    })
}

/// Runs a read, which is given up when the database is silent.
///
/// # Errors
/// What the read answers, or that it was silent.
pub async fn patiently<T, E: From<Broken>>(read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let answer = tokio::time::timeout(UNIT_TIMEOUT, read).await;
    answer.unwrap_or_else(|_| Err(Broken::Silent.into()))
}

impl Deref for Lease {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_deref().expect("not dropped")
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_deref_mut().expect("not dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let statement_timeout = Duration::from_millis(STATEMENT_TIMEOUT_MS.into());
        if self.since.elapsed() > statement_timeout
            && let Some(connection) = self.connection.take()
        {
            drop(connection.detach());
        }
    }
}

/// Runs `work`, which is one statement and so a transaction of its own: there is nothing to begin and to commit.
///
/// # Errors
/// What `work` answers, or that no connection was to be had.
pub async fn one_statement<T, F>(pool: &PgPool, work: F) -> Result<T, Broken>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Broken>> + Send + 'static,
{
    apart(pool, UNIT_TIMEOUT, |db| {
        Box::pin(async move {
            crate::chaos::point("commit.before");
            let done = work(db).await?;
            crate::chaos::point("commit.after");
            Ok(done)
        })
    })
    .await
}

/// Runs `work` in one transaction: committed when it answers `Ok`, rolled back when it answers `Err`.
///
/// ```ignore
/// let left = unit_of_work(&pool, move |db| Box::pin(store::left(db, thing_id))).await?;
/// ```
///
/// # Errors
/// What `work` answers, or the database's failure to begin or commit.
pub async fn unit_of_work<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    unit_of_work_within(pool, UNIT_TIMEOUT, work).await
}

/// As [`unit_of_work`], for work that may take as long as `limit`, such as reading whole tables.
///
/// # Errors
/// What `work` answers, or the database's failure to begin or commit.
pub async fn unit_of_work_within<T, E, F>(pool: &PgPool, limit: Duration, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    apart(pool, limit, |db| {
        Box::pin(async move {
            let mut transaction = db.begin().await.map_err(Broken::from)?;
            let done = work(&mut transaction).await?;
            crate::chaos::point("commit.before");
            transaction.commit().await.map_err(Broken::from)?;
            crate::chaos::point("commit.after");
            Ok(done)
        })
    })
    .await
}

/// Runs `work` on a connection, in a task of its own: who asked may go away. A database that is silent for longer than
/// `limit` is given up.
async fn apart<T, E, F>(pool: &PgPool, limit: Duration, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
{
    let pool = pool.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "the unit of work outlives a dropped request on purpose"
    )]
    let task = tokio::spawn(async move {
        let mut connection = lease(&pool).await.map_err(Broken::from)?;
        let done = tokio::time::timeout(limit, work(&mut connection)).await;
        done.unwrap_or_else(|_| Err(Broken::Silent.into()))
    });
    task.await.map_err(Broken::from)?
}

#[cfg(test)]
#[path = "db_tests.rs"]
mod tests;
