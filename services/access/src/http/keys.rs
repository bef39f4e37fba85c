//! Keys: made, put in the place of another, revoked. A key is shown in the answer that made it and never again, so no
//! answer is kept for a repeat: a repeat makes a second key, and a third is refused.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use contract::refusal::Code;
use contract::{KeyId, PrincipalId, Why};
use platform::access::{Allowed, ApiKey};
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::{db, problems};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{App, living, no_key};
use crate::model::{KEY_LIVES, KEY_LIVES_MOST, KEYS_LIVE_MOST, KeyBody};
use crate::store::{self, Done};

/// A key to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// When it ends by itself; in a year if nothing is said, and in two years at the latest.
    #[serde(default)]
    ends_at: Option<DateTime<Utc>>,
}

/// A key that takes the place of another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how many more minutes the former key is good.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 0, maximum = 10080, default = 60)]
    former_minutes: Option<u16>,
    /// As for a new key.
    #[serde(default)]
    ends_at: Option<DateTime<Utc>>,
}

/// A key with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownKey {
    key_id: KeyId,
    principal_id: PrincipalId,
    /// Send it as `Authorization: Bearer`. It is shown this once, and kept by nobody but you.
    #[schema(example = "bhk_01936f5e7d5c7c3a9a440d3f6a1b2c4d_…")]
    key: String,
    ends_at: DateTime<Utc>,
}

/// For how long a rotated key is good, in minutes, unless something else is said, and at most.
const FORMER_MINUTES: u16 = 60;
const FORMER_MINUTES_MOST: u16 = 10_080;

problems!(Problems: Common::NotFound, Code::TooManyKeys, Code::KeyIsOver, Code::PrincipalIsOver);
problems!(Missing: Common::NotFound);

/// Make a key
///
/// It is shown in this answer and never again. Two keys of a principal are live at once; a third is refused.
#[utoipa::path(
    post, path = "/v1/principals/{principal_id}/keys", tag = "Access", request_body = NewKey,
    params(("principal_id" = PrincipalId, Path, description = "Whose key it becomes")),
    responses(
        (status = 201, description = "Made", body = ShownKey,
            headers(("Location" = String, description = "The principal's path."))),
        Problems,
    )
)]
pub(super) async fn create_key(
    allowed: Allowed<super::CreateKey>,
    State(app): State<App>,
    StrictPath(principal_id): StrictPath<PrincipalId>,
    StrictJson(wanted): StrictJson<NewKey>,
) -> Result<Response, Problem> {
    let (peppers, actor) = (app.peppers.clone(), allowed.actor.to_string());
    let signer = app.signer.clone();
    let made = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            living(db, principal_id).await?;
            let (key, ends_at) = another(db, principal_id, wanted.ends_at).await?;
            store::add_key(db, principal_id, &key, &peppers, ends_at, &stamp).await?;
            let made = Done::KeyMade(KeyId::from_uuid(key.id()), None);
            store::tell(db, &actor, principal_id, made).await?;
            Ok((key, ends_at))
        })
    });
    let (key, ends_at) = made.await?;
    Ok(shown(principal_id, &key, ends_at))
}

/// A new key, if there is room for one more.
async fn another(
    db: &mut PgConnection,
    principal_id: PrincipalId,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(ApiKey, DateTime<Utc>), Problem> {
    let now = store::now(db).await?;
    let ends_at = ends_at.unwrap_or(now + KEY_LIVES);
    if ends_at <= now || ends_at > now + KEY_LIVES_MOST {
        let detail = "A key ends after now, and in two years at the latest.";
        return Err(Problem::invalid_field("/ends_at", detail));
    }
    if store::live_keys(db, principal_id).await? >= KEYS_LIVE_MOST {
        let most = KEYS_LIVE_MOST;
        return Err(Why::TooManyKeys { most }.tell(Problem::refused));
    }
    Ok((store::new_key()?, ends_at))
}

fn shown(principal_id: PrincipalId, key: &ApiKey, ends_at: DateTime<Utc>) -> Response {
    let body = ShownKey {
        key_id: KeyId::from_uuid(key.id()),
        principal_id,
        key: key.reveal(),
        ends_at,
    };
    let location = [(header::LOCATION, format!("/v1/principals/{principal_id}"))];
    let mut response = (StatusCode::CREATED, location, Json(body)).into_response();
    let nowhere = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, nowhere);
    response
}

/// Put a new key in the place of another
///
/// The former one stays good for some minutes, in which all who have it take the new one.
#[utoipa::path(
    post, path = "/v1/keys/{key_id}/rotation", tag = "Access", request_body = Rotation,
    params(("key_id" = KeyId, Path, description = "The key that is to go")),
    responses(
        (status = 201, description = "Made", body = ShownKey,
            headers(("Location" = String, description = "The principal's path."))),
        Problems,
    )
)]
pub(super) async fn rotate_key(
    allowed: Allowed<super::RotateKey>,
    State(app): State<App>,
    StrictPath(key_id): StrictPath<KeyId>,
    StrictJson(wanted): StrictJson<Rotation>,
) -> Result<Response, Problem> {
    let minutes = wanted.former_minutes.unwrap_or(FORMER_MINUTES);
    if minutes > FORMER_MINUTES_MOST {
        let detail =
            format!("The former key is good for at most {FORMER_MINUTES_MOST} more minutes, a week.");
        return Err(Problem::invalid_field("/former_minutes", detail));
    }
    let (peppers, actor) = (app.peppers.clone(), allowed.actor.to_string());
    let signer = app.signer.clone();
    let made = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let (principal_id, former) = store::key(db, key_id).await?.ok_or_else(no_key)?;
            living(db, principal_id).await?;
            let now = store::now(db).await?;
            if former.revoked_at.is_some() || former.ends_at <= now {
                return Err(Why::KeyIsOver.tell(Problem::refused));
            }
            let (key, ends_at) = another(db, principal_id, wanted.ends_at).await?;
            store::add_key(db, principal_id, &key, &peppers, ends_at, &stamp).await?;
            let ends = former.ends_at.min(now + TimeDelta::minutes(i64::from(minutes)));
            store::end_key(db, key_id, ends, &stamp).await?;
            let rotated = Done::KeyMade(KeyId::from_uuid(key.id()), Some(key_id));
            store::tell(db, &actor, principal_id, rotated).await?;
            Ok((principal_id, key, ends_at))
        })
    });
    let (principal_id, key, ends_at) = made.await?;
    Ok(shown(principal_id, &key, ends_at))
}

/// Revoke a key
///
/// Every process refuses it within a second. A repeat changes nothing.
#[utoipa::path(
    post, path = "/v1/keys/{key_id}/revocation", tag = "Access",
    params(("key_id" = KeyId, Path, description = "The key")),
    responses((status = 200, description = "Revoked", body = KeyBody), Missing)
)]
pub(super) async fn revoke_key(
    allowed: Allowed<super::RevokeKey>,
    State(app): State<App>,
    StrictPath(key_id): StrictPath<KeyId>,
) -> Result<Json<KeyBody>, Problem> {
    let actor = allowed.actor.to_string();
    let signer = app.signer.clone();
    let done = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let revoked = store::revoke_key(db, key_id, &stamp).await?;
            let (principal_id, key) = store::key(db, key_id).await?.ok_or_else(no_key)?;
            if revoked {
                store::tell(db, &actor, principal_id, Done::KeyRevoked(key_id)).await?;
            }
            Ok(key)
        })
    });
    done.await.map(Json)
}
