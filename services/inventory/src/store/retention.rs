//! Holds that were kept long enough.

use platform::Broken;
use sqlx::PgConnection;

/// The longest time from a booking to the end of its stay, in days: 730 to the first night, 30 nights, and the date
/// line. A release that came before its hold names no stay; after so long, none that it forbids can still begin.
const STAY_AHEAD_DAYS: i32 = 762;

/// Removes at most `limit` holds that take no more rooms, or took them for a stay that is over, and that have not
/// changed for `days`; longest over first. Leaves out what somebody is busy with. Answers how many.
///
/// Nothing comes of a command for such a hold that arrives even later: its nights are over, so none can be held.
pub(crate) async fn remove_over(db: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Broken> {
    let stays = sqlx::query!(
        "delete from inventory.hold where (hotel_id, hold_id) in (
             select hotel_id, hold_id from inventory.hold first
             where state <> 'held' and check_out < (now() at time zone 'utc')::date - $1::int
               and changed_at < now() - make_interval(days => $1) and line_no = 1
               and not exists (
                   select from inventory.hold other
                   where (other.hotel_id, other.hold_id) = (first.hotel_id, first.hold_id) and other.line_no <> 1
                     and (other.state = 'held' or other.check_out >= (now() at time zone 'utc')::date - $1::int
                       or other.changed_at >= now() - make_interval(days => $1)))
             order by check_out limit $2 for update skip locked)",
        days,
        limit
    )
    .execute(&mut *db)
    .await?
    .rows_affected();
    let forbidden = sqlx::query!(
        "delete from inventory.hold where (hotel_id, hold_id) in (
             select hotel_id, hold_id from inventory.hold
             where state <> 'held' and check_out is null and changed_at < now() - make_interval(days => $1)
             limit $2 for update skip locked)",
        days.saturating_add(STAY_AHEAD_DAYS),
        limit - i64::try_from(stays).unwrap_or(limit)
    )
    .execute(&mut *db)
    .await?
    .rows_affected();
    if stays > 0 {
        sqlx::query!(
            "insert into inventory.retention as kept (stays_before)
             values ((now() at time zone 'utc')::date - $1::int)
             on conflict (only_one) do update set stays_before = greatest(kept.stays_before, excluded.stays_before)",
            days
        )
        .execute(db)
        .await?;
    }
    Ok(stays + forbidden)
}
