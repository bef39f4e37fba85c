//! Which of two states of a row is the later one, also when the row has moved to another log.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of the position in the log: 4 PiB of it, fourteen years at 500 bookings a second.
const LSN_BITS: u32 = 52;
/// The greatest position in a log that a version can have.
const LSN_MAX: u64 = (1 << LSN_BITS) - 1;

/// When in the life of a row a change of it was: of two changes, the later has the larger version.
///
/// It is the place of the change in the write-ahead log (LSN) and, before that, the era of the log. One log counts on for
/// ever, so within an era the LSN decides; an era is another when the row's changes come out of another log, or out of
/// one that has lost something, and counts up. Nothing has begun a second era so far: each row's is 0.
///
/// As a number, and in the cache's eight bytes, the era is above and the LSN below, so numbers compare as versions do. As
/// a text it is sixteen hexadecimal digits, which say nothing to those to whom they are shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(u64);

impl Version {
    /// Before any change.
    pub const NONE: Self = Self(0);

    /// The version of a change at this place of the log of this era, 0 to 4095. None where the LSN is 2^52 or more.
    pub const fn new(era: Era, lsn: u64) -> Option<Self> {
        if lsn > LSN_MAX {
            return None;
        }
        Some(Self(((era.0 as u64) << LSN_BITS) | lsn))
    }

    /// The version as one number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The version that [`Self::bits`] told. Any number is one.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// The era of a log, 0 to 4095.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "u16")]
pub struct Era(u16);

impl TryFrom<u16> for Era {
    type Error = &'static str;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if number < 1 << (u64::BITS - LSN_BITS) {
            Ok(Self(number))
        } else {
            Err("an era is 0 to 4095")
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({:x}/{:x})", self.0 >> LSN_BITS, self.0 & LSN_MAX)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, "a version of sixteen hexadecimal digits", |text| {
            let digits =
                text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let bits = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
            bits.map(Self).ok_or("a version is sixteen hexadecimal digits")
        })
    }
}

impl utoipa::PartialSchema for Version {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9a-f]{16}$"))
            .examples(["0000000001534738"])
            .into()
    }
}

impl utoipa::ToSchema for Version {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(era: u16, lsn: u64) -> Version {
        Version::new(era.try_into().unwrap(), lsn).unwrap()
    }

    proptest! {
        /// As a number, in the eight bytes of the cache, and as a text: the era first, then the place in its log.
        #[test]
        fn the_era_decides_and_within_it_the_place_in_the_log(
            one in (0..4_096_u16, 0..=LSN_MAX), other in (0..4_096_u16, 0..=LSN_MAX),
        ) {
            let (first, second) = (version(one.0, one.1), version(other.0, other.1));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
            prop_assert_eq!(first.bits().to_be_bytes().cmp(&second.bits().to_be_bytes()), one.cmp(&other));
            prop_assert_eq!(first.to_string().cmp(&second.to_string()), one.cmp(&other));
            prop_assert_eq!(Version::from_bits(first.bits()), first);
            let text = serde_json::to_string(&first).unwrap();
            prop_assert_eq!(serde_json::from_str::<Version>(&text).unwrap(), first);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        assert_eq!(Version::new(Era::default(), 1 << 52), None);
        assert_eq!(version(4_095, LSN_MAX).bits(), u64::MAX);
        assert!(Era::try_from(4_096).is_err() && serde_json::from_str::<Era>("4096").is_err());
        for wrong in [
            "\"1\"",
            "\"00000000015347AB\"",
            "\"+000000001534738\"",
            "1",
            "null",
        ] {
            assert!(serde_json::from_str::<Version>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{:?}", version(2, 0x1a)), "Version(2/1a)");
    }
}
