//! How every operation is performed: decided, written down, then answered, or not answered on purpose.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use platform::http::{Common, Problem, idempotency_key};

use super::problem::Own;
use super::{OperationBody, OperationState};
use crate::Sandbox;
use crate::method::{Effect, Method};
use crate::model::{Rejection, Request};

/// Performs a request under the key of its `Idempotency-Key` header.
pub(super) async fn perform(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let key = idempotency_key(headers)?;
    let (operation, new) = sandbox.perform(&key, &request).map_err(|error| match error {
        crate::NotDone::Rejected(Rejection::KeyReused) => Own::KeyReused.problem(),
        crate::NotDone::Rejected(Rejection::UnknownAuthorization) => Problem::not_found("authorization"),
        crate::NotDone::Journal(error) => {
            tracing::error!(
                error = platform::chain(&error),
                "the sandbox's ledger cannot be written"
            );
            Problem::unavailable("The ledger cannot be written; nothing was done.", 1)
        }
    })?;
    let effect = Method::of(&operation.payment_method).effect(operation.kind);
    let body = OperationBody::of(&operation, sandbox.clock.now());
    match effect {
        _ if !new => {}
        Effect::None => {}
        Effect::Slow => tokio::time::sleep(Duration::from_millis(sandbox.slow_ms)).await,
        Effect::LostReply => return Ok(lost()),
        Effect::UnknownThenOk => {
            return Err(Own::OutcomeUnknown.problem().retry_after(1));
        }
        Effect::ServerError => {
            let detail = "Something went wrong on purpose, after the operation was done.";
            return Err(Problem::new(Common::Internal, detail));
        }
        Effect::WebhookTwiceFirst => sandbox.webhooks.send(&body, 2).await,
    }
    let status = match body.state {
        OperationState::Processing => StatusCode::ACCEPTED,
        _ if new => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(body)).into_response())
}

/// An answer that breaks off before it has said anything: the server closes the connection.
fn lost() -> Response {
    let broken = std::io::Error::other("the reply is lost on purpose");
    Body::from_stream(futures::stream::iter([Err::<Bytes, _>(broken)])).into_response()
}
