//! Sessions, and the links by which somebody comes to one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{PrincipalId, SessionId, SignInLinkId};
use platform::access::{Peppers, SessionRow, Sessions, SignInLink};
use platform::{Broken, db};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Stamp, no_randomness};
use crate::model::SessionBody;

/// A link with a new id and a new secret.
pub(crate) fn new_link() -> Result<SignInLink, Broken> {
    SignInLink::make(SignInLinkId::new().uuid()).map_err(|error| no_randomness(&error))
}

/// The id of a new session.
pub(crate) fn new_session() -> Result<SessionId, Broken> {
    let id = Sessions::new_id().map_err(|error| no_randomness(&error))?;
    Ok(SessionId::from_uuid(id))
}

pub(crate) async fn add_link(
    db: &mut PgConnection,
    principal: PrincipalId,
    link: &SignInLink,
    peppers: &Peppers,
    ends_at: DateTime<Utc>,
) -> Result<(), Broken> {
    let (kid, hash) = peppers.hash(link);
    let made = sqlx::query!(
        "insert into access.sign_in_link (link_id, principal_id, pepper_kid, hash, ends_at)
         values ($1, $2, $3, $4, $5)",
        link.id(),
        principal.uuid(),
        kid,
        hash,
        ends_at,
    );
    let made = made.execute(db).await?.rows_affected();
    db::all_written("sign-in links", made, 1)
}

/// Uses up a link; answers whose it is, and none when it is not one, was used before, or has ended.
pub(crate) async fn use_link(
    db: &mut PgConnection,
    link: &SignInLink,
    peppers: &Peppers,
) -> Result<Option<PrincipalId>, Broken> {
    let row = sqlx::query!(
        "select principal_id, pepper_kid, hash from access.sign_in_link
         where link_id = $1 and used_at is null and ends_at > clock_timestamp() for update",
        link.id(),
    );
    let Some(row) = row.fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    if !peppers.verify(link, &row.pepper_kid, &row.hash) {
        return Ok(None);
    }
    let used = sqlx::query!(
        "update access.sign_in_link set used_at = clock_timestamp() where link_id = $1",
        link.id(),
    );
    let used = used.execute(db).await?.rows_affected();
    db::all_written("used links", used, 1)?;
    Ok(Some(PrincipalId::from_uuid(row.principal_id)))
}

pub(crate) async fn add_session(
    db: &mut PgConnection,
    session: SessionId,
    principal: PrincipalId,
    link: SignInLinkId,
    ends_at: DateTime<Utc>,
    stamp: &Stamp,
) -> Result<(), Broken> {
    let row = SessionRow {
        session_id: session.uuid(),
        principal_id: principal.uuid(),
        ends_at,
        ended_at: None,
        version: stamp.version,
        signature: None,
    };
    let made = sqlx::query!(
        "insert into access.session (session_id, principal_id, link_id, ends_at, version, signature)
         values ($1, $2, $3, $4, $5, $6)",
        row.session_id,
        row.principal_id,
        link.uuid(),
        row.ends_at,
        row.version,
        stamp.signer.sign(&row),
    );
    let made = made.execute(db).await?.rows_affected();
    db::all_written("sessions", made, 1)
}

/// Ends a session unless it is over; answers whether it was not.
pub(crate) async fn end_session(
    db: &mut PgConnection,
    session: SessionId,
    stamp: &Stamp,
) -> Result<bool, Broken> {
    let row = sqlx::query_as!(
        SessionRow,
        "select session_id, principal_id, ends_at, ended_at, version, signature from access.session
         where session_id = $1 and ended_at is null and ends_at > clock_timestamp()",
        session.uuid(),
    );
    let Some(row) = row.fetch_optional(&mut *db).await? else {
        return Ok(false);
    };
    let row = SessionRow {
        ended_at: Some(super::now(db).await?),
        version: stamp.version,
        ..row
    };
    let ended = sqlx::query!(
        "update access.session set ended_at = $2, version = $3, signature = $4 where session_id = $1",
        row.session_id,
        row.ended_at,
        row.version,
        stamp.signer.sign(&row),
    );
    let ended = ended.execute(db).await?.rows_affected();
    db::all_written("ended sessions", ended, 1)?;
    Ok(true)
}

pub(crate) async fn session(
    db: &mut PgConnection,
    session: SessionId,
) -> Result<Option<SessionBody>, Broken> {
    let row = sqlx::query!(
        "select principal_id, made_at, ends_at, ended_at from access.session where session_id = $1",
        session.uuid(),
    );
    let row = row.fetch_optional(db).await?;
    Ok(row.map(|row| SessionBody {
        session_id: session,
        principal_id: PrincipalId::from_uuid(row.principal_id),
        made_at: row.made_at,
        ends_at: row.ends_at,
        ended_at: row.ended_at,
    }))
}

/// By principal, its sessions that are not over, the newest first.
pub(crate) async fn live_sessions(
    db: &mut PgConnection,
    principals: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<SessionBody>>, Broken> {
    let rows = sqlx::query!(
        "select session_id, principal_id, made_at, ends_at from access.session
         where principal_id = any($1) and ended_at is null and ends_at > clock_timestamp()
         order by made_at desc, session_id",
        principals,
    );
    let mut sessions: BTreeMap<Uuid, Vec<SessionBody>> = BTreeMap::new();
    for row in rows.fetch_all(db).await? {
        sessions.entry(row.principal_id).or_default().push(SessionBody {
            session_id: SessionId::from_uuid(row.session_id),
            principal_id: PrincipalId::from_uuid(row.principal_id),
            made_at: row.made_at,
            ends_at: row.ends_at,
            ended_at: None,
        });
    }
    Ok(sessions)
}

/// Removes at most `limit` sessions and as many links that were over so many days ago. Leaves out what somebody is busy
/// with. Answers how many sessions or links, whichever are more.
pub(crate) async fn remove_over(db: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Broken> {
    let sessions = sqlx::query!(
        "delete from access.session where session_id in (
             select session_id from access.session where ends_at < now() - make_interval(days => $1)
             order by ends_at limit $2 for update skip locked)",
        days,
        limit,
    );
    let sessions = sessions.execute(&mut *db).await?.rows_affected();
    let links = sqlx::query!(
        "delete from access.sign_in_link where link_id in (
             select link_id from access.sign_in_link where ends_at < now() - make_interval(days => $1)
             order by ends_at limit $2 for update skip locked)",
        days,
        limit,
    );
    let links = links.execute(db).await?.rows_affected();
    Ok(sessions.max(links))
}
