//! What must hold after every step, and what must hold at rest.

use contract::{ReservationId, Stay, StayDate};
use inventory::model::{Hold, HoldState, NightKey, Taking};
use payment::model::State as PaymentState;
use reservation::model::{Reservation, State, Transition, all_charges};

use crate::cache::left;
use crate::money::Account;
use crate::world::World;

type Checked = Result<(), String>;

/// After every step.
///
/// # Errors
/// The first violation, in words.
pub fn always(world: &World) -> Checked {
    nights(world)?;
    holds(world)?;
    cached(world)?;
    payments(world)?;
    for (reservation, history) in world.reservations.rows.values() {
        lawful(reservation, history)?;
        priced(world, reservation)?;
        // What an abandoned run owes is given back or done when somebody settles it.
        if world.coordinator.owes(reservation.reservation_id) {
            continue;
        }
        let theirs = Books::of(world, reservation.reservation_id);
        charged(world, reservation, theirs)?;
        settled(world, reservation, theirs)?;
    }
    logs(world)
}

/// When nothing is on its way any more.
///
/// # Errors
/// The first violation, in words.
pub fn at_rest(world: &World) -> Checked {
    always(world)?;
    for (id, kept) in &world.coordinator.sagas {
        let state = kept.run.state;
        if !state.is_over() || kept.owes() {
            return Err(format!(
                "saga {id} is {} at rest: {:?}",
                state.word(),
                kept.run.reason
            ));
        }
    }
    if world.money.is_due() {
        return Err("an operation of a payment is still due at rest".to_owned());
    }
    for (reservation, _) in world.reservations.rows.values() {
        ended(world, reservation)?;
    }
    for (id, found) in &world.provider.authorizations {
        if !found.voided && found.captured == 0 {
            return Err(format!("{id} of {} is still open at rest", found.reference));
        }
        if !world.reservations.rows.contains_key(&found.reference) {
            return Err(format!("{id} is of {}, which is no reservation", found.reference));
        }
    }
    for ((_, hold_id, _), (hold, _)) in &world.rooms.holds {
        if hold.state == HoldState::Held {
            return Err(format!("hold {hold_id} is still held at rest"));
        }
    }
    for (key, night) in &world.rooms.nights {
        let (cached, left) = (world.cache.left(*key), left(night));
        if cached != Some(left) {
            return Err(format!(
                "the cache says {cached:?} left for {}, the table {left}",
                key.2
            ));
        }
    }
    Ok(())
}

/// No night is sold beyond 110 %, but where a hotel has forced its total below what was taken already, and the
/// counters are the sums of the holds.
fn nights(world: &World) -> Checked {
    for (key, night) in &world.rooms.nights {
        let (mut held, mut sold) = (0, 0);
        for (hold, _) in world.rooms.holds.values() {
            let taking = hold.takes().filter(|taking| takes(taking, *key));
            let counter = if hold.state == HoldState::Held {
                &mut held
            } else {
                &mut sold
            };
            *counter += taking.map_or(0, |taking| i32::from(taking.rooms));
        }
        if (night.held, night.sold) != (held, sold) {
            return Err(format!(
                "{:?} counts {night:?}, its holds are {held} held and {sold} sold",
                key.2
            ));
        }
        // A hotel may insist on having fewer rooms than it has promised; then it promises none.
        let may = |most: &i32| held + sold <= *most;
        if (held + sold) * 10 > night.total * 11 && !world.forced.get(key).is_some_and(may) {
            return Err(format!("{:?} is oversold: {night:?}", key.2));
        }
    }
    Ok(())
}

fn takes(taking: &Taking, (_, room_type_id, night): NightKey) -> bool {
    let stay = taking.stay;
    (stay.check_in()..stay.check_out()).contains(&night) && taking.room_type_id == room_type_id
}

/// A hold takes what its reservation agreed, line by line, and nobody else takes rooms. Of a stay that is cancelled, some
/// nights may be given back: those that had not begun. All lines of a hold move together, but of such a stay those go
/// back of which no night had begun.
fn holds(world: &World) -> Checked {
    for ((hotel_id, hold_id, line), (hold, _)) in &world.rooms.holds {
        let mut rows = world.reservations.rows.values();
        let agreed = rows.find(|(row, _)| row.hold_id == *hold_id).map(|(row, _)| row);
        let mut lines = world.rooms.lines((*hotel_id, *hold_id));
        let until = agreed.and_then(kept_until);
        if until.is_none() && lines.any(|other| other.state != hold.state) {
            return Err(format!("the lines of hold {hold_id} do not stand alike"));
        }
        let Some(taking) = hold.takes() else { continue };
        let fits = agreed.is_some_and(|row| {
            let its = usize::from(*line).checked_sub(1);
            let agreed = its.and_then(|line| agreed_lines(row).get(line).copied());
            let kept = agreed.and_then(|agreed| kept_of(agreed, until?));
            let all = world.rooms.lines((*hotel_id, *hold_id)).count() == agreed_lines(row).len();
            row.hotel_id == *hotel_id && all && [agreed, kept].contains(&Some(taking))
        });
        if !fits {
            return Err(format!(
                "line {line} of hold {hold_id} takes {taking:?}, agreed is {agreed:?}"
            ));
        }
    }
    Ok(())
}

/// What the lines of a reservation's hold take.
fn agreed_lines(row: &Reservation) -> Vec<Taking> {
    Taking::of(&contract::line::held(&row.lines())).collect()
}

/// Until when the nights of a cancelled stay had begun, which stay sold.
fn kept_until(row: &Reservation) -> Option<StayDate> {
    row.cost?.kept_until
}

/// What is left of a line that is given back from this night on.
fn kept_of(line: Taking, until: StayDate) -> Option<Taking> {
    let stay = Stay::new(line.stay.check_in(), until.min(line.stay.check_out())).ok()?;
    Some(Taking { stay, ..line })
}

/// No change goes back, and a cache that says it is complete is.
fn cached(world: &World) -> Checked {
    if let Some(night) = world.cache.gone_back() {
        return Err(format!(
            "the cache took an older change of {night} over a newer one"
        ));
    }
    let mut nights = world.rooms.nights.keys();
    match nights.find(|key| world.cache.complete && world.cache.left(**key).is_none()) {
        Some(key) => Err(format!("the cache is complete without the night of {}", key.2)),
        None => Ok(()),
    }
}

/// A payment takes its amount once at most and never gives back more; the books say what the payments say, and the
/// provider took no more than was reserved.
fn payments(world: &World) -> Checked {
    for (id, payment) in &world.money.payments {
        let amount = payment.terms.as_ref().map_or(0, |terms| terms.amount.minor());
        let (captured, refunded) = (payment.captured_minor, payment.refunded_minor);
        if captured > amount || refunded > captured {
            return Err(format!(
                "payment {id} of {amount} took {captured} and gave back {refunded}"
            ));
        }
        let entries = world.money.ledger.get(id).map_or(&[][..], Vec::as_slice);
        let sum = |account| {
            entries
                .iter()
                .filter(|entry| entry.0 == account)
                .map(|entry| entry.1)
                .sum::<i64>()
        };
        let (guest, hotel) = (sum(Account::Guest), sum(Account::Hotel));
        if guest + hotel != 0 || hotel != captured - refunded {
            return Err(format!(
                "payment {id}: the ledger says {guest} and {hotel}, the payment {}",
                captured - refunded
            ));
        }
    }
    if let Some(key) = &world.provider.reused {
        return Err(format!("the key {key} came again with other words"));
    }
    for (id, found) in &world.provider.authorizations {
        if found.captured > found.amount || found.refunded > found.captured {
            return Err(format!(
                "{id}: the provider took {} of {}",
                found.captured, found.amount
            ));
        }
    }
    Ok(())
}

/// The history is a path of the state machine without a gap.
fn lawful(reservation: &Reservation, history: &[Transition]) -> Checked {
    let mut from = None;
    for (at, line) in history.iter().enumerate() {
        let legal = matches!(
            (from, line.to),
            (None, State::Pending)
                | (Some(State::Pending), State::Confirmed | State::Rejected)
                | (Some(State::Confirmed), State::Cancelling)
                | (Some(State::Cancelling), State::Cancelled)
        );
        if !legal || line.from != from || usize::try_from(line.version) != Ok(at + 1) {
            return Err(format!(
                "{}: {from:?} became {:?}",
                reservation.reservation_id, line.to
            ));
        }
        from = Some(line.to);
    }
    let lines = usize::try_from(reservation.version);
    if from != Some(reservation.state) || lines != Ok(history.len()) {
        return Err(format!(
            "{} is {:?} in version {}, its history ends with {from:?} after {} lines",
            reservation.reservation_id,
            reservation.state,
            reservation.version,
            history.len()
        ));
    }
    Ok(())
}

/// A cancellation is the guest's wish, and costs what was agreed for the moment of that wish, by the date at the
/// hotel, however long the booking or the cancellation still takes.
fn priced(world: &World, reservation: &Reservation) -> Checked {
    let id = reservation.reservation_id;
    let wish = world.cancelled.iter().find(|wish| wish.reservation_id == id);
    let at = wish.map(|wish| wish.at);
    let is_cancelled = matches!(reservation.state, State::Cancelling | State::Cancelled);
    let cost = wish.filter(|_| is_cancelled).map(|wish| wish.cost);
    if reservation.cancel_requested_at == at && reservation.cost == cost && is_cancelled == cost.is_some() {
        return Ok(());
    }
    Err(format!(
        "{id} is {:?} with {:?} from {:?}; the guest cancelled at {at:?}, by the terms {cost:?}",
        reservation.state, reservation.cost, reservation.cancel_requested_at
    ))
}

/// The provider's books of one reservation, all authorisations together.
#[derive(Debug, Clone, Copy, Default)]
struct Books {
    reserved: i64,
    captured: i64,
    refunded: i64,
}

impl Books {
    fn of(world: &World, id: ReservationId) -> Self {
        let mut books = Self::default();
        let all = world.provider.authorizations.values();
        for found in all.filter(|found| found.reference == id) {
            books.reserved += if found.voided { 0 } else { found.amount };
            books.captured += found.captured;
            books.refunded += found.refunded;
        }
        books
    }

    const fn left(self) -> i64 {
        self.captured - self.refunded
    }
}

/// No card is charged without a room, at no time: rooms are booked before money moves, and go back only when the
/// guest cancels. Nor is a card charged or blocked twice, and what is confirmed is not given back.
fn charged(world: &World, reservation: &Reservation, theirs: Books) -> Checked {
    let rooms = rooms_of(world, reservation);
    let total = reservation.terms.total.minor();
    let wrong = if theirs.captured > total || theirs.reserved > total {
        "is charged or blocked twice"
    } else if theirs.left() != 0
        && rooms != Some(HoldState::Sold)
        && !matches!(reservation.state, State::Cancelling | State::Cancelled)
    {
        "is charged without a room"
    } else if theirs.refunded != 0 && reservation.state == State::Confirmed {
        "is confirmed and refunded"
    } else {
        return Ok(());
    };
    Err(format!(
        "{} {wrong}: {:?} with rooms {rooms:?}, the provider has {theirs:?} of {total}",
        reservation.reservation_id, reservation.state
    ))
}

/// What a state promises from its first moment on, by the provider's books and by ours.
fn settled(world: &World, reservation: &Reservation, theirs: Books) -> Checked {
    let id = reservation.reservation_id;
    let (rooms, ours) = (rooms_of(world, reservation), left_of(world, reservation));
    let takes = matches!(rooms, Some(HoldState::Held | HoldState::Sold));
    let (kept, fits) = match reservation.state {
        State::Pending => return Ok(()),
        State::Cancelling if kept_until(reservation).is_none() || rooms == Some(HoldState::Sold) => {
            return Ok(());
        }
        State::Cancelling => return Err(format!("{id}: nights that had begun are no longer sold")),
        State::Confirmed => (
            reservation.terms.total.minor(),
            rooms == Some(HoldState::Sold) && reservation.cancel_requested_at.is_none(),
        ),
        State::Rejected => {
            let payment = world.money.payments.get(&reservation.payment_id);
            let blocks = payment.is_some_and(|payment| payment.state == PaymentState::Authorized);
            (0, !takes && !blocks)
        }
        State::Cancelled => {
            let until = kept_until(reservation);
            let kept = agreed_lines(reservation).into_iter();
            let kept = kept.filter_map(|line| kept_of(line, until?));
            let lines = world.rooms.lines((reservation.hotel_id, reservation.hold_id));
            let penalty = reservation.cost.map_or(0, |cost| cost.penalty.minor());
            (penalty, lines.filter_map(Hold::takes).eq(kept))
        }
    };
    if fits && ours == kept && theirs.left() == kept {
        return Ok(());
    }
    Err(format!(
        "{id} is {:?} with rooms {rooms:?}; {ours} paid by our books, {theirs:?} by the provider's, {kept} due; \
         cancelled by the guest: {:?}",
        reservation.state, reservation.cancel_requested_at
    ))
}

/// How a reservation must have ended.
fn ended(world: &World, reservation: &Reservation) -> Checked {
    let id = reservation.reservation_id;
    if matches!(reservation.state, State::Pending | State::Cancelling) {
        return Err(format!("{id} is {:?} at rest", reservation.state));
    }
    let (theirs, ours) = (Books::of(world, id), left_of(world, reservation));
    if theirs.left() != ours {
        return Err(format!("{id}: the provider has {theirs:?}, we have {ours} left"));
    }
    // What was promised is of all rooms together here.
    let charges = all_charges(&reservation.promised, 1, &reservation.later);
    let counting = charges.iter().filter(|charge| !charge.reversed);
    let owed: i64 = counting.map(|charge| charge.amount.minor()).sum();
    if reservation.state != State::Rejected && owed != ours {
        return Err(format!("{id}: its charges add up to {owed}, we have {ours} left"));
    }
    Ok(())
}

/// No line of a journal is one that must not be there.
fn logs(world: &World) -> Checked {
    for (id, kept) in &world.coordinator.sagas {
        if let Some(wrong) = &kept.course.wrong {
            return Err(format!("saga {id}: {wrong}"));
        }
    }
    Ok(())
}

/// How its rooms stand: a line that takes them, if any does.
fn rooms_of(world: &World, reservation: &Reservation) -> Option<HoldState> {
    let lines = || world.rooms.lines((reservation.hotel_id, reservation.hold_id));
    let taking = lines().find(|line| line.is_taking());
    taking.or_else(|| lines().next()).map(|hold| hold.state)
}

fn left_of(world: &World, reservation: &Reservation) -> i64 {
    let payment = world.money.payments.get(&reservation.payment_id);
    payment.map_or(0, |payment| payment.captured_minor - payment.refunded_minor)
}
