//! Every statement of the schema access.

mod changes;
mod sessions;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{GrantId, HotelId, KeyId, PrincipalId, SessionId, SignInLinkId};
use platform::access::{ApiKey, Peppers};
use platform::trail::{self, Line};
use platform::{Broken, db};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::SCHEMA;
use crate::model::{KeyBody, NewPrincipal, PrincipalBody, PrincipalKind};

pub(crate) use changes::changes;
pub(crate) use sessions::{
    add_link, add_session, end_session, live_sessions, new_link, new_session, remove_over, session, use_link,
};

/// The version of what this transaction changes. Until it ends, nobody else changes anything here.
pub(crate) async fn next_version(db: &mut PgConnection) -> Result<i64, Broken> {
    let version =
        sqlx::query_scalar!("update access.counter set version = version + 1 where id = 1 returning version");
    Ok(version.fetch_one(db).await?)
}

/// The database's clock.
pub(crate) async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Broken> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#);
    Ok(now.fetch_one(db).await?)
}

/// A key with a new id and a new secret.
pub(crate) fn new_key() -> Result<ApiKey, Broken> {
    ApiKey::make(KeyId::new().uuid()).map_err(|error| no_randomness(&error))
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
    version: i64,
) -> Result<PrincipalId, Broken> {
    let principal = PrincipalId::new();
    let written = sqlx::query_scalar!(
        r#"with made as (
               insert into access.principal (principal_id, kind, version) values ($1, $2, $3) returning 1),
           named as (insert into access.person (principal_id, name) values ($1, $4) returning 1)
           select (select count(*) from made) + (select count(*) from named) as "written!""#,
        principal.uuid(),
        wanted.kind.word(),
        version,
        wanted.name.as_str(),
    );
    db::all_written("rows of a principal", written.fetch_one(&mut *db).await?, 2)?;
    set_hotels(db, principal, &wanted.hotels, wanted.all_hotels, version).await?;
    Ok(principal)
}

/// Withdraws what is not wanted and grants what is not there.
pub(crate) async fn set_hotels(
    db: &mut PgConnection,
    principal: PrincipalId,
    hotels: &[HotelId],
    all: bool,
    version: i64,
) -> Result<(), Broken> {
    let mut wanted: Vec<Option<Uuid>> = hotels.iter().map(|hotel| Some(hotel.uuid())).collect();
    wanted.extend(all.then_some(None));
    wanted.sort_unstable();
    wanted.dedup();
    let live = sqlx::query!(
        "select grant_id, hotel_id from access.granted where principal_id = $1 and ended_at is null",
        principal.uuid(),
    );
    let live = live.fetch_all(&mut *db).await?;
    let over: Vec<Uuid> = live
        .iter()
        .filter(|grant| !wanted.contains(&grant.hotel_id))
        .map(|grant| grant.grant_id)
        .collect();
    wanted.retain(|hotel| live.iter().all(|grant| grant.hotel_id != *hotel));
    let ids: Vec<Uuid> = wanted.iter().map(|_| GrantId::new().uuid()).collect();
    let ended = sqlx::query!(
        "update access.granted set ended_at = now(), version = $2 where grant_id = any($1)",
        &over,
        version,
    );
    let ended = ended.execute(&mut *db).await?.rows_affected();
    db::all_written("withdrawn grants", ended, over.len())?;
    let granted = sqlx::query!(
        "insert into access.granted (grant_id, principal_id, hotel_id, version)
         select grant_id, $1, hotel_id, $2 from unnest($3::uuid[], $4::uuid[]) as g (grant_id, hotel_id)",
        principal.uuid(),
        version,
        &ids,
        &wanted as &[Option<Uuid>],
    );
    let granted = granted.execute(db).await?.rows_affected();
    db::all_written("grants", granted, ids.len())
}

pub(crate) async fn add_key(
    db: &mut PgConnection,
    principal: PrincipalId,
    key: &ApiKey,
    peppers: &Peppers,
    ends_at: DateTime<Utc>,
    version: i64,
) -> Result<(), Broken> {
    let (kid, hash) = peppers.hash(key);
    let made = sqlx::query!(
        "insert into access.api_key (key_id, principal_id, pepper_kid, hash, ends_at, version)
         values ($1, $2, $3, $4, $5, $6)",
        key.id(),
        principal.uuid(),
        kid,
        hash,
        ends_at,
        version,
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
    version: i64,
) -> Result<(), Broken> {
    let ended = sqlx::query!(
        "update access.api_key set ends_at = $2, version = $3 where key_id = $1",
        key.uuid(),
        ends_at,
        version,
    );
    let ended = ended.execute(db).await?.rows_affected();
    db::all_written("ended keys", ended, 1)
}

/// Revokes a key unless it is revoked; answers whether it was not.
pub(crate) async fn revoke_key(db: &mut PgConnection, key: KeyId, version: i64) -> Result<bool, Broken> {
    let revoked = sqlx::query!(
        "update access.api_key set revoked_at = clock_timestamp(), version = $2
         where key_id = $1 and revoked_at is null",
        key.uuid(),
        version,
    );
    Ok(revoked.execute(db).await?.rows_affected() > 0)
}

/// Revokes a principal unless it is revoked; answers whether it was not.
pub(crate) async fn revoke_principal(
    db: &mut PgConnection,
    principal: PrincipalId,
    version: i64,
) -> Result<bool, Broken> {
    let revoked = sqlx::query!(
        "update access.principal set ended_at = clock_timestamp(), version = $2
         where principal_id = $1 and ended_at is null",
        principal.uuid(),
        version,
    );
    Ok(revoked.execute(db).await?.rows_affected() > 0)
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
