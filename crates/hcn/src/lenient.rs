//! Readers for what travels in more than one form.
//!
//! HNS and its clients leave members out, send `null`, and write numbers as numbers, as text or as the words of the
//! published schema. Where text is wanted they may write a number, and `true` as 1.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Guid;

/// Whether `value` says no more than its absence, so that it is not written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A number, or its decimal digits as text. `null` is 0.
pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let number = worded_number(deserializer, |_| None)?;
    T::try_from(number)
        .map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(number), &"a smaller number"))
}

/// A number, its decimal digits, or one of `words` in any case.
pub(crate) fn word<'de, D: Deserializer<'de>>(
    deserializer: D,
    words: &[(&str, u32)],
) -> Result<u32, D::Error> {
    small(worded_number(deserializer, |text| value_of(text, words))?)
}

/// A number, its decimal digits, or `words` in any case with commas between them.
pub(crate) fn flags<'de, D: Deserializer<'de>>(
    deserializer: D,
    words: &[(&str, u32)],
) -> Result<u32, D::Error> {
    small(worded_number(deserializer, |text| {
        text.split(',').try_fold(0, |bits, word| Some(bits | value_of(word.trim(), words)?))
    })?)
}

fn small<E: Error>(number: u64) -> Result<u32, E> {
    u32::try_from(number)
        .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &"a 32-bit number"))
}

fn value_of(text: &str, words: &[(&str, u32)]) -> Option<u64> {
    words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
        .map(|(_, value)| u64::from(*value))
}

fn worded_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    value_of: impl Fn(&str) -> Option<u64>,
) -> Result<u64, D::Error> {
    struct Number<F>(F);

    impl<F: Fn(&str) -> Option<u64>> Visitor<'_> for Number<F> {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a word for one")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
            u64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<u64, E> {
            value
                .parse()
                .ok()
                .or_else(|| (self.0)(value))
                .ok_or_else(|| E::invalid_value(Unexpected::Str(value), &self))
        }

        fn visit_unit<E: Error>(self) -> Result<u64, E> {
            Ok(0)
        }
    }

    deserializer.deserialize_any(Number(value_of))
}

/// Whether something is so: as JSON says it, as a word in any case, or as a number. `null` is false.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Boolean;

    impl Visitor<'_> for Boolean {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
            Ok(value != 0)
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
            match value.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(true),
                "false" | "0" | "" => Ok(false),
                _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
            }
        }

        fn visit_unit<E: Error>(self) -> Result<bool, E> {
            Ok(false)
        }
    }

    deserializer.deserialize_any(Boolean)
}

/// A text, or a number as text. `null` is empty.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
            Ok(value.to_owned())
        }

        fn visit_string<E: Error>(self, value: String) -> Result<String, E> {
            Ok(value)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
            Ok(value.to_string())
        }

        fn visit_unit<E: Error>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }

    deserializer.deserialize_any(Text)
}

/// A value, where `null` is the default one.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The id of an object, where `null`, an empty text and the nil id are the id of none.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Guid>, D::Error> {
    let text = text(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let guid: Guid = text.parse().map_err(D::Error::custom)?;
    Ok((!guid.is_nil()).then_some(guid))
}
