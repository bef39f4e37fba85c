//! One request, one effect: what a request under an `Idempotency-Key` makes is made once, however often it is sent.
//!
//! In one transaction the key is claimed, the thing is made, and the answer is kept: so a request that was refused
//! claims nothing, of two at once the second waits for the first, and a repeat gets the same bytes. Every owner has
//! the same table in its schema:
//!
//! ```sql
//! create table <schema>.idempotency_key (
//!     client text, route text, key text, fingerprint bytea not null, claimed_at timestamptz not null default now(),
//!     response_status smallint, response_body bytea, response_location text, response_content_type text,
//!     primary key (client, route, key));
//! create index on <schema>.idempotency_key (claimed_at);
//! ```
//!
//! A service that makes things for whole groups of requests, and answers later, keeps key and answer with the thing
//! itself and follows the same rules.

use axum::response::Response;
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::db::{self, Broken};
use crate::http::{KeyedRequest, Problem, Stored, reused};
use crate::outbox::Schema;
use crate::retention;
use crate::tasks::Tasks;

/// Thirty days.
const KEPT_HOURS: u16 = 720;

/// How long keys are remembered.
#[derive(clap::Args, Clone, Copy, Debug)]
#[group(skip)]
pub struct RepeatConfig {
    /// How long an idempotency key and its answer are kept, in hours.
    #[arg(long, env = "BELLHOP_IDEMPOTENCY_KEPT_HOURS", default_value_t = KEPT_HOURS)]
    pub idempotency_kept_hours: u16,
}

impl Default for RepeatConfig {
    fn default() -> Self {
        Self {
            idempotency_kept_hours: KEPT_HOURS,
        }
    }
}

/// Makes what the request asks for, once: a repeat gets the answer of the first. `make` is given a transaction that is
/// rolled back when it refuses; without a key it is given a plain connection, so it may be one statement at most
/// that changes anything.
///
/// # Errors
/// What `make` refuses; 422 when the key belongs to another request; that the database does not do it.
pub async fn once<F>(
    pool: &PgPool,
    schema: Schema,
    request: Option<KeyedRequest>,
    make: F,
) -> Result<Response, Problem>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Stored, Problem>> + Send + 'static,
{
    let Some(request) = request else {
        let mut db = db::lease(pool).await.map_err(Broken::from)?;
        return make(&mut db).await.map(Stored::first);
    };
    db::unit_of_work::<_, Problem, _>(pool, move |db| {
        Box::pin(async move {
            if !claim(db, schema, &request).await? {
                return told(db, schema, &request).await.map(Stored::again);
            }
            let answer = make(db).await?;
            keep(db, schema, &request, &answer).await?;
            Ok(answer.first())
        })
    })
    .await
}

/// Claims a key; answers whether it was free. Waits for another request that is about to claim it.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, whose name is in the code"
)]
async fn claim(db: &mut PgConnection, schema: Schema, request: &KeyedRequest) -> Result<bool, Broken> {
    let sql = format!(
        "insert into {}.idempotency_key (client, route, key, fingerprint) values ($1, $2, $3, $4) \
         on conflict do nothing",
        schema.0
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(&request.key.client)
        .bind(&request.key.route)
        .bind(&request.key.text)
        .bind(request.fingerprint.as_slice())
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

type Row = (
    Vec<u8>,
    Option<i16>,
    Option<Vec<u8>>,
    Option<String>,
    Option<String>,
);

/// What was told under a key that is claimed.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, whose name is in the code"
)]
async fn told(db: &mut PgConnection, schema: Schema, request: &KeyedRequest) -> Result<Stored, Problem> {
    let sql = format!(
        "select fingerprint, response_status, response_body, response_location, response_content_type \
         from {}.idempotency_key where (client, route, key) = ($1, $2, $3)",
        schema.0
    );
    let row: Option<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(&request.key.client)
        .bind(&request.key.route)
        .bind(&request.key.text)
        .fetch_optional(db)
        .await
        .map_err(Broken::from)?;
    // Forgotten since it was found to be claimed: the request is to be sent again.
    let (fingerprint, status, body, location, content_type) =
        row.ok_or(Broken::Overtaken("an idempotency key was forgotten"))?;
    if fingerprint != request.fingerprint {
        return Err(reused());
    }
    let (Some(status), Some(body), Some(content_type)) = (status, body, content_type) else {
        let what = "an idempotency key was claimed without an answer".to_owned();
        return Err(Broken::Inconsistent(what).into());
    };
    Ok(Stored {
        status: u16::try_from(status).unwrap_or(500),
        body,
        location,
        content_type,
    })
}

/// Keeps the answer of a key that this transaction has claimed.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, whose name is in the code"
)]
async fn keep(
    db: &mut PgConnection,
    schema: Schema,
    request: &KeyedRequest,
    answer: &Stored,
) -> Result<(), Broken> {
    let sql = format!(
        "update {}.idempotency_key set response_status = $4, response_body = $5, response_location = $6, \
         response_content_type = $7 where (client, route, key) = ($1, $2, $3)",
        schema.0
    );
    let kept = sqlx::query(AssertSqlSafe(sql))
        .bind(&request.key.client)
        .bind(&request.key.route)
        .bind(&request.key.text)
        .bind(i16::try_from(answer.status).unwrap_or(500))
        .bind(&answer.body)
        .bind(&answer.location)
        .bind(&answer.content_type)
        .execute(db)
        .await?;
    db::all_written("answers", kept.rows_affected(), 1)
}

/// Starts to forget keys that were claimed longer ago than the setting says.
pub fn keep_forgetting(tasks: &Tasks, pool: &PgPool, schema: Schema, config: RepeatConfig) {
    let pool = pool.clone();
    retention::keep_removing(tasks, format!("{}.idempotency_key", schema.0), move || {
        let pool = pool.clone();
        async move { forget(&pool, schema, config, retention::BATCH).await }
    });
}

/// Removes the oldest keys, at most `rows` of those that have been kept for long enough. Answers how many.
///
/// # Errors
/// When the database does not do it.
#[expect(
    clippy::disallowed_methods,
    reason = "one statement for every schema, whose name is in the code"
)]
pub async fn forget(pool: &PgPool, schema: Schema, config: RepeatConfig, rows: i64) -> Result<u64, Broken> {
    let sql = format!(
        "delete from {schema}.idempotency_key where (client, route, key) in (\
             select client, route, key from {schema}.idempotency_key \
             where claimed_at < now() - make_interval(hours => $1) order by claimed_at limit $2)",
        schema = schema.0
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(i32::from(config.idempotency_kept_hours))
        .bind(rows)
        .execute(&mut *db::lease(pool).await?)
        .await?;
    Ok(done.rows_affected())
}
