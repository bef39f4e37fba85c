//! Statements about holds.

use chrono::{DateTime, NaiveDate, Utc};
use contract::{HoldId, HotelId, Refusal, RoomTypeId, SagaId, Stay};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use super::date;
use crate::model::{Hold, HoldKey, HoldState, LineKey, Taking};

struct Row {
    hotel_id: Uuid,
    hold_id: Uuid,
    line_no: i16,
    saga_id: Uuid,
    round: i32,
    room_type_id: Option<Uuid>,
    check_in: Option<NaiveDate>,
    check_out: Option<NaiveDate>,
    rooms: Option<i32>,
    state: String,
    refusal: Option<String>,
}

/// Locks all lines of those of the holds that exist, in key order, and reads them as they are then; and answers when this
/// transaction began, by the database's clock.
pub(crate) async fn lock_holds(
    db: &mut PgConnection,
    keys: impl Iterator<Item = HoldKey>,
) -> Result<(Vec<(LineKey, Hold)>, DateTime<Utc>), Broken> {
    let (hotels, holds): (Vec<Uuid>, Vec<Uuid>) =
        keys.map(|(hotel, hold)| (hotel.uuid(), hold.uuid())).unzip();
    let rows = sqlx::query!(
        r#"with locked as materialized (
             select hold.hotel_id, hold.hold_id, hold.line_no, hold.saga_id, hold.round, hold.room_type_id, hold.check_in,
                    hold.check_out, hold.rooms, hold.state, hold.refusal
             from unnest($1::uuid[], $2::uuid[]) as wanted (hotel_id, hold_id)
             join inventory.hold as hold on hold.hotel_id = wanted.hotel_id and hold.hold_id = wanted.hold_id
             order by hold.hotel_id, hold.hold_id, hold.line_no
             for update of hold)
         select now() as "now!", hotel_id as "hotel_id?", hold_id as "hold_id?", line_no as "line_no?", saga_id as "saga_id?",
                round as "round?", room_type_id, check_in, check_out, rooms, state as "state?",
                refusal::text as refusal
         from (values (1)) as always left join locked on true"#,
        &hotels,
        &holds
    )
    .fetch_all(db)
    .await?;
    let now = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let found = rows.into_iter().filter_map(|row| {
        Some(Row {
            hotel_id: row.hotel_id?,
            hold_id: row.hold_id?,
            line_no: row.line_no?,
            saga_id: row.saga_id?,
            round: row.round?,
            room_type_id: row.room_type_id,
            check_in: row.check_in,
            check_out: row.check_out,
            rooms: row.rooms,
            state: row.state?,
            refusal: row.refusal,
        })
    });
    let holds = found.map(|row| read(&row)).collect::<Result<_, _>>()?;
    Ok((holds, now))
}

/// Locks holds whose time is over, all lines of at most `limit`, and leaves out those that somebody is busy with: who has
/// the first line has the others.
pub(crate) async fn lock_due_holds(
    db: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(LineKey, Hold)>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        "with due as materialized (
             select hotel_id, hold_id from inventory.hold
             where state = 'held' and expires_at <= now() and line_no = 1
             order by expires_at
             limit $1
             for update skip locked)
         select hold.hotel_id, hold.hold_id, hold.line_no, hold.saga_id, hold.round, hold.room_type_id, hold.check_in,
                hold.check_out, hold.rooms, hold.state, hold.refusal::text as refusal
         from due join inventory.hold as hold on hold.hotel_id = due.hotel_id and hold.hold_id = due.hold_id
         order by hold.hotel_id, hold.hold_id, hold.line_no
         for update of hold",
        limit
    )
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// Milliseconds until the next hold is due, none when nothing is held; negative when one is overdue.
pub(crate) async fn next_due_ms(db: &mut PgConnection) -> Result<Option<i64>, Broken> {
    let next = sqlx::query_scalar!(
        "select ceil(extract(epoch from min(expires_at) - clock_timestamp()) * 1000)::bigint
         from inventory.hold
         where state = 'held'"
    )
    .fetch_one(db)
    .await?;
    Ok(next)
}

/// A line of a hold as a row.
#[derive(sqlx::Encode)]
pub(super) struct HoldRow {
    hotel_id: Uuid,
    hold_id: Uuid,
    line_no: i16,
    saga_id: Uuid,
    round: i32,
    room_type_id: Option<Uuid>,
    check_in: Option<NaiveDate>,
    check_out: Option<NaiveDate>,
    rooms: Option<i32>,
    state: &'static str,
    refusal: Option<String>,
}
platform::row_type!(HoldRow, "inventory.hold_3");

impl HoldRow {
    pub(super) fn of(((hotel_id, hold_id, line_no), hold): &(LineKey, Hold)) -> Result<Self, Broken> {
        let taking = hold.taking;
        let refusal = hold.refusal.as_ref().map(serde_json::to_string).transpose();
        Ok(Self {
            hotel_id: hotel_id.uuid(),
            hold_id: hold_id.uuid(),
            line_no: i16::try_from(*line_no).unwrap_or(i16::MAX),
            saga_id: hold.saga_id.uuid(),
            round: i32::try_from(hold.round).unwrap_or(i32::MAX),
            room_type_id: taking.map(|taking| taking.room_type_id.uuid()),
            check_in: taking.map(|taking| taking.stay.check_in().date()),
            check_out: taking.map(|taking| taking.stay.check_out().date()),
            rooms: taking.map(|taking| i32::from(taking.rooms)),
            state: word(hold.state),
            refusal: refusal.map_err(|error| Broken::Inconsistent(format!("a refusal: {error}")))?,
        })
    }
}

const fn word(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "held",
        HoldState::Sold => "sold",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
        HoldState::Refused => "refused",
    }
}

fn read(row: &Row) -> Result<(LineKey, Hold), Broken> {
    let wrong = |what: &str| Broken::Inconsistent(format!("hold {}: {what}", row.hold_id));
    let state = match row.state.as_str() {
        "held" => HoldState::Held,
        "sold" => HoldState::Sold,
        "released" => HoldState::Released,
        "expired" => HoldState::Expired,
        "refused" => HoldState::Refused,
        _ => return Err(wrong("unknown state")),
    };
    let taking = match (row.room_type_id, row.check_in, row.check_out, row.rooms) {
        (Some(room_type), Some(check_in), Some(check_out), Some(rooms)) => {
            let stay = Stay::new(date(check_in)?, date(check_out)?).map_err(|_| wrong("stay"))?;
            let rooms = u16::try_from(rooms).map_err(|_| wrong("rooms"))?;
            let room_type_id = RoomTypeId::from_uuid(room_type);
            Some(Taking {
                room_type_id,
                stay,
                rooms,
            })
        }
        _ => None,
    };
    let refusal = row.refusal.as_deref().map(serde_json::from_str::<Refusal>);
    let line_no = u16::try_from(row.line_no).map_err(|_| wrong("line"))?;
    let key = (
        HotelId::from_uuid(row.hotel_id),
        HoldId::from_uuid(row.hold_id),
        line_no,
    );
    let hold = Hold {
        saga_id: SagaId::from_uuid(row.saga_id),
        round: u32::try_from(row.round).map_err(|_| wrong("round"))?,
        taking,
        state,
        refusal: refusal.transpose().map_err(|_| wrong("refusal"))?,
    };
    Ok((key, hold))
}
