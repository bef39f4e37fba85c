//! `POST /v1/reservations/look-up`: a booking, for whoever knows its code and the guest's e-mail.

use axum::Json;
use axum::extract::State;
use contract::BookingCode;
use platform::access::Allowed;
use platform::http::{Common, Problem};
use platform::problems;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::GuestsJson;
use crate::model::Email;
use crate::store::read;
use crate::view::ReservationBody;
use crate::{App, link};

/// Which booking, and who asks. In a body, as an address has no place in logs of paths.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"code": "BH-7K3Q-9MXQ", "email": "ana@example.com"})))]
pub(super) struct LookUp {
    /// As it is written or told: case, spaces, hyphens and the `BH` before it do not matter. 0, O, 1 and I are no symbols
    /// of a code; a symbol that is wrong, and two that have changed places, are found.
    #[schema(value_type = String, max_length = 40, example = "BH-7K3Q-9MXQ")]
    code: BookingCode,
    /// The address that was given when it was booked.
    #[schema(value_type = String, format = "email", max_length = 254, example = "ana@example.com")]
    email: Email,
}

problems!(Problems: Common::NotFound);

/// Look a booking up by its code
///
/// It opens only together with the guest's e-mail, and the answer has a new guest link. The answer does not tell whether
/// the code, the address or both are nobody's.
#[utoipa::path(
    post, path = "/v1/reservations/look-up", tag = "Reservations", request_body = LookUp,
    responses(
        (status = 200, description = "The reservation as it stands, with a guest link", body = ReservationBody),
        Problems,
    )
)]
pub(super) async fn look_up_reservation(
    _: Allowed<super::LookUpReservation>,
    State(app): State<App>,
    GuestsJson(asked): GuestsJson<LookUp>,
) -> Result<Json<ReservationBody>, Problem> {
    let found = read::by_code(&app.pool, asked.code, &asked.email).await?;
    let nobodys = || Problem::new(Common::NotFound, "No booking has this code and this e-mail.");
    let (row, link_no, now) = found.ok_or_else(nobodys)?;
    let link = link::again(&app.links, &row, link_no, now);
    Ok(Json(ReservationBody::from(&row).with(link)))
}

#[cfg(test)]
#[path = "look_up_tests.rs"]
mod tests;
