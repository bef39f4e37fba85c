//! `GET /v1/reservations/{reservation_id}/cancellation-quote`: what a cancellation would cost now.

use axum::Json;
use axum::extract::State;
use contract::{Money, ReservationId, StayDate};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::model::{LineCost, NightCost};
use crate::store::read;
use crate::view;

/// What a cancellation costs on the date at the hotel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancellationQuote {
    /// What the hotel keeps: the nights that have begun, and of the others what the policy says.
    penalty: Money,
    /// What the guest gets back.
    refund: Money,
    /// The same night by night, in date order, all rooms together; none for a rejected booking, of which nothing was charged.
    nights: Vec<CancelledNight>,
    /// The same line by line, where the rooms differ in their dates or rate plans: then each is cancelled under its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<CancelledLine>,
    /// The last date at the hotel on which all of it is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_until: Option<StayDate>,
    /// The date at the hotel that decides: now, or when the guest cancelled.
    as_of: StayDate,
    /// Whether it can be cancelled. What is cancelled already, or noted to be, shows what it costs.
    cancellable: bool,
}

/// One line of a cancelled stay. The lines add up to the total, to the penalty and to the refund.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancelledLine {
    /// Which of the reservation's `lines`, from 1.
    #[schema(minimum = 1, maximum = 9, example = 1)]
    line: u16,
    /// What the hotel keeps of it.
    penalty: Money,
    /// What the guest gets back of it.
    refund: Money,
    /// The same night by night, in date order.
    nights: Vec<CancelledNight>,
    /// The last date at the hotel on which it is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_until: Option<StayDate>,
}

/// One night of a cancelled stay. The nights add up to the total, to the penalty and to the refund.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancelledNight {
    night: StayDate,
    /// Its share of the total, with taxes.
    amount: Money,
    /// Whether it has begun, as its date is over at the hotel: it is kept in full and stays sold. Otherwise its
    /// rooms are given back.
    begun: bool,
    /// What the hotel keeps of it.
    penalty: Money,
    /// What the guest gets back of it.
    refund: Money,
}

impl From<NightCost> for CancelledNight {
    fn from(night: NightCost) -> Self {
        Self {
            night: night.night,
            amount: night.amount,
            begun: night.begun,
            penalty: night.penalty,
            refund: night.refund,
        }
    }
}

impl From<LineCost> for CancelledLine {
    fn from(line: LineCost) -> Self {
        Self {
            line: line.line,
            penalty: line.penalty,
            refund: line.refund,
            free_until: line.free_until,
            nights: line.nights.into_iter().map(Into::into).collect(),
        }
    }
}

problems!(Problems: Common::NotFound);

/// What a cancellation would cost now
///
/// Nights that have begun at the hotel (their date is over there) are kept in full and stay sold; the policy decides
/// about the rest. Each night's share of the total is told, taxes included, and what becomes of it. Rooms of other dates or
/// rate plans are cancelled each under its own, and `lines` tells what becomes of each.
#[utoipa::path(
    get, path = "/v1/reservations/{reservation_id}/cancellation-quote", tag = "Reservations",
    params(("reservation_id" = ReservationId, Path, description = "The reservation")),
    responses(
        (status = 200, description = "Penalty and refund, which add up to the total", body = CancellationQuote),
        Problems,
    )
)]
pub(super) async fn cancellation_quote(
    allowed: Allowed<super::CancellationQuote>,
    State(app): State<App>,
    StrictPath(reservation_id): StrictPath<ReservationId>,
) -> Result<Json<CancellationQuote>, Problem> {
    let (row, now) = read::by_id(&app.pool, reservation_id, &allowed.sees)
        .await?
        .ok_or_else(view::no_reservation)?;
    let cancellation = row.cancellation(now);
    Ok(Json(CancellationQuote {
        penalty: cancellation.penalty,
        refund: cancellation.refund,
        nights: cancellation.nights.into_iter().map(Into::into).collect(),
        lines: cancellation.lines.into_iter().map(Into::into).collect(),
        free_until: row.terms.free_until,
        as_of: cancellation.as_of,
        cancellable: cancellation.cancellable,
    }))
}
