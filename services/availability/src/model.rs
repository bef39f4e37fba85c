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
    }
}
