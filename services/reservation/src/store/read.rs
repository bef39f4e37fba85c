//! Reading reservations: one, some, pages, and their states alone.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use contract::{BookingCode, GuestId, HotelId, ReservationId};
use platform::Broken;
use platform::access::Sees;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::row::{Row, reservations, seen};
use crate::model::{Email, Reservation, State};

/// Which reservations a page shows, newest first.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) state: Option<State>,
    /// Those made before this one.
    pub(crate) before: Option<ReservationId>,
    pub(crate) rows: i64,
    /// What whoever asks sees.
    pub(crate) sees: Sees,
}

impl Page {
    fn state(&self) -> Option<&'static str> {
        self.state.map(State::as_str)
    }

    fn before(&self) -> Uuid {
        self.before.map_or(Uuid::max(), ReservationId::uuid)
    }
}

/// A reservation that whoever asks sees, and the database's time.
pub(crate) async fn by_id(
    pool: &PgPool,
    reservation_id: ReservationId,
    sees: &Sees,
) -> Result<Option<(Reservation, DateTime<Utc>)>, Broken> {
    let row = seen!(reservations, reservation_id, sees, "")
        .fetch_optional(&mut *platform::db::lease(pool).await?)
        .await?;
    row.map(with_now).transpose()
}

/// A reservation, the number of its links, and the database's time.
pub(crate) type Found = (Reservation, i32, DateTime<Utc>);

/// The reservation with this code, if it is this guest's.
pub(crate) async fn by_code(
    pool: &PgPool,
    code: BookingCode,
    email: &Email,
) -> Result<Option<Found>, Broken> {
    let row = reservations!(
        "where r.code = $1 and g.email = $2",
        code.symbols(),
        email.as_str()
    )
    .fetch_optional(&mut *platform::db::lease(pool).await?)
    .await?;
    row.map(|row| {
        let (link_no, now) = (row.link_no, row.now);
        Ok((row.read()?, link_no, now))
    })
    .transpose()
}

/// Some reservations, in no order.
pub(crate) async fn by_ids(db: &mut PgConnection, ids: &[ReservationId]) -> Result<Vec<Reservation>, Broken> {
    let rows = reservations!("where r.reservation_id = any($1)", &uuids(ids))
        .fetch_all(db)
        .await?;
    rows.into_iter().map(Row::read).collect()
}

/// A reservation that whoever asks sees and nobody else changes until the transaction ends, and the database's time.
pub(crate) async fn lock(
    db: &mut PgConnection,
    reservation_id: ReservationId,
    sees: &Sees,
) -> Result<Option<(Reservation, DateTime<Utc>)>, Broken> {
    let row = seen!(reservations, reservation_id, sees, " for no key update of r")
        .fetch_optional(db)
        .await?;
    row.map(with_now).transpose()
}

/// Some reservations of some hotels that nobody else changes until the transaction ends, and the database's
/// time. They are locked in the order of their ids, so that two who want the same ones do not deadlock.
pub(crate) async fn lock_many(
    db: &mut PgConnection,
    wanted: &[(HotelId, ReservationId)],
) -> Result<(Vec<Reservation>, DateTime<Utc>), Broken> {
    let hotels: Vec<Uuid> = wanted.iter().map(|(hotel, _)| hotel.uuid()).collect();
    let ids: Vec<Uuid> = wanted.iter().map(|(_, reservation)| reservation.uuid()).collect();
    let rows = reservations!(
        "where (r.hotel_id, r.reservation_id) in (select * from unnest($1::uuid[], $2::uuid[])) \
         order by r.hotel_id, r.reservation_id for no key update of r",
        &hotels,
        &ids
    )
    .fetch_all(db)
    .await?;
    let now = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let reservations = rows.into_iter().map(Row::read).collect::<Result<_, _>>()?;
    Ok((reservations, now))
}

/// A page of a hotel's reservations.
pub(crate) async fn page_of_hotel(
    pool: &PgPool,
    hotel_id: HotelId,
    page: Page,
) -> Result<Vec<Reservation>, Broken> {
    let rows = reservations!(
        "where r.hotel_id = $1 and r.reservation_id < $2 and ($3::text is null or r.state = $3) \
         and ($5 or r.hotel_id = any($6) or r.guest_id = $7) and ($8::text is null or r.client = $8) order by r.reservation_id desc limit $4",
        hotel_id.uuid(),
        page.before(),
        page.state(),
        page.rows,
        page.sees.all(),
        page.sees.hotels(),
        page.sees.guest(),
        page.sees.booker()
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// A page of a guest's reservations, in one hotel or in all.
pub(crate) async fn page_of_guest(
    pool: &PgPool,
    guest_id: GuestId,
    hotel_id: Option<HotelId>,
    page: Page,
) -> Result<Vec<Reservation>, Broken> {
    let rows = reservations!(
        "where r.guest_id = $1 and r.reservation_id < $2 and ($3::text is null or r.state = $3) \
         and ($5::uuid is null or r.hotel_id = $5) \
         and ($6 or r.hotel_id = any($7) or r.guest_id = $8) and ($9::text is null or r.client = $9) order by r.reservation_id desc limit $4",
        guest_id.uuid(),
        page.before(),
        page.state(),
        page.rows,
        hotel_id.map(HotelId::uuid),
        page.sees.all(),
        page.sees.hotels(),
        page.sees.guest(),
        page.sees.booker()
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// How many bookings wait for their outcome, of which `max` may.
///
/// Looked for among the newest ones alone, twice as many as may wait: an index of the open ones would be
/// written twice for each booking, and would keep Postgres from changing a reservation in place.
pub(crate) async fn open(db: &mut PgConnection, max: u32) -> Result<u32, Broken> {
    let open = sqlx::query_scalar!(
        r#"select count(*) as "open!" from
             (select state from reservation.reservation order by reservation_id desc limit $1) newest
           where state = 'pending'"#,
        2 * i64::from(max)
    )
    .fetch_one(db)
    .await?;
    Ok(u32::try_from(open).unwrap_or(u32::MAX))
}

/// Where some reservations stand.
pub(crate) async fn states(
    pool: &PgPool,
    ids: &[ReservationId],
) -> Result<Vec<(ReservationId, State)>, Broken> {
    let rows = sqlx::query!(
        "select reservation_id, state from reservation.reservation where reservation_id = any($1)",
        &uuids(ids)
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = State::from_str(&row.state).map_err(Broken::Inconsistent)?;
            Ok((ReservationId::from_uuid(row.reservation_id), state))
        })
        .collect()
}

fn with_now(row: Row) -> Result<(Reservation, DateTime<Utc>), Broken> {
    let now = row.now;
    Ok((row.read()?, now))
}

fn uuids(ids: &[ReservationId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}
