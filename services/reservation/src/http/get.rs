//! `GET /v1/reservations/{reservation_id}`.

use axum::Json;
use axum::extract::State;
use contract::ReservationId;
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;

use crate::App;
use crate::store::read;
use crate::view::{ReservationBody, no_reservation};

problems!(Problems: Common::NotFound);

/// One reservation
#[utoipa::path(
    get, path = "/v1/reservations/{reservation_id}", tag = "Reservations",
    params(("reservation_id" = ReservationId, Path, description = "The reservation")),
    responses(
        (status = 200, description = "The reservation as it stands", body = ReservationBody),
        Problems,
    )
)]
pub(super) async fn get_reservation(
    allowed: Allowed<super::GetReservation>,
    State(app): State<App>,
    StrictPath(reservation_id): StrictPath<ReservationId>,
) -> Result<Json<ReservationBody>, Problem> {
    let (row, _) = read::by_id(&app.pool, reservation_id, &allowed.sees)
        .await?
        .ok_or_else(no_reservation)?;
    Ok(Json(ReservationBody::from(&row)))
}
