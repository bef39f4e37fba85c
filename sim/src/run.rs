//! One seed: things go wrong for a while, then everything heals and must end.

use crate::broker::Lane;
use crate::check;
use crate::planted;
use crate::price::DAY;
use crate::rates::Rates;
use crate::seen::{Seen, Sight};
use crate::world::World;

/// Steps after which a healed world goes round in a circle.
const TOO_MANY: u32 = 5_000;

/// How a seed ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Steps taken.
    pub steps: u64,
    /// What was seen.
    pub seen: Seen,
    /// The violation, if one was found.
    pub violation: Option<String>,
    /// The story, if it was to be told.
    pub story: Vec<String>,
}

/// Runs a seed. The same seed is the same run.
pub fn run(seed: u64, told: bool) -> Outcome {
    let mut world = World::new(seed, told);
    let mut steps = 0;
    let ended = chaos(&mut world, &mut steps).and_then(|()| heal(&mut world, &mut steps));
    count_ends(&mut world);
    Outcome {
        steps,
        seen: world.seen,
        violation: ended.err(),
        story: world.story().to_vec(),
    }
}

fn chaos(world: &mut World, steps: &mut u64) -> Result<(), String> {
    let count = world.random.u32(40..160);
    for _ in 0..count {
        let before = world.writes();
        act(world)?;
        *steps += 1;
        look(world, before)?;
    }
    Ok(())
}

/// Looks whether every law holds, if anything was written since.
fn look(world: &World, before: u64) -> Result<(), String> {
    if world.writes() == before {
        return Ok(());
    }
    check::always(world)
}

/// Something happens, or something goes wrong.
fn act(world: &mut World) -> Result<(), String> {
    let rates = world.rates;
    if world.strikes(rates.take_over) {
        world.take_over();
    }
    if world.strikes(rates.zombie) {
        world.zombie();
    }
    if world.strikes(rates.cache_repaired) || world.cache.wants_keeper() && world.random.bool() {
        world.keep_cache();
    }
    if world.strikes(rates.time) {
        let seconds = match world.random.u32(0..24) {
            0 => DAY,
            1..=4 => 1_000,
            _ => world.random.i64(1..30),
        };
        world.pass(seconds);
    }
    if world.strikes(rates.cache_wiped) {
        world.wipe_cache();
    }
    if world.strikes(rates.log_lost) {
        world.lose_log();
    }
    if world.strikes(rates.hotel_changes) {
        world.change_hotel();
    }
    if world.strikes(rates.operator) {
        world.operate();
    }
    if world.strikes(rates.relay_repeats) {
        let count = world.random.usize(1..6);
        world.broker.repeat(count);
    }
    match world.random.u32(0..16) {
        0 => world.book(),
        1 => cancel_one(world)?,
        2 => world.fire(),
        3 if world.random.bool() => drop(world.broker.bring_back()),
        3 => world.expire()?,
        4 if !planted!(SweepForgotten) => world.sweep(),
        5 if !world.provider.late.is_empty() => {
            let at = world.random.usize(0..world.provider.late.len());
            world.arrive(at);
        }
        6..=8 if !world.money.desk.is_empty() => {
            let at = world.random.usize(0..world.money.desk.len());
            world.work(at)?;
        }
        9..=11 => relay(world),
        _ => deliver_one(world)?,
    }
    Ok(())
}

fn relay(world: &mut World) {
    let count = world.random.usize(1..8);
    let crashes = world.rates.crash_after;
    if planted!(ConfirmedTooEarly) && world.strikes(crashes) {
        return world.broker.lose_unsent();
    }
    if world.strikes(world.rates.overtaken) {
        world.broker.hold_back();
    }
    world.broker.relay(count);
}

fn cancel_one(world: &mut World) -> Result<(), String> {
    let count = world.reservations.rows.len();
    // Not every guest cancels.
    if count == 0 || world.random.u32(0..3) > 0 {
        return Ok(());
    }
    let at = world.random.usize(0..count);
    let id = world.reservations.rows.keys().nth(at).copied();
    id.map_or(Ok(()), |id| world.cancel(id))
}

fn deliver_one(world: &mut World) -> Result<(), String> {
    let count = world.broker.waiting().len();
    if count == 0 {
        relay(world);
        return Ok(());
    }
    let at = world.random.usize(0..count);
    let lane: Option<Lane> = world.broker.waiting().iter().nth(at).copied();
    let batch = world.random.usize(1..=4);
    lane.map_or(Ok(()), |lane| world.deliver(lane, batch))
}

/// Nothing goes wrong any more, and everything must end.
fn heal(world: &mut World, steps: &mut u64) -> Result<(), String> {
    world.rates = Rates::default();
    world.tell(|| "from here on nothing goes wrong".to_owned());
    world.tidy_up();
    for _ in 0..TOO_MANY {
        let before = world.writes();
        if !go_on(world)? {
            return check::at_rest(world);
        }
        *steps += 1;
        look(world, before)?;
    }
    Err("it never comes to rest".to_owned())
}

/// The next thing that has to be done, if there is one.
fn go_on(world: &mut World) -> Result<bool, String> {
    if world.broker.bring_back() {
        return Ok(true);
    }
    if world.broker.has_unsent() {
        world.broker.relay(usize::MAX / 2);
    } else if let Some(lane) = world.broker.waiting().first().copied() {
        world.deliver(lane, 8)?;
    } else if !world.provider.late.is_empty() {
        world.arrive(0);
    } else if !world.money.desk.is_empty() {
        world.work(0)?;
    } else if !world.wishes.is_empty() {
        world.book();
    } else if world.money.is_due() && !planted!(SweepForgotten) {
        world.sweep();
    } else if let Some(due) = world.coordinator.next_due() {
        let wait = (due - world.now).num_seconds().max(0) + 1;
        world.pass(wait);
        world.expire()?;
        world.fire();
    } else if let Some(at) = world.rooms.next_expiry() {
        let wait = (at - world.now.timestamp()).max(0);
        world.pass(wait);
        world.expire()?;
    } else if world.cache.wants_keeper() {
        world.keep_cache();
    } else {
        return Ok(world.tidy_up());
    }
    Ok(true)
}

fn count_ends(world: &mut World) {
    use orchestrator::engine::State as SagaState;
    use reservation::model::State;
    let mut seen = Vec::new();
    for (row, history) in world.reservations.rows.values() {
        if history.iter().any(|line| line.to == State::Confirmed) {
            seen.push(Sight::Confirmed);
            seen.extend((row.terms.total.minor() == 0).then_some(Sight::FreeStay));
        }
        if history.iter().any(|line| line.to == State::Cancelled) {
            seen.push(Sight::Cancelled);
            let during = row.cost.is_some_and(|cost| cost.kept_until.is_some());
            seen.extend(during.then_some(Sight::CancelledDuringStay));
            let mut lines = world
                .rooms
                .lines((row.hotel_id, row.hold_id))
                .map(|line| line.state);
            let first = lines.next();
            seen.extend(
                lines
                    .any(|state| Some(state) != first)
                    .then_some(Sight::LinesPartKept),
            );
            let is_late =
                row.terms.free_until.is_some() && row.cost.is_some_and(|cost| cost.penalty.minor() > 0);
            seen.extend(is_late.then_some(Sight::PenaltyKept));
        }
    }
    for (key, night) in &world.rooms.nights {
        if night.sold > night.total && !world.forced.contains_key(key) {
            seen.push(Sight::Overbooked);
        }
    }
    let sagas = world.coordinator.sagas.values();
    let done = sagas.filter(|kept| kept.run.state == SagaState::Completed && kept.run.round > 1);
    seen.extend(done.map(|_| Sight::BackAndForward));
    let paid = world.money.payments.values();
    let after_decline = world.money.authorized_after_a_decline();
    seen.extend((0..after_decline).map(|_| Sight::AnewAfterDecline));
    let anew = paid.filter(|payment| payment.round > 1 && payment.captured_minor > 0);
    seen.extend(anew.map(|_| Sight::AuthorizedAnew));
    let paused = world.coordinator.sagas.values();
    let paused: u64 = paused.map(|kept| kept.course.replies_while_paused).sum();
    seen.extend((0..paused).map(|_| Sight::ReplyWhilePaused));
    let owing = world.coordinator.sagas.values();
    let owing = owing.filter(|kept| !kept.debts.is_empty());
    seen.extend(owing.map(|_| Sight::AbandonedWithDebts));
    seen.extend((0..world.coordinator.given_up).map(|_| Sight::GivenUp));
    for sight in seen {
        world.seen.note(sight);
    }
}
