//! Members that one version knows and the other does not: they are carried among the unknown ones.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::UnknownMembers;
use crate::lenient::is_default;

/// Puts a member among the unknown ones, unless it says nothing.
pub(super) fn put<T: Serialize + Default + PartialEq>(
    unknown: &mut UnknownMembers,
    name: &str,
    value: &T,
) {
    if is_default(value) {
        return;
    }
    // Writing fails only for maps whose keys are not text, and no document has such.
    if let Ok(value) = serde_json::to_value(value) {
        unknown.insert(name.to_owned(), value);
    }
}

/// Takes a member from the unknown ones. One that cannot be read stays there.
pub(super) fn take<T: DeserializeOwned + Default>(unknown: &mut UnknownMembers, name: &str) -> T {
    let read = unknown.get(name).and_then(|value| T::deserialize(value).ok());
    if read.is_some() {
        unknown.remove(name);
    }
    read.unwrap_or_default()
}

/// The members that are unknown to a document of kind `T` as well. The others would be there twice once it is written.
pub(super) fn unknown_to<T: DeserializeOwned>(
    mut unknown: UnknownMembers,
    unknown_of: impl Fn(T) -> UnknownMembers,
) -> UnknownMembers {
    unknown.retain(|name, value| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let read = T::deserialize(Value::Object(alone));
        read.is_ok_and(|document| unknown_of(document).contains_key(name))
    });
    unknown
}

/// The items of a list with commas between them.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}
