//! Objects are objects: serde's derived types also read a JSON list as their fields, in the order in which the
//! code happens to declare them. Around a deserializer, [`Objects`] refuses that at every depth.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};

/// A deserializer, seed or access that hands only objects to types with fields.
pub(super) struct Objects<T>(pub(super) T);

/// A visitor, and whether it reads a type with fields.
struct Visit<V> {
    inner: V,
    has_fields: bool,
}

const fn any<V>(inner: V) -> Visit<V> {
    Visit {
        inner,
        has_fields: false,
    }
}

const fn fields<V>(inner: V) -> Visit<V> {
    Visit {
        inner,
        has_fields: true,
    }
}

macro_rules! forward_to_deserializer {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(any(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    forward_to_deserializer! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq
        deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, names, fields(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, any(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, any(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, any(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, any(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, any(visitor))
    }
}

macro_rules! forward_to_visitor {
    ($($method:ident: $value:ty,)*) => {
        $(fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Visit<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.expecting(formatter)
    }

    forward_to_visitor! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Objects(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Objects(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        if self.has_fields {
            return Err(Error::invalid_type(Unexpected::Seq, &"a JSON object"));
        }
        self.inner.visit_seq(Objects(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Objects(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Objects(data))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.0.variant_seed(seed)?;
        Ok((name, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(names, fields(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Room {
        adults: u8,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Named(Room);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Nothing,
        One(Room),
        Pair(u8, Room),
        Fields { room: Room },
    }

    fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        T::deserialize(Objects(&mut json)).map_err(|error| error.to_string())
    }

    const ROOM: &str = r#"{"adults": 2, "note": "Zoë"}"#;
    /// The same fields in the order in which they are declared.
    const LIST: &str = r#"[2, "Zoë"]"#;

    fn room() -> Room {
        Room {
            adults: 2,
            note: Some("Zoë".to_owned()),
        }
    }

    /// What is written with `?` where a room stands is read with an object there and refused with a list.
    fn only_with_an_object<T>(text: &str, wanted: &T)
    where
        T: for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
    {
        let (object, list) = (text.replace('?', ROOM), text.replace('?', LIST));
        assert_eq!(read::<T>(&object).as_ref(), Ok(wanted), "{object}");
        let refused = read::<T>(&list).unwrap_err();
        assert!(refused.contains("expected a JSON object"), "{list}: {refused}");
        assert!(
            serde_json::from_str::<T>(&list).is_ok(),
            "or nothing is shown: {list}"
        );
    }

    #[test]
    fn a_list_is_no_object_at_any_depth() {
        only_with_an_object("?", &room());
        only_with_an_object("?", &Some(room()));
        only_with_an_object("?", &Named(room()));
        only_with_an_object("[?, ?]", &vec![room(), room()]);
        only_with_an_object("[7, ?]", &(7_u8, room()));
        only_with_an_object(r#"{"a": ?}"#, &BTreeMap::from([("a".to_owned(), room())]));
        only_with_an_object(r#"{"one": ?}"#, &Choice::One(room()));
        only_with_an_object(r#"{"pair": [7, ?]}"#, &Choice::Pair(7, room()));
        only_with_an_object(r#"{"fields": {"room": ?}}"#, &Choice::Fields { room: room() });
        only_with_an_object(
            r#"[[{"a": [?]}]]"#,
            &vec![vec![BTreeMap::from([("a".to_owned(), vec![room()])])]],
        );
        let variant = read::<Choice>(&format!(r#"{{"fields": [{ROOM}]}}"#)).unwrap_err();
        assert!(variant.contains("expected a JSON object"), "{variant}");
    }

    #[test]
    fn everything_else_is_read_as_it_is_written() {
        assert_eq!(read::<Choice>("\"nothing\""), Ok(Choice::Nothing));
        assert_eq!(read::<Choice>(r#"{"nothing": null}"#), Ok(Choice::Nothing));
        assert_eq!(read::<Option<Room>>("null"), Ok(None));
        assert_eq!(read::<()>("null"), Ok(()));
        assert_eq!(
            read::<(bool, i8, u64, f64, char)>("[true, -8, 9, 0.5, \"ä\"]"),
            Ok((true, -8, 9, 0.5, 'ä'))
        );
        assert_eq!(read::<&str>("\"borrowed\""), Ok("borrowed"));
        let value = r#"{"a":[1,-2,{"b":null,"c":[true,"x"]}]}"#;
        assert_eq!(read::<serde_json::Value>(value).unwrap().to_string(), value);
        let wrong = read::<Room>(r#"{"adults": "two"}"#).unwrap_err();
        assert!(wrong.contains("expected u8"), "{wrong}");
    }
}
