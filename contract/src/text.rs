//! Text that people write: names, descriptions, addresses. Length in characters is part of the type.
//!
//! Control characters are refused (a NUL would reach the database as an error, a line break would
//! forge a log line); everything else is kept and given back byte for byte.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The same rule as a pattern of ECMA 262, for the document: something to be seen, and nothing that controls.
const PATTERN: &str = r"^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$";

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("the text must not be empty")]
    Empty,
    /// Longer than the type allows.
    #[error("the text has at most {0} characters")]
    TooLong(usize),
    /// A control character (Unicode category Cc) or a bidirectional override.
    #[error("the text must not contain control characters")]
    Control,
}

/// A text of 1 to `MAX` characters without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Checks a text.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > MAX {
            return Err(TextError::TooLong(MAX));
        }
        let overrides = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.chars().any(|c| c.is_control() || overrides(c)) {
            return Err(TextError::Control);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Reads what is written as text. `what` says in words what that is, for whoever sent something else: "a date such
/// as 2026-12-24".
///
/// # Errors
/// When it is no text, or `read` refuses the text.
pub fn from_text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    what: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct FromText<F>(&'static str, F);
    impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> serde::de::Visitor<'_> for FromText<F> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<S: serde::de::Error>(self, text: &str) -> Result<T, S> {
            (self.1)(text).map_err(S::custom)
        }
    }
    deserializer.deserialize_str(FromText(what, read))
}

impl<const MAX: usize> utoipa::PartialSchema for Text<MAX> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .pattern(Some(PATTERN))
            .max_length(Some(MAX))
            .into()
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Text{MAX}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_pass() {
        assert_eq!(Text::<5>::new("a\0b"), Err(TextError::Control));
        assert_eq!(Text::<5>::new("a\nb"), Err(TextError::Control));
        assert_eq!(Text::<5>::new("a\u{202e}b"), Err(TextError::Control));
        assert_eq!(Text::<5>::new("  "), Err(TextError::Empty));
        assert_eq!(Text::<5>::new("sechs!"), Err(TextError::TooLong(5)));
        assert_eq!(Text::<5>::new("Zoë 🏨").unwrap().as_str(), "Zoë 🏨");
    }

    #[test]
    fn what_people_wrote_comes_back_byte_for_byte() {
        let name = " Zoë \"O'Neil\" 🏨 ";
        let text = Text::<20>::new(name).unwrap();
        assert_eq!(format!("{text}"), name);
        assert_eq!(format!("{text:?}"), format!("{name:?}"));
        assert_eq!(serde_json::to_value(&text).unwrap(), name);
        assert_eq!(text.as_str(), name);
        assert_eq!(text.into_string(), name);
    }

    #[test]
    fn a_length_is_of_characters_and_its_bound_is_in_the_type() {
        assert!(Text::<3>::new("äöü").is_ok());
        assert_eq!(Text::<3>::new("äöüß"), Err(TextError::TooLong(3)));
        assert!(serde_json::from_str::<Text<3>>("\"abcd\"").is_err());
    }
}
