//! A breaker between this process and something outside that it calls: what does not answer is left alone for a while, so that
//! calls neither pile up here nor hold it down there. It holds calls back and decides nothing: whoever is held back asks again
//! later, and an outcome that is not known stays unknown.
//!
//! Closed, everybody may call. It opens after so many calls in a row that failed, or when at least half of those of the last
//! seconds did. Open, nobody may. After a wait one call at a time is let through: some good ones close it, a bad one opens it
//! again, for longer. Each process has its own, and learns for itself.

mod machine;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::health::Health;
use machine::Machine;

/// Whether calls are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BreakerState)]
pub enum State {
    /// All are.
    Closed,
    /// One at a time is, to see whether it is answered.
    HalfOpen,
    /// None is.
    Open,
}

/// How a breaker stands in this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Breaker)]
pub struct Seen {
    /// What is called.
    #[schema(example = "sandbox")]
    pub name: &'static str,
    /// Whether it is called.
    pub state: State,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why it is not; absent while it is called as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5 calls in a row failed, the last one: no answer in time")]
    pub why: Option<String>,
    /// When a call is let through to see whether it is answered; absent where one may be already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_at: Option<DateTime<Utc>>,
    /// How many calls were held back since it opened.
    pub held_back: u64,
}

/// A breaker.
#[derive(Debug)]
pub struct Breaker {
    /// What is called.
    name: &'static str,
    /// The part of the process that limps while it is open.
    part: &'static str,
    clock: Clock,
    health: Health,
    machine: Mutex<Machine>,
}

/// Leave to call, which ends with what became of it. Dropped without a word it counts for nothing.
#[derive(Debug)]
pub struct Permit<'b> {
    breaker: &'b Breaker,
    is_probe: bool,
    /// How often the breaker had opened when it was given.
    opened: u32,
}

impl Breaker {
    /// A closed one for what has this name. While it is open that part of the process limps, and the process stays ready:
    /// nobody else could reach it either.
    pub fn new(name: &'static str, part: &'static str, clock: &Clock, health: &Health) -> Self {
        let breaker = Self {
            name,
            part,
            clock: clock.clone(),
            health: health.clone(),
            machine: Mutex::new(Machine::new(Instant::now().into_std())),
        };
        breaker.tell(State::Closed, None);
        breaker
    }

    /// Leave to call now; none while it is open, or while another call is tried.
    pub fn permit(&self) -> Option<Permit<'_>> {
        let mut machine = self.machine();
        let before = machine.state();
        let let_through = machine.ask(Instant::now().into_std());
        let (state, opened) = (machine.state(), machine.opened());
        drop(machine);
        if state != before {
            self.tell(state, None);
        }
        if let_through.is_none() {
            metrics::counter!("bellhop_breaker_held_back_total", "dependency" => self.name).increment(1);
        }
        let_through.map(|is_probe| Permit {
            breaker: self,
            is_probe,
            opened,
        })
    }

    /// How long nobody may call, by what is known now; none if somebody may.
    pub fn closed_off_for(&self) -> Option<Duration> {
        self.machine().closed_off_for(Instant::now().into_std())
    }

    /// Whether all may call.
    pub fn is_closed(&self) -> bool {
        self.machine().state() == State::Closed
    }

    /// How it stands, for people.
    pub fn seen(&self) -> Seen {
        let (now, at) = (self.clock.now(), Instant::now().into_std());
        let machine = self.machine();
        let ago = |duration: Duration| TimeDelta::from_std(duration).unwrap_or_default();
        let closed_off = machine
            .closed_off_for(at)
            .filter(|_| machine.state() == State::Open);
        Seen {
            name: self.name,
            state: machine.state(),
            since: now - ago(at.saturating_duration_since(machine.since())),
            why: machine.why().map(str::to_owned),
            tries_at: closed_off.map(|wait| now + ago(wait)),
            held_back: machine.held_back(),
        }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says to people and to metrics how it stands now.
    fn tell(&self, state: State, why: Option<&str>) {
        let code = match state {
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        };
        metrics::gauge!("bellhop_breaker_state", "dependency" => self.name).set(code);
        match (state, why) {
            (State::Closed, _) => self.health.ready(self.part),
            (State::Open, Some(why)) => {
                metrics::counter!("bellhop_breaker_opened_total", "dependency" => self.name).increment(1);
                self.health
                    .limps(self.part, format!("{} is left alone: {why}", self.name));
                tracing::warn!(
                    dependency = self.name,
                    why,
                    "calls are held back until it answers again"
                );
            }
            _ => {}
        }
    }
}

impl Permit<'_> {
    /// The call was answered, whatever the answer.
    pub fn answered(self) {
        self.ended(None);
    }

    /// It was not, for this reason, which holds no secret.
    pub fn failed(self, why: &str) {
        self.ended(Some(why));
    }

    /// Whether the leave still holds, for a call of several exchanges: it ends when the breaker opens.
    pub fn is_good(&self) -> bool {
        self.breaker.machine().state() != State::Open
    }

    fn ended(&self, failed: Option<&str>) {
        let breaker = self.breaker;
        let mut machine = breaker.machine();
        let before = machine.state();
        machine.ended(Instant::now().into_std(), self.is_probe, failed);
        let (state, why) = (machine.state(), machine.why().map(str::to_owned));
        drop(machine);
        if state != before {
            breaker.tell(state, why.as_deref());
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.machine().probe_is_over(self.opened);
        }
    }
}

#[cfg(test)]
mod tests;
