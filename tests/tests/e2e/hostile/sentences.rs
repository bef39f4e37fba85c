//! Whether what a problem says is a sentence for people.

/// The longest detail, in characters.
const CHARS_MAX: usize = 300;

/// Words of the language, of its reader of data, or of a parser; each is looked for as a whole word.
const INSIDE: [&str; 49] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "bool",
    "boolean",
    "str",
    "String",
    "char",
    "Vec",
    "Option",
    "Some",
    "None",
    "Ok",
    "Err",
    "struct",
    "enum",
    "variant",
    "newtype",
    "tuple",
    "sequence",
    "map",
    "integer",
    "float",
    "deserialize",
    "deserializing",
    "serde",
    "Json",
    "EOF",
    "ident",
    "trait",
    "impl",
    "borrowed",
    "byte",
    "escape",
    "lone",
    "surrogate",
    "newline",
    "untagged",
];

/// Phrases of the same.
const PHRASES: [&str; 12] = [
    "::",
    "expected ",
    "invalid type",
    "invalid value",
    "invalid length",
    "missing field",
    "unknown field",
    "unknown variant",
    "duplicate field",
    "found in string",
    "target type",
    "floating point",
];

/// Why a detail is no sentence for people; `pointer` is that of the problem.
pub(super) fn fault(detail: &str, pointer: Option<&str>) -> Option<String> {
    // What stands in quotes is the client's or the interface's, and may be called as it likes.
    let plain: String = detail.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = plain
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let first = detail
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .next();
    let first = first.unwrap_or_default().to_lowercase();
    let field = pointer
        .and_then(|pointer| pointer.rsplit('/').next())
        .unwrap_or_default();
    let label = detail
        .split_once(": ")
        .is_some_and(|(before, _)| !before.contains(' '));
    if !detail.starts_with(|letter: char| letter.is_ascii_uppercase()) {
        Some("does not begin with a capital letter".to_owned())
    } else if !field.is_empty() && first == field || first.contains('_') || label {
        Some(format!("begins with the field's name: {first}"))
    } else if !detail.ends_with('.') || detail.ends_with("..") {
        Some("does not end with one full stop".to_owned())
    } else if detail.chars().count() > CHARS_MAX {
        Some("is too long".to_owned())
    } else if let Some(word) = INSIDE.iter().find(|word| words.contains(word)) {
        Some(format!("says {word}"))
    } else {
        let phrase = PHRASES.iter().find(|phrase| plain.contains(**phrase));
        phrase.map(|phrase| format!("says {phrase:?}"))
    }
}

#[test]
fn what_is_no_sentence_for_people_is_found() {
    for (detail, pointer) in [
        ("expected u16", "/rooms"),
        (
            "Invalid type: null, expected struct AmountText.",
            "/nights/0/price",
        ),
        (
            "Guest_email: an e-mail address is written like ana@example.com.",
            "guest_email",
        ),
        ("Limit: limit is 1 to 200.", "limit"),
        ("Rooms are 1 to 9.", "/rooms"),
        ("adults is 1 to 36.", "adults"),
        ("`to` is 1 to 366 days after `from`.", "to"),
        ("Unknown variant `x`, expected one of `a`, `b`.", "/penalty"),
        ("This takes a whole number", "/rooms"),
        ("EOF while parsing a value.", ""),
        ("Key must be a string: Option value.", ""),
    ] {
        assert!(fault(detail, Some(pointer)).is_some(), "{detail}");
    }
    for detail in [
        "This takes a date such as 2026-12-24; 7 was sent.",
        "There is no field `u16`; nothing is taken here.",
    ] {
        assert_eq!(fault(detail, Some("/rooms")), None, "{detail}");
    }
}
