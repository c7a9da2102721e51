//! What was refused, said so that its owner can mend it.

use std::cell::RefCell;
use std::fmt;

use crate::field::Field;

/// One refused object or field. Everything else in the input is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The object, for example `EndpointSlice shop/web-1`, or the place in a file.
    pub object: String,
    /// The field's path inside the object, for example `endpoints[3].addresses[0]`; empty for the whole object.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// The longest text that is repeated to a person.
const LONGEST_QUOTE: usize = 200;

/// `text` as it may be shown on a terminal: one line, no control characters, of bearable length.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() > LONGEST_QUOTE {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

impl Refusal {
    pub(crate) fn new(object: String, field: String, reason: &str) -> Self {
        Self { object, field, reason: printable(reason) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, field, reason } = self;
        match field.as_str() {
            "" => write!(f, "{object}: {reason}"),
            field => write!(f, "{object}: {field}: {reason}"),
        }
    }
}

/// Where one object's refusals are written down.
#[derive(Debug)]
pub(crate) struct Notes {
    object: String,
    refusals: RefCell<Vec<Refusal>>,
}

impl Notes {
    pub(crate) fn new(object: String) -> Self {
        Self { object, refusals: RefCell::default() }
    }

    pub(crate) fn refuse(&self, field: impl fmt::Display, reason: impl fmt::Display) {
        let refusal = Refusal::new(self.object.clone(), field.to_string(), &reason.to_string());
        self.refusals.borrow_mut().push(refusal);
    }

    pub(crate) fn into_refusals(self) -> Vec<Refusal> {
        self.refusals.into_inner()
    }

    /// The field's value; one of a wrong type is refused and counts as absent.
    pub(crate) fn take<T>(
        &self,
        field: Field<T>,
        path: impl fmt::Display,
        want: &str,
    ) -> Option<T> {
        match field {
            Field::Absent => None,
            Field::Present(value) => Some(value),
            Field::Wrong(found) => {
                self.refuse(path, format_args!("must be {want}, found {found}"));
                None
            }
        }
    }

    /// As [`Notes::take`], but a wrong type is told apart from absence: the caller has to give up what the field is of.
    pub(crate) fn take_strictly<T>(
        &self,
        field: Field<T>,
        path: impl fmt::Display,
        want: &str,
    ) -> Result<Option<T>, Refused> {
        match field {
            Field::Wrong(_) => {
                self.take(field, path, want);
                Err(Refused)
            }
            Field::Absent | Field::Present(_) => Ok(self.take(field, path, want)),
        }
    }

    /// A text; absent is empty.
    pub(crate) fn text(&self, field: Field<String>, path: impl fmt::Display) -> String {
        self.take(field, path, TEXT).unwrap_or_default()
    }

    /// The entries of a list that are of the right type, with their places.
    pub(crate) fn list<T>(
        &self,
        field: Field<Vec<Field<T>>>,
        path: &str,
        want: &str,
    ) -> Vec<(usize, T)> {
        let list = self.take(field, path, "a list").unwrap_or_default();
        list.into_iter()
            .enumerate()
            .filter_map(|(index, entry)| Some((index, self.entry(entry, path, index, want)?)))
            .collect()
    }

    /// An entry of a list.
    pub(crate) fn entry<T>(
        &self,
        entry: Field<T>,
        path: &str,
        index: usize,
        want: &str,
    ) -> Option<T> {
        let entry = entry.entry().map_or_else(Field::Wrong, Field::Present);
        self.take(entry, format_args!("{path}[{index}]"), want)
    }
}

/// Something was refused, and written down.
#[derive(Debug)]
pub(crate) struct Refused;

/// What to say of a field that must be text.
pub(crate) const TEXT: &str = "text";
/// What to say of a field that must be an object.
pub(crate) const OBJECT: &str = "an object";
/// What to say of a field that must be a whole number.
pub(crate) const NUMBER: &str = "a whole number";
/// What to say of a field that must be a boolean.
pub(crate) const BOOLEAN: &str = "true or false";

/// Why `name` cannot be the name of an object: it would be taken for a path or break a line.
pub(crate) fn name_trouble(name: &str) -> Option<&'static str> {
    const LONGEST: usize = 253;
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > LONGEST {
        Some("longer than 253 bytes")
    } else if !name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:\\\"'".contains(&byte)) {
        Some("has a character that no Kubernetes name may have")
    } else {
        None
    }
}
