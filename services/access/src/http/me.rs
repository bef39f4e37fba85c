//! `GET /v1/me`: who asks, for pages and for whoever wonders what a key is good for.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contract::{HotelId, SessionId};
use platform::access::{Actor, Allowed, Member, Session, Sessions};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use crate::model::PrincipalBody;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// As it stands in trails and histories: the kind and the id.
    #[schema(example = "staff:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
    actor: String,
    /// What it is, one of the words of `x-who-may`.
    #[schema(example = "staff")]
    kind: String,
    /// Its id: of a principal, or of the reservation that a guest's link opens.
    id: Option<String>,
    /// The hotels whose things it sees, unless it sees all.
    hotels: Vec<HotelId>,
    /// Whether it sees the things of all hotels.
    all_hotels: bool,
    /// What is known of a member; absent of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Membership>,
    /// The session by which it asks; absent with a key or a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<MySession>,
}

/// What a member's token says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Membership {
    /// What kind of member.
    #[schema(example = "gold")]
    grade: String,
    /// Since when.
    since: DateTime<Utc>,
}

impl From<Member> for Membership {
    fn from(member: Member) -> Self {
        Self {
            grade: member.grade,
            since: member.since,
        }
    }
}

/// A session, as whoever has it is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MySession {
    session_id: SessionId,
    /// When it ends by itself, at the latest.
    ends_at: DateTime<Utc>,
    /// Send it as `X-CSRF-Token` with what changes something.
    csrf_token: String,
}

impl MySession {
    /// The token is made for who is told of it, and for nobody else.
    pub(super) fn of(session: Session, sessions: &Sessions) -> Self {
        Self {
            session_id: SessionId::from_uuid(session.id),
            ends_at: session.ends_at,
            csrf_token: sessions.csrf_token(session.id),
        }
    }
}

impl Me {
    fn new(actor: Actor, hotels: Vec<HotelId>, all_hotels: bool, session: Option<MySession>) -> Self {
        Self {
            actor: actor.to_string(),
            kind: actor.kind().word().to_owned(),
            id: actor.id().map(|id| id.to_string()),
            hotels,
            all_hotels,
            member: None,
            session,
        }
    }

    /// Who has just signed in.
    pub(super) fn signed_in(principal: &PrincipalBody, actor: Actor, session: MySession) -> Self {
        let all = principal.all_hotels || !principal.kind.has_hotels();
        let hotels = if all { Vec::new() } else { principal.hotels.clone() };
        Self::new(actor, hotels, all, Some(session))
    }
}

/// Who asks
///
/// As this process knows it now.
#[utoipa::path(
    get, path = "/v1/me", tag = "Access",
    responses((status = 200, description = "Who asks", body = Me))
)]
pub(super) async fn get_me(allowed: Allowed<super::GetMe>, State(app): State<App>) -> Response {
    let hotels = allowed.sees.hotels().iter().copied().map(HotelId::from_uuid);
    let all = allowed.sees.all();
    let me = Me {
        member: allowed.member.map(Membership::from),
        ..Me::new(
            allowed.actor,
            hotels.collect(),
            all,
            allowed
                .session
                .map(|session| MySession::of(session, &app.sessions)),
        )
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(me)).into_response()
}
