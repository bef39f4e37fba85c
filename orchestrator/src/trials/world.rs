//! Participants in memory, as `contract` says they behave: a command that arrives twice, late or after its
//! own undo has the effect of one that arrives once and in order; an older round changes nothing, and a newer one begins
//! anew what was undone.

use std::collections::BTreeSet;

use contract::command::{InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::SagaData;
use contract::{Command, Outcome, Refusal, Reply, SagaId, Why};

use super::Subject;
use crate::engine::Sent;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rooms {
    Free,
    Held,
    Sold,
    Released,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Money {
    Untouched,
    Authorized,
    Captured,
    Voided,
    Refunded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reservation {
    Pending,
    Confirmed,
    Rejected,
    Cancelling,
    Cancelled,
}

/// What one saga touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    pub(super) rooms: Rooms,
    pub(super) money: Money,
    pub(super) reservation: Reservation,
    /// Of what costs nothing, nothing need be authorised.
    is_free: bool,
    /// The newest round that has decided about the rooms, and about the money.
    rounds: (u32, u32),
    /// Steps that are refused.
    pub(super) refuses: BTreeSet<&'static str>,
    /// Whether money that was taken may be voided, which a saga never does by itself.
    pub(super) gives_back: bool,
}

impl World {
    /// The world in which this saga is asked for.
    pub(super) fn before(data: &SagaData) -> Self {
        let (rooms, money, reservation) = match data {
            SagaData::BookStay(_) => (Rooms::Free, Money::Untouched, Reservation::Pending),
            SagaData::CancelStay(_) => (Rooms::Sold, Money::Captured, Reservation::Cancelling),
        };
        Self {
            rooms,
            money,
            reservation,
            is_free: matches!(data, SagaData::BookStay(stay) if stay.total.minor() == 0),
            rounds: (1, 1),
            refuses: BTreeSet::new(),
            gives_back: false,
        }
    }

    /// What must be there when the saga is completed.
    pub(super) fn assert_done(&self, data: &Subject) {
        let wanted = match &**data {
            SagaData::BookStay(_) => (Rooms::Sold, Money::Captured, Reservation::Confirmed),
            SagaData::CancelStay(_) if !data.has("refund-payment") => {
                (Rooms::Released, Money::Captured, Reservation::Cancelled)
            }
            SagaData::CancelStay(_) => (Rooms::Released, Money::Refunded, Reservation::Cancelled),
        };
        assert_eq!((self.rooms, self.money, self.reservation), wanted);
    }

    /// What must not be there when the saga is compensated.
    pub(super) fn assert_undone(&self, data: &SagaData) {
        assert!(matches!(data, SagaData::BookStay(_)), "only a booking is undone");
        assert!(matches!(self.rooms, Rooms::Free | Rooms::Released), "{self:?}");
        let refunded = self.gives_back && (self.money == Money::Refunded || self.is_free);
        assert!(
            matches!(self.money, Money::Untouched | Money::Voided) || refunded,
            "{self:?}"
        );
        assert_eq!(self.reservation, Reservation::Rejected);
    }

    /// Carries a command out and answers it.
    pub(super) fn obey(&mut self, saga_id: SagaId, sent: &Sent) -> Reply {
        let refused = !sent.undo && self.refuses.contains(sent.step);
        let outcome = if refused {
            Outcome::Refused(Refusal::stored(
                "told_to".to_owned(),
                "The trial says no.".to_owned(),
                None,
            ))
        } else {
            match &sent.command {
                Command::Inventory(command) => self.inventory(command, sent.round),
                Command::Payment(command) => self.payment(command, sent.round),
                Command::Reservation(command) => self.reservation(command),
            }
        };
        sent.clone().envelope(saga_id).reply(outcome)
    }

    fn inventory(&mut self, command: &InventoryCommand, round: u32) -> Outcome {
        let is_newer = round > self.rounds.0;
        let before = self.rounds.0;
        self.rounds.0 = before.max(round);
        match (command, self.rooms) {
            (InventoryCommand::Release { .. }, _) if round < before => {}
            (InventoryCommand::Hold { .. }, Rooms::Released) if is_newer => self.rooms = Rooms::Held,
            (InventoryCommand::Hold { .. }, Rooms::Free) => self.rooms = Rooms::Held,
            (InventoryCommand::Hold { .. }, Rooms::Held | Rooms::Sold) => {}
            (InventoryCommand::Hold { .. }, Rooms::Released) => return no(Why::HoldReleased),
            (InventoryCommand::Book { .. }, Rooms::Held | Rooms::Sold) => self.rooms = Rooms::Sold,
            (InventoryCommand::Book { .. }, _) => return no(Why::HoldExpired),
            (InventoryCommand::Release { .. }, _) => self.rooms = Rooms::Released,
        }
        Outcome::Done
    }

    fn payment(&mut self, command: &PaymentCommand, round: u32) -> Outcome {
        let is_newer = round > self.rounds.1;
        let before = self.rounds.1;
        self.rounds.1 = before.max(round);
        match (command, self.money) {
            (PaymentCommand::Void { .. }, _) if round < before => {}
            (PaymentCommand::Authorize { .. }, Money::Voided) if is_newer => self.money = Money::Authorized,
            (PaymentCommand::Authorize { .. }, Money::Untouched) => self.money = Money::Authorized,
            (PaymentCommand::Authorize { .. }, Money::Authorized | Money::Captured) => {}
            (PaymentCommand::Authorize { .. }, _) => return no(Why::PaymentVoided),
            (PaymentCommand::Capture { .. }, Money::Authorized | Money::Captured) => {
                assert_eq!(self.rooms, Rooms::Sold, "a card is charged without a room");
                self.money = Money::Captured;
            }
            (PaymentCommand::Capture { .. }, Money::Untouched) if self.is_free => {
                // What a person gave the rooms back of may still be paid for with nothing: no undo forbids it.
                let has_room = self.gives_back || self.rooms == Rooms::Sold;
                assert!(has_room, "a stay is paid for without a room");
                self.money = Money::Captured;
            }
            (PaymentCommand::Capture { .. }, _) => return no(Why::CaptureDeclined),
            (PaymentCommand::Void { .. }, Money::Captured | Money::Refunded) if self.gives_back => {
                self.money = Money::Refunded;
            }
            (PaymentCommand::Void { .. }, Money::Captured) => panic!("a captured payment is voided"),
            (PaymentCommand::Void { .. }, _) => self.money = Money::Voided,
            (PaymentCommand::Refund { .. }, Money::Captured | Money::Refunded) => {
                self.money = Money::Refunded;
            }
            (PaymentCommand::Refund { .. }, _) => panic!("money that was not taken is given back"),
        }
        Outcome::Done
    }

    fn reservation(&mut self, command: &ReservationCommand) -> Outcome {
        use Reservation::{Cancelled, Cancelling, Confirmed, Pending, Rejected};
        self.reservation = match (command, self.reservation) {
            (ReservationCommand::Confirm { .. }, Pending | Confirmed) => Confirmed,
            (ReservationCommand::Reject { .. }, Pending | Rejected) => Rejected,
            (ReservationCommand::MarkCancelled { .. }, Cancelling | Cancelled) => Cancelled,
            (command, state) => panic!("{command:?} for a reservation that is {state:?}"),
        };
        Outcome::Done
    }
}

fn no(why: Why) -> Outcome {
    Outcome::Refused(why.into())
}
