//! `GET /v1/reservations/{reservation_id}/history`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contract::ReservationId;
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::model::{self, Transition};
use crate::store::history;
use crate::view;

/// Every state of a reservation, oldest first; a handful at most, so there is only one page.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReservationHistory {
    items: Vec<HistoryItem>,
}

/// One state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReservationHistoryItem)]
struct HistoryItem {
    /// 1, 2, 3, without a gap.
    #[schema(example = 2)]
    version: i32,
    /// The state before; the first has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_state: Option<model::State>,
    state: model::State,
    /// The code of a refusal, or who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sold_out")]
    reason: Option<String>,
    at: DateTime<Utc>,
}

impl From<Transition> for HistoryItem {
    fn from(line: Transition) -> Self {
        Self {
            version: line.version,
            from_state: line.from,
            state: line.to,
            reason: line.reason,
            at: line.at,
        }
    }
}

problems!(Problems: Common::NotFound);

/// Every state that a reservation was in
#[utoipa::path(
    get, path = "/v1/reservations/{reservation_id}/history", tag = "Reservations",
    params(("reservation_id" = ReservationId, Path, description = "The reservation")),
    responses(
        (status = 200, description = "Its states, oldest first", body = ReservationHistory),
        Problems,
    )
)]
pub(super) async fn reservation_history(
    allowed: Allowed<super::ReservationHistory>,
    State(app): State<App>,
    StrictPath(reservation_id): StrictPath<ReservationId>,
) -> Result<Json<ReservationHistory>, Problem> {
    let lines = history::of(&app.pool, reservation_id, &allowed.sees).await?;
    if lines.is_empty() {
        return Err(view::no_reservation());
    }
    let items = lines.into_iter().map(HistoryItem::from).collect();
    Ok(Json(ReservationHistory { items }))
}
