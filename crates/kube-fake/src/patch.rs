//! Patches: a JSON patch, a merge patch, a strategic merge patch, server-side apply.

mod apply;
mod json_patch;
mod merge;
pub(crate) mod schema;
mod strategic;

use serde_json::Value;

pub(crate) use self::apply::merged as merged_by_apply;

use crate::failure::Failure;
use crate::managed;
use crate::object::metadata;
use crate::resource::Resource;

/// A change of an object by what is to change.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// RFC 6902: a list of operations.
    Json(Value),
    /// RFC 7396: fields that are set, or removed by null.
    Merge(Value),
    /// As a merge patch, but lists are merged by the keys that the API names.
    Strategic(Value),
    /// What one manager wants the object to be.
    Apply {
        /// The object as far as that manager wants it.
        object: Value,
        /// Whether it takes fields from other managers.
        force: bool,
    },
}

impl Patch {
    /// What it makes of an object.
    pub(crate) fn apply(
        &self,
        resource: &Resource,
        object: &Value,
        manager: &str,
    ) -> Result<Value, Failure> {
        match self {
            Self::Json(operations) => json_patch::apply(object, operations),
            Self::Merge(patch) => Ok(merge::apply(object, of_map(patch)?)),
            Self::Strategic(patch) => Ok(strategic::apply(object, of_map(patch)?)),
            Self::Apply { object: wanted, force } => {
                managed::apply(resource, object, wanted, manager, *force)
            }
        }
    }

    /// What it is made of.
    pub(crate) fn value(&self) -> &Value {
        match self {
            Self::Json(value) | Self::Merge(value) | Self::Strategic(value) => value,
            Self::Apply { object, .. } => object,
        }
    }

    /// The object that it makes where there is none: only server-side apply does.
    pub(crate) fn new_object(
        &self,
        resource: &Resource,
        name: &str,
        manager: &str,
    ) -> Option<Result<Value, Failure>> {
        let Self::Apply { object, force } = self else { return None };
        let found = metadata(object, "uid");
        if !found.is_empty() {
            let why =
                format!("Precondition failed: UID in precondition: {found}, UID in object meta: ");
            return Some(Err(Failure::conflict(resource, name, &why)));
        }
        Some(managed::apply(resource, &Value::Null, object, manager, *force))
    }
}

/// A patch must be a map: it could make nothing else an object.
fn of_map(patch: &Value) -> Result<&Value, Failure> {
    if patch.is_object() {
        return Ok(patch);
    }
    Err(Failure::bad_request(format!("a patch is a map of fields, and this is {patch}")))
}

#[cfg(test)]
mod tests;
