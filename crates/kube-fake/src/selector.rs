//! Label and field selectors.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::Failure;
use crate::object::Object;
use crate::resource::Resource;
use crate::validation::is_dns_subdomain;

/// Which objects of a resource a client wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    label: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Above(i64),
    Below(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    path: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both kinds of selector as a query has them.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or names a field that objects of `resource` are not selected by.
    pub fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, Failure> {
        Ok(Self {
            labels: label_requirements(labels)?,
            fields: field_requirements(resource, fields)?,
        })
    }

    /// Whether it selects everything.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it selects this object.
    pub fn matches(&self, object: &Object) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(object))
            && self.fields.iter().all(|requirement| requirement.matches(object))
    }
}

impl Requirement {
    fn matches(&self, object: &Object) -> bool {
        let value = object.label(&self.label);
        match (&self.test, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::In(values), value) => value.is_some_and(|value| values.contains(value)),
            (Test::NotIn(values), value) => value.is_none_or(|value| !values.contains(value)),
            (Test::Above(bound), value) => number(value).is_some_and(|value| value > *bound),
            (Test::Below(bound), value) => number(value).is_some_and(|value| value < *bound),
        }
    }
}

fn number(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}

impl FieldRequirement {
    fn matches(&self, object: &Object) -> bool {
        let found = match self.path.as_str() {
            "metadata.name" => object.name().to_owned(),
            "metadata.namespace" => object.namespace().to_owned(),
            "source" => text_at(&object.value(), "source.component"),
            path => text_at(&object.value(), path),
        };
        (found == self.value) == self.equal
    }
}

/// What is at a path, as text; an absent truth value is false.
fn text_at(object: &Value, path: &str) -> String {
    let found = path.split('.').fold(object, |value, field| &value[field]);
    match found {
        Value::String(text) => text.clone(),
        Value::Null if path == "spec.unschedulable" => "false".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn field_requirements(resource: &Resource, text: &str) -> Result<Vec<FieldRequirement>, Failure> {
    text.split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(|term| {
            let (path, value, equal) = field_term(term).ok_or_else(|| {
                Failure::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                ))
            })?;
            let is_known = matches!(path, "metadata.name" | "metadata.namespace")
                || resource.selectable.contains(&path);
            if !is_known {
                return Err(Failure::bad_request(format!("field label not supported: {path}")));
            }
            Ok(FieldRequirement { path: path.to_owned(), value: value.to_owned(), equal })
        })
        .collect()
}

fn field_term(term: &str) -> Option<(&str, &str, bool)> {
    if let Some((path, value)) = term.split_once("!=") {
        return Some((path, value, false));
    }
    let (path, value) = term.split_once("==").or_else(|| term.split_once('='))?;
    Some((path, value, true))
}

fn label_requirements(text: &str) -> Result<Vec<Requirement>, Failure> {
    terms(text)
        .into_iter()
        .filter(|term| !term.trim().is_empty())
        .map(|term| {
            requirement(term.trim()).ok_or_else(|| {
                Failure::bad_request(format!("unable to parse requirement: {term:?} in {text:?}"))
            })
        })
        .collect()
}

/// The terms between commas that are not in parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut begin = 0;
    let mut found = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[begin..]);
    found
}

fn requirement(term: &str) -> Option<Requirement> {
    let (label, test) = if let Some(label) = term.strip_prefix('!') {
        (label, Test::Absent)
    } else if let Some((label, value)) = term.split_once("!=") {
        (label, Test::NotIn(one(value)?))
    } else if let Some((label, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (label, Test::In(one(value)?))
    } else if let Some((label, value)) = term.split_once('>') {
        (label, Test::Above(value.trim().parse().ok()?))
    } else if let Some((label, value)) = term.split_once('<') {
        (label, Test::Below(value.trim().parse().ok()?))
    } else if let Some((head, values)) = term.split_once('(') {
        return of_set(head, values);
    } else {
        (term, Test::Exists)
    };
    let label = label.trim();
    is_label(label).then(|| Requirement { label: label.to_owned(), test })
}

fn of_set(head: &str, values: &str) -> Option<Requirement> {
    let values = values.strip_suffix(')')?;
    let values: BTreeSet<_> = values.split(',').map(|value| value.trim().to_owned()).collect();
    if !values.iter().all(|value| is_label_value(value)) {
        return None;
    }
    let mut words = head.split_whitespace();
    let (label, operator) = (words.next()?, words.next()?);
    let test = match operator {
        "in" => Test::In(values),
        "notin" => Test::NotIn(values),
        _ => return None,
    };
    (words.next().is_none() && is_label(label))
        .then(|| Requirement { label: label.to_owned(), test })
}

fn one(value: &str) -> Option<BTreeSet<String>> {
    let value = value.trim();
    is_label_value(value).then(|| BTreeSet::from([value.to_owned()]))
}

/// Whether this may be the name of a label: an optional DNS name, a slash, and a short name.
pub(crate) fn is_label(text: &str) -> bool {
    let (prefix, name) =
        text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Whether this may be the value of a label.
pub(crate) fn is_label_value(text: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return true };
    let inside = |byte: &u8| is_edge(*byte) || matches!(byte, b'-' | b'_' | b'.');
    bytes.len() <= 63 && is_edge(*first) && is_edge(*last) && bytes.iter().all(inside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service() -> &'static Resource {
        Resource::of_kind("", "Service").unwrap()
    }

    fn check(labels: &str, fields: &str, expected: bool) {
        let object = json!({
            "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "n": "7"}},
            "spec": {"type": "NodePort"},
        });
        let object = Object::new("services", object, 1);
        let selector = Selector::parse(service(), labels, fields).unwrap();
        assert_eq!(selector.matches(&object), expected, "{labels} {fields}");
    }

    #[test]
    fn labels_are_selected_in_every_way() {
        for selector in [
            "",
            "app",
            "app=web",
            "app==web",
            "app in (web, api)",
            "!other",
            "other!=x",
            "app!=api",
            "other notin (x)",
            "n>6,n<8",
            "app,n=7,!service.kubernetes.io/headless",
        ] {
            check(selector, "", true);
        }
        for selector in
            ["app=api", "!app", "app notin (web)", "other", "other=", "n>7", "app in (api),n"]
        {
            check(selector, "", false);
        }
    }

    #[test]
    fn fields_are_selected_where_the_resource_has_them() {
        check("", "metadata.name=web,metadata.namespace!=other", true);
        check("", "metadata.name==api", false);
        check("", "spec.type=NodePort", true);
        for (labels, fields) in [
            ("app in web", ""),
            ("a b", ""),
            ("-a=b", ""),
            ("a=b c", ""),
            ("", "spec.ports=1"),
            ("", "x"),
        ] {
            assert_eq!(Selector::parse(service(), labels, fields).unwrap_err().code, 400);
        }
    }
}
