//! The model that the checker explores: which actions are possible in a state, and where each leads.

use std::ops::Deref;

use contract::Command;
use payment::model::Say;
use sim::money::Stage;

use crate::body::Body;
use crate::facts::{Facts, Standing};
use crate::services::{Services, Setup};
use crate::shelf::{Memo, Ref};
use crate::state::{Action, BOOKINGS, CANCELLATION, Exchange, Mail, SAGAS, State};

/// What can be done about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doing {
    /// Of each job, whether it talks with the provider next, and submits then.
    jobs: Vec<(bool, bool)>,
    /// Whether an operation is due that no desk works on.
    unattended: bool,
}

/// The model: the services, and what is known of states that were met.
#[derive(Debug)]
pub struct World {
    services: Services,
    pub(crate) facts: Memo<(Ref, Ref, Ref, Ref), Facts>,
    pub(crate) standings: Memo<Ref, Standing>,
    pub(crate) oversold: Memo<Ref, bool>,
    doing: Memo<Ref, Doing>,
    late: Memo<Ref, usize>,
    timers: Memo<(usize, Ref), (bool, bool)>,
}

impl Deref for World {
    type Target = Services;
    fn deref(&self) -> &Services {
        &self.services
    }
}

impl World {
    /// The model of this world.
    pub fn new(setup: Setup) -> Self {
        Self {
            services: Services::new(setup),
            facts: Memo::default(),
            standings: Memo::default(),
            oversold: Memo::default(),
            doing: Memo::default(),
            late: Memo::default(),
            timers: Memo::default(),
        }
    }

    /// What can happen in a state.
    pub(crate) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        self.plant();
        if state.contradiction.is_some() {
            return;
        }
        let left = &state.left;
        let mut last = None;
        for mail in &state.mail {
            // Of two that are the same, either.
            if last.replace(*mail) == Some(*mail) {
                continue;
            }
            let mail = *mail;
            actions.push(Action::Deliver { mail, keep: false });
            if left.copies > 0 {
                actions.push(Action::Deliver { mail, keep: true });
            }
        }
        for (saga, run) in state.runs.iter().enumerate() {
            let Some(run) = *run else { continue };
            let (may_resend, may_give_up) = self.timers.of((saga, run), || {
                let fires = |give_up| self.fire(saga, run, give_up).is_some();
                (fires(false), fires(true))
            });
            if left.resends > 0 && may_resend {
                actions.push(Action::Resend { saga });
            }
            if may_give_up {
                actions.push(Action::GiveUp { saga });
            }
            if left.verbs > 0 && self.cancel_run(saga, run).is_some() {
                actions.push(Action::CancelRun { saga });
            }
        }
        let mut at_work = false;
        for booking in 0..BOOKINGS {
            let doing = self.doing(state.payments[booking]);
            at_work |= !doing.jobs.is_empty();
            payment_actions(booking, &doing, left.losses > 0, actions);
            let provider = state.providers[booking];
            // Only late requests weigh anything.
            let late = if provider.weight() > 0 {
                self.late(provider)
            } else {
                0
            };
            for request in 0..late {
                actions.push(Action::Arrive { booking, request });
            }
        }
        if left.crashes > 0 && at_work {
            actions.push(Action::Crash);
        }
        if state.rooms.weight() > 0 {
            actions.push(Action::Expire);
        }
        if left.cancellations > 0 {
            actions.push(Action::Cancel);
        }
    }

    fn doing(&self, payment: Ref) -> Doing {
        self.doing.of(payment, || {
            let books = self.payments.get(payment);
            let talks = |stage: &Stage| {
                (
                    matches!(stage, Stage::Talk(_)),
                    matches!(stage, Stage::Talk(Say::Submit)),
                )
            };
            // Operations of a payment follow each other: what waits for an earlier one is not swept.
            let mut swept = (*books).clone();
            Doing {
                jobs: books.desk.iter().map(|job| talks(&job.stage)).collect(),
                unattended: swept.sweep(false) > 0,
            }
        })
    }

    fn late(&self, provider: Ref) -> usize {
        self.late.of(provider, || self.providers.get(provider).late.len())
    }

    pub(crate) fn handles_again(&self) -> bool {
        self.setup.inbox_forgets
    }

    /// A message arrives at the service that it is for.
    fn deliver(&self, state: &mut State, body: Ref) {
        let said = self.bodies.get(body);
        let Body::Command(envelope) = &*said else {
            if let Some((saga, run, said)) = self.hear(&state.runs, body) {
                state.runs[saga] = Some(run);
                state.post(said);
            }
            return;
        };
        let Some(saga) = self.place(body) else { return };
        let booking = Services::booking(saga);
        let handled = match envelope.command {
            Command::Inventory(_) => self.settle(state.rooms, body).map(|(rooms, said)| {
                state.rooms = rooms;
                said
            }),
            Command::Payment(_) => self
                .take_payment(state.payments[booking], body)
                .map(|(payment, said)| {
                    state.payments[booking] = payment;
                    said
                }),
            Command::Reservation(_) => {
                self.reserve(state.reservations[booking], booking, body)
                    .map(|(reservation, said)| {
                        state.reservations[booking] = reservation;
                        said
                    })
            }
        };
        match handled {
            Ok(said) => state.post(said),
            Err(contradiction) => state.contradiction = Some(contradiction),
        }
    }

    fn work_on(&self, state: &mut State, booking: usize, job: usize, exchange: Exchange) {
        if exchange != Exchange::Answered {
            state.left.losses -= 1;
        }
        match self.work(state.payments[booking], state.providers[booking], job, exchange) {
            Ok((payment, provider, said)) => {
                (state.payments[booking], state.providers[booking]) = (payment, provider);
                state.post(said);
            }
            Err(contradiction) => state.contradiction = Some(contradiction),
        }
    }

    pub(crate) fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Deliver { mail, keep } => {
                state
                    .mail
                    .remove(state.mail.iter().position(|known| *known == mail).unwrap_or(0));
                if !mail.handled || self.handles_again() {
                    self.deliver(state, mail.body);
                }
                if keep {
                    state.left.copies -= 1;
                    let body = mail.body;
                    state.mail.push(Mail { body, handled: true });
                    state.mail.sort_unstable();
                }
            }
            Action::Resend { saga } | Action::GiveUp { saga } => {
                let give_up = matches!(action, Action::GiveUp { .. });
                state.left.resends -= u8::from(!give_up);
                if let Some((run, said)) = state.runs[saga].and_then(|run| self.fire(saga, run, give_up)) {
                    state.runs[saga] = Some(run);
                    state.post(said);
                }
            }
            Action::CancelRun { saga } => {
                state.left.verbs -= 1;
                if let Some((run, said)) = state.runs[saga].and_then(|run| self.cancel_run(saga, run)) {
                    state.runs[saga] = Some(run);
                    state.post(said);
                }
            }
            Action::Work {
                booking,
                job,
                exchange,
            } => self.work_on(state, booking, job, exchange),
            Action::Sweep { booking } => state.payments[booking] = self.sweep(state.payments[booking]),
            Action::Crash => {
                state.left.crashes -= 1;
                state.payments = state.payments.map(|payment| self.crash(payment));
            }
            Action::Arrive { booking, request } => {
                state.providers[booking] = self.arrive(state.providers[booking], request);
            }
            Action::Expire => match self.expire(state.rooms) {
                Ok(rooms) => state.rooms = rooms,
                Err(contradiction) => state.contradiction = Some(contradiction),
            },
            Action::Cancel => {
                state.left.cancellations -= 1;
                let (reservation, said) = self.cancel(state.reservations[0]);
                state.reservations[0] = reservation;
                state.post(said);
            }
        }
    }

    /// An action in words.
    pub fn told(&self, action: Action) -> String {
        match action {
            Action::Deliver { mail, keep } => {
                let again = if mail.handled { "once more " } else { "" };
                let keep = if keep { ", and will come again" } else { "" };
                format!("{again}{}{keep}", self.said(mail.body))
            }
            Action::Resend { saga } => format!("{} has waited and sends its command again", name(saga)),
            Action::GiveUp { saga } => format!("{} has waited too long and gives its step up", name(saga)),
            Action::Work {
                booking, exchange, ..
            } => {
                format!("a payment desk works for {}: {exchange:?}", name(booking))
            }
            Action::Sweep { booking } => {
                format!("the sweep finds what {} has asked of the desk", name(booking))
            }
            Action::Crash => "the payment processes are killed".to_owned(),
            Action::Arrive { booking, .. } => {
                format!("a late request for {} arrives at the provider", name(booking))
            }
            Action::Expire => "the hold expires".to_owned(),
            Action::Cancel => "the guest of the first booking cancels".to_owned(),
            Action::CancelRun { saga } => format!("an operator cancels {}", name(saga)),
        }
    }

    fn said(&self, body: Ref) -> String {
        let whose = self.place(body).map_or("nobody", name);
        match &*self.bodies.get(body) {
            Body::Start(_) => format!("{whose} starts"),
            Body::Command(envelope) => {
                let (undo, attempt) = (if envelope.undo { "undoing " } else { "" }, envelope.attempt);
                let command = envelope.command.name();
                format!(
                    "{command} is handled for {whose}: {undo}{} ({attempt})",
                    envelope.step
                )
            }
            Body::Reply(reply) => {
                let (undo, attempt) = (if reply.undo { "undoing " } else { "" }, reply.attempt);
                format!(
                    "{whose} hears of {undo}{} ({attempt}): {}",
                    reply.step,
                    reply.name()
                )
            }
        }
    }
}

const fn name(saga: usize) -> &'static str {
    match saga {
        0 => "the first booking",
        CANCELLATION => "the cancellation",
        _ => "the second booking",
    }
}

const _: () = assert!(SAGAS == 3, "each saga has its name");

fn payment_actions(booking: usize, doing: &Doing, may_lose: bool, actions: &mut Vec<Action>) {
    for (job, (talks, submits)) in doing.jobs.iter().enumerate() {
        let mut exchanges = vec![Exchange::Answered];
        if may_lose && *talks {
            exchanges.extend([Exchange::RequestLost, Exchange::AnswerLost]);
        }
        if may_lose && *submits {
            exchanges.push(Exchange::RequestLate);
        }
        let work = |exchange| Action::Work {
            booking,
            job,
            exchange,
        };
        actions.extend(exchanges.into_iter().map(work));
    }
    if doing.unattended {
        actions.push(Action::Sweep { booking });
    }
}
