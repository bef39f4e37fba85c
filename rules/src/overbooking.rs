//! How many rooms of a night may be sold: a tenth more than there are, rounded down. Not a setting.

/// The rooms of one type in one night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Night {
    /// Rooms that exist.
    pub total: i32,
    /// Rooms on hold.
    pub held: i32,
    /// Rooms sold.
    pub sold: i32,
    /// Whether the hotel sells nothing more.
    pub closed: bool,
}

/// Rooms that may be taken altogether: 110 % of those that exist, rounded down.
pub const fn sellable(total: i32) -> i32 {
    total.saturating_add(total / 10)
}

/// Whether so many rooms may be taken where so many exist.
pub const fn fits(total: i32, taken: i32) -> bool {
    taken <= sellable(total)
}

impl Night {
    /// Rooms that are held or sold.
    pub const fn taken(&self) -> i32 {
        self.held.saturating_add(self.sold)
    }

    /// Rooms that are neither held nor sold, whether or not the night is closed; none, rather than fewer, where the hotel
    /// has forced the total below what is taken.
    pub fn free(&self) -> u32 {
        u32::try_from(sellable(self.total).saturating_sub(self.taken())).unwrap_or(0)
    }

    /// Rooms that can still be taken; none when closed.
    pub fn left(&self) -> u32 {
        if self.closed { 0 } else { self.free() }
    }
}

#[cfg(test)]
#[path = "overbooking_tests.rs"]
mod tests;
