//! What travels with a message beside its body: who asked, the trace that it belongs to, and when nobody waits for it
//! any more. Columns of the outbox, headers in Kafka, absent where there is none.

use std::fmt;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Header with who asked.
pub const ACTOR: &str = "actor";
/// Header with the trace, in Kafka as in HTTP.
pub const TRACEPARENT: &str = "traceparent";
/// Header with the deadline, in milliseconds since 1970.
pub const DEADLINE_MS: &str = "deadline_ms";

/// What travels with a message beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Who asked: an id, never a name. None while nobody has an identity.
    pub actor: Option<String>,
    /// The trace that it belongs to.
    pub trace: Option<Traceparent>,
    /// After this moment nobody waits for what is asked.
    pub deadline: Option<DateTime<Utc>>,
}

impl Envelope {
    /// The envelope of what a request leads to. A trace that cannot be read is as good as none, and so is one of which
    /// the caller does not keep a record.
    pub fn of_request(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let trace = match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok().and_then(Traceparent::read),
            _ => None,
        };
        Self {
            trace: trace.filter(Traceparent::is_sampled),
            ..Self::default()
        }
    }

    /// The same, asked by this actor as it is written.
    #[must_use]
    pub fn by(self, actor: Option<String>) -> Self {
        Self { actor, ..self }
    }

    /// Reads the headers of a message by their names. One that is missing, without a value, in quotation marks or not
    /// to be understood is no reason to refuse the message.
    pub fn of_message<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let value = |name| {
            let value = header(name)?.trim_matches('"');
            (!matches!(value, "" | "null")).then_some(value)
        };
        let actor = value(ACTOR).filter(|actor| !actor.contains(char::is_control));
        let deadline = value(DEADLINE_MS).and_then(|ms| ms.parse().ok());
        Self {
            actor: actor.map(str::to_owned),
            trace: value(TRACEPARENT).and_then(Traceparent::read),
            deadline: deadline.and_then(DateTime::from_timestamp_millis),
        }
    }

    /// The envelope of what a message leads to: the deadline was for whoever was asked.
    pub fn onward(&self) -> Self {
        Self {
            deadline: None,
            ..self.clone()
        }
    }
}

/// A W3C `traceparent` (Trace Context, level 1), as version 00 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceparent(String);

impl Traceparent {
    /// Reads one of any version; none when it is not valid.
    pub fn read(text: &str) -> Option<Self> {
        const LENGTH: usize = 55;
        let (known, more) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let mut part = |length: usize| parts.next().filter(|part| is_hex(part, length));
        let (version, trace, parent, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // A later version may have more to say, after a hyphen; 00 has not.
        let fits = match version {
            "ff" => false,
            "00" => more.is_empty(),
            _ => more.is_empty() || more.starts_with('-'),
        };
        let is_nothing = |part: &str| part.bytes().all(|byte| byte == b'0');
        if !fits || is_nothing(trace) || is_nothing(parent) {
            return None;
        }
        // The flags that this version does not know are not handed on.
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
        Some(Self(format!("00-{trace}-{parent}-{sampled:02x}")))
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.0.get(3..35).unwrap_or_default()
    }

    /// The id of the span that whoever reads this is a part of: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        self.0.get(36..52).unwrap_or_default()
    }

    /// The first span of a new trace, which is sampled.
    pub fn begun(id: Uuid) -> Self {
        let trace = id.simple().to_string();
        let span = span_of(&trace, &[]);
        Self(format!("00-{trace}-{span}-01"))
    }

    /// A span of the same trace whose id follows from what it is about: whoever says the same has the same.
    pub fn child(&self, about: &[&[u8]]) -> Self {
        let (trace, flags) = (self.trace_id(), self.0.get(53..).unwrap_or_default());
        Self(format!("00-{trace}-{}-{flags}", span_of(trace, about)))
    }

    /// Whether the caller keeps a record of it.
    pub fn is_sampled(&self) -> bool {
        self.0.ends_with('1')
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id of a span of a trace, by what it is about: 16 hexadecimal digits, never only zeros.
fn span_of(trace: &str, about: &[&[u8]]) -> String {
    let mut hash = Sha256::new_with_prefix(trace);
    for part in about {
        // With its length, so that two parts are not taken for two others.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = [0; 8];
    id.copy_from_slice(&hash.finalize()[..8]);
    // Nothing is the id of no span.
    id[7] |= 1;
    format!("{:016x}", u64::from_be_bytes(id))
}

/// Whether these are so many hexadecimal digits in lower case.
fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_read_as_the_specification_says() {
        let of = |text: &str| Traceparent::read(text).map(|trace| trace.to_string());
        assert_eq!(of(VALID).as_deref(), Some(VALID));
        assert_eq!(
            Traceparent::read(VALID).unwrap().trace_id(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        // A later version, with and without more to say, becomes ours; flags that nobody knows go.
        for later in [
            VALID.replace("00-4b", "cc-4b"),
            VALID.replace("00-4b", "01-4b") + "-what-comes",
        ] {
            assert_eq!(of(&later).as_deref(), Some(VALID), "{later}");
        }
        let flags = |flags: &str| VALID[..53].to_owned() + flags;
        assert_eq!(of(&flags("ff")).as_deref(), Some(VALID));
        assert_eq!(of(&flags("02")), Some(flags("00")));
        for wrong in [
            "",
            "00",
            &VALID[..54],
            &(VALID.to_owned() + "-more"),
            &(VALID.to_owned() + "0"),
            &VALID.replace("00-4b", "ff-4b"),
            &(VALID.replace("00-4b", "01-4b") + "more"),
            &VALID.to_uppercase(),
            &VALID.replace('-', "_"),
            &VALID.replace("4736-", "473-6"),
            &VALID.replace("4bf9", "4bg9"),
            &VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &VALID.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &VALID.replace("01", "é"),
            &flags("+1"),
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_span_follows_from_its_trace_and_what_it_is_about() {
        let trace = Traceparent::read(VALID).unwrap();
        let other = Traceparent::begun(Uuid::from_u128(7));
        let about: [&[&[u8]]; 5] = [&[], &[b"a", b"b"], &[b"ab"], &[b"", b"ab"], &[b"b", b"a"]];
        let spans: std::collections::BTreeSet<_> = [&trace, &other]
            .iter()
            .flat_map(|trace| about.map(|about| trace.child(about).span_id().to_owned()))
            .collect();
        assert_eq!(spans.len(), 10, "each has an id of its own");
        for about in about {
            let child = trace.child(about);
            assert_eq!(child, trace.child(about), "and always the same");
            assert_eq!(child.trace_id(), trace.trace_id());
            assert_eq!(Traceparent::read(child.as_str()).as_ref(), Some(&child));
        }
        assert!(other.is_sampled());
        let unsampled = Traceparent::read(&(VALID[..54].to_owned() + "0")).unwrap();
        assert!(!unsampled.child(&[b"a"]).is_sampled());
    }

    #[test]
    fn a_request_has_one_sampled_trace_or_none() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
            }
            Envelope::of_request(&headers)
                .trace
                .map(|trace| trace.to_string())
        };
        assert_eq!(of(&[VALID]).as_deref(), Some(VALID));
        let unsampled = VALID[..54].to_owned() + "0";
        for none in [&[][..], &["nonsense"], &[VALID, VALID], &[&unsampled]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }

    #[test]
    fn missing_null_and_quoted_headers_read_alike() {
        let of = |actor, trace, deadline| {
            Envelope::of_message(|name| match name {
                ACTOR => actor,
                TRACEPARENT => trace,
                DEADLINE_MS => deadline,
                other => panic!("{other} is asked for"),
            })
        };
        for none in [None, Some(""), Some("null"), Some("\"\"")] {
            assert_eq!(of(none, none, none), Envelope::default(), "{none:?}");
        }
        let quoted = format!("\"{VALID}\"");
        let plain = of(Some("a-1"), Some(VALID), Some("1796000000123"));
        assert_eq!(
            plain,
            of(Some("\"a-1\""), Some(&quoted), Some("\"1796000000123\""))
        );
        assert_eq!(plain.actor.as_deref(), Some("a-1"));
        assert_eq!(plain.deadline.unwrap().timestamp_millis(), 1_796_000_000_123);
        // What cannot be understood is left out, and the rest counts.
        let odd = of(Some("a-1"), Some("00-x"), Some("soon"));
        assert_eq!(
            (odd.actor.as_deref(), odd.trace, odd.deadline),
            (Some("a-1"), None, None)
        );
        let odd = of(Some("a\n1"), None, Some("99999999999999999999"));
        assert_eq!(odd, Envelope::default());

        let onward = plain.onward();
        assert_eq!((onward.actor, onward.trace), (plain.actor, plain.trace));
        assert_eq!(onward.deadline, None);
    }
}
