//! How a saga is asked for, and the data it runs on.
//!
//! The reservation service writes a [`StartSaga`] into its outbox in the transaction that makes the
//! request true (a reservation in state `pending` or `cancelling`); the orchestrator starts it from there.

use serde::{Deserialize, Serialize};

use crate::command::{HeldLine, HeldLines};
use crate::line::{self, Line};
use crate::money::Money;
use crate::stay::{Stay, StayDate};
use crate::{GuestId, HoldId, HotelId, PaymentId, RatePlanId, ReservationId, RoomTypeId, SagaId};

/// Asks the orchestrator to start a saga, on [`crate::topics::ORCHESTRATOR_MESSAGES`], keyed by saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSaga {
    /// Names the run; a second start with this id is the same run.
    pub saga_id: SagaId,
    /// Which saga, with its data.
    pub saga: SagaData,
}

/// Every saga there is, each with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum SagaData {
    /// Book a stay.
    BookStay(BookStay),
    /// Cancel a confirmed stay.
    CancelStay(CancelStay),
}

impl SagaData {
    /// The name of the definition.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BookStay(_) => "book-stay",
            Self::CancelStay(_) => "cancel-stay",
        }
    }

    /// The reservation it is about.
    pub const fn reservation_id(&self) -> ReservationId {
        match self {
            Self::BookStay(data) => data.reservation_id,
            Self::CancelStay(data) => data.reservation_id,
        }
    }

    /// The hotel it is about.
    pub const fn hotel_id(&self) -> HotelId {
        match self {
            Self::BookStay(data) => data.hotel_id,
            Self::CancelStay(data) => data.hotel_id,
        }
    }
}

/// What is booked. Carries the guest's id and never the guest's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookStay {
    /// The reservation, in state `pending`.
    pub reservation_id: ReservationId,
    /// Its rooms; see [`BookStay::hold_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// Its money; see [`BookStay::payment_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Where.
    pub hotel_id: HotelId,
    /// What; none where `lines` says it of each room, so that an orchestrator that knows no lines cannot read it, and
    /// does not hold so many rooms of one type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_type_id: Option<RoomTypeId>,
    /// On which terms; of the first room, where `lines` says others.
    pub rate_plan_id: RatePlanId,
    /// When; from the first arrival to the last departure, where `lines` has dates of its own.
    pub stay: Stay,
    /// How many rooms, 1 to 9.
    pub rooms: u16,
    /// Who.
    pub guest_id: GuestId,
    /// The quoted total, which is what is charged.
    pub total: Money,
    /// The provider's token for the payment method.
    pub payment_method: String,
    /// The hotel's zone of the IANA time zone database, in which its dates begin. A run that was asked for by the former
    /// release has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Room by room, where the rooms are not all alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

impl BookStay {
    /// What is held: a line each, or one of all rooms where they are alike.
    pub fn held_lines(&self) -> HeldLines {
        let Some(room_type_id) = self.room_type_id else {
            return line::held(&self.lines);
        };
        HeldLines(vec![HeldLine {
            room_type_id,
            stay: self.stay,
            rooms: self.rooms,
        }])
    }

    /// The rooms. A run that was asked for by the former release names none: they have the reservation's id.
    pub fn hold_id(&self) -> HoldId {
        self.hold_id.unwrap_or(HoldId::of_former(self.reservation_id))
    }

    /// The money. A run that was asked for by the former release names none: it has the reservation's id.
    pub fn payment_id(&self) -> PaymentId {
        self.payment_id
            .unwrap_or(PaymentId::of_former(self.reservation_id))
    }
}

/// What is cancelled, and what the policy gives back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelStay {
    /// The reservation, in state `cancelling`.
    pub reservation_id: ReservationId,
    /// Its rooms; see [`CancelStay::hold_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// Its money; see [`CancelStay::payment_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Where.
    pub hotel_id: HotelId,
    /// What the guest gets back, possibly zero.
    pub refund: Money,
    /// What the hotel keeps, possibly zero.
    pub penalty: Money,
    /// The nights before this one had begun when the guest cancelled: they are paid for and stay sold. Without
    /// it, all are given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<StayDate>,
}

impl CancelStay {
    /// The rooms. A run that was asked for by the former release names none: they have the reservation's id.
    pub fn hold_id(&self) -> HoldId {
        self.hold_id.unwrap_or(HoldId::of_former(self.reservation_id))
    }

    /// The money. A run that was asked for by the former release names none: it has the reservation's id.
    pub fn payment_id(&self) -> PaymentId {
        self.payment_id
            .unwrap_or(PaymentId::of_former(self.reservation_id))
    }
}
