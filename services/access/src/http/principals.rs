//! Principals: who may have keys, and for which hotels.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::{HotelId, PrincipalId};
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictJson, StrictPath, StrictQuery};
use platform::{db, problems};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, no_principal};
use crate::model::{HOTELS_MOST, NewPrincipal, PrincipalBody, PrincipalKind};
use crate::store::{self, Done};

problems!(Missing: Common::NotFound);

/// Make a principal
///
/// It has no key yet.
#[utoipa::path(
    post, path = "/v1/principals", tag = "Access", request_body = NewPrincipal,
    responses(
        (status = 201, description = "Made", body = PrincipalBody,
            headers(("Location" = String, description = "The principal's path."))),
    )
)]
pub(super) async fn create_principal(
    allowed: Allowed<super::CreatePrincipal>,
    State(app): State<App>,
    StrictJson(wanted): StrictJson<NewPrincipal>,
) -> Result<Response, Problem> {
    check(wanted.kind, &wanted.hotels, wanted.all_hotels)?;
    let actor = allowed.actor.to_string();
    let signer = app.signer.clone();
    let made = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let principal = store::add_principal(db, &wanted, &stamp).await?;
            store::tell(db, &actor, principal, Done::Made(&wanted)).await?;
            store::principal(db, principal).await?.ok_or_else(no_principal)
        })
    });
    let made = made.await?;
    let location = [(header::LOCATION, format!("/v1/principals/{}", made.principal_id))];
    Ok((StatusCode::CREATED, location, Json(made)).into_response())
}

fn check(kind: PrincipalKind, hotels: &[HotelId], all: bool) -> Result<(), Problem> {
    if !kind.has_hotels() && (all || !hotels.is_empty()) {
        let detail = "Only partners and staff are granted hotels; who runs the platform sees all.";
        return Err(Problem::invalid_field("/hotels", detail));
    }
    if hotels.len() > HOTELS_MOST {
        let detail = format!("At most {HOTELS_MOST} hotels are named; grant all_hotels instead.");
        return Err(Problem::invalid_field("/hotels", detail));
    }
    Ok(())
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Rows on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: PageLimit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of principals, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PrincipalPage {
    items: Vec<PrincipalBody>,
    /// Send it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

problems!(Pages: Common::InvalidCursor);

/// Principals with their keys, the newest first
#[utoipa::path(
    get, path = "/v1/principals", tag = "Access", params(PageQuery),
    responses((status = 200, description = "A page", body = PrincipalPage), Pages)
)]
pub(super) async fn list_principals(
    _: Allowed<super::ListPrincipals>,
    State(app): State<App>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<Json<PrincipalPage>, Problem> {
    let before = query
        .cursor
        .as_deref()
        .map(Cursor::read::<PrincipalId>)
        .transpose()?;
    let rows = query.limit.rows_and_one();
    let listed = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move { Ok(store::principals(db, before, rows).await?) })
    });
    let mut items = listed.await?;
    let next_cursor = query.limit.cut(&mut items, |principal| principal.principal_id);
    Ok(Json(PrincipalPage { items, next_cursor }))
}

/// One principal with its keys
#[utoipa::path(
    get, path = "/v1/principals/{principal_id}", tag = "Access",
    params(("principal_id" = PrincipalId, Path, description = "The principal")),
    responses((status = 200, description = "The principal", body = PrincipalBody), Missing)
)]
pub(super) async fn get_principal(
    _: Allowed<super::GetPrincipal>,
    State(app): State<App>,
    StrictPath(principal_id): StrictPath<PrincipalId>,
) -> Result<Json<PrincipalBody>, Problem> {
    let found = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move { Ok(store::principal(db, principal_id).await?) })
    });
    found.await?.map(Json).ok_or_else(no_principal)
}

/// The hotels of a principal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantedHotels {
    /// The hotels it works for.
    #[serde(default)]
    #[schema(max_items = 1000)]
    hotels: Vec<HotelId>,
    /// It works for all hotels, also those to come.
    #[serde(default)]
    all_hotels: bool,
}

/// Set for which hotels a principal works
///
/// What is not named is withdrawn, within a second everywhere.
#[utoipa::path(
    put, path = "/v1/principals/{principal_id}/hotels", tag = "Access", request_body = GrantedHotels,
    params(("principal_id" = PrincipalId, Path, description = "The principal")),
    responses((status = 200, description = "The principal as it is now", body = PrincipalBody), Missing)
)]
pub(super) async fn set_granted_hotels(
    allowed: Allowed<super::SetGrantedHotels>,
    State(app): State<App>,
    StrictPath(principal_id): StrictPath<PrincipalId>,
    StrictJson(wanted): StrictJson<GrantedHotels>,
) -> Result<Json<PrincipalBody>, Problem> {
    let actor = allowed.actor.to_string();
    let signer = app.signer.clone();
    let done = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            let now = store::principal(db, principal_id)
                .await?
                .ok_or_else(no_principal)?;
            check(now.kind, &wanted.hotels, wanted.all_hotels)?;
            store::set_hotels(db, principal_id, &wanted.hotels, wanted.all_hotels, &stamp).await?;
            let set = Done::HotelsSet(&wanted.hotels, wanted.all_hotels);
            store::tell(db, &actor, principal_id, set).await?;
            store::principal(db, principal_id).await?.ok_or_else(no_principal)
        })
    });
    done.await.map(Json)
}

/// Revoke a principal
///
/// All its keys and sessions are refused everywhere within a second, and it gets no other. A repeat changes nothing.
#[utoipa::path(
    post, path = "/v1/principals/{principal_id}/revocation", tag = "Access",
    params(("principal_id" = PrincipalId, Path, description = "The principal")),
    responses((status = 200, description = "Revoked", body = PrincipalBody), Missing)
)]
pub(super) async fn revoke_principal(
    allowed: Allowed<super::RevokePrincipal>,
    State(app): State<App>,
    StrictPath(principal_id): StrictPath<PrincipalId>,
) -> Result<Json<PrincipalBody>, Problem> {
    let actor = allowed.actor.to_string();
    let signer = app.signer.clone();
    let done = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move {
            let stamp = store::stamp(db, &signer).await?;
            if store::revoke_principal(db, principal_id, &stamp).await? {
                store::tell(db, &actor, principal_id, Done::Revoked).await?;
            }
            store::principal(db, principal_id).await?.ok_or_else(no_principal)
        })
    });
    done.await.map(Json)
}
