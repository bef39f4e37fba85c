//! Values by number: a state of the world is a handful of numbers, and what they stand for is kept once.
//!
//! The decisions of production work on production's own types, which are large. Each different value is kept
//! on a [`Shelf`], and each step from values to values is kept in a [`Memo`], so that the checker takes a
//! step that it has taken before by looking it up.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// The number of a value, and what it weighs in the model's fuel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ref {
    number: u32,
    weight: u16,
}

impl Ref {
    /// What the value weighs.
    pub fn weight(self) -> i64 {
        i64::from(self.weight)
    }
}

/// Values, each kept once. Two values are the same if they are written the same.
#[derive(Debug)]
pub struct Shelf<T> {
    weigh: fn(&T) -> u16,
    kept: RwLock<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    values: Vec<Arc<T>>,
    numbers: HashMap<String, Ref>,
}

impl<T: Debug> Shelf<T> {
    /// An empty shelf for values that weigh so much.
    pub fn new(weigh: fn(&T) -> u16) -> Self {
        Self {
            weigh,
            kept: RwLock::new(Kept {
                values: Vec::new(),
                numbers: HashMap::new(),
            }),
        }
    }

    /// The number of this value.
    pub fn put(&self, value: T) -> Ref {
        let written = format!("{value:?}");
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.numbers.get(&written) {
            return *known;
        }
        let number = Ref {
            number: u32::try_from(kept.values.len()).unwrap_or(u32::MAX),
            weight: (self.weigh)(&value),
        };
        kept.values.push(Arc::new(value));
        kept.numbers.insert(written, number);
        number
    }

    /// The value of this number.
    pub fn get(&self, number: Ref) -> Arc<T> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&kept.values[number.number as usize])
    }
}

/// Steps that were taken before.
#[derive(Debug)]
pub struct Memo<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// What comes of `key`: looked up, or worked out the first time.
    pub fn of(&self, key: K, work_out: impl FnOnce() -> V) -> V {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(&key) {
            return value.clone();
        }
        drop(known);
        let value = work_out();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert(value).clone()
    }
}
