//! Text that people write: names, descriptions, addresses. Length in characters is part of the type.
//!
//! Blanks around it are cut off, what controls a line or its direction is refused (a NUL would reach the database
//! as an error, a line break would forge a log line), and something must be there to be seen; everything else is
//! kept and given back byte for byte. What can be seen is what Unicode says: letters, digits and symbols, unless
//! they are made to have no shape (`Default_Ignorable_Code_Point`, such as U+3164, the Hangul filler).

use std::fmt;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Letters and symbols that look like a blank all the same: the pattern of Braille without a dot, the blanks among
/// hieroglyphs, a note without a head, and what stands for an object that is not there.
const BLANKS: [char; 5] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{1d159}', '\u{fffc}'];
/// Nearly the same rule as a pattern of ECMA 262, for the document: something to be seen, and nothing that controls.
const PATTERN: &str = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing that can be seen.
    #[error("the text must have at least one letter, digit or symbol that can be seen")]
    Empty,
    /// A name without a letter.
    #[error("a name has at least one letter that can be seen")]
    NoLetter,
    /// Longer than the type allows.
    #[error("the text has at most {0} characters")]
    TooLong(usize),
    /// A control character (Unicode category Cc), a separator of lines, or a bidirectional override.
    #[error("the text must not contain control characters")]
    Control,
}

/// A text of 1 to `MAX` characters without control characters and without blanks around it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Checks a text.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn new(text: impl AsRef<str>) -> Result<Self, TextError> {
        let text = text.as_ref();
        if text.chars().any(controls) {
            return Err(TextError::Control);
        }
        let text = text.trim();
        if !text.chars().any(can_be_seen) {
            return Err(TextError::Empty);
        }
        if text.chars().count() > MAX {
            return Err(TextError::TooLong(MAX));
        }
        Ok(Self(text.to_owned()))
    }

    /// The same text, if a person can be called so: it has a letter.
    ///
    /// # Errors
    /// [`TextError::NoLetter`].
    pub fn as_name(self) -> Result<Self, TextError> {
        if self.0.chars().any(is_letter) {
            Ok(self)
        } else {
            Err(TextError::NoLetter)
        }
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

/// Reads a text that was checked when it was stored, by the rules of that time; for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no text at all.
pub fn stored<'de, D: Deserializer<'de>, const MAX: usize>(deserializer: D) -> Result<Text<MAX>, D::Error> {
    String::deserialize(deserializer).map(Text)
}

fn controls(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn category(letter: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(letter)
}

fn has_shape(letter: char) -> bool {
    !BLANKS.contains(&letter) && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
}

/// A letter of any script with a shape of its own; Roman and Chinese numerals count as the letters they look like.
fn is_letter(letter: char) -> bool {
    let letters = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::LetterNumber);
    letters.contains(category(letter)) && has_shape(letter)
}

fn can_be_seen(letter: char) -> bool {
    let seen = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Symbol,
    ];
    let category = category(letter);
    seen.iter().any(|group| group.contains(category)) && has_shape(letter)
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize> std::str::FromStr for Text<MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::new(text)
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
        for text in [
            "a\0b",
            "a\nb",
            "\ta",
            "a\u{85}",
            "a\u{202e}b",
            "a\u{2066}",
            "a\u{2028}b",
            "a\u{2029}",
            "a\u{7f}",
        ] {
            assert_eq!(Text::<5>::new(text), Err(TextError::Control), "{text:?}");
        }
        assert_eq!(Text::<5>::new("sechs!"), Err(TextError::TooLong(5)));
        assert_eq!(Text::<5>::new("Zoë 🏨").unwrap().as_str(), "Zoë 🏨");
    }

    #[test]
    fn what_people_wrote_comes_back_byte_for_byte() {
        let name = "Zoë  \"O'Neil\" 🏨";
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

    #[test]
    fn what_cannot_be_seen_is_no_text() {
        for text in [
            "",
            "  ",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{3164}",
            "\u{ad}",
            "\u{2800}",
            "\u{115f}",
            "\u{1160}",
            "\u{ffa0}",
            "\u{e0041}\u{e007f}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{301}",
            "\u{200d}\u{200c}",
            "\u{2060}",
            "\u{feff}",
            "\u{61c}",
            "\u{180e}",
            "\u{34f}",
            "\u{17b4}",
            "\u{1d173}",
            "\u{fff9}",
            "-",
            "\u{2800} \u{301}",
            "\u{13441}\u{13442}",
            "\u{1d159}",
            "\u{fffc}",
            "\u{e000}",
            "\u{fff0}",
            "\u{206a}",
        ] {
            assert_eq!(Text::<5>::new(text), Err(TextError::Empty), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_a_letter_of_any_script() {
        for name in [
            "O",
            "O’Brien",
            "d'Arc",
            "Ng",
            "李",
            "〇",
            "Ⅷ",
            "Ана",
            "مريم",
            "שרה",
            "ศรี",
            "ဧ",
            "Ωμέγα",
            "ᚠ",
            "Ā",
            "ı",
            "ßen",
            "n\u{303}",
            "علی\u{200c}رضا",
            "क्\u{200d}ष",
            "👩\u{200d}🚀 Ada",
            "Ada\u{fe0f}",
            "ꙮ",
            "김",
            "ⴰ",
            "ª",
            "𝒜da",
            "X Æ A-12",
            "אבג\u{200f}",
            "🏴\u{e0067}\u{e0062}\u{e007f} Ada",
            "ʻOkina",
            "ǃXóõ",
        ] {
            let text = Text::<30>::new(name).unwrap();
            assert_eq!(text.clone().as_name().unwrap().as_str(), name);
        }
        for no_name in ["1", "😀", "№ 5", "+", "٣", "❤\u{fe0f}", "1\u{3164}"] {
            let text = Text::<30>::new(no_name).unwrap();
            assert_eq!(text.as_name(), Err(TextError::NoLetter), "{no_name:?}");
        }
    }

    #[test]
    fn blanks_around_are_cut_off_and_those_within_kept() {
        for text in [
            " Ada  L ",
            "\u{3000}Ada  L\u{a0}",
            "\u{2003}Ada  L\u{202f}",
            "Ada  L",
        ] {
            assert_eq!(Text::<6>::new(text).unwrap().as_str(), "Ada  L", "{text:?}");
        }
    }

    #[test]
    fn what_was_stored_by_earlier_rules_is_read_as_it_is() {
        #[derive(Deserialize)]
        struct Row(#[serde(deserialize_with = "stored")] Text<3>);
        for text in [" a ", "\u{200b}", "a much longer one"] {
            let Row(read) = serde_json::from_value(serde_json::json!(text)).unwrap();
            assert_eq!(read.as_str(), text);
        }
    }
}
