//! What makes every path end: a number that each action lowers and that cannot fall for ever.
//!
//! Each part of a state weighs as much as can still come of it: a command more than its reply, a saga as much as
//! its log can still grow, an operation more the further it is from its outcome, a fault that may still happen as
//! much as it can set back. So no path is a circle, and a state that does not halt comes to a halt whatever
//! happens next.

use inventory::model::HoldState;
use orchestrator::engine::Run;
use payment::model::Say;
use sim::money::{Money, Stage};
use sim::provider::Provider;
use sim::rooms::Rooms;

use crate::body::Body;
use crate::shelf::Ref;
use crate::state::State;

/// More lines than any journal has.
const LINES_MAX: u16 = 14;
/// What a line of a log weighs that is not written yet.
const LINE: u16 = 60;
/// What a fault weighs that may still happen.
const FAULT: i64 = 100;

fn times(weight: u16, count: usize) -> u16 {
    u16::try_from(count).map_or(u16::MAX, |count| count.saturating_mul(weight))
}

pub(crate) fn of_run(run: &Run) -> u16 {
    LINE * LINES_MAX.saturating_sub(times(1, run.log.len()))
}

pub(crate) const fn of_body(body: &Body) -> u16 {
    match body {
        Body::Start(_) | Body::Reply(_) => 1,
        Body::Command(_) => 20,
    }
}

pub(crate) fn of_rooms(rooms: &Rooms) -> u16 {
    let holds = rooms.holds.values();
    times(3, holds.filter(|(hold, _)| hold.state == HoldState::Held).count())
}

pub(crate) fn of_provider(provider: &Provider) -> u16 {
    times(5, provider.late.len())
}

pub(crate) fn of_payment(payment: &Money) -> u16 {
    let due = payment.operations.values().flatten();
    let due = due.filter(|operation| operation.ending.is_none());
    let unattended = due.filter(|operation| payment.desk.iter().all(|job| job.no != operation.no));
    let at_work = payment.desk.iter().map(|job| match job.stage {
        Stage::Read => 11,
        Stage::Talk(Say::AskFirst) => 10,
        Stage::Talk(Say::Submit) => 9,
        // Only after a loss.
        Stage::Talk(Say::AskAfter) => 30,
        Stage::Write(..) => 2,
    });
    at_work.sum::<u16>() + times(12, unattended.count())
}

/// The fuel of a state, where messages that were handled before are dropped or are not.
pub(crate) fn of(state: &State, handles_again: bool) -> i64 {
    let left = &state.left;
    let faults = [
        left.copies,
        left.resends,
        left.crashes,
        left.losses,
        left.cancellations,
        left.verbs,
    ];
    let faults: i64 = faults.into_iter().map(i64::from).sum();
    let unbegun = i64::from(LINE) * i64::from(LINES_MAX);
    let runs = state.runs.iter().map(|run| run.map_or(unbegun, Ref::weight));
    let mail = state.mail.iter().map(|mail| {
        if mail.handled && !handles_again {
            1
        } else {
            mail.body.weight()
        }
    });
    let books = state
        .payments
        .iter()
        .chain(&state.providers)
        .map(|books| books.weight());
    FAULT * faults + runs.sum::<i64>() + mail.sum::<i64>() + books.sum::<i64>() + state.rooms.weight()
}
