//! What availability means: how many rooms of a night are left, and whether a party fits. Pure.

use contract::offer::{Capacity, check_places};
use contract::quote::Party;

/// Rooms left to sell in one night: 110% of what exists, rounded down, less what is held or sold. A
/// closed night has none, and a night that was forced below what is sold has none rather than less.
pub fn rooms_left(total: i32, held: i32, sold: i32, closed: bool) -> u32 {
    if closed {
        return 0;
    }
    let sellable = i64::from(total) * 11 / 10;
    u32::try_from(sellable - i64::from(held) - i64::from(sold)).unwrap_or(0)
}

/// Who wants to stay, in how many rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Adults in all rooms together.
    pub adults: u16,
    /// Children in all rooms together.
    pub children: u16,
    /// Rooms.
    pub rooms: u16,
}

impl Wish {
    /// Who stays.
    pub const fn party(self) -> Party {
        Party {
            adults: self.adults,
            children: self.children,
        }
    }

    /// Whether rooms for `adults_max` adults and `children_max` children each take the party, by the rule that
    /// quotes have too.
    pub fn fits(self, adults_max: u16, children_max: u16) -> bool {
        let capacity = Capacity {
            adults: adults_max.into(),
            children: children_max.into(),
        };
        check_places(self.party(), capacity, self.rooms).is_ok()
    }
}

/// The rooms left over a whole stay: the fewest of any of its nights. A night that nobody offers has none.
pub fn fewest(nights: &[Option<u64>]) -> u64 {
    nights.iter().map(|left| left.unwrap_or(0)).min().unwrap_or(0)
}

/// The sum of all nights, when every night has a price.
pub fn sum_of_all(prices: &[Option<u64>]) -> Option<u64> {
    let mut nights = prices.iter();
    nights.try_fold(0_u64, |sum, price| sum.checked_add((*price)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_percent_are_rounded_down() {
        assert_eq!(rooms_left(10, 0, 0, false), 11);
        assert_eq!(rooms_left(9, 0, 0, false), 9);
        assert_eq!(rooms_left(19, 1, 19, false), 0);
        assert_eq!(rooms_left(100, 50, 60, false), 0);
        assert_eq!(rooms_left(100, 0, 0, true), 0);
        assert_eq!(rooms_left(0, 0, 3, false), 0);
    }

    #[test]
    fn children_take_free_adult_places_and_never_the_other_way_round() {
        let wish = |adults, children, rooms| Wish {
            adults,
            children,
            rooms,
        };
        assert!(wish(2, 1, 1).fits(2, 1));
        assert!(wish(1, 2, 1).fits(2, 1));
        assert!(!wish(3, 0, 1).fits(2, 1));
        assert!(!wish(2, 2, 1).fits(2, 1));
        assert!(wish(3, 3, 2).fits(2, 1));
        assert!(!wish(1, 0, 1).fits(0, 9));
    }

    proptest! {
        #[test]
        fn what_is_left_can_be_sold_and_one_more_can_not(total in 0..100_000_i32, held in 0..100_000_i32, sold in 0..100_000_i32) {
            let left = i64::from(rooms_left(total, held, sold, false));
            let taken = i64::from(held) + i64::from(sold);
            let allowed = |rooms: i64| (taken + rooms) * 10 <= i64::from(total) * 11;
            prop_assert!(left == 0 || allowed(left));
            prop_assert!(!allowed(left + 1));
        }

        #[test]
        fn more_rooms_never_fit_fewer(adults in 1..36_u16, children in 0..36_u16, rooms in 1..9_u16, adults_max in 0..12_u16, children_max in 0..12_u16) {
            let fits = |rooms| Wish { adults, children, rooms }.fits(adults_max, children_max);
            prop_assert!(!fits(rooms) || fits(rooms + 1));
            prop_assert!(!fits(rooms) || u32::from(adults) + u32::from(children) <= u32::from(rooms) * u32::from(adults_max + children_max));
        }

        #[test]
        fn a_stay_has_no_more_than_its_scarcest_night(nights in prop::collection::vec(prop::option::of(0..500_u64), 1..30)) {
            let left = fewest(&nights);
            prop_assert!(nights.iter().all(|night| night.unwrap_or(0) >= left));
            prop_assert!(nights.iter().any(|night| night.unwrap_or(0) == left));
        }
    }
}
