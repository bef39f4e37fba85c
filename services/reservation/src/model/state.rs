//! The states of a reservation and every way from one to the next.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use contract::event::{ReservationEvent, ReservationFact};
use contract::line::{self, Line};
use contract::quote::{CancellationPolicy, Party};
use contract::saga::CancelStay;
use contract::{
    BookingCode, GuestId, HoldId, HotelId, PaymentId, QuoteId, RatePlanId, Refusal, ReservationId,
    RoomTypeId, SagaId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::charges::{ChargeKind, Later, Promised};
use super::terms::{Cost, Terms};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReservationState)]
pub enum State {
    /// Asked for; rooms and payment are being arranged.
    Pending,
    /// Rooms are sold and paid for.
    Confirmed,
    /// Refused; nothing is held or charged.
    Rejected,
    /// Being cancelled; rooms and money are being given back.
    Cancelling,
    /// Cancelled.
    Cancelled,
}

impl State {
    /// As the database and the interface write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    /// How far along it is: a reservation only ever moves to a larger one.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Confirmed => 1,
            Self::Cancelling => 2,
            Self::Rejected | Self::Cancelled => 3,
        }
    }
}

impl FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::Pending,
            Self::Confirmed,
            Self::Rejected,
            Self::Cancelling,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| format!("{text} is not the state of a reservation"))
    }
}

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The hotel.
    pub hotel_id: HotelId,
    /// Names it.
    pub reservation_id: ReservationId,
    /// By which people name it.
    pub code: BookingCode,
    /// Its rooms.
    pub hold_id: HoldId,
    /// Its money.
    pub payment_id: PaymentId,
    /// The run that books the stay.
    pub saga_id: SagaId,
    /// The run that cancels it.
    pub cancellation_saga_id: Option<SagaId>,
    /// Where it stands.
    pub state: State,
    /// Number of states it was in.
    pub version: i32,
    /// The quote that it was made from.
    pub quote_id: QuoteId,
    /// What is booked; of the first room, where `lines` says it of each.
    pub room_type_id: RoomTypeId,
    /// On which terms; those of the first room, where `lines` says it of each.
    pub rate_plan_id: RatePlanId,
    /// How many rooms.
    pub rooms: u16,
    /// Who stays, in all rooms together.
    pub party: Party,
    /// Room by room, where the rooms are not all alike.
    pub lines: Vec<Line>,
    /// The guest.
    pub guest_id: GuestId,
    /// As given for this stay.
    pub guest_name: String,
    /// The address by which the guest is known.
    pub guest_email: String,
    /// As given for this stay.
    pub guest_phone: Option<String>,
    /// What the quote said of cancelling; of the first room, where the rooms are of several rate plans.
    pub cancellation_policy: CancellationPolicy,
    /// Total, nights, and what a cancellation costs.
    pub terms: Terms,
    /// When the guest cancelled while the booking was still running.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Who got what, from the moment of cancelling.
    pub cost: Option<Cost>,
    /// What was promised, price by price.
    pub promised: Promised,
    /// What is charged beside it, or in its place.
    pub later: Vec<Later>,
    /// Why it was rejected.
    pub refusal: Option<Refusal>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Equals the number of lines so far.
    pub version: i32,
    /// None for the first.
    pub from: Option<State>,
    /// The state from then on.
    pub to: State,
    /// The code of a refusal, or who asked.
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a change of a reservation brings with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Lines to append to the history.
    pub history: Vec<Transition>,
    /// What other systems are told.
    pub facts: Vec<ReservationFact>,
    /// The cancellation to start.
    pub cancellation: Option<(SagaId, CancelStay)>,
}

/// A command that contradicts the reservation's state; only a defect can bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reservation that is {} cannot become {}", .from.as_str(), .to.as_str())]
pub struct Impossible {
    from: State,
    to: State,
}

/// What comes of a guest's wish to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelling {
    /// It is being cancelled from now on.
    Started(Moves),
    /// The booking still runs; it will be cancelled when it is confirmed.
    Noted,
    /// It was cancelled, or noted, before.
    Already,
    /// It was rejected: there is nothing to cancel.
    NotCancellable,
    /// The stay is over.
    StayOver,
}

impl Reservation {
    /// The first line of its history.
    pub fn beginning(&self) -> Transition {
        Transition {
            version: 1,
            from: None,
            to: State::Pending,
            reason: None,
            at: self.created_at,
        }
    }

    /// Rooms are sold and paid for. If the guest has cancelled meanwhile, the cancellation starts at once
    /// under `saga_id`, at the price of the moment when the guest asked.
    pub fn confirm(&mut self, at: DateTime<Utc>, saga_id: SagaId) -> Result<Moves, Impossible> {
        let mut moves = Moves::default();
        match self.state {
            State::Pending => {
                self.step(&mut moves, State::Confirmed, None, at);
                moves.facts.push(ReservationFact::Confirmed);
                if let Some(asked_at) = self.cancel_requested_at {
                    let cost = self.terms.cost_on(self.terms.date_at(asked_at));
                    self.begin_cancellation(&mut moves, cost, at, saga_id);
                }
                Ok(moves)
            }
            State::Confirmed | State::Cancelling | State::Cancelled => Ok(moves),
            State::Rejected => Err(self.cannot_become(State::Confirmed)),
        }
    }

    /// The booking was undone.
    pub fn reject(&mut self, refusal: &Refusal, at: DateTime<Utc>) -> Result<Moves, Impossible> {
        let mut moves = Moves::default();
        match self.state {
            State::Pending => {
                self.step(&mut moves, State::Rejected, Some(refusal.word().to_owned()), at);
                self.refusal = Some(refusal.clone());
                moves.facts.push(ReservationFact::Rejected(refusal.clone()));
                Ok(moves)
            }
            State::Rejected => Ok(moves),
            State::Confirmed | State::Cancelling | State::Cancelled => {
                Err(self.cannot_become(State::Rejected))
            }
        }
    }

    /// Rooms and money were given back.
    pub fn mark_cancelled(&mut self, at: DateTime<Utc>) -> Result<Moves, Impossible> {
        let mut moves = Moves::default();
        match (self.state, self.cost) {
            (State::Cancelling, Some(cost)) => {
                self.step(&mut moves, State::Cancelled, None, at);
                self.later
                    .push(Later::first(ChargeKind::Cancellation, cost.penalty));
                moves.facts.push(ReservationFact::Cancelled {
                    penalty: cost.penalty,
                    kept_until: cost.kept_until,
                });
                Ok(moves)
            }
            (State::Cancelled, _) => Ok(moves),
            _ => Err(self.cannot_become(State::Cancelled)),
        }
    }

    /// The guest cancels, now; the cancellation runs under `saga_id`.
    pub fn cancel(&mut self, now: DateTime<Utc>, saga_id: SagaId) -> Cancelling {
        let date = self.terms.date_at(now);
        match self.state {
            State::Cancelling | State::Cancelled => Cancelling::Already,
            State::Rejected => Cancelling::NotCancellable,
            State::Pending if self.cancel_requested_at.is_some() => Cancelling::Already,
            State::Pending | State::Confirmed if self.terms.is_over_on(date) => Cancelling::StayOver,
            State::Pending => {
                self.cancel_requested_at = Some(now);
                self.updated_at = now;
                Cancelling::Noted
            }
            State::Confirmed => {
                let mut moves = Moves::default();
                self.cancel_requested_at = Some(now);
                self.begin_cancellation(&mut moves, self.terms.cost_on(date), now, saga_id);
                Cancelling::Started(moves)
            }
        }
    }

    /// Room by room.
    pub fn lines(&self) -> Vec<Line> {
        if !self.lines.is_empty() {
            return self.lines.clone();
        }
        let whole = Line {
            room_type_id: self.room_type_id,
            rate_plan_id: self.rate_plan_id,
            stay: self.terms.stay,
            party: self.party,
        };
        whole.alike(self.rooms)
    }

    /// A fact about it, for other systems.
    pub fn event(&self, fact: ReservationFact, at: DateTime<Utc>) -> ReservationEvent {
        ReservationEvent {
            reservation_id: self.reservation_id,
            hotel_id: self.hotel_id,
            room_type_id: line::room_type_of(&self.lines()),
            guest_id: self.guest_id,
            stay: self.terms.stay,
            rooms: self.rooms,
            lines: self.lines.clone(),
            total: self.terms.total,
            at,
            fact,
        }
    }

    fn begin_cancellation(&mut self, moves: &mut Moves, cost: Cost, at: DateTime<Utc>, saga_id: SagaId) {
        self.step(moves, State::Cancelling, Some("guest".to_owned()), at);
        self.cost = Some(cost);
        self.cancellation_saga_id = Some(saga_id);
        let data = CancelStay {
            reservation_id: self.reservation_id,
            hold_id: Some(self.hold_id),
            payment_id: Some(self.payment_id),
            hotel_id: self.hotel_id,
            refund: cost.refund,
            penalty: cost.penalty,
            kept_until: cost.kept_until,
        };
        moves.cancellation = Some((saga_id, data));
    }

    fn step(&mut self, moves: &mut Moves, to: State, reason: Option<String>, at: DateTime<Utc>) {
        // Whoever waited for the row began earlier than the change it waited for.
        let at = at.max(self.updated_at);
        self.version += 1;
        moves.history.push(Transition {
            version: self.version,
            from: Some(self.state),
            to,
            reason,
            at,
        });
        self.state = to;
        self.updated_at = at;
    }

    const fn cannot_become(&self, to: State) -> Impossible {
        Impossible { from: self.state, to }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "state_rules_tests.rs"]
mod rules_tests;
