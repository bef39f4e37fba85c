//! The history: every state of every reservation.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use contract::{HotelId, ReservationId};
use platform::Broken;
use platform::access::Sees;
use sqlx::PgPool;
use uuid::Uuid;

use super::row::seen;
use crate::model::{State, Transition};

/// A line and whose it is.
pub(crate) type Line = (HotelId, ReservationId, Transition);

/// A line as a row.
#[derive(sqlx::Encode)]
pub(super) struct LineRow<'a> {
    hotel_id: Uuid,
    reservation_id: Uuid,
    version: i32,
    from_state: &'a str,
    state: &'a str,
    reason: Option<&'a str>,
    at: DateTime<Utc>,
}
platform::row_type!(LineRow<'_>, "reservation.line_1");

impl<'a> From<&'a Line> for LineRow<'a> {
    fn from((hotel_id, reservation_id, line): &'a Line) -> Self {
        Self {
            hotel_id: hotel_id.uuid(),
            reservation_id: reservation_id.uuid(),
            version: line.version,
            from_state: line.from.map_or("", State::as_str),
            state: line.to.as_str(),
            reason: line.reason.as_deref(),
            at: line.at,
        }
    }
}

/// A query for lines: `lines!("where …" + "…", arguments…)`.
macro_rules! lines {
    ($first:tt $(+ $more:tt)* $(, $argument:expr)* $(,)?) => {
        sqlx::query!(
            "select h.version, h.from_state, h.state, h.reason, h.at from reservation.reservation r "
                + "join reservation.reservation_history h using (hotel_id, reservation_id) "
                + $first $(+ $more)*
            $(, $argument)*
        )
    };
}

/// A reservation's lines, oldest first; empty when whoever asks sees no such reservation.
pub(crate) async fn of(
    pool: &PgPool,
    reservation_id: ReservationId,
    sees: &Sees,
) -> Result<Vec<Transition>, Broken> {
    let rows = seen!(lines, reservation_id, sees, " order by h.version")
        .fetch_all(&mut *platform::db::lease(pool).await?)
        .await?;
    rows.into_iter()
        .map(|row| {
            let state = |text: &str| State::from_str(text).map_err(Broken::Inconsistent);
            Ok(Transition {
                version: row.version,
                from: match row.from_state.as_str() {
                    "" => None,
                    from => Some(state(from)?),
                },
                to: state(&row.state)?,
                reason: row.reason,
                at: row.at,
            })
        })
        .collect()
}
