//! The table holds together, and what a newer release says is passed on.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::command::ReservationCommand;
use crate::{Command, Outcome};

fn night() -> StayDate {
    "2027-02-28".parse().unwrap()
}

#[test]
fn a_code_means_one_thing_and_its_sentences_name_only_its_arguments() {
    let mut words = BTreeSet::new();
    for code in Code::ALL {
        let meaning = code.meaning();
        assert!(words.insert(meaning.word), "{} stands twice", meaning.word);
        assert_eq!(Code::of(meaning.word), Some(*code));
        let names: BTreeSet<_> = meaning.arguments.iter().map(|argument| argument.name).collect();
        for sentence in [meaning.guest, meaning.staff, meaning.operator] {
            assert!(sentence.ends_with('.'), "{sentence}");
            let filled = fill(sentence, |name| {
                assert!(names.contains(name), "{}: {name:?} is no argument", meaning.word);
                Some("x".into())
            });
            assert!(
                filled.is_some_and(|text| !text.contains(['{', '}'])),
                "{sentence}"
            );
        }
        for sentence in [meaning.happened, meaning.remedy] {
            assert!(
                sentence.ends_with('.') && !sentence.contains(['{', '}']),
                "{sentence}"
            );
        }
    }
}

#[test]
fn a_class_is_its_word_and_one_status() {
    let statuses: BTreeSet<_> = Class::ALL.iter().map(|class| class.status()).collect();
    assert_eq!(statuses.len(), Class::ALL.len());
    for class in Class::ALL {
        assert_eq!(Class::of(class.word()), Some(class));
        assert_eq!(class.is_retryable(), class == Class::Busy);
    }
    // Only what may succeed later is advised to be sent again as it is.
    let again = |class: &Class| class.advice().starts_with("The same request may succeed later");
    let again: Vec<_> = Class::ALL.into_iter().filter(again).collect();
    assert_eq!(again, [Class::Busy]);
    let advices: BTreeSet<_> = Class::ALL.iter().map(|class| class.advice()).collect();
    assert_eq!(advices.len(), Class::ALL.len());
}

#[test]
fn an_operation_declares_a_code_with_its_status_and_what_happened() {
    for (code, status, word, says) in [
        (Code::SoldOut, 409, "sold_out", "night"),
        (Code::PaymentDeclined, 402, "payment_declined", "payment"),
        (Code::StayInPast, 422, "stay_in_past", "before today"),
    ] {
        let (declared, as_word, happened) = code.declared();
        assert_eq!((declared, as_word), (status, word));
        assert!(happened.contains(says), "{happened}");
    }
}

#[test]
fn a_refusal_is_said_to_each_in_their_words() {
    let refusal = Refusal::from(Why::BelowSold {
        night: night(),
        taken: 11,
        sellable: 9,
    });
    assert_eq!(
        serde_json::to_string(&refusal).unwrap(),
        r#"{"code":"below_sold","class":"taken","message":"In the night of 2027-02-28 11 rooms are held or sold, and this total allows 9. Cancel bookings first, or send `force` with a `reason`.","night":"2027-02-28","taken":11,"sellable":9}"#
    );
    assert_eq!(refusal.night(), Some(night()));
    assert_eq!(
        refusal.sentence(Audience::Staff),
        "In the night of 2027-02-28 11 rooms are held or sold, and this total allows 9."
    );
    assert!(
        refusal
            .sentence(Audience::Operator)
            .contains("below what is taken: 11 of 9")
    );
    let told: Vec<_> = refusal.arguments().collect();
    assert_eq!(
        told,
        [
            ("night", json!("2027-02-28")),
            ("taken", json!(11)),
            ("sellable", json!(9))
        ]
    );
    let refusal = refusal.saying("Two rooms too few.");
    assert_eq!(refusal.sentence(Audience::Guest), "Two rooms too few.");
    assert!(refusal.is(Code::BelowSold) && !refusal.is(Code::SoldOut));
}

#[test]
fn what_yesterdays_release_said_is_read_and_its_class_is_the_tables() {
    let text = r#"{"code":"payment_declined","message":"No money."}"#;
    let refusal: Refusal = serde_json::from_str(text).unwrap();
    assert!(refusal.is(Code::PaymentDeclined));
    assert_eq!(
        (refusal.class(), refusal.message()),
        (Class::Payment, "No money.")
    );
    assert_eq!(
        serde_json::to_string(&refusal).unwrap(),
        text,
        "and passed on as it came"
    );
    // Its arguments were fewer, so that the sentences of today cannot be made.
    let text = r#"{"code":"rooms_out_of_range","message":"A booking takes 1 to 9 rooms."}"#;
    let refusal: Refusal = serde_json::from_str(text).unwrap();
    assert_eq!(refusal.sentence(Audience::Staff), "A booking takes 1 to 9 rooms.");
    let night = Some(night());
    let stored = Refusal::stored("sold_out".to_owned(), "Sold out.".to_owned(), night);
    assert_eq!((stored.class(), stored.night()), (Class::Taken, night));
}

#[test]
fn a_word_that_nobody_knows_has_the_class_that_was_said() {
    for (said, class) in [
        (json!({"class": "busy"}), Class::Busy),
        (json!({"class": "gone"}), Class::Gone),
        (json!({"class": "of a later day"}), Class::Taken),
        (json!({"class": 7}), Class::Taken),
        (json!({}), Class::Taken),
    ] {
        let mut said = said;
        said["code"] = "moonlight".into();
        said["message"] = "The moon is too bright.".into();
        let refusal: Refusal = serde_json::from_value(said.clone()).unwrap();
        assert_eq!((refusal.word(), refusal.code()), ("moonlight", None));
        assert_eq!(refusal.class(), class, "{said}");
        assert_eq!(refusal.sentence(Audience::Operator), "The moon is too bright.");
    }
}

#[test]
fn what_is_no_refusal_is_not_read_as_one() {
    for text in [
        r#"{"message":"x"}"#,
        r#"{"code":"x"}"#,
        r#"{"code":1,"message":"x"}"#,
        "[]",
        "null",
        "\"sold_out\"",
    ] {
        assert!(serde_json::from_str::<Refusal>(text).is_err(), "{text}");
    }
}

/// Any JSON as a service writes it, as text: members in any order.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|value| Value::from(value).to_string()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let members = prop::collection::vec((any::<String>(), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            members.prop_map(|members| object(&members)),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A refusal by some word, known or not, with whatever members in whatever order.
fn any_refusal() -> impl Strategy<Value = String> {
    let known = prop::sample::select(Code::ALL).prop_map(|code| code.word().to_owned());
    let word = prop_oneof![known, "[a-z_]{1,20}"];
    let class = prop_oneof![
        prop::sample::select(&Class::ALL[..]).prop_map(|class| class.word().to_owned()),
        "[a-z]{1,8}"
    ];
    let more = prop::collection::vec(("[a-z]{8,12}", any_json()), 0..5);
    (word, prop::option::of(class), any::<String>(), more).prop_flat_map(|(word, class, message, more)| {
        let mut members = vec![
            ("code".to_owned(), Value::from(word).to_string()),
            ("message".to_owned(), Value::from(message).to_string()),
        ];
        members.extend(class.map(|class| ("class".to_owned(), Value::from(class).to_string())));
        members.extend(more);
        Just(members).prop_shuffle().prop_map(|members| object(&members))
    })
}

proptest! {
    #[test]
    fn whatever_was_said_is_passed_on_byte_for_byte(text in any_refusal()) {
        let refusal: Refusal = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&refusal).unwrap(), text.clone());
        // As a participant's reply, and as the command that tells the reservation.
        let outcome = format!("{{\"refused\":{text}}}");
        let read: Outcome = serde_json::from_str(&outcome).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), outcome);
        let command = Command::Reservation(ReservationCommand::Reject {
            hotel_id: crate::HotelId::new(),
            reservation_id: ReservationId::new(),
            refusal,
        });
        let sent = serde_json::to_string(&command).unwrap();
        prop_assert!(sent.contains(&text));
        let heard: Command = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(serde_json::to_string(&heard).unwrap(), sent);
    }
}
