//! A reader takes its next messages: inbox, rows and outbox in one transaction, then the offset.

use std::rc::Rc;

use contract::refusal::Code;
use contract::{Outcome, Reply, SagaId};
use orchestrator::engine::{Input, What};

use crate::broker::{Body, Broker, Lane, Message, Reader};
use crate::cache::Change;
use crate::coordinator::Sent;
use crate::planted;
use crate::rooms::asked;
use crate::seen::Sight;
use crate::world::World;

/// How long a hold lives, in seconds.
const HOLD_SECONDS: i64 = 900;

impl World {
    /// A reader takes its next messages in one transaction.
    ///
    /// # Errors
    /// When a model finds that something cannot be.
    pub(crate) fn deliver(&mut self, lane: Lane, count: usize) -> Result<(), String> {
        let messages = self.broker.read(lane, count);
        let handled = messages.len();
        if self.strikes(self.rates.crash_before) {
            self.tell(|| format!("{:?} is killed before it commits {handled} messages", lane.0));
            if planted!(OffsetBeforeCommit) {
                self.broker.handled(lane, handled);
                self.broker.commit_offset(lane);
            }
            self.restart(lane);
            return Ok(());
        }
        let new = self.not_handled_before(lane.0, messages);
        let crashes = self.strikes(self.rates.crash_after);
        let said = self.handle(lane.0, &new)?;
        if !(crashes && planted!(OutboxAfterCommit)) {
            for body in said {
                self.broker.commit(body);
            }
        }
        self.broker.handled(lane, handled);
        if crashes {
            self.tell(|| format!("{:?} is killed after it committed {handled} messages", lane.0));
            self.restart(lane);
        } else if self.random.bool() {
            self.broker.commit_offset(lane);
        }
        Ok(())
    }

    /// The process that reads a lane is killed and comes back: what it remembered is gone.
    fn restart(&mut self, lane: Lane) {
        self.broker.rewind(lane);
        match lane.0 {
            Reader::Orchestrator => self.coordinator.forget(self.coordinator.owner),
            Reader::Payment => self.money.desk.clear(),
            Reader::Inventory | Reader::Reservation | Reader::Cache => {}
        }
    }

    pub(crate) fn not_handled_before(&mut self, reader: Reader, messages: Vec<Message>) -> Vec<Rc<Body>> {
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            // The cache has no inbox: an older change is no newer one. What the inbox of the others has forgotten is
            // handled again, any number of times.
            let is_new = reader == Reader::Cache || self.remember(message.id);
            if is_new {
                new.push(message.body);
            } else if self.strikes(self.rates.inbox_forgets) {
                self.seen.note(Sight::HandledAgain);
                new.push(message.body);
            } else {
                self.seen.note(Sight::Duplicate);
            }
        }
        new
    }

    fn handle(&mut self, reader: Reader, messages: &[Rc<Body>]) -> Result<Vec<Body>, String> {
        match reader {
            Reader::Orchestrator => Ok(self.coordinate(self.coordinator.owner, messages)),
            Reader::Inventory => self.settle_rooms(messages),
            Reader::Payment => self.take_payments(messages),
            Reader::Reservation => self.take_reservations(messages),
            Reader::Cache => {
                self.change_cache(messages);
                Ok(Vec::new())
            }
        }
    }

    pub(crate) fn coordinate(&mut self, process: usize, messages: &[Rc<Body>]) -> Vec<Body> {
        let mut sent = Vec::new();
        for message in messages {
            match &**message {
                Body::Start(start) => {
                    self.tell(|| format!("{} {} starts", start.saga.name(), short(start.saga_id)));
                    sent.extend(
                        self.coordinator
                            .start(process, start.saga_id, &start.saga, self.now),
                    );
                }
                Body::Reply(reply) => {
                    self.tell(|| told(reply));
                    let input = Input::Reply(reply);
                    sent.extend(self.coordinator.advance(process, reply.saga_id, &input, self.now));
                }
                Body::Verb(said) => sent.extend(self.obey(process, said)),
                _ => {}
            }
        }
        sent.into_iter().map(body_of).collect()
    }

    /// The owner's timer looks at the sagas that are due.
    pub(crate) fn fire(&mut self) {
        for saga_id in self.coordinator.due(self.now) {
            let sent = self.coordinator.fire(self.coordinator.owner, saga_id, self.now);
            self.tell(|| format!("{} has waited long enough", short(saga_id)));
            for command in sent {
                self.broker.commit(body_of(command));
            }
        }
    }

    fn settle_rooms(&mut self, messages: &[Rc<Body>]) -> Result<Vec<Body>, String> {
        let commands = messages.iter().filter_map(|message| match &**message {
            Body::Inventory(envelope, deadline) => Some((envelope, *deadline)),
            _ => None,
        });
        let commands: Vec<_> = commands.collect();
        let asked: Vec<_> = commands
            .iter()
            .map(|(envelope, deadline)| (asked(envelope, *deadline), envelope.command.clone()))
            .collect();
        let expires = self.now.timestamp() + HOLD_SECONDS;
        let (outcomes, changed) = self
            .rooms
            .settle(&asked, expires)
            .map_err(|error| error.to_string())?;
        self.nights_changed(&changed);
        let holds = commands
            .iter()
            .filter(|(envelope, _)| envelope.step == "hold-rooms" && !envelope.undo)
            .count();
        let refused = |code: Code| {
            outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::Refused(refusal) if refusal.is(code)))
                .count()
        };
        let sold_out = refused(Code::SoldOut);
        for (count, sight) in [
            (sold_out, Sight::SoldOut),
            (
                usize::from(holds >= 3 && sold_out > 0 && sold_out < holds),
                Sight::RaceForTheLastRoom,
            ),
            (refused(Code::HoldExpired), Sight::HoldExpired),
            (refused(Code::HoldReleased), Sight::TombstoneHit),
            (refused(Code::StayInPast), Sight::StayInPast),
            (refused(Code::TooLate), Sight::TooLate),
        ] {
            (0..count).for_each(|_| self.seen.note(sight));
        }
        let replies = commands
            .iter()
            .zip(outcomes)
            .map(|((envelope, _), outcome)| Body::Reply(envelope.reply(outcome)));
        Ok(replies.collect())
    }

    /// Holds whose time is over give their rooms back.
    ///
    /// # Errors
    /// When the books contradict themselves.
    pub(crate) fn expire(&mut self) -> Result<(), String> {
        let changed = self
            .rooms
            .expire(self.now.timestamp())
            .map_err(|error| error.to_string())?;
        if !changed.is_empty() {
            self.tell(|| "holds expire".to_owned());
        }
        self.nights_changed(&changed);
        Ok(())
    }

    fn take_payments(&mut self, messages: &[Rc<Body>]) -> Result<Vec<Body>, String> {
        let mut said = Vec::new();
        for message in messages {
            if let Body::Payment(envelope, deadline) = &**message {
                let replies = self.money.take(envelope, *deadline, self.now)?;
                said.extend(replies.into_iter().map(Body::Reply));
            }
        }
        Ok(said)
    }

    fn take_reservations(&mut self, messages: &[Rc<Body>]) -> Result<Vec<Body>, String> {
        let mut said = Vec::new();
        for message in messages {
            if let Body::Reservation(envelope) = &**message {
                let start = self.reservations.take(&envelope.command, self.now)?;
                said.extend(start.map(Body::Start));
                said.push(Body::Reply(envelope.reply(Outcome::Done)));
            }
        }
        Ok(said)
    }

    fn change_cache(&mut self, messages: &[Rc<Body>]) {
        let changes = messages.iter().filter_map(|message| match &**message {
            Body::Change(change) => Some(*change),
            _ => None,
        });
        let changes: Vec<Change> = changes.collect();
        for _ in 0..self.cache.apply(&changes) {
            self.seen.note(Sight::OldChange);
        }
    }

    /// Whether the saga that is answered had given up waiting for its authorisation.
    pub(crate) fn gave_up_authorizing(&self, reply: &Reply) -> bool {
        let kept = self.coordinator.sagas.get(&reply.saga_id);
        kept.is_some_and(|kept| {
            let mut lines = kept.lines.iter();
            lines.any(|line| line.step == "authorize-payment" && line.said.what == What::GivenUp)
        })
    }
}

pub(crate) fn body_of((saga_id, sent, deadline): Sent) -> Body {
    Broker::body(saga_id, sent, deadline)
}

fn told(reply: &Reply) -> String {
    let how = match &reply.outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Refused(refusal) => format!("refused: {}", refusal.word()),
    };
    let undo = if reply.undo { "undoing " } else { "" };
    format!(
        "{} hears that {undo}{} (sending {}) is {how}",
        short(reply.saga_id),
        reply.step,
        reply.attempt
    )
}

fn short(saga_id: SagaId) -> String {
    format!("saga {}", saga_id.uuid().as_u128())
}
