//! An EndpointSlice document into an EndpointSlice.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use switchyard_model::{
    Conditions, Endpoint, EndpointSlice, Family, Hints, Name, ObjectKey, SlicePort, parse_endpoint,
};

#[cfg(feature = "api")]
use crate::field::Texts;
use crate::field::{Field, List};
#[cfg(feature = "api")]
use crate::meta::ANNOTATION_TRIGGER;
use crate::meta::{LABEL_HEADLESS, LABEL_SERVICE, Meta, Scope};
#[cfg(feature = "api")]
use crate::raw::Metadata;
use crate::raw::{HintName, Object, RawEndpoint, RawHints, RawPort, TargetRef};
use crate::refusal::{BOOLEAN, Notes, OBJECT, Refused, TEXT, name_trouble};
use crate::service::{port_name, port_number, protocol};
#[cfg(feature = "api")]
use switchyard_model::ServiceKey;

/// The most endpoints that the Kubernetes API lets a slice have.
pub(crate) const MOST_ENDPOINTS: usize = 1_000;

/// Reads an EndpointSlice.
pub(crate) fn read(document: Object, notes: &Notes) -> Result<EndpointSlice, Refused> {
    let mut meta = Meta::read(document.metadata, Scope::Namespaced, notes)?;
    let family = match notes.take_strictly(document.address_type, "addressType", TEXT)?.as_deref() {
        Some("IPv4") => Some(Family::IPv4),
        Some("IPv6") => Some(Family::IPv6),
        Some("FQDN") => None,
        other => {
            let found = other.unwrap_or_default();
            notes.refuse("addressType", format_args!("{found:?} is not IPv4, IPv6 or FQDN"));
            return Err(Refused);
        }
    };
    let headless = meta.has_label(LABEL_HEADLESS);
    let service = meta.label(LABEL_SERVICE, notes).filter(|name| !name.is_empty() && !headless);
    let (Some(service), Some(family)) = (service, family) else {
        return Ok(unread(meta.key));
    };
    let endpoints = raw_endpoints(document.endpoints, notes);
    let pods = pods(&endpoints, &meta.key.namespace);
    Ok(EndpointSlice {
        service: Some(service.into()),
        family,
        ports: ports(document.ports, notes),
        endpoints: endpoints
            .into_iter()
            .enumerate()
            .map(|(index, raw)| endpoint(raw, index, family, notes))
            .collect(),
        pods,
        key: meta.key,
    })
}

/// The Service of a slice, and the moment, in microseconds since 1970, when that happened for which the slice was changed
/// last. Nothing where it does not say it in words that can be read: it is for metrics alone.
#[cfg(feature = "api")]
pub(crate) fn trigger(metadata: &Metadata) -> Option<(ServiceKey, i64)> {
    let text = |texts: &Field<Texts>, key: &str| match texts {
        Field::Present(texts) => match texts.get(key) {
            Some(Field::Present(text)) => Some(text.clone()),
            _ => None,
        },
        Field::Absent | Field::Wrong(_) => None,
    };
    let Field::Present(namespace) = &metadata.namespace else { return None };
    let service = text(&metadata.labels, LABEL_SERVICE)?;
    let moment: jiff::Timestamp = text(&metadata.annotations, ANNOTATION_TRIGGER)?.parse().ok()?;
    Some((ServiceKey::new(namespace.as_str(), service), moment.as_microsecond()))
}

/// A slice that no Service reads.
fn unread(key: ObjectKey) -> EndpointSlice {
    EndpointSlice {
        key,
        service: None,
        family: Family::IPv4,
        ports: Box::default(),
        endpoints: Box::default(),
        pods: Box::default(),
    }
}

fn raw_endpoints(field: Field<List<RawEndpoint>>, notes: &Notes) -> Vec<Field<RawEndpoint>> {
    let mut endpoints = notes.take(field, "endpoints", "a list").unwrap_or_default();
    if endpoints.len() > MOST_ENDPOINTS {
        let count = endpoints.len();
        notes.refuse(
            "endpoints",
            format_args!(
                "{count} endpoints, but a slice has at most 1000: the first 1000 are used"
            ),
        );
        endpoints.truncate(MOST_ENDPOINTS);
    }
    endpoints
}

/// Reads one endpoint. A refused one keeps its place, without an address.
fn endpoint(raw: Field<RawEndpoint>, index: usize, family: Family, notes: &Notes) -> Endpoint {
    let path = format!("endpoints[{index}]");
    let raw = notes.entry(raw, "endpoints", index, OBJECT);
    let read = raw.and_then(|raw| usable_endpoint(raw, &path, family, notes).ok());
    read.unwrap_or(Endpoint {
        address: None,
        conditions: Conditions { ready: false, serving: false, terminating: false },
        node: None,
        hints: None,
    })
}

fn usable_endpoint(
    raw: RawEndpoint,
    path: &str,
    family: Family,
    notes: &Notes,
) -> Result<Endpoint, Refused> {
    let address = first_address(raw.addresses, path, family, notes)?;
    let conditions = format!("{path}.conditions");
    let raw_conditions = notes.take_strictly(raw.conditions, &conditions, OBJECT)?;
    let raw_conditions = raw_conditions.unwrap_or_default();
    let condition = |field, name, default| {
        let value = notes.take_strictly(field, format_args!("{conditions}.{name}"), BOOLEAN)?;
        Ok(value.unwrap_or(default))
    };
    let conditions = Conditions {
        ready: condition(raw_conditions.ready, "ready", true)?,
        serving: condition(raw_conditions.serving, "serving", true)?,
        terminating: condition(raw_conditions.terminating, "terminating", false)?,
    };
    let node = notes.take_strictly(raw.node_name, format_args!("{path}.nodeName"), TEXT)?;
    Ok(Endpoint {
        address: Some(address),
        conditions,
        node: node.filter(|name| !name.is_empty()).map(Name::from),
        hints: hints(raw.hints, &format!("{path}.hints"), notes),
    })
}

/// Reads the first address, which alone counts.
fn first_address(
    field: Field<List<String>>,
    path: &str,
    family: Family,
    notes: &Notes,
) -> Result<IpAddr, Refused> {
    let list = notes.take_strictly(field, format_args!("{path}.addresses"), "a list")?;
    let first = list.and_then(|list| list.into_iter().next()).unwrap_or_default();
    let path = format!("{path}.addresses[0]");
    let Some(text) = notes.take_strictly(first, &path, TEXT)? else {
        notes.refuse(path, "absent");
        return Err(Refused);
    };
    parse_endpoint(&text, family).map_err(|trouble| {
        notes.refuse(path, trouble);
        Refused
    })
}

/// Reads hints. Those that cannot be read count as absent, which turns hints off for the whole Service port: safe.
fn hints(field: Field<RawHints>, path: &str, notes: &Notes) -> Option<Arc<Hints>> {
    let raw = notes.take(field, path, OBJECT)?;
    let names = |field, list| hint_names(field, &format!("{path}.{list}"), notes);
    let (zones, nodes) = (names(raw.for_zones, "forZones"), names(raw.for_nodes, "forNodes"));
    let hints = Hints { zones: zones.ok()?, nodes: nodes.ok()? };
    let some = !hints.zones.is_empty() || !hints.nodes.is_empty();
    some.then(|| Arc::new(hints))
}

/// Reads the names of hints. An empty one is a hint all the same, for nobody, as it is to kube-proxy.
fn hint_names(
    field: Field<List<HintName>>,
    path: &str,
    notes: &Notes,
) -> Result<Box<[Name]>, Refused> {
    let list = notes.list(field, path, OBJECT);
    list.into_iter()
        .map(|(index, hint)| {
            let path = format_args!("{path}[{index}].name");
            Ok(notes.take_strictly(hint.name, path, TEXT)?.unwrap_or_default().into())
        })
        .collect()
}

/// The pod behind each endpoint, where any is named. Only to say where packets come from: nothing is refused for it.
fn pods(endpoints: &[Field<RawEndpoint>], namespace: &Name) -> Box<[Option<ObjectKey>]> {
    let pod = |endpoint: &Field<RawEndpoint>| {
        let Field::Present(RawEndpoint { target_ref: Field::Present(target), .. }) = endpoint
        else {
            return None;
        };
        let TargetRef { kind: Field::Present(kind), name: Field::Present(name), .. } = target
        else {
            return None;
        };
        if kind != "Pod" || name_trouble(name).is_some() {
            return None;
        }
        let namespace = match &target.namespace {
            Field::Present(own) if name_trouble(own).is_none() => own.as_str().into(),
            Field::Present(_) | Field::Absent | Field::Wrong(_) => namespace.clone(),
        };
        Some(ObjectKey::new(namespace, name.as_str()))
    };
    let pods: Box<[_]> = endpoints.iter().map(pod).collect();
    if pods.iter().any(Option::is_some) { pods } else { Box::default() }
}

/// Reads the ports, sorted. An absent name is not an empty one: such a port has no Service port to belong to.
fn ports(field: Field<List<RawPort>>, notes: &Notes) -> Box<[SlicePort]> {
    let mut seen = BTreeSet::new();
    let mut ports = Vec::new();
    for (index, raw) in notes.list(field, "ports", OBJECT) {
        let path = format!("ports[{index}]");
        let Ok(port) = port(raw, &path, notes) else { continue };
        if seen.insert((port.name.clone(), port.protocol)) {
            ports.push(port);
        } else {
            notes.refuse(path, "an earlier port has the same name and protocol");
        }
    }
    ports.sort_by(|left, right| {
        (left.name.as_str(), left.protocol).cmp(&(right.name.as_str(), right.protocol))
    });
    ports.into()
}

fn port(raw: RawPort, path: &str, notes: &Notes) -> Result<SlicePort, Refused> {
    let at = |field| format!("{path}.{field}");
    let Some(name) = notes.take_strictly(raw.name, at("name"), TEXT)? else {
        notes.refuse(at("name"), "absent: a port without a name has the empty one");
        return Err(Refused);
    };
    let name = port_name(name, &at("name"), notes)?;
    let protocol = protocol(raw.protocol, &at("protocol"), notes)?;
    let Some(port) = port_number(raw.port, &at("port"), notes)? else {
        notes.refuse(at("port"), "absent or 0: must be between 1 and 65535");
        return Err(Refused);
    };
    Ok(SlicePort { name, protocol, port })
}
