//! What other processes have not heard of.

use platform::Broken;
use platform::access::{AccessChanges, GrantRow, KeyRow, PrincipalRow, SessionRow};
use sqlx::PgConnection;

/// Every row with a greater version. The greatest is read first: what commits meanwhile comes twice, never not at all.
pub(crate) async fn changes(db: &mut PgConnection, after: i64) -> Result<AccessChanges, Broken> {
    let version = sqlx::query_scalar!("select version from access.counter where id = 1");
    let version = version.fetch_one(&mut *db).await?;
    let principals = sqlx::query_as!(
        PrincipalRow,
        "select principal_id, kind, ended_at, version, signature from access.principal where version > $1",
        after,
    );
    let principals = principals.fetch_all(&mut *db).await?;
    let grants = sqlx::query_as!(
        GrantRow,
        "select grant_id, principal_id, hotel_id, ended_at, version, signature from access.granted where version > $1",
        after,
    );
    let grants = grants.fetch_all(&mut *db).await?;
    let keys = sqlx::query_as!(
        KeyRow,
        r#"select key_id, principal_id, pepper_kid, hash, ends_at as "ends_at?", revoked_at, version, signature
           from access.api_key where version > $1"#,
        after,
    );
    let keys = keys.fetch_all(&mut *db).await?;
    let sessions = sqlx::query_as!(
        SessionRow,
        "select session_id, principal_id, ends_at, ended_at, version, signature from access.session where version > $1",
        after,
    );
    let sessions = sessions.fetch_all(db).await?;
    Ok(AccessChanges {
        version,
        principals,
        grants,
        keys,
        sessions,
    })
}
