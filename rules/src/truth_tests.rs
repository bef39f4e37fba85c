//! The truth table of today's rules, `rules/truth.csv`: one line is one stay, and what is said of it.
//!
//! A night is `TOTAL/TAKEN` or `-` where nobody offers rooms; `c` after it where it is closed, `p` where it has no price. The
//! answer is `sold`, or every reason with its night, in order.

use contract::quote::Party;

use super::*;

const TABLE: &str = include_str!("../truth.csv");

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

fn night(text: &str) -> NightFacts {
    let rooms = text.trim_end_matches(['c', 'p']);
    let marks = &text[rooms.len()..];
    let left = rooms.split_once('/').map_or(0, |(total, taken)| {
        let (total, sold, held, closed) = (number(total), number(taken), 0, false);
        Night {
            total,
            held,
            sold,
            closed,
        }
        .free()
    });
    NightFacts {
        closed: Some(marks.contains('c')),
        left: Some(left),
        priced: Some(!marks.contains('p')),
    }
}

fn told(blocked: Blocked) -> String {
    let code = blocked.why().map_or("invalid_field", |why| why.code().word());
    match blocked.night() {
        Some(night) => format!("{code} {night}"),
        None => code.to_owned(),
    }
}

/// What is said of a line's stay.
fn answer(line: &[&str]) -> String {
    let [
        _,
        today,
        check_in,
        check_out,
        rooms,
        adults,
        children,
        takes,
        nights,
        _,
    ] = *line
    else {
        panic!("a line has ten cells: {line:?}")
    };
    let stay = match dates::stay(day(check_in), day(check_out)) {
        Ok(stay) => stay,
        Err(blocked) => return told(blocked),
    };
    let (adults, children) = (number(adults), number(children));
    let party = Some(Party { adults, children });
    let rooms = number(rooms);
    let ask = Ask { stay, rooms, party };
    let (for_adults, for_children) = takes.split_once('+').unwrap();
    let nights: Vec<NightFacts> = nights.split(' ').map(night).collect();
    let noon = day(today).date().and_hms_opt(12, 0, 0).unwrap().and_utc();
    let facts = Facts {
        today: Some(Today::at(noon, &chrono::Utc)),
        offered: Some(true),
        capacity: Some(Capacity {
            adults: number(for_adults),
            children: number(for_children),
        }),
        nights: &nights,
        payable: Some(true),
    };
    let reasons = evaluate(&ask, &facts);
    assert_eq!(first(&ask, &facts), reasons.first().copied());
    if reasons.is_empty() {
        return "sold".to_owned();
    }
    let reasons: Vec<String> = reasons.into_iter().map(told).collect();
    reasons.join("; ")
}

#[test]
fn the_table_is_true() {
    let mut lines = 0;
    for line in TABLE.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let said = answer(&cells);
        let wanted = cells[9];
        // A party or rooms out of all range break other limits too; the table names the first.
        let said = if wanted == "invalid_field" {
            said.split("; ").next().unwrap_or_default()
        } else {
            &said
        };
        assert_eq!(said, wanted, "{line}");
        lines += 1;
    }
    assert!(lines > 30, "{lines} lines");
}
