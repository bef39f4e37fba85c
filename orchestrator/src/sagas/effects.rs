//! What a command does to rooms, money and the guest, in words: for people who are about to act on a run.

use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::SagaData;
use contract::{Command, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaDebtKind)]
pub(crate) enum Kind {
    /// Rooms of the hotel.
    Rooms,
    /// Money of the guest.
    Money,
    /// What the guest is told.
    Guest,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::Rooms, Self::Money, Self::Guest];

    /// The word in the database and on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Money => "money",
            Self::Guest => "guest",
        }
    }

    /// What a command is about.
    pub(crate) const fn of(command: &Command) -> Self {
        match command {
            Command::Inventory(_) => Self::Rooms,
            Command::Payment(_) => Self::Money,
            Command::Reservation(_) => Self::Guest,
        }
    }
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SagaEffect)]
pub(crate) struct Effect {
    /// What it is about.
    pub(crate) what: Kind,
    /// How much, of money alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// What happens.
    #[schema(example = "Rooms that are held or sold for this stay go back on sale.")]
    pub(crate) sentence: &'static str,
}

impl Effect {
    /// What this command of this saga does.
    pub(crate) fn of(data: &SagaData, command: &Command) -> Self {
        Self {
            what: Kind::of(command),
            amount: amount(data, command),
            sentence: sentence(command),
        }
    }
}

const fn sentence(command: &Command) -> &'static str {
    match command {
        Command::Inventory(InventoryCommand::Hold { .. }) => "Rooms are held for the stay.",
        Command::Inventory(InventoryCommand::Book { .. }) => "The held rooms are sold.",
        Command::Inventory(InventoryCommand::Release { .. }) => {
            "Rooms that are held or sold for this stay go back on sale."
        }
        Command::Payment(PaymentCommand::Authorize { .. }) => {
            "The amount is reserved on the guest's payment method."
        }
        Command::Payment(PaymentCommand::Capture { .. }) => "The reserved amount is taken.",
        Command::Payment(PaymentCommand::Void { .. }) => {
            "What is reserved is given up, and what was taken all the same is given back."
        }
        Command::Payment(PaymentCommand::Refund { .. }) => "The amount is given back to the guest.",
        Command::Reservation(ReservationCommand::Confirm { .. }) => {
            "The guest is told that the stay is booked."
        }
        Command::Reservation(ReservationCommand::Reject { .. }) => {
            "The guest is told that the booking did not come about."
        }
        Command::Reservation(ReservationCommand::MarkCancelled { .. }) => {
            "The guest is told that the stay is cancelled."
        }
    }
}

/// How much money a command is about.
pub(super) fn amount(data: &SagaData, command: &Command) -> Option<Money> {
    match (command, data) {
        (Command::Payment(PaymentCommand::Refund { amount, .. }), _) => Some(*amount),
        (Command::Payment(_), SagaData::BookStay(stay)) => Some(stay.total),
        _ => None,
    }
}
