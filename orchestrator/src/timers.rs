//! The timer: sends commands again whose reply did not come, and gives up steps that may be given up. Before
//! it looks, it claims shards that are ours and not held.
//!
//! Times are rows, so a restart forgets none. In between the loop sleeps until the next row is due, and
//! no new row can be due sooner than the shortest wait; so idle costs one look at an index now and then.

use std::sync::Arc;
use std::time::Duration;

use platform::consumer::Participant as _;
use platform::retry::Backoff;
use platform::{Broken, db};

use crate::runner::{Runner, TIMER_BATCH};
use crate::{sagas, store};

/// The longest sleep: a bound for clocks that were set.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// The shortest sleep, so that a row that another process holds is not asked for in a circle.
const SLEEP_MIN: Duration = Duration::from_millis(10);
/// How often a round is begun anew because replies came while it looked.
const OVERTAKEN_MAX: u32 = 20;

/// Starts the timer.
pub(crate) fn start(runner: &Arc<Runner>) {
    let timer = Arc::clone(runner);
    runner.tasks.spawn("saga timer", async move {
        let mut failures = 0;
        loop {
            let sleep = match round(&timer).await {
                Ok(sleep) => {
                    failures = 0;
                    sleep
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(error = platform::chain(&error), "the saga timer goes on");
                    Backoff::RECONNECT.after(failures)
                }
            };
            tokio::select! {
                go_on = timer.tasks.pause(sleep) => if !go_on { return },
                () = timer.ownership.assigned() => {}
                () = timer.woken.notified() => {}
            }
        }
    });
}

/// Claims what is missing, handles everything that is due and answers how long to sleep.
pub(crate) async fn round(runner: &Arc<Runner>) -> Result<Duration, Broken> {
    let claimed = runner.claim().await;
    // Also when that failed: the shards that are held do not wait for the others.
    let sleep = look(runner).await?;
    claimed.map(|()| sleep)
}

async fn look(runner: &Arc<Runner>) -> Result<Duration, Broken> {
    let longest = SLEEP_MAX.min(sagas::soonest()).min(runner.pace.give_up_after(1));
    if runner.ownership.all().is_empty() {
        return Ok(longest);
    }
    let mut overtaken = 0;
    loop {
        let (count, effects) = match runner.fire().await {
            // A reply came while it looked. What is due is read anew.
            Err(Broken::Overtaken(_)) if overtaken < OVERTAKEN_MAX => {
                overtaken += 1;
                continue;
            }
            fired => fired?,
        };
        runner.committed(effects).await;
        if i64::try_from(count).unwrap_or(TIMER_BATCH) < TIMER_BATCH {
            break;
        }
    }
    let shards: Vec<i32> = runner.ownership.all().into_keys().collect();
    if shards.is_empty() {
        return Ok(longest);
    }
    let count = runner.rules.shards.know().await?;
    let mut db = db::lease(&runner.pool).await?;
    let next = db::patiently(store::wake_in(&mut db, &shards, count)).await?;
    let next = next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    Ok(next.map_or(longest, |next| next.clamp(SLEEP_MIN.min(longest), longest)))
}

#[cfg(test)]
#[path = "timers_tests.rs"]
mod tests;
