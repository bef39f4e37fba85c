//! Waiting for an outcome. Who waits is woken when this process commits a change of the reservation, and, as
//! another process may have handled the message, by asking the database for all who wait at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::ReservationId;
use platform::Tasks;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::model::State;
use crate::store::read;

/// Between two looks at the database.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Who waits for which reservation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    watched: Arc<Mutex<HashMap<ReservationId, watch::Sender<State>>>>,
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Watch {
    reservation_id: ReservationId,
    state: Option<watch::Receiver<State>>,
    waiting: Waiting,
}

impl Waiting {
    /// Nobody waits. Starts to look at the database now and then.
    pub(crate) fn start(tasks: &Tasks, pool: PgPool) -> Self {
        let waiting = Self::default();
        let (waits, pause) = (waiting.clone(), tasks.clone());
        tasks.spawn("waiting", async move {
            while pause.pause(LOOK_EVERY).await {
                let ids: Vec<_> = waits.locked().keys().copied().collect();
                if ids.is_empty() {
                    continue;
                }
                match platform::db::patiently(read::states(&pool, &ids)).await {
                    Ok(states) => waits.tell(&states),
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the outcomes that are waited for could not be read"
                    ),
                }
            }
        });
        waiting
    }

    /// Begins to watch a reservation.
    pub(crate) fn watch(&self, reservation_id: ReservationId) -> Watch {
        let state = self
            .locked()
            .entry(reservation_id)
            .or_insert_with(|| watch::Sender::new(State::Pending))
            .subscribe();
        Watch {
            reservation_id,
            state: Some(state),
            waiting: self.clone(),
        }
    }

    /// Tells those who wait where their reservations stand. News that come late are ignored.
    pub(crate) fn tell(&self, states: &[(ReservationId, State)]) {
        let watched = self.locked();
        for (reservation_id, state) in states {
            if let Some(sender) = watched.get(reservation_id) {
                sender.send_if_modified(|known| {
                    let later = known.rank() < state.rank();
                    if later {
                        *known = *state;
                    }
                    later
                });
            }
        }
    }

    /// How many wait for a reservation.
    #[cfg(test)]
    pub(crate) fn watched(&self, reservation_id: ReservationId) -> usize {
        let watched = self.locked();
        watched
            .get(&reservation_id)
            .map_or(0, watch::Sender::receiver_count)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<ReservationId, watch::Sender<State>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Waits until `enough`, at most for `limit`, or until the process stops.
    pub(crate) async fn until(&mut self, tasks: &Tasks, limit: Duration, enough: fn(State) -> bool) {
        let Some(state) = &mut self.state else {
            return;
        };
        tokio::select! {
            _ = state.wait_for(|state| enough(*state)) => {}
            () = tokio::time::sleep(limit) => {}
            () = tasks.stopping() => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.state = None;
        let mut watched = self.waiting.locked();
        let last = watched
            .get(&self.reservation_id)
            .is_some_and(|sender| sender.receiver_count() == 0);
        if last {
            watched.remove(&self.reservation_id);
        }
    }
}
