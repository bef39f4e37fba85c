//! What is told of a stay beside whether it may be sold, which `rules` decides. Pure.

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

    proptest! {
        #[test]
        fn a_stay_has_no_more_than_its_scarcest_night(nights in prop::collection::vec(prop::option::of(0..500_u64), 1..30)) {
            let left = fewest(&nights);
            prop_assert!(nights.iter().all(|night| night.unwrap_or(0) >= left));
            prop_assert!(nights.iter().any(|night| night.unwrap_or(0) == left));
        }

        #[test]
        fn a_stay_costs_the_sum_of_its_nights_and_nothing_is_said_where_one_has_no_price(
            prices in prop::collection::vec(0..10_000_000_u64, 1..30), missing in any::<prop::sample::Index>(),
        ) {
            let mut nights: Vec<_> = prices.iter().copied().map(Some).collect();
            prop_assert_eq!(sum_of_all(&nights), Some(prices.iter().sum()));
            nights[missing.index(prices.len())] = None;
            prop_assert_eq!(sum_of_all(&nights), None);
        }
    }
}
