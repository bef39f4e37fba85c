//! `GET /v1/payment-providers`: whether the providers are called, and why not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use platform::access::Allowed;
use platform::breaker::Seen;
use serde::Serialize;
use utoipa::ToSchema;

/// The providers, as the process that answers sees them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentProviders)]
pub(super) struct Body {
    items: Vec<Seen>,
}

/// The payment providers, and whether they are called
///
/// A provider that does not answer is left alone for a while: what is to be asked of it waits, and is tried one at a time until
/// it answers again. Each process of the payment service finds that out for itself; this is how it stands in the one that answers.
#[utoipa::path(
    get, path = "/v1/payment-providers", tag = "Payments",
    responses((status = 200, description = "The providers", body = Body))
)]
pub(super) async fn list_payment_providers(
    _: Allowed<super::ListPaymentProviders>,
    Shared(state): Shared<Arc<super::State>>,
) -> Json<Body> {
    Json(Body {
        items: (state.providers)(),
    })
}
