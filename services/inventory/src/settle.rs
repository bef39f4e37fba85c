//! A whole batch of commands with three statements: holds are locked, nights are locked, all is written. (A fourth where
//! somebody asks for a room type none of whose nights is in the books.)
//!
//! One commit per booking is the limit on a hot night: each waits for the row and for the disk. Here a
//! batch locks what it is about once, decides everything in memory in the order of arrival, and writes the
//! sum. So the price of a batch hardly depends on how many guests want the same night.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::command::InventoryCommand;
use contract::{CommandEnvelope, Outcome};
use platform::Broken;
use platform::outbox::{Heard, Outgoing};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Config;
use crate::model::{Asked, Contradiction, HoldKey, Ledger, NightKey, RoomTypeKey, Taking};
use crate::store;

/// A command as it was taken from the queue.
#[derive(Debug, Clone)]
pub struct Queued {
    /// What is asked.
    pub envelope: CommandEnvelope<InventoryCommand>,
    /// After this nobody waits for the answer; none where somebody always does.
    pub deadline: Option<DateTime<Utc>>,
}

impl From<CommandEnvelope<InventoryCommand>> for Queued {
    fn from(envelope: CommandEnvelope<InventoryCommand>) -> Self {
        let deadline = None;
        Self { envelope, deadline }
    }
}

/// Settles commands in their order inside the open transaction and answers their outcomes in the same
/// order. Ends as if each had been settled alone. What `reply` makes of the outcomes is said, and the messages that brought
/// the commands are in the inbox, in the same statement that writes their effects.
///
/// # Errors
/// When the database fails, or another transaction settled one of the same holds at the same time
/// ([`Broken::Overtaken`]), or a message was heard; nothing may be committed then, and the batch may be tried again.
pub async fn settle(
    db: &mut PgConnection,
    commands: &[Queued],
    messages: &[Uuid],
    config: &Config,
    reply: impl FnOnce(&[Outcome]) -> Result<Vec<Outgoing>, Broken>,
) -> Result<(Vec<Outcome>, Heard), Broken> {
    let mut ledger = open_ledger(db, commands).await?;
    let decided = commands
        .iter()
        .map(|queued| ledger.apply(asked(queued), &queued.envelope.command));
    let outcomes = decided
        .collect::<Result<Vec<Outcome>, Contradiction>>()
        .map_err(broken)?;
    let said = reply(&outcomes)?;
    let ttl = config.hold_ttl_seconds;
    let heard = store::change(db, &ledger.changes(), ttl, &said, messages).await?;
    Ok((outcomes, heard))
}

/// Locks and reads what the commands are about.
async fn open_ledger(db: &mut PgConnection, commands: &[Queued]) -> Result<Ledger, Broken> {
    let commands = || commands.iter().map(|queued| &queued.envelope);
    let named: BTreeSet<HoldKey> = commands().map(|envelope| hold_key(&envelope.command)).collect();
    let (holds, now) = store::lock_holds(db, named.iter().copied()).await?;

    let known: BTreeMap<HoldKey, u32> = holds
        .iter()
        .map(|((hotel, hold_id, _), hold)| ((*hotel, *hold_id), hold.round))
        .collect();
    // What a newer round asks may be taken over what has ended.
    let new = commands().filter(|envelope| {
        let round = known.get(&hold_key(&envelope.command));
        round.is_none_or(|round| *round < envelope.round)
    });
    let asked: Vec<(HoldKey, Taking)> = new.flat_map(|envelope| takings(&envelope.command)).collect();
    let taken = holds
        .iter()
        .filter_map(|((hotel, hold_id, _), hold)| Some(((*hotel, *hold_id), hold.takes()?)));
    let wanted: BTreeSet<NightKey> = asked
        .iter()
        .copied()
        .chain(taken)
        .flat_map(|((hotel_id, _), taking)| taking.nights(hotel_id))
        .collect();
    let nights = if wanted.is_empty() {
        Vec::new()
    } else {
        store::lock_nights(db, wanted.into_iter()).await?
    };

    let mut room_types: BTreeSet<RoomTypeKey> = nights
        .iter()
        .map(|((hotel_id, room_type_id, _), _)| (*hotel_id, *room_type_id))
        .collect();
    let asked = asked
        .iter()
        .map(|((hotel_id, _), taking)| (*hotel_id, taking.room_type_id));
    let unseen: BTreeSet<RoomTypeKey> = asked
        .filter(|room_type| !room_types.contains(room_type))
        .collect();
    if !unseen.is_empty() {
        room_types.extend(store::offered_room_types(db, unseen.into_iter()).await?);
    }
    Ok(Ledger::new(now, room_types, nights, holds))
}

pub(crate) fn broken(error: Contradiction) -> Broken {
    Broken::Inconsistent(error.to_string())
}

const fn asked(queued: &Queued) -> Asked {
    Asked {
        saga_id: queued.envelope.saga_id,
        round: queued.envelope.round,
        deadline: queued.deadline,
    }
}

const fn hold_key(command: &InventoryCommand) -> HoldKey {
    match *command {
        InventoryCommand::Hold {
            hotel_id, hold_id, ..
        }
        | InventoryCommand::Book { hotel_id, hold_id }
        | InventoryCommand::Release {
            hotel_id, hold_id, ..
        } => (hotel_id, hold_id),
    }
}

fn takings(command: &InventoryCommand) -> Vec<(HoldKey, Taking)> {
    match command {
        InventoryCommand::Hold {
            hotel_id,
            hold_id,
            lines,
            ..
        } => Taking::of(lines)
            .map(|taking| ((*hotel_id, *hold_id), taking))
            .collect(),
        InventoryCommand::Book { .. } | InventoryCommand::Release { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod lines_tests;
#[cfg(test)]
mod races;
#[cfg(test)]
mod rounds_tests;
#[cfg(test)]
mod tests;
