//! From the short forms to ordinary Kubernetes documents.

use serde_json::{Map, Value, json};

use super::notation::{Case, Fixture, Node, Object, Service, Slice};
use crate::hns::HnsSetup;
use crate::subject::{Change, Setup};

/// The namespace of a name that is written without one.
const NAMESPACE: &str = "shop";

/// The setup of a case: the fixture's nodes and the case's objects. A later object replaces an earlier one.
pub(super) fn setup(case: &Case, fixture: &Fixture) -> Result<Setup, String> {
    let mut objects: Vec<Object> = fixture.nodes.iter().cloned().map(Object::Node).collect();
    objects.extend(case.objects.iter().cloned());
    let mut documents: Vec<Value> = Vec::new();
    for change in batch(&objects, fixture)? {
        let Change::Apply(document) = change else {
            return Err("a case cannot begin with a deletion".to_owned());
        };
        match documents.iter_mut().find(|known| identity(known) == identity(&document)) {
            Some(known) => *known = document,
            None => documents.push(document),
        }
    }
    let mut configuration = Vec::new();
    let heads = [
        (
            &case.configuration.kube_proxy,
            "kubeproxy.config.k8s.io/v1alpha1",
            "KubeProxyConfiguration",
        ),
        (&case.configuration.switchyard, "switchyard.dev/v1alpha1", "SwitchyardConfiguration"),
    ];
    for (fields, version, kind) in heads {
        if let Some(fields) = fields {
            let mut document = json!({"apiVersion": version, "kind": kind});
            merge(&mut document, &Value::Object(fields.clone()));
            configuration.push(document);
        }
    }
    let hns = case.hns.as_ref().map(|hns| HnsSetup { knobs: hns.knobs.clone() });
    let (node, windows) = (case.node.clone(), case.windows.clone());
    let health = case.health.as_ref().map(|health| health.blocked);
    Ok(Setup { node, documents, configuration, windows, hns, health })
}

/// What makes two documents the same object.
fn identity(document: &Value) -> (&Value, &Value, &Value) {
    let metadata = &document["metadata"];
    (&document["kind"], &metadata["namespace"], &metadata["name"])
}

/// One batch of changes.
pub(super) fn batch(objects: &[Object], fixture: &Fixture) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    for object in objects {
        push(object, fixture, &mut changes)?;
    }
    Ok(changes)
}

fn push(object: &Object, fixture: &Fixture, changes: &mut Vec<Change>) -> Result<(), String> {
    let mut document = match object {
        Object::Service(form) => service(form, fixture)?,
        Object::Slice(form) => slice(form, fixture)?,
        Object::Node(form) => node(form),
        Object::Document(document) => document.clone(),
        Object::Delete(text) => {
            changes.push(deletion(text)?);
            return Ok(());
        }
        Object::Repeat(repeat) => {
            let template =
                serde_json::to_value(&repeat.objects).map_err(|error| error.to_string())?;
            for index in 0..repeat.times {
                let mut filled = template.clone();
                for_each_text(&mut filled, &|text| counted(text, index));
                let objects: Vec<Object> =
                    serde_json::from_value(filled).map_err(|error| error.to_string())?;
                for object in &objects {
                    push(object, fixture, changes)?;
                }
            }
            return Ok(());
        }
    };
    for_each_text(&mut document, &filled);
    changes.push(Change::Apply(document));
    Ok(())
}

fn deletion(text: &str) -> Result<Change, String> {
    let (kind, name) =
        text.split_once(' ').ok_or_else(|| format!("delete `{text}`: no kind and name"))?;
    let (namespace, name) = match (kind, name.split_once('/')) {
        ("Node", _) => ("", name),
        (_, Some(both)) => both,
        (_, None) => (NAMESPACE, name),
    };
    let name = filled(name);
    Ok(Change::Delete { kind: kind.to_owned(), namespace: namespace.to_owned(), name })
}

/// Namespace and name, as metadata.
fn metadata(name: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap_or((NAMESPACE, name));
    json!({"namespace": namespace, "name": name})
}

fn service(form: &Service, fixture: &Fixture) -> Result<Value, String> {
    let mut document =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(&form.name)});
    let mut uid = form.name.replace('/', ".");
    uid.insert_str(0, "uid-of-");
    document["metadata"]["uid"] = Value::from(uid);
    describe(&mut document, &form.labels, &form.annotations);
    if let Some(created) = &form.created {
        document["metadata"]["creationTimestamp"] = Value::from(created.as_str());
    }
    let mut spec = json!({"type": form.kind, "ports": ports(&form.ports, Owner::Service)?});
    let usual: &[String] =
        if form.kind == "ExternalName" { &[] } else { &["cluster-ip".to_owned()] };
    let ips: Vec<String> =
        form.ips.as_deref().unwrap_or(usual).iter().map(|word| fixture.address(word)).collect();
    if let Some(first) = ips.first() {
        spec["clusterIP"] = Value::from(first.as_str());
        spec["clusterIPs"] = Value::from(ips.clone());
    }
    if !form.external.is_empty() {
        spec["externalIPs"] = form.external.iter().map(|word| fixture.address(word)).collect();
    }
    merge(&mut spec, &Value::Object(form.spec.clone()));
    document["spec"] = spec;
    if !form.balancer.is_empty() {
        let ingress: Vec<Value> = form
            .balancer
            .iter()
            .map(|entry| match entry.as_str() {
                Some(word) => json!({"ip": fixture.address(word)}),
                None => entry.clone(),
            })
            .collect();
        document["status"] = json!({"loadBalancer": {"ingress": ingress}});
    }
    Ok(document)
}

fn describe<'a>(
    document: &mut Value,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
) {
    let object = |pairs: Map<String, Value>| (!pairs.is_empty()).then_some(Value::Object(pairs));
    let text = |(key, value): (&String, &String)| (key.clone(), Value::from(value.as_str()));
    if let Some(labels) = object(labels.into_iter().map(text).collect()) {
        document["metadata"]["labels"] = labels;
    }
    if let Some(annotations) = object(annotations.into_iter().map(text).collect()) {
        document["metadata"]["annotations"] = annotations;
    }
}

/// The object that a port belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Service,
    Slice,
}

fn ports(forms: &[Value], owner: Owner) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for form in forms {
        match form.as_str() {
            Some(text) => all.extend(
                port(text, owner)
                    .ok_or_else(|| format!("`{text}` is not [NAME] PORT/PROTOCOL [node PORT]"))?,
            ),
            None => all.push(form.clone()),
        }
    }
    Ok(all)
}

/// `[NAME] PORT/PROTOCOL [node PORT]`; `FIRST-LAST` for `PORT` makes one of each, `*` in the name is the number.
fn port(text: &str, owner: Owner) -> Option<Vec<Value>> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let node_port: Option<u16> = match words.as_slice() {
        [.., "node", number] => Some(number.parse().ok()?),
        _ => None,
    };
    if node_port.is_some() {
        words.truncate(words.len() - 2);
    }
    let (name, place) = match words.as_slice() {
        [name, place] => (*name, *place),
        [place] => ("", *place),
        _ => return None,
    };
    let (numbers, protocol) = place.split_once('/')?;
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let range = first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?;
    let one = |number: u16| {
        let mut port = json!({"port": number, "protocol": protocol});
        if owner == Owner::Slice || !name.is_empty() {
            port["name"] = Value::from(name.replace('*', &number.to_string()));
        }
        if let Some(node_port) = node_port {
            port["nodePort"] = Value::from(node_port);
        }
        port
    };
    Some(range.map(one).collect())
}

fn slice(form: &Slice, fixture: &Fixture) -> Result<Value, String> {
    let mut endpoints = Vec::new();
    for form in &form.endpoints {
        match form.as_str() {
            Some(text) => endpoints.extend(endpoint(text, fixture)?),
            None => endpoints.push(form.clone()),
        }
    }
    let first = endpoints.first().and_then(|endpoint| endpoint["addresses"][0].as_str());
    let family = if first.is_some_and(|address| address.contains(':')) { "IPv6" } else { "IPv4" };
    let mut document = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata(&form.name),
        "addressType": form.kind.as_deref().unwrap_or(family),
        "ports": ports(&form.ports, Owner::Slice)?,
    });
    document["endpoints"] = Value::Array(endpoints);
    let mut labels = form.labels.clone();
    if let Some(service) = &form.of {
        labels.insert("kubernetes.io/service-name".to_owned(), service.clone());
    }
    describe(&mut document, &labels, &form.annotations);
    Ok(document)
}

/// `NAME-OR-ADDRESS [NODE] [WORD]...`, once for every address of its octet ranges.
fn endpoint(text: &str, fixture: &Fixture) -> Result<Vec<Value>, String> {
    let mut words = text.split_whitespace();
    let host = words.next().ok_or("an endpoint is empty")?;
    let mut node = fixture.node_of(host);
    let mut conditions = json!({"ready": true, "serving": true, "terminating": false});
    let (mut zones, mut nodes) = (Vec::new(), Vec::new());
    for word in words {
        match word {
            "not-ready" => {
                conditions = json!({"ready": false, "serving": false, "terminating": false});
            }
            "terminating" => {
                conditions = json!({"ready": false, "serving": true, "terminating": true});
            }
            "dead" => conditions = json!({"ready": false, "serving": false, "terminating": true}),
            "bare" => conditions = Value::Null,
            "nodeless" => node = None,
            word if fixture.is_node(word) => node = Some(word.to_owned()),
            word => match word.split_once(':') {
                Some(("for-zone", zone)) => zones.push(json!({"name": zone})),
                Some(("for-node", node)) => nodes.push(json!({"name": node})),
                _ => return Err(format!("endpoint `{text}`: what is `{word}`?")),
            },
        }
    }
    let mut endpoint = json!({});
    if !conditions.is_null() {
        endpoint["conditions"] = conditions;
    }
    if let Some(node) = node {
        endpoint["nodeName"] = Value::from(node);
    }
    if !zones.is_empty() {
        endpoint["hints"]["forZones"] = Value::Array(zones);
    }
    if !nodes.is_empty() {
        endpoint["hints"]["forNodes"] = Value::Array(nodes);
    }
    let with_address = |address: String| {
        let mut endpoint = endpoint.clone();
        endpoint["addresses"] = json!([address]);
        endpoint
    };
    Ok(octet_ranges(&fixture.address(host))?.into_iter().map(with_address).collect())
}

fn node(form: &Node) -> Value {
    let mut document = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": form.name}});
    let mut labels = form.labels.clone();
    labels.insert("kubernetes.io/hostname".to_owned(), form.name.clone());
    if let Some(zone) = &form.zone {
        labels.insert("topology.kubernetes.io/zone".to_owned(), zone.clone());
    }
    describe(&mut document, &labels, []);
    if let Some(first) = form.pods.first() {
        document["spec"] = json!({"podCIDR": first, "podCIDRs": form.pods});
    }
    let addresses: Vec<Value> = form
        .addresses
        .iter()
        .map(|address| json!({"type": "InternalIP", "address": address}))
        .collect();
    document["status"] = json!({"addresses": addresses});
    document
}

/// Every address of `10.1.0-9.1-100`, the last octet running fastest. Any other text stands for itself.
pub(super) fn octet_ranges(text: &str) -> Result<Vec<String>, String> {
    let octets: Vec<&str> = text.split('.').collect();
    if octets.len() != 4 || !text.contains('-') {
        return Ok(vec![text.to_owned()]);
    }
    let wrong = |_| format!("`{text}` is not an address with octet ranges");
    let mut prefixes = vec![String::new()];
    for octet in octets {
        let (first, last) = octet.split_once('-').unwrap_or((octet, octet));
        let range = first.parse::<u8>().map_err(wrong)?..=last.parse::<u8>().map_err(wrong)?;
        let longer = |prefix: &String| {
            let dot = if prefix.is_empty() { "" } else { "." };
            let prefix = prefix.clone();
            range.clone().map(move |number| format!("{prefix}{dot}{number}"))
        };
        prefixes = prefixes.iter().flat_map(longer).collect();
    }
    Ok(prefixes)
}

/// A merge patch: objects merge, `null` removes, anything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let (Some(fields), Some(changes)) = (target.as_object_mut(), patch.as_object()) else {
        *target = patch.clone();
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}

/// Rewrites every text of a document, keys excepted.
fn for_each_text(value: &mut Value, rewrite: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) if text.contains('{') => *text = rewrite(text),
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_text(item, rewrite)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| for_each_text(field, rewrite));
        }
        _ => {}
    }
}

/// `{i}` and `{i+NUMBER}` become the count of a repetition.
fn counted(text: &str, index: u32) -> String {
    braces(text, |inside| {
        let rest = inside.strip_prefix('i')?;
        let more = if rest.is_empty() { 0 } else { rest.strip_prefix('+')?.parse::<u32>().ok()? };
        Some((index + more).to_string())
    })
}

/// `{fill=NUMBER}` becomes as many letters `x`.
pub(super) fn filled(text: &str) -> String {
    braces(text, |inside| {
        let length = inside.strip_prefix("fill=")?.parse::<usize>().ok()?;
        Some("x".repeat(length))
    })
}

/// Replaces each `{...}` for which there is a replacement.
fn braces(text: &str, replacement: impl Fn(&str) -> Option<String>) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        done.push_str(before);
        match after.split_once('}').and_then(|(inside, end)| Some((replacement(inside)?, end))) {
            Some((new, end)) => {
                done.push_str(&new);
                rest = end;
            }
            None => {
                done.push('{');
                rest = after;
            }
        }
    }
    done.push_str(rest);
    done
}
