//! Work on every booking that is still without something, some of them at a time; for `bellhop migrate`.

use platform::Broken;
use uuid::Uuid;

/// Bookings in one statement, so that nobody waits long for one of them.
pub(super) const AT_ONCE: i64 = 1_000;

/// The key of a booking: its hotel, and itself.
pub(super) type Key = (Uuid, Uuid);

/// Has `next` work on the first [`AT_ONCE`] bookings after a key, which answers their keys in order, until there are no
/// more; and answers how many there were.
pub(super) async fn all(next: impl AsyncFn(Key) -> Result<Vec<Key>, Broken>) -> Result<u64, Broken> {
    let (mut count, mut last) = (0, (Uuid::nil(), Uuid::nil()));
    loop {
        let done = next(last).await?;
        let Some(end) = done.last() else {
            return Ok(count);
        };
        last = *end;
        count += u64::try_from(done.len()).unwrap_or(u64::MAX);
    }
}
