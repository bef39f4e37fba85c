//! Who books, and how the guest pays.

use std::borrow::Cow;

use contract::Text;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest address that mail can be sent to (RFC 5321), in characters.
const EMAIL_MAX: usize = 254;
/// The longest part before the `@`.
const LOCAL_MAX: usize = 64;
/// What every payment method token begins with.
const PAYMENT_METHOD_PREFIX: &str = "pm_";
/// The most characters after the prefix.
const PAYMENT_METHOD_MAX: usize = 60;

/// Why a text cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(&'static str);

/// An e-mail address in lower case, by which a guest is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct Email(String);

impl Email {
    /// Reads an address. Plain ones only: letters are ASCII, so that one address is written in one way.
    pub(crate) fn new(text: &str) -> Result<Self, Invalid> {
        let wrong = Invalid("an e-mail address is written like ana@example.com, in ASCII");
        let (local, domain) = text.rsplit_once('@').ok_or(wrong)?;
        let local_ok = (1..=LOCAL_MAX).contains(&local.len())
            && local
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
        if local_ok && domain_ok && text.len() <= EMAIL_MAX {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(wrong)
        }
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// What stands before the digits of an extension.
const EXTENSION_MARKS: [&str; 5] = ["extension", "ext.", "ext", "x", "#"];
/// The most digits of an extension.
const EXTENSION_MAX: usize = 7;
/// What is dialled before an international number where no `+` is written; not part of its 15 digits.
const DIALLED_BEFORE: [&str; 2] = ["00", "011"];

/// A telephone number as people write it: 5 to 15 digits, perhaps after `+` or `00`, with spaces, hyphens, dots,
/// slashes and brackets, perhaps with an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Phone(String);

impl Phone {
    fn new(text: &str) -> Result<Self, Invalid> {
        let wrong = Invalid(
            "a telephone number has 5 to 15 digits, such as +351 21 123 4567, and perhaps an extension, such as ext. 12",
        );
        let lower = text.to_ascii_lowercase();
        let split = EXTENSION_MARKS.iter().find_map(|mark| lower.split_once(mark));
        let (number, extension) = split.unwrap_or((&lower, "0"));
        let rest = number.strip_prefix('+').unwrap_or(number);
        let plain = rest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b" -()./".contains(&byte));
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        let before = DIALLED_BEFORE.iter().find(|prefix| digits.starts_with(**prefix));
        let count = digits.len() - before.map_or(0, |prefix| prefix.len());
        let extension = extension.trim();
        let extended = (1..=EXTENSION_MAX).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_digit());
        if plain && extended && (5..=15).contains(&count) && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong)
        }
    }

    /// The number.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// The provider's token for a payment method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct PaymentMethod(String);

impl PaymentMethod {
    fn new(text: &str) -> Result<Self, Invalid> {
        let fits = text.strip_prefix(PAYMENT_METHOD_PREFIX).is_some_and(|name| {
            (1..=PAYMENT_METHOD_MAX).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid(
                "a payment method is a token of the payment provider, such as pm_ok; card data are never sent here",
            ))
        }
    }

    /// The token.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PaymentMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Who books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guest {
    /// As the guest wants to be called; has a letter.
    #[serde(deserialize_with = "name")]
    pub(crate) name: Text<200>,
    /// By which the guest is known.
    pub(crate) email: Email,
    /// Where the hotel may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<Phone>,
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text<200>, D::Error> {
    let text = Text::deserialize(deserializer)?;
    text.as_name().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_in_lower_case() {
        assert_eq!(Email::new("Ana@Example.COM").unwrap().as_str(), "ana@example.com");
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@localhost",
            "a b@example.com",
            "ana@@example.com",
            "ana@exa mple.com",
            "ana@-a.com",
            "ana@a..com",
            ".ana@a.com",
            "ana\n@a.com",
            "zoë@a.com",
        ] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_tokens_pay() {
        for good in ["pm_ok", "pm_1", "pm_card_4242_de"] {
            assert_eq!(PaymentMethod::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "pm_",
            "ok",
            "pm_OK",
            "pm_a-b",
            &format!("pm_{}", "a".repeat(61)),
        ] {
            assert!(PaymentMethod::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn telephone_numbers_are_kept_as_written() {
        for good in [
            "+351 21 123 4567",
            "030/123456",
            "(0)17-123-45",
            "00 49 151 23456787",
            "001180012345678",
            "0043 6641234567890",
            "+1 (305) 555-0123 ext. 4567",
            "+49.30.1234567x12",
            "030 1234567 #9",
        ] {
            assert_eq!(Phone::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "1234",
            "00 1234",
            "call me",
            "1+2345678",
            "1234567890123456",
            "030 1234567 x",
            "030 1234567 ext 12345678",
            "ext. 12",
        ] {
            assert!(Phone::new(bad).is_err(), "{bad:?}");
        }
    }
}
