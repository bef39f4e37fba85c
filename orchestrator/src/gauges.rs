//! How many runs are open, overdue and stuck, and how much is owed, for the metrics: counted in the database, so that a restart forgets
//! none and every process says the same.

use std::time::Duration;

use platform::{Broken, Tasks, db};
use sqlx::PgPool;

use crate::sagas::DebtKind;
use crate::{sagas, store};

/// Starts counting.
pub(crate) fn start(tasks: &Tasks, pool: &PgPool, every: Duration) {
    let (running, pool) = (tasks.clone(), pool.clone());
    tasks.spawn("saga gauges", async move {
        loop {
            if let Err(error) = tell(&pool).await {
                let error = platform::chain(&error);
                tracing::warn!(error, "open sagas could not be counted; trying again");
            }
            if !running.pause(every).await {
                return;
            }
        }
    });
}

/// Counts, and sets the gauges of every kind of saga, also of one that this release does not know, and of what is owed.
async fn tell(pool: &PgPool) -> Result<(), Broken> {
    let counted = db::unit_of_work::<_, Broken, _>(pool, |db| {
        Box::pin(async move { Ok((store::unended(db).await?, store::open_obligations(db).await?)) })
    });
    let (counted, owed) = counted.await?;
    for what in DebtKind::ALL.map(DebtKind::word) {
        let open = owed.iter().find(|(known, _)| known == what);
        let open = value(open.map_or(0, |(_, open)| *open));
        metrics::gauge!("bellhop_obligations_open", "what" => what).set(open);
    }
    let named = sagas::outlines().iter().map(|outline| outline.name);
    let none = named.filter(|name| counted.iter().all(|one| one.kind != *name));
    for name in none {
        set(name, 0, 0, 0);
    }
    for one in &counted {
        set(&one.kind, one.open, one.overdue, one.stuck);
    }
    Ok(())
}

fn value(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn set(kind: &str, open: i64, overdue: i64, stuck: i64) {
    metrics::gauge!("bellhop_sagas_open", "type" => kind.to_owned()).set(value(open));
    metrics::gauge!("bellhop_sagas_overdue", "type" => kind.to_owned()).set(value(overdue));
    metrics::gauge!("bellhop_sagas_stuck", "type" => kind.to_owned()).set(value(stuck));
}

#[cfg(test)]
#[path = "gauges_tests.rs"]
mod tests;
