//! Statements about holds.

use chrono::NaiveDate;
use contract::{HoldId, HotelId, RoomTypeId, SagaId, Stay};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{all_written, date};
use crate::model::{Hold, HoldKey, HoldState, Taking};

struct Row {
    hotel_id: Uuid,
    hold_id: Uuid,
    saga_id: Uuid,
    room_type_id: Option<Uuid>,
    check_in: Option<NaiveDate>,
    check_out: Option<NaiveDate>,
    rooms: Option<i32>,
    state: String,
}

/// Locks those of the holds that exist, in key order, and reads them as they are then.
pub(crate) async fn lock_holds(
    db: &mut PgConnection,
    keys: impl Iterator<Item = HoldKey>,
) -> Result<Vec<(HoldKey, Hold)>, Broken> {
    let (hotels, holds): (Vec<Uuid>, Vec<Uuid>) =
        keys.map(|(hotel, hold)| (hotel.uuid(), hold.uuid())).unzip();
    let rows = sqlx::query_as!(
        Row,
        "select hold.hotel_id, hold.hold_id, hold.saga_id, hold.room_type_id, hold.check_in, hold.check_out,
                hold.rooms, hold.state
         from unnest($1::uuid[], $2::uuid[]) as wanted (hotel_id, hold_id)
         join inventory.hold as hold on hold.hotel_id = wanted.hotel_id and hold.hold_id = wanted.hold_id
         order by hold.hotel_id, hold.hold_id
         for update of hold",
        &hotels,
        &holds
    )
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// Locks holds whose time is over, at most `limit`, and leaves out those that somebody is busy with.
pub(crate) async fn lock_due_holds(
    db: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(HoldKey, Hold)>, Broken> {
    let rows = sqlx::query_as!(
        Row,
        "select hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, rooms, state
         from inventory.hold
         where state = 'held' and expires_at <= now()
         order by expires_at
         limit $1
         for update skip locked",
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

/// Writes holds that were not there, those that take rooms with a time to live.
///
/// # Errors
/// [`Broken::Overtaken`] when another transaction has written one of them in the meantime: what it did
/// was not known when this was decided.
pub(crate) async fn insert_holds(
    db: &mut PgConnection,
    holds: &[(HoldKey, Hold)],
    ttl_seconds: u32,
) -> Result<(), Broken> {
    let taking = |of: fn(Taking) -> NaiveDate| -> Vec<Option<NaiveDate>> {
        holds.iter().map(|(_, hold)| hold.taking.map(of)).collect()
    };
    let hotels: Vec<Uuid> = holds.iter().map(|((hotel, _), _)| hotel.uuid()).collect();
    let ids: Vec<Uuid> = holds.iter().map(|((_, id), _)| id.uuid()).collect();
    let sagas: Vec<Uuid> = holds.iter().map(|(_, hold)| hold.saga_id.uuid()).collect();
    let room_types: Vec<Option<Uuid>> = holds
        .iter()
        .map(|(_, hold)| hold.taking.map(|taking| taking.room_type_id.uuid()))
        .collect();
    let check_in = taking(|taking| taking.stay.check_in().date());
    let check_out = taking(|taking| taking.stay.check_out().date());
    let rooms: Vec<Option<i32>> = holds
        .iter()
        .map(|(_, hold)| hold.taking.map(|taking| i32::from(taking.rooms)))
        .collect();
    let states: Vec<String> = holds
        .iter()
        .map(|(_, hold)| word(hold.state).to_owned())
        .collect();
    let done = sqlx::query!(
        "insert into inventory.hold
             (hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, rooms, state, expires_at)
         select hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, rooms, state,
                case when rooms is not null then now() + make_interval(secs => $9::int) end
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::date[], $6::date[], $7::int[], $8::text[])
             as new (hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, rooms, state)
         order by hotel_id, hold_id
         on conflict do nothing",
        &hotels,
        &ids,
        &sagas,
        &room_types as &[Option<Uuid>],
        &check_in as &[Option<NaiveDate>],
        &check_out as &[Option<NaiveDate>],
        &rooms as &[Option<i32>],
        &states,
        i32::try_from(ttl_seconds).unwrap_or(i32::MAX)
    )
    .execute(db)
    .await?;
    if u64::try_from(holds.len()) == Ok(done.rows_affected()) {
        Ok(())
    } else {
        Err(Broken::Overtaken("a hold was written by somebody else"))
    }
}

/// Writes the state of holds that are locked, and up to when they take rooms.
pub(crate) async fn change_holds(db: &mut PgConnection, holds: &[(HoldKey, Hold)]) -> Result<(), Broken> {
    let hotels: Vec<Uuid> = holds.iter().map(|((hotel, _), _)| hotel.uuid()).collect();
    let ids: Vec<Uuid> = holds.iter().map(|((_, id), _)| id.uuid()).collect();
    let states: Vec<String> = holds
        .iter()
        .map(|(_, hold)| word(hold.state).to_owned())
        .collect();
    let check_out: Vec<Option<NaiveDate>> = holds
        .iter()
        .map(|(_, hold)| hold.taking.map(|taking| taking.stay.check_out().date()))
        .collect();
    let done = sqlx::query!(
        "update inventory.hold as hold
         set state = changed.state, check_out = changed.check_out, changed_at = now()
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[])
             as changed (hotel_id, hold_id, state, check_out)
         where hold.hotel_id = changed.hotel_id and hold.hold_id = changed.hold_id",
        &hotels,
        &ids,
        &states,
        &check_out as &[Option<NaiveDate>]
    )
    .execute(db)
    .await?;
    all_written("holds", holds.len(), done.rows_affected())
}

const fn word(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "held",
        HoldState::Sold => "sold",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
    }
}

fn read(row: &Row) -> Result<(HoldKey, Hold), Broken> {
    let wrong = |what: &str| Broken::Inconsistent(format!("hold {}: {what}", row.hold_id));
    let state = match row.state.as_str() {
        "held" => HoldState::Held,
        "sold" => HoldState::Sold,
        "released" => HoldState::Released,
        "expired" => HoldState::Expired,
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
    let key = (HotelId::from_uuid(row.hotel_id), HoldId::from_uuid(row.hold_id));
    let hold = Hold {
        saga_id: SagaId::from_uuid(row.saga_id),
        taking,
        state,
    };
    Ok((key, hold))
}
