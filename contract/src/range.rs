//! Nights on end that a request may be about: rooms, prices, a calendar.

use crate::refusal::Why;
use crate::stay::StayDate;

/// How many nights there are from `from` up to but without `to`, one to `most`.
///
/// # Errors
/// [`Why::EmptyRange`], [`Why::RangeTooLong`].
pub fn nights_between(from: StayDate, to: StayDate, most: u32) -> Result<u32, Why> {
    match u32::try_from(to.days_since_1970() - from.days_since_1970()) {
        Err(_) | Ok(0) => Err(Why::EmptyRange),
        Ok(nights) if nights > most => Err(Why::RangeTooLong { most }),
        Ok(nights) => Ok(nights),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_night_and_an_end() {
        let first: StayDate = "2026-12-01".parse().unwrap();
        let after = |nights| first.plus_days(nights);
        assert_eq!(nights_between(first, first, 400), Err(Why::EmptyRange));
        assert_eq!(nights_between(after(9), first, 400), Err(Why::EmptyRange));
        assert_eq!(nights_between(first, after(400), 400), Ok(400));
        assert_eq!(
            nights_between(first, after(401), 400),
            Err(Why::RangeTooLong { most: 400 })
        );
    }
}
