//! How much one stay may be, whatever the hotel.

/// How far ahead a stay may begin, in days from today at the hotel.
pub const DAYS_AHEAD_MAX: u32 = 730;
/// The most rooms of one stay.
pub const ROOMS_MAX: u16 = 9;
