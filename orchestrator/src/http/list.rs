//! `GET /v1/sagas`: sagas, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::SagaId;
use platform::access::{Actor, Allowed};
use platform::http::{Common, Cursor, PageLimit, Problem, StrictQuery};
use platform::{db, problems};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Inspection;
use super::journal::Reading;
use super::saga::SagaBody;
use crate::engine::State;
use crate::store::{Filter, RunRow};
use crate::{sagas, store};

/// Which sagas.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// Only those in this state: `running`, `compensating`, `completed`, `compensated`, `stuck` or
    /// `abandoned`.
    #[param(value_type = Option<State>, example = "stuck")]
    state: Option<String>,
    /// Only those of this definition.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "book-stay")]
    kind: Option<String>,
    /// Only those that this actor asked for: `kind:id`, as `actor` of a saga has it.
    #[param(example = "partner:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
    actor: Option<String>,
    /// How many at most, 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, example = 50)]
    limit: PageLimit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of sagas.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaPage)]
pub(super) struct Page {
    items: Vec<SagaBody>,
    /// Names the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

problems!(Problems: Common::InvalidCursor);

/// Sagas, newest first
#[utoipa::path(
    get, path = "/v1/sagas", tag = "Sagas", params(Query),
    responses(
        (status = 200, description = "A page of sagas", body = Page),
        Problems,
    )
)]
pub(super) async fn list_sagas(
    _: Allowed<super::ListSagas>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Json<Page>, Problem> {
    if query
        .state
        .as_ref()
        .is_some_and(|state| State::of(state).is_none())
    {
        let words = State::ALL.map(State::word).join(", ");
        return Err(unknown("state", &words));
    }
    let types: Vec<_> = sagas::outlines().iter().map(|outline| outline.name).collect();
    if query
        .kind
        .as_ref()
        .is_some_and(|kind| !types.contains(&kind.as_str()))
    {
        return Err(unknown("type", &types.join(", ")));
    }
    let actor = query.actor.as_deref().map(str::parse::<Actor>).transpose();
    let actor = actor.map_err(|_| {
        let detail = "This is an actor as a saga names it: a kind, a colon and an id.";
        Problem::invalid_field("actor", detail)
    })?;
    let actor = actor.map(|actor| actor.to_string());
    let before = query.cursor.as_deref().map(Cursor::read::<SagaId>).transpose()?;
    let limit = query.limit;
    let (mut rows, mut journals) = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let (state, kind) = (query.state.as_deref(), query.kind.as_deref());
            let filter = Filter {
                state,
                kind,
                actor: actor.as_deref(),
                before: before.map(SagaId::uuid),
            };
            let rows = store::list(db, filter, limit.rows_and_one()).await?;
            let ids: Vec<_> = rows.iter().map(|row| row.saga_id).collect();
            let journals = store::journals(db, &ids).await?;
            Ok((rows, journals))
        })
    })
    .await?;
    let next_cursor = limit.cut(&mut rows, |row| SagaId::from_uuid(row.saga_id));
    let body = |row: RunRow| {
        let journal = journals.remove(&row.saga_id).unwrap_or_default();
        SagaBody::of(&row, &Reading::of(&row, &journal, inspection.pace), &journal)
    };
    Ok(Json(Page {
        items: rows.into_iter().map(body).collect(),
        next_cursor,
    }))
}

fn unknown(parameter: &str, words: &str) -> Problem {
    let detail = format!("This takes one of: {words}.");
    Problem::invalid_field(parameter, detail)
}
