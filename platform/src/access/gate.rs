//! The credential of a request, and who has it.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::actor::{Actor, Kind};
use super::identities::{Identities, Known};
use super::key::{self, ApiKey, Peppers};
use super::row::{Identity, Row};
use super::service::{self, ServiceTokens};
use crate::clock::Clock;
use crate::http::{Common, Problem};

/// What a process needs to know who asks.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Who is who.
    pub identities: Identities,
    /// The peppers of keys.
    pub peppers: Peppers,
    /// The tokens of services.
    pub services: ServiceTokens,
    /// What time it is.
    pub clock: Clock,
}

impl Gate {
    /// Who asks, if the row admits them.
    ///
    /// # Errors
    /// 401 without a good credential where one is needed or given, 403 for whom the row does not admit, 503 while nobody
    /// can be known.
    pub(super) fn admit(&self, headers: &HeaderMap, row: &Row) -> Result<Known, Problem> {
        let known = self.who(headers, row)?;
        let (actor, _) = &known;
        if !row.rule.admits(actor.kind()) {
            return Err(refused(*actor, row));
        }
        if row.identity == Identity::Fresh && self.identities.is_stale() {
            let detail = "Who is who could not be compared with the access service for over a second; nothing was done.";
            return Err(Problem::new(Common::IdentitiesStale, detail).retry_after(1));
        }
        Ok(known)
    }

    fn who(&self, headers: &HeaderMap, row: &Row) -> Result<Known, Problem> {
        let anyone = || (Actor::ANYONE, Some(Arc::default()));
        if row.identity == Identity::Unread {
            return Ok(anyone());
        }
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(anyone());
        };
        if values.next().is_some() {
            return Err(invalid(
                "Send one Authorization header; this request has several.",
            ));
        }
        let bearer = value.to_str().ok().and_then(bearer);
        let bearer = bearer.ok_or_else(|| invalid("Send `Authorization: Bearer` with a key."))?;
        if let Some(token) = bearer.strip_prefix(service::PREFIX) {
            let actor = self.services.verify(token, row.name, self.clock.now());
            let actor = actor
                .ok_or_else(|| invalid("The token of a service is not good for this, or not any more."))?;
            return Ok((actor, None));
        }
        let Some(key) = ApiKey::read(bearer) else {
            let detail = format!(
                "A key begins with {} and is sent as a whole, as it was shown.",
                key::PREFIX
            );
            return Err(invalid(&detail));
        };
        if self.identities.age().is_none() {
            let detail = "This process does not know yet who is who; nothing was done.";
            return Err(Problem::new(Common::IdentitiesStale, detail).retry_after(1));
        }
        let known = self.identities.of_key(&key, &self.peppers, self.clock.now());
        known.ok_or_else(|| invalid("The key is not known here, or it has ended or was revoked."))
    }
}

/// What stands behind `Bearer`, which is written in any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Common::CredentialInvalid, detail).at("Authorization")
}

fn refused(actor: Actor, row: &Row) -> Problem {
    let words: Vec<_> = row.rule.kinds().iter().map(|kind| kind.word()).collect();
    let who = words.join(", ");
    if actor.kind() == Kind::Anyone {
        let detail = format!("Send `Authorization: Bearer` with a key of one of these: {who}.");
        return Problem::new(Common::CredentialMissing, detail).at("Authorization");
    }
    let detail = format!("This is for {who}; the key is that of a {}.", actor.kind());
    Problem::new(Common::NotPermitted, detail).at("Authorization")
}

/// The answer to a request that was not admitted.
pub(super) fn answer(problem: Problem) -> Response {
    let asks = problem.status() == axum::http::StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if asks {
        let how = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    response
}
