//! `GET /v1/sagas/{saga_id}`: one saga with its journal: every step, sending, command, reply and time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use contract::SagaId;
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::{db, problems};

use super::Inspection;
use super::saga::SagaWithJournal;
use crate::store;

problems!(Problems: Common::NotFound);

/// One saga with its journal: every step, sending, command, reply and time
#[utoipa::path(
    get, path = "/v1/sagas/{saga_id}", tag = "Sagas", params(("saga_id" = SagaId, Path, description = "The saga")),
    responses(
        (status = 200, description = "The saga", body = SagaWithJournal,
         headers(("etag" = String, description = "The version of the run: the number of its last line, quoted"))),
        Problems,
    )
)]
pub(super) async fn get_saga(
    _: Allowed<super::GetSaga>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(saga_id): StrictPath<SagaId>,
) -> Result<Response, Problem> {
    let found = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let Some(saga) = store::one(db, saga_id.uuid()).await? else {
                return Ok(None);
            };
            let journal = store::journals(db, &[saga_id.uuid()])
                .await?
                .remove(&saga_id.uuid());
            let owed = store::obligations(db, saga_id.uuid()).await?;
            Ok(Some((saga, journal.unwrap_or_default(), owed)))
        })
    });
    let found = found.await?;
    let (saga, journal, owed) = found.ok_or_else(|| Problem::not_found("saga").at("saga_id"))?;
    let body = SagaWithJournal::of(saga, &journal, owed, inspection.pace);
    Ok(([(header::ETAG, body.etag())], Json(body)).into_response())
}
