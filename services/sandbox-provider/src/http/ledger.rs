//! The ledger: what every reference has paid, for whoever compares it with a ledger of their own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::Money;
use platform::http::{Cursor, PageLimit, Problem, ProblemBody, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Sandbox;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// References on a page, 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    limit: PageLimit,
    /// From the page before.
    cursor: Option<String>,
}

/// What one reference has paid in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxLedgerItem)]
pub(super) struct Item {
    /// The merchant's reference.
    reference: String,
    /// Captured and not given back.
    net: Money,
    /// Sum of the captures.
    captured: Money,
    /// Sum of the refunds.
    refunded: Money,
    /// Number of captures.
    captures: u32,
    /// Number of refunds.
    refunds: u32,
    /// Authorisations that are neither captured nor voided.
    open_authorizations: u32,
}

/// References in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxLedger)]
pub(super) struct Items {
    items: Vec<Item>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// List what every reference has paid
#[utoipa::path(
    get, path = "/v1/ledger", tag = "Sandbox provider", params(Page),
    responses(
        (status = 200, description = "References in their order", body = Items),
        (status = 422, description = "The query is wrong", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ledger(
    State(sandbox): State<Arc<Sandbox>>,
    StrictQuery(page): StrictQuery<Page>,
) -> Result<Json<Items>, Problem> {
    let after = page
        .cursor
        .as_deref()
        .map(Cursor::read::<(String, String)>)
        .transpose()?;
    let mut rows = sandbox.page(after.as_ref(), page.limit.len() + 1);
    let next_cursor = page.limit.cut(&mut rows, |(reference, totals)| {
        (reference.clone(), totals.captured.currency())
    });
    let items = rows
        .into_iter()
        .map(|(reference, totals)| Item {
            reference,
            net: totals.net(),
            captured: totals.captured,
            refunded: totals.refunded,
            captures: totals.captures,
            refunds: totals.refunds,
            open_authorizations: totals.open_authorizations,
        })
        .collect();
    Ok(Json(Items { items, next_cursor }))
}
