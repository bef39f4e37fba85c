//! A batch in memory: what came in is decided on runs as they are known, and what comes of it is collected.

mod effects;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::{Reply, SagaId};
use platform::consumer::Incoming;
use platform::outbox::Outgoing;
use platform::{Broken, retention};
use uuid::Uuid;

use crate::engine::{Input, Line, Pace, Run, Sent, State, What};
use crate::kept::Kept;
use crate::message::{Asked, Message};
use crate::resends::{self, PutOff, Resends};
use crate::rules::Rules;
use crate::sagas::{self, Debt};
use crate::spans;
use crate::store::{Batch, NewLine};
use crate::verbs::{self, Outcome};

pub(crate) use effects::Effects;
use effects::EndedRun;

/// How long the timer leaves a run alone that this code cannot read.
const PUT_OFF: chrono::Duration = chrono::Duration::minutes(1);

/// A batch in memory.
#[derive(Debug)]
pub(crate) struct Work {
    sagas: HashMap<SagaId, Kept>,
    /// Those of them that were not read but remembered.
    remembered: BTreeSet<SagaId>,
    now: DateTime<Utc>,
    pace: Pace,
    rules: Arc<Rules>,
    resends: Arc<Resends>,
    /// Runs that were made before may have been removed; asked for only when one that could be begins.
    pub(crate) removed_before: Option<DateTime<Utc>>,
    touched: BTreeSet<SagaId>,
    batch: Batch,
    effects: Effects,
    is_doubtful: bool,
}

impl Work {
    /// With these runs, of which some are remembered.
    pub(crate) fn new(
        sagas: HashMap<SagaId, Kept>,
        remembered: BTreeSet<SagaId>,
        now: DateTime<Utc>,
        pace: Pace,
        rules: Arc<Rules>,
        resends: Arc<Resends>,
    ) -> Self {
        Self {
            sagas,
            remembered,
            now,
            pace,
            rules,
            resends,
            removed_before: None,
            touched: BTreeSet::new(),
            batch: Batch::default(),
            effects: Effects::default(),
            is_doubtful: false,
        }
    }

    /// Whether something was ignored because of a run that is only remembered: it may have gone on elsewhere.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Whether this asks for a run that is not there and was made so long ago that it may have been removed.
    pub(crate) fn is_late_start(&self, message: &Message) -> bool {
        matches!(message, Message::Start(start)
            if !self.sagas.contains_key(&start.saga_id) && is_late(start.saga_id, self.now))
    }

    fn may_be_removed(&self, saga_id: SagaId) -> bool {
        let times = made_at(saga_id).zip(self.removed_before);
        times.is_some_and(|(made, removed_before)| made < removed_before)
    }

    /// A message came in.
    pub(crate) fn message(&mut self, message: &Incoming<Message>) -> Result<(), Broken> {
        self.batch.heard.push(message.message_id);
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
                    wake_at: None,
                    created_at: self.now,
                    // What is written like nobody's id is nobody.
                    actor: message
                        .envelope
                        .actor
                        .as_ref()
                        .and_then(|actor| actor.parse().ok()),
                    trace: message.envelope.trace.clone(),
                    row: None,
                };
                self.sagas.insert(saga_id, kept);
                self.advance(saga_id, &Input::Start, Some(message.message_id))
                    .map(drop)
            }
            (Message::Start(_), Some(_)) => {
                self.ignore("started_already");
                Ok(())
            }
            (Message::Reply(_) | Message::Verb(_), None) => {
                self.ignore("unknown_saga");
                Ok(())
            }
            (Message::Reply(reply), Some(kept)) => {
                kept.shard = message.partition;
                let was_over = kept.run.state.is_over();
                if !self.advance(saga_id, &Input::Reply(reply), Some(message.message_id))? {
                    self.is_doubtful |= self.remembered.contains(&saga_id);
                    self.not_awaited(reply);
                } else if was_over && reply.outcome != contract::Outcome::Done {
                    self.heard_late(reply);
                }
                Ok(())
            }
            (Message::Verb(asked), Some(kept)) => {
                kept.shard = message.partition;
                self.verb(asked, message.message_id)
            }
        }
    }

    /// Nobody waits for a reply. What it says of an abandoned run is kept with what is owed.
    fn not_awaited(&mut self, reply: &Reply) {
        let known = self.sagas.get(&reply.saga_id);
        if known.is_some_and(|kept| kept.run.state == State::Abandoned && reply.round <= kept.run.round) {
            self.heard_late(reply);
        }
        self.ignore("not_awaited");
    }

    fn heard_late(&mut self, reply: &Reply) {
        let heard = (reply.saga_id, reply.step.clone(), serde_json::json!(reply));
        self.batch.verbs.late.push(heard);
    }

    /// A person says what to do with a run.
    fn verb(&mut self, asked: &Asked, message_id: Uuid) -> Result<(), Broken> {
        let saga_id = asked.saga_id;
        let Some(kept) = self.sagas.get(&saga_id) else {
            return Ok(());
        };
        if kept.run.has_obeyed(asked.spoken.verb_id) {
            self.ignore("verb_obeyed_already");
            return Ok(());
        }
        let judged = verbs::judge(kept, asked, &self.rules, self.now, self.pace);
        let changes = match &judged {
            Outcome::Refused(_) => false,
            Outcome::Applied => self.advance(saga_id, &Input::Verb(&asked.spoken), Some(message_id))?,
        };
        self.is_doubtful |= !changes && self.remembered.contains(&saga_id);
        let seq = self.sagas.get(&saga_id).map_or(0, |kept| kept.run.seq);
        let ended = judged.ended(asked.spoken.verb_id, seq, changes);
        let word = if ended.is_applied { "applied" } else { "refused" };
        *self
            .effects
            .verbs
            .entry((asked.spoken.verb.word(), word))
            .or_default() += 1;
        self.batch.verbs.ended.push(ended);
        Ok(())
    }

    /// The timer looks at a run.
    pub(crate) fn time(&mut self, saga_id: SagaId) -> Result<(), Broken> {
        let changes = self.advance(saga_id, &Input::Time, None)?;
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Ok(());
        };
        let Some(due) = kept.run.due() else {
            return Ok(());
        };
        if changes {
            kept.wake_at = Some(due);
        } else {
            // No later than whatever is sent meanwhile is due: whoever sends it may not know of this look.
            let next = self.now + sagas::soonest();
            let look = match kept.run.held {
                Some(held) => held.look(self.now),
                None if due > self.now => due.min(next),
                // It was due and is put off.
                None => next,
            };
            self.batch.looked.push((saga_id, look));
        }
        Ok(())
    }

    /// The timer has met a run that this code cannot read.
    pub(crate) fn put_off(&mut self, saga_id: SagaId) {
        self.effects.unreadable += 1;
        self.batch.looked.push((saga_id, self.now + PUT_OFF));
    }

    fn ignore(&mut self, why: &'static str) {
        *self.effects.ignored.entry(why).or_default() += 1;
    }

    /// Lets the engine decide. Answers whether anything changed.
    fn advance(
        &mut self,
        saga_id: SagaId,
        input: &Input<'_>,
        message_id: Option<Uuid>,
    ) -> Result<bool, Broken> {
        let Some(kept) = self.sagas.get_mut(&saga_id) else {
            return Ok(false);
        };
        let (before, state) = (kept.run.seq, kept.run.state);
        let pace = self.pace.of(saga_id);
        let moves = match resends::advance(&self.resends, &self.rules, kept, input, self.now, pace) {
            Ok(moves) => moves,
            Err(PutOff(topic)) => {
                *self.effects.put_off.entry(topic).or_default() += 1;
                return Ok(false);
            }
        };
        if moves.lines.is_empty() {
            return Ok(false);
        }
        self.touched.insert(saga_id);
        let due = kept.run.due();
        kept.wake_at = due.map(|due| kept.wake_at.map_or(due, |at| at.min(due)));
        if kept.run.state.is_terminal() && kept.run.state != state {
            self.effects.ended.push(EndedRun {
                kind: kept.data.name(),
                state: kept.run.state.word(),
                after: (self.now - kept.created_at).to_std().unwrap_or_default(),
            });
        }
        if !moves.owed.is_empty() {
            let debts = moves.owed.iter().map(|owed| Debt::of(&kept.data, owed));
            self.batch.verbs.owed.push((saga_id, debts.collect()));
        }
        if let Some(settled) = moves.settled {
            self.batch.verbs.settled.push((saga_id, settled));
        }
        let mut said = None;
        for sent in moves.commands {
            said = Some(self.send(saga_id, sent)?);
        }
        for (seq, line) in (before + 1..).zip(moves.lines) {
            let message_id = match line.what {
                What::SentAgain | What::Released => said,
                _ => message_id,
            };
            self.line(saga_id, seq, line, message_id)?;
        }
        Ok(true)
    }

    /// Says a command, and answers the id of the message.
    fn send(&mut self, saga_id: SagaId, sent: Sent) -> Result<Uuid, Broken> {
        if sent.sending > 1 {
            self.effects.resent += 1;
        } else {
            *self.effects.first.entry(sent.command.topic()).or_default() += 1;
        }
        let kept = self.sagas.get(&saga_id);
        let envelope = kept.map(|kept| kept.envelope(saga_id, &sent, self.pace));
        let command = &sent.command;
        let (topic, key, name) = (command.topic(), command.key(saga_id), command.name());
        let body = sent.envelope(saga_id);
        let outgoing = Outgoing::new(topic, key, name, &body)?.within(envelope.unwrap_or_default());
        let id = outgoing.id;
        self.batch.outgoing.push(outgoing);
        Ok(id)
    }

    fn line(
        &mut self,
        saga_id: SagaId,
        seq: u32,
        line: Line,
        message_id: Option<Uuid>,
    ) -> Result<(), Broken> {
        let Some(kept) = self.sagas.get(&saga_id) else {
            return Ok(());
        };
        self.effects.given_up += u64::from(line.what == What::GivenUp);
        self.effects.held_back += u64::from(line.what == What::HeldBack);
        let outline = kept.outline()?;
        if line.what.ends_step()
            && let Some(trace) = kept.trace.as_ref().filter(|trace| trace.is_sampled())
            && let Some(step) = outline.steps.get(line.step)
        {
            self.effects.steps.push(spans::EndedStep {
                saga_id,
                kind: kept.data.name(),
                step: step.name,
                trace: trace.clone(),
                line: line.clone(),
            });
        }
        self.batch.lines.push(NewLine {
            saga_id,
            seq,
            line,
            outline,
            message_id,
            shard: kept.shard,
        });
        Ok(())
    }

    /// What is to be written.
    pub(crate) fn done(mut self) -> (Batch, Effects) {
        for saga_id in self.touched {
            let Some(kept) = self.sagas.remove(&saga_id) else {
                continue;
            };
            match kept.row {
                None => self.batch.begun.push((saga_id, kept)),
                Some(row) if row != kept.changing() => self.batch.changed.push((saga_id, kept)),
                Some(_) if kept.run.state.is_terminal() => {}
                Some(_) => self.effects.open.push((saga_id, kept)),
            }
        }
        (self.batch, self.effects)
    }
}

/// Whether the run of this id was made so long ago that it may have been removed.
pub(crate) fn is_late(saga_id: SagaId, now: DateTime<Utc>) -> bool {
    let youngest = now - chrono::Duration::days(i64::from(retention::DAYS_MIN));
    made_at(saga_id).is_some_and(|at| at < youngest)
}

/// When an id was made, which it begins with.
fn made_at(saga_id: SagaId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = saga_id.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
