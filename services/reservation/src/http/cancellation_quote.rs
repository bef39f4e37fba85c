//! `GET /v1/reservations/{reservation_id}/cancellation-quote`: what a cancellation would cost now.

use axum::Json;
use axum::extract::State;
use contract::{Money, ReservationId, StayDate};
use platform::http::{Caller, Problem, ProblemBody, StrictPath};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::store::read;

/// What a cancellation costs on the date at the hotel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancellationQuote {
    /// What the hotel keeps.
    penalty: Money,
    /// What the guest gets back.
    refund: Money,
    /// The last date at the hotel on which it is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_until: Option<StayDate>,
    /// The date at the hotel now.
    as_of: StayDate,
    /// Whether it can be cancelled. What is cancelled already shows what it cost.
    cancellable: bool,
}

/// What a cancellation would cost now
#[utoipa::path(
    get, path = "/v1/reservations/{reservation_id}/cancellation-quote", tag = "Reservations",
    params(("reservation_id" = ReservationId, Path, description = "The reservation")),
    responses(
        (status = 200, description = "Penalty and refund, which add up to the total", body = CancellationQuote),
        (status = 404, description = "There is no such reservation", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancellation_quote(
    State(app): State<App>,
    _: Caller,
    StrictPath(reservation_id): StrictPath<ReservationId>,
) -> Result<Json<CancellationQuote>, Problem> {
    let (row, now) = read::by_id(&app.pool, reservation_id)
        .await?
        .ok_or_else(|| Problem::not_found("reservation"))?;
    let as_of = row.terms.date_at(now);
    let (cost, cancellable) = row.cancellation_cost(as_of);
    Ok(Json(CancellationQuote {
        penalty: cost.penalty,
        refund: cost.refund,
        free_until: row.terms.free_until,
        as_of,
        cancellable,
    }))
}
