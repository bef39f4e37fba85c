//! What becomes of a night when a hotel says how many rooms there are.

use rules::{Night, overbooking};

/// What the hotel says; what it does not say stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Rooms that exist.
    pub(crate) total: Option<i32>,
    /// Whether nothing more is sold.
    pub(crate) closed: Option<bool>,
    /// Whether the hotel insists on fewer rooms than are taken.
    pub(crate) force: bool,
}

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NightSet {
    /// It is so already.
    Unchanged,
    /// The night is offered for the first time.
    Created {
        /// Rooms that exist.
        total: i32,
        /// Whether nothing is sold.
        closed: bool,
    },
    /// The night changes.
    Changed {
        /// Rooms that exist from now on.
        total: i32,
        /// Whether nothing more is sold from now on.
        closed: bool,
        /// Whether this brings the total below what is taken, which is recorded.
        forced: bool,
    },
}

/// Why a night cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSet {
    /// More rooms are held or sold than the total allows.
    BelowSold {
        /// Rooms that are held or sold.
        taken: i32,
        /// Rooms that the total allows.
        sellable: i32,
    },
    /// The night was never offered, so its total must be said.
    TotalUnknown,
}

/// Decides about one night, which is `now` or does not exist.
pub(crate) fn set_night(now: Option<&Night>, wanted: Wanted) -> Result<NightSet, NotSet> {
    let Some(now) = now else {
        let total = wanted.total.ok_or(NotSet::TotalUnknown)?;
        let closed = wanted.closed.unwrap_or(false);
        return Ok(NightSet::Created { total, closed });
    };
    let total = wanted.total.unwrap_or(now.total);
    let closed = wanted.closed.unwrap_or(now.closed);
    let (taken, sellable) = (now.taken(), overbooking::sellable(total));
    let below = wanted.total.is_some() && taken > sellable;
    if below && !wanted.force {
        return Err(NotSet::BelowSold { taken, sellable });
    }
    if (total, closed) == (now.total, now.closed) {
        return Ok(NightSet::Unchanged);
    }
    let forced = below && total != now.total;
    Ok(NightSet::Changed {
        total,
        closed,
        forced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Night = Night {
        total: 20,
        held: 2,
        sold: 20,
        closed: false,
    };

    fn set(total: Option<i32>, closed: Option<bool>, force: bool) -> Result<NightSet, NotSet> {
        set_night(Some(&NOW), Wanted { total, closed, force })
    }

    #[test]
    fn a_total_below_what_is_taken_is_refused_unless_forced() {
        assert_eq!(
            set(Some(19), None, false),
            Err(NotSet::BelowSold {
                taken: 22,
                sellable: 20
            })
        );
        assert_eq!(
            set(Some(19), None, true),
            Ok(NightSet::Changed {
                total: 19,
                closed: false,
                forced: true
            })
        );
        assert_eq!(set(Some(20), None, false), Ok(NightSet::Unchanged));
        assert_eq!(
            set(Some(25), Some(true), true),
            Ok(NightSet::Changed {
                total: 25,
                closed: true,
                forced: false
            })
        );
    }

    #[test]
    fn closing_needs_no_total_where_there_is_one() {
        assert_eq!(
            set(None, Some(true), false),
            Ok(NightSet::Changed {
                total: 20,
                closed: true,
                forced: false
            })
        );
        let close = Wanted {
            total: None,
            closed: Some(true),
            force: false,
        };
        assert_eq!(set_night(None, close), Err(NotSet::TotalUnknown));
    }

    /// Forced below what is taken before: eight of five.
    const FORCED: Night = Night {
        total: 5,
        held: 4,
        sold: 4,
        closed: false,
    };

    #[test]
    fn a_night_that_was_forced_before_is_closed_and_opened_like_any_other() {
        let set = |now: Night, total, closed, force| set_night(Some(&now), Wanted { total, closed, force });
        let changed = |closed| NightSet::Changed {
            total: 5,
            closed,
            forced: false,
        };
        // Who says nothing of the total lowers none, and who says the same insists on nothing new.
        assert_eq!(set(FORCED, None, Some(true), false), Ok(changed(true)));
        assert_eq!(set(FORCED, Some(5), Some(true), true), Ok(changed(true)));
        let closed = Night {
            closed: true,
            ..FORCED
        };
        assert_eq!(set(closed, None, Some(false), false), Ok(changed(false)));
        assert_eq!(set(closed, None, Some(true), false), Ok(NightSet::Unchanged));
        assert_eq!(set(FORCED, Some(5), None, true), Ok(NightSet::Unchanged));
        let below = NotSet::BelowSold {
            taken: 8,
            sellable: 5,
        };
        assert_eq!(set(FORCED, Some(5), Some(true), false), Err(below));
    }
}
