//! The runner: takes what came in for many sagas, reads them, lets the engine decide, and writes the
//! lines, the sagas and the commands, all in the transaction of the batch. The only part with IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{CommandEnvelope, SagaId};
use futures::future::BoxFuture;
use platform::consumer::{Handled, Incoming, Participant};
use platform::health::Health;
use platform::outbox::Outgoing;
use platform::{Broken, Tasks, retention};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::engine::{Input, Line, Pace, Run, What};
use crate::epochs::Epochs;
use crate::message::Message;
use crate::ownership::Ownership;
use crate::recent::{Recent, Snapshot};
use crate::store::{Kept, NewLine};
use crate::{sagas, store};

/// Sagas that one round of the timer takes at most.
pub(crate) const TIMER_BATCH: i64 = 500;

/// Runs sagas.
#[derive(Debug)]
pub(crate) struct Runner {
    /// Where the log is.
    pub(crate) pool: PgPool,
    /// The process's tasks.
    pub(crate) tasks: Tasks,
    /// Where readiness is told.
    pub(crate) health: Health,
    /// How patient sagas are.
    pub(crate) pace: Pace,
    /// After how long a saga is overdue.
    pub(crate) deadline: Duration,
    /// Which shards are ours.
    pub(crate) ownership: Arc<Ownership>,
    /// Runs as they were committed last.
    pub(crate) recent: Recent,
}

/// What a transaction did, counted once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    ended: Vec<Ended>,
    ignored: BTreeMap<&'static str, u64>,
    resent: u64,
    given_up: u64,
    unreadable: usize,
    open: Vec<(SagaId, Snapshot)>,
}

#[derive(Debug)]
struct Ended {
    kind: &'static str,
    state: &'static str,
    after: Duration,
}

impl Participant for Runner {
    type Message = Message;
    type After = Effects;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Message>],
    ) -> BoxFuture<'c, Handled<Effects>> {
        Box::pin(self.take(db, batch))
    }

    async fn committed(&self, mut effects: Effects) {
        self.recent.put(std::mem::take(&mut effects.open));
        effects.count();
    }

    async fn rebalanced(&self, assigned: bool, partitions: Vec<(String, i32)>) {
        // Both topics have the same partitions, and the range assignor gives both to the same consumer.
        let shards: BTreeSet<i32> = partitions.into_iter().map(|(_, partition)| partition).collect();
        let shards: Vec<i32> = shards.into_iter().collect();
        if !assigned {
            return self.ownership.release(&shards);
        }
        let claimed = self.ownership.assign(&self.pool, &shards).await;
        // Not tried again here: what Kafka says next would not be heard until then.
        if let Err(error) = self.say_whether_ready(claimed) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the shards could not be claimed; the timer tries again");
        }
    }
}

impl Runner {
    /// Handles a batch of messages.
    async fn take(&self, db: &mut PgConnection, batch: &[Incoming<Message>]) -> Handled<Effects> {
        let epochs = self.ownership.of(batch.iter().map(|message| message.partition))?;
        let now = store::hold_epochs(db, &epochs).await?;
        let ids: BTreeSet<Uuid> = batch
            .iter()
            .map(|message| message.body.saga_id().uuid())
            .collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let known = store::lock(db, &ids, self.recent.take(&ids)).await?;
        let mut work = Work::new(known, now, self.pace);
        if batch.iter().any(|message| work.is_late_start(&message.body)) {
            work.removed_before = store::removed_before(db).await?;
        }
        for message in batch {
            work.message(message)?;
        }
        self.write(db, work, &epochs).await
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

    /// Looks at sagas whose time has come, at most [`TIMER_BATCH`], and answers how many there were.
    /// What it sends is already in the outbox. Shards whose epoch has ended are left out and do not stop
    /// the others.
    pub(crate) async fn fire(&self, db: &mut PgConnection) -> Result<(usize, Effects), Broken> {
        let epochs = self.ownership.all();
        if epochs.is_empty() {
            return Ok((0, Effects::default()));
        }
        let (held, now) = store::hold_current(db, &epochs).await?;
        let mut ended = epochs;
        ended.retain(|shard, _| !held.contains_key(shard));
        self.ownership.lost(&ended);
        let Some(now) = now else {
            return Err(Broken::Superseded("every shard has another owner".to_owned()));
        };
        let shards: Vec<i32> = held.keys().copied().collect();
        let due = store::due(db, &shards, TIMER_BATCH).await?;
        let ids: BTreeSet<SagaId> = due.sagas.keys().copied().collect();
        let count = ids.len() + due.unreadable;
        let mut work = Work::new(due.sagas, now, self.pace);
        work.effects.unreadable = due.unreadable;
        for saga_id in ids {
            work.time(saga_id)?;
        }
        let (outgoing, effects) = self.write(db, work, &held).await?;
        platform::outbox::write(db, crate::SCHEMA, &outgoing).await?;
        Ok((count, effects))
    }

    async fn write(&self, db: &mut PgConnection, mut work: Work, epochs: &Epochs) -> Handled<Effects> {
        for line in &mut work.lines {
            let shard = work.sagas.get(&line.saga_id).map(|kept| kept.shard);
            line.epoch = shard
                .and_then(|shard| epochs.get(&shard))
                .copied()
                .unwrap_or_default();
        }
        let touched = std::mem::take(&mut work.touched);
        let taken = touched
            .into_iter()
            .filter_map(|id| Some((id, work.sagas.remove(&id)?)));
        let (changed, new): (Vec<_>, Vec<_>) = taken.partition(|(_, kept)| kept.stored);
        if !new.is_empty() {
            store::insert(db, &new, epochs, self.deadline).await?;
        }
        if !changed.is_empty() {
            store::change(db, &changed, epochs).await?;
        }
        let written = new.into_iter().chain(changed);
        work.effects.open = written
            .filter_map(|(id, kept)| Some((id, kept.snapshot()?)))
            .collect();
        if !work.lines.is_empty() {
            store::append(db, &work.lines).await?;
        }
        Ok((work.outgoing, work.effects))
    }
}

/// A batch in memory.
struct Work {
    sagas: HashMap<SagaId, Kept>,
    now: DateTime<Utc>,
    pace: Pace,
    /// Runs that were made before may have been removed; asked for only when one that could be begins.
    removed_before: Option<DateTime<Utc>>,
    touched: BTreeSet<SagaId>,
    lines: Vec<NewLine>,
    outgoing: Vec<Outgoing>,
    effects: Effects,
}

impl Work {
    fn new(sagas: HashMap<SagaId, Kept>, now: DateTime<Utc>, pace: Pace) -> Self {
        Self {
            sagas,
            now,
            pace,
            removed_before: None,
            touched: BTreeSet::new(),
            lines: Vec::new(),
            outgoing: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Whether this asks for a run that is not there and was made so long ago that it may have been removed.
    fn is_late_start(&self, message: &Message) -> bool {
        let youngest = self.now - chrono::Duration::days(i64::from(retention::DAYS_MIN));
        matches!(message, Message::Start(start)
            if !self.sagas.contains_key(&start.saga_id) && made_at(start.saga_id).is_some_and(|at| at < youngest))
    }

    fn may_be_removed(&self, saga_id: SagaId) -> bool {
        let times = made_at(saga_id).zip(self.removed_before);
        times.is_some_and(|(made, removed_before)| made < removed_before)
    }

    fn message(&mut self, message: &Incoming<Message>) -> Result<(), Broken> {
        let saga_id = message.body.saga_id();
        let may_be_removed = self.may_be_removed(saga_id);
        match (&message.body, self.sagas.get_mut(&saga_id)) {
            // It has ended and was kept long enough; the message comes again after all that time.
            (Message::Start(_), None) if may_be_removed => {
                self.ignore("removed");
                Ok(())
            }
            (Message::Start(start), None) => {
                let kept = Kept {
                    shard: message.partition,
                    data: start.saga.clone(),
                    run: Run::new(),
                    lines: 0,
                    wake_at: None,
                    created_at: self.now,
                    trace: message.envelope.trace.clone(),
                    stored: false,
                };
                self.sagas.insert(saga_id, kept);
                self.advance(saga_id, &Input::Start).map(drop)
            }
            (Message::Start(_), Some(_)) => {
                self.ignore("started_already");
                Ok(())
            }
            (Message::Reply(_), None) => {
                self.ignore("unknown_saga");
                Ok(())
            }
            (Message::Reply(reply), Some(kept)) => {
                kept.shard = message.partition;
                if !self.advance(saga_id, &Input::Reply(reply))? {
                    self.ignore("settled_already");
                }
                Ok(())
            }
        }
    }

    fn time(&mut self, saga_id: SagaId) -> Result<(), Broken> {
        self.advance(saga_id, &Input::Time)?;
        // Written even when nothing was due yet: the timer has to look later.
        self.touched.insert(saga_id);
        if let Some(kept) = self.sagas.get_mut(&saga_id) {
            kept.wake_at = kept.run.waiting.map(|waiting| waiting.due);
        }
        Ok(())
    }

    fn ignore(&mut self, why: &'static str) {
        *self.effects.ignored.entry(why).or_default() += 1;
    }

    /// Lets the engine decide. Answers whether anything changed.
    fn advance(&mut self, saga_id: SagaId, input: &Input<'_>) -> Result<bool, Broken> {
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Ok(false);
        };
        let lines = sagas::advance(&kept.data, &mut kept.run, input, self.now, self.pace);
        if lines.is_empty() {
            return Ok(false);
        }
        self.touched.insert(saga_id);
        kept.wake_at = kept
            .run
            .waiting
            .map(|waiting| kept.wake_at.map_or(waiting.due, |at| at.min(waiting.due)));
        if kept.run.state.is_terminal() {
            self.effects.ended.push(Ended {
                kind: kept.data.name(),
                state: kept.run.state.word(),
                after: (self.now - kept.created_at).to_std().unwrap_or_default(),
            });
        }
        for line in lines {
            self.line(saga_id, line)?;
        }
        Ok(true)
    }

    fn line(&mut self, saga_id: SagaId, line: Line) -> Result<(), Broken> {
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Ok(());
        };
        kept.lines += 1;
        let mut new = NewLine {
            saga_id,
            epoch: 0,
            step: line.step,
            kind: if line.undo { "undo" } else { line.kind.word() },
            entry: 0,
            seq: kept.lines,
            outcome: "sent",
            attempt: 0,
            command: None,
            reply: None,
            sent_at: None,
        };
        match line.what {
            What::Sent { attempt, command } => {
                self.effects.resent += u64::from(attempt > 1);
                let (topic, key, name) = (command.topic(), command.key(saga_id), command.name());
                new.entry = attempt.cast_signed();
                new.attempt = attempt.cast_signed();
                new.sent_at = Some(self.now);
                new.command = Some((name, json(&command)?));
                let step = line.step.to_owned();
                let envelope = CommandEnvelope {
                    saga_id,
                    step,
                    undo: line.undo,
                    attempt,
                    command,
                };
                let outgoing = Outgoing::new(topic, key, name, &envelope)?;
                self.outgoing.push(outgoing.within(kept.envelope(self.pace)));
            }
            What::Settled {
                outcome,
                attempt,
                since,
                reply,
            } => {
                self.effects.given_up += u64::from(outcome == "given_up");
                new.outcome = outcome;
                new.attempt = attempt.cast_signed();
                new.sent_at = since;
                new.reply = reply.as_ref().map(json).transpose()?;
            }
        }
        self.lines.push(new);
        Ok(())
    }
}

/// When an id was made, which it begins with.
fn made_at(saga_id: SagaId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = saga_id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn json(value: &impl serde::Serialize) -> Result<String, Broken> {
    serde_json::to_string(value).map_err(|error| Broken::Inconsistent(error.to_string()))
}

impl Effects {
    /// Counts what was committed.
    pub(crate) fn count(self) {
        for ended in self.ended {
            metrics::counter!("bellhop_sagas_total", "type" => ended.kind, "state" => ended.state)
                .increment(1);
            metrics::histogram!("bellhop_saga_seconds", "type" => ended.kind, "state" => ended.state)
                .record(ended.after);
        }
        for (why, count) in self.ignored {
            metrics::counter!("bellhop_saga_messages_ignored_total", "why" => why).increment(count);
        }
        metrics::counter!("bellhop_saga_commands_resent_total").increment(self.resent);
        metrics::counter!("bellhop_saga_steps_given_up_total").increment(self.given_up);
        let unreadable = u64::try_from(self.unreadable).unwrap_or_default();
        metrics::counter!("bellhop_sagas_unreadable_total").increment(unreadable);
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
