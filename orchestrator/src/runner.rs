//! The runner: takes what came in for many runs, lets the engine decide on them as this process remembers them, and
//! writes what comes of it with one statement. Nobody is locked out meanwhile: when a run has gone on elsewhere the
//! statement writes nothing, and the batch is decided anew from the tables.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{SagaId, topics};
use platform::consumer::{Incoming, Participant, Transacted, each_once, leave_out_heard};
use platform::health::Health;
use platform::outbox::Schema;
use platform::{Broken, Tasks, Tracer, db};
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::SCHEMA;
use crate::batch::{Effects, Work, is_late};
use crate::engine::Pace;
use crate::epochs::Epochs;
use crate::kept::Kept;
use crate::message::Message;
use crate::now::Now;
use crate::ownership::Ownership;
use crate::recent::Recent;
use crate::resends::Resends;
use crate::rules::{Rule, Rules};
use crate::store;

/// Runs that one round of the timer takes at most.
pub(crate) const TIMER_BATCH: i64 = 500;
/// How often a batch is decided before it is left to whoever tries it again.
const TRIES: u32 = 5;

/// Runs sagas.
#[derive(Debug)]
pub(crate) struct Runner {
    /// Where the journals are.
    pub(crate) pool: PgPool,
    /// The process's tasks.
    pub(crate) tasks: Tasks,
    /// Where readiness is told.
    pub(crate) health: Health,
    /// How patient runs are.
    pub(crate) pace: Pace,
    /// After how long a run is overdue.
    pub(crate) deadline: Duration,
    /// Which shards are ours.
    pub(crate) ownership: Arc<Ownership>,
    /// Runs as they were written last.
    pub(crate) recent: Recent,
    /// What time it is.
    pub(crate) now: Now,
    /// What operators hold back.
    pub(crate) rules: Arc<Rules>,
    /// What participants are asked again.
    pub(crate) resends: Arc<Resends>,
    /// Told when runs were woken, so that the timer looks.
    pub(crate) woken: Arc<Notify>,
    /// Where the spans of steps go.
    pub(crate) tracer: Tracer,
}

impl Participant for Runner {
    type Message = Message;
    type After = Effects;
    const FORMER: &'static [&'static str] = &topics::ORCHESTRATOR_FORMER;

    async fn transact(
        self: &Arc<Self>,
        _: &PgPool,
        _: Schema,
        batch: Arc<Vec<Incoming<Message>>>,
    ) -> Transacted<Effects> {
        self.take(batch).await
    }

    async fn committed(&self, mut effects: Effects) {
        self.recent.put(std::mem::take(&mut effects.open));
        effects.count(&self.tracer, &self.resends);
    }

    async fn rebalanced(&self, assigned: bool, partitions: Vec<(String, i32)>) {
        // A topic of the former release has as many partitions as that of this one, and the range assignor gives those of one
        // number to one consumer.
        let shards: BTreeSet<i32> = partitions.into_iter().map(|(_, partition)| partition).collect();
        let shards: Vec<i32> = shards.into_iter().collect();
        if !assigned {
            return self.ownership.release(&shards);
        }
        self.rules.shards.forget();
        let claimed = self.ownership.assign(&self.pool, &shards).await;
        // Not tried again here: what Kafka says next would not be heard until then.
        if let Err(error) = self.say_whether_ready(claimed) {
            let error = platform::chain(&error);
            tracing::warn!(error, "the shards could not be claimed; the timer tries again");
        }
    }
}

impl Runner {
    /// The rules, as the table says.
    pub(crate) async fn rules_in_force(&self) -> Result<Vec<Rule>, Broken> {
        let mut db = db::lease(&self.pool).await?;
        db::patiently(store::rules_in_force(&mut db)).await
    }

    /// Nothing is sent before this process knows what is held back. Answers how many shards there are.
    async fn know_rules(&self) -> Result<i32, Broken> {
        if self.rules.known().is_none() {
            self.rules.read(self.rules_in_force().await?);
        }
        self.rules.shards.know().await
    }

    /// Handles a batch of messages: first with what is remembered, and when that does not go, from the tables.
    async fn take(&self, mut batch: Arc<Vec<Incoming<Message>>>) -> Transacted<Effects> {
        self.know_rules().await?;
        let epochs = self.ownership.of(batch.iter().map(|message| message.partition))?;
        let count = batch.len();
        each_once(&mut batch);
        for attempt in 0..TRIES {
            let work = if attempt == 0 {
                self.remembered(&batch).await?
            } else {
                leave_out_heard(&self.pool, SCHEMA, Arc::make_mut(&mut batch)).await?;
                if batch.is_empty() {
                    return Ok((None, count));
                }
                self.read(&batch).await?
            };
            let work = self.decide(work, &batch).await?;
            if work.is_doubtful() {
                continue;
            }
            match self.write(work, &epochs).await {
                Err(Broken::Overtaken(what)) => {
                    metrics::counter!("bellhop_saga_batches_overtaken_total", "by" => what).increment(1);
                }
                written => return written.map(|effects| (Some(effects), count - batch.len())),
            }
        }
        Err(Broken::Overtaken("a run that goes on all the time"))
    }

    /// The runs of a batch as this process remembers them; those that it does not remember are read. Whatever is asked
    /// for is taken to be new.
    async fn remembered(&self, batch: &[Incoming<Message>]) -> Result<Work, Broken> {
        let now = self.time().await?;
        let ids: BTreeSet<SagaId> = batch.iter().map(|message| message.body.saga_id()).collect();
        let mut known = self.recent.take(ids);
        let remembered: BTreeSet<SagaId> = known.keys().copied().collect();
        let is_read = |message: &&Incoming<Message>| match &message.body {
            Message::Reply(reply) => !remembered.contains(&reply.saga_id),
            Message::Verb(asked) => !remembered.contains(&asked.saga_id),
            Message::Start(start) => is_late(start.saga_id, now),
        };
        let unknown = batch.iter().filter(is_read);
        let unknown: BTreeSet<Uuid> = unknown.map(|message| message.body.saga_id().uuid()).collect();
        if !unknown.is_empty() {
            let unknown: Vec<Uuid> = unknown.into_iter().collect();
            let mut db = db::lease(&self.pool).await?;
            known.extend(
                db::patiently(store::runs(&mut db, &unknown, self.pace))
                    .await?
                    .all()?,
            );
        }
        Ok(self.work(known, remembered, now))
    }

    /// The runs of a batch as the tables say.
    async fn read(&self, batch: &[Incoming<Message>]) -> Result<Work, Broken> {
        let ids: BTreeSet<SagaId> = batch.iter().map(|message| message.body.saga_id()).collect();
        let ids: Vec<Uuid> = ids.into_iter().map(SagaId::uuid).collect();
        let mut db = db::lease(&self.pool).await?;
        let found = db::patiently(store::runs(&mut db, &ids, self.pace)).await?;
        drop(db);
        let now = self.time().await?;
        Ok(self.work(found.all()?, BTreeSet::new(), now))
    }

    fn work(&self, runs: HashMap<SagaId, Kept>, remembered: BTreeSet<SagaId>, now: DateTime<Utc>) -> Work {
        let (rules, resends) = (Arc::clone(&self.rules), Arc::clone(&self.resends));
        Work::new(runs, remembered, now, self.pace, rules, resends)
    }

    async fn decide(&self, mut work: Work, batch: &[Incoming<Message>]) -> Result<Work, Broken> {
        if batch.iter().any(|message| work.is_late_start(&message.body)) {
            let mut db = db::lease(&self.pool).await?;
            work.removed_before = db::patiently(store::removed_before(&mut db)).await?;
        }
        for message in batch {
            work.message(message)?;
        }
        Ok(work)
    }

    /// What time it is, by the database's clock.
    async fn time(&self) -> Result<DateTime<Utc>, Broken> {
        if let Some(now) = self.now.get() {
            return Ok(now);
        }
        let mut db = db::lease(&self.pool).await?;
        let now = db::patiently(store::now(&mut db)).await?;
        self.now.heard(now);
        Ok(now)
    }

    /// Writes what was decided, all of it or nothing.
    async fn write(&self, work: Work, epochs: &Epochs) -> Result<Effects, Broken> {
        let (batch, mut effects) = work.done();
        let batch = Arc::new(batch);
        let (writes, held, deadline) = (Arc::clone(&batch), epochs.clone(), self.deadline);
        let now = if batch.verbs.is_empty() {
            let written = db::one_statement(&self.pool, move |db| {
                Box::pin(async move { store::write(db, &held, deadline, &writes).await })
            });
            written.await?
        } else {
            // People speak seldom: what comes of that has a statement of its own, so that no booking pays for it.
            let written = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
                Box::pin(async move {
                    let now = store::write(db, &held, deadline, &writes).await?;
                    store::end_verbs(db, &writes.verbs).await?;
                    Ok(now)
                })
            });
            written.await?
        };
        self.now.heard(now);
        let batch = Arc::unwrap_or_clone(batch);
        effects.written(batch.begun.into_iter().chain(batch.changed));
        Ok(effects)
    }

    /// Claims what Kafka says is ours and this process does not hold: what could not be claimed when it was
    /// assigned, and what another process took by a claim that came late.
    pub(crate) async fn claim(&self) -> Result<(), Broken> {
        if self.ownership.missing().is_empty() {
            return Ok(());
        }
        self.say_whether_ready(self.ownership.claim(&self.pool).await)
    }

    fn say_whether_ready(&self, claimed: Result<(), Broken>) -> Result<(), Broken> {
        match &claimed {
            Ok(()) => self.health.ready("orchestrator"),
            Err(_) => self
                .health
                .not_ready("orchestrator", "the saga database does not answer"),
        }
        claimed
    }

    /// Looks at runs whose time has come, at most [`TIMER_BATCH`], and answers how many there were. Shards whose epoch
    /// has ended are left out and do not stop the others.
    pub(crate) async fn fire(&self) -> Result<(usize, Effects), Broken> {
        let epochs = self.ownership.all();
        if epochs.is_empty() {
            return Ok((0, Effects::default()));
        }
        let shards_in_all = self.know_rules().await?;
        let mut db = db::lease(&self.pool).await?;
        let held = db::patiently(store::current(&mut db, &epochs)).await?;
        let mut ended = epochs;
        ended.retain(|shard, _| !held.contains_key(shard));
        self.ownership.lost(&ended);
        if held.is_empty() {
            return Err(Broken::Superseded("every shard has another owner".to_owned()));
        }
        let shards: Vec<i32> = held.keys().copied().collect();
        let (now, due) = db::patiently(store::due(&mut db, &shards, shards_in_all, TIMER_BATCH)).await?;
        self.now.heard(now);
        if due.is_empty() {
            return Ok((0, Effects::default()));
        }
        let mut found = db::patiently(store::runs(&mut db, &due, self.pace)).await?;
        drop(db);
        for kept in found.runs.values_mut() {
            kept.shard %= shards_in_all;
        }
        let ids: Vec<SagaId> = found.runs.keys().copied().collect();
        let mut work = self.work(found.runs, BTreeSet::new(), now);
        if let Some((saga_id, why)) = found.unreadable.first() {
            say_unreadable(found.unreadable.len(), *saga_id, why);
        }
        for (saga_id, _) in found.unreadable {
            work.put_off(saga_id);
        }
        for saga_id in ids {
            work.time(saga_id)?;
        }
        Ok((due.len(), self.write(work, &held).await?))
    }
}

fn say_unreadable(count: usize, saga_id: SagaId, why: &Broken) {
    let error = platform::chain(why);
    tracing::error!(count, %saga_id, error, "sagas cannot be read and wait; this is one of them, and why");
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
