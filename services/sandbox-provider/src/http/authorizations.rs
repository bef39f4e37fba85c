//! Authorising, capturing, voiding and refunding.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use contract::{Money, Text};
use platform::http::{Problem, ProblemBody, StrictJson};
use serde::Deserialize;
use utoipa::ToSchema;

use super::OperationBody;
use super::perform::perform;
use super::problem::Own;
use crate::Sandbox;
use crate::model::Request;

/// What every payment method token begins with.
const TOKEN_PREFIX: &str = "pm_";

/// An amount to reserve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SandboxAuthorize, examples(json!({
    "amount": {"amount": "129.00", "currency": "EUR"}, "payment_method": "pm_ok", "reference": "booking-1"
})))]
pub(super) struct Authorize {
    /// How much.
    amount: Money,
    /// A payment method token; each behaves on purpose: `pm_ok`, `pm_declined`, `pm_expired`, `pm_slow`,
    /// `pm_lost_reply`, `pm_failed_lost_reply`, `pm_unknown_then_ok`, `pm_500_after_charge`,
    /// `pm_webhook_twice_first`, `pm_capture_declined`. Any other token that begins with `pm_` works.
    payment_method: Text<100>,
    /// The merchant's reference, under which the ledger adds up.
    reference: Text<100>,
}

/// An amount to take or to give back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SandboxAmount, examples(json!({"amount": {"amount": "129.00", "currency": "EUR"}})))]
pub(super) struct Amount {
    /// How much.
    amount: Money,
}

/// Nothing to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SandboxNothing, examples(json!({})))]
pub(super) struct Nothing {}

/// Reserve an amount on a payment method
#[utoipa::path(
    post, path = "/v1/authorizations", tag = "Sandbox provider", request_body = Authorize,
    params(("Idempotency-Key" = String, Header, description = "A repeat with the same key is the same operation.", example = "booking-1-authorize")),
    responses(
        (status = 201, description = "The operation, done or declined", body = OperationBody),
        (status = 200, description = "The same operation again", body = OperationBody),
        (status = 202, description = "Its outcome is not known yet", body = OperationBody),
        (status = 422, description = "The body is wrong, or the key was used for something else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn authorize(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    StrictJson(body): StrictJson<Authorize>,
) -> Result<Response, Problem> {
    if !body.payment_method.as_str().starts_with(TOKEN_PREFIX) {
        return Err(Own::UnknownPaymentMethod.problem().at("/payment_method"));
    }
    let request = Request::Authorize {
        authorization_id: crate::new_authorization_id(),
        amount: positive(body.amount)?,
        payment_method: body.payment_method.into_string(),
        reference: body.reference.into_string(),
    };
    perform(&sandbox, &headers, request).await
}

/// Take an authorised amount, or a part of it, once
#[utoipa::path(
    post, path = "/v1/authorizations/{authorization_id}/capture", tag = "Sandbox provider", request_body = Amount,
    params(
        ("authorization_id" = String, Path, description = "From the authorisation"),
        ("Idempotency-Key" = String, Header, description = "A repeat with the same key is the same operation.", example = "booking-1-capture"),
    ),
    responses(
        (status = 201, description = "The operation, done or declined", body = OperationBody),
        (status = 200, description = "The same operation again", body = OperationBody),
        (status = 202, description = "Its outcome is not known yet", body = OperationBody),
        (status = 404, description = "There is no such authorisation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body is wrong, or the key was used for something else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn capture(
    State(sandbox): State<Arc<Sandbox>>,
    Path(authorization_id): Path<String>,
    headers: HeaderMap,
    StrictJson(body): StrictJson<Amount>,
) -> Result<Response, Problem> {
    let request = Request::Capture {
        authorization_id,
        amount: positive(body.amount)?,
    };
    perform(&sandbox, &headers, request).await
}

/// Give an authorisation up
#[utoipa::path(
    post, path = "/v1/authorizations/{authorization_id}/void", tag = "Sandbox provider", request_body = Nothing,
    params(
        ("authorization_id" = String, Path, description = "From the authorisation"),
        ("Idempotency-Key" = String, Header, description = "A repeat with the same key is the same operation.", example = "booking-1-void"),
    ),
    responses(
        (status = 201, description = "The operation, done or declined", body = OperationBody),
        (status = 200, description = "The same operation again", body = OperationBody),
        (status = 202, description = "Its outcome is not known yet", body = OperationBody),
        (status = 404, description = "There is no such authorisation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The key was used for something else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn void(
    State(sandbox): State<Arc<Sandbox>>,
    Path(authorization_id): Path<String>,
    headers: HeaderMap,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Response, Problem> {
    perform(&sandbox, &headers, Request::Void { authorization_id }).await
}

/// Give captured money back
#[utoipa::path(
    post, path = "/v1/authorizations/{authorization_id}/refunds", tag = "Sandbox provider", request_body = Amount,
    params(
        ("authorization_id" = String, Path, description = "From the authorisation"),
        ("Idempotency-Key" = String, Header, description = "A repeat with the same key is the same operation.", example = "booking-1-refund"),
    ),
    responses(
        (status = 201, description = "The operation, done or declined", body = OperationBody),
        (status = 200, description = "The same operation again", body = OperationBody),
        (status = 202, description = "Its outcome is not known yet", body = OperationBody),
        (status = 404, description = "There is no such authorisation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body is wrong, or the key was used for something else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn refund(
    State(sandbox): State<Arc<Sandbox>>,
    Path(authorization_id): Path<String>,
    headers: HeaderMap,
    StrictJson(body): StrictJson<Amount>,
) -> Result<Response, Problem> {
    let request = Request::Refund {
        authorization_id,
        amount: positive(body.amount)?,
    };
    perform(&sandbox, &headers, request).await
}

fn positive(amount: Money) -> Result<Money, Problem> {
    if amount.minor() > 0 {
        Ok(amount)
    } else {
        Err(Own::AmountZero.problem().at("/amount"))
    }
}
