//! What is owed because of one step of a run, as the API shows it.

use chrono::{DateTime, Utc};
use contract::{HotelId, ReservationId, SagaId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::engine::State;
use crate::sagas::DebtKind;
use crate::store::{ListedRow, ObligationRow};

/// What is owed because of one step of a run that was abandoned, or whose undo was done by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaObligation)]
pub(super) struct ObligationBody {
    /// Its place among those of the run, from 1.
    seq: i32,
    #[schema(value_type = DebtKind)]
    what: String,
    #[schema(example = "hold-rooms")]
    step: String,
    /// Whether the step was done: `done`, `maybe_done` or `not_done`.
    #[schema(example = "maybe_done")]
    is_done: String,
    /// The hold, the payment or the reservation.
    thing: Uuid,
    /// Of money alone, in minor units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    opened_at: DateTime<Utc>,
    /// Who sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
    /// What was heard of the step afterwards, or what shows that it was undone by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    evidence: Option<Value>,
}

/// An obligation with the run that it comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Obligation)]
pub(super) struct ListedBody {
    saga_id: SagaId,
    #[serde(flatten)]
    obligation: ObligationBody,
    /// The name of the run's definition.
    #[serde(rename = "type")]
    #[schema(example = "book-stay")]
    kind: String,
    /// Where the run stands.
    #[schema(value_type = State)]
    run_state: String,
    reservation_id: ReservationId,
    hotel_id: HotelId,
    /// For how many seconds it is owed; once it is closed, for how many it was.
    #[schema(example = 5400)]
    age_seconds: i64,
    links: Links,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ObligationLinks)]
struct Links {
    #[serde(rename = "self")]
    this: String,
    saga: String,
    reservation: String,
}

impl From<ObligationRow> for ObligationBody {
    fn from(row: ObligationRow) -> Self {
        let ObligationRow {
            seq,
            what,
            step,
            is_done,
            thing,
            amount_minor,
            currency,
            opened_at,
            owner,
            closed_at,
            evidence,
        } = row;
        Self {
            seq,
            what,
            step,
            is_done,
            thing,
            amount_minor,
            currency,
            opened_at,
            owner,
            closed_at,
            evidence,
        }
    }
}

impl From<ListedRow> for ListedBody {
    fn from(row: ListedRow) -> Self {
        let saga_id = SagaId::from_uuid(row.saga_id);
        let reservation_id = ReservationId::from_uuid(row.reservation_id);
        let seq = row.obligation.seq;
        Self {
            saga_id,
            obligation: row.obligation.into(),
            kind: row.kind,
            run_state: row.state,
            reservation_id,
            hotel_id: HotelId::from_uuid(row.hotel_id),
            age_seconds: row.age,
            links: Links {
                this: format!("/v1/obligations/{saga_id}/{seq}"),
                saga: format!("/v1/sagas/{saga_id}"),
                reservation: format!("/v1/reservations/{reservation_id}"),
            },
        }
    }
}
