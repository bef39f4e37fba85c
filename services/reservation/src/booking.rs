//! Taking bookings: requests that arrive while the last group is being committed share one transaction.
//!
//! That transaction is two statements. One asks what is known of the requests: keys, quotes, guests. The other writes
//! what is new: the idempotency key is claimed, an unknown guest written, the reservation in state `pending`, which
//! uses up its quote, the first line of its history, and the message that asks the orchestrator for the saga. Whoever
//! waits in it waits for keys first, in their order, then for guests in theirs, then for quotes in theirs: so processes
//! wait for each other and never deadlock. Who finds that another process was faster begins anew.

mod group;
mod turns;

use std::sync::Arc;

use contract::quote::Quote;
use contract::saga::{SagaData, StartSaga};
use contract::{BookingCode, GuestId, ReservationId, SagaId, topics};
use platform::grouped::Settle;
use platform::http::{Key, Problem, Stored};
use platform::outbox::Outgoing;
use platform::{Broken, Envelope, db};
use sqlx::PgPool;

use group::Booked;

use crate::fingerprint::Fingerprint;
use crate::model::{Guest, PaymentMethod, Terms};
use crate::open::Open;
use crate::store::asked::Claimed;

/// A group that met another process at a guest, a key or a quote, or another booking at a code, is tried again this many
/// times.
const TRIES: u32 = 5;

/// Draws a booking code. Codes are drawn in the transaction that writes them: a group that met a code which is another
/// booking's is tried again with others.
pub(crate) type Draw = fn() -> BookingCode;

/// A booking that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) quote: Quote,
    pub(crate) terms: Terms,
    pub(crate) guest: Guest,
    pub(crate) payment_method: PaymentMethod,
}

/// A request to book.
#[derive(Debug, Clone)]
pub(crate) struct Creation {
    pub(crate) key: Key,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) order: Order,
    pub(crate) reservation_id: ReservationId,
    pub(crate) saga_id: SagaId,
    /// Of the guest, should nobody know the address yet.
    pub(crate) guest_id: GuestId,
    /// What travels with the messages that come of it.
    pub(crate) envelope: Envelope,
    /// Whether the caller waits for the outcome, and so does not care how the booking stands at once.
    pub(crate) waits: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Created {
    /// It is pending, and stands so; not shown to a caller that waits.
    Taken(Option<Stored>),
    /// The key was claimed before.
    Known(Known),
    /// The quote was booked before, and this came of it; nothing was kept.
    QuoteUsed(ReservationId),
    /// Too many bookings are open; nothing was kept.
    Full,
}

/// What a claimed key says to a request.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// It is the same request, and this outcome was told.
    Told(Stored),
    /// It is the same request, and nobody was told an outcome so far.
    Open(ReservationId),
    /// It is another request.
    Reused,
}

impl Known {
    /// What this claim says to a request with this fingerprint.
    pub(crate) fn of(claimed: &Claimed, fingerprint: &Fingerprint) -> Self {
        match &claimed.outcome {
            _ if !fingerprint.is(claimed.fingerprint) => Self::Reused,
            Some(outcome) => Self::Told(outcome.clone()),
            None => Self::Open(claimed.reservation_id),
        }
    }
}

/// Books groups of requests.
#[derive(Debug)]
pub(crate) struct Bookings {
    pub(crate) pool: PgPool,
    pub(crate) open: Open,
    pub(crate) draw: Draw,
}

impl Settle for Bookings {
    type Request = Creation;
    type Answer = Result<Created, Problem>;

    async fn settle(&mut self, group: Vec<Creation>) -> Vec<Self::Answer> {
        let group: Arc<[Creation]> = group.into();
        match self.together(&group).await {
            Ok(created) => created.into_iter().map(Ok).collect(),
            Err(error) if error.is_transient() || group.len() == 1 => {
                let problem = Problem::from(error);
                vec![Err(problem); group.len()]
            }
            Err(error) => {
                tracing::warn!(
                    requests = group.len(),
                    error = platform::chain(&error),
                    "a group failed; booking its requests alone"
                );
                let mut answers = Vec::with_capacity(group.len());
                for creation in group.iter() {
                    let alone = self.together(&Arc::from([creation.clone()])).await;
                    answers.push(match alone {
                        Ok(created) => created.into_iter().next().ok_or_else(lost),
                        Err(error) => Err(Problem::from(error)),
                    });
                }
                answers
            }
        }
    }
}

/// So many requests were sent away because others wait already.
pub(crate) fn shed(requests: usize) {
    metrics::counter!("bellhop_bookings_shed_total").increment(u64::try_from(requests).unwrap_or(0));
}

fn lost() -> Problem {
    Problem::from(Broken::Inconsistent("a request has no answer".to_owned()))
}

impl Bookings {
    async fn together(&mut self, group: &Arc<[Creation]>) -> Result<Vec<Created>, Broken> {
        let known = self.open.known();
        let Booked { created, open } = self.within(group, known).await?;
        if known.is_none() {
            self.open.counted(open);
        }
        let count = |wanted: fn(&Created) -> bool| created.iter().filter(|one| wanted(one)).count();
        self.open.taken(count(|one| matches!(one, Created::Taken(_))));
        let refused = count(|one| matches!(one, Created::Full));
        shed(refused);
        Ok(created)
    }

    /// Books the group, tried again when it was overtaken. So many bookings are open, or they are to be counted.
    async fn within(&self, group: &Arc<[Creation]>, open: Option<u32>) -> Result<Booked, Broken> {
        let (max, draw) = (self.open.max, self.draw);
        for attempt in 1.. {
            let members = Arc::clone(group);
            let done = db::unit_of_work::<_, Failed, _>(&self.pool, move |db| {
                group::book(db, members, max, open, draw)
            });
            match done.await {
                Ok(booked) => return Ok(booked),
                Err(Failed::Overtaken) if attempt < TRIES => {}
                Err(Failed::Overtaken) => {
                    let what = format!("overtaken {TRIES} times by another process");
                    return Err(Broken::Inconsistent(what));
                }
                // A deadlock or a lost connection may pass once; more is for the caller to decide.
                Err(Failed::Broken(error)) if error.is_transient() && attempt == 1 => {}
                Err(Failed::Broken(error)) => return Err(error),
            }
        }
        Err(Broken::Inconsistent("no try was made".to_owned()))
    }
}

/// Why a group's transaction was rolled back.
enum Failed {
    Broken(Broken),
    /// Another process has just written a guest, a key or a quote that this group was about to write, or a code that
    /// was drawn is another booking's.
    Overtaken,
}

impl From<Broken> for Failed {
    fn from(error: Broken) -> Self {
        Self::Broken(error)
    }
}

/// The message that starts a saga.
pub(crate) fn start(saga_id: SagaId, saga: SagaData) -> Result<Outgoing, Broken> {
    let start = StartSaga { saga_id, saga };
    let key = saga_id.to_string();
    Outgoing::new(topics::ORCHESTRATOR_MESSAGES, key, "StartSaga", &start)
}
