//! Cards are found and telephone numbers and addresses are not, as people write both.

use serde_json::json;

use super::*;
use writing::{CARDS, Dice, PLANS, card, telephone, written};

#[path = "card_writing_tests.rs"]
mod writing;

const TRIES: usize = 100_000;

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
        "Rooms 411, 111, 111, 111, 1111",
        "Rooms 411, 111, 111, 111, 111, 1",
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
        let named = format!("order-{id}");
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
fn an_id_is_nobodys_number_wherever_it_stands() {
    let id = "0000000a-4111-1111-1111-1111abcdefab";
    for text in [
        id.to_owned(),
        format!("order {id}"),
        format!("{id} is mine"),
        format!("of {id}, {id}"),
    ] {
        for grammar in [Grammar::Free, Grammar::Prose, Grammar::Opaque] {
            assert!(!carries_card_number(&text, grammar), "{text}");
        }
    }
    for no_id in [
        "0000000g-4111-1111-1111-1111abcdefab",
        "abcdefabcdefabcdefabcdefab4111111111111111",
    ] {
        assert!(carries_card_number(no_id, Grammar::Free), "{no_id}");
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
        let uri = format!("/v1/things?{query}").parse().unwrap();
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
        "thing_id=01a2136c-4892-727e-a33d-f09c6449a49b",
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
        ("4222 2222 2222 2", true),
        ("+4222 2222 2222 2", false),
        ("4900 0000 0000 7", false),
        ("589300000009", false),
        ("8100000000000002", true),
        ("810 0000 0000 00002", false),
        ("810 000 000 000 000 002", false),
        ("4111 11111111 1111", true),
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
        "41111111 a 11111111",
        "1234 5678 9012 347",
        "+378282246310005",
        "12345678901234567890",
        "1234567890123452",
        "12 Dec 2026, 24 Dec 2026",
        "2026-12-24 - 2026-12-27",
    ] {
        assert!(!carries_card_number(text, Grammar::Free), "{text}");
    }
    for card in ["+4111111111111111", "+4222 2222 2222 2"] {
        assert!(carries_card_number(card, Grammar::Free), "{card}");
    }
    assert!(
        carries_card_number("4900000000007", Grammar::Email),
        "what is no address is read like any text"
    );
    assert!(carries_card_number(
        "4111\u{200b}1111\u{ad}1111\u{2060}1111",
        Grammar::Free
    ));
    assert!(
        carries_card_number("1234 5678 9012 3452", Grammar::Free),
        "four times four, whoever's it is"
    );
}
