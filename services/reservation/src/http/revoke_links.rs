//! `POST /v1/reservations/{reservation_id}/guest-links/revocation`: nobody comes in by a link of before.

use axum::Json;
use axum::extract::State;
use contract::ReservationId;
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::{Broken, db, problems};

use crate::App;
use crate::store::{links, read};
use crate::view::{self, ReservationBody};

problems!(Problems: Common::NotFound);

/// Withdraw a reservation's guest links
///
/// For a link that came into wrong hands. Every link that was given before opens the reservation no more, from now on and
/// in every process; that of the caller, too. `POST /v1/reservations/look-up` gives the guest a new one. A repeat withdraws
/// what was given since.
#[utoipa::path(
    post, path = "/v1/reservations/{reservation_id}/guest-links/revocation", tag = "Reservations",
    params(("reservation_id" = ReservationId, Path, description = "The reservation")),
    responses(
        (status = 200, description = "Withdrawn; the reservation as it stands", body = ReservationBody),
        Problems,
    )
)]
pub(super) async fn revoke_guest_links(
    allowed: Allowed<super::RevokeGuestLinks>,
    State(app): State<App>,
    StrictPath(reservation_id): StrictPath<ReservationId>,
) -> Result<Json<ReservationBody>, Problem> {
    let (actor, sees) = (allowed.actor, allowed.sees);
    let withdrawing = db::unit_of_work::<_, Broken, _>(&app.pool, move |db| {
        Box::pin(async move {
            let Some((row, _)) = read::lock(db, reservation_id, &sees).await? else {
                return Ok(None);
            };
            links::withdraw(db, &row).await?;
            Ok(Some(row))
        })
    });
    let row = withdrawing.await?.ok_or_else(view::no_reservation)?;
    tracing::info!(%reservation_id, %actor, "the guest links of a reservation were withdrawn");
    Ok(Json(ReservationBody::from(&row)))
}
