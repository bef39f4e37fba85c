//! `GET /v1/saga-definitions`: what the dashboard draws, from the same values that run.

use axum::Json;
use platform::access::Allowed;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Outline;
use crate::sagas;

/// Every saga that the platform can run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaDefinitions)]
pub(super) struct Definitions {
    items: &'static [Outline],
}

/// Every saga that the platform can run
#[utoipa::path(get, path = "/v1/saga-definitions", tag = "Sagas", 
    responses((status = 200, description = "The definitions", body = Definitions)))]
pub(super) async fn list_saga_definitions(_: Allowed<super::ListSagaDefinitions>) -> Json<Definitions> {
    Json(Definitions {
        items: sagas::outlines(),
    })
}
