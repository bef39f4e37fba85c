//! What a breaker knows, and what it makes of it. Pure: time comes in as an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::State;
use crate::retry::Backoff;

/// So many calls in a row that failed open it.
pub(super) const IN_A_ROW: u32 = 5;
/// Calls older than this say nothing any more.
pub(super) const RECENT: Duration = Duration::from_secs(10);
/// Of fewer recent calls half says nothing either.
pub(super) const RECENT_MIN: u32 = 10;
/// So many good calls, one after the other, close it.
pub(super) const GOOD: u32 = 3;
/// How finely recent calls are told apart.
const SLICE: Duration = Duration::from_secs(1);
/// Waits before one is let through, the longer the more often that went wrong.
const REST: Backoff = Backoff {
    first_ms: 500,
    cap_ms: 5_000,
};

/// Calls that began to be counted at the same time.
#[derive(Debug, Clone, Copy)]
struct Slice {
    from: Instant,
    calls: u32,
    failed: u32,
}

/// A breaker's state.
#[derive(Debug)]
pub(super) struct Machine {
    state: State,
    since: Instant,
    /// Calls in a row that failed, up to now.
    in_a_row: u32,
    recent: VecDeque<Slice>,
    /// Nobody calls before; of one that is open.
    until: Instant,
    /// How often it has opened since it was closed.
    opened: u32,
    /// Whether one is being tried, and how many were good before it.
    is_tried: bool,
    good: u32,
    why: Option<String>,
    held_back: u64,
}

impl Machine {
    /// A closed one.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            state: State::Closed,
            since: now,
            in_a_row: 0,
            recent: VecDeque::new(),
            until: now,
            opened: 0,
            is_tried: false,
            good: 0,
            why: None,
            held_back: 0,
        }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    pub(super) const fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Asks for leave to call. Answers whether that is one to see whether it is answered; none if nobody may.
    pub(super) fn ask(&mut self, now: Instant) -> Option<bool> {
        if self.state == State::Open && now >= self.until {
            self.become_(State::HalfOpen, now);
            (self.is_tried, self.good) = (false, 0);
        }
        match self.state {
            State::Closed => Some(false),
            State::HalfOpen if !self.is_tried => {
                self.is_tried = true;
                Some(true)
            }
            State::HalfOpen | State::Open => {
                self.held_back = self.held_back.saturating_add(1);
                None
            }
        }
    }

    /// How long nobody may call; none if somebody may.
    pub(super) fn closed_off_for(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed => None,
            State::HalfOpen => self.is_tried.then_some(Duration::from_millis(REST.first_ms)),
            State::Open => Some(self.until.saturating_duration_since(now)).filter(|wait| !wait.is_zero()),
        }
    }

    /// A call ended. What ends late, when it has opened since, says nothing new.
    pub(super) fn ended(&mut self, now: Instant, is_probe: bool, failed: Option<&str>) {
        match (self.state, failed) {
            (State::Closed, _) => self.count(now, failed),
            (State::HalfOpen, Some(why)) if is_probe => {
                let why = format!("it was tried and failed: {why}");
                self.open(now, why);
            }
            (State::HalfOpen, None) if is_probe => {
                self.good += 1;
                if self.good >= GOOD {
                    *self = Self::new(now);
                }
            }
            (State::HalfOpen | State::Open, _) => {}
        }
    }

    /// How often it has opened, which tells one that is tried from those before.
    pub(super) const fn opened(&self) -> u32 {
        self.opened
    }

    /// The one that was tried is over, with or without a word, when it had opened so often.
    pub(super) const fn probe_is_over(&mut self, opened: u32) {
        if self.opened == opened {
            self.is_tried = false;
        }
    }

    fn count(&mut self, now: Instant, failed: Option<&str>) {
        let is_recent = |slice: &Slice| now.saturating_duration_since(slice.from) < RECENT;
        while self.recent.front().is_some_and(|slice| !is_recent(slice)) {
            self.recent.pop_front();
        }
        let is_now = |slice: &&mut Slice| now.saturating_duration_since(slice.from) < SLICE;
        let bad = u32::from(failed.is_some());
        if let Some(slice) = self.recent.back_mut().filter(is_now) {
            slice.calls = slice.calls.saturating_add(1);
            slice.failed = slice.failed.saturating_add(bad);
        } else {
            self.recent.push_back(Slice {
                from: now,
                calls: 1,
                failed: bad,
            });
        }
        let Some(why) = failed else {
            self.in_a_row = 0;
            return;
        };
        self.in_a_row += 1;
        let sum = |of: fn(&Slice) -> u32| self.recent.iter().map(of).fold(0, u32::saturating_add);
        let (calls, bad) = (sum(|slice| slice.calls), sum(|slice| slice.failed));
        if self.in_a_row >= IN_A_ROW {
            let why = format!("{IN_A_ROW} calls in a row failed, the last one: {why}");
            self.open(now, why);
        } else if calls >= RECENT_MIN && bad.saturating_mul(2) >= calls {
            let why = format!("{bad} of the last {calls} calls failed, the last one: {why}");
            self.open(now, why);
        }
    }

    fn open(&mut self, now: Instant, why: String) {
        self.become_(State::Open, now);
        self.opened = self.opened.saturating_add(1);
        self.until = now + REST.after(self.opened);
        self.why = Some(why);
        self.in_a_row = 0;
        self.recent.clear();
    }

    /// Another state; since when it is not called as usual counts from the first time that it opened.
    fn become_(&mut self, state: State, now: Instant) {
        if self.state == State::Closed {
            self.since = now;
        }
        self.state = state;
    }
}
