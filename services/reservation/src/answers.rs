//! Answering requests that were taken and were not handed their outcome: what the transaction that ended the booking
//! has kept as its answer, in those bytes. As long as the reservation is pending it is shown as it stands, and nothing
//! is kept. Requests that are ready together share one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use contract::{HotelId, ReservationId};
use futures::future::BoxFuture;
use platform::grouped::Settle;
use platform::http::{Key, Problem, Stored};
use platform::{Broken, db};
use sqlx::{PgConnection, PgPool};

use crate::model::Reservation;
use crate::store::asked::{self, ACCEPTED, Asked};
use crate::store::{keys, read};
use crate::view;

/// A request that was not handed its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Unanswered {
    pub(crate) key: Key,
    /// At which the key was claimed; not known of a request whose quote is none.
    pub(crate) hotel_id: Option<HotelId>,
    pub(crate) reservation_id: ReservationId,
}

/// Answers groups of requests.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) pool: PgPool,
}

impl Settle for Answers {
    type Request = Unanswered;
    type Answer = Result<Stored, Problem>;

    async fn settle(&mut self, group: Vec<Unanswered>) -> Vec<Self::Answer> {
        let group: Arc<[Unanswered]> = group.into();
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

fn answer(db: &mut PgConnection, group: Arc<[Unanswered]>) -> BoxFuture<'_, Result<Vec<Stored>, Broken>> {
    Box::pin(async move {
        let mut told = outcomes(db, &group).await?;
        let ids: Vec<ReservationId> = group
            .iter()
            .zip(&told)
            .filter(|(_, told)| told.is_none())
            .map(|(request, _)| request.reservation_id)
            .collect();
        if ids.is_empty() {
            return Ok(told.into_iter().flatten().collect());
        }
        let reservations: HashMap<ReservationId, Reservation> = read::by_ids(db, &ids)
            .await?
            .into_iter()
            .map(|row| (row.reservation_id, row))
            .collect();
        let shown: Vec<Option<Stored>> = group
            .iter()
            .map(|request| reservations.get(&request.reservation_id).map(view::outcome))
            .collect();
        // An earlier release ended these and kept no answer: who tells an outcome first keeps it.
        let mut ended: Vec<(&Key, &Stored)> = group
            .iter()
            .zip(&shown)
            .filter_map(|(request, shown)| Some((&request.key, shown.as_ref()?)))
            .filter(|(_, shown)| shown.status != ACCEPTED)
            .collect();
        if !ended.is_empty() {
            ended.sort_by(|a, b| a.0.cmp(b.0));
            keys::keep(db, &ended).await?;
            told = outcomes(db, &group).await?;
        }
        // A key that is forgotten by now tells nothing, and its reservation is shown as it stands.
        let gone = || Broken::Inconsistent("a key is without its reservation".to_owned());
        told.into_iter()
            .zip(shown)
            .map(|(told, shown)| told.or(shown).ok_or_else(gone))
            .collect()
    })
}

/// The outcomes that are kept for the keys.
async fn outcomes(db: &mut PgConnection, group: &[Unanswered]) -> Result<Vec<Option<Stored>>, Broken> {
    let asked = group.iter().map(|request| Asked {
        key: &request.key,
        hotel_id: request.hotel_id,
        quote: None,
        email: None,
    });
    let looked = asked::look(db, &asked.collect::<Vec<_>>()).await?;
    Ok(looked
        .found
        .into_iter()
        .map(|found| found.claimed?.outcome)
        .collect())
}
