//! A field of a document, whatever it turned out to be.
//!
//! Decoding never fails on a wrong type: the field becomes [`Field::Wrong`], the rest of the object is read as if nothing
//! had happened, and the one who asks for the field names it to the user. Only broken syntax fails.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::meta::READ;

/// A field of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Field<T> {
    /// Not there, or null.
    #[default]
    Absent,
    /// There, and of the right type.
    Present(T),
    /// There, but of another type: what was found.
    Wrong(&'static str),
}

impl<T> Field<T> {
    /// The value of an entry of a list, or what was found: null is no value for one.
    pub(crate) fn entry(self) -> Result<T, &'static str> {
        match self {
            Self::Present(value) => Ok(value),
            Self::Absent => Err("null"),
            Self::Wrong(found) => Err(found),
        }
    }
}

/// A list of which each entry may be wrong by itself.
pub(crate) type List<T> = Vec<Field<T>>;

/// Text by text, for labels and annotations: those that are read at all ([`crate::meta::READ`]).
pub(crate) type Texts = BTreeMap<String, Field<String>>;

/// A number or a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NumberOrText {
    Number(i64),
    Text(String),
}

/// What a value of a document may be read as. What is not said is of another type.
pub(crate) trait Shape<'de>: Sized {
    fn text(_text: &str) -> Option<Self> {
        None
    }

    fn number(_number: i64) -> Option<Self> {
        None
    }

    fn boolean(_value: bool) -> Option<Self> {
        None
    }

    fn list<A: SeqAccess<'de>>(mut access: A) -> Result<Field<Self>, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong("a list"))
    }

    fn object<A: MapAccess<'de>>(mut access: A) -> Result<Field<Self>, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong("an object"))
    }
}

impl Shape<'_> for String {
    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Shape<'_> for i64 {
    fn number(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Shape<'_> for bool {
    fn boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Shape<'_> for NumberOrText {
    fn text(text: &str) -> Option<Self> {
        Some(Self::Text(text.to_owned()))
    }

    fn number(number: i64) -> Option<Self> {
        Some(Self::Number(number))
    }
}

impl<'de, T: Shape<'de>> Shape<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(mut access: A) -> Result<Field<Self>, A::Error> {
        let mut list = Self::new();
        while let Some(entry) = access.next_element()? {
            list.push(entry);
        }
        Ok(Field::Present(list))
    }
}

impl<'de> Shape<'de> for Texts {
    fn object<A: MapAccess<'de>>(mut access: A) -> Result<Field<Self>, A::Error> {
        let mut texts = Self::new();
        while let Some(key) = access.next_key::<Cow<'de, str>>()? {
            if READ.contains(&&*key) {
                texts.insert(key.into_owned(), access.next_value()?);
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Field::Present(texts))
    }
}

/// Reads an object of known fields; for [`Shape::object`].
pub(crate) fn object<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    access: A,
) -> Result<Field<T>, A::Error> {
    T::deserialize(MapAccessDeserializer::new(access)).map(Field::Present)
}

impl<'de, T: Shape<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

/// What was found where a number is greater than any that Kubernetes has.
const TOO_LARGE: &str = "one that is too large";

struct FieldVisitor<T>(PhantomData<T>);

fn found<T>(value: Option<T>, what: &'static str) -> Field<T> {
    value.map_or(Field::Wrong(what), Field::Present)
}

impl<'de, T: Shape<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field<T>, E> {
        Ok(found(T::boolean(value), "a boolean"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Field<T>, E> {
        Ok(found(T::number(value), "a number"))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Field<T>, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => found(T::number(value), "a number"),
            Err(_) => Field::Wrong(TOO_LARGE),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Field<T>, E> {
        Ok(Field::Wrong(if value.is_nan() {
            "what is not a number"
        } else if value.is_infinite() || value.abs() > 9e15 {
            TOO_LARGE
        } else if value.fract() == 0.0 {
            "a number that is not written as a whole one"
        } else {
            "a number that is not whole"
        }))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(if text.contains('\0') {
            Field::Wrong("text with a NUL byte")
        } else {
            found(T::text(text), "text")
        })
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Absent)
    }

    fn visit_none<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Field<T>, A::Error> {
        T::list(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Field<T>, A::Error> {
        T::object(access)
    }
}
