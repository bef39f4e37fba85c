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

use chrono::{DateTime, Utc};
use platform::access::{ApiKey, Peppers, Sessions, SignInLink};
use platform::outbox::Schema;
use platform::{Broken, Parts, StartError, db, retention};
use sqlx::{PgConnection, PgPool};

use contract::{KeyId, PrincipalId, SignInLinkId};
use store::Done;

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
pub fn start(parts: &Parts, peppers: Peppers, sessions: Sessions) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(SCHEMA.0)
        .map_err(|error| StartError::Database(SCHEMA.0, error))?;
    let over = pool.clone();
    retention::keep_removing(&parts.tasks, "access.session", move || remove_over(over.clone()));
    parts.health.ready(SCHEMA.0);
    let app = http::App {
        pool,
        peppers,
        sessions,
        clock: parts.clock.clone(),
    };
    Ok(http::routes().with_state(app).into())
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
pub async fn make(pool: &PgPool, peppers: &Peppers, wanted: NewPrincipal) -> Result<ApiKey, Broken> {
    let peppers = peppers.clone();
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            let version = store::next_version(db).await?;
            let principal = store::add_principal(db, &wanted, version).await?;
            store::tell(db, PAST_HTTP, principal, Done::Made(&wanted)).await?;
            let key = store::new_key()?;
            let ends_at = store::now(db).await? + model::KEY_LIVES;
            store::add_key(db, principal, &key, &peppers, ends_at, version).await?;
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
