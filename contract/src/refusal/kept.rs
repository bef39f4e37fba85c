//! JSON as it came: objects keep the order of their members, so that what is read and written again is the same bytes
//! in the compact form in which every service writes. (Numbers are integers of 64 bits; nobody sends others.)

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member of an object.
pub(super) type Member = (Cow<'static, str>, Kept);
/// The members of an object, in order.
pub(super) type Members = Vec<Member>;

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kept {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'static, str>),
    List(Vec<Self>),
    Object(Members),
}

impl Kept {
    pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As it stands in a sentence.
    pub(super) fn said(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(text.as_ref().into()),
            Self::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    }
}

/// The value of a member.
pub(super) fn member<'a>(members: &'a [Member], name: &str) -> Option<&'a Kept> {
    members
        .iter()
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// Writes an object.
pub(super) fn write<S: Serializer>(members: &[Member], serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(members.len()))?;
    for (name, value) in members {
        object.serialize_entry(name, value)?;
    }
    object.end()
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Object(members) => write(members, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Kept, E> {
        Ok(Kept::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kept, E> {
        Ok(Kept::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kept, E> {
        Ok(Kept::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kept, E> {
        Ok(Kept::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kept, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Kept::Null, Kept::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kept, E> {
        Ok(Kept::text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kept, E> {
        Ok(Kept::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kept, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Kept::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Kept, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = object.next_entry::<String, Kept>()? {
            members.push((Cow::Owned(name), value));
        }
        Ok(Kept::Object(members))
    }
}
