//! What the services do, on the simulator's tables: each function is one transaction of one service, or one
//! exchange with the provider, from numbers to numbers.

use chrono::{DateTime, TimeDelta, Utc};
use contract::penalty::Penalty;
use contract::saga::{BookStay, SagaData, StartSaga};
use contract::{Command, CommandEnvelope, Outcome, Reply, SagaId, Stay, StayDate, VerbId};
use orchestrator::engine::{self, Input, Pace, Run, Saga, Sent, Spoken, Verb};
use orchestrator::sagas;
use sim::money::Money;
use sim::planted::{self, Bug};
use sim::provider::{Card, Provider, token};
use sim::reservations::{Other, Reservations, Wish};
use sim::rooms::Rooms;
use uuid::Uuid;

use crate::body::Body;
use crate::fuel;
use crate::shelf::{Memo, Ref, Shelf};
use crate::state::{BOOKINGS, Exchange, Left, SAGAS, State};

/// How patient sagas are. Whether time has passed is the checker's choice.
const PACE: Pace = Pace::new(std::time::Duration::from_mins(1));

/// A value and the messages that the transaction wrote, or a contradiction.
pub(crate) type Said = Result<(Ref, Vec<Ref>), Ref>;
/// Which run a saga has now, and the messages that the transaction wrote; nothing where nothing changed.
type Advanced = Option<(Ref, Vec<Ref>)>;
/// The same, with the saga's place.
type Heard = Option<(usize, Ref, Vec<Ref>)>;
/// What an exchange makes of a payment and the provider's books.
pub(crate) type Worked = Result<(Ref, Ref, Vec<Ref>), Ref>;

/// A saga, as both sides know it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its id.
    pub id: SagaId,
    /// What it runs on.
    pub data: SagaData,
}

/// How a world is set up.
#[derive(Debug)]
pub struct Setup {
    /// The saga that books; production's, unless another is to be tried.
    pub definition: Saga<BookStay>,
    /// Of each booking, what its card does.
    pub cards: [Card; BOOKINGS],
    /// What may go wrong.
    pub left: Left,
    /// Whether messages that come again are handled again, as if the inbox had forgotten them.
    pub inbox_forgets: bool,
    /// Whether each guest wants a room of each of two types, so that a hold has two lines.
    pub two_types: bool,
    /// Whether something is expected to be found.
    pub is_planted: bool,
    /// A bug to plant.
    pub bug: Option<Bug>,
}

/// Every value and every step that the checker has met.
#[derive(Debug)]
pub struct Services {
    pub(crate) setup: Setup,
    /// The sagas there can be: two bookings and the cancellation of the first.
    known: [Known; SAGAS],
    pub(crate) now: DateTime<Utc>,
    /// Reservations from which ids are drawn, so that these do not depend on what happened before.
    fresh: [Reservations; BOOKINGS],
    pub(crate) start: State,
    pub(crate) runs: Shelf<Run>,
    pub(crate) rooms: Shelf<Rooms>,
    pub(crate) payments: Shelf<Money>,
    pub(crate) providers: Shelf<Provider>,
    pub(crate) reservations: Shelf<Reservations>,
    pub(crate) bodies: Shelf<Body>,
    pub(crate) contradictions: Shelf<String>,
    heard: Memo<(Option<Ref>, Ref), Heard>,
    timed: Memo<(usize, Ref, bool), Advanced>,
    spoken: Memo<(usize, Ref), Advanced>,
    settled: Memo<(Ref, Ref), Said>,
    expired: Memo<Ref, Result<Ref, Ref>>,
    pub(crate) taken: Memo<(Ref, Ref), Said>,
    pub(crate) worked: Memo<(Ref, Ref, usize, Exchange), Worked>,
    pub(crate) swept: Memo<Ref, Ref>,
    pub(crate) crashed: Memo<Ref, Ref>,
    pub(crate) arrived: Memo<(Ref, usize), Ref>,
    reserved: Memo<(Ref, Ref), Said>,
    cancelled: Memo<Ref, (Ref, Vec<Ref>)>,
}

/// One night with one room, or with one of each of two types, wanted by both guests.
fn one_night(two_types: bool) -> (Rooms, Wish) {
    let (hotel, room_type) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let room_type = (
        contract::HotelId::from_uuid(hotel),
        contract::RoomTypeId::from_uuid(room_type),
    );
    let today =
        StayDate::from_days_since_1970(20_000).unwrap_or_else(|_| unreachable!("a date like any other"));
    let now = today.date().and_time(chrono::NaiveTime::MIN).and_utc();
    let night = today.plus_days(30);
    let eur = "EUR".parse();
    let stay = Stay::new(night, night.plus_days(1));
    let wish = Wish {
        room_type,
        stay: stay.unwrap_or_else(|_| unreachable!("one night")),
        rooms: 1,
        other: None,
        price: 10_000,
        currency: eur.unwrap_or_else(|_| unreachable!("a currency like any other")),
        penalty: Penalty::Percent(30),
        is_flexible: false,
        zone: chrono_tz::UTC,
    };
    let mut rooms = Rooms::new(now, room_type, night, &[1]);
    if !two_types {
        return (rooms, wish);
    }
    let other = contract::RoomTypeId::from_uuid(Uuid::from_u128(3));
    rooms.offer((room_type.0, other), night, &[1]);
    let other = Some(Other {
        room_type: other,
        stay: wish.stay,
        penalty: wish.penalty,
        is_flexible: wish.is_flexible,
    });
    (rooms, Wish { other, ..wish })
}

impl Services {
    /// A world in which nothing has happened but that two guests have asked for the same room.
    pub fn new(setup: Setup) -> Self {
        // What is known of a world before anything happens is true.
        planted::plant(None);
        let now = DateTime::from_timestamp(20_000 * 86_400, 0).unwrap_or_default();
        let (rooms, wish) = one_night(setup.two_types);
        let mut table = Reservations::default();
        let asked = setup.cards.map(|card| table.create(wish, token(card), now));
        let fresh = asked.each_ref().map(|start| {
            let mut own = table.clone();
            own.rows.retain(|id, _| *id == start.saga.reservation_id());
            own
        });
        let known = [
            asked[0].clone(),
            asked[1].clone(),
            cancellation(&fresh[0], now, asked[0].saga.reservation_id()),
        ];
        let (bodies, shelf) = (Shelf::new(fuel::of_body), Shelf::new(|_| 0));
        let (all_rooms, payments) = (Shelf::new(fuel::of_rooms), Shelf::new(fuel::of_payment));
        let providers = Shelf::new(fuel::of_provider);
        let mut start = State {
            runs: [None; SAGAS],
            rooms: all_rooms.put(rooms),
            payments: [payments.put(Money::default()); BOOKINGS],
            providers: [providers.put(Provider::default()); BOOKINGS],
            reservations: fresh.each_ref().map(|own| shelf.put(own.clone())),
            mail: Vec::new(),
            left: setup.left,
            contradiction: None,
        };
        start.post(asked.map(|start| bodies.put(Body::Start(start))));
        Self {
            setup,
            known: known.map(|start| Known {
                id: start.saga_id,
                data: start.saga,
            }),
            now,
            fresh,
            start,
            runs: Shelf::new(fuel::of_run),
            rooms: all_rooms,
            payments,
            providers,
            reservations: shelf,
            bodies,
            contradictions: Shelf::new(|_| 0),
            heard: Memo::default(),
            timed: Memo::default(),
            spoken: Memo::default(),
            settled: Memo::default(),
            expired: Memo::default(),
            taken: Memo::default(),
            worked: Memo::default(),
            swept: Memo::default(),
            crashed: Memo::default(),
            arrived: Memo::default(),
            reserved: Memo::default(),
            cancelled: Memo::default(),
        }
    }

    /// Plants the bug in this thread, where one is to be planted.
    pub(crate) fn plant(&self) {
        planted::plant(self.setup.bug);
    }

    /// Whether something is planted, or another definition tried.
    pub(crate) fn is_planted(&self) -> bool {
        self.setup.is_planted
    }

    /// The place of a saga in the world.
    pub(crate) fn place(&self, body: Ref) -> Option<usize> {
        let id = match &*self.bodies.get(body) {
            Body::Start(start) => start.saga_id,
            Body::Command(envelope) => envelope.saga_id,
            Body::Reply(reply) => reply.saga_id,
        };
        self.known.iter().position(|known| known.id == id)
    }

    /// The booking that a saga is about.
    pub(crate) const fn booking(saga: usize) -> usize {
        if saga < BOOKINGS { saga } else { 0 }
    }

    /// The orchestrator hears a start or a reply. Nothing comes of one that it knew.
    pub(crate) fn hear(&self, runs: &[Option<Ref>; SAGAS], body: Ref) -> Heard {
        let saga = self.place(body)?;
        self.heard.of((runs[saga], body), || {
            let known = runs[saga].map(|run| (*self.runs.get(run)).clone());
            match (&*self.bodies.get(body), known) {
                (Body::Start(_), None) => {
                    let (run, said) = self.advance(saga, Run::new(), &Input::Start, self.now)?;
                    Some((saga, run, said))
                }
                (Body::Reply(reply), Some(run)) => {
                    let (run, said) = self.advance(saga, run, &Input::Reply(reply), self.now)?;
                    Some((saga, run, said))
                }
                _ => None,
            }
        })
    }

    /// A saga's timer: sends again, or gives up where that is possible.
    pub(crate) fn fire(&self, saga: usize, run: Ref, give_up: bool) -> Advanced {
        self.timed.of((saga, run, give_up), || {
            let mut waited = (*self.runs.get(run)).clone();
            let waiting = waited.waiting.as_mut()?;
            if give_up {
                waiting.since = self.now - TimeDelta::days(1);
            }
            let before = waited.log.len();
            let (next, said) = self.advance(saga, waited, &Input::Time, self.now)?;
            let settled = self.runs.get(next).log.len() > before;
            (settled == give_up).then_some((next, said))
        })
    }

    /// An operator cancels a saga's run. Nothing comes of it where a rule forbids it, or where it is being undone.
    pub(crate) fn cancel_run(&self, saga: usize, run: Ref) -> Advanced {
        self.spoken.of((saga, run), || {
            let spoken = Spoken {
                verb_id: VerbId::from_uuid(Uuid::from_u128(1)),
                verb: Verb::Cancel,
                actor: "operator:1".to_owned(),
                reason: "The checker says so.".to_owned(),
                step: None,
                evidence: None,
                result: None,
                approved_by: None,
            };
            let run = (*self.runs.get(run)).clone();
            self.advance(saga, run, &Input::Verb(&spoken), self.now)
        })
    }

    /// One transaction of the runner. None: nothing changed.
    fn advance(&self, saga: usize, mut run: Run, input: &Input<'_>, now: DateTime<Utc>) -> Advanced {
        let Known { id, data } = &self.known[saga];
        let moves = match data {
            SagaData::BookStay(data) => {
                engine::advance(&self.setup.definition, data, &mut run, input, now, PACE)
            }
            SagaData::CancelStay(_) => sagas::advance(data, &mut run, input, now, PACE),
        };
        if moves.lines.is_empty() {
            return None;
        }
        // Whether time has passed is the checker's choice, so a run does not remember when it was.
        if let Some(waiting) = &mut run.waiting {
            (waiting.since, waiting.due) = (self.now, self.now);
        }
        // Nor how often it was sent before what it waits for: nothing follows from that.
        run.seq = u32::from(run.seq > 0);
        let said = moves.commands.into_iter().map(|sent| self.sent(*id, sent));
        let said = said.collect();
        Some((self.runs.put(run), said))
    }

    fn sent(&self, saga_id: SagaId, sent: Sent) -> Ref {
        self.bodies.put(Body::Command(sent.envelope(saga_id)))
    }

    pub(crate) fn contradiction(&self, what: impl std::fmt::Display) -> Ref {
        self.contradictions.put(what.to_string())
    }

    pub(crate) fn reply(&self, reply: Reply) -> Ref {
        self.bodies.put(Body::Reply(reply))
    }

    /// The inventory handles a command.
    pub(crate) fn settle(&self, rooms: Ref, body: Ref) -> Said {
        self.settled.of((rooms, body), || {
            let body = self.bodies.get(body);
            let Some((envelope, Command::Inventory(command))) = command_of(&body) else {
                return Ok((rooms, Vec::new()));
            };
            let mut books = (*self.rooms.get(rooms)).clone();
            let asked = [(sim::rooms::asked(envelope, None), command.clone())];
            // All holds are due at once; whether they expire is the checker's choice.
            let (outcomes, _) = books
                .settle(&asked, 0)
                .map_err(|error| self.contradiction(error))?;
            let replies = outcomes
                .into_iter()
                .map(|outcome| self.reply(envelope.reply(outcome)));
            let replies = replies.collect();
            Ok((self.rooms.put(books), replies))
        })
    }

    /// Holds whose time is over give their rooms back.
    pub(crate) fn expire(&self, rooms: Ref) -> Result<Ref, Ref> {
        self.expired.of(rooms, || {
            let mut books = (*self.rooms.get(rooms)).clone();
            books.expire(0).map_err(|error| self.contradiction(error))?;
            Ok(self.rooms.put(books))
        })
    }

    /// The reservation service handles a command; a confirmation may start the cancellation.
    pub(crate) fn reserve(&self, reservation: Ref, booking: usize, body: Ref) -> Said {
        self.reserved.of((reservation, body), || {
            let body = self.bodies.get(body);
            let Some((envelope, Command::Reservation(command))) = command_of(&body) else {
                return Ok((reservation, Vec::new()));
            };
            let mut table = (*self.reservations.get(reservation)).clone();
            let start = table.take(command, self.now);
            let start = start.map_err(|error| self.contradiction(error))?;
            let mut said: Vec<Ref> = start.into_iter().map(|start| self.started(start)).collect();
            said.push(self.reply(envelope.reply(Outcome::Done)));
            Ok((self.shelve(table, booking), said))
        })
    }

    /// The first booking's guest cancels.
    pub(crate) fn cancel(&self, reservation: Ref) -> (Ref, Vec<Ref>) {
        self.cancelled.of(reservation, || {
            let mut table = (*self.reservations.get(reservation)).clone();
            let id = self.known[0].data.reservation_id();
            let (start, _) = table.cancel(id, self.now);
            let said = start.into_iter().map(|start| self.started(start)).collect();
            (self.shelve(table, 0), said)
        })
    }

    fn started(&self, start: StartSaga) -> Ref {
        self.bodies.put(Body::Start(start))
    }

    fn shelve(&self, table: Reservations, booking: usize) -> Ref {
        let mut fresh = self.fresh[booking].clone();
        fresh.rows = table.rows;
        self.reservations.put(fresh)
    }
}

/// The saga that cancels the first booking, as its reservation would start it.
fn cancellation(fresh: &Reservations, now: DateTime<Utc>, id: contract::ReservationId) -> StartSaga {
    let mut table = fresh.clone();
    let hotel_id = table.rows.values().next().map(|(row, _)| row.hotel_id);
    let hotel_id = hotel_id.unwrap_or_else(|| unreachable!("the reservation was just made"));
    let confirm = contract::command::ReservationCommand::Confirm {
        hotel_id,
        reservation_id: id,
    };
    table.cancel(id, now);
    let mut noted = fresh.clone();
    noted.rows = table.rows;
    match noted.take(&confirm, now) {
        Ok(Some(start)) => start,
        _ => unreachable!("a booking that was cancelled meanwhile is cancelled when it is confirmed"),
    }
}

pub(crate) fn command_of(body: &Body) -> Option<(&CommandEnvelope<Command>, &Command)> {
    match body {
        Body::Command(envelope) => Some((envelope, &envelope.command)),
        Body::Start(_) | Body::Reply(_) => None,
    }
}
