//! What of an object's metadata is checked. Nothing else of an object is.

use serde_json::{Value, json};

use crate::failure::{Failure, FieldFault};
use crate::object::metadata;
use crate::resource::Resource;
use crate::selector::{is_label, is_label_value};

/// Whether this is a DNS name of lower-case labels.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| is_dns_label(label, 253))
}

fn is_dns_label(text: &str, most: usize) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= most
        && is_edge(*first)
        && is_edge(*last)
        && bytes.iter().all(|byte| is_edge(*byte) || *byte == b'-')
}

/// Checks the metadata of an object that is about to be kept.
pub(crate) fn check(resource: &Resource, object: &Value) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let name = metadata(object, "name");
    if name.is_empty() {
        faults.push(FieldFault::required("metadata.name", "name or generateName is required"));
    } else if !is_name(resource, name) {
        let what = if resource.kind == "Service" {
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with \
             a letter and end with an alphanumeric character"
        } else {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
             or '.', and must start and end with an alphanumeric character"
        };
        faults.push(FieldFault::invalid("metadata.name", &json!(name), what));
    }
    check_labels(object, &mut faults);
    check_annotations(object, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid(resource, name, &faults)) }
}

fn is_name(resource: &Resource, name: &str) -> bool {
    match resource.kind {
        "Service" => is_dns_label(name, 63) && name.as_bytes()[0].is_ascii_lowercase(),
        "Namespace" => is_dns_label(name, 63),
        _ => is_dns_subdomain(name),
    }
}

fn check_labels(object: &Value, faults: &mut Vec<FieldFault>) {
    let Some(labels) = object["metadata"]["labels"].as_object() else { return };
    for (label, value) in labels {
        if !is_label(label) {
            let what = "name part must consist of alphanumeric characters, '-', '_' or '.'";
            faults.push(FieldFault::invalid("metadata.labels", &json!(label), what));
        }
        if !value.as_str().is_some_and(is_label_value) {
            let what = "a valid label must be an empty string or consist of alphanumeric \
                        characters, '-', '_' or '.', and must start and end with an alphanumeric \
                        character";
            faults.push(FieldFault::invalid("metadata.labels", value, what));
        }
    }
}

/// The most that the annotations of one object may take.
const ANNOTATION_BYTES: usize = 256 * 1024;

fn check_annotations(object: &Value, faults: &mut Vec<FieldFault>) {
    let Some(annotations) = object["metadata"]["annotations"].as_object() else { return };
    let bytes: usize = annotations
        .iter()
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    if bytes > ANNOTATION_BYTES {
        let message = format!("Too long: may not be more than {ANNOTATION_BYTES} bytes");
        let field = "metadata.annotations".to_owned();
        faults.push(FieldFault { field, reason: "FieldValueTooLong", message });
    }
}
