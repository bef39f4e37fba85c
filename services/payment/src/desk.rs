//! The desk where operations are worked on: a bounded queue, a bounded number of calls at once, and no
//! transaction open while the provider is being called.
//!
//! Nothing depends on the desk alone. What it forgets in a crash, or has no place for, is still due in the
//! database, where the sweep finds it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::{Money, SagaId};
use platform::breaker::{Breaker, Permit, Seen};
use platform::grouped::Grouped;
use platform::retry::Backoff;
use platform::{Parts, Tasks};
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::Instant;

use crate::model::{self, Answer, Asks, Call, Effect, Ending, Payment, Plan, Say};
use crate::provider::{Heard, Provider};
use crate::settle::{Round, Settled, Writer};
use crate::store::operation::{Due, Postponed};

/// Operations that wait at the desk for a free place; more are left to the sweep.
const QUEUE_MAX: usize = 1_024;
/// Outcomes written by one commit.
const GROUP_MAX: usize = 256;
/// Waits before an unknown outcome is asked for again. There is no last time.
const UNKNOWN: Backoff = Backoff {
    first_ms: 150,
    cap_ms: 15_000,
};
/// The part that limps while the provider is left alone.
const PART: &str = "payment-provider";
/// What is held back comes up again no sooner, in milliseconds.
const HELD_BACK_MS_MIN: u64 = 250;
/// After this many rounds without an outcome people should look.
const TRIES_BEFORE_INCIDENT: i32 = 10;

/// An operation to work on, with its payment as it is when all earlier operations are settled.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) due: Due,
    pub(crate) payment: Payment,
    /// Whether the provider may have been called for it before.
    pub(crate) ask_first: bool,
}

impl Job {
    /// What is to be done. An incident is recorded here, once for each time somebody looks.
    pub(crate) fn plan(&self) -> Plan {
        let planned = model::plan(&self.payment, self.due.kind, self.due.round, self.asked());
        if let Some(incident) = planned.incident {
            self.incident(incident);
        }
        planned.plan
    }

    /// The outcome of an operation for which no provider is needed.
    pub(crate) fn settled(&self, ending: Ending, effect: Effect) -> Settled {
        Settled {
            payment: self.due.payment,
            operation_no: self.due.operation_no,
            round: self.due.round,
            ending,
            effect,
        }
    }

    fn asked(&self) -> Option<Money> {
        let currency = self.payment.terms.as_ref()?.amount.currency();
        Money::from_minor(self.due.asked_minor?, currency).ok()
    }

    fn incident(&self, kind: &'static str) {
        metrics::counter!("bellhop_payment_incidents_total", "kind" => kind).increment(1);
        let (hotel_id, payment_id) = self.due.payment;
        tracing::error!(
            %hotel_id,
            %payment_id,
            operation = self.due.kind.word(),
            tries = self.due.tries,
            incident = kind,
            "a payment needs to be looked at"
        );
    }
}

/// The desk.
pub(crate) struct Desk<P> {
    provider: P,
    /// Between us and the provider.
    breaker: Breaker,
    queue: mpsc::Sender<Job>,
    writer: Grouped<Writer>,
    /// Tells the sweep that there is work for it again.
    nudge: Arc<Notify>,
    at_work: Mutex<HashSet<i64>>,
}

impl<P: Provider> Desk<P> {
    /// Opens the desk.
    pub(crate) fn open(
        parts: &Parts,
        pool: &PgPool,
        provider: P,
        calls_max: usize,
        nudge: Arc<Notify>,
    ) -> Arc<Self> {
        let tasks = &parts.tasks;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let writer = Writer {
            pool: pool.clone(),
            tasks: tasks.clone(),
            nudge: Arc::clone(&nudge),
        };
        // Every call at work has at most one outcome to write.
        let writer = Grouped::start(tasks, "payment-outcomes", writer, GROUP_MAX, calls_max.max(1));
        let desk = Arc::new(Self {
            breaker: Breaker::new(provider.name(), PART, &parts.clock, &parts.health),
            provider,
            queue,
            writer,
            nudge,
            at_work: Mutex::default(),
        });
        tasks.spawn(
            "payment-desk",
            Arc::clone(&desk).serve(tasks.clone(), waiting, calls_max.max(1)),
        );
        desk
    }

    /// Offers an operation. One that is at work already, or for which there is no place, is left alone.
    pub(crate) fn offer(&self, job: Job) {
        let operation_no = job.due.operation_no;
        if self.at_work().insert(operation_no) && self.queue.try_send(job).is_err() {
            self.at_work().remove(&operation_no);
        }
    }

    /// How many more operations can wait: while the provider is left alone none, and then one at a time.
    pub(crate) fn places(&self) -> usize {
        let most = if self.breaker.is_closed() { usize::MAX } else { 1 };
        let most = self.breaker.closed_off_for().map_or(most, |_| 0);
        self.queue.capacity().min(most)
    }

    /// How the provider stands, as this process sees it.
    pub(crate) fn provider(&self) -> Seen {
        self.breaker.seen()
    }

    async fn serve(self: Arc<Self>, tasks: Tasks, mut waiting: mpsc::Receiver<Job>, calls_max: usize) {
        let places = Arc::new(Semaphore::new(calls_max));
        loop {
            let job = tokio::select! {
                () = tasks.stopping() => return,
                job = waiting.recv() => job,
            };
            let place = tokio::select! {
                () = tasks.stopping() => return,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let (Some(job), Ok(place)) = (job, place) else {
                return;
            };
            let desk = Arc::clone(&self);
            tasks.spawn_work(async move {
                let operation_no = job.due.operation_no;
                let _at_work = AtWork {
                    desk: &*desk,
                    operation_no,
                };
                let round = desk.work(&job).await;
                if desk.writer.ask(round).await.is_err() {
                    tracing::warn!(
                        operation_no,
                        "an outcome was not written; the operation comes up again"
                    );
                }
                drop(place);
            });
        }
    }

    /// One round of work on an operation.
    async fn work(&self, job: &Job) -> Round {
        let call = match job.plan() {
            Plan::Settled(ending, effect) => return Round::Settled(job.settled(ending, effect)),
            Plan::Call(call) => call,
        };
        let was_closed = self.breaker.is_closed();
        let Some(permit) = self.breaker.permit() else {
            return Round::Postponed(self.held_back(job));
        };
        let heard = self.outcome_of(job, &call, &permit).await;
        // What the provider knows in the end it has answered, however often it did not before.
        match &heard.away {
            None => permit.answered(),
            Some(why) => permit.failed(why),
        }
        if !was_closed {
            // The next one may be tried, or all that was held back meanwhile.
            self.nudge.notify_one();
        }
        match call.judge(heard.answer) {
            Ok((ending, effect)) => Round::Settled(job.settled(ending, effect)),
            Err(trouble) => Round::Postponed(postpone(job, trouble)),
        }
    }

    /// The provider is left alone, so nothing is tried: it comes up again when one may be, and is as unknown as before.
    fn held_back(&self, job: &Job) -> Postponed {
        let wait = self.breaker.closed_off_for().unwrap_or_default();
        let wait = wait.max(Duration::from_millis(HELD_BACK_MS_MIN));
        Postponed {
            payment: job.due.payment,
            operation_no: job.due.operation_no,
            is_tried: false,
            wait_ms: i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
            trouble: "the provider does not answer and is left alone for a while".to_owned(),
        }
    }

    /// Makes the call, and asks for its outcome by its key before anything is repeated. Once the provider is to be left alone
    /// nothing more is said.
    async fn outcome_of(&self, job: &Job, call: &Call, permit: &Permit<'_>) -> Heard {
        // Only a refund needs its saga in the key: everything else happens once a round to a payment.
        let asks = Asks {
            cause: job.due.cause.unwrap_or(SagaId::from_uuid(uuid::Uuid::nil())),
            round: job.due.round,
        };
        let key = call.key(&job.payment, asks);
        let mut say = Say::first(job.ask_first);
        loop {
            let heard = match say {
                Say::AskFirst | Say::AskAfter => self.ask(&key).await,
                Say::Submit => self.submit(&key, call).await,
            };
            match say.next(&heard.answer).filter(|_| permit.is_good()) {
                Some(next) => say = next,
                None => return heard,
            }
        }
    }

    async fn submit(&self, key: &str, call: &Call) -> Heard {
        let begun = Instant::now();
        platform::chaos::point("provider.before");
        let heard = self.provider.submit(key, call).await;
        platform::chaos::point("provider.after");
        observe(call.name(), &heard.answer, begun.elapsed());
        heard
    }

    async fn ask(&self, key: &str) -> Heard {
        let begun = Instant::now();
        let heard = self.provider.ask(key).await;
        observe("ask", &heard.answer, begun.elapsed());
        heard
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks an operation as being at work, also when the work panics.
struct AtWork<'d, P: Provider> {
    desk: &'d Desk<P>,
    operation_no: i64,
}

impl<P: Provider> Drop for AtWork<'_, P> {
    fn drop(&mut self) {
        self.desk.at_work().remove(&self.operation_no);
    }
}

/// The operation comes up again, the later the more often it was tried.
pub(crate) fn postpone(job: &Job, trouble: String) -> Postponed {
    let tries = job.due.tries.saturating_add(1);
    if tries >= TRIES_BEFORE_INCIDENT && tries.unsigned_abs().is_power_of_two() {
        job.incident("outcome_unknown");
    }
    let wait = UNKNOWN.after(tries.unsigned_abs());
    Postponed {
        payment: job.due.payment,
        operation_no: job.due.operation_no,
        is_tried: true,
        wait_ms: i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
        trouble,
    }
}

fn observe(call: &'static str, answer: &Answer, took: Duration) {
    let answer = match answer {
        Answer::Succeeded { .. } => "succeeded",
        Answer::Declined => "declined",
        Answer::Processing => "processing",
        Answer::NeverSeen => "never_seen",
        Answer::Unknown(_) => "unknown",
    };
    metrics::counter!("bellhop_provider_calls_total", "call" => call, "answer" => answer).increment(1);
    metrics::histogram!("bellhop_provider_call_seconds", "call" => call).record(took);
}
