//! The provider's API, one file per thing that can be asked, and the bodies that all of them share.

mod authorizations;
mod ledger;
mod operations;
mod perform;
mod problem;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::Money;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Sandbox;
use crate::kind::Kind;
use crate::model::{Ending, Operation};

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Arc<Sandbox>> {
    OpenApiRouter::new()
        .routes(routes!(authorizations::authorize))
        .routes(routes!(authorizations::capture))
        .routes(routes!(authorizations::void))
        .routes(routes!(authorizations::refund))
        .routes(routes!(operations::operation))
        .routes(routes!(ledger::ledger))
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationState {
    /// Not known yet; ask again.
    Processing,
    /// Done.
    Succeeded,
    /// Not done, and never will be under this key.
    Declined,
}

/// One operation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SandboxOperation)]
pub(crate) struct OperationBody {
    /// The idempotency key under which it was asked for.
    #[schema(example = "booking-1-authorize")]
    pub(crate) key: String,
    /// What was asked for.
    pub(crate) kind: Kind,
    /// How it stands.
    pub(crate) state: OperationState,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "card_declined")]
    pub(crate) reason: Option<String>,
    /// The authorisation that it made or is about.
    #[schema(example = "auth_01936f5e7d5c7c3a9a440d3f6a1b2c4d")]
    pub(crate) authorization_id: String,
    /// The merchant's reference.
    #[schema(example = "booking-1")]
    pub(crate) reference: String,
    /// How much.
    pub(crate) amount: Money,
}

impl OperationBody {
    /// The operation as it stands now.
    pub(crate) fn of(operation: &Operation, now: DateTime<Utc>) -> Self {
        let processing = operation.settles_at.is_some_and(|at| now < at);
        Self {
            key: operation.key.clone(),
            kind: operation.kind,
            state: match operation.ending {
                _ if processing => OperationState::Processing,
                Ending::Succeeded => OperationState::Succeeded,
                Ending::Declined => OperationState::Declined,
            },
            reason: operation.reason.clone().filter(|_| !processing),
            authorization_id: operation.authorization_id.clone(),
            reference: operation.reference.clone(),
            amount: operation.amount,
        }
    }

    /// The name of the webhook event that tells of it.
    pub(crate) const fn event(&self) -> &'static str {
        match self.state {
            OperationState::Processing => "operation.processing",
            OperationState::Succeeded => "operation.succeeded",
            OperationState::Declined => "operation.declined",
        }
    }
}
