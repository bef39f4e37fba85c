//! The tenth, at both sides of its edges.

use proptest::prelude::*;

use super::*;

/// What totals may be sold: 110 %, rounded down.
const SELLABLE: [(i32, i32); 12] = [
    (0, 0),
    (1, 1),
    (8, 8),
    (9, 9),
    (10, 11),
    (11, 12),
    (19, 20),
    (20, 22),
    (99, 108),
    (100, 110),
    (109, 119),
    (10_000, 11_000),
];

fn night(total: i32, held: i32, sold: i32) -> Night {
    Night {
        total,
        held,
        sold,
        closed: false,
    }
}

#[test]
fn a_tenth_more_is_sold_rounded_down_and_nothing_is_left_below_nothing() {
    for (total, most) in SELLABLE {
        assert_eq!(sellable(total), most, "{total}");
        assert!(fits(total, most) && !fits(total, most + 1), "{total}");
        let all = u32::try_from(most).unwrap();
        assert_eq!(night(total, 0, 0).left(), all, "{total}");
        assert_eq!(night(total, most, 0).left(), 0, "{total}");
        assert_eq!(night(total, 0, most).left(), 0, "{total}");
        // Forced below what is held and sold.
        assert_eq!(night(total, 3, most).left(), 0, "{total}");
        assert_eq!(night(total, most + 1, 7).left(), 0, "{total}");
        let closed = Night {
            closed: true,
            ..night(total, 0, 0)
        };
        assert_eq!((closed.left(), closed.free()), (0, all), "{total}");
    }
    assert_eq!(night(20, 3, 12).left(), 7, "held and sold both count");
    assert_eq!(night(20, 3, 12).taken(), 15);
}

#[test]
fn numbers_that_no_hotel_has_do_not_wrap() {
    assert_eq!(sellable(i32::MAX), i32::MAX);
    assert_eq!(night(i32::MAX, 0, 0).left(), 2_147_483_647);
    assert_eq!(night(0, i32::MAX, i32::MAX).left(), 0);
}

proptest! {
    #[test]
    fn what_is_left_can_be_sold_and_one_more_can_not(total in 0..100_000_i32, held in 0..100_000_i32, sold in 0..100_000_i32) {
        let left = i64::from(night(total, held, sold).left());
        let taken = i64::from(held) + i64::from(sold);
        let allowed = |rooms: i64| (taken + rooms) * 10 <= i64::from(total) * 11;
        prop_assert!(left == 0 || allowed(left));
        prop_assert!(!allowed(left + 1));
        prop_assert_eq!(fits(total, held + sold), allowed(0));
    }
}
