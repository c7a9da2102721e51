//! What is refused, and how a client is told: the `Status` object of Kubernetes.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::resource::Resource;

/// A refusal: an HTTP status with the `Status` object that explains it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Failure {
    /// The HTTP status.
    pub code: u16,
    /// The machine-readable reason.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// The `details` of the `Status`, where there are any.
    pub details: Option<Value>,
    /// With an expired list: the token to go on with at the newest version.
    pub next: Option<String>,
}

impl Failure {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, next: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        let mut details = Map::new();
        if !name.is_empty() {
            details.insert("name".to_owned(), json!(name));
        }
        if !resource.group.is_empty() {
            details.insert("group".to_owned(), json!(resource.group));
        }
        details.insert("kind".to_owned(), json!(resource.plural));
        self.details = Some(Value::Object(details));
        self
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", message).about(resource, name)
    }

    pub(crate) fn exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// A change that was made from an older object than the one kept.
    pub(crate) fn stale(resource: &Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        Self::conflict(resource, name, why)
    }

    /// An object with a field that is not allowed to be so.
    pub(crate) fn invalid(resource: &Resource, name: &str, faults: &[FieldFault]) -> Self {
        Self::invalid_kind(resource.group, resource.kind, &resource.qualified_kind(), name, faults)
    }

    /// Parameters of a list or a watch that do not go together.
    pub(crate) fn invalid_options(faults: &[FieldFault]) -> Self {
        let kind = "ListOptions";
        Self::invalid_kind("meta.k8s.io", kind, "ListOptions.meta.k8s.io", "", faults)
    }

    /// Parameters of a change that are not in order.
    pub(crate) fn invalid_patch_options(faults: &[FieldFault]) -> Self {
        Self::invalid_kind("meta.k8s.io", "PatchOptions", "PatchOptions.meta.k8s.io", "", faults)
    }

    /// A patch that makes an object something that it cannot be.
    pub(crate) fn invalid_patch(patch: &Value, why: &str) -> Self {
        Self::invalid_kind("", "", "", "", &[FieldFault::invalid("patch", patch, why)])
    }

    fn invalid_kind(
        group: &str,
        kind: &str,
        qualified: &str,
        name: &str,
        faults: &[FieldFault],
    ) -> Self {
        let texts: Vec<_> =
            faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        let listed = if let [one] = texts.as_slice() {
            one.clone()
        } else {
            format!("[{}]", texts.join(", "))
        };
        let message = format!("{qualified} \"{name}\" is invalid: {listed}");
        let mut failure = Self::new(422, "Invalid", message);
        let causes: Vec<_> = faults
            .iter()
            .map(|fault| {
                json!({"reason": fault.reason, "message": fault.message, "field": fault.field})
            })
            .collect();
        let mut details = json!({"kind": kind, "causes": causes});
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        failure.details = Some(details);
        failure
    }

    /// The history that was asked for is gone.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A version was asked for that has not been yet.
    pub(crate) fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut failure = Self::new(504, "Timeout", message);
        failure.details = Some(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }));
        failure
    }

    /// Whether it says that a version has not been yet.
    pub fn is_too_large(&self) -> bool {
        self.code == 504
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let mut metadata = json!({});
        if let Some(next) = &self.next {
            metadata["continue"] = json!(next);
        }
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFault {
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl FieldFault {
    pub(crate) fn required(field: impl Into<String>, what: &str) -> Self {
        let message = format!("Required value: {what}");
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, what: &str) -> Self {
        let message = format!("Invalid value: {value}: {what}");
        Self { field: field.into(), reason: "FieldValueInvalid", message }
    }

    pub(crate) fn forbidden(field: impl Into<String>, what: &str) -> Self {
        let message = format!("Forbidden: {what}");
        Self { field: field.into(), reason: "FieldValueForbidden", message }
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &str, known: &[&str]) -> Self {
        let known: Vec<_> = known.iter().map(|value| format!("\"{value}\"")).collect();
        let message =
            format!("Unsupported value: \"{value}\": supported values: {}", known.join(", "));
        Self { field: field.into(), reason: "FieldValueNotSupported", message }
    }
}
