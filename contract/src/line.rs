//! A line: one room of a booking. A request for several rooms of one type is short for so many lines that are alike.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::{HeldLine, HeldLines};
use crate::number::within;
use crate::stay::{Stay, StayDate};
use crate::{RatePlanId, RoomTypeId};

/// The most lines of a booking.
pub const LINES_MAX: u16 = 9;

/// The most adults, and the most children, of one stay.
pub const PARTY_MAX: u16 = 36;

/// Who stays, in all rooms together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Adults, 1 to 36.
    #[serde(deserialize_with = "within::<1, PARTY_MAX, _, _>")]
    #[schema(minimum = 1, maximum = 36)]
    pub adults: u16,
    /// Children, 0 to 36.
    #[serde(default, deserialize_with = "within::<0, PARTY_MAX, _, _>")]
    #[schema(minimum = 0, maximum = 36)]
    pub children: u16,
}

impl Party {
    /// All of them.
    pub fn together(parties: impl IntoIterator<Item = Self>) -> Self {
        let none = Self {
            adults: 0,
            children: 0,
        };
        parties.into_iter().fold(none, |all, party| Self {
            adults: all.adults.saturating_add(party.adults),
            children: all.children.saturating_add(party.children),
        })
    }
}

/// One room of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// What.
    pub room_type_id: RoomTypeId,
    /// On which terms.
    pub rate_plan_id: RatePlanId,
    /// When.
    #[serde(flatten)]
    pub stay: Stay,
    /// Who stays in this room.
    pub party: Party,
}

impl Line {
    /// The same line for each of so many rooms, with the party spread over them as evenly as can be: who is one too many
    /// of the adults stays in one of the first rooms, and of the children in one of the last. So whoever fits into the
    /// rooms together fits into each.
    pub fn alike(self, rooms: u16) -> Vec<Self> {
        let count = rooms.clamp(1, LINES_MAX);
        let Party { adults, children } = self.party;
        let of = |line: u16| Self {
            party: Party {
                adults: adults / count + u16::from(line < adults % count),
                children: children / count + u16::from(line >= count - children % count),
            },
            ..self
        };
        (0..count).map(of).collect()
    }
}

/// What the lines hold: a line each, in their order.
pub fn held(lines: &[Line]) -> HeldLines {
    let each = lines.iter().map(|line| HeldLine {
        room_type_id: line.room_type_id,
        stay: line.stay,
        rooms: 1,
    });
    HeldLines(each.collect())
}

/// Who stays in all rooms together.
pub fn together(lines: &[Line]) -> Party {
    Party::together(lines.iter().map(|line| line.party))
}

/// What all lines have in common, if they do; none without lines.
fn in_common<T: PartialEq>(lines: &[Line], of: fn(&Line) -> T) -> Option<T> {
    let mut each = lines.iter().map(of);
    let first = each.next()?;
    each.all(|other| other == first).then_some(first)
}

/// The room type of all lines, if they have one.
pub fn room_type_of(lines: &[Line]) -> Option<RoomTypeId> {
    in_common(lines, |line| line.room_type_id)
}

/// The rate plan of all lines, if they have one.
pub fn rate_plan_of(lines: &[Line]) -> Option<RatePlanId> {
    in_common(lines, |line| line.rate_plan_id)
}

/// Whether all lines are for the same nights in the same rate plan, so that they are cancelled as one.
pub fn are_of_one_stay(lines: &[Line]) -> bool {
    lines.is_empty() || in_common(lines, |line| (line.stay, line.rate_plan_id)).is_some()
}

/// From the first arrival to the last departure; none without lines.
pub fn span(lines: &[Line]) -> Option<(StayDate, StayDate)> {
    let first = lines.iter().map(|line| line.stay.check_in()).min()?;
    let last = lines.iter().map(|line| line.stay.check_out()).max()?;
    Some((first, last))
}

/// Whether the lines are just what so many rooms for all of them together are short for.
pub fn are_alike(lines: &[Line]) -> bool {
    let Some(first) = lines.first() else { return false };
    let whole = Line {
        party: together(lines),
        ..*first
    };
    u16::try_from(lines.len()).is_ok_and(|rooms| whole.alike(rooms) == lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(adults: u16, children: u16) -> Line {
        Line {
            room_type_id: RoomTypeId::new(),
            rate_plan_id: RatePlanId::new(),
            stay: Stay::new("2026-12-24".parse().unwrap(), "2026-12-26".parse().unwrap()).unwrap(),
            party: Party { adults, children },
        }
    }

    proptest! {
        #[test]
        fn a_party_is_spread_evenly_and_whole(adults in 1_u16..=36, children in 0_u16..=36, rooms in 1_u16..=9) {
            let whole = line(adults, children);
            let lines = whole.alike(rooms);
            prop_assert_eq!(lines.len(), usize::from(rooms));
            prop_assert_eq!(together(&lines), whole.party);
            prop_assert!(are_alike(&lines));
            prop_assert_eq!(room_type_of(&lines), Some(whole.room_type_id));
            let adults = lines.iter().map(|line| line.party.adults);
            prop_assert!(adults.clone().max().unwrap() - adults.min().unwrap() <= 1);
        }
    }

    #[test]
    fn lines_that_differ_in_type_or_in_how_the_party_is_spread_are_not_alike() {
        let one = line(2, 0);
        let other_type = line(2, 0);
        let crowded = Line {
            party: Party {
                adults: 3,
                children: 0,
            },
            ..one
        };
        let alone = Line {
            party: Party {
                adults: 1,
                children: 0,
            },
            ..one
        };
        assert!(are_alike(&[one, one, alone]) && are_alike(&[one]));
        for unlike in [
            vec![one, other_type],
            vec![crowded, alone],
            vec![alone, one],
            vec![],
        ] {
            assert!(!are_alike(&unlike), "{unlike:?}");
        }
        assert_eq!(room_type_of(&[one, other_type]), None);
    }

    #[test]
    fn lines_of_other_nights_or_terms_are_not_of_one_stay() {
        let one = line(2, 0);
        let (day, plan) = (|text: &str| text.parse().unwrap(), one.rate_plan_id);
        let later = Line {
            stay: Stay::new(day("2026-12-25"), day("2026-12-28")).unwrap(),
            ..one
        };
        let other_plan = Line {
            rate_plan_id: RatePlanId::new(),
            ..one
        };
        assert!(are_of_one_stay(&[one, one]) && are_of_one_stay(&[]));
        assert!(!are_of_one_stay(&[one, later]) && !are_of_one_stay(&[one, other_plan]));
        assert!(!are_alike(&[one, later]) && !are_alike(&[one, other_plan]));
        assert_eq!(rate_plan_of(&[one, later]), Some(plan));
        assert_eq!(rate_plan_of(&[one, other_plan]), None);
        assert_eq!(span(&[later, one]), Some((day("2026-12-24"), day("2026-12-28"))));
        assert_eq!(span(&[]), None);
    }
}
