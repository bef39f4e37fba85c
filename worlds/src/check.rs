//! What the checker sees of the model: what must hold in every state, and what must come up in some.

use inventory::model::{Hold, HoldState};
use orchestrator::engine::{Entry, State as SagaState};
use payment::model::State as PaymentState;
use reservation::model::State as Reserved;
use stateright::{Model, Property};

use crate::facts::{Facts, Standing};
use crate::fuel;
use crate::model::World;
use crate::shelf::Ref;
use crate::state::{Action, BOOKINGS, State};

impl World {
    pub(crate) fn facts(&self, state: &State, booking: usize) -> Facts {
        let key = (
            state.rooms,
            state.payments[booking],
            state.providers[booking],
            state.reservations[booking],
        );
        self.facts.of(key, || self.look(state, booking))
    }

    fn look(&self, state: &State, booking: usize) -> Facts {
        let table = self.reservations.get(state.reservations[booking]);
        let (row, _) = table
            .rows
            .values()
            .next()
            .unwrap_or_else(|| unreachable!("every booking has its reservation"));
        let rooms = self.rooms.get(state.rooms);
        let lines: Vec<&Hold> = rooms.lines((row.hotel_id, row.hold_id)).collect();
        let hold = lines.first();
        let payments = self.payments.get(state.payments[booking]);
        let payment = payments.payments.get(&row.payment_id);
        let provider = self.providers.get(state.providers[booking]);
        let sum =
            |of: fn(&sim::provider::Authorization) -> i64| provider.authorizations.values().map(of).sum();
        Facts {
            hold: hold.map(|hold| hold.state),
            torn: hold.is_some_and(|first| {
                // What was refused or forbidden is one line.
                let is_one = first.taking.is_none() || first.state == HoldState::Refused;
                let whole = is_one || lines.len() == usize::from(row.rooms);
                !whole || lines.iter().any(|line| line.state != first.state)
            }),
            tombstone: hold.is_some_and(|hold| hold.taking.is_none()),
            reserved: row.state,
            noted: row.cancel_requested_at.is_some(),
            sold_out: row
                .refusal
                .as_ref()
                .is_some_and(|refusal| refusal.is(contract::refusal::Code::SoldOut)),
            penalty: row.cost.map_or(0, |cost| cost.penalty.minor()),
            total: row.terms.total.minor(),
            authorized: payment.is_some_and(|payment| payment.state == PaymentState::Authorized),
            ours: payment.map_or(0, |payment| payment.captured_minor - payment.refunded_minor),
            captured: sum(|found| found.captured),
            refunded: sum(|found| found.refunded),
            voided: provider.authorizations.values().all(|found| found.voided),
            asked_for: !provider.authorizations.is_empty(),
        }
    }

    fn standing(&self, run: Ref) -> Standing {
        self.standings.of(run, || {
            let run = self.runs.get(run);
            Standing {
                state: run.state,
                gave_up: run.log.iter().find_map(|entry| match entry {
                    Entry::GivenUp(step) => Some(*step),
                    _ => None,
                }),
            }
        })
    }

    fn each(&self, state: &State, holds: impl Fn(&Facts) -> bool) -> bool {
        (0..BOOKINGS).all(|booking| holds(&self.facts(state, booking)))
    }

    fn some(&self, state: &State, holds: impl Fn(&Facts) -> bool) -> bool {
        !self.each(state, |facts| !holds(facts))
    }

    fn is_oversold(&self, state: &State) -> bool {
        self.oversold.of(state.rooms, || {
            let rooms = self.rooms.get(state.rooms);
            rooms.nights.iter().any(|((_, room_type, _), night)| {
                let of_type = |hold: &Hold| {
                    hold.takes()
                        .is_some_and(|taking| taking.room_type_id == *room_type)
                };
                let lines = || {
                    rooms
                        .holds
                        .values()
                        .map(|(line, _)| line)
                        .filter(|line| of_type(line))
                };
                let count = |state| lines().filter(|line| line.state == state).count();
                let taken = [HoldState::Held, HoldState::Sold]
                    .map(|state| i32::try_from(count(state)).unwrap_or(i32::MAX));
                [night.held, night.sold] != taken || night.taken() * 10 > night.total * 11
            })
        })
    }

    fn runs_are(
        &self,
        state: &State,
        sagas: std::ops::Range<usize>,
        fit: impl Fn(SagaState) -> bool,
    ) -> bool {
        state.runs[sagas]
            .iter()
            .flatten()
            .all(|run| fit(self.standing(*run).state))
    }

    /// Nothing has to happen any more: what is left are only faults, and guests who may change their mind.
    fn halts(&self, state: &State) -> bool {
        if !state.mail.is_empty() {
            return false;
        }
        let mut actions = Vec::new();
        self.possible(state, &mut actions);
        let optional = |action: &Action| {
            matches!(
                action,
                Action::Crash
                    | Action::Cancel
                    | Action::CancelRun { .. }
                    | Action::Resend { .. }
                    | Action::GiveUp { .. }
            ) || matches!(action, Action::Deliver { keep: true, .. })
        };
        actions.iter().all(optional)
    }

    fn has_ended(&self, state: &State) -> bool {
        let sagas_ended = state.runs[..BOOKINGS].iter().all(Option::is_some)
            && self.runs_are(state, 0..state.runs.len(), |state| {
                matches!(state, SagaState::Completed | SagaState::Compensated)
            });
        sagas_ended
            && state.mail.is_empty()
            && self.each(state, |facts| {
                facts.hold != Some(HoldState::Held)
                    && !matches!(facts.reserved, Reserved::Pending | Reserved::Cancelling)
                    && !(facts.noted && facts.reserved == Reserved::Confirmed)
                    && facts.ours == facts.left()
                    && (facts.reserved != Reserved::Rejected || facts.voided || facts.captured > 0)
            })
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.plant();
        let mut next = state.clone();
        self.act(&mut next, action);
        let again = self.handles_again();
        let (before, after) = (fuel::of(state, again), fuel::of(&next, again));
        assert!(
            after < before || self.is_planted(),
            "{}: fuel {before} became {after}: {next:?}",
            self.told(action)
        );
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = laws();
        if !self.is_planted() {
            all.extend(sights());
        }
        all
    }
}

/// A state's promise, from its first moment on.
fn promise(facts: &Facts) -> bool {
    match facts.reserved {
        Reserved::Confirmed => facts.hold == Some(HoldState::Sold) && facts.left() == facts.total,
        Reserved::Rejected => {
            !matches!(facts.hold, Some(HoldState::Held | HoldState::Sold))
                && facts.left() == 0
                && !facts.authorized
        }
        Reserved::Cancelled => {
            !matches!(facts.hold, Some(HoldState::Held | HoldState::Sold)) && facts.left() == facts.penalty
        }
        Reserved::Pending | Reserved::Cancelling => true,
    }
}

/// What must hold always and in the end.
pub(crate) fn laws() -> Vec<Property<World>> {
    vec![
        Property::always("no night is oversold", |model, state| !model.is_oversold(state)),
        Property::always("all lines of a hold stand alike", |model, state| {
            model.each(state, |facts| !facts.torn)
        }),
        Property::always("no card is charged without a room", |model, state| {
            model.each(state, |facts| {
                facts.left() == 0
                    || facts.hold == Some(HoldState::Sold)
                    || matches!(facts.reserved, Reserved::Cancelling | Reserved::Cancelled)
            })
        }),
        Property::always("nothing is both confirmed and refunded", |model, state| {
            model.each(state, |facts| {
                facts.reserved != Reserved::Confirmed || facts.refunded == 0
            })
        }),
        Property::always("a card is charged once at most", |model, state| {
            model.each(state, |facts| {
                facts.captured <= facts.total && facts.refunded <= facts.captured
            })
        }),
        Property::always("a reservation is what it says", |model, state| {
            model.each(state, promise)
        }),
        Property::always("no service meets a contradiction", |_, state: &State| {
            state.contradiction.is_none()
        }),
        Property::always("no saga needs a person", |model, state: &State| {
            model.runs_are(state, 0..state.runs.len(), |state| state != SagaState::Stuck)
        }),
        Property::always("whatever comes to a halt has ended", |model, state| {
            !model.halts(state) || model.has_ended(state)
        }),
        Property::eventually("both bookings end", |model, state: &State| {
            state.runs[..BOOKINGS].iter().all(Option::is_some)
                && model.runs_are(state, 0..BOOKINGS, SagaState::is_terminal)
        }),
    ]
}

/// What must come up, or the world is too small to prove much.
pub(crate) fn sights() -> Vec<Property<World>> {
    vec![
        Property::sometimes("seen: the other guest has the room", |model, state| {
            model.some(state, |facts| facts.sold_out) && model.has_ended(state)
        }),
        Property::sometimes("seen: a cancelled room is sold again", |model, state| {
            model.facts(state, 0).reserved == Reserved::Cancelled
                && model.facts(state, 1).reserved == Reserved::Confirmed
        }),
        Property::sometimes("seen: cancelled while it is being booked", |model, state| {
            let facts = model.facts(state, 0);
            facts.noted && facts.reserved == Reserved::Pending
        }),
        Property::sometimes("seen: a hold expires", |model, state| {
            model.some(state, |facts| facts.hold == Some(HoldState::Expired))
        }),
        Property::sometimes("seen: a release comes before its hold", |model, state| {
            model.some(state, |facts| facts.tombstone)
        }),
        Property::sometimes(
            "seen: an authorisation that was given up is voided",
            |model, state: &State| {
                let gave_up = state.runs[..BOOKINGS]
                    .iter()
                    .map(|run| run.and_then(|run| model.standing(run).gave_up) == Some(2));
                gave_up.enumerate().any(|(booking, gave_up)| {
                    let facts = model.facts(state, booking);
                    gave_up && facts.asked_for && facts.voided
                })
            },
        ),
        Property::sometimes("seen: neither has the room", |model, state| {
            model.each(state, |facts| facts.reserved == Reserved::Rejected)
        }),
    ]
}
