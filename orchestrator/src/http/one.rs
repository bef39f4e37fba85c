//! `GET /v1/sagas/{saga_id}`: one saga with every step, attempt, command, reply and time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::SagaId;
use platform::http::{Caller, Common, Problem, StrictPath};
use platform::{db, problems};

use super::Inspection;
use super::saga::SagaWithSteps;
use crate::store;

problems!(Problems: Common::NotFound);

/// One saga with every step, attempt, command, reply and time
#[utoipa::path(
    get, path = "/v1/sagas/{saga_id}", tag = "Sagas", params(("saga_id" = SagaId, Path, description = "The saga")),
    responses(
        (status = 200, description = "The saga", body = SagaWithSteps),
        Problems,
    )
)]
pub(super) async fn get_saga(
    _: Caller,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(saga_id): StrictPath<SagaId>,
) -> Result<Json<SagaWithSteps>, Problem> {
    let found = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let Some(saga) = store::one(db, saga_id.uuid()).await? else {
                return Ok(None);
            };
            let steps = store::steps(db, saga_id.uuid()).await?;
            Ok(Some(SagaWithSteps::of(saga, steps)))
        })
    });
    found
        .await?
        .map(Json)
        .ok_or_else(|| Problem::not_found("saga").at("saga_id"))
}
