//! The reservation service's table, and its model on it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::command::ReservationCommand;
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice, Party};
use contract::saga::{BookStay, SagaData, StartSaga};
use contract::{
    BookingCode, Currency, GuestId, HoldId, HotelId, Line, Money, PaymentId, QuoteId, RatePlanId,
    ReservationId, RoomTypeId, SagaId, Stay, StayDate,
};
use reservation::model::{Cancelling, Moves, Promised, Reservation, State, Terms, Transition, shares};
use uuid::Uuid;

/// Who stays in a room.
const ALONE: Party = Party {
    adults: 1,
    children: 0,
};

/// What a guest wants.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Where.
    pub room_type: (HotelId, RoomTypeId),
    /// When.
    pub stay: Stay,
    /// How many rooms.
    pub rooms: u16,
    /// One more room, of this type: then it is booked room by room.
    pub other: Option<RoomTypeId>,
    /// The price of the first night, in minor units; each later one costs a little more.
    pub price: i64,
    /// The hotel's currency.
    pub currency: Currency,
    /// What the hotel keeps when the stay is cancelled late.
    pub penalty: Penalty,
    /// Whether cancelling is free until the day before the arrival.
    pub is_flexible: bool,
    /// Where the hotel's dates begin.
    pub zone: Tz,
}

impl Wish {
    /// The price of each night, all rooms with taxes, in minor units.
    pub fn prices(&self) -> Vec<i64> {
        let raised = (0..i64::from(self.stay.nights_count())).map(|night| self.price + 7 * night);
        // A stay that is free is free in every night.
        raised
            .map(|price| if self.price == 0 { 0 } else { price })
            .collect()
    }

    /// What is charged.
    pub fn total(&self) -> Money {
        self.money(self.prices().iter().sum())
    }

    /// How many rooms in all.
    pub fn all_rooms(&self) -> u16 {
        self.rooms + u16::from(self.other.is_some())
    }

    /// Room by room, where they are not all alike.
    fn lines(&self, rate_plan_id: RatePlanId) -> Vec<Line> {
        let Some(other) = self.other else {
            return Vec::new();
        };
        let line = |room_type_id| Line {
            room_type_id,
            rate_plan_id,
            stay: self.stay,
            party: ALONE,
        };
        let first = (0..self.rooms).map(|_| line(self.room_type.1));
        first.chain([line(other)]).collect()
    }

    fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.currency).unwrap_or(Money::zero(self.currency))
    }

    fn promised(&self) -> Promised {
        let priced = |(night, minor): (StayDate, i64)| NightPrice {
            night,
            price: self.money(minor),
        };
        Promised {
            nights: self.stay.nights().zip(self.prices()).map(priced).collect(),
            lines: Vec::new(),
            taxes: Vec::new(),
        }
    }

    fn terms(&self) -> Terms {
        let nights = self.promised().nights;
        Terms {
            free_until: day_before(self.stay.check_in()).filter(|_| self.is_flexible),
            penalty: self.penalty,
            total: self.total(),
            stay: self.stay,
            nights: shares(self.total(), self.stay, &nights)
                .unwrap_or_else(|_| unreachable!("each night has its price")),
            time_zone: self.zone,
        }
    }
}

/// Rows of `reservation.reservation`.
#[derive(Debug, Clone, Default)]
pub struct Reservations {
    /// By id, each with its history.
    pub rows: BTreeMap<ReservationId, (Reservation, Vec<Transition>)>,
    next: u128,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
}

impl Reservations {
    fn number(&mut self) -> Uuid {
        // Whoever writes needs one.
        self.writes += 1;
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    /// Accepts a booking. Answers what starts its saga.
    pub fn create(&mut self, wish: Wish, payment_method: &str, now: DateTime<Utc>) -> StartSaga {
        let (reservation_id, saga_id) = (
            ReservationId::from_uuid(self.number()),
            SagaId::from_uuid(self.number()),
        );
        let (hold_id, payment_id) = (
            HoldId::from_uuid(self.number()),
            PaymentId::from_uuid(self.number()),
        );
        let (hotel_id, room_type_id) = wish.room_type;
        let (guest_id, rate_plan_id) = (
            GuestId::from_uuid(Uuid::from_u128(1)),
            RatePlanId::from_uuid(Uuid::from_u128(1)),
        );
        let lines = wish.lines(rate_plan_id);
        let row = Reservation {
            hotel_id,
            reservation_id,
            code: BookingCode::of(u64::from_le_bytes(
                self.next.to_le_bytes()[..8].try_into().unwrap_or_default(),
            )),
            hold_id,
            payment_id,
            saga_id,
            cancellation_saga_id: None,
            state: State::Pending,
            version: 1,
            quote_id: QuoteId::from_uuid(Uuid::from_u128(1)),
            room_type_id,
            rate_plan_id,
            rooms: wish.all_rooms(),
            party: Party {
                adults: wish.all_rooms(),
                children: 0,
            },
            lines: lines.clone(),
            guest_id,
            guest_name: String::new(),
            guest_email: String::new(),
            guest_phone: None,
            cancellation_policy: CancellationPolicy {
                free_until_days_before: None,
                penalty: wish.penalty,
            },
            terms: wish.terms(),
            cancel_requested_at: None,
            cost: None,
            promised: wish.promised(),
            later: Vec::new(),
            refusal: None,
            created_at: now,
            updated_at: now,
        };
        let history = vec![row.beginning()];
        self.rows.insert(reservation_id, (row, history));
        let saga = SagaData::BookStay(BookStay {
            reservation_id,
            hold_id: Some(hold_id),
            payment_id: Some(payment_id),
            hotel_id,
            room_type_id: lines.is_empty().then_some(room_type_id),
            rate_plan_id,
            stay: wish.stay,
            rooms: wish.all_rooms(),
            guest_id,
            total: wish.total(),
            payment_method: payment_method.to_owned(),
            time_zone: Some(wish.zone.name().to_owned()),
            lines,
        });
        StartSaga { saga_id, saga }
    }

    /// A command of the orchestrator. Answers the saga to start, if one is.
    ///
    /// # Errors
    /// When it contradicts the reservation's state.
    pub fn take(
        &mut self,
        command: &ReservationCommand,
        now: DateTime<Utc>,
    ) -> Result<Option<StartSaga>, String> {
        let saga_id = SagaId::from_uuid(self.number());
        let id = match command {
            ReservationCommand::Confirm { reservation_id, .. }
            | ReservationCommand::Reject { reservation_id, .. }
            | ReservationCommand::MarkCancelled { reservation_id, .. } => *reservation_id,
        };
        let (row, history) = self.rows.get_mut(&id).ok_or("there is no such reservation")?;
        let moves = match command {
            ReservationCommand::Confirm { .. } => row.confirm(now, saga_id),
            ReservationCommand::Reject { refusal, .. } => row.reject(refusal, now),
            ReservationCommand::MarkCancelled { .. } => row.mark_cancelled(now),
        };
        Ok(written(history, moves.map_err(|error| error.to_string())?))
    }

    /// The guest cancels. Answers the saga to start, if one is, and whether the booking still runs.
    pub fn cancel(&mut self, id: ReservationId, now: DateTime<Utc>) -> (Option<StartSaga>, bool) {
        let saga_id = SagaId::from_uuid(self.number());
        let Some((row, history)) = self.rows.get_mut(&id) else {
            return (None, false);
        };
        match row.cancel(now, saga_id) {
            Cancelling::Started(moves) => (written(history, moves), false),
            Cancelling::Noted => (None, true),
            Cancelling::Already | Cancelling::NotCancellable | Cancelling::StayOver => (None, false),
        }
    }
}

fn day_before(date: StayDate) -> Option<StayDate> {
    StayDate::from_days_since_1970(date.days_since_1970() - 1).ok()
}

fn written(history: &mut Vec<Transition>, moves: Moves) -> Option<StartSaga> {
    history.extend(moves.history);
    let (saga_id, data) = moves.cancellation?;
    Some(StartSaga {
        saga_id,
        saga: SagaData::CancelStay(data),
    })
}
