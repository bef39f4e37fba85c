//! Who is who, as a process remembers it: the rows of the schema `access`, whole, so that nobody is asked on a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::actor::{Actor, Kind};
use super::key::{ApiKey, Peppers};
use super::rows::{AccessChanges, GrantRow, KeyRow, PrincipalRow, SessionRow};

/// What is known is stale when nothing was heard for longer. The relay's heartbeat comes once a second.
pub(super) const STALE_AFTER: Duration = Duration::from_millis(1_100);

/// Who somebody is, and for which hotels; none stands for all.
pub(super) type Known = (Actor, Option<Arc<[Uuid]>>);

/// The memory. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    rows: Arc<RwLock<Rows>>,
    /// When was last heard that nothing is missing; never before everything was read once.
    heard: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug, Default)]
struct Rows {
    principals: HashMap<Uuid, PrincipalRow>,
    grants: HashMap<Uuid, GrantRow>,
    keys: HashMap<Uuid, KeyRow>,
    sessions: HashMap<Uuid, SessionRow>,
    /// By principal: its hotels, none for all.
    hotels: HashMap<Uuid, Option<Arc<[Uuid]>>>,
    /// The greatest version of which all before it are known.
    whole: i64,
}

impl Identities {
    /// Takes a principal's row unless a newer one is known.
    pub fn principal(&self, row: PrincipalRow) {
        let mut rows = self.write();
        let known = rows.principals.get(&row.principal_id);
        if known.is_none_or(|known| known.version < row.version) {
            rows.principals.insert(row.principal_id, row);
        }
    }

    /// Takes a grant's row unless a newer one is known.
    pub fn grant(&self, row: GrantRow) {
        let mut rows = self.write();
        let known = rows.grants.get(&row.grant_id);
        if known.is_none_or(|known| known.version < row.version) {
            let principal = row.principal_id;
            rows.grants.insert(row.grant_id, row);
            rows.gather(principal);
        }
    }

    /// Takes a key's row unless a newer one is known.
    pub fn key(&self, row: KeyRow) {
        let mut rows = self.write();
        let known = rows.keys.get(&row.key_id);
        if known.is_none_or(|known| known.version < row.version) {
            rows.keys.insert(row.key_id, row);
        }
    }

    /// Takes a session's row unless a newer one is known.
    pub fn session(&self, row: SessionRow) {
        let mut rows = self.write();
        let known = rows.sessions.get(&row.session_id);
        if known.is_none_or(|known| known.version < row.version) {
            rows.sessions.insert(row.session_id, row);
        }
    }

    /// Forgets the sessions that are over by themselves, which are so whatever is heard of them.
    pub(super) fn forget_sessions(&self, now: DateTime<Utc>) {
        self.write().sessions.retain(|_, session| session.ends_at > now);
    }

    /// Takes all that has changed, after which nothing is missing up to its version.
    pub fn changes(&self, changes: AccessChanges) {
        changes.principals.into_iter().for_each(|row| self.principal(row));
        changes.grants.into_iter().for_each(|row| self.grant(row));
        changes.keys.into_iter().for_each(|row| self.key(row));
        changes.sessions.into_iter().for_each(|row| self.session(row));
        let mut rows = self.write();
        rows.whole = rows.whole.max(changes.version);
        drop(rows);
        self.nothing_is_missing(Duration::ZERO);
    }

    /// Everything up to so long ago has been heard.
    pub fn nothing_is_missing(&self, since: Duration) {
        let moment = Instant::now().checked_sub(since);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = (*heard).max(moment);
    }

    /// Whether any principal is known.
    pub(super) fn knows_anybody(&self) -> bool {
        !self.read().principals.is_empty()
    }

    /// For how long nothing was heard; none before everything was read once.
    pub fn age(&self) -> Option<Duration> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.elapsed())
    }

    /// Whether a revocation could have been missed.
    pub fn is_stale(&self) -> bool {
        self.age().is_none_or(|age| age > STALE_AFTER)
    }

    /// The version after which changes are to be asked for.
    pub fn whole(&self) -> i64 {
        self.read().whole
    }

    /// Whose key it is, if it is one now.
    pub(super) fn of_key(&self, key: &ApiKey, peppers: &Peppers, now: DateTime<Utc>) -> Option<Known> {
        let rows = self.read();
        let row = rows.keys.get(&key.id())?;
        if !peppers.verify(key, &row.pepper_kid, &row.hash) {
            return None;
        }
        if row.revoked_at.is_some() || row.ends_at.is_some_and(|ends| ends <= now) {
            return None;
        }
        rows.known(row.principal_id)
    }

    /// Whose session it is and when it ends by itself, if it is one now.
    pub(super) fn of_session(&self, session: Uuid, now: DateTime<Utc>) -> Option<(Known, DateTime<Utc>)> {
        let rows = self.read();
        let row = rows.sessions.get(&session)?;
        if row.ended_at.is_some() || row.ends_at <= now {
            return None;
        }
        Some((rows.known(row.principal_id)?, row.ends_at))
    }

    /// Whether anything was heard of the session.
    pub(super) fn heard_of(&self, session: Uuid) -> bool {
        self.read().sessions.contains_key(&session)
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// Who a principal is, if it is anybody now.
    fn known(&self, id: Uuid) -> Option<Known> {
        let principal = self.principals.get(&id)?;
        if principal.ended_at.is_some() {
            return None;
        }
        // A kind of a newer release is nobody here.
        let kind = Kind::of(&principal.kind)?;
        let hotels = self.hotels.get(&id).cloned();
        let hotels = hotels.unwrap_or_else(|| Some(Arc::default()));
        Some((Actor::new(kind, id), hotels))
    }

    fn gather(&mut self, principal: Uuid) {
        let grants = self.grants.values();
        let live: Vec<_> = grants
            .filter(|grant| grant.principal_id == principal && grant.ended_at.is_none())
            .map(|grant| grant.hotel_id)
            .collect();
        let hotels = if live.contains(&None) {
            None
        } else {
            Some(live.into_iter().flatten().collect())
        };
        self.hotels.insert(principal, hotels);
    }
}

#[cfg(test)]
#[path = "identities_tests.rs"]
mod tests;
