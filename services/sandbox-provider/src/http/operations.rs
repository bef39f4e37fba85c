//! One operation by its key: how a merchant that never got an answer learns the outcome.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use platform::http::{Problem, ProblemBody};

use super::OperationBody;
use crate::Sandbox;

/// Ask how an operation ended
#[utoipa::path(
    get, path = "/v1/operations/{key}", tag = "Sandbox provider",
    params(("key" = String, Path, description = "The Idempotency-Key of the operation", example = "booking-1-authorize")),
    responses(
        (status = 200, description = "The operation", body = OperationBody),
        (status = 404, description = "No operation with this key was ever seen", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn operation(
    State(sandbox): State<Arc<Sandbox>>,
    Path(key): Path<String>,
) -> Result<Json<OperationBody>, Problem> {
    sandbox
        .operation(&key)
        .map(Json)
        .ok_or_else(|| Problem::not_found("operation"))
}
