//! What the orchestrator asks of the participants. One enum per participant, one variant per command.
//!
//! Participants key what they do by the ids in the command, so a command that arrives twice, late, or
//! after its own undo has the same effect as one that arrives once and in order:
//! an undo for something that never happened succeeds and forbids it.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::refusal::Refusal;
use crate::reply::{Outcome, Reply, first_round};
use crate::stay::{Stay, StayDate};
use crate::{HoldId, HotelId, PaymentId, ReservationId, RoomTypeId, SagaId, topics};

/// Commands that the inventory service accepts, on [`topics::INVENTORY_COMMANDS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InventoryCommand {
    /// Take rooms out of sale until the hold expires. Refused: `rooms_out_of_range`, `stay_in_past`,
    /// `stay_too_far_ahead`, `unknown_room_type`, `closed`, `sold_out`, `hold_released` (its release came first).
    Hold {
        /// Whose rooms.
        hotel_id: HotelId,
        /// Names the hold; a second hold with this id is the same hold.
        hold_id: HoldId,
        /// What is held: all nights of all lines, or nothing.
        #[serde(flatten)]
        lines: HeldLines,
        /// The hotel's zone of the IANA time zone database, in which its dates begin. Without it, as a booking of the
        /// former release has none, the stay is past only where it is past everywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_zone: Option<String>,
    },
    /// Turn the held rooms into sold ones, which never expire. Refused: `hold_expired`.
    Book {
        /// Whose rooms.
        hotel_id: HotelId,
        /// The hold.
        hold_id: HoldId,
    },
    /// Give held or sold rooms back. Never refused; forbids a hold with this id that arrives later.
    Release {
        /// Whose rooms.
        hotel_id: HotelId,
        /// The hold.
        hold_id: HoldId,
        /// Of rooms that are sold, only the nights from this one on: the nights before it stay sold. Without it,
        /// and of rooms that are only held, all. Of two releases the one that gives back more decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StayDate>,
    },
}

/// Rooms of one type for one stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// What is held.
    pub room_type_id: RoomTypeId,
    /// Which nights.
    pub stay: Stay,
    /// How many rooms each night.
    pub rooms: u16,
}

/// The lines of a hold, 1 to 9 rooms together. A single line is written as the former release wrote it, and reads it; a
/// process of that release cannot read several, and so takes none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenLines", into = "WrittenLines")]
pub struct HeldLines(pub Vec<HeldLine>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenLines {
    Several { lines: Vec<HeldLine> },
    Single(HeldLine),
}

impl From<WrittenLines> for HeldLines {
    fn from(written: WrittenLines) -> Self {
        match written {
            WrittenLines::Several { lines } => Self(lines),
            WrittenLines::Single(line) => Self(vec![line]),
        }
    }
}

impl From<HeldLines> for WrittenLines {
    fn from(HeldLines(lines): HeldLines) -> Self {
        match lines[..] {
            [line] => Self::Single(line),
            _ => Self::Several { lines },
        }
    }
}

/// Commands that the payment service accepts, on [`topics::PAYMENT_COMMANDS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PaymentCommand {
    /// Reserve the amount on the guest's payment method. Refused: `payment_declined`, `payment_voided`.
    Authorize {
        /// Whose money it will be.
        hotel_id: HotelId,
        /// Names the payment; a second authorisation with this id is the same one.
        payment_id: PaymentId,
        /// What is paid for.
        reservation_id: ReservationId,
        /// How much.
        amount: Money,
        /// The provider's token for the payment method; card data never reach Bellhop.
        payment_method: String,
    },
    /// Take the authorised amount. Refused: `capture_declined`.
    Capture {
        /// Whose money it is.
        hotel_id: HotelId,
        /// The payment.
        payment_id: PaymentId,
    },
    /// Make sure that nothing is or will be taken: void what is authorised, refund what was captured all
    /// the same, forbid an authorisation that arrives later. Never refused.
    Void {
        /// Whose money it would have been.
        hotel_id: HotelId,
        /// The payment.
        payment_id: PaymentId,
    },
    /// Give back a part or all of the captured amount; nothing to do for zero.
    Refund {
        /// Whose money it was.
        hotel_id: HotelId,
        /// The payment.
        payment_id: PaymentId,
        /// How much, at most what was captured.
        amount: Money,
    },
}

/// Commands that the reservation service accepts, on [`topics::RESERVATION_COMMANDS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReservationCommand {
    /// The rooms are sold and paid for: `pending` becomes `confirmed`.
    Confirm {
        /// The hotel.
        hotel_id: HotelId,
        /// The reservation.
        reservation_id: ReservationId,
    },
    /// The booking was undone: `pending` becomes `rejected` for this reason.
    Reject {
        /// The hotel.
        hotel_id: HotelId,
        /// The reservation.
        reservation_id: ReservationId,
        /// Why, for the guest.
        refusal: Refusal,
    },
    /// Rooms and money are given back: `cancelling` becomes `cancelled`.
    MarkCancelled {
        /// The hotel.
        hotel_id: HotelId,
        /// The reservation.
        reservation_id: ReservationId,
    },
}

/// A command to any participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// For the inventory service.
    Inventory(InventoryCommand),
    /// For the payment service.
    Payment(PaymentCommand),
    /// For the reservation service.
    Reservation(ReservationCommand),
}

impl Command {
    /// The topic on which the participant listens.
    pub const fn topic(&self) -> &'static str {
        match self {
            Self::Inventory(_) => topics::INVENTORY_COMMANDS,
            Self::Payment(_) => topics::PAYMENT_COMMANDS,
            Self::Reservation(_) => topics::RESERVATION_COMMANDS,
        }
    }

    /// The message key. Inventory commands are keyed by hotel, so that one consumer settles a hotel's
    /// requests together and in order; everything else by saga.
    pub fn key(&self, saga_id: SagaId) -> String {
        match self {
            Self::Inventory(command) => command.hotel_id().to_string(),
            Self::Payment(_) | Self::Reservation(_) => saga_id.to_string(),
        }
    }

    /// The name of the command, as the `eventType` header and the dashboard show it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Inventory(InventoryCommand::Hold { .. }) => "Hold",
            Self::Inventory(InventoryCommand::Book { .. }) => "Book",
            Self::Inventory(InventoryCommand::Release { .. }) => "Release",
            Self::Payment(PaymentCommand::Authorize { .. }) => "Authorize",
            Self::Payment(PaymentCommand::Capture { .. }) => "Capture",
            Self::Payment(PaymentCommand::Void { .. }) => "Void",
            Self::Payment(PaymentCommand::Refund { .. }) => "Refund",
            Self::Reservation(ReservationCommand::Confirm { .. }) => "Confirm",
            Self::Reservation(ReservationCommand::Reject { .. }) => "Reject",
            Self::Reservation(ReservationCommand::MarkCancelled { .. }) => "MarkCancelled",
        }
    }
}

impl InventoryCommand {
    /// Whose rooms the command is about.
    pub const fn hotel_id(&self) -> HotelId {
        match self {
            Self::Hold { hotel_id, .. } | Self::Book { hotel_id, .. } | Self::Release { hotel_id, .. } => {
                *hotel_id
            }
        }
    }
}

/// A command on its way: which saga and step asks, and for which time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnvelope<C> {
    /// The saga that waits for the reply.
    pub saga_id: SagaId,
    /// The step's name in the saga's definition.
    pub step: String,
    /// Whether this undoes the step.
    pub undo: bool,
    /// Which round of the run asks, from 1; the reply brings it back, and one of another round is not believed.
    /// Without it, as the former release sent it, the first.
    #[serde(default = "first_round")]
    pub round: u32,
    /// 1 for the first sending; repeats carry the same command with a higher number.
    pub attempt: u32,
    /// What is asked.
    pub command: C,
}

impl<C> CommandEnvelope<C> {
    /// The same step asking for this.
    pub fn with<O>(self, command: O) -> CommandEnvelope<O> {
        let Self {
            saga_id,
            step,
            undo,
            round,
            attempt,
            ..
        } = self;
        CommandEnvelope {
            saga_id,
            step,
            undo,
            round,
            attempt,
            command,
        }
    }

    /// The answer to it.
    pub fn reply(&self, outcome: Outcome) -> Reply {
        Reply {
            saga_id: self.saga_id,
            step: self.step.clone(),
            undo: self.undo,
            round: self.round,
            attempt: self.attempt,
            outcome,
        }
    }
}
