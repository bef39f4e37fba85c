//! Readiness: each part of the process says whether it can do its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the parts of this process say of themselves.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    limps: Arc<Mutex<BTreeMap<String, String>>>,
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

    /// A part does its work, but worse than it should, with the reason for an operator: the process stays ready,
    /// because without it the work would not be done at all. [`Health::ready`] ends it.
    pub fn limps(&self, part: impl Into<String>, why: impl Into<String>) {
        let part = part.into();
        self.say(part.clone(), Ok(()));
        self.limping().insert(part, why.into());
    }

    /// The parts that limp, each with its reason.
    pub fn limping_parts(&self) -> BTreeMap<String, String> {
        self.limping().clone()
    }

    fn limping(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.limps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, part: String, state: Result<(), String>) {
        self.limping().remove(&part);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_limps_until_it_says_something_else() {
        let health = Health::default();
        health.limps("cache", "it is being filled");
        assert_eq!(health.parts().get("cache"), Some(&Ok(())));
        assert_eq!(
            health.limping_parts().get("cache").map(String::as_str),
            Some("it is being filled")
        );
        health.not_ready("cache", "gone");
        assert!(health.limping_parts().is_empty());
        health.limps("cache", "again");
        health.ready("cache");
        assert!(health.limping_parts().is_empty());
        assert_eq!(health.parts().get("cache"), Some(&Ok(())));
    }

    #[test]
    fn each_part_s_last_word_counts() {
        let health = Health::default();
        let elsewhere = health.clone();
        assert!(health.parts().is_empty());
        elsewhere.not_ready("relay", "Kafka is away");
        health.ready("store");
        let parts = health.parts();
        assert_eq!(parts["relay"], Err("Kafka is away".to_owned()));
        assert_eq!(parts["store"], Ok(()));
        elsewhere.ready("relay");
        health.not_ready("store", "no database");
        let parts = elsewhere.parts();
        assert_eq!(
            (&parts["relay"], parts["store"].is_err(), parts.len()),
            (&Ok(()), true, 2)
        );
    }
}
