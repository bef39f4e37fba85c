//! The one statement that writes what a batch has changed.

use platform::Broken;
use platform::db::all_written;
use platform::outbox::{Heard, Outgoing};
use sqlx::PgConnection;
use uuid::Uuid;

use super::holds::HoldRow;
use super::nights::CountRow;
use crate::model::Changes;

platform::message_row!("inventory.message_1");

/// Writes holds that were not there, those that take rooms with a time to live; holds that are locked, as they are now,
/// those that take rooms anew with a new time to live; nights that are locked; what is to be said, and what was heard.
///
/// # Errors
/// [`Broken::Overtaken`] when another transaction has written one of the new holds in the meantime: what it did
/// was not known when this was decided.
pub(crate) async fn change(
    db: &mut PgConnection,
    changes: &Changes,
    ttl_seconds: u32,
    said: &[Outgoing],
    heard: &[Uuid],
) -> Result<Heard, Broken> {
    let new: Vec<HoldRow> = changes
        .new_holds
        .iter()
        .map(HoldRow::of)
        .collect::<Result<_, _>>()?;
    let moved = changes.changed_holds.iter().map(HoldRow::of);
    let moved: Vec<HoldRow> = moved.collect::<Result<_, _>>()?;
    let nights: Vec<CountRow> = changes.nights.iter().map(CountRow::from).collect();
    let done = sqlx::query!(
        r#"with new as (
             insert into inventory.hold
                 (hotel_id, hold_id, line_no, saga_id, round, room_type_id, check_in, check_out, rooms, state, refusal,
                  expires_at)
             select hotel_id, hold_id, line_no, saga_id, round, room_type_id, check_in, check_out, rooms, state,
                    refusal::json,
                    case when rooms is not null and state <> 'refused' then now() + make_interval(secs => $5::int) end
             from unnest($1::inventory.hold_3[])
             order by hotel_id, hold_id, line_no
             on conflict do nothing returning 1),
         changed as (
             update inventory.hold as hold
             set saga_id = changed.saga_id, round = changed.round, room_type_id = changed.room_type_id,
                 check_in = changed.check_in, check_out = changed.check_out, rooms = changed.rooms,
                 state = changed.state, refusal = changed.refusal::json, changed_at = now(),
                 expires_at = case
                     when changed.rooms is null or changed.state = 'refused' then null
                     when hold.round < changed.round and changed.state in ('held', 'sold')
                         then now() + make_interval(secs => $5::int)
                     else coalesce(hold.expires_at, now() + make_interval(secs => $5::int)) end
             from unnest($2::inventory.hold_3[]) as changed
             where hold.hotel_id = changed.hotel_id and hold.hold_id = changed.hold_id
                 and hold.line_no = changed.line_no returning 1),
         nights as (
             update inventory.room_night
             set held = room_night.held + count.held,
                 sold = room_night.sold + count.sold,
                 forced = room_night.forced
                     and (room_night.held + count.held + room_night.sold + count.sold) * 10 > room_night.total * 11
             from unnest($3::inventory.count_1[]) as count
             where room_night.hotel_id = count.hotel_id and room_night.room_type_id = count.room_type_id
                 and room_night.night = count.night returning 1),
         messages as (
             insert into inventory.outbox
                 (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
             select id, topic, key, type, payload::json, actor, traceparent, deadline_ms
             from unnest($4::inventory.message_1[]) returning 1),
         heard as (insert into inventory.inbox (message_id) select * from unnest($6::uuid[]) returning 1)
         select (select count(*) from new) as "new!", (select count(*) from changed) as "changed!",
             (select count(*) from nights) as "nights!", (select count(*) from messages) as "messages!",
             (select count(*) from heard) as "heard!""#,
        &new as &[HoldRow],
        &moved as &[HoldRow],
        &nights as &[CountRow],
        &Message::all(said) as &[Message<'_>],
        i32::try_from(ttl_seconds).unwrap_or(i32::MAX),
        heard
    )
    .fetch_one(db)
    .await?;
    if usize::try_from(done.new) != Ok(new.len()) {
        return Err(Broken::Overtaken("a hold was written by somebody else"));
    }
    all_written("holds", done.changed, moved.len())?;
    all_written("nights", done.nights, nights.len())?;
    all_written("messages", done.messages, said.len())?;
    Heard::written(done.heard, heard)
}
