//! Answering requests that waited: the outcome as it stands is written beside the idempotency key, once, and
//! whoever asks under that key gets those bytes. Requests that are ready together share one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use contract::ReservationId;
use futures::future::BoxFuture;
use platform::grouped::Settle;
use platform::http::Problem;
use platform::{Broken, db};
use sqlx::{PgConnection, PgPool};

use crate::http::view;
use crate::model::Reservation;
use crate::store::keys::{self, Key, Stored};
use crate::store::read;

/// A request whose answer is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) key: Key,
    pub(crate) reservation_id: ReservationId,
}

/// Answers groups of requests.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) pool: PgPool,
}

impl Settle for Answers {
    type Request = Due;
    type Answer = Result<Stored, Problem>;

    async fn settle(&mut self, group: Vec<Due>) -> Vec<Self::Answer> {
        let group: Arc<[Due]> = group.into();
        let inside = Arc::clone(&group);
        let done = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| answer(db, inside));
        match done.await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => {
                let problem = Problem::from(error);
                group.iter().map(|_| Err(problem.clone())).collect()
            }
        }
    }
}

fn answer(db: &mut PgConnection, group: Arc<[Due]>) -> BoxFuture<'_, Result<Vec<Stored>, Broken>> {
    Box::pin(async move {
        let ids: Vec<ReservationId> = group.iter().map(|due| due.reservation_id).collect();
        let reservations: HashMap<ReservationId, Reservation> = read::by_ids(db, &ids)
            .await?
            .into_iter()
            .map(|row| (row.reservation_id, row))
            .collect();
        let mut due: Vec<(&Key, Stored)> = group
            .iter()
            .filter_map(|due| Some((&due.key, view::outcome(reservations.get(&due.reservation_id)?))))
            .collect();
        due.sort_by(|a, b| a.0.cmp(b.0));
        keys::answer(db, &due).await?;
        let keys: Vec<&Key> = group.iter().map(|due| &due.key).collect();
        let mut found = keys::find(db, &keys).await?;
        (0..group.len())
            .map(|place| {
                let claimed = found.remove(&place);
                claimed.and_then(|claimed| claimed.answer).ok_or_else(|| {
                    Broken::Inconsistent("an answer was not kept: its key or reservation is gone".to_owned())
                })
            })
            .collect()
    })
}
