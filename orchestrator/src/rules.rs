//! Rules: what operators hold back, whole kinds of runs at once. A pause lets no command go that it is about, a limit so
//! many a minute. What is held back stands in the journal of its run, and no time runs out meanwhile.
//!
//! Rules are rows of this schema, and each process reads those in force every second ([`crate::watch`]): rules are wanted when
//! something is broken, so they need neither the relay nor Kafka. What cannot be read meanwhile cannot be written either.

mod hold;
mod slots;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use contract::{HotelId, RuleId};

use crate::engine::{Held, HeldBack};
use crate::shards::Shards;
use slots::Slots;

pub(crate) use hold::{about, advance};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Lets nothing go.
    Pause,
    /// Lets so many commands a minute go, over all shards together.
    Limit(u32),
}

/// Which commands a rule is about; what is not named is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subject {
    /// The saga's name.
    pub(crate) saga: Option<String>,
    /// The step's name.
    pub(crate) step: Option<String>,
    /// Whether the step is done or undone.
    pub(crate) undo: Option<bool>,
    /// The hotel.
    pub(crate) hotel_id: Option<HotelId>,
}

/// A rule in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) does: Does,
    pub(crate) subject: Subject,
}

/// A command that would be sent now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) saga: &'a str,
    pub(crate) step: &'a str,
    pub(crate) undo: bool,
    pub(crate) hotel_id: HotelId,
    /// The shard of the run: a limit is divided among the shards.
    pub(crate) shard: i32,
}

impl Subject {
    /// Whether the command is one of those.
    pub(crate) fn covers(&self, about: &About<'_>) -> bool {
        let named = |known: &Option<String>, word: &str| known.as_ref().is_none_or(|known| known == word);
        named(&self.saga, about.saga)
            && named(&self.step, about.step)
            && self.undo.is_none_or(|undo| undo == about.undo)
            && self.hotel_id.is_none_or(|hotel_id| hotel_id == about.hotel_id)
    }
}

/// The rules in force, as this process knows them.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Among which a limit is divided.
    pub(crate) shards: Shards,
    /// None until they were read for the first time.
    known: RwLock<Option<Arc<[Rule]>>>,
    slots: Mutex<Slots>,
}

impl Rules {
    /// Knows none yet.
    pub(crate) fn over(shards: Shards) -> Self {
        Self {
            shards,
            known: RwLock::default(),
            slots: Mutex::default(),
        }
    }

    /// Those in force; none before they were read.
    pub(crate) fn known(&self) -> Option<Arc<[Rule]>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Whether none is in force.
    pub(crate) fn is_empty(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_none_or(|rules| rules.is_empty())
    }

    /// Takes what was read, and answers whether a rule is not in force any more that was.
    pub(crate) fn read(&self, rules: Vec<Rule>) -> bool {
        let in_force: BTreeSet<RuleId> = rules.iter().map(|rule| rule.id).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.replace(rules.into()).unwrap_or_default();
        drop(known);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.keep(&in_force);
        before.iter().any(|rule| !in_force.contains(&rule.id))
    }

    /// The rules that are about this command.
    pub(crate) fn covering(&self, about: &About<'_>) -> Vec<Rule> {
        let rules = self.known();
        let rules = rules.iter().flat_map(|rules| rules.iter());
        rules.filter(|rule| rule.subject.covers(about)).cloned().collect()
    }

    /// The pause that is about this command, if there is one.
    pub(crate) fn pause(&self, about: &About<'_>) -> Option<HeldBack> {
        pause_of(self.covering(about).iter())
    }

    /// What holds this command back, if something does: a pause before any limit. A command that waits for its slot keeps
    /// it; once the slot has come, no limit holds it any more.
    pub(crate) fn hold(&self, about: &About<'_>, held: Option<Held>, now: DateTime<Utc>) -> Option<HeldBack> {
        let covering = self.covering(about);
        if let Some(pause) = pause_of(covering.iter()) {
            return Some(pause);
        }
        let slot = held.and_then(|held| Some((held.by, held.by.until?)));
        if let Some((by, until)) = slot {
            let is_in_force = covering.iter().any(|rule| rule.id == by.rule_id);
            if until <= now {
                return None;
            } else if is_in_force {
                return Some(by);
            }
        }
        let shards = self.shards.count().unwrap_or(1);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = covering.iter().filter_map(|rule| match rule.does {
            Does::Pause => None,
            Does::Limit(per_minute) => {
                let until = slots.take(rule.id, about.shard, slots::apart(shards, per_minute), now);
                Some((until, rule.id))
            }
        });
        let (until, rule_id) = taken.max()?;
        (until > now).then_some(HeldBack {
            rule_id,
            until: Some(until),
        })
    }
}

fn pause_of<'r>(mut covering: impl Iterator<Item = &'r Rule>) -> Option<HeldBack> {
    let pause = covering.find(|rule| rule.does == Does::Pause)?;
    Some(HeldBack {
        rule_id: pause.id,
        until: None,
    })
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
