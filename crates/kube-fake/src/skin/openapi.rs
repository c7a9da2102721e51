//! OpenAPI, versions 2 and 3: as much as kubectl needs to check, merge and explain.

mod protobuf;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::discovery::groups;
use crate::resource::{EVENTS_GROUP, RESOURCES, Resource, group_version};
use crate::schema::{Field, ListKind, Shape, TYPES, type_of};

pub(super) use self::protobuf::{CONTENT_TYPE as PROTOBUF, document as protobuf};

/// The parameters of a change that clients ask OpenAPI for.
const PARAMETERS: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];

/// The two versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Two,
    Three,
}

impl Format {
    fn reference(self, name: &str) -> Value {
        let place = match self {
            Self::Two => "definitions",
            Self::Three => "components/schemas",
        };
        json!({"$ref": format!("#/{place}/{name}")})
    }

    fn parameter(self, name: &str) -> Value {
        match self {
            Self::Two => json!({"name": name, "in": "query", "type": "string"}),
            Self::Three => json!({"name": name, "in": "query", "schema": {"type": "string"}}),
        }
    }
}

/// `/openapi/v2` as JSON.
pub(super) fn two() -> Value {
    let all: Vec<_> = RESOURCES.iter().collect();
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.33.0"},
        "paths": paths(Format::Two, &all),
        "definitions": definitions(Format::Two, &all),
    })
}

/// `/openapi/v3`: where the documents are.
pub(super) fn three_index() -> Value {
    let mut paths = Map::new();
    paths.insert("api/v1".to_owned(), place_of("api/v1"));
    for group in groups() {
        let path = format!("apis/{group}/v1");
        paths.insert(path.clone(), place_of(&path));
    }
    json!({"paths": paths})
}

fn place_of(path: &str) -> Value {
    json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=1")})
}

/// The document of one group: `api/v1` or `apis/GROUP/v1`.
pub(super) fn three(path: &str) -> Option<Value> {
    let group = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", "v1"] => "",
        ["apis", group, "v1"] => *group,
        _ => return None,
    };
    let here: Vec<_> = RESOURCES.iter().filter(|resource| resource.group == group).collect();
    (!here.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.33.0"},
            "paths": paths(Format::Three, &here),
            "components": {"schemas": definitions(Format::Three, &here)},
        })
    })
}

fn paths(format: Format, resources: &[&Resource]) -> Value {
    let mut found = Map::new();
    for resource in resources {
        let root = if resource.group.is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}/v1", resource.group)
        };
        let middle = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{root}{middle}/{}", resource.plural);
        found.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": operation(format, resource, "get", &[]),
                "put": operation(format, resource, "put", PARAMETERS),
                "patch": operation(format, resource, "patch", PARAMETERS),
                "delete": operation(format, resource, "delete", &["dryRun"]),
            }),
        );
        found.insert(
            collection,
            json!({
                "get": operation(format, resource, "list", &[]),
                "post": operation(format, resource, "post", PARAMETERS),
            }),
        );
    }
    Value::Object(found)
}

fn operation(format: Format, resource: &Resource, action: &str, parameters: &[&str]) -> Value {
    let parameters: Vec<_> = parameters.iter().map(|name| format.parameter(name)).collect();
    json!({
        "operationId": format!("{action}{}{}", resource.group.replace('.', "-"), resource.kind),
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": identity(resource),
    })
}

fn identity(resource: &Resource) -> Value {
    json!({"group": resource.group, "kind": resource.kind, "version": resource.version})
}

fn definitions(format: Format, resources: &[&Resource]) -> Value {
    let mut needed = BTreeSet::from(["ObjectMeta"]);
    let mut waiting: Vec<_> =
        resources.iter().map(|resource| type_of(resource)).chain(["ObjectMeta"]).collect();
    while let Some(name) = waiting.pop() {
        needed.insert(name);
        let fields = TYPES.get(name).map(|of| &of.fields);
        for named in fields.into_iter().flatten().filter_map(|(_, field)| named(&field.shape)) {
            if !needed.contains(named) {
                waiting.push(named);
            }
        }
    }
    let mut found = Map::new();
    for name in needed {
        let Some(of) = TYPES.get(name) else { continue };
        let resource = resources.iter().find(|resource| type_of(resource) == name);
        found.insert(of.name.to_owned(), definition(format, name, resource.copied()));
    }
    Value::Object(found)
}

fn named(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Of(name) => Some(name),
        Shape::List(inner) | Shape::Map(inner) => named(inner),
        _ => None,
    }
}

fn definition(format: Format, name: &str, resource: Option<&Resource>) -> Value {
    let fields = &TYPES[name].fields;
    let mut properties: Map<_, _> =
        fields.iter().map(|(name, what)| ((*name).to_owned(), property(format, what))).collect();
    let required: Vec<_> =
        fields.iter().filter(|(_, field)| field.is_required).map(|(name, _)| *name).collect();
    let mut schema = json!({"type": "object"});
    if let Some(resource) = resource {
        for field in ["apiVersion", "kind"] {
            properties.insert(field.to_owned(), json!({"type": "string"}));
        }
        properties.insert("metadata".to_owned(), format.reference(TYPES["ObjectMeta"].name));
        schema["x-kubernetes-group-version-kind"] = json!([identity(resource)]);
        schema["description"] = json!(described(resource));
    }
    schema["properties"] = Value::Object(properties);
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn described(resource: &Resource) -> String {
    let version = group_version(resource.group, resource.version);
    let also =
        if resource.group == EVENTS_GROUP { " Events of the core group are the same." } else { "" };
    format!("{} of {version}, as this server checks it.{also}", resource.kind)
}

fn property(format: Format, field: &Field) -> Value {
    let mut schema = shape(format, &field.shape);
    match &field.list {
        ListKind::Plain if matches!(field.shape, Shape::List(_)) => {
            schema["x-kubernetes-list-type"] = json!("atomic");
        }
        ListKind::Plain => {}
        ListKind::Atomic => schema["x-kubernetes-map-type"] = json!("atomic"),
        ListKind::Set => {
            schema["x-kubernetes-list-type"] = json!("set");
            schema["x-kubernetes-patch-strategy"] = json!("merge");
        }
        ListKind::Keyed { merge, keys } => {
            schema["x-kubernetes-list-type"] = json!("map");
            schema["x-kubernetes-list-map-keys"] = json!(keys);
            schema["x-kubernetes-patch-merge-key"] = json!(merge);
            schema["x-kubernetes-patch-strategy"] = json!("merge");
        }
    }
    schema
}

fn shape(format: Format, of: &Shape) -> Value {
    match of {
        Shape::Text => json!({"type": "string"}),
        Shape::Time => json!({"type": "string", "format": "date-time"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::IntOrText if format == Format::Two => {
            json!({"type": "string", "format": "int-or-string"})
        }
        Shape::IntOrText => json!({
            "format": "int-or-string",
            "oneOf": [{"type": "integer"}, {"type": "string"}],
        }),
        Shape::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Shape::Of(name) => format.reference(TYPES[name].name),
        Shape::List(inner) => json!({"type": "array", "items": shape(format, inner)}),
        Shape::Map(inner) => {
            json!({"type": "object", "additionalProperties": shape(format, inner)})
        }
    }
}
