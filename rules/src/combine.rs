//! Which rooms a booking of several takes: for each room that is asked for a room type that its guests fit into, of none
//! more rooms than are left, and all together as cheap as can be.

use contract::quote::Party;

use crate::occupancy::{self, Capacity};

/// A room type that has rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// How many people a room takes.
    pub capacity: Capacity,
    /// Rooms left over the whole stay.
    pub left: u64,
    /// What a room costs for the stay, in minor units.
    pub price: i64,
}

/// For each line the place of its choice; none when they cannot all be had.
///
/// Room after room is added, the cheapest first, if the lines can be given to those that are there already and this one:
/// whoever has a room moves to another where that makes place. What a room costs does not depend on who is in it, so
/// that no dearer room is ever needed because a cheaper one was taken.
pub fn cheapest(lines: &[Party], choices: &[Choice]) -> Option<Vec<usize>> {
    let mut cheapest_first: Vec<usize> = (0..choices.len()).collect();
    cheapest_first.sort_by_key(|at| choices[*at].price);
    let mut of_line = vec![None; lines.len()];
    for at in cheapest_first {
        for _ in 0..choices[at].left.min(lines.len() as u64) {
            let mut asked = vec![false; lines.len()];
            if !take(at, lines, choices, &mut of_line, &mut asked) {
                break;
            }
        }
    }
    of_line.into_iter().collect()
}

/// Gives a room of this type to a line, whose room goes to another line if it has one.
fn take(
    at: usize,
    lines: &[Party],
    choices: &[Choice],
    of_line: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for line in 0..lines.len() {
        if asked[line] || !fits(lines[line], choices[at].capacity) {
            continue;
        }
        asked[line] = true;
        let is_free = of_line[line].is_none_or(|other| take(other, lines, choices, of_line, asked));
        if is_free {
            of_line[line] = Some(at);
            return true;
        }
    }
    false
}

fn fits(party: Party, capacity: Capacity) -> bool {
    occupancy::of_rooms(Some(party), Some(capacity), 1) == [None, None]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn party(adults: u16, children: u16) -> Party {
        Party { adults, children }
    }

    fn choice(adults: u32, children: u32, left: u64, price: i64) -> Choice {
        let capacity = Capacity { adults, children };
        Choice {
            capacity,
            left,
            price,
        }
    }

    #[test]
    fn a_cheap_room_goes_to_whoever_fits_into_no_other() {
        let (double, single) = (choice(2, 0, 1, 100), choice(1, 0, 1, 150));
        // The double is cheaper, but the couple fits into nothing else.
        let lines = [party(1, 0), party(2, 0)];
        assert_eq!(cheapest(&lines, &[double, single]), Some(vec![1, 0]));
        assert_eq!(cheapest(&[party(2, 0), party(2, 0)], &[double, single]), None);
        assert_eq!(cheapest(&lines, &[Choice { left: 0, ..double }, single]), None);
        assert_eq!(cheapest(&[], &[double]), Some(vec![]));
    }

    /// Every way to give rooms to lines, tried one by one.
    fn by_trying(lines: &[Party], choices: &mut [Choice]) -> Option<i64> {
        let Some((first, rest)) = lines.split_first() else {
            return Some(0);
        };
        let mut best = None;
        for at in 0..choices.len() {
            if choices[at].left > 0 && fits(*first, choices[at].capacity) {
                choices[at].left -= 1;
                let whole = by_trying(rest, choices).map(|rest| rest + choices[at].price);
                choices[at].left += 1;
                best = best.into_iter().chain(whole).min();
            }
        }
        best
    }

    proptest! {
        #[test]
        fn nobody_finds_a_cheaper_way_and_what_is_found_is_one(
            lines in prop::collection::vec((1_u16..4, 0_u16..3), 0..5),
            choices in prop::collection::vec((0_u32..4, 0_u32..3, 0_u64..3, 0_i64..6), 0..5),
        ) {
            let lines: Vec<Party> = lines.into_iter().map(|(adults, children)| party(adults, children)).collect();
            let mut choices: Vec<Choice> = choices.into_iter().map(|(a, c, left, price)| choice(a, c, left, price)).collect();
            let found = cheapest(&lines, &choices);
            let price = found.as_ref().map(|found| found.iter().map(|at| choices[*at].price).sum::<i64>());
            prop_assert_eq!(price, by_trying(&lines, &mut choices));
            for (at, choice) in choices.iter().enumerate() {
                let taken = found.iter().flatten().filter(|taken| **taken == at).count();
                prop_assert!(taken as u64 <= choice.left);
            }
            for (line, at) in lines.iter().zip(found.iter().flatten()) {
                prop_assert!(fits(*line, choices[*at].capacity));
            }
        }
    }
}
