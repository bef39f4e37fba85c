//! A refusal as it goes between services: `{code, class, message, night, ..}`. Every member is kept as it came, so a
//! word of a newer release, or a member that it adds to a word of today, is passed on as it is.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{RefOr, schema::Object};
use utoipa::{PartialSchema, ToSchema};

use super::kept::{self, Kept, Members};
use super::{Audience, Class, Code, Why, fill};
use crate::StayDate;

const CODE: &str = "code";
const CLASS: &str = "class";
const MESSAGE: &str = "message";
const NIGHT: &str = "night";

/// A participant said no, and did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// By a word of the table. Yesterday's release sent no class, and fewer arguments.
    Known {
        /// The word.
        code: Code,
        /// All that was said.
        rest: Rest,
    },
    /// By a word of a newer release.
    Unknown {
        /// The word.
        code: String,
        /// As the message says; [`Class::Taken`] where it says none that is known here: another offer may do.
        class: Class,
        /// All that was said.
        rest: Rest,
    },
}

/// Every member of a refusal in the order in which it came, code and class too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rest(Members);

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        let code = why.code();
        let meaning = code.meaning();
        let arguments = why.arguments();
        let value = |name: &str| kept::member(&arguments, name).and_then(Kept::said);
        let message = fill(meaning.guest, value).map_or(Cow::Borrowed(meaning.happened), Cow::Owned);
        let mut rest: Members = vec![
            (CODE.into(), Kept::text(meaning.word)),
            (CLASS.into(), Kept::text(meaning.class.word())),
            (MESSAGE.into(), Kept::text(message)),
        ];
        rest.extend(arguments);
        Self::Known {
            code,
            rest: Rest(rest),
        }
    }
}

impl Why {
    /// In other words, where more is known than the arguments say.
    #[must_use]
    pub fn saying(self, message: impl Into<String>) -> Refusal {
        Refusal::from(self).saying(message)
    }

    /// Hands status, code, sentence and arguments to whoever answers.
    pub fn tell<T>(self, answer: impl FnOnce(u16, &str, &str, Vec<(&str, serde_json::Value)>) -> T) -> T {
        Refusal::from(self).tell(answer)
    }
}

impl Refusal {
    /// As it was stored by a release that kept the code, the sentence and the night alone.
    pub fn stored(code: String, message: String, night: Option<StayDate>) -> Self {
        let mut rest: Members = vec![
            (CODE.into(), Kept::text(code.clone())),
            (MESSAGE.into(), Kept::text(message)),
        ];
        rest.extend(night.map(|night| (NIGHT.into(), Kept::text(night.to_string()))));
        Self::of(code, rest)
    }

    fn of(code: String, rest: Members) -> Self {
        if let Some(code) = Code::of(&code) {
            let rest = Rest(rest);
            return Self::Known { code, rest };
        }
        let class = kept::member(&rest, CLASS).and_then(Kept::as_text);
        let class = class.and_then(Class::of).unwrap_or(Class::Taken);
        let rest = Rest(rest);
        Self::Unknown { code, class, rest }
    }

    /// The same refusal in other words, where more is known than its arguments say.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        let (Self::Known { rest, .. } | Self::Unknown { rest, .. }) = &mut self;
        for (name, value) in &mut rest.0 {
            if name == MESSAGE {
                *value = Kept::text(message.into());
                break;
            }
        }
        self
    }

    /// The code as a word.
    pub fn word(&self) -> &str {
        match self {
            Self::Known { code, .. } => code.word(),
            Self::Unknown { code, .. } => code,
        }
    }

    /// The code, if the table has it.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Known { code, .. } => Some(*code),
            Self::Unknown { .. } => None,
        }
    }

    /// Whether it is refused for this reason.
    pub fn is(&self, code: Code) -> bool {
        self.code() == Some(code)
    }

    /// What it is, and so what may help.
    pub const fn class(&self) -> Class {
        match self {
            Self::Known { code, .. } => code.meaning().class,
            Self::Unknown { class, .. } => *class,
        }
    }

    /// Hands status, code, sentence and arguments to whoever answers.
    pub fn tell<T>(&self, answer: impl FnOnce(u16, &str, &str, Vec<(&str, serde_json::Value)>) -> T) -> T {
        answer(
            self.class().status(),
            self.word(),
            self.message(),
            self.arguments().collect(),
        )
    }

    fn members(&self) -> &Members {
        let (Self::Known { rest, .. } | Self::Unknown { rest, .. }) = self;
        &rest.0
    }

    fn member(&self, name: &str) -> Option<&Kept> {
        kept::member(self.members(), name)
    }

    /// The sentence for the guest, as whoever refused said it.
    pub fn message(&self) -> &str {
        self.member(MESSAGE).and_then(Kept::as_text).unwrap_or_default()
    }

    /// The night that decided, where one did.
    pub fn night(&self) -> Option<StayDate> {
        self.member(NIGHT)?.as_text()?.parse().ok()
    }

    /// The sentence for somebody. Where the table has none, or not every argument was said, it is the guest's.
    pub fn sentence(&self, audience: Audience) -> Cow<'_, str> {
        let sentence = self.code().and_then(|code| match audience {
            Audience::Guest => None,
            Audience::Staff => Some(code.meaning().staff),
            Audience::Operator => Some(code.meaning().operator),
        });
        let filled = sentence.and_then(|text| fill(text, |name| self.member(name).and_then(Kept::said)));
        filled.map_or_else(|| self.message().into(), Cow::Owned)
    }

    /// What was said beside code, class and sentence, by name, as JSON.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, serde_json::Value)> {
        let members = self.members().iter();
        members
            .filter(|(name, _)| ![CODE, CLASS, MESSAGE].contains(&name.as_ref()))
            .map(|(name, value)| (name.as_ref(), serde_json::json!(value)))
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        kept::write(self.members(), serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Kept::Object(rest) = Kept::deserialize(deserializer)? else {
            return Err(de::Error::custom("a refusal is a JSON object"));
        };
        let text = |name| kept::member(&rest, name).and_then(Kept::as_text);
        let code = text(CODE)
            .ok_or_else(|| de::Error::missing_field(CODE))?
            .to_owned();
        if text(MESSAGE).is_none() {
            return Err(de::Error::missing_field(MESSAGE));
        }
        Ok(Self::of(code, rest))
    }
}

impl PartialSchema for Refusal {
    fn schema() -> RefOr<Schema> {
        let text = |description: &str, example: &str| -> Object {
            let text = ObjectBuilder::new().schema_type(Type::String);
            text.description(Some(description)).examples([example]).build()
        };
        let night = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .description(Some("The night that decided, where one did."));
        let more = "A participant said no, and did nothing. A newer release may say words and members that are not listed.";
        ObjectBuilder::new()
            .description(Some(more))
            .property(
                CODE,
                text("A stable word; each has its page under /problems.", "sold_out"),
            )
            .required(CODE)
            .property(
                CLASS,
                text(
                    "What it is, and so what may help, as GET /v1/problems explains.",
                    "taken",
                ),
            )
            .property(
                MESSAGE,
                text(
                    "A sentence for the guest.",
                    "The night of 2026-12-24 is sold out.",
                ),
            )
            .required(MESSAGE)
            .property(NIGHT, night.examples(["2026-12-24"]))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Refusal {}
