//! Keys.

use chrono::{DateTime, Utc};
use contract::{KeyId, PrincipalId};
use platform::access::{ApiKey, KeyRow, Peppers};
use platform::{Broken, db};
use sqlx::PgConnection;

use super::{Stamp, no_randomness};
use crate::model::KeyBody;

/// A key with a new id and a new secret.
pub(crate) fn new_key() -> Result<ApiKey, Broken> {
    ApiKey::make(KeyId::new().uuid()).map_err(|error| no_randomness(&error))
}

pub(crate) async fn add_key(
    db: &mut PgConnection,
    principal: PrincipalId,
    key: &ApiKey,
    peppers: &Peppers,
    ends_at: DateTime<Utc>,
    stamp: &Stamp,
) -> Result<(), Broken> {
    let (pepper_kid, hash) = peppers.hash(key);
    let row = KeyRow {
        key_id: key.id(),
        principal_id: principal.uuid(),
        pepper_kid,
        hash,
        ends_at: Some(ends_at),
        revoked_at: None,
        version: stamp.version,
        signature: None,
    };
    let made = sqlx::query!(
        "insert into access.api_key (key_id, principal_id, pepper_kid, hash, ends_at, version, signature)
         values ($1, $2, $3, $4, $5, $6, $7)",
        row.key_id,
        row.principal_id,
        row.pepper_kid,
        row.hash,
        ends_at,
        row.version,
        stamp.signer.sign(&row),
    );
    let made = made.execute(db).await?.rows_affected();
    db::all_written("keys", made, 1)
}

/// How many keys of a principal are good now.
pub(crate) async fn live_keys(db: &mut PgConnection, principal: PrincipalId) -> Result<u32, Broken> {
    let live = sqlx::query_scalar!(
        r#"select count(*) as "count!" from access.api_key
           where principal_id = $1 and revoked_at is null and ends_at > clock_timestamp()"#,
        principal.uuid(),
    );
    Ok(u32::try_from(live.fetch_one(db).await?).unwrap_or(u32::MAX))
}

pub(crate) async fn key(db: &mut PgConnection, key: KeyId) -> Result<Option<(PrincipalId, KeyBody)>, Broken> {
    let row = sqlx::query!(
        "select principal_id, key_id, made_at, ends_at, revoked_at from access.api_key where key_id = $1",
        key.uuid(),
    );
    let row = row.fetch_optional(db).await?;
    Ok(row.map(|row| {
        let key = KeyBody {
            key_id: key,
            begins: ApiKey::hint(row.key_id),
            made_at: row.made_at,
            ends_at: row.ends_at,
            revoked_at: row.revoked_at,
        };
        (PrincipalId::from_uuid(row.principal_id), key)
    }))
}

/// The key ends at this moment.
pub(crate) async fn end_key(
    db: &mut PgConnection,
    key: KeyId,
    ends_at: DateTime<Utc>,
    stamp: &Stamp,
) -> Result<(), Broken> {
    let row = live(db, key).await?;
    let row = row.ok_or_else(|| Broken::Inconsistent(format!("the key {key} is not there any more")))?;
    // A forged key would be good as the former of another otherwise.
    if !stamp.signer.verifier().verify(&row) {
        return Err(Broken::Inconsistent(format!(
            "the key {key} is not signed; only revoke it"
        )));
    }
    let ends_at = Some(ends_at);
    change(db, KeyRow { ends_at, ..row }, stamp).await
}

/// Revokes a key unless it is revoked; answers whether it was not.
pub(crate) async fn revoke_key(db: &mut PgConnection, key: KeyId, stamp: &Stamp) -> Result<bool, Broken> {
    let Some(row) = live(db, key).await? else {
        return Ok(false);
    };
    let revoked_at = Some(super::now(db).await?);
    change(db, KeyRow { revoked_at, ..row }, stamp).await?;
    Ok(true)
}

/// A key that is not revoked, as it travels. Nobody else changes it until the transaction ends, as that holds the counter.
async fn live(db: &mut PgConnection, key: KeyId) -> Result<Option<KeyRow>, Broken> {
    let row = sqlx::query_as!(
        KeyRow,
        r#"select key_id, principal_id, pepper_kid, hash, ends_at as "ends_at?", revoked_at, version, signature
           from access.api_key where key_id = $1 and revoked_at is null"#,
        key.uuid(),
    );
    Ok(row.fetch_optional(db).await?)
}

async fn change(db: &mut PgConnection, row: KeyRow, stamp: &Stamp) -> Result<(), Broken> {
    let version = stamp.version;
    let row = KeyRow { version, ..row };
    let changed = sqlx::query!(
        "update access.api_key set ends_at = $2, revoked_at = $3, version = $4, signature = $5 where key_id = $1",
        row.key_id,
        row.ends_at,
        row.revoked_at,
        row.version,
        stamp.signer.sign(&row),
    );
    let changed = changed.execute(db).await?.rows_affected();
    db::all_written("changed keys", changed, 1)
}
