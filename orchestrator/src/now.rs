//! The time, by the database's clock: every process has the same, however its own is set.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};

/// The database's clock as it was last heard of, carried on by the machine's, which nobody can set. It is behind by
/// what the answer took, and never before what is in the tables by more.
#[derive(Debug, Default)]
pub(crate) struct Now(Mutex<Option<(Instant, DateTime<Utc>)>>);

impl Now {
    /// The database has just said so.
    pub(crate) fn heard(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), now));
    }

    /// What time it is; none before the database was heard.
    pub(crate) fn get(&self) -> Option<DateTime<Utc>> {
        let (at, then) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(then + at.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_database_said_last_and_goes_on_from_there() {
        let now = Now::default();
        assert_eq!(now.get(), None);
        for said in [1_800_000_000, 1_700_000_000] {
            let said = DateTime::from_timestamp(said, 0).unwrap();
            now.heard(said);
            let (one, two) = (now.get().unwrap(), now.get().unwrap());
            assert!(one >= said && two >= one, "{said} {one} {two}");
            assert!(two < said + chrono::Duration::minutes(5));
        }
    }
}
