//! How many bookings may wait for their outcome at once.
//!
//! A platform that is asked for more than it completes would let everybody wait longer and complete no more.
//! So a booking beyond the bound is refused at once, before anything of it is kept, and may come again.
//! By Little's law the wait of those that are taken is the bound divided by what is completed per second.

use std::time::{Duration, Instant};

/// A count is believed for so long. Other processes take bookings meanwhile, each up to what it believes to be
/// free, so that several processes may together go beyond the bound by what they take in this time.
const COUNTED_FOR: Duration = Duration::from_millis(250);

/// The open bookings as they were counted last, with those that were taken since.
#[derive(Debug)]
pub(crate) struct Open {
    /// So many may be open.
    pub(crate) max: u32,
    bookings: u32,
    counted: Option<Instant>,
}

impl Open {
    pub(crate) const fn new(max: u32) -> Self {
        Self {
            max,
            bookings: 0,
            counted: None,
        }
    }

    /// How many are open; none when the last count is too old.
    pub(crate) fn known(&self) -> Option<u32> {
        let is_new = self.counted.is_some_and(|at| at.elapsed() < COUNTED_FOR);
        is_new.then_some(self.bookings)
    }

    /// So many were counted.
    pub(crate) fn counted(&mut self, bookings: u32) {
        self.bookings = bookings;
        self.counted = Some(Instant::now());
    }

    /// So many were taken.
    pub(crate) fn taken(&mut self, bookings: usize) {
        let bookings = u32::try_from(bookings).unwrap_or(u32::MAX);
        self.bookings = self.bookings.saturating_add(bookings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_until_it_is_counted_anew() {
        let mut open = Open::new(7);
        assert_eq!(open.known(), None, "nobody has counted yet");
        for (counted, taken) in [(0, 3), (5, 0), (2, 1)] {
            open.counted(counted);
            open.taken(1);
            open.taken(taken);
            assert_eq!(open.bookings, counted + 1 + u32::try_from(taken).unwrap());
        }
        open.taken(usize::MAX);
        assert_eq!(open.bookings, u32::MAX);
        open.counted = Instant::now().checked_sub(COUNTED_FOR);
        assert_eq!(open.known(), None, "others have taken some since");
    }
}
