//! Card and telephone numbers as people write them, the same ones each time.

use super::luhn;

/// A generator of numbers that is the same each time (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(super) fn digits(&mut self, count: usize) -> String {
        let digit = |dice: &mut Self| char::from_digit(u32::try_from(dice.below(10)).unwrap(), 10).unwrap();
        (0..count).map(|_| digit(self)).collect()
    }

    pub(super) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A number that begins so, with its check digit.
pub(super) fn card(dice: &mut Dice, prefix: &str, length: usize) -> String {
    let body = format!("{prefix}{}", dice.digits(length - prefix.len() - 1));
    let check = (b'0'..=b'9').find(|check| {
        let digits: Vec<u8> = body.bytes().chain([*check]).map(|byte| byte - b'0').collect();
        luhn(&digits)
    });
    format!("{body}{}", char::from(check.unwrap()))
}

/// Networks by how their numbers begin and how long they are.
pub(super) const CARDS: [(&str, &[&str], &[usize]); 13] = [
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

pub(super) fn written(number: &str, dice: &mut Dice) -> String {
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

/// Country code, what is dialled before a number within the country, and how long the number is after either.
pub(super) const PLANS: [(&str, &str, &[usize]); 40] = [
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

pub(super) fn telephone(dice: &mut Dice) -> String {
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
