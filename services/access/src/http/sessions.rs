//! Signing in and out: links, which an administrator makes, and the sessions that they give.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contract::refusal::Code;
use contract::{PrincipalId, SessionId, SignInLinkId};
use platform::access::{
    Actor, Allowed, Kind, SESSION_LIVES, Session, Sessions, SignInLink, require_safe_page,
};
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::{db, problems};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::me::{Me, MySession};
use super::{App, living};
use crate::SIGN_IN;
use crate::model::{PrincipalBody, SessionBody};
use crate::store::{self, Done, Stamp};

/// A link by which somebody signs in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignInLink)]
pub(super) struct ShownLink {
    link_id: SignInLinkId,
    principal_id: PrincipalId,
    /// Good once, for `POST /v1/session`. It is shown in this answer alone.
    #[schema(example = "bho_01936f5e7d5c7c3a9a440d3f6a1b2c4d_…")]
    token: String,
    /// What to open in a browser, behind the platform's address. What stands after # is sent to nobody.
    #[schema(example = "/sign-in/#bho_01936f5e7d5c7c3a9a440d3f6a1b2c4d_…")]
    path: String,
    ends_at: DateTime<Utc>,
}

problems!(LinkProblems: Common::NotFound, Code::PrincipalIsOver);

/// Make a sign-in link
///
/// It gives one session to whoever opens it within ten minutes, so tell it to nobody else. For people: staff, viewers,
/// operators and administrators.
#[utoipa::path(
    post, path = "/v1/principals/{principal_id}/sign-in-links", tag = "Access",
    params(("principal_id" = PrincipalId, Path, description = "Who is to sign in")),
    responses(
        (status = 201, description = "Made", body = ShownLink,
            headers(("Location" = String, description = "The principal's path."))),
        LinkProblems,
    )
)]
pub(super) async fn create_sign_in_link(
    allowed: Allowed<super::CreateSignInLink>,
    State(app): State<App>,
    StrictPath(principal_id): StrictPath<PrincipalId>,
) -> Result<Response, Problem> {
    let (peppers, actor) = (app.peppers.clone(), allowed.actor.to_string());
    let made = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            store::next_version(db).await?;
            let principal = living(db, principal_id).await?;
            if !principal.kind.signs_in() {
                let detail = "A partner's programs ask with keys; people sign in.";
                return Err(Problem::invalid_field("principal_id", detail));
            }
            Ok(crate::add_link(db, &peppers, &actor, principal_id).await?)
        })
    });
    let (link, ends_at) = made.await?;
    let token = link.reveal();
    let body = ShownLink {
        link_id: SignInLinkId::from_uuid(link.id()),
        principal_id,
        path: format!("{SIGN_IN}#{token}"),
        token,
        ends_at,
    };
    let location = [(header::LOCATION, format!("/v1/principals/{principal_id}"))];
    Ok(kept_nowhere(
        (StatusCode::CREATED, location, Json(body)).into_response(),
    ))
}

/// What somebody signs in by.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignIn)]
pub(super) struct NewSession {
    /// The `token` of a sign-in link.
    #[schema(example = "bho_01936f5e7d5c7c3a9a440d3f6a1b2c4d_…")]
    link: String,
}

problems!(SignInProblems: Common::SignInRefused, Common::CsrfRefused, Common::InsecureOrigin);

/// Sign in
///
/// For the page `/sign-in/` in a browser: uses a link up and sets the cookie `__Host-bellhop`, which is the session. It
/// ends after 12 hours, and when nobody asks for half an hour. What changes something then takes the `csrf_token` as
/// `X-CSRF-Token`.
#[utoipa::path(
    post, path = "/v1/session", tag = "Access", request_body = NewSession,
    responses(
        (status = 201, description = "Signed in", body = Me,
            headers(
                ("Location" = String, description = "Where it is told who asks."),
                ("Set-Cookie" = String, description = "The session, for this browser alone."),
            )),
        SignInProblems,
    )
)]
pub(super) async fn create_session(
    _: Allowed<super::CreateSession>,
    State(app): State<App>,
    headers: HeaderMap,
    StrictJson(wanted): StrictJson<NewSession>,
) -> Result<Response, Problem> {
    require_safe_page(&headers)?;
    let link = SignInLink::read(&wanted.link).ok_or_else(no_link)?;
    let peppers = app.peppers.clone();
    let signer = app.signer.clone();
    let made = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let principal = store::use_link(db, &link, &peppers).await?;
            let principal = store::principal(db, principal.ok_or_else(no_link)?).await?;
            let principal = principal.filter(|principal| principal.revoked_at.is_none());
            let principal = principal.ok_or_else(no_link)?;
            let link = SignInLinkId::from_uuid(link.id());
            let (session, ends_at) = sign_in(db, &principal, link, &stamp).await?;
            Ok((principal, session, ends_at))
        })
    });
    let (principal, id, ends_at) = made.await?;
    let session = Session {
        id: id.uuid(),
        ends_at,
    };
    let session = MySession::of(session, &app.sessions);
    let body = Me::signed_in(&principal, actor_of(&principal), session);
    let location = [(header::LOCATION, "/v1/me")];
    let mut response = (StatusCode::CREATED, location, Json(body)).into_response();
    let cookie = app.sessions.set_cookie(id.uuid(), app.clock.now());
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(kept_nowhere(response))
}

/// A new session, told in the trail as its owner's doing.
async fn sign_in(
    db: &mut PgConnection,
    principal: &PrincipalBody,
    link: SignInLinkId,
    stamp: &Stamp,
) -> Result<(SessionId, DateTime<Utc>), Problem> {
    let session = store::new_session()?;
    let ends_at = store::now(db).await? + SESSION_LIVES;
    let principal_id = principal.principal_id;
    store::add_session(db, session, principal_id, link, ends_at, stamp).await?;
    let actor = actor_of(principal).to_string();
    store::tell(db, &actor, principal_id, Done::SessionMade(session, link)).await?;
    Ok((session, ends_at))
}

fn actor_of(principal: &PrincipalBody) -> Actor {
    Kind::of(principal.kind.word()).map_or(Actor::ANYONE, |kind| {
        Actor::new(kind, principal.principal_id.uuid())
    })
}

fn no_link() -> Problem {
    let detail =
        "The link is not one that was given, was used before, or is older than ten minutes; ask for another.";
    Problem::new(Common::SignInRefused, detail).at("/link")
}

/// Sign out
///
/// The session is refused everywhere within a second, and the browser forgets its cookie. Without a session that is good
/// there is nothing to end.
#[utoipa::path(
    delete, path = "/v1/session", tag = "Access",
    responses((status = 204, description = "Signed out",
        headers(("Set-Cookie" = String, description = "An empty cookie, which the browser forgets."))))
)]
pub(super) async fn delete_session(
    allowed: Allowed<super::DeleteSession>,
    State(app): State<App>,
) -> Result<Response, Problem> {
    if let Some(session) = &allowed.session {
        let ended = Done::SessionEnded(SessionId::from_uuid(session.id));
        end(&app, SessionId::from_uuid(session.id), allowed.actor, ended).await?;
    }
    let cookie = [(header::SET_COOKIE, Sessions::no_cookie())];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

problems!(Missing: Common::NotFound);

/// End somebody's session
///
/// Every process refuses it within a second. A repeat changes nothing.
#[utoipa::path(
    post, path = "/v1/sessions/{session_id}/revocation", tag = "Access",
    params(("session_id" = SessionId, Path, description = "The session")),
    responses((status = 200, description = "Ended", body = SessionBody), Missing)
)]
pub(super) async fn revoke_session(
    allowed: Allowed<super::RevokeSession>,
    State(app): State<App>,
    StrictPath(session_id): StrictPath<SessionId>,
) -> Result<Json<SessionBody>, Problem> {
    let revoked = Done::SessionRevoked(session_id);
    end(&app, session_id, allowed.actor, revoked).await.map(Json)
}

/// Ends a session unless it is over, and says who did so.
async fn end(
    app: &App,
    session_id: SessionId,
    actor: Actor,
    done: Done<'static>,
) -> Result<SessionBody, Problem> {
    let signer = app.signer.clone();
    let ended = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let ended = store::end_session(db, session_id, &stamp).await?;
            let session = store::session(db, session_id).await?.ok_or_else(no_session)?;
            if ended {
                store::tell(db, &actor.to_string(), session.principal_id, done).await?;
            }
            Ok(session)
        })
    });
    ended.await
}

fn no_session() -> Problem {
    Problem::not_found("session").at("session_id")
}

fn kept_nowhere(mut response: Response) -> Response {
    let nowhere = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, nowhere);
    response
}
