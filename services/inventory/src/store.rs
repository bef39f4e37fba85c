//! Every statement of this schema, one a function. A statement serves a whole batch: its arguments are
//! arrays, so the number of statements does not depend on the number of commands.
//!
//! Whoever locks, locks in this order and never goes back: holds by `(hotel_id, hold_id)`, then nights by
//! `(hotel_id, room_type_id, night)`, then new rows in the same orders. So nobody waits for somebody who
//! waits for him. Nights are locked last, because others queue for them.

mod change;
mod holds;
mod nights;
mod retention;
mod set;

use chrono::{DateTime, Utc};
use contract::StayDate;
use platform::Broken;
use sqlx::PgConnection;

pub(crate) use change::change;
pub(crate) use holds::{lock_due_holds, lock_holds, next_due_ms};
pub(crate) use nights::{lock_nights, offered_room_types};
pub(crate) use retention::remove_over;
pub(crate) use set::{
    NightRow, Reduction, change_nights, insert_nights, lock_range, nights_of, record_reductions,
};

/// When this transaction began, by the database's clock.
pub(crate) async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Broken> {
    let now = sqlx::query_scalar!(r#"select now() as "now!""#);
    Ok(now.fetch_one(db).await?)
}

/// A date column as a night.
fn date(date: chrono::NaiveDate) -> Result<StayDate, Broken> {
    StayDate::from_date(date).map_err(|error| Broken::Inconsistent(format!("{date}: {error}")))
}
