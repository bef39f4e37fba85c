//! What is owed because of one step of a run, as the API shows it.

use chrono::{DateTime, Utc};
use contract::refusal::Class;
use contract::{HotelId, Outcome, Refusal, ReservationId, SagaId};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::engine::State;
use crate::kept::Kept;
use crate::sagas::{self, DebtKind};
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
    /// How it was settled: the `verb_id`, and the participant's `answer` or what shows that it was done `by_hand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    settled: Option<Value>,
}

/// What to do about an obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ObligationFix)]
pub(super) enum Fix {
    /// The verb `settle` gives it back: the participant undoes what was done.
    GiveBack,
    /// The verb `settle` carries it out: the participant does what was promised.
    CarryOut,
    /// It was done outside the platform already, no command settles it, or what was promised was refused for good (as by a
    /// cancellation that gave its rooms back): the verb `settled_by_hand` says how it was.
    ByHand,
    /// The run still goes on.
    WaitForTheEnd,
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
    /// What to do about it; absent once it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_fix: Option<Fix>,
    /// The command that the verb `settle` would send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Release")]
    suggested_command: Option<&'static str>,
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
        Self {
            seq: row.seq,
            what: row.what,
            step: row.step,
            is_done: row.is_done,
            thing: row.thing,
            amount_minor: row.amount_minor,
            currency: row.currency,
            opened_at: row.opened_at,
            owner: row.owner,
            closed_at: row.closed_at,
            evidence: row.evidence,
            settled: row.settled,
        }
    }
}

impl Fix {
    /// What to do about what this run owes, and the command that would do it.
    fn of(kept: Option<&Kept>, row: &ListedRow) -> (Self, Option<&'static str>) {
        let owed = &row.obligation;
        let is_over = kept.is_none_or(|kept| kept.run.state.is_over());
        let by_hand = owed.evidence.as_ref().and_then(|said| said.get("by_hand"));
        let kept = kept.filter(|_| by_hand.is_none());
        match kept.and_then(|kept| sagas::settled_by(&kept.data, &kept.run, &owed.step)) {
            _ if !is_over => (Self::WaitForTheEnd, None),
            None => (Self::ByHand, None),
            Some((false, _)) if is_refused_for_good(row.heard.as_ref()) => (Self::ByHand, None),
            Some((true, command)) => (Self::GiveBack, Some(command.name())),
            Some((false, command)) => (Self::CarryOut, Some(command.name())),
        }
    }
}

/// Whether the participant's last answer was that it can never be done any more, whoever asks again. A reason that this
/// release does not know may pass.
fn is_refused_for_good(heard: Option<&Value>) -> bool {
    let outcome = heard.and_then(|said| said.get("outcome"));
    let outcome = outcome.and_then(|outcome| Outcome::deserialize(outcome).ok());
    matches!(outcome, Some(Outcome::Refused(Refusal::Known { code, .. }))
        if matches!(code.meaning().class, Class::Taken | Class::Gone))
}

impl ListedBody {
    /// Of a run as its journal says; of one that this release cannot read, none.
    pub(super) fn of(row: ListedRow, kept: Option<&Kept>) -> Self {
        let saga_id = SagaId::from_uuid(row.saga_id);
        let reservation_id = ReservationId::from_uuid(row.reservation_id);
        let seq = row.obligation.seq;
        let is_open = row.obligation.closed_at.is_none();
        let fix = is_open.then(|| Fix::of(kept, &row));
        Self {
            saga_id,
            obligation: row.obligation.into(),
            kind: row.kind,
            run_state: row.state,
            reservation_id,
            hotel_id: HotelId::from_uuid(row.hotel_id),
            age_seconds: row.age,
            suggested_fix: fix.map(|(fix, _)| fix),
            suggested_command: fix.and_then(|(_, command)| command),
            links: Links {
                this: format!("/v1/obligations/{saga_id}/{seq}"),
                saga: format!("/v1/sagas/{saga_id}"),
                reservation: format!("/v1/reservations/{reservation_id}"),
            },
        }
    }
}
