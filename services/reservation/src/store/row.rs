//! A reservation as the database keeps it.

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDate, Utc};
use contract::line;
use contract::quote::{CancellationPolicy, NightPrice, Party, QuotedLine, TaxLine};
use contract::{
    BookingCode, Currency, GuestId, HoldId, HotelId, Line, Money, PaymentId, QuoteId, RatePlanId, Refusal,
    ReservationId, RoomTypeId, SagaId, Stay, StayDate,
};
use platform::Broken;
use serde::Deserialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::model::{ChargeKind, Cost, Later, Part, Promised, Reservation, State, Terms, shares};

/// The columns of a reservation and its guest, and the database's time.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) hotel_id: Uuid,
    pub(super) reservation_id: Uuid,
    pub(super) code: Option<String>,
    pub(super) link_no: i32,
    pub(super) hold_id: Option<Uuid>,
    pub(super) payment_id: Option<Uuid>,
    pub(super) saga_id: Uuid,
    pub(super) cancellation_saga_id: Option<Uuid>,
    pub(super) state: String,
    pub(super) version: i32,
    pub(super) guest_id: Uuid,
    pub(super) email: String,
    pub(super) guest_name: String,
    pub(super) guest_phone: Option<String>,
    pub(super) adults: i16,
    pub(super) children: i16,
    pub(super) quote_id: Uuid,
    pub(super) room_type_id: Uuid,
    pub(super) rate_plan_id: Uuid,
    pub(super) check_in: NaiveDate,
    pub(super) check_out: NaiveDate,
    pub(super) rooms: i16,
    pub(super) currency: String,
    pub(super) total_minor: i64,
    pub(super) cancellation_policy: Json<CancellationPolicy>,
    pub(super) time_zone: String,
    pub(super) free_until: Option<NaiveDate>,
    pub(super) lines: Option<Json<Vec<Line>>>,
    /// Of the quote, which every reservation has kept since the first, as what follows.
    pub(super) nights: Json<Vec<NightPrice>>,
    pub(super) taxes: Json<Vec<TaxLine>>,
    pub(super) quoted_lines: Option<Json<Vec<QuotedLine>>>,
    /// Of a cancelled one.
    pub(super) later: Option<Json<Vec<LaterRow>>>,
    pub(super) cancel_requested_at: Option<DateTime<Utc>>,
    pub(super) penalty_minor: Option<i64>,
    pub(super) refund_minor: Option<i64>,
    pub(super) kept_until: Option<NaiveDate>,
    pub(super) refusal_code: Option<String>,
    pub(super) refusal_message: Option<String>,
    pub(super) refusal_night: Option<NaiveDate>,
    pub(super) refusal: Option<Json<Refusal>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

/// A charge that came after the booking.
#[derive(Debug, Deserialize)]
pub(super) struct LaterRow {
    charge_no: i32,
    kind: String,
    amount_minor: i64,
}

/// A query for reservations: `reservations!("where …" + "…", arguments…)`.
macro_rules! reservations {
    ($first:tt $(+ $more:tt)* $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::store::row::Row,
            "select r.hotel_id, r.reservation_id, r.code, r.link_no, r.hold_id, r.payment_id, r.saga_id, r.cancellation_saga_id, r.state, r.version, "
                + "r.guest_id, g.email, r.guest_name, r.guest_phone, r.adults, r.children, r.quote_id, "
                + "r.room_type_id, r.rate_plan_id, r.check_in, r.check_out, r.rooms, r.currency, r.total_minor, "
                + "r.cancellation_policy as \"cancellation_policy: _\", r.time_zone, r.free_until, "
                + "r.lines as \"lines: _\", "
                + "r.quote -> 'nights' as \"nights!: _\", r.quote -> 'taxes' as \"taxes!: _\", "
                + "r.quote -> 'lines' as \"quoted_lines: _\", "
                + "case when r.state = 'cancelled' then (select json_agg(json_build_object('charge_no', c.charge_no, 'kind', c.kind, "
                + "'amount_minor', c.amount_minor) order by c.charge_no) from reservation.charge c "
                + "where c.hotel_id = r.hotel_id and c.reservation_id = r.reservation_id) end as \"later: _\", r.cancel_requested_at, r.penalty_minor, r.refund_minor, "
                + "r.kept_until, "
                + "r.refusal_code, r.refusal_message, r.refusal_night, r.refusal as \"refusal: _\", r.created_at, r.updated_at, "
                + "now() as \"now!\" "
                + "from reservation.reservation r join reservation.guest g on g.guest_id = r.guest_id "
                + $first $(+ $more)*
            $(, $argument)*
        )
    };
}
pub(super) use reservations;

/// `seen!(query, reservation_id, sees, "…")`: the query of the reservation with this id, if whoever asks sees it: with all
/// there is, by its hotel, as its guest, or by a link that was not withdrawn; a partner, of those, what it booked. The text
/// stands behind the `where`.
macro_rules! seen {
    ($query:ident, $reservation_id:expr, $sees:expr, $tail:tt) => {
        $query!(
            "where r.reservation_id = $1 and ($2 or r.hotel_id = any($3) or r.guest_id = $4 or (r.reservation_id, r.link_no) = ($5, $6)) "
                + "and ($7::text is null or r.client = $7)"
                + $tail,
            $reservation_id.uuid(),
            $sees.all(),
            $sees.hotels(),
            $sees.guest(),
            $sees.one(),
            $sees.link_no(),
            $sees.booker()
        )
    };
}
pub(super) use seen;

/// A row that the code cannot read contradicts it; the checks of the table should have refused it.
fn unreadable<T, E: std::fmt::Display>(read: Result<T, E>) -> Result<T, Broken> {
    read.map_err(|error| Broken::Inconsistent(format!("a reservation cannot be read: {error}")))
}

fn code_of(code: Option<&str>) -> Result<BookingCode, Broken> {
    let without_a_code = "it has no booking code; run `bellhop migrate`";
    unreadable(code.ok_or(without_a_code)).and_then(|code| unreadable(BookingCode::from_str(code)))
}

fn later_of(rows: Vec<LaterRow>, currency: Currency) -> Result<Vec<Later>, Broken> {
    let later = rows.into_iter().map(|row| {
        Ok(Later {
            charge_no: row.charge_no,
            kind: unreadable(ChargeKind::from_str(&row.kind))?,
            amount: unreadable(Money::from_minor(row.amount_minor, currency))?,
        })
    });
    later.collect()
}

impl Row {
    /// The reservation.
    pub(super) fn read(self) -> Result<Reservation, Broken> {
        let currency = unreadable(Currency::from_str(&self.currency))?;
        let money = |minor: i64| unreadable(Money::from_minor(minor, currency));
        let date = |date: NaiveDate| unreadable(StayDate::from_date(date));
        let small = |number: i16| unreadable(u16::try_from(number));
        let cost = match (self.penalty_minor, self.refund_minor) {
            (Some(penalty), Some(refund)) => Some(Cost {
                penalty: money(penalty)?,
                refund: money(refund)?,
                kept_until: self.kept_until.map(date).transpose()?,
            }),
            _ => None,
        };
        let refusal = match (self.refusal, self.refusal_code, self.refusal_message) {
            (Some(whole), ..) => Some(whole.0),
            // Written by the former release.
            (None, Some(code), Some(message)) => {
                let night = self.refusal_night.map(date).transpose()?;
                Some(Refusal::stored(code, message, night))
            }
            _ => None,
        };
        let mut later = later_of(self.later.map(|later| later.0).unwrap_or_default(), currency)?;
        let state = unreadable(State::from_str(&self.state))?;
        // A process of the former release has cancelled it, and `bellhop migrate` was not run since.
        if let (State::Cancelled, true, Some(cost)) = (state, later.is_empty(), cost) {
            later.push(Later::first(ChargeKind::Cancellation, cost.penalty));
        }
        let total = money(self.total_minor)?;
        let stay = unreadable(Stay::new(date(self.check_in)?, date(self.check_out)?))?;
        let free_until = self.free_until.map(date).transpose()?;
        let (policy, nights) = (self.cancellation_policy.0, self.nights.0);
        let lines = self.lines.map(|lines| lines.0).unwrap_or_default();
        let quoted_lines = self.quoted_lines.map(|lines| lines.0).unwrap_or_default();
        let parts = if line::are_of_one_stay(&lines) {
            vec![Part {
                free_until,
                penalty: policy.penalty,
                stay,
                nights: unreadable(shares(total, stay, &nights))?,
            }]
        } else {
            unreadable(Part::of_lines(total, stay, Some(policy), &nights, &quoted_lines))?
        };
        let terms = Terms {
            free_until,
            total,
            stay,
            parts,
            time_zone: unreadable(chrono_tz::Tz::from_str(&self.time_zone))?,
        };
        let reservation_id = ReservationId::from_uuid(self.reservation_id);
        Ok(Reservation {
            hotel_id: HotelId::from_uuid(self.hotel_id),
            reservation_id,
            code: code_of(self.code.as_deref())?,
            hold_id: self
                .hold_id
                .map_or(HoldId::of_former(reservation_id), HoldId::from_uuid),
            payment_id: self
                .payment_id
                .map_or(PaymentId::of_former(reservation_id), PaymentId::from_uuid),
            saga_id: SagaId::from_uuid(self.saga_id),
            cancellation_saga_id: self.cancellation_saga_id.map(SagaId::from_uuid),
            state,
            version: self.version,
            quote_id: QuoteId::from_uuid(self.quote_id),
            room_type_id: RoomTypeId::from_uuid(self.room_type_id),
            rate_plan_id: RatePlanId::from_uuid(self.rate_plan_id),
            rooms: small(self.rooms)?,
            party: Party {
                adults: small(self.adults)?,
                children: small(self.children)?,
            },
            lines,
            guest_id: GuestId::from_uuid(self.guest_id),
            guest_name: self.guest_name,
            guest_email: self.email,
            guest_phone: self.guest_phone,
            cancellation_policy: policy,
            terms,
            cancel_requested_at: self.cancel_requested_at,
            cost,
            promised: Promised {
                nights,
                lines: quoted_lines,
                taxes: self.taxes.0,
            },
            later,
            refusal,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
