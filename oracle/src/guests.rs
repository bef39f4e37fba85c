//! What became of each reservation, and when.

use std::collections::BTreeMap;

use contract::{HotelId, ReservationId, SagaId};

use crate::stream::{Change, Op};
use crate::timeline::Timeline;

/// A reservation.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The run that books it.
    pub saga_id: SagaId,
    /// The hotel.
    pub hotel_id: HotelId,
    /// How it stood.
    pub states: Timeline<Standing>,
}

/// How a reservation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: String,
    /// Why it was rejected.
    pub refusal_code: Option<String>,
    /// The night that decided.
    pub refusal_night: Option<String>,
    /// What was quoted, in minor units.
    pub total_minor: i64,
    /// What a cancelled guest gets back.
    pub refund_minor: Option<i64>,
}

/// All reservations.
#[derive(Debug, Default)]
pub struct Guests(pub BTreeMap<ReservationId, Reservation>);

impl Guests {
    /// Takes a changed row of `reservation.reservation`.
    ///
    /// # Errors
    /// When the row is not of that table's shape.
    pub fn apply(&mut self, at_us: i64, change: &Change) -> anyhow::Result<()> {
        let id = change.get("reservation_id")?;
        if change.op == Op::Delete {
            self.0.remove(&id);
            return Ok(());
        }
        let standing = Standing {
            state: change.get("state")?,
            refusal_code: change.text("refusal_code").map(str::to_owned),
            refusal_night: change.text("refusal_night").map(str::to_owned),
            total_minor: change.get("total_minor")?,
            refund_minor: change.text("refund_minor").map(str::parse).transpose()?,
        };
        let (saga_id, hotel_id) = (change.get("saga_id")?, change.get("hotel_id")?);
        let reservation = self.0.entry(id).or_insert_with(|| Reservation {
            saga_id,
            hotel_id,
            states: Timeline::default(),
        });
        reservation.states.becomes(at_us, standing);
        Ok(())
    }
}
