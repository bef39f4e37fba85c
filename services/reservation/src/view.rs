//! A reservation as the interface shows it, and the answer that a booking gets when it stands so.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use contract::line::{self, Line};
use contract::quote::{CancellationPolicy, Party};
use contract::{
    BookingCode, GuestId, HotelId, Money, PaymentId, QuoteId, RatePlanId, Refusal, ReservationId, RoomTypeId,
    SagaId, StayDate, Why,
};
use platform::http::{Problem, Stored};
use serde::Serialize;
use utoipa::ToSchema;

use crate::link::GuestLink;
use crate::model::{Charge, Reservation, State, all_charges};

/// Where reservations are.
pub(crate) const RESERVATIONS: &str = "/v1/reservations";

/// A reservation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationBody {
    reservation_id: ReservationId,
    code: BookingCode,
    payment_id: PaymentId,
    /// The run that books the stay.
    saga_id: SagaId,
    state: State,
    hotel_id: HotelId,
    /// What all rooms are; left out where they are of several types.
    #[serde(skip_serializing_if = "Option::is_none")]
    room_type_id: Option<RoomTypeId>,
    /// On which terms; left out where the rooms are of several rate plans.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_plan_id: Option<RatePlanId>,
    quote_id: QuoteId,
    /// The first arrival.
    check_in: StayDate,
    /// The last departure.
    check_out: StayDate,
    /// How many rooms.
    #[schema(example = 1)]
    rooms: u16,
    /// Who stays, in all rooms together.
    party: Party,
    /// Room by room: what, when, who.
    lines: Vec<BookedLine>,
    guest: GuestBody,
    /// What was quoted, and is charged.
    total: Money,
    /// What it costs, charge by charge. Those that are not `reversed` add up to `total`, or to the `penalty` of a cancelled stay.
    charges: Vec<Charge>,
    /// What a cancellation costs; left out where the rooms are of several rate plans: then each of the `lines` has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_policy: Option<CancellationPolicy>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    /// When the guest cancelled; a booking that still runs is cancelled as soon as it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_requested_at: Option<DateTime<Utc>>,
    /// The run that cancels it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_saga_id: Option<SagaId>,
    /// What the hotel keeps of a cancelled stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    penalty: Option<Money>,
    /// What the guest gets back of a cancelled stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Money>,
    /// The nights before this one had begun when the guest cancelled: they are kept in full and stay sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<StayDate>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    links: Links,
    /// Only in the answer to who has booked it, or has looked it up by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    guest_link: Option<GuestLink>,
}

/// One room of a reservation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReservedLine)]
struct BookedLine {
    #[serde(flatten)]
    line: Line,
    /// What its cancellation costs, where the rooms are of several rate plans.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_policy: Option<CancellationPolicy>,
}

/// Who booked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReservationGuest)]
pub(crate) struct GuestBody {
    pub(crate) guest_id: GuestId,
    #[schema(example = "Ana Sousa")]
    pub(crate) name: String,
    #[schema(example = "ana@example.com")]
    pub(crate) email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+351 21 123 4567")]
    pub(crate) phone: Option<String>,
}

/// The guest in a body that is kept. Nothing but a member is written so: in a text the quotation marks would be escaped.
const CUT: &[u8] = br#","guest":null"#;

impl From<&Reservation> for GuestBody {
    fn from(row: &Reservation) -> Self {
        Self {
            guest_id: row.guest_id,
            name: row.guest_name.clone(),
            email: row.guest_email.clone(),
            phone: row.guest_phone.clone(),
        }
    }
}

impl GuestBody {
    /// The body with its guest in place, as it was told. A body without one is told as it is.
    pub(crate) fn within(&self, kept: Vec<u8>) -> Vec<u8> {
        replaced(kept, CUT, &self.member())
    }

    fn member(&self) -> Vec<u8> {
        let guest = serde_json::to_vec(self).unwrap_or_default();
        [br#","guest":"#, guest.as_slice()].concat()
    }
}

/// The body of an answer as it is kept: what the guest wrote is in the guest's own columns, and goes with them.
pub(crate) fn without_guest(answer: &Stored, row: &Reservation) -> Vec<u8> {
    replaced(answer.body.clone(), &GuestBody::from(row).member(), CUT)
}

/// The bytes with the first occurrence of some replaced by others.
fn replaced(bytes: Vec<u8>, some: &[u8], others: &[u8]) -> Vec<u8> {
    match bytes.windows(some.len()).position(|window| window == some) {
        Some(at) => [&bytes[..at], others, &bytes[at + some.len()..]].concat(),
        None => bytes,
    }
}

/// Where to go on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReservationLinks)]
struct Links {
    #[serde(rename = "self")]
    itself: String,
    history: String,
    cancellation_quote: String,
    /// POST here to cancel.
    cancellation: String,
    /// POST here to withdraw the guest links of before.
    guest_links_revocation: String,
    payment: String,
    saga: String,
}

impl From<&Reservation> for ReservationBody {
    fn from(row: &Reservation) -> Self {
        let (itself, lines, policies) = (location(row.reservation_id), row.lines(), row.policies());
        let policy_of = |line: usize| policies.as_ref().and_then(|each| each.get(line).copied());
        let booked = |(at, line): (usize, &Line)| BookedLine {
            line: *line,
            cancellation_policy: policy_of(at),
        };
        Self {
            reservation_id: row.reservation_id,
            code: row.code,
            payment_id: row.payment_id,
            saga_id: row.saga_id,
            state: row.state,
            hotel_id: row.hotel_id,
            room_type_id: line::room_type_of(&lines),
            rate_plan_id: line::rate_plan_of(&lines),
            quote_id: row.quote_id,
            check_in: row.terms.stay.check_in(),
            check_out: row.terms.stay.check_out(),
            rooms: row.rooms,
            party: row.party,
            lines: lines.iter().enumerate().map(booked).collect(),
            guest: GuestBody::from(row),
            total: row.terms.total,
            charges: all_charges(&row.promised, row.rooms, &row.later),
            cancellation_policy: Some(row.cancellation_policy).filter(|_| policies.is_none()),
            refusal: row.refusal.clone(),
            cancel_requested_at: row.cancel_requested_at,
            cancellation_saga_id: row.cancellation_saga_id,
            penalty: row.cost.map(|cost| cost.penalty),
            refund: row.cost.map(|cost| cost.refund),
            kept_until: row.cost.and_then(|cost| cost.kept_until),
            created_at: row.created_at,
            updated_at: row.updated_at,
            links: Links {
                history: format!("{itself}/history"),
                cancellation_quote: format!("{itself}/cancellation-quote"),
                cancellation: format!("{itself}/cancellation"),
                guest_links_revocation: format!("{itself}/guest-links/revocation"),
                payment: format!("/v1/payments/{}", row.payment_id),
                saga: format!("/v1/sagas/{}", row.saga_id),
                itself,
            },
            guest_link: None,
        }
    }
}

impl ReservationBody {
    /// The same with a link. No other answer than the one that gives it has it, least of all one that is kept.
    pub(crate) fn with(self, link: GuestLink) -> Self {
        Self {
            guest_link: Some(link),
            ..self
        }
    }
}

/// The path of a reservation.
pub(crate) fn location(reservation_id: ReservationId) -> String {
    format!("{RESERVATIONS}/{reservation_id}")
}

/// The answer to a booking that stands so: 202 while pending, 201 once it was confirmed, or the refusal.
pub(crate) fn outcome(row: &Reservation) -> Stored {
    let status = match (row.state, &row.refusal) {
        (State::Rejected, Some(refusal)) => {
            return Stored::problem(&refused(refusal, row.reservation_id), None);
        }
        (State::Pending, _) => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    Stored::json(
        status,
        &ReservationBody::from(row),
        Some(location(row.reservation_id)),
    )
}

/// An answer that was kept: only the body, as what stands beside it follows from the status.
pub(crate) fn kept(status: u16, body: Vec<u8>, reservation_id: ReservationId) -> Stored {
    let location = (status == StatusCode::CREATED).then(|| location(reservation_id));
    Stored::kept(status, body, location)
}

/// The problem that tells of a refused booking.
fn refused(refusal: &Refusal, reservation_id: ReservationId) -> Problem {
    let problem = refusal.tell(Problem::refused);
    problem.with("reservation_id", reservation_id.to_string())
}

/// 404 for an id in a path that no reservation has.
pub(crate) fn no_reservation() -> Problem {
    Problem::not_found("reservation").at("reservation_id")
}

/// The quote was handed in before, and this booking came of it.
pub(crate) fn quote_used(reservation_id: ReservationId) -> Stored {
    let problem = Why::QuoteUsed { reservation_id }.tell(Problem::refused);
    Stored::problem(&problem.at("/quote_token"), Some(location(reservation_id)))
}
