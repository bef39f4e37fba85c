//! Waiting for an outcome. Who waits is woken when this process commits a change of the reservation, and handed the
//! answer that it has written; and, as another process may have handled the message, by asking the database for all who
//! wait at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::ReservationId;
use platform::Tasks;
use platform::http::Stored;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::model::State;
use crate::store::read;

/// Between two looks at the database.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Where a reservation stands, and its answer where that is at hand.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) reservation_id: ReservationId,
    pub(crate) state: State,
    pub(crate) answer: Option<Stored>,
}

impl News {
    fn without_answer((reservation_id, state): (ReservationId, State)) -> Self {
        Self {
            reservation_id,
            state,
            answer: None,
        }
    }
}

/// Who waits for which reservation, and what is known of it.
type Watched = HashMap<ReservationId, watch::Sender<(State, Option<Stored>)>>;

/// Who waits for which reservation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    watched: Arc<Mutex<Watched>>,
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Watch {
    reservation_id: ReservationId,
    known: Option<watch::Receiver<(State, Option<Stored>)>>,
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
                    Ok(states) => waits.tell(states.into_iter().map(News::without_answer).collect()),
                    Err(error) => tracing::warn!(
                        error = platform::chain(&error),
                        "the outcomes that are waited for could not be read"
                    ),
                }
            }
        });
        waiting
    }

    /// Begins to watch a reservation.
    pub(crate) fn watch(&self, reservation_id: ReservationId) -> Watch {
        let known = self
            .locked()
            .entry(reservation_id)
            .or_insert_with(|| watch::Sender::new((State::Pending, None)))
            .subscribe();
        Watch {
            reservation_id,
            known: Some(known),
            waiting: self.clone(),
        }
    }

    /// Tells those who wait where their reservations stand. News that come late are ignored.
    pub(crate) fn tell(&self, news: Vec<News>) {
        let watched = self.locked();
        for one in news {
            if let Some(sender) = watched.get(&one.reservation_id) {
                sender.send_if_modified(|known| {
                    let later = known.0.rank() < one.state.rank();
                    if later {
                        *known = (one.state, one.answer);
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

    fn locked(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Waits until `enough`, at most for `limit`, or until the process stops. Answers the answer, where it came with
    /// the news.
    pub(crate) async fn until(
        &mut self,
        tasks: &Tasks,
        limit: Duration,
        enough: fn(State) -> bool,
    ) -> Option<Stored> {
        tokio::select! {
            known = self.known.as_mut()?.wait_for(|(state, _)| enough(*state)) => known.ok()?.1.clone(),
            () = tokio::time::sleep(limit) => None,
            () = tasks.stopping() => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.known = None;
        let mut watched = self.waiting.locked();
        let last = watched
            .get(&self.reservation_id)
            .is_some_and(|sender| sender.receiver_count() == 0);
        if last {
            watched.remove(&self.reservation_id);
        }
    }
}
