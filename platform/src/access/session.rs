//! Sessions of pages: the cookie `__Host-bellhop` is `bhc_1_<kid>_<session>_<given>_<HMAC-SHA-256>`. The session's row says
//! whose it is and when it ends; when the cookie was given says how long nobody has asked, so no request writes a row:
//! whoever answers a request with a cookie of more than a minute gives it anew.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::seal::{self, hex, signed, unhex, verified};
use crate::StartError;
use crate::http::{Common, Problem};
use crate::ring::Ring;
use crate::secret::Secret;

/// The cookie. Browsers take one of this name only over a safe connection, for this host alone and every path.
pub(super) const COOKIE: &str = "__Host-bellhop";
/// The header in which a page that changes something says what `GET /v1/me` told it.
const TOKEN: &str = "x-csrf-token";
/// How a cookie begins, so that who finds one in a log knows what it is, and in which form.
const FORM: &str = "bhc_1_";
/// What stands under the HMAC of a token in front of the session.
const OF_A_TOKEN: &[u8] = b"token of ";
/// What a browser keeps of it: no script reads it, no other site's page brings it.
const KEPT: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// A session ends after so long: 12 hours.
pub const SESSION_LIVES: TimeDelta = TimeDelta::hours(12);
/// And sooner when nobody has asked for so long: half an hour.
const IDLE: TimeDelta = TimeDelta::minutes(30);
/// A cookie of such an age is given anew.
const GIVEN_ANEW: TimeDelta = TimeDelta::seconds(60);
/// In this time every process has heard of a new session.
const HEARD: TimeDelta = TimeDelta::seconds(5);

crate::secret_setting! {
    /// Secrets of sessions as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs, all
    /// verify. The same for every process of the platform. `scripts/up` makes one.
    pub SessionSecret = "BELLHOP_SESSION_SECRET", None
}

/// The secrets of sessions.
#[derive(clap::Args, Clone, Debug)]
pub struct SessionConfig {
    /// [`SessionSecret`].
    #[command(flatten)]
    pub session_secret: SessionSecret,
}

impl SessionConfig {
    /// What makes the cookies of sessions and reads them.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn sessions(&self) -> Result<Sessions, StartError> {
        Ring::read("BELLHOP_SESSION_SECRET", &self.session_secret).map(Sessions)
    }
}

/// A session, as it is known of who asks by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: Uuid,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.id)
    }
}

/// What a genuine cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) session: Uuid,
    given_at: DateTime<Utc>,
}

impl Cookie {
    /// Whether nobody has asked by it for too long.
    pub(super) fn is_idle(self, now: DateTime<Utc>) -> bool {
        self.given_at + IDLE <= now
    }

    /// Whether its session may be so new that this process has not heard of it.
    pub(super) fn may_be_new(self, now: DateTime<Utc>) -> bool {
        self.given_at + HEARD > now
    }

    /// Whether it is to be given anew.
    pub(super) fn ages(self, now: DateTime<Utc>) -> bool {
        self.given_at + GIVEN_ANEW <= now
    }
}

/// Makes cookies and tokens of sessions, and reads them.
#[derive(Clone, Debug)]
pub struct Sessions(Ring);

impl Sessions {
    /// The id of a new session: 128 bits of chance.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new_id() -> Result<Uuid, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Uuid::from_bytes(bytes))
    }

    /// The value of `Set-Cookie` with which a browser gets the session.
    pub fn set_cookie(&self, session: Uuid, now: DateTime<Utc>) -> HeaderValue {
        header_of(&format!("{COOKIE}={}; {KEPT}", self.written(session, now)))
    }

    /// The value of `Set-Cookie` after which a browser has none.
    pub fn no_cookie() -> HeaderValue {
        header_of(&format!("{COOKIE}=; Max-Age=0; {KEPT}"))
    }

    /// What the pages of a session send as `X-CSRF-Token`; the same as long as the first secret is.
    pub fn csrf_token(&self, session: Uuid) -> String {
        let Some((kid, secret)) = self.0.first() else {
            return String::new();
        };
        let seal = hex(&token_mac(secret, session).finalize().into_bytes());
        format!("{kid}_{seal}")
    }

    fn written(&self, session: Uuid, now: DateTime<Utc>) -> String {
        let (session, given) = (session.simple(), now.timestamp());
        signed(&self.0, FORM, &format!("{session}_{given}"))
    }

    /// Reads the value of a cookie; none when nobody of ours gave it.
    pub(super) fn read(&self, text: &str) -> Option<Cookie> {
        let mut parts = verified(&self.0, FORM, text)?;
        Some(Cookie {
            session: Uuid::try_parse(parts.next()?).ok()?,
            given_at: DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?,
        })
    }

    /// Whether a request by this session that may change something comes from a page of ours.
    ///
    /// # Errors
    /// 403 for who comes from elsewhere, or does not say.
    pub(super) fn require_token(&self, headers: &HeaderMap, session: Uuid) -> Result<(), Problem> {
        require_same_origin(headers)?;
        let sent = headers.get(TOKEN).and_then(|sent| sent.to_str().ok());
        let (kid, seal) = sent.and_then(|sent| sent.split_once('_')).unwrap_or_default();
        let good = self.0.of(kid).zip(unhex(seal)).is_some_and(|(secret, seal)| {
            let mac = token_mac(secret, session);
            mac.verify_slice(&seal).is_ok()
        });
        if good {
            return Ok(());
        }
        let detail = "Send X-CSRF-Token with the csrf_token of this session, which `GET /v1/me` tells.";
        Err(Problem::new(Common::CsrfRefused, detail).at("X-CSRF-Token"))
    }
}

/// Whether a request with this method changes nothing.
pub(super) fn only_reads(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// The session's cookie in a request, if there is one. Several are none that can be believed.
pub(super) fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut ours = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    let first = ours.next();
    if ours.next().is_some() { Some("") } else { first }
}

/// Whether somebody may sign in from where the request comes: a page of ours, over a connection on which a browser keeps
/// and protects the cookie.
///
/// # Errors
/// 403 with what to do.
pub fn require_safe_page(headers: &HeaderMap) -> Result<(), Problem> {
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let Some(origin) = origin else {
        let detail = "Sign in on the page /sign-in/ with a browser, which sends Origin.";
        return Err(Problem::new(Common::CsrfRefused, detail).at("Origin"));
    };
    if !is_safe(origin) {
        let detail = "Sign in over https, or on the machine itself at http://127.0.0.1: whoever is between could read \
                      the session of a page that came over plain http.";
        return Err(Problem::new(Common::InsecureOrigin, detail).at("Origin"));
    }
    require_same_origin(headers)
}

/// Whether a browser keeps the cookie there: an origin with TLS, or the machine itself.
fn is_safe(origin: &str) -> bool {
    let Some((scheme, place)) = origin.split_once("://") else {
        return false;
    };
    let host = place.rsplit_once(':').map_or(place, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            host
        } else {
            place
        }
    });
    scheme == "https" || (scheme == "http" && ["127.0.0.1", "localhost", "[::1]"].contains(&host))
}

/// What a browser says of where a request comes from, which no page can change.
fn require_same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let same = sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none();
    if same {
        return Ok(());
    }
    let detail = "This is for pages of this origin: a browser says so by `Sec-Fetch-Site: same-origin`. Ask with a key \
                  where there is no browser.";
    Err(Problem::new(Common::CsrfRefused, detail).at("Sec-Fetch-Site"))
}

fn token_mac(secret: &Secret, session: Uuid) -> Hmac<Sha256> {
    seal::mac(secret, [OF_A_TOKEN, session.as_bytes()])
}

fn header_of(text: &str) -> HeaderValue {
    let value = HeaderValue::from_str(text);
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
