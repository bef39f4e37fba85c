//! Readiness: each part of the process says whether it can do its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the parts of this process say of themselves.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
}

impl Health {
    /// A part works.
    pub fn ready(&self, part: impl Into<String>) {
        self.say(part.into(), Ok(()));
    }

    /// A part does not work, with the reason for an operator.
    pub fn not_ready(&self, part: impl Into<String>, why: impl Into<String>) {
        self.say(part.into(), Err(why.into()));
    }

    fn say(&self, part: String, state: Result<(), String>) {
        self.parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(part, state);
    }

    /// Every part with its reason for not working, if it does not.
    pub fn parts(&self) -> BTreeMap<String, Result<(), String>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
