//! How often participants are asked again. Every command that goes out for the first time allows its participant a tenth of
//! a resend, so one that is down is not flooded with what waits for it: those commands are in Kafka, and mostly need no second
//! sending. What is not sent again now is looked at again soon.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::{Input, Moves, Pace, What};
use crate::kept::Kept;
use crate::rules::{self, Rules};

/// First sendings that allow a resend.
const FIRST_PER_RESEND: u32 = 10;
/// Resends that are saved up at most, and which a participant begins with: after a crash those of a quiet hour go at once.
const SAVED_MAX: u32 = 100;
/// Resends that are allowed in a second whether anything is sent for the first time or not, so that each goes some time.
const PER_SECOND: i64 = 10;
/// How long it takes until one of them is.
const APART: TimeDelta = TimeDelta::milliseconds(1_000 / PER_SECOND);

/// How often a participant may be asked again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In parts of a resend, of which [`FIRST_PER_RESEND`] are one.
    parts: u32,
    /// Up to when the passing of time is counted in; none before anybody asked.
    at: Option<DateTime<Utc>>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            parts: SAVED_MAX * FIRST_PER_RESEND,
            at: None,
        }
    }
}

impl Bucket {
    /// So many commands went out for the first time.
    fn sent(&mut self, count: u32) {
        let most = SAVED_MAX * FIRST_PER_RESEND;
        self.parts = self.parts.saturating_add(count).min(most);
    }

    /// Whether one may go out again now; if so it counts.
    fn take(&mut self, now: DateTime<Utc>) -> bool {
        // A clock that was set back begins anew.
        let at = self.at.map_or(now, |at| at.min(now));
        let passed = (now - at).num_milliseconds() / APART.num_milliseconds();
        let passed = i32::try_from(passed).unwrap_or(i32::MAX);
        self.sent(passed.unsigned_abs().saturating_mul(FIRST_PER_RESEND));
        self.at = Some(at + APART * passed);
        let left = self.parts.checked_sub(FIRST_PER_RESEND);
        self.parts = left.unwrap_or(self.parts);
        left.is_some()
    }
}

/// How often each participant may be asked again, by the topic of its commands.
#[derive(Debug, Default)]
pub(crate) struct Resends(Mutex<HashMap<&'static str, Bucket>>);

impl Resends {
    /// So many commands went out to this topic for the first time.
    pub(crate) fn sent(&self, topic: &'static str, count: u32) {
        self.buckets().entry(topic).or_default().sent(count);
    }

    fn take(&self, topic: &'static str, now: DateTime<Utc>) -> bool {
        self.buckets().entry(topic).or_default().take(now)
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<&'static str, Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command of this topic is not sent again now, though it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PutOff(pub(crate) &'static str);

/// Lets the rules and the engine decide what comes of an input. Nothing comes of time that only a resend would come of, where
/// its participant may not be asked again yet. What a person wants sent again is sent.
///
/// # Errors
/// When that is so; the run stands as it stood.
pub(crate) fn advance(
    resends: &Resends,
    rules: &Rules,
    kept: &mut Kept,
    input: &Input<'_>,
    now: DateTime<Utc>,
    pace: Pace,
) -> Result<Moves, PutOff> {
    let before = matches!(input, Input::Time).then(|| kept.run.clone());
    let moves = rules::advance(rules, kept, input, now, pace);
    let is_again = moves.lines.iter().all(|line| line.what == What::SentAgain);
    if is_again
        && let Some(run) = before
        && let Some(topic) = moves.commands.first().map(|sent| sent.command.topic())
        && !resends.take(topic, now)
    {
        kept.run = run;
        return Err(PutOff(topic));
    }
    Ok(moves)
}

#[cfg(test)]
#[path = "resends_tests.rs"]
mod tests;
