//! Writes a column's value as JSON, by its type, as Debezium's Postgres connector does with its JSON
//! converter, `decimal.handling.mode=string` and the default time handling.
//!
//! Promise: the output is always valid JSON. A text that does not look like its type (an infinite
//! date, a NaN) is written as a JSON string. Input is what the type's output function writes under
//! `datestyle=ISO`, `timezone=UTC`, `bytea_output=hex`.

use std::io::Write as _;

/// Object ids of built-in types (`pg_type.dat`).
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const OID: u32 = 26;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIME: u32 = 1083;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
}

/// Arrays whose elements are known: (array's object id, element's object id).
const ARRAYS: [(u32, u32); 13] = [
    (1000, oid::BOOL),
    (1005, oid::INT2),
    (1007, oid::INT4),
    (1016, oid::INT8),
    (1021, oid::FLOAT4),
    (1022, oid::FLOAT8),
    (1182, oid::DATE),
    (1115, oid::TIMESTAMP),
    (1185, oid::TIMESTAMPTZ),
    (1009, 25),
    (1015, 1043),
    (1231, 1700),
    (2951, 2950),
];

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Writes `text`, the value of a column of type `type_oid`.
pub fn write(out: &mut Vec<u8>, type_oid: u32, text: &str) {
    let typed = match type_oid {
        oid::BOOL => boolean(out, text),
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID => integer(out, text),
        oid::FLOAT4 | oid::FLOAT8 => float(out, text),
        oid::DATE => number(out, days(text)),
        oid::TIME => number(out, time_micros(text)),
        oid::TIMESTAMP => number(out, timestamp_micros(text)),
        oid::TIMESTAMPTZ => instant(out, text),
        oid::BYTEA => bytes(out, text),
        _ => match ARRAYS.iter().find(|(array, _)| *array == type_oid) {
            Some((_, element)) => array(out, *element, text),
            None => false,
        },
    };
    if !typed {
        string(out, text);
    }
}

/// Writes a JSON string.
pub fn string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Writes a number.
pub fn decimal(out: &mut Vec<u8>, value: impl Into<i128>) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{}", value.into());
}

fn number(out: &mut Vec<u8>, value: Option<i64>) -> bool {
    value.is_some_and(|value| {
        decimal(out, value);
        true
    })
}

/// `t` in the replication stream, `true` where a query casts to text.
fn boolean(out: &mut Vec<u8>, text: &str) -> bool {
    let word: &[u8] = match text {
        "t" | "true" => b"true",
        "f" | "false" => b"false",
        _ => return false,
    };
    out.extend_from_slice(word);
    true
}

fn integer(out: &mut Vec<u8>, text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || digits.starts_with(|first: char| ('1'..='9').contains(&first));
    let fits = plain && digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits {
        out.extend_from_slice(text.as_bytes());
    }
    fits
}

fn float(out: &mut Vec<u8>, text: &str) -> bool {
    // `1e+20`, `-0`, `3.5` are JSON as they stand; `NaN` and `Infinity` are not.
    let fits = serde_json::from_str::<f64>(text).is_ok();
    if fits {
        out.extend_from_slice(text.as_bytes());
    }
    fits
}

/// `2026-11-24 10:00:00.5+00` → `"2026-11-24T10:00:00.500000Z"`: Debezium writes as many digits as the column has.
fn instant(out: &mut Vec<u8>, text: &str) -> bool {
    let Some(utc) = text.strip_suffix("+00") else {
        return false;
    };
    let Some((day, time)) = utc.split_once(' ') else {
        return false;
    };
    if days(day).is_none() || time_micros(time).is_none() {
        return false;
    }
    out.push(b'"');
    out.extend_from_slice(day.as_bytes());
    out.push(b'T');
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    out.extend_from_slice(clock.as_bytes());
    out.push(b'.');
    out.extend_from_slice(fraction.as_bytes());
    out.extend(std::iter::repeat_n(b'0', 6 - fraction.len()));
    out.extend_from_slice(b"Z\"");
    true
}

/// `\x0aff` → base64, as Debezium's `binary.handling.mode=bytes` arrives in JSON.
fn bytes(out: &mut Vec<u8>, text: &str) -> bool {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(hex) = text.strip_prefix("\\x") else {
        return false;
    };
    let nibble = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let raw: Option<Vec<u32>> = pairs
        .iter()
        .map(|[high, low]| Some(nibble(high)? << 4 | nibble(low)?))
        .collect();
    let (Some(raw), true) = (raw, rest.is_empty()) else {
        return false;
    };
    out.push(b'"');
    for group in raw.chunks(3) {
        let word = group.iter().fold(0, |word, byte| word << 8 | byte) << (8 * (3 - group.len()));
        for position in 0..4 {
            let sextet = (word >> (18 - 6 * position)) & 63;
            let sign = ALPHABET.get(sextet as usize).copied().unwrap_or(b'=');
            out.push(if position <= group.len() { sign } else { b'=' });
        }
    }
    out.push(b'"');
    true
}

/// `{1,2,NULL}`, `{"a b",c}`, nested too → a JSON array. Leaves `out` as it was when it cannot.
fn array(out: &mut Vec<u8>, element: u32, text: &str) -> bool {
    let (start, mut rest) = (out.len(), text.as_bytes());
    let mut unquoted = Vec::new();
    let mut depth = 0_usize;
    while let Some((first, tail)) = rest.split_first() {
        match first {
            b'{' => {
                out.push(b'[');
                depth += 1;
                rest = tail;
            }
            _ if depth == 0 => break,
            b'}' => {
                out.push(b']');
                depth -= 1;
                rest = tail;
            }
            b',' => {
                out.push(b',');
                rest = tail;
            }
            _ => {
                let (length, quoted) = element_text(rest, &mut unquoted);
                rest = rest.get(length..).unwrap_or_default();
                match std::str::from_utf8(&unquoted) {
                    Ok("NULL") if !quoted => out.extend_from_slice(b"null"),
                    Ok(value) => write(out, element, value),
                    Err(_) => break,
                }
            }
        }
    }
    // Postgres' own output always ends here and is JSON now; anything else is no array.
    let whole = rest.is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(&out[start..]).is_ok();
    if !whole {
        out.truncate(start);
    }
    whole
}

/// Reads one element into `unquoted`; answers its length in the array's text and whether it was quoted.
fn element_text(rest: &[u8], unquoted: &mut Vec<u8>) -> (usize, bool) {
    unquoted.clear();
    let quoted = rest.first() == Some(&b'"');
    let mut at = usize::from(quoted);
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' if quoted => return (at + 1, true),
            b',' | b'}' | b'{' if !quoted => break,
            b'\\' => {
                at += 1;
                unquoted.extend(rest.get(at));
            }
            byte => unquoted.push(*byte),
        }
        at += 1;
    }
    (at.min(rest.len()), quoted)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, by Howard Hinnant's civil calendar arithmetic.
fn days(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (
        digits(parts.next()?, 4..=7)?,
        digits(parts.next()?, 2..=2)?,
        digits(parts.next()?, 2..=2)?,
    );
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Microseconds since midnight of `HH:MM:SS[.ffffff]`.
fn time_micros(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (
        digits(parts.next()?, 2..=2)?,
        digits(parts.next()?, 2..=2)?,
        digits(parts.next()?, 2..=2)?,
    );
    let scale = 10_i64.pow(6_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    Some(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + digits(fraction, 1..=6)? * scale)
}

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM:SS[.ffffff]`.
fn timestamp_micros(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    // Postgres' last years are beyond what 64 bits can count in microseconds since 1970.
    let midnight = days(day)?.checked_mul(SECONDS_PER_DAY * MICROS_PER_SECOND)?;
    midnight.checked_add(time_micros(time)?)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(type_oid: u32, text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, type_oid, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_each_type_as_debezium_does() {
        for (type_oid, text, expected) in [
            (16, "t", "true"),
            (16, "false", "false"),
            (23, "-42", "-42"),
            (20, "9223372036854775807", "9223372036854775807"),
            (701, "1e+20", "1e+20"),
            (701, "NaN", r#""NaN""#),
            (1700, "12.50", r#""12.50""#),
            (1082, "1970-01-01", "0"),
            (1082, "2026-12-24", "20811"),
            (1082, "1969-12-31", "-1"),
            (1082, "infinity", r#""infinity""#),
            (1083, "10:30:00.5", "37800500000"),
            (1114, "1970-01-02 00:00:01", "86401000000"),
            (1114, "294276-12-31 23:59:59", r#""294276-12-31 23:59:59""#),
            (
                1184,
                "2026-11-24 10:00:00.123456+00",
                r#""2026-11-24T10:00:00.123456Z""#,
            ),
            (1184, "2026-11-24 10:00:00+00", r#""2026-11-24T10:00:00.000000Z""#),
            (
                1184,
                "2026-11-24 10:00:00.12345+00",
                r#""2026-11-24T10:00:00.123450Z""#,
            ),
            (1184, "-infinity", r#""-infinity""#),
            (2950, "0b9f…", r#""0b9f…""#),
            (25, "a \"b\"\n", r#""a \"b\"\n""#),
            (3802, r#"{"a": 1}"#, r#""{\"a\": 1}""#),
            (17, "\\x", r#""""#),
            (17, "\\x61", r#""YQ==""#),
            (17, "\\x616263", r#""YWJj""#),
            (1007, "{1,NULL,3}", "[1,null,3]"),
            (
                1009,
                r#"{a,"b \"c\", d","NULL",NULL}"#,
                r#"["a","b \"c\", d","NULL",null]"#,
            ),
            (1007, "{{1,2},{3,4}}", "[[1,2],[3,4]]"),
            (1007, "{}", "[]"),
            (1182, "{2026-12-24}", "[20811]"),
            (1007, "[0:1]={1,2}", r#""[0:1]={1,2}""#),
            (3_614, "anything", r#""anything""#),
        ] {
            assert_eq!(json(type_oid, text), expected, "type {type_oid}, text {text}");
        }
    }

    #[test]
    fn what_is_not_written_as_its_type_is_stays_a_text() {
        for (type_oid, text) in [
            (23, "007"),
            (23, "1x"),
            (20, "123456789012345678901"),
            (1082, "2026-13-01"),
            (1082, "2026-12-32"),
            (1082, "26-12-24"),
            (1083, "1:00:00"),
            (1184, "2026-13-24 10:00:00+00"),
            (1184, "2026-11-24 25+00"),
            (17, "\\x616"),
            (1007, ""),
            (1007, "}"),
            (1007, "{1"),
            (1007, "{1}x"),
            (1007, "{1},{2}"),
            (1007, "{1}{2}"),
            (1007, "{,}"),
        ] {
            let wanted = serde_json::to_string(text).unwrap();
            assert_eq!(json(type_oid, text), wanted, "type {type_oid}");
        }
    }

    #[test]
    fn agrees_with_chrono_about_every_day_of_four_centuries() {
        let first = chrono::NaiveDate::from_ymd_opt(1800, 1, 1).unwrap();
        for offset in 0..146_097 {
            let day = first + chrono::Days::new(offset);
            let expected = day.signed_duration_since(chrono::NaiveDate::default()).num_days();
            assert_eq!(days(&day.to_string()), Some(expected), "{day}");
        }
    }

    proptest! {
        #[test]
        fn always_writes_valid_json(
            type_oid in prop::sample::select(vec![16_u32, 17, 20, 21, 23, 25, 26, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 1007, 1009, 1182, 99]),
            text in prop_oneof![".{0,24}", "[-+0-9.e:T {},\"\\\\x]{0,24}", "[0-9]{1,22}"],
        ) {
            let written = json(type_oid, &text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok(), "{}", written);
        }
    }
}
