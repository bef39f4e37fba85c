//! The access service: principals, what they were granted, their keys and their sessions.
//!
//! Nobody asks it on a request. Its rows travel by change topics into the memory of every process
//! (`platform::access::Identities`); while the relay is away, processes ask here what has changed. A key is shown once and
//! kept as its HMAC under a pepper; two of a principal may be live at once, so that one can take the other's place.

mod http;
mod model;
mod page;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::access::{ApiKey, Peppers, RowSigner, Sessions, SignInLink};
use platform::outbox::Schema;
use platform::{Broken, Parts, StartError, db, retention, trail};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use contract::{KeyId, PrincipalId, SignInLinkId};
use store::{Done, Which};

pub use model::{NewPrincipal, PrincipalKind};
pub use page::{FILES, SIGN_IN, sign_in};

/// The schema that this service owns.
pub const SCHEMA: Schema = Schema("access");

/// The migrations of the schema `access`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The OpenAPI document of this service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Answers the routes.
///
/// # Errors
/// When the database's URL is not usable.
pub fn start(
    parts: &Parts,
    peppers: Peppers,
    sessions: Sessions,
    signer: RowSigner,
) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(SCHEMA.0)
        .map_err(|error| StartError::Database(SCHEMA.0, error))?;
    let over = pool.clone();
    retention::keep_removing(&parts.tasks, "access.session", move || remove_over(over.clone()));
    parts.health.ready(SCHEMA.0);
    trail::keep_telling_heads(&parts.tasks, &pool, SCHEMA);
    keep_signing(parts, pool.clone(), signer.clone());
    let app = http::App {
        pool,
        peppers,
        sessions,
        signer,
        clock: parts.clock.clone(),
    };
    Ok(http::routes().with_state(app).into())
}

/// The part of the process that says whether all rows are signed.
const SIGNATURES: &str = "access rows";
/// After a look in vain.
const SIGN_AGAIN: Duration = Duration::from_secs(1);

/// Signs the rows that another of the keys has signed by the first. What has no signature of ours has none after this: whoever
/// wrote it would only have to wait until this starts again.
fn keep_signing(parts: &Parts, pool: PgPool, signer: RowSigner) {
    let (tasks, health) = (parts.tasks.clone(), parts.health.clone());
    health.limps(
        SIGNATURES,
        "it is not known yet whether the first key has signed all",
    );
    parts.tasks.spawn("sign-rows", async move {
        loop {
            match sign_some(&pool, &signer, Which::OfFormerKeys).await {
                Ok(rows) if rows.is_empty() => return health.ready(SIGNATURES),
                Ok(rows) => tracing::info!(
                    rows = rows.len(),
                    "rows of access have a signature of the new key"
                ),
                Err(error) => {
                    tracing::warn!(
                        error = platform::chain(&error),
                        "the rows of access cannot be signed"
                    );
                    if !tasks.pause(SIGN_AGAIN).await {
                        return;
                    }
                }
            }
        }
    });
}

/// Signs a batch of rows; answers which.
async fn sign_some(
    pool: &PgPool,
    signer: &RowSigner,
    which: Which,
) -> Result<Vec<(&'static str, Uuid)>, Broken> {
    let signer = signer.clone();
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            store::sign_some(db, &stamp, which).await
        })
    })
    .await
}

/// Signs every row that the first of the keys has not signed, past HTTP, as it is: for what a former release wrote, and for whoever
/// has looked at what is refused. Answers which, as their tables and ids.
///
/// # Errors
/// When the database does not do it; what was signed before stays signed.
pub async fn sign(pool: &PgPool, signer: &RowSigner) -> Result<Vec<(&'static str, Uuid)>, Broken> {
    let mut done = Vec::new();
    loop {
        let rows = sign_some(pool, signer, Which::NotSigned).await?;
        if rows.is_empty() {
            return Ok(done);
        }
        done.extend(rows);
    }
}

/// Removes a batch of sessions and links that were over long ago.
async fn remove_over(pool: PgPool) -> Result<u64, Broken> {
    db::unit_of_work(&pool, move |db| {
        Box::pin(store::remove_over(db, model::KEPT_DAYS, retention::BATCH))
    })
    .await
}

/// Whom the trail names for what is done past HTTP: whoever may log in to the schema.
const PAST_HTTP: &str = "bellhop access make";
/// The same for links.
const LINK_PAST_HTTP: &str = "bellhop access link";

/// Makes a principal with a key, past HTTP: how the first administrator comes to be.
///
/// # Errors
/// When the database does not do it.
pub async fn make(
    pool: &PgPool,
    peppers: &Peppers,
    signer: &RowSigner,
    wanted: NewPrincipal,
) -> Result<ApiKey, Broken> {
    let (peppers, signer) = (peppers.clone(), signer.clone());
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let principal = store::add_principal(db, &wanted, &stamp).await?;
            store::tell(db, PAST_HTTP, principal, Done::Made(&wanted)).await?;
            let key = store::new_key()?;
            let ends_at = store::now(db).await? + model::KEY_LIVES;
            store::add_key(db, principal, &key, &peppers, ends_at, &stamp).await?;
            let made = Done::KeyMade(KeyId::from_uuid(key.id()), None);
            store::tell(db, PAST_HTTP, principal, made).await?;
            Ok(key)
        })
    })
    .await
}

/// Makes a sign-in link, past HTTP; none when there is no such principal, or it may not sign in.
///
/// # Errors
/// When the database does not do it.
pub async fn make_link(
    pool: &PgPool,
    peppers: &Peppers,
    principal: PrincipalId,
) -> Result<Option<SignInLink>, Broken> {
    let peppers = peppers.clone();
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            store::next_version(db).await?;
            let found = store::principal(db, principal).await?;
            let may = |found: &model::PrincipalBody| found.kind.signs_in() && found.revoked_at.is_none();
            if !found.is_some_and(|found| may(&found)) {
                return Ok(None);
            }
            let (link, _) = add_link(db, &peppers, LINK_PAST_HTTP, principal).await?;
            Ok(Some(link))
        })
    })
    .await
}

/// A new sign-in link for a principal, with its end. The counter is locked.
async fn add_link(
    db: &mut PgConnection,
    peppers: &Peppers,
    actor: &str,
    principal: PrincipalId,
) -> Result<(SignInLink, DateTime<Utc>), Broken> {
    let link = store::new_link()?;
    let ends_at = store::now(db).await? + model::LINK_LIVES;
    store::add_link(db, principal, &link, peppers, ends_at).await?;
    let made = Done::LinkMade(SignInLinkId::from_uuid(link.id()));
    store::tell(db, actor, principal, made).await?;
    Ok((link, ends_at))
}
