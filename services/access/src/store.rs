//! Every statement of the schema access.

mod changes;
mod grants;
mod keys;
mod sessions;
mod signatures;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{HotelId, KeyId, PrincipalId, SessionId, SignInLinkId};
use platform::access::{ApiKey, PrincipalRow, RowSigner};
use platform::trail::{self, Line};
use platform::{Broken, db};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::SCHEMA;
use crate::model::{KeyBody, NewPrincipal, PrincipalBody, PrincipalKind};

pub(crate) use changes::changes;
pub(crate) use grants::set_hotels;
pub(crate) use keys::{add_key, end_key, key, live_keys, new_key, revoke_key};
pub(crate) use sessions::{
    add_link, add_session, end_session, live_sessions, new_link, new_session, remove_over, session, use_link,
};
pub(crate) use signatures::{Which, sign_some};

/// The version of what this transaction changes. Until it ends, nobody else changes anything here.
pub(crate) async fn next_version(db: &mut PgConnection) -> Result<i64, Broken> {
    let version =
        sqlx::query_scalar!("update access.counter set version = version + 1 where id = 1 returning version");
    Ok(version.fetch_one(db).await?)
}

/// Under what a transaction changes rows: their version, and who signs them.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) version: i64,
    pub(crate) signer: RowSigner,
}

/// Under what this transaction changes rows. Until it ends, nobody else changes anything here.
pub(crate) async fn stamp(db: &mut PgConnection, signer: &RowSigner) -> Result<Stamp, Broken> {
    Ok(Stamp {
        version: next_version(db).await?,
        signer: signer.clone(),
    })
}

/// The database's clock.
pub(crate) async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Broken> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#);
    Ok(now.fetch_one(db).await?)
}

fn no_randomness(error: &impl std::fmt::Display) -> Broken {
    Broken::Inconsistent(format!("no randomness: {error}"))
}

/// What was done to a principal, for the trail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Done<'a> {
    /// It was made.
    Made(&'a NewPrincipal),
    /// Its hotels were set.
    HotelsSet(&'a [HotelId], bool),
    /// A key was made, and in whose place.
    KeyMade(KeyId, Option<KeyId>),
    /// A key was revoked.
    KeyRevoked(KeyId),
    /// It was revoked, with all its keys and sessions.
    Revoked,
    /// A link was made by which it signs in.
    LinkMade(SignInLinkId),
    /// It signed in by a link.
    SessionMade(SessionId, SignInLinkId),
    /// It signed out.
    SessionEnded(SessionId),
    /// Somebody ended its session.
    SessionRevoked(SessionId),
}

impl Done<'_> {
    /// Without any name: those of people are not told in what is never removed.
    fn told(self) -> (&'static str, Value) {
        match self {
            Self::Made(made) => (
                "principal_made",
                json!({"kind": made.kind, "hotels": made.hotels, "all_hotels": made.all_hotels}),
            ),
            Self::HotelsSet(hotels, all) => ("hotels_set", json!({"hotels": hotels, "all_hotels": all})),
            Self::KeyMade(key, None) => ("key_made", json!({"key_id": key})),
            Self::KeyMade(key, Some(former)) => {
                ("key_rotated", json!({"key_id": key, "former_key_id": former}))
            }
            Self::KeyRevoked(key) => ("key_revoked", json!({"key_id": key})),
            Self::Revoked => ("principal_revoked", json!({})),
            Self::LinkMade(link) => ("sign_in_link_made", json!({"link_id": link})),
            Self::SessionMade(session, link) => {
                ("session_made", json!({"session_id": session, "link_id": link}))
            }
            Self::SessionEnded(session) => ("session_ended", json!({"session_id": session})),
            Self::SessionRevoked(session) => ("session_revoked", json!({"session_id": session})),
        }
    }
}

/// Tells the trail what was done.
pub(crate) async fn tell(
    db: &mut PgConnection,
    actor: &str,
    principal: PrincipalId,
    done: Done<'_>,
) -> Result<(), Broken> {
    let (action, body) = done.told();
    let line = Line {
        actor,
        action,
        subject: principal.uuid(),
        body,
    };
    trail::append(db, SCHEMA, &line).await
}

pub(crate) async fn add_principal(
    db: &mut PgConnection,
    wanted: &NewPrincipal,
    stamp: &Stamp,
) -> Result<PrincipalId, Broken> {
    let principal = PrincipalId::new();
    let row = PrincipalRow {
        principal_id: principal.uuid(),
        kind: wanted.kind.word().to_owned(),
        ended_at: None,
        version: stamp.version,
        signature: None,
    };
    let written = sqlx::query_scalar!(
        r#"with made as (
               insert into access.principal (principal_id, kind, version, signature) values ($1, $2, $3, $5) returning 1),
           named as (insert into access.person (principal_id, name) values ($1, $4) returning 1)
           select (select count(*) from made) + (select count(*) from named) as "written!""#,
        row.principal_id,
        row.kind,
        row.version,
        wanted.name.as_str(),
        stamp.signer.sign(&row),
    );
    db::all_written("rows of a principal", written.fetch_one(&mut *db).await?, 2)?;
    set_hotels(db, principal, &wanted.hotels, wanted.all_hotels, stamp).await?;
    Ok(principal)
}

/// Revokes a principal unless it is revoked; answers whether it was not.
pub(crate) async fn revoke_principal(
    db: &mut PgConnection,
    principal: PrincipalId,
    stamp: &Stamp,
) -> Result<bool, Broken> {
    let kind = sqlx::query_scalar!(
        "select kind from access.principal where principal_id = $1 and ended_at is null",
        principal.uuid(),
    );
    let Some(kind) = kind.fetch_optional(&mut *db).await? else {
        return Ok(false);
    };
    let row = PrincipalRow {
        principal_id: principal.uuid(),
        kind,
        ended_at: Some(now(db).await?),
        version: stamp.version,
        signature: None,
    };
    let revoked = sqlx::query!(
        "update access.principal set ended_at = $2, version = $3, signature = $4 where principal_id = $1",
        row.principal_id,
        row.ended_at,
        row.version,
        stamp.signer.sign(&row),
    );
    let revoked = revoked.execute(db).await?.rows_affected();
    db::all_written("revoked principals", revoked, 1)?;
    Ok(true)
}

pub(crate) async fn principal(
    db: &mut PgConnection,
    principal: PrincipalId,
) -> Result<Option<PrincipalBody>, Broken> {
    Ok(gathered(db, &[principal.uuid()]).await?.pop())
}

/// A page, the newest first.
pub(crate) async fn principals(
    db: &mut PgConnection,
    before: Option<PrincipalId>,
    rows: i64,
) -> Result<Vec<PrincipalBody>, Broken> {
    let ids = sqlx::query_scalar!(
        "select principal_id from access.principal where $1::uuid is null or principal_id < $1
         order by principal_id desc limit $2",
        before.map(PrincipalId::uuid),
        rows,
    );
    let ids = ids.fetch_all(&mut *db).await?;
    gathered(db, &ids).await
}

/// The principals with what they have, the newest first.
async fn gathered(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<PrincipalBody>, Broken> {
    let rows = sqlx::query!(
        "select p.principal_id, p.kind, p.made_at, p.ended_at, n.name from access.principal p
         join access.person n on n.principal_id = p.principal_id
         where p.principal_id = any($1) order by p.principal_id desc",
        ids,
    );
    let rows = rows.fetch_all(&mut *db).await?;
    let grants = sqlx::query!(
        "select principal_id, hotel_id from access.granted
         where principal_id = any($1) and ended_at is null order by hotel_id",
        ids,
    );
    let mut granted: BTreeMap<Uuid, Vec<Option<Uuid>>> = BTreeMap::new();
    for grant in grants.fetch_all(&mut *db).await? {
        granted
            .entry(grant.principal_id)
            .or_default()
            .push(grant.hotel_id);
    }
    let keys = sqlx::query!(
        "select principal_id, key_id, made_at, ends_at, revoked_at from access.api_key
         where principal_id = any($1) order by key_id desc",
        ids,
    );
    let mut has: BTreeMap<Uuid, Vec<KeyBody>> = BTreeMap::new();
    for key in keys.fetch_all(&mut *db).await? {
        has.entry(key.principal_id).or_default().push(KeyBody {
            key_id: KeyId::from_uuid(key.key_id),
            begins: ApiKey::hint(key.key_id),
            made_at: key.made_at,
            ends_at: key.ends_at,
            revoked_at: key.revoked_at,
        });
    }
    let mut sessions = live_sessions(db, ids).await?;
    rows.into_iter()
        .map(|row| {
            let hotels = granted.remove(&row.principal_id).unwrap_or_default();
            let unknown = || Broken::Inconsistent(format!("{} is no kind of principal", row.kind));
            Ok(PrincipalBody {
                principal_id: PrincipalId::from_uuid(row.principal_id),
                kind: PrincipalKind::of(&row.kind).ok_or_else(unknown)?,
                name: row.name,
                all_hotels: hotels.contains(&None),
                hotels: hotels.into_iter().flatten().map(HotelId::from_uuid).collect(),
                made_at: row.made_at,
                revoked_at: row.ended_at,
                sessions: sessions.remove(&row.principal_id).unwrap_or_default(),
                keys: has.remove(&row.principal_id).unwrap_or_default(),
            })
        })
        .collect()
}
