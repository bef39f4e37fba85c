//! Cards are found and telephone numbers and addresses are not, as people write both.

use serde_json::json;

use super::*;

const TRIES: usize = 100_000;

/// A generator of numbers that is the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn digits(&mut self, count: usize) -> String {
        let digit = |dice: &mut Self| char::from_digit(u32::try_from(dice.below(10)).unwrap(), 10).unwrap();
        (0..count).map(|_| digit(self)).collect()
    }

    fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A number that begins so, with its check digit.
fn card(dice: &mut Dice, prefix: &str, length: usize) -> String {
    let body = format!("{prefix}{}", dice.digits(length - prefix.len() - 1));
    let check = (b'0'..=b'9').find(|check| {
        let digits: Vec<u8> = body.bytes().chain([*check]).map(|byte| byte - b'0').collect();
        luhn(&digits)
    });
    format!("{body}{}", char::from(check.unwrap()))
}

/// Networks by how their numbers begin and how long they are.
const CARDS: [(&str, &[&str], &[usize]); 13] = [
    ("Visa", &["4"], &[13, 16, 19]),
    ("Mastercard", &["51", "53", "55", "2221", "2300", "2720"], &[16]),
    ("American Express", &["34", "37"], &[15]),
    (
        "Diners Club",
        &["300", "305", "3095", "36", "38", "39"],
        &[14, 16, 19],
    ),
    ("Discover", &["6011", "644", "649", "65", "622126"], &[16, 19]),
    ("JCB", &["3528", "3589"], &[16, 19]),
    ("UnionPay", &["62", "8171"], &[16, 17, 18, 19]),
    (
        "Maestro",
        &["5018", "5020", "5038", "5893", "6304", "6759", "6762"],
        &[13, 14, 15, 16, 18, 19],
    ),
    ("Mir", &["2200", "2204"], &[16, 19]),
    ("RuPay", &["6521", "8212", "508"], &[16]),
    ("Verve", &["506099", "650002"], &[16, 18, 19]),
    ("Troy", &["9792"], &[16]),
    ("Humo, Uzcard", &["9860", "8600"], &[16]),
];
const ZEROS: [char; 6] = ['0', '٠', '०', '０', '𝟎', '๐'];

/// As a card is embossed, with something between the groups.
fn grouped(number: &str, dice: &mut Dice) -> String {
    let groups: &[usize] = match number.len() {
        15 if dice.below(2) == 0 => &[4, 6, 5],
        14 if dice.below(2) == 0 => &[4, 6, 4],
        _ => &[4, 4, 4, 4, 3],
    };
    let separators = [" ", "-", ".", "  ", " - ", "\u{a0}", "–", "/", "_"];
    let (mixed, mut separator) = (dice.below(4) == 0, *dice.one_of(&separators));
    let (mut rest, mut written) = (number, String::new());
    for length in groups {
        let (group, after) = rest.split_at(rest.len().min(*length));
        if !written.is_empty() && !group.is_empty() {
            written.push_str(separator);
        }
        written.push_str(group);
        rest = after;
        if mixed {
            separator = *dice.one_of(&separators);
        }
    }
    written + rest
}

fn written(number: &str, dice: &mut Dice) -> String {
    let text = if dice.below(3) == 0 {
        number.to_owned()
    } else {
        grouped(number, dice)
    };
    let zero = u32::from(*dice.one_of(&ZEROS));
    let in_script = |letter: char| match letter.to_digit(10) {
        Some(digit) => char::from_u32(zero + digit).unwrap(),
        None => letter,
    };
    text.chars().map(in_script).collect()
}

#[test]
fn no_card_number_is_missed_as_people_write_them() {
    let mut dice = Dice(1);
    for _ in 0..TRIES {
        let (network, prefixes, lengths) = dice.one_of(&CARDS);
        let (prefix, length) = (*dice.one_of(prefixes), *dice.one_of(lengths));
        let number = card(&mut dice, prefix, length);
        let text = written(&number, &mut dice);
        // What cannot be told from a telephone number where one belongs: see the head of the module.
        let full_number = COUNTRIES_WITH_13_DIGITS.iter().any(|country| {
            number.len() == 13
                && number
                    .bytes()
                    .map(|byte| byte - b'0')
                    .collect::<Vec<_>>()
                    .starts_with(country)
        });
        assert!(carries_card_number(&text, Grammar::Free), "{network}: {text}");
        assert!(
            full_number || carries_card_number(&text, Grammar::Phone),
            "{network} as telephone: {text}"
        );
        let mail = format!("{number}@example.com");
        assert!(
            full_number || carries_card_number(&mail, Grammar::Email),
            "{network} as mail: {mail}"
        );
        let around = [
            ("my card is ", ", thanks"),
            ("pm_", ""),
            ("Ana Sousa (", ")"),
            ("", " 12/27 123"),
            ("VISA:", ";exp=0127"),
            ("#", "#"),
            ("کارت ", "۔"),
        ];
        let (before, after) = dice.one_of(&around);
        let text = format!("{before}{text}{after}");
        let found = carries_card_number(&text, Grammar::Free);
        // With a date right behind it only plain digits or the grouping of a card show where it ends.
        let shown = text.contains(&number) || number.len() > 13;
        assert!(found || !shown, "{network}: {text}");
        if before.contains("card") {
            assert!(
                carries_card_number(&text, Grammar::Phone),
                "{network} in words as telephone: {text}"
            );
        }
    }
}

/// Country code, what is dialled before a number within the country, and how long the number is after either.
const PLANS: [(&str, &str, &[usize]); 40] = [
    ("1", "1", &[10]),
    ("7", "8", &[10]),
    ("20", "0", &[8, 9, 10]),
    ("27", "0", &[9]),
    ("30", "", &[10]),
    ("31", "0", &[9]),
    ("32", "0", &[8, 9]),
    ("33", "0", &[9]),
    ("34", "", &[9]),
    ("351", "", &[9]),
    ("353", "0", &[7, 8, 9]),
    ("358", "0", &[5, 9, 10, 12]),
    ("36", "06", &[8, 9]),
    ("370", "0", &[8]),
    ("372", "", &[7, 8]),
    ("378", "", &[6, 10]),
    ("380", "0", &[9]),
    ("381", "0", &[8, 9, 10]),
    ("385", "0", &[8, 9]),
    ("386", "0", &[8]),
    ("39", "", &[6, 9, 10, 11]),
    ("40", "0", &[9]),
    ("41", "0", &[9]),
    ("420", "", &[9]),
    ("43", "0", &[7, 10, 11, 12, 13]),
    ("44", "0", &[9, 10]),
    ("45", "", &[8]),
    ("46", "0", &[7, 9, 10, 11]),
    ("48", "", &[9]),
    ("49", "0", &[6, 8, 10, 11, 12, 13]),
    ("52", "", &[10, 11]),
    ("55", "0", &[10, 11]),
    ("57", "", &[10]),
    ("58", "0", &[10]),
    ("60", "0", &[8, 9, 10]),
    ("62", "0", &[9, 10, 11, 12]),
    ("63", "0", &[10]),
    ("81", "0", &[9, 10]),
    ("86", "0", &[10, 11]),
    ("91", "0", &[10]),
];

/// In groups of two to four digits, or of one and the rest, as people do.
fn in_groups(number: &str, dice: &mut Dice) -> String {
    let separator = *dice.one_of(&[" ", "-", ".", "/", " - ", "\u{a0}", "‑"]);
    let (mut rest, mut groups) = (number, Vec::new());
    while !rest.is_empty() {
        let (group, after) = rest.split_at(rest.len().min(2 + dice.below(7)));
        groups.push(group);
        rest = after;
    }
    groups.join(separator)
}

fn telephone(dice: &mut Dice) -> String {
    let (country, trunk, lengths) = dice.one_of(&PLANS);
    let length = *dice.one_of(lengths);
    let first = char::from(b'1' + u8::try_from(dice.below(9)).unwrap());
    let number = format!("{first}{}", dice.digits(length - 1));
    let (area, line) = number.split_at(3);
    let parts = in_groups(&number, dice);
    let full = match dice.below(14) {
        0 => format!("+{country}{number}"),
        1 => format!("+{country} {parts}"),
        2 => format!("00{country}{number}"),
        3 => format!("00 {country} {parts}"),
        4 => format!("00{country} {area} {line}"),
        5 => format!("{country}{number}"),
        6 => format!("{country} {parts}"),
        7 => format!("+{country} ({trunk}) {parts}"),
        8 => format!("{trunk}{number}"),
        9 => format!("({trunk}{area}) {line}"),
        10 => format!("{trunk}{area}/{line}"),
        11 => format!("011-{country}-{parts}"),
        12 => format!("tel:+{country}-{parts}"),
        _ => format!("8~10 {country} {parts}"),
    };
    match dice.below(6) {
        0 => format!("{full} ext. {}", dice.digits(4)),
        1 => format!("{full}x{}", dice.digits(3)),
        _ => full,
    }
}

#[test]
fn no_telephone_number_and_no_address_is_taken_for_a_card() {
    let mut dice = Dice(2);
    for _ in 0..TRIES {
        let phone = telephone(&mut dice);
        assert!(!carries_card_number(&phone, Grammar::Phone), "{phone}");
        let (country, trunk, lengths) = dice.one_of(&PLANS);
        let length = *dice.one_of(lengths);
        let number = dice.digits(length);
        let length = 5 + dice.below(7);
        let name = match dice.below(4) {
            0 => format!("{country}{number}"),
            1 => format!("ana.{trunk}{}", &number[..number.len().min(11)]),
            2 => format!("{}_{}", dice.digits(4), dice.digits(6)),
            _ => dice.digits(length),
        };
        let mail = format!(
            "{name}@{}",
            dice.one_of(&["qq.com", "163.com", "139.com", "4.example.com"])
        );
        assert!(!carries_card_number(&mail, Grammar::Email), "{mail}");
    }
}

#[test]
fn digits_of_every_script_are_digits() {
    let category = CodePointMapData::<GeneralCategory>::new();
    let digits =
        ('\u{80}'..='\u{1ffff}').filter(|letter| category.get(*letter) == GeneralCategory::DecimalNumber);
    let text: String = digits.collect();
    let read = plain(&text);
    assert!(read.len() > 600 && read.len().is_multiple_of(10));
    assert_eq!(read, "0123456789".repeat(read.len() / 10));
}

#[test]
fn a_number_is_found_whatever_stands_between_or_over_its_digits() {
    for text in [
        "4111+1111+1111+1111",
        "4111=1111=1111=1111",
        "4111;1111;1111;1111",
        "4\u{20e3}1\u{20e3}1\u{20e3}1\u{20e3} 1111 1111 1111",
        "4\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}1\u{336}",
        "01a2136c-4892-727e-a33d-f09c6449a49b 4111 1111 1111 1111",
    ] {
        assert!(carries_card_number(text, Grammar::Free), "{text}");
        assert!(carries_card_number(text, Grammar::Prose), "{text}");
    }
}

#[test]
fn lists_of_numbers_are_no_card_in_a_text_about_rooms() {
    for text in [
        "Rooms 501, 502, 503, 504, 505, 506",
        "N 52.520007, E 13.404954",
        "Tel. +49 30 12345678, fax +49 30 12345679",
        "VAT DE 136695976, IBAN DE89 3704 0044 0532 0130 00",
        "Open 2026, 2027, 2028, 2029",
        "0049 151 23456787",
    ] {
        assert!(!carries_card_number(text, Grammar::Prose), "{text}");
    }
    for text in [
        "4111111111111111",
        "pay with 4111 1111 1111 1111 at the desk",
        "3782-822463-10005",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "41 11 11 11 11 11 11 11",
        "\u{ff14}111 1111 1111 1111",
    ] {
        assert!(carries_card_number(text, Grammar::Prose), "{text}");
    }
}

#[test]
fn keys_that_programs_make_are_no_cards() {
    let mut dice = Dice(3);
    let hex = |dice: &mut Dice, count: usize| -> String {
        (0..count)
            .map(|_| char::from(*dice.one_of(b"0123456789abcdef")))
            .collect()
    };
    for _ in 0..TRIES {
        let id = [8, 4, 4, 4, 12].map(|count| hex(&mut dice, count)).join("-");
        let named = format!("booking-{id}");
        let long = hex(&mut dice, 64);
        let length = *dice.one_of(&[8, 11, 14, 17]);
        let moment = format!("17{}", dice.digits(length));
        for key in [id, named, long, moment] {
            // A hash or an id without a single letter is as rare as a collision, and no card's length.
            assert!(!carries_card_number(&key, Grammar::Opaque), "{key}");
        }
    }
    for key in [
        "4111111111111111",
        "4111-1111-1111-1111",
        "card:4111111111111111",
        "4111.1111.1111.1111#1",
    ] {
        assert!(carries_card_number(key, Grammar::Opaque), "{key}");
    }
}

#[test]
fn card_data_are_found_anywhere_and_named() {
    let guests: GrammarOf = |pointer| match pointer {
        "/quote_token" => None,
        "/guest/phone" => Some(Grammar::Phone),
        "/guest/email" => Some(Grammar::Email),
        _ => Some(Grammar::Free),
    };
    let card = "4111 1111 1111 1111";
    for (body, pointer) in [
        (json!({"guest": {"name": card}}), Some("/guest/name")),
        (json!({"a/b": [1, card]}), Some("/a~1b/1")),
        (json!({"number": 4_111_111_111_111_111_u64}), Some("/number")),
        (json!({"4111111111111111": true}), Some("")),
        (
            json!({"guest": {"quote_token": card}}),
            Some("/guest/quote_token"),
        ),
        (json!({"quote_token": card}), None),
        (json!({"guest": {"phone": card}}), Some("/guest/phone")),
        (
            json!({"guest": {"email": "4111111111111111@example.com"}}),
            Some("/guest/email"),
        ),
        (json!({"guest": {"phone": "0049 151 23456787"}}), None),
        (json!({"guest": {"email": "1234567890128@qq.com"}}), None),
        (json!({"phone": "4222222222222"}), Some("/phone")),
        (
            json!({"note": [{"card": "４１１１ １１１１ １１１１ １１１１"}]}),
            Some("/note/0/card"),
        ),
        (json!({"number": 4.111_111_111_111_111e15}), Some("/number")),
        (json!({"payment_method": "pm_ok"}), None),
        (
            json!({"picture": "https://example.com/a4111111111111111.jpg"}),
            None,
        ),
        (
            json!({"picture": "https://example.com/4111111111111111"}),
            Some("/picture"),
        ),
    ] {
        let found = card_in(&body, String::new(), guests);
        assert_eq!(found.as_deref(), pointer, "{body}");
    }
}

#[test]
fn a_query_and_a_header_are_looked_into_and_nothing_is_repeated() {
    let query = |query: &str| {
        let uri = format!("/v1/hotels?{query}").parse().unwrap();
        refuse_query(&uri).err().map(|problem| problem.body().clone())
    };
    for (text, pointer) in [
        ("guest_email=4111111111111111@example.com", "guest_email"),
        ("a=1&note=4111+1111+1111+1111", "note"),
        ("note=%34111-1111-1111-1111", "note"),
        ("4111111111111111", ""),
        ("4111111111111111=1", ""),
    ] {
        let problem = query(text).unwrap();
        assert_eq!(
            (problem.status, problem.code.as_str(), problem.pointer.as_deref()),
            (422, "card_data_refused", Some(pointer)),
            "{text}"
        );
        assert!(
            !serde_json::to_string(&problem).unwrap().contains("1111"),
            "{text}"
        );
    }
    for text in [
        "check_in=2026-12-24&check_out=2026-12-27&adults=2",
        "hotel_id=01a2136c-4892-727e-a33d-f09c6449a49b",
        "cursor=2230316132313336632d343839322d373237652d61333364",
        "guest_email=1234567890128@qq.com",
        "x=%ff",
    ] {
        assert!(query(text).is_none(), "{text}");
    }
    assert!(refuse_header("Idempotency-Key", "4111-1111-1111-1111").is_err());
    assert!(refuse_header("Idempotency-Key", "01a2136c-4892-727e-a33d-f09c6449a49b").is_ok());
}

#[test]
fn the_numbers_of_the_case() {
    for last in 0..10 {
        for phone in [
            format!("0049 151 2345678{last}"),
            format!("0043 664 123456{last}"),
            format!("+49 151 2345678{last}"),
            format!("49151 2345678{last}"),
            format!("4915123456 78{last}"),
            format!("+35191000000000{last}"),
            format!("01149151234567{last}"),
        ] {
            assert!(!carries_card_number(&phone, Grammar::Phone), "{phone}");
        }
        let mail = format!("123456789012{last}@qq.com");
        assert!(!carries_card_number(&mail, Grammar::Email), "{mail}");
    }
}

#[test]
fn what_reads_as_a_telephone_number_is_one_unless_it_is_written_as_a_card() {
    for (text, found) in [
        // 15 digits that are an American Express number: no country has such numbers, so that it is one.
        ("378282246310005", true),
        ("3782 822463 10005", true),
        ("3782 8224 6310 005", true),
        ("+3782 822463 10005", true),
        ("+378282246310005", false),
        ("(378) 282-2463 10005", false),
        ("+4111111111111111", true),
        ("4111 1111 1111 1111", true),
        ("30569309025904", true),
        ("4222222222222", true),
        ("+4222222222222", false),
        ("card 4222 2222 2222 2", true),
        ("+49 151 23456787, 4111 1111 1111 1111", true),
    ] {
        assert_eq!(carries_card_number(text, Grammar::Phone), found, "{text}");
    }
}

#[test]
fn what_guests_write_is_no_card_number() {
    for text in [
        "Ana Sousa",
        "4111111111111112",
        "+49 176 12345678",
        "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
        "0000000000000000",
        "0000 0000 0000 0000",
        "41111111 and 11111111",
        "12345678901234567890",
        "1234567890123452",
        "12 Dec 2026, 24 Dec 2026",
        "2026-12-24 - 2026-12-27",
    ] {
        assert!(!carries_card_number(text, Grammar::Free), "{text}");
    }
    assert!(carries_card_number(
        "4111\u{200b}1111\u{ad}1111\u{2060}1111",
        Grammar::Free
    ));
    assert!(
        carries_card_number("1234 5678 9012 3452", Grammar::Free),
        "four times four, whoever's it is"
    );
}
