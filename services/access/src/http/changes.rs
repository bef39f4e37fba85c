//! `GET /v1/access/changes`: who is who, for processes that do not hear it from the relay.

use axum::Json;
use axum::extract::State;
use platform::access::{AccessChanges, Allowed};
use platform::db;
use platform::http::{Problem, StrictQuery};
use serde::Deserialize;
use utoipa::IntoParams;

use super::App;
use crate::store;

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// The `version` of the answer before; 0 for everything.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 0, example = 0)]
    after: u32,
}

/// What has changed of principals, grants, keys and sessions
///
/// For the platform's own processes. Rows that are over stay rows, so nothing is ever missing in what comes after a
/// version.
#[utoipa::path(
    get, path = "/v1/access/changes", tag = "Access", params(After),
    responses((status = 200, description = "Every row with a greater version", body = AccessChanges))
)]
pub(super) async fn list_access_changes(
    _: Allowed<super::ListAccessChanges>,
    State(app): State<App>,
    StrictQuery(query): StrictQuery<After>,
) -> Result<Json<AccessChanges>, Problem> {
    let changes = db::unit_of_work::<_, Problem, _>(&app.pool, move |db| {
        Box::pin(async move { Ok(store::changes(db, i64::from(query.after)).await?) })
    });
    changes.await.map(Json)
}
