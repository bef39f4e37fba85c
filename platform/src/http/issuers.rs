//! Which numbers the networks of payment cards give out: how they begin, how long they are, and their check digit
//! (ISO/IEC 7812-1, and what the networks publish of their ranges).
//!
//! Left out: UATP (15 digits that begin with 1), a travel card of airlines with no chip and no use at a hotel's till.

use std::ops::RangeInclusive;

/// Numbers of one network.
struct Network {
    /// The first digits, from and to.
    prefixes: RangeInclusive<u32>,
    /// How many digits these are.
    digits: usize,
    /// How long its numbers are.
    lengths: &'static [usize],
}

const fn network(digits: usize, prefixes: RangeInclusive<u32>, lengths: &'static [usize]) -> Network {
    Network {
        prefixes,
        digits,
        lengths,
    }
}

const SIXTEEN: &[usize] = &[16];
const UP_TO_NINETEEN: &[usize] = &[16, 17, 18, 19];
const FROM_TWELVE: &[usize] = &[12, 13, 14, 15, 16, 17, 18, 19];
const DINERS: &[usize] = &[14, 15, 16, 17, 18, 19];

const NETWORKS: [Network; 25] = [
    // Visa.
    network(1, 4..=4, &[13, 16, 19]),
    // Mastercard.
    network(2, 51..=55, SIXTEEN),
    network(4, 2221..=2720, SIXTEEN),
    // American Express.
    network(2, 34..=34, &[15]),
    network(2, 37..=37, &[15]),
    // Diners Club.
    network(3, 300..=305, DINERS),
    network(4, 3095..=3095, DINERS),
    network(2, 36..=36, DINERS),
    network(2, 38..=39, DINERS),
    // JCB, RuPay, LankaPay; JCB's old numbers.
    network(2, 35..=35, UP_TO_NINETEEN),
    network(4, 1800..=1800, &[15]),
    network(4, 2131..=2131, &[15]),
    // UnionPay, RuPay.
    network(2, 81..=82, UP_TO_NINETEEN),
    // Discover, UnionPay, RuPay, Maestro, Verve, Elo, Dankort, Uzcard, InstaPayment, InterPayment; only Maestro's own have less than 16 digits,
    // or every other number of a Philippine or Indonesian telephone would be one.
    network(2, 50..=50, UP_TO_NINETEEN),
    network(2, 56..=69, UP_TO_NINETEEN),
    network(4, 5018..=5018, FROM_TWELVE),
    network(4, 5020..=5020, FROM_TWELVE),
    network(4, 5038..=5038, FROM_TWELVE),
    network(4, 5893..=5893, FROM_TWELVE),
    network(4, 6304..=6304, FROM_TWELVE),
    network(4, 6759..=6763, FROM_TWELVE),
    // Mir, Borica.
    network(4, 2200..=2205, UP_TO_NINETEEN),
    // Uzcard, Humo, Troy.
    network(4, 8600..=8600, SIXTEEN),
    network(4, 9860..=9860, SIXTEEN),
    network(4, 9792..=9792, SIXTEEN),
];

/// Whether a network gives out numbers that begin so and are so long.
pub(super) fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| {
        let leading = digits.iter().take(count);
        leading.fold(0, |number, digit| number * 10 + u32::from(*digit))
    };
    let of = |network: &Network| {
        network.prefixes.contains(&first(network.digits)) && network.lengths.contains(&digits.len())
    };
    NETWORKS.iter().any(of)
}

/// Whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weighted = digits.iter().rev().enumerate();
    let sum: u32 = weighted
        .map(|(at, digit)| u32::from(if at % 2 == 0 { *digit } else { doubled(*digit) }))
        .sum();
    sum.is_multiple_of(10)
}
