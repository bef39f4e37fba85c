//! Parties and rooms, at their edges.

use proptest::prelude::*;

use super::*;

const fn party(adults: u16, children: u16) -> Party {
    Party { adults, children }
}

fn against(party: Party, rooms: u16) -> Vec<Blocked> {
    of_party(Some(party), rooms).into_iter().flatten().collect()
}

fn places(party: Party, capacity: Capacity, rooms: u16) -> Vec<Blocked> {
    of_rooms(Some(party), Some(capacity), rooms)
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn a_party_has_an_adult_in_every_room() {
    for (adults, children, rooms) in [(1, 0, 1), (9, 36, 9), (36, 0, 9)] {
        assert_eq!(against(party(adults, children), rooms), []);
    }
    for (adults, children, rooms) in [(1, 0, 2), (1, 1, 2), (1, 8, 3), (2, 9, 3), (8, 0, 9)] {
        assert_eq!(
            against(party(adults, children), rooms),
            [Blocked::TooFewAdults { rooms }]
        );
        assert!(in_range(party(adults, children), rooms));
    }
    for (adults, children, rooms, blocked) in [
        (1, 0, 0, Blocked::Rooms),
        (36, 0, 10, Blocked::Rooms),
        (0, 1, 1, Blocked::Adults),
        (37, 0, 1, Blocked::Adults),
        (1, 37, 1, Blocked::Children),
    ] {
        assert_eq!(against(party(adults, children), rooms)[0], blocked);
        assert!(!in_range(party(adults, children), rooms));
    }
    assert_eq!(of_party(None, 10), [Some(Blocked::Rooms), None, None, None]);
    assert_eq!(of_party(None, 9), [None; 4], "who is not known may be anybody");
}

#[test]
fn children_take_free_places_of_adults_and_never_the_reverse() {
    let double = Capacity {
        adults: 2,
        children: 1,
    };
    let places = |adults, children, rooms| places(party(adults, children), double, rooms);
    assert_eq!(places(2, 1, 1), []);
    assert_eq!(places(1, 2, 1), []);
    assert_eq!(places(3, 0, 1), [Blocked::TooManyAdults { places: 2 }]);
    assert_eq!(places(2, 2, 1), [Blocked::TooManyChildren { places: 1 }]);
    assert_eq!(places(3, 3, 2), []);
    assert_eq!(places(3, 4, 2), [Blocked::TooManyChildren { places: 3 }]);
    assert_eq!(
        places(3, 2, 1),
        [
            Blocked::TooManyAdults { places: 2 },
            Blocked::TooManyChildren { places: 1 }
        ]
    );
    let cot = Capacity {
        adults: 0,
        children: 9,
    };
    let alone = of_rooms(Some(party(1, 0)), Some(cot), 1);
    assert_eq!(alone, [Some(Blocked::TooManyAdults { places: 0 }), None]);
}

proptest! {
    #[test]
    fn whoever_has_a_place_still_has_one_with_a_person_less_or_a_room_more(
        adults in 1_u16..=PARTY_MAX, children in 0_u16..=PARTY_MAX, rooms in 1_u16..ROOMS_MAX,
        for_adults in 0_u32..6, for_children in 0_u32..6,
    ) {
        let capacity = Capacity { adults: for_adults, children: for_children };
        let fits = |adults, children, rooms| places(party(adults, children), capacity, rooms).is_empty();
        if fits(adults, children, rooms) {
            prop_assert!(fits(adults, children, rooms + 1));
            prop_assert!(fits(adults, children.saturating_sub(1), rooms));
            prop_assert!(fits(adults.saturating_sub(1).max(1), children, rooms));
            prop_assert!(u32::from(adults) + u32::from(children) <= u32::from(rooms) * (for_adults + for_children));
        }
    }

    /// A line is one room: rooms that are alike are asked for together, and each gets its part of the party.
    #[test]
    fn who_fits_into_rooms_together_fits_into_each(
        adults in 1_u16..=PARTY_MAX, children in 0_u16..=PARTY_MAX, rooms in 1_u16..=ROOMS_MAX,
        for_adults in 0_u32..6, for_children in 0_u32..6,
    ) {
        let capacity = Capacity { adults: for_adults, children: for_children };
        let whole = contract::Line {
            room_type_id: contract::RoomTypeId::new(),
            rate_plan_id: contract::RatePlanId::new(),
            stay: contract::Stay::new("2026-12-24".parse().unwrap(), "2026-12-26".parse().unwrap()).unwrap(),
            party: party(adults, children),
        };
        if adults >= rooms && places(whole.party, capacity, rooms).is_empty() {
            for line in whole.alike(rooms) {
                prop_assert!(places(line.party, capacity, 1).is_empty(), "{line:?}");
                prop_assert!(line.party.adults >= 1);
            }
        }
    }
}
