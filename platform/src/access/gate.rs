//! The credential of a request, and who has it.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::actor::{Actor, Kind};
use super::bearer::{self, Issuers};
use super::identities::{Identities, Known};
use super::key::{self, ApiKey, Peppers};
use super::link::{self, Link, Links, NoLink};
use super::member::{self, Member, Members, NoMember};
use super::row::{Identity, Row, Rule};
use super::sees::Sees;
use super::service::{self, ServiceTokens};
use super::session::{self, Session, Sessions};
use crate::clock::Clock;
use crate::http::{Common, Problem};

/// What a process needs to know who asks.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Who is who.
    pub identities: Identities,
    /// The peppers of keys.
    pub peppers: Peppers,
    /// The links of guests.
    pub links: Links,
    /// The tokens of members, where there are members.
    pub members: Option<Members>,
    /// The sessions of pages.
    pub sessions: Sessions,
    /// Who else may say who somebody is.
    pub issuers: Issuers,
    /// The tokens of services.
    pub services: ServiceTokens,
    /// What time it is.
    pub clock: Clock,
}

/// Who asks, and how that is known.
enum Who {
    Known(Known),
    Guest(Link),
    Member(Member),
    Page(Page),
}

/// Who asks by a session.
struct Page {
    known: Known,
    session: Session,
    renewed: Option<HeaderValue>,
}

/// Whom a row admits.
pub(super) struct Admission {
    pub(super) actor: Actor,
    pub(super) sees: Sees,
    /// What is said of a member.
    pub(super) member: Option<Member>,
    /// By which session.
    pub(super) session: Option<Session>,
    /// Its cookie, where it is given anew.
    pub(super) renewed: Option<HeaderValue>,
}

impl Who {
    const fn actor(&self) -> Actor {
        match self {
            Self::Known((actor, _))
            | Self::Page(Page {
                known: (actor, _), ..
            }) => *actor,
            Self::Guest(link) => Actor::new(Kind::Guest, link.reservation),
            Self::Member(member) => Actor::new(Kind::Member, member.id),
        }
    }

    fn sees(&self, rule: Rule) -> Sees {
        match self {
            Self::Known((actor, hotels))
            | Self::Page(Page {
                known: (actor, hotels),
                ..
            }) => Sees::of(*actor, hotels.as_ref(), rule),
            Self::Guest(link) => Sees::by_link(link, rule),
            Self::Member(_) => Sees::of(self.actor(), None, rule),
        }
    }
}

impl Gate {
    /// Who asks, and what they see, if the row admits them.
    ///
    /// # Errors
    /// 401 without a good credential where one is needed or given, 403 for whom the row does not admit, 503 while nobody
    /// can be known.
    pub(super) fn admit(&self, request: &Request, row: &Row) -> Result<Admission, Problem> {
        let who = self.who(request, row)?;
        let actor = who.actor();
        if !row.rule.admits(actor.kind()) {
            return Err(refused(actor, row));
        }
        if row.identity == Identity::Fresh && self.identities.is_stale() {
            let detail = "Who is who could not be compared with the access service for over a second; nothing was done.";
            return Err(Problem::new(Common::IdentitiesStale, detail).retry_after(1));
        }
        let sees = who.sees(row.rule);
        let (member, session, renewed) = match who {
            Who::Page(page) => (None, Some(page.session), page.renewed),
            Who::Member(member) => (Some(member), None, None),
            Who::Known(_) | Who::Guest(_) => (None, None, None),
        };
        Ok(Admission {
            actor,
            sees,
            member,
            session,
            renewed,
        })
    }

    fn who(&self, request: &Request, row: &Row) -> Result<Who, Problem> {
        let anyone = || Who::Known((Actor::ANYONE, Some(Arc::default())));
        if row.identity == Identity::Unread {
            return Ok(anyone());
        }
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            let Some(cookie) = session::cookie_of(request.headers()) else {
                return Ok(anyone());
            };
            return match self.page(cookie, request) {
                // A browser sends its cookie wherever it goes: what anybody may is not refused for an old one.
                Err(problem) if problem.status() == StatusCode::UNAUTHORIZED && row.rule == Rule::Anyone => {
                    Ok(anyone())
                }
                page => page.map(Who::Page),
            };
        };
        if values.next().is_some() {
            return Err(invalid(
                "Send one Authorization header; this request has several.",
            ));
        }
        let bearer = value.to_str().ok().and_then(behind_bearer);
        let bearer = bearer.ok_or_else(|| invalid("Send `Authorization: Bearer` with a key."))?;
        if let Some(token) = bearer.strip_prefix(service::PREFIX) {
            let actor = self.services.verify(token, row.name, self.clock.now());
            let actor = actor
                .ok_or_else(|| invalid("The token of a service is not good for this, or not any more."))?;
            return Ok(Who::Known((actor, None)));
        }
        if bearer.starts_with(link::PREFIX) {
            return self
                .links
                .read(bearer, self.clock.now())
                .map(Who::Guest)
                .map_err(no_link);
        }
        if bearer.starts_with(member::PREFIX) {
            return self.member(bearer).map(Who::Member);
        }
        if bearer::is_token(bearer) {
            let known = self.issuers.verify(bearer, self.clock.now());
            return known.map(Who::Known).map_err(|why| invalid(&why));
        }
        let Some(key) = ApiKey::read(bearer) else {
            let detail = format!(
                "A key begins with {} and is sent as a whole, as it was shown.",
                key::PREFIX
            );
            return Err(invalid(&detail));
        };
        if self.identities.age().is_none() {
            return Err(unknown_yet());
        }
        let known = self.identities.of_key(&key, &self.peppers, self.clock.now());
        known
            .map(Who::Known)
            .ok_or_else(|| invalid("The key is not known here, or it has ended or was revoked."))
    }

    /// The member whom a token names.
    fn member(&self, token: &str) -> Result<Member, Problem> {
        let members = self.members.as_ref();
        let members = members.ok_or_else(|| invalid("Nobody is a member here."))?;
        let member = members.read(token, self.clock.now()).map_err(|why| match why {
            NoMember::Wrong => invalid("A member's token is sent as a whole, as it was given."),
            NoMember::Ended => invalid("The member's token has ended; get another."),
        })?;
        if member.blocked {
            let detail = "The member is blocked, and may nothing as a member.";
            return Err(Problem::new(Common::NotPermitted, detail).at("Authorization"));
        }
        Ok(member)
    }

    /// Who asks by the session of this cookie.
    fn page(&self, cookie: &str, request: &Request) -> Result<Page, Problem> {
        let cookie = self.sessions.read(cookie).ok_or_else(|| {
            let detail = "The session's cookie is not one that was given here; sign in again.";
            Problem::new(Common::CredentialInvalid, detail).at("Cookie")
        })?;
        let now = self.clock.now();
        let known = self.identities.of_session(cookie.session, now);
        let Some((known, ends_at)) = known.filter(|_| !cookie.is_idle(now)) else {
            let new = cookie.may_be_new(now) && !self.identities.heard_of(cookie.session);
            if new || self.identities.age().is_none() {
                return Err(unknown_yet());
            }
            let detail = "The session has ended; sign in again by a link of an administrator's.";
            return Err(Problem::new(Common::SessionEnded, detail).at("Cookie"));
        };
        if !session::only_reads(request.method()) {
            self.sessions.require_token(request.headers(), cookie.session)?;
        }
        let renewed = cookie
            .ages(now)
            .then(|| self.sessions.set_cookie(cookie.session, now));
        let session = Session {
            id: cookie.session,
            ends_at,
        };
        Ok(Page {
            known,
            session,
            renewed,
        })
    }
}

fn unknown_yet() -> Problem {
    let detail = "This process does not know yet who is who; nothing was done.";
    Problem::new(Common::IdentitiesStale, detail).retry_after(1)
}

/// What stands behind `Bearer`, which is written in any case.
fn behind_bearer(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Common::CredentialInvalid, detail).at("Authorization")
}

fn no_link(why: NoLink) -> Problem {
    match why {
        NoLink::Wrong => {
            let detail = format!(
                "A guest link begins with {} and is sent as a whole, as it was given; {}.",
                link::PREFIX,
                link::SOURCE
            );
            invalid(&detail)
        }
        NoLink::Ended => {
            let detail = format!("The guest link has ended; {}.", link::SOURCE);
            Problem::new(Common::LinkEnded, detail).at("Authorization")
        }
    }
}

fn refused(actor: Actor, row: &Row) -> Problem {
    let kinds = row.rule.kinds();
    let with_a_key = kinds
        .iter()
        .filter(|kind| !matches!(kind, Kind::Guest | Kind::Member));
    let words: Vec<_> = with_a_key.map(|kind| kind.word()).collect();
    let who = words.join(", ");
    if actor.kind() == Kind::Anyone {
        let detail = if kinds.contains(&Kind::Guest) {
            format!(
                "Send `Authorization: Bearer` with the booking's guest link ({}), or with a key of one of these: {who}.",
                link::SOURCE
            )
        } else {
            format!("Send `Authorization: Bearer` with a key of one of these: {who}.")
        };
        return Problem::new(Common::CredentialMissing, detail).at("Authorization");
    }
    let detail = format!("This is for {who}; the credential is that of a {}.", actor.kind());
    Problem::new(Common::NotPermitted, detail).at("Authorization")
}

/// An answer to who asked by a session: nobody keeps it, and an aging cookie is given anew, unless the answer itself gives
/// or takes one.
pub(super) fn to_a_page(response: &mut Response, renewed: Option<HeaderValue>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    if let Some(cookie) = renewed
        && !headers.contains_key(header::SET_COOKIE)
    {
        headers.insert(header::SET_COOKIE, cookie);
    }
}

/// The answer to a request that was not admitted.
pub(super) fn answer(problem: Problem) -> Response {
    let asks = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if asks {
        let how = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    response
}
