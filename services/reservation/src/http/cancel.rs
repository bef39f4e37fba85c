//! `POST /v1/reservations/{reservation_id}/cancellation`: give the stay up.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::refusal::Code;
use contract::{Refusal, ReservationId, SagaId, Why};
use futures::future::BoxFuture;
use platform::access::{Allowed, Sees};
use platform::http::{Common, Prefer, Problem, StrictPath};
use platform::{Broken, Envelope, db, problems};
use sqlx::PgConnection;

use crate::model::{self, Cancelling, Reservation};
use crate::store::{read, write};
use crate::view::{self, ReservationBody};
use crate::{App, commands};

problems!(Problems: Common::NotFound, Code::NotCancellable, Code::StayOver);

/// Cancel a reservation
///
/// The rooms are given back, and of the money what the policy says (see the cancellation quote). During the stay
/// that is about the nights that have not begun: those that have are kept in full and stay sold. A booking
/// that still runs is cancelled as soon as it is confirmed, at the price of now. A repeat changes nothing and is told
/// how the reservation stands, so no `Idempotency-Key` is needed and none is read.
#[utoipa::path(
    post, path = "/v1/reservations/{reservation_id}/cancellation", tag = "Reservations",
    params(
        ("reservation_id" = ReservationId, Path, description = "The reservation"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 30) until it is cancelled; `Preference-Applied` says how long (RFC 7240).", example = "wait=10"),
    ),
    responses(
        (status = 200, description = "Cancelled", body = ReservationBody,
            headers(
                ("Location" = String, description = "The path of the reservation."),
                ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
            )),
        (status = 202, description = "Being cancelled; ask the Location for the outcome", body = ReservationBody,
            headers(
                ("Location" = String, description = "The path of the reservation."),
                ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
            )),
        Problems,
    )
)]
pub(super) async fn cancel_reservation(
    allowed: Allowed<super::CancelReservation>,
    State(app): State<App>,
    StrictPath(reservation_id): StrictPath<ReservationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut watch = app.waiting.watch(reservation_id);
    let envelope = Envelope::of_request(&headers).by(allowed.actor.named());
    let sees = allowed.sees.clone();
    let cancelling =
        db::unit_of_work::<_, Broken, _>(&app.pool, move |db| cancel(db, reservation_id, sees, envelope));
    let done = cancelling.await?;
    let (mut row, outcome) = done.ok_or_else(view::no_reservation)?;
    match outcome {
        Cancelling::Started(_) | Cancelling::Noted | Cancelling::Already => {}
        Cancelling::NotCancellable => return Err(not_cancellable(&row)),
        Cancelling::StayOver => return Err(Why::StayOver.tell(Problem::refused)),
    }
    let prefer = Prefer::of(&headers);
    if let Some(limit) = prefer.wait
        && row.state != model::State::Cancelled
    {
        let ended = |state| matches!(state, model::State::Cancelled | model::State::Rejected);
        watch.until(&app.tasks, limit, ended).await;
        if let Some((now, _)) = read::by_id(&app.pool, reservation_id, &allowed.sees).await? {
            row = now;
        }
    }
    answer(&row).map(|answer| prefer.applied(answer))
}

fn answer(row: &Reservation) -> Result<Response, Problem> {
    let status = match row.state {
        model::State::Cancelled => StatusCode::OK,
        model::State::Rejected => return Err(not_cancellable(row)),
        _ => StatusCode::ACCEPTED,
    };
    let location = [(header::LOCATION, view::location(row.reservation_id))];
    Ok((status, location, Json(ReservationBody::from(row))).into_response())
}

fn not_cancellable(row: &Reservation) -> Problem {
    let refusal = Refusal::from(Why::NotCancellable);
    let refusal = match &row.refusal {
        Some(why) => {
            let both = format!("{} {}", refusal.message(), why.message());
            refusal.saying(both)
        }
        None => refusal,
    };
    refusal.tell(Problem::refused)
}

type Cancelled = Option<(Reservation, Cancelling)>;

fn cancel(
    db: &mut PgConnection,
    reservation_id: ReservationId,
    sees: Sees,
    envelope: Envelope,
) -> BoxFuture<'_, Result<Cancelled, Broken>> {
    Box::pin(async move {
        let Some((mut row, now)) = read::lock(db, reservation_id, &sees).await? else {
            return Ok(None);
        };
        let outcome = row.cancel(now, SagaId::of(row.hotel_id));
        match &outcome {
            Cancelling::Started(moves) => {
                let mut lines = Vec::new();
                let outgoing = commands::consequences(&row, moves.clone(), &mut lines, &envelope)?;
                write::change(db, &[(&row, None)], &lines, &outgoing, &[]).await?;
            }
            Cancelling::Noted => {
                write::change(db, &[(&row, None)], &[], &[], &[]).await?;
            }
            Cancelling::Already | Cancelling::NotCancellable | Cancelling::StayOver => {}
        }
        Ok(Some((row, outcome)))
    })
}

#[cfg(test)]
#[path = "cancel_dates_tests.rs"]
mod dates_tests;
#[cfg(test)]
#[path = "cancel_tests.rs"]
mod tests;
