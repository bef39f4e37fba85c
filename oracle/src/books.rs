//! The books of rooms, kept a second time: every transaction of the inventory service is decided again by the
//! pure rules, from what the log said before it, and must come to the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contract::command::InventoryCommand;
use contract::refusal::Code;
use contract::{CommandEnvelope, HoldId, HotelId, Outcome, Refusal, Reply, SagaId, Stay, topics};
use inventory::model::{
    Asked, Changes, FIRST_LINE, Hold, HoldKey, HoldState, Ledger, LineKey, NightKey, RoomTypeKey, Taking,
};
use rules::Night;
use uuid::Uuid;

use crate::stream::{Change, Op, Transaction};
use crate::timeline::Timeline;
use crate::verdict::Verdict;

type Command = CommandEnvelope<InventoryCommand>;
/// After this nobody waits for what a command asks; none where somebody always does.
type Deadline = Option<DateTime<Utc>>;

/// Rooms and holds as the log left them.
#[derive(Debug, Default)]
pub struct Books {
    /// Rooms left to sell, over time.
    pub left: BTreeMap<NightKey, Timeline<u32>>,
    /// The state of the hold of each run, over time.
    pub holds_of: BTreeMap<SagaId, Timeline<HoldState>>,
    /// Holds that were refused, with the moment.
    pub refusals: BTreeMap<SagaId, Vec<(i64, Refusal)>>,
    nights: BTreeMap<NightKey, Night>,
    holds: BTreeMap<LineKey, Hold>,
    room_types: BTreeSet<RoomTypeKey>,
    /// What the orchestrator has asked, by the id of its message.
    asked: HashMap<Uuid, (Command, Deadline)>,
}

/// The part of a transaction that is about rooms.
struct Part<'t> {
    now: DateTime<Utc>,
    handled: Vec<Uuid>,
    replies: Vec<Reply>,
    holds: BTreeMap<LineKey, (&'t Change, Hold)>,
    nights: BTreeMap<NightKey, Night>,
}

impl Books {
    /// Takes the next transaction of the log.
    ///
    /// # Errors
    /// When a row is not of its table's shape.
    pub fn apply(&mut self, transaction: &Transaction, verdict: &mut Verdict) -> anyhow::Result<()> {
        let mut part = Part::of(transaction)?;
        for change in transaction
            .changes
            .iter()
            .filter(|change| change.op != Op::Delete)
        {
            self.sort(change, &mut part)?;
        }
        if part.handled.is_empty() && part.holds.is_empty() && part.nights.is_empty() {
            return Ok(());
        }
        let wrong = if !part.handled.is_empty() {
            self.settle(transaction, &part, verdict)
        } else if !part.holds.is_empty() {
            self.expire(transaction, &part, verdict)
        } else {
            self.offer(&part, verdict)
        };
        for wrong in wrong {
            verdict.violation(format!("log at {}: {wrong}", transaction.lsn));
        }
        self.keep(transaction.at_us, part);
        Ok(())
    }

    fn sort<'t>(&mut self, change: &'t Change, part: &mut Part<'t>) -> anyhow::Result<()> {
        match change.table.as_str() {
            "orchestrator.outbox" if change.text("aggregatetype") == Some(topics::INVENTORY_COMMANDS) => {
                let command = serde_json::from_str(change.text("payload").context("a command")?)?;
                let deadline = change.text("deadline_ms").and_then(|ms| ms.parse().ok());
                let deadline = deadline.and_then(DateTime::from_timestamp_millis);
                self.asked.insert(change.get("id")?, (command, deadline));
            }
            "inventory.inbox" => part.handled.push(change.get("message_id")?),
            "inventory.outbox" => {
                part.replies
                    .push(serde_json::from_str(change.text("payload").context("a reply")?)?);
            }
            "inventory.hold" => {
                // A log of the former release knows no lines.
                let line = change
                    .text("line_no")
                    .map_or(Ok(FIRST_LINE), |_| change.get("line_no"))?;
                let key = (change.get("hotel_id")?, change.get("hold_id")?, line);
                part.holds.insert(key, (change, hold(change)?));
            }
            "inventory.room_night" => {
                let key = (
                    change.get("hotel_id")?,
                    change.get("room_type_id")?,
                    change.get("night")?,
                );
                let night = Night {
                    total: change.get("total")?,
                    held: change.get("held")?,
                    sold: change.get("sold")?,
                    closed: change.is("closed"),
                };
                part.nights.insert(key, night);
            }
            _ => {}
        }
        Ok(())
    }

    /// A batch of commands: the rules must give each reply that was written, and every changed row.
    fn settle(&mut self, transaction: &Transaction, part: &Part<'_>, verdict: &mut Verdict) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut unanswered: Vec<(Command, Deadline)> = Vec::new();
        for id in &part.handled {
            match self.asked.get(id) {
                Some(command) => unanswered.push(command.clone()),
                None => wrong.push(format!("the message {id} was handled before anybody sent it")),
            }
        }
        // Replies stand in the order in which the commands were decided.
        let mut commands = Vec::new();
        for reply in &part.replies {
            let found = unanswered.iter().position(|(command, _)| answers(reply, command));
            match found {
                Some(at) => commands.push((unanswered.swap_remove(at), reply)),
                None => wrong.push(format!("a reply to nobody: {reply:?}")),
            }
        }
        let silent = unanswered.iter();
        wrong.extend(silent.map(|(command, _)| format!("no reply to {command:?}")));
        let keys = commands
            .iter()
            .map(|((command, _), _)| hold_key(&command.command));
        let takings = commands
            .iter()
            .flat_map(|((command, _), _)| takings(&command.command));
        let mut ledger = self.ledger(part.now, &keys.collect(), takings);
        for ((command, deadline), reply) in &commands {
            verdict.compared("commands decided again");
            let asked = Asked {
                saga_id: command.saga_id,
                round: command.round,
                // What is written later than it was decided was not too late for that; what was too late is so still.
                deadline: deadline.filter(|_| is_too_late(&reply.outcome)),
            };
            match ledger.apply(asked, &command.command) {
                Ok(outcome) if outcome == reply.outcome => {}
                other => wrong.push(format!(
                    "{command:?}: the rules say {other:?}, the reply was {:?}",
                    reply.outcome
                )),
            }
            if let (InventoryCommand::Hold { .. }, Outcome::Refused(refusal)) =
                (&command.command, &reply.outcome)
            {
                let refusals = self.refusals.entry(command.saga_id).or_default();
                refusals.push((transaction.at_us, refusal.clone()));
            }
        }
        wrong.extend(self.differences(&ledger.changes(), part, verdict));
        wrong
    }

    /// Holds whose time was over.
    fn expire(&self, transaction: &Transaction, part: &Part<'_>, verdict: &mut Verdict) -> Vec<String> {
        let mut wrong = Vec::new();
        let keys: BTreeSet<HoldKey> = part
            .holds
            .keys()
            .map(|(hotel, hold, _)| (*hotel, *hold))
            .collect();
        let mut ledger = self.ledger(part.now, &keys, std::iter::empty());
        for key in &keys {
            if let Err(error) = ledger.expire(*key) {
                wrong.push(error.to_string());
            }
        }
        for (key, (change, _)) in &part.holds {
            verdict.compared("holds expired again");
            let due = change.text("expires_at").and_then(time_us);
            if due.is_none_or(|due| due > transaction.at_us) {
                wrong.push(format!("hold {} expired before its time", key.1));
            }
        }
        wrong.extend(self.differences(&ledger.changes(), part, verdict));
        wrong
    }

    /// The hotel said how many rooms there are: what is held and sold is not its to say.
    fn offer(&self, part: &Part<'_>, verdict: &mut Verdict) -> Vec<String> {
        let mut wrong = Vec::new();
        for (key, night) in &part.nights {
            verdict.compared("nights offered");
            let before = self
                .nights
                .get(key)
                .map_or((0, 0), |before| (before.held, before.sold));
            if (night.held, night.sold) != before {
                wrong.push(format!("{key:?} is {night:?} after an offer, and was {before:?}"));
            }
        }
        wrong
    }

    fn ledger(
        &self,
        now: DateTime<Utc>,
        keys: &BTreeSet<HoldKey>,
        asked: impl Iterator<Item = (HotelId, Taking)>,
    ) -> Ledger {
        let lines =
            |(hotel, hold): &HoldKey| self.holds.range((*hotel, *hold, 0)..=(*hotel, *hold, u16::MAX));
        let holds: Vec<(LineKey, Hold)> = keys
            .iter()
            .flat_map(lines)
            .map(|(key, hold)| (*key, hold.clone()))
            .collect();
        let taken = holds
            .iter()
            .filter_map(|(key, hold)| Some((key.0, hold.takes()?)));
        let nights: BTreeSet<NightKey> = asked
            .chain(taken)
            .flat_map(|(hotel_id, taking)| taking.nights(hotel_id))
            .collect();
        let nights = nights
            .iter()
            .filter_map(|key| Some((*key, *self.nights.get(key)?)));
        Ledger::new(now, self.room_types.clone(), nights, holds)
    }

    /// Rows that were written and should not be, or the other way round.
    fn differences(&self, changes: &Changes, part: &Part<'_>, verdict: &mut Verdict) -> Vec<String> {
        let rows = changes.new_holds.iter().chain(&changes.changed_holds);
        let holds: BTreeMap<LineKey, Hold> = rows.cloned().collect();
        let mut nights = BTreeMap::new();
        for (key, held, sold) in &changes.nights {
            if let Some(mut night) = self.nights.get(key).copied() {
                night.held += held;
                night.sold += sold;
                nights.insert(*key, night);
            }
        }
        let written = part.holds.iter().map(|(key, (_, hold))| (*key, hold.clone()));
        let written: BTreeMap<LineKey, Hold> = written.collect();
        let mut wrong = Vec::new();
        compare("hold", &holds, &written, &mut wrong);
        compare("night", &nights, &part.nights, &mut wrong);
        for _ in 0..written.len() + part.nights.len() {
            verdict.compared("rows written again");
        }
        wrong
    }

    /// What was written is what is true from now on, right or wrong.
    fn keep(&mut self, at_us: i64, part: Part<'_>) {
        for (key, night) in part.nights {
            self.room_types.insert((key.0, key.1));
            self.nights.insert(key, night);
            self.left.entry(key).or_default().becomes(at_us, left(&night));
        }
        for (key, (_, hold)) in part.holds {
            let states = self.holds_of.entry(hold.saga_id).or_default();
            states.becomes(at_us, hold.state);
            self.holds.insert(key, hold);
        }
    }
}

/// Rooms that can still be taken, by which pages are judged: in words of its own.
fn left(night: &Night) -> u32 {
    let sellable = i64::from(night.total) * 11 / 10;
    let left = sellable - i64::from(night.held) - i64::from(night.sold);
    if night.closed {
        0
    } else {
        u32::try_from(left).unwrap_or(0)
    }
}

impl Part<'_> {
    fn of(transaction: &Transaction) -> anyhow::Result<Self> {
        Ok(Self {
            now: DateTime::from_timestamp_micros(transaction.at_us).context("a time")?,
            handled: Vec::new(),
            replies: Vec::new(),
            holds: BTreeMap::new(),
            nights: BTreeMap::new(),
        })
    }
}

fn compare<K: Ord + Copy + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    rules: &BTreeMap<K, V>,
    written: &BTreeMap<K, V>,
    wrong: &mut Vec<String>,
) {
    let keys: BTreeSet<K> = rules.keys().chain(written.keys()).copied().collect();
    for key in keys {
        let (rule, row) = (rules.get(&key), written.get(&key));
        if rule != row {
            wrong.push(format!(
                "{what} {key:?}: the rules say {rule:?}, the row is {row:?}"
            ));
        }
    }
}

fn is_too_late(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.is(Code::TooLate))
}

fn answers(reply: &Reply, command: &Command) -> bool {
    (reply.saga_id, &reply.step, reply.undo, reply.round, reply.attempt)
        == (
            command.saga_id,
            &command.step,
            command.undo,
            command.round,
            command.attempt,
        )
}

fn hold(change: &Change) -> anyhow::Result<Hold> {
    let taking = match change.text("rooms") {
        None => None,
        Some(_) => Some(Taking {
            room_type_id: change.get("room_type_id")?,
            stay: Stay::new(change.get("check_in")?, change.get("check_out")?)?,
            rooms: change.get("rooms")?,
        }),
    };
    let state = match change.text("state") {
        Some("held") => HoldState::Held,
        Some("sold") => HoldState::Sold,
        Some("released") => HoldState::Released,
        Some("expired") => HoldState::Expired,
        Some("refused") => HoldState::Refused,
        other => anyhow::bail!("a hold in state {other:?}"),
    };
    // A log of the former release knows no rounds.
    let round = change.text("round").map_or(Ok(1), |_| change.get("round"))?;
    Ok(Hold {
        saga_id: change.get("saga_id")?,
        round,
        taking,
        state,
        refusal: change.text("refusal").map(serde_json::from_str).transpose()?,
    })
}

const fn hold_key(command: &InventoryCommand) -> HoldKey {
    let hold_id: HoldId = match *command {
        InventoryCommand::Hold { hold_id, .. }
        | InventoryCommand::Book { hold_id, .. }
        | InventoryCommand::Release { hold_id, .. } => hold_id,
    };
    (command.hotel_id(), hold_id)
}

fn takings(command: &InventoryCommand) -> Vec<(HotelId, Taking)> {
    match command {
        InventoryCommand::Hold { hotel_id, lines, .. } => {
            Taking::of(lines).map(|taking| (*hotel_id, taking)).collect()
        }
        InventoryCommand::Book { .. } | InventoryCommand::Release { .. } => Vec::new(),
    }
}

/// A time as Postgres writes it.
fn time_us(text: &str) -> Option<i64> {
    let at = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
    Some(at.timestamp_micros())
}
