//! The reservation service's table, and its model on it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::command::ReservationCommand;
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice, Party, QuotedLine, nights_of_all};
use contract::saga::{BookStay, SagaData, StartSaga};
use contract::{
    BookingCode, Currency, GuestId, HoldId, HotelId, Line, Money, PaymentId, QuoteId, RatePlanId,
    ReservationId, RoomTypeId, SagaId, Stay, StayDate,
};
use reservation::model::{
    Cancelling, Moves, Part, Promised, Reservation, State, Terms, Transition, free_until, shares,
};
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
    /// One more room: then it is booked room by room.
    pub other: Option<Other>,
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

/// A room beside the others.
#[derive(Debug, Clone, Copy)]
pub struct Other {
    /// What.
    pub room_type: RoomTypeId,
    /// When.
    pub stay: Stay,
    /// As of the others.
    pub penalty: Penalty,
    /// As of the others.
    pub is_flexible: bool,
}

/// What is cancelled by one policy.
#[derive(Debug, Clone)]
pub struct WishedPart {
    /// When.
    pub stay: Stay,
    /// The price of each night with taxes, in minor units.
    pub prices: Vec<i64>,
    /// What the hotel keeps when it is cancelled late.
    pub penalty: Penalty,
    /// Whether cancelling is free until the day before its arrival.
    pub is_flexible: bool,
}

impl Wish {
    /// What is cancelled by one policy: all rooms together, or each where the other is for other nights or of other terms.
    pub fn parts(&self) -> Vec<WishedPart> {
        let whole = |at| self.part(at, self.stay, self.penalty, self.is_flexible);
        match self.other.filter(|_| self.is_apart()) {
            None => vec![whole(0)],
            Some(other) => {
                let last = self.part(
                    i64::from(self.rooms),
                    other.stay,
                    other.penalty,
                    other.is_flexible,
                );
                (0..i64::from(self.rooms)).map(whole).chain([last]).collect()
            }
        }
    }

    fn part(&self, at: i64, stay: Stay, penalty: Penalty, is_flexible: bool) -> WishedPart {
        // A stay that is free is free in every night.
        let raised = |night| {
            if self.price == 0 {
                0
            } else {
                self.price + 7 * night + 100 * at
            }
        };
        WishedPart {
            stay,
            prices: (0..i64::from(stay.nights_count())).map(raised).collect(),
            penalty,
            is_flexible,
        }
    }

    fn is_apart(&self) -> bool {
        let of_all = (self.stay, self.penalty, self.is_flexible);
        self.other
            .is_some_and(|other| (other.stay, other.penalty, other.is_flexible) != of_all)
    }

    /// From the first arrival to the last departure.
    pub fn span(&self) -> Stay {
        let stay = self.other.map_or(self.stay, |other| other.stay);
        let (first, last) = (
            self.stay.check_in().min(stay.check_in()),
            self.stay.check_out().max(stay.check_out()),
        );
        Stay::new(first, last).unwrap_or(self.stay)
    }

    /// What is charged.
    pub fn total(&self) -> Money {
        self.money(self.parts().iter().flat_map(|part| &part.prices).sum())
    }

    /// How many rooms in all.
    pub fn all_rooms(&self) -> u16 {
        self.rooms + u16::from(self.other.is_some())
    }

    /// Room by room, where they are not all alike. Other terms are another rate plan.
    fn lines(&self) -> Vec<Line> {
        let Some(other) = self.other else {
            return Vec::new();
        };
        let plan = 1 + u128::from((other.penalty, other.is_flexible) != (self.penalty, self.is_flexible));
        let line = |room_type_id, stay, plan| Line {
            room_type_id,
            rate_plan_id: RatePlanId::from_uuid(Uuid::from_u128(plan)),
            stay,
            party: ALONE,
        };
        let first = (0..self.rooms).map(|_| line(self.room_type.1, self.stay, 1));
        first.chain([line(other.room_type, other.stay, plan)]).collect()
    }

    fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.currency).unwrap_or(Money::zero(self.currency))
    }

    fn nights(&self, part: &WishedPart) -> Vec<NightPrice> {
        let priced = |(night, minor): (StayDate, &i64)| NightPrice {
            night,
            price: self.money(*minor),
        };
        part.stay.nights().zip(&part.prices).map(priced).collect()
    }

    fn promised(&self) -> Promised {
        let parts = self.parts();
        let line = |(line, part): (Line, &WishedPart)| QuotedLine {
            line,
            nights: self.nights(part),
            cancellation_policy: Some(policy(part)),
        };
        let lines = self.lines().into_iter().zip(&parts).map(line);
        let lines: Vec<QuotedLine> = lines.filter(|_| self.is_apart()).collect();
        Promised {
            nights: if lines.is_empty() {
                parts.first().map(|whole| self.nights(whole)).unwrap_or_default()
            } else {
                nights_of_all(&lines).unwrap_or_else(|_| unreachable!("a few small amounts"))
            },
            lines,
            taxes: Vec::new(),
        }
    }

    fn terms(&self) -> Terms {
        let (total, promised) = (self.total(), self.promised());
        let parts = if self.is_apart() {
            let of_lines = Part::of_lines(total, self.span(), None, &promised.nights, &promised.lines);
            of_lines.unwrap_or_else(|_| unreachable!("each night has its price"))
        } else {
            vec![Part {
                free_until: day_before(self.stay.check_in()).filter(|_| self.is_flexible),
                penalty: self.penalty,
                stay: self.stay,
                nights: shares(total, self.stay, &promised.nights)
                    .unwrap_or_else(|_| unreachable!("each night has its price")),
            }]
        };
        Terms {
            free_until: free_until(&parts),
            total,
            stay: self.span(),
            parts,
            time_zone: self.zone,
        }
    }
}

const fn policy(part: &WishedPart) -> CancellationPolicy {
    CancellationPolicy {
        free_until_days_before: if part.is_flexible { Some(1) } else { None },
        penalty: part.penalty,
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
        let lines = wish.lines();
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
            stay: wish.span(),
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
