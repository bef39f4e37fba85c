//! How a process knows which rules are in force: it reads them every second, and wakes what a lifted one held back.

use std::sync::Arc;
use std::time::Duration;

use platform::{Broken, db};
use uuid::Uuid;

use crate::runner::Runner;
use crate::store;

/// How old what a process knows may be.
const EVERY: Duration = Duration::from_secs(1);

/// Starts.
pub(crate) fn start(runner: &Arc<Runner>) {
    let runner = Arc::clone(runner);
    let tasks = runner.tasks.clone();
    tasks.spawn("saga rules", async move {
        let mut failing = false;
        // Once more after a rule was lifted: a batch may have been on its way that was decided before.
        let mut wakes = 2;
        while runner.tasks.pause(EVERY).await {
            match look(&runner, &mut wakes).await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    let error = platform::chain(&error);
                    tracing::warn!(error, "the rules cannot be read; what is known goes on to hold");
                }
                Err(_) => {}
            }
        }
    });
}

/// Reads the rules, and wakes what none of them holds back any more for so many more rounds.
pub(crate) async fn look(runner: &Runner, wakes: &mut u32) -> Result<(), Broken> {
    let read = runner.rules_in_force().await?;
    let ids: Vec<Uuid> = read.iter().map(|rule| rule.id.uuid()).collect();
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    metrics::gauge!("bellhop_saga_rules_in_force").set(f64::from(count));
    if runner.rules.read(read) {
        *wakes = 2;
    }
    let shards: Vec<i32> = runner.ownership.all().into_keys().collect();
    if *wakes == 0 || shards.is_empty() {
        return Ok(());
    }
    let count = runner.rules.shards.know().await?;
    let woken = db::unit_of_work::<_, Broken, _>(&runner.pool, move |db| {
        let (ids, shards) = (ids.clone(), shards.clone());
        Box::pin(async move { store::wake_held(db, &ids, &shards, count).await })
    });
    if woken.await? > 0 {
        runner.woken.notify_one();
    }
    *wakes -= 1;
    Ok(())
}
