//! The access service: principals, what they were granted, and their keys.
//!
//! Nobody asks it on a request. Its rows travel by change topics into the memory of every process
//! (`platform::access::Identities`); while the relay is away, processes ask here what has changed. A key is shown once and
//! kept as its HMAC under a pepper; two of a principal may be live at once, so that one can take the other's place.

mod http;
mod model;
mod store;
#[cfg(test)]
mod tests;

use platform::access::{ApiKey, Peppers};
use platform::outbox::Schema;
use platform::{Broken, Parts, StartError, db};
use sqlx::PgPool;

use contract::KeyId;
use store::Done;

pub use model::{NewPrincipal, PrincipalKind};

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
pub fn start(parts: &Parts, peppers: &Peppers) -> Result<axum::Router, StartError> {
    let pool = parts
        .database
        .pool(SCHEMA.0)
        .map_err(|error| StartError::Database(SCHEMA.0, error))?;
    let peppers = peppers.clone();
    parts.health.ready(SCHEMA.0);
    Ok(http::routes().with_state(http::App { pool, peppers }).into())
}

/// Whom the trail names for what is done past HTTP: whoever may log in to the schema.
const PAST_HTTP: &str = "bellhop access make";

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
