//! The platform under simulation: every table, every queue, the provider, the cache and the clock.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{HotelId, Money, Outcome, Reply, ReservationId, RoomTypeId, SagaId, Stay, StayDate};
use fastrand::Rng;
use inventory::model::NightKey;
use orchestrator::engine::Input;
use uuid::Uuid;

use crate::broker::{Body, Broker, Lane, Message, Reader};
use crate::cache::{Cache, Change};
use crate::coordinator::{Coordinator, Sent};
use crate::money::Money as Payments;
use crate::provider::{Card, Provider, token};
use crate::rates::{Rates, strikes};
use crate::reservations::{Reservations, Wish};
use crate::rooms::Rooms;
use crate::seen::{Seen, Sight};

/// How long a hold lives, in seconds.
const HOLD_SECONDS: i64 = 900;

/// A rule that production keeps in SQL, Lua or the use of Kafka, and that the simulated parts keep here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A message is handled once by each reader.
    Inbox,
    /// What is said is committed with what makes it true.
    OutboxInTransaction,
    /// An offset is committed after its message was handled.
    OffsetAfterHandling,
    /// The relay confirms a position after the broker has it.
    ConfirmAfterPublish,
    /// Only the owner's epoch writes.
    EpochChecked,
    /// A cache entry is written if its LSN is newer.
    LsnGuard,
    /// A call has the same key each time.
    SameKey,
    /// What the desk forgot is swept up.
    Sweep,
    /// What was kept is published again when the slot or the log is lost.
    PublishAgain,
}

/// The world.
#[derive(Debug)]
pub struct World {
    pub(crate) random: Rng,
    pub(crate) rates: Rates,
    /// The rule that is broken, if one is.
    pub(crate) broken: Option<Rule>,
    pub(crate) now: DateTime<Utc>,
    lsn: u64,
    /// Outboxes, relay and broker.
    pub broker: Broker,
    /// The inventory.
    pub rooms: Rooms,
    /// The payment service.
    pub money: Payments,
    /// The payment provider.
    pub provider: Provider,
    /// The reservation service.
    pub reservations: Reservations,
    /// The orchestrator.
    pub coordinator: Coordinator,
    /// The availability cache.
    pub cache: Cache,
    inbox: BTreeSet<(Reader, u64)>,
    /// Bookings that guests have yet to make.
    pub(crate) wishes: Vec<(Wish, Card)>,
    /// What was seen.
    pub seen: Seen,
    story: Option<Vec<String>>,
}

impl World {
    /// The world of a seed: one to three nights with very few rooms, two to four guests.
    pub fn new(seed: u64, broken: Option<Rule>, told: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let rates = Rates::draw(&mut random);
        let room_type = (
            HotelId::from_uuid(Uuid::from_u128(1)),
            RoomTypeId::from_uuid(Uuid::from_u128(2)),
        );
        let today =
            StayDate::from_days_since_1970(20_000).unwrap_or_else(|_| unreachable!("a date like any other"));
        let first = today.plus_days(30);
        let nights = random.usize(1..=3);
        let totals: Vec<i32> = (0..nights).map(|_| random.i32(1..=2)).collect();
        let wishes = (0..random.usize(2..=4))
            .map(|_| wish(&mut random, room_type, first, nights))
            .collect();
        let mut world = Self {
            rates,
            broken,
            now: DateTime::from_timestamp(20_000 * 86_400, 0).unwrap_or_default(),
            lsn: 0,
            broker: Broker::default(),
            rooms: Rooms::new(today, room_type, first, &totals),
            money: Payments::default(),
            provider: Provider::default(),
            reservations: Reservations::default(),
            coordinator: Coordinator::default(),
            cache: Cache::default(),
            inbox: BTreeSet::new(),
            wishes,
            seen: Seen::default(),
            story: told.then(Vec::new),
            random,
        };
        let all: Vec<NightKey> = world.rooms.nights.keys().copied().collect();
        world.nights_changed(&all);
        world
    }

    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    pub(crate) fn strikes(&mut self, chance: u32) -> bool {
        strikes(&mut self.random, chance)
    }

    /// Adds a sentence to the story, if it is told.
    pub(crate) fn tell(&mut self, sentence: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(sentence());
        }
    }

    /// The story so far, in words.
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    fn nights_changed(&mut self, changed: &[NightKey]) {
        for key in changed {
            self.lsn += 1;
            let change = self.change_of(*key);
            self.broker.commit(Body::Change(change));
        }
    }

    fn change_of(&self, key: NightKey) -> Change {
        let left = self
            .rooms
            .nights
            .get(&key)
            .map_or(0, inventory::model::Night::left);
        Change {
            night: key.2.days_since_1970(),
            lsn: self.lsn,
            left,
        }
    }

    /// A guest books.
    pub(crate) fn book(&mut self) {
        if let Some((wish, card)) = self.wishes.pop() {
            let start = self.reservations.create(wish, token(card), self.now);
            self.tell(|| {
                format!(
                    "a guest books {:?} with a card that is {card:?}: {}",
                    wish.stay, start.saga_id
                )
            });
            self.broker.commit(Body::Start(start));
        }
    }

    /// A guest cancels.
    pub(crate) fn cancel(&mut self, id: ReservationId) {
        let (start, noted) = self.reservations.cancel(id, self.now);
        self.tell(|| {
            format!(
                "the guest cancels {id}{}",
                if noted { " while it is being booked" } else { "" }
            )
        });
        if noted {
            self.seen.note(Sight::CancelledDuringBooking);
        }
        if let Some(start) = start {
            self.broker.commit(Body::Start(start));
        }
    }

    /// A reader takes its next messages in one transaction.
    ///
    /// # Errors
    /// When a rule is violated; the text says which.
    pub(crate) fn deliver(&mut self, lane: Lane, count: usize) -> Result<(), String> {
        if !self.keeps(Rule::OffsetAfterHandling) {
            let upto = self.broker.read(lane, count).len();
            self.broker.handled(lane, upto);
            self.broker.commit_offset(lane);
            self.broker.rewind(lane);
            let before = self.rates.crash_before;
            if self.strikes(before) {
                return Ok(());
            }
        }
        let messages = self.broker.read(lane, count);
        if self.strikes(self.rates.crash_before) {
            self.tell(|| {
                format!(
                    "{:?} is killed before it commits {} messages",
                    lane.0,
                    messages.len()
                )
            });
            self.broker.rewind(lane);
            return Ok(());
        }
        let handled = messages.len();
        let new = self.not_handled_before(lane.0, messages);
        let crashes = self.strikes(self.rates.crash_after);
        let quiet = crashes && !self.keeps(Rule::OutboxInTransaction);
        let said = self.handle(lane.0, &new)?;
        if !quiet {
            for body in said {
                self.broker.commit(body);
            }
        }
        self.broker.handled(lane, handled);
        if crashes {
            self.tell(|| format!("{:?} is killed after it committed {handled} messages", lane.0));
            self.broker.rewind(lane);
        } else if self.random.bool() {
            self.broker.commit_offset(lane);
        }
        Ok(())
    }

    fn not_handled_before(&mut self, reader: Reader, messages: Vec<Message>) -> Vec<Body> {
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            if self.inbox.insert((reader, message.id)) || reader == Reader::Cache || !self.keeps(Rule::Inbox)
            {
                new.push(message.body);
            } else {
                self.seen.note(Sight::Duplicate);
            }
        }
        new
    }

    fn handle(&mut self, reader: Reader, messages: &[Body]) -> Result<Vec<Body>, String> {
        match reader {
            Reader::Orchestrator => Ok(self.coordinate(messages, self.coordinator.epoch)),
            Reader::Inventory => self.settle_rooms(messages),
            Reader::Payment => self.take_payments(messages),
            Reader::Reservation => self.take_reservations(messages),
            Reader::Cache => {
                self.change_cache(messages);
                Ok(Vec::new())
            }
        }
    }

    fn coordinate(&mut self, messages: &[Body], epoch: u64) -> Vec<Body> {
        let mut sent = Vec::new();
        for message in messages {
            match message {
                Body::Start(start) => {
                    self.tell(|| format!("{} {} starts", start.saga.name(), start.saga_id));
                    sent.extend(
                        self.coordinator
                            .start(start.saga_id, &start.saga, self.now, epoch),
                    );
                }
                Body::Reply(reply) => {
                    self.tell(|| told(reply));
                    sent.extend(self.coordinator.advance(
                        reply.saga_id,
                        &Input::Reply(reply),
                        self.now,
                        epoch,
                    ));
                }
                _ => {}
            }
        }
        sent.into_iter().map(body_of).collect()
    }

    /// The timer looks at the sagas that are due.
    pub(crate) fn fire(&mut self) {
        let epoch = self.coordinator.epoch;
        for saga_id in self.coordinator.due(self.now) {
            let sent = self.coordinator.advance(saga_id, &Input::Time, self.now, epoch);
            self.tell(|| format!("{saga_id} has waited long enough"));
            for command in sent {
                self.broker.commit(body_of(command));
            }
        }
    }

    /// Another process takes the sagas over, and the former one wakes up and tries to write.
    ///
    /// # Errors
    /// When it can.
    pub(crate) fn zombie(&mut self) -> Result<(), String> {
        let former = self.coordinator.epoch;
        self.coordinator.epoch += 1;
        let lane = self
            .broker
            .waiting()
            .iter()
            .find(|lane| lane.0 == Reader::Orchestrator)
            .copied();
        let Some(lane) = lane else { return Ok(()) };
        if self.keeps(Rule::EpochChecked) {
            self.tell(|| "a former owner is kept from writing".to_owned());
            self.seen.note(Sight::ZombieFenced);
            return Ok(());
        }
        let messages = self
            .broker
            .read(lane, 1)
            .into_iter()
            .map(|message| message.body)
            .collect::<Vec<_>>();
        let said = self.coordinate(&messages, former);
        if said.is_empty() {
            Ok(())
        } else {
            Err("a former owner wrote after its epoch had ended".to_owned())
        }
    }

    fn settle_rooms(&mut self, messages: &[Body]) -> Result<Vec<Body>, String> {
        let commands = messages.iter().filter_map(|message| match message {
            Body::Inventory(envelope) => Some(envelope),
            _ => None,
        });
        let commands: Vec<_> = commands.collect();
        let asked: Vec<_> = commands
            .iter()
            .map(|envelope| (envelope.saga_id, envelope.command.clone()))
            .collect();
        let expires = self.now.timestamp() + HOLD_SECONDS;
        let (outcomes, changed) = self
            .rooms
            .settle(&asked, expires)
            .map_err(|error| error.to_string())?;
        self.nights_changed(&changed);
        let holds = commands
            .iter()
            .filter(|envelope| envelope.step == "hold-rooms" && !envelope.undo)
            .count();
        let refused = |code: &str| {
            outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Outcome::Refused(refusal) if refusal.code == code))
                .count()
        };
        let sold_out = refused("sold_out");
        for (count, sight) in [
            (sold_out, Sight::SoldOut),
            (
                usize::from(holds >= 3 && sold_out > 0 && sold_out < holds),
                Sight::RaceForTheLastRoom,
            ),
            (refused("hold_expired"), Sight::HoldExpired),
            (refused("hold_released"), Sight::TombstoneHit),
        ] {
            (0..count).for_each(|_| self.seen.note(sight));
        }
        let replies = commands
            .iter()
            .zip(outcomes)
            .map(|(envelope, outcome)| Body::Reply(Reply::to(envelope, outcome)));
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

    fn take_payments(&mut self, messages: &[Body]) -> Result<Vec<Body>, String> {
        let mut said = Vec::new();
        for message in messages {
            if let Body::Payment(envelope) = message {
                said.extend(self.money.take(envelope)?.into_iter().map(Body::Reply));
            }
        }
        Ok(said)
    }

    fn take_reservations(&mut self, messages: &[Body]) -> Result<Vec<Body>, String> {
        let mut said = Vec::new();
        for message in messages {
            if let Body::Reservation(envelope) = message {
                let start = self.reservations.take(&envelope.command, self.now)?;
                said.extend(start.map(Body::Start));
                said.push(Body::Reply(Reply::to(envelope, Outcome::Done)));
            }
        }
        Ok(said)
    }

    fn change_cache(&mut self, messages: &[Body]) {
        let guarded = self.keeps(Rule::LsnGuard);
        for message in messages {
            if let Body::Change(change) = message
                && !self.cache.write(*change, guarded)
            {
                self.seen.note(Sight::OldChange);
            }
        }
    }

    /// Redis is emptied, and filled from the table: where the cache has nothing, under the oldest version.
    pub(crate) fn wipe_cache(&mut self) {
        self.tell(|| "Redis is emptied and filled again".to_owned());
        self.cache.wipe();
        let keys: Vec<NightKey> = self.rooms.nights.keys().copied().collect();
        for key in keys {
            self.cache.fill(Change {
                lsn: 0,
                ..self.change_of(key)
            });
        }
    }

    /// The slot, or the broker's log, is lost.
    pub(crate) fn lose_log(&mut self) {
        let wiped = self.random.bool();
        if !self.keeps(Rule::PublishAgain) {
            return self.broker.lose_unsent();
        }
        self.tell(|| {
            format!(
                "{} is lost, and all is published again",
                if wiped { "the broker's log" } else { "the slot" }
            )
        });
        self.seen.note(Sight::PublishedAgain);
        self.broker.publish_again(wiped);
        let keys: Vec<NightKey> = self.rooms.nights.keys().copied().collect();
        for key in keys {
            let change = self.change_of(key);
            self.broker.snapshot(change);
        }
    }

    /// The hotel closes a night, or opens it again.
    pub(crate) fn change_hotel(&mut self) {
        let at = self.random.usize(0..self.rooms.nights.len());
        if let Some((key, night)) = self.rooms.nights.iter_mut().nth(at) {
            night.closed = !night.closed;
            let key = *key;
            self.nights_changed(&[key]);
        }
    }

    /// So many seconds pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.tell(|| format!("{seconds} s pass"));
    }
}

fn body_of((saga_id, step, undo, attempt, command): Sent) -> Body {
    Broker::body(saga_id, step, undo, attempt, command)
}

fn told(reply: &Reply) -> String {
    let how = match &reply.outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Refused(refusal) => format!("refused: {}", refusal.code),
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

fn wish(random: &mut Rng, room_type: (HotelId, RoomTypeId), first: StayDate, nights: usize) -> (Wish, Card) {
    let nights = u32::try_from(nights).unwrap_or(1);
    let from = random.u32(0..nights);
    let to = random.u32(from + 1..=nights);
    let stay = Stay::new(first.plus_days(from), first.plus_days(to));
    let eur = "EUR"
        .parse()
        .unwrap_or_else(|_| unreachable!("a currency like any other"));
    let money = |minor| Money::from_minor(minor, eur).unwrap_or(Money::zero(eur));
    let total = 10_000 * i64::from(to - from);
    let wish = Wish {
        room_type,
        stay: stay.unwrap_or_else(|_| unreachable!("at least one night")),
        rooms: if random.u32(0..5) == 0 { 2 } else { 1 },
        total: money(total),
        late_penalty: money(*random.choice([0, 3_000, total].iter()).unwrap_or(&0)),
        is_flexible: random.bool(),
    };
    let card = match random.u32(0..10) {
        0 => Card::Declined,
        1 => Card::CaptureDeclined,
        _ => Card::Good,
    };
    (wish, card)
}
