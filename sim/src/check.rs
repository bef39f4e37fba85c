//! What must hold after every step, and what must hold at rest.

use contract::{PaymentId, ReservationId};
use inventory::model::{HoldState, NightKey, Taking};
use orchestrator::engine::{State as SagaState, StepKind};
use payment::model::State as PaymentState;
use reservation::model::{Reservation, State, Transition};

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
    if let Some(night) = world.cache.gone_back() {
        return Err(format!(
            "the cache took an older change of {night} over a newer one"
        ));
    }
    payments(world)?;
    for (reservation, history) in world.reservations.rows.values() {
        lawful(reservation, history)?;
        settled(world, reservation)?;
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
        if !matches!(state, SagaState::Completed | SagaState::Compensated) {
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
    for ((_, hold_id), (hold, _)) in &world.rooms.holds {
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

/// No night is sold beyond 110 %, and the counters are the sums of the holds.
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
        if (held + sold) * 10 > night.total * 11 {
            return Err(format!("{:?} is oversold: {night:?}", key.2));
        }
    }
    Ok(())
}

fn takes(taking: &Taking, (_, room_type_id, night): NightKey) -> bool {
    let stay = taking.stay;
    (stay.check_in()..stay.check_out()).contains(&night) && taking.room_type_id == room_type_id
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
    Ok(())
}

/// What a state promises from its first moment on.
fn settled(world: &World, reservation: &Reservation) -> Checked {
    let id = reservation.reservation_id;
    let (rooms, left) = (rooms_of(world, id), left_of(world, id));
    let payment = world.money.payments.get(&PaymentId::from_uuid(id.uuid()));
    match reservation.state {
        State::Confirmed if rooms != Some(HoldState::Sold) || left != reservation.terms.total.minor() => {
            Err(format!("{id} is confirmed with rooms {rooms:?} and {left} paid"))
        }
        State::Rejected
            if matches!(rooms, Some(HoldState::Held | HoldState::Sold))
                || left != 0
                || payment.is_some_and(|payment| payment.state == PaymentState::Authorized) =>
        {
            Err(format!(
                "{id} is rejected with rooms {rooms:?}, {left} paid, {payment:?}"
            ))
        }
        State::Cancelled => {
            let penalty = reservation.cost.map_or(0, |cost| cost.penalty.minor());
            if matches!(rooms, Some(HoldState::Held | HoldState::Sold)) || left != penalty {
                return Err(format!(
                    "{id} is cancelled with rooms {rooms:?}, {left} kept of {penalty}"
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// How a reservation must have ended.
fn ended(world: &World, reservation: &Reservation) -> Checked {
    let id = reservation.reservation_id;
    if matches!(reservation.state, State::Pending | State::Cancelling) {
        return Err(format!("{id} is {:?} at rest", reservation.state));
    }
    if reservation.cancel_requested_at.is_some() && reservation.state == State::Confirmed {
        return Err(format!("the guest cancelled {id}, and it is confirmed"));
    }
    let Some(found) = world.provider.authorizations.get(&format!("auth-{id}")) else {
        return Ok(());
    };
    if found.captured - found.refunded != left_of(world, id) {
        return Err(format!(
            "{id}: the provider has {found:?}, we have {} left",
            left_of(world, id)
        ));
    }
    if reservation.state == State::Rejected && !found.voided && found.captured == 0 {
        return Err(format!("{id} is rejected and its authorisation is still open"));
    }
    Ok(())
}

/// Nothing is undone after the pivot, and nobody goes forward after the undoing began.
fn logs(world: &World) -> Checked {
    for (id, kept) in &world.coordinator.sagas {
        let (mut pivot, mut undoing) = (false, false);
        for line in &kept.lines {
            if line.epoch != line.owner {
                return Err(format!(
                    "saga {id}: {} was written under epoch {} when {} was the owner's",
                    line.step, line.epoch, line.owner
                ));
            }
            undoing |= line.undo;
            pivot |= line.kind == StepKind::Pivot && !line.undo && line.outcome == "ok";
            if undoing && (pivot || !line.undo) {
                return Err(format!(
                    "saga {id}: {} {} after the turn",
                    line.step, line.outcome
                ));
            }
        }
    }
    Ok(())
}

fn rooms_of(world: &World, id: ReservationId) -> Option<HoldState> {
    let mut holds = world.rooms.holds.iter();
    let mine = holds.find(|((_, hold_id), _)| hold_id.uuid() == id.uuid());
    mine.map(|(_, (hold, _))| hold.state)
}

fn left_of(world: &World, id: ReservationId) -> i64 {
    let payment = world.money.payments.get(&PaymentId::from_uuid(id.uuid()));
    payment.map_or(0, |payment| payment.captured_minor - payment.refunded_minor)
}
