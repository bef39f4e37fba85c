//! Commands of the orchestrator: confirm, reject, mark cancelled. A batch is one transaction with two statements:
//! reservations are locked, and everything that came of it is written, with the answer to the request where a booking
//! has ended. Between them the commands take effect one after the other, in memory.

use std::collections::{BTreeMap, BTreeSet};

use contract::command::{CommandEnvelope, ReservationCommand};
use contract::saga::SagaData;
use contract::{HotelId, Outcome, ReservationId, SagaId, topics};
use futures::future::BoxFuture;
use platform::consumer::{Handled, Incoming, Participant};
use platform::outbox::Outgoing;
use platform::{Broken, Envelope};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::booking;
use crate::model::{Moves, Reservation, State};
use crate::store::history::Line;
use crate::store::read;
use crate::store::write::{self, Changed};
use crate::view;
use crate::waiting::{News, Waiting};

/// Handles the commands and wakes who waits for their effect.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) waiting: Waiting,
}

type Message = CommandEnvelope<ReservationCommand>;

impl Participant for Commands {
    type Message = Message;
    type After = Vec<News>;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Message>],
    ) -> BoxFuture<'c, Handled<Self::After>> {
        Box::pin(handle(db, batch))
    }

    async fn committed(&self, after: Self::After) {
        self.waiting.tell(after);
    }
}

async fn handle(db: &mut PgConnection, batch: &[Incoming<Message>]) -> Handled<Vec<News>> {
    let wanted: BTreeSet<_> = batch.iter().map(|message| about(&message.body.command)).collect();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let (rows, now) = read::lock_many(db, &wanted).await?;
    let mut rows: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| ((row.hotel_id, row.reservation_id), row))
        .collect();
    let (mut changed, mut answers) = (BTreeSet::new(), BTreeMap::new());
    let mut lines: Vec<Line> = Vec::new();
    let mut outgoing = Vec::new();
    for message in batch {
        let envelope = &message.body;
        let key = about(&envelope.command);
        let row = rows
            .get_mut(&key)
            .ok_or_else(|| Broken::Inconsistent(format!("there is no reservation {}", key.1)))?;
        let open = row.state == State::Pending;
        let moves = match &envelope.command {
            ReservationCommand::Confirm { .. } => row.confirm(now, SagaId::of(row.hotel_id)),
            ReservationCommand::Reject { refusal, .. } => row.reject(refusal, now),
            ReservationCommand::MarkCancelled { .. } => row.mark_cancelled(now),
        };
        let moves = moves.map_err(|error| Broken::Inconsistent(format!("{}: {error}", key.1)))?;
        if !moves.history.is_empty() {
            changed.insert(key);
        }
        if open && row.state != State::Pending {
            answers.insert(key, view::outcome(row));
        }
        let onward = message.envelope.onward();
        outgoing.extend(consequences(row, moves, &mut lines, &onward)?);
        let reply = envelope.reply(Outcome::Done);
        let saga = envelope.saga_id.to_string();
        let reply = Outgoing::new(topics::ORCHESTRATOR_MESSAGES, saga, reply.name(), &reply)?;
        outgoing.push(reply.within(onward));
    }
    let changed: Vec<Changed<'_>> = changed
        .iter()
        .filter_map(|key| Some((rows.get(key)?, answers.get(key))))
        .collect();
    let ids: Vec<Uuid> = batch.iter().map(|message| message.message_id).collect();
    let heard = write::change(db, &changed, &lines, &outgoing, &ids).await?;
    let news = changed.iter().map(|(row, answer)| News {
        reservation_id: row.reservation_id,
        state: row.state,
        answer: answer.cloned(),
    });
    Ok((Vec::new(), heard, news.collect()))
}

/// What is to be said, in this envelope, and written because a reservation has moved.
pub(crate) fn consequences(
    row: &Reservation,
    moves: Moves,
    lines: &mut Vec<Line>,
    envelope: &Envelope,
) -> Result<Vec<Outgoing>, Broken> {
    let mut outgoing = Vec::new();
    for fact in moves.facts {
        let kind = fact.name();
        let event = row.event(fact, row.updated_at);
        let key = row.reservation_id.to_string();
        let event = Outgoing::new(topics::RESERVATION_EVENTS, key, kind, &event)?;
        outgoing.push(event.within(envelope.clone()));
    }
    if let Some((saga_id, data)) = moves.cancellation {
        let start = booking::start(saga_id, SagaData::CancelStay(data))?;
        outgoing.push(start.within(envelope.clone()));
    }
    let whose = (row.hotel_id, row.reservation_id);
    lines.extend(moves.history.into_iter().map(|line| (whose.0, whose.1, line)));
    Ok(outgoing)
}

const fn about(command: &ReservationCommand) -> (HotelId, ReservationId) {
    match command {
        ReservationCommand::Confirm {
            hotel_id,
            reservation_id,
        }
        | ReservationCommand::Reject {
            hotel_id,
            reservation_id,
            ..
        }
        | ReservationCommand::MarkCancelled {
            hotel_id,
            reservation_id,
        } => (*hotel_id, *reservation_id),
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
