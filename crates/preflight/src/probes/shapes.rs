//! What documents look like.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use switchyard_hcn::{Endpoint, LoadBalancer, Namespace, Network, Query};

use crate::answer::{Answer, Outcome, Unanswered};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};

/// How many objects of each kind are looked at.
const MOST: usize = 100;

pub(super) const READING: &[Probe] = &[Probe {
    id: "unknown-members",
    question: "Which members does HNS show that Switchyard does not know?",
    needs: Needs::Nothing,
    ask: unknown_members,
}];

/// Where a member was found, with the kind of value that it had and how often.
type Found = BTreeMap<(String, &'static str), usize>;

fn unknown_members(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let mut found = Found::new();
    let mut seen = Vec::new();
    for kind in Kind::ALL {
        let mut looked_at = 0;
        for text in bench.list_text(kind, &Query::all().to_json())?.into_iter().take(MOST) {
            let Ok(id) = text.parse() else {
                seen.push(format!("an id of a {kind} cannot be read: {text:?}"));
                continue;
            };
            let plain = bench.read(kind, id)?;
            look(kind, &plain, "", &mut found, &mut seen);
            let detailed = bench.read_detailed(kind, id)?;
            look(kind, &detailed, " (detailed)", &mut found, &mut seen);
            looked_at += 1;
        }
        seen.push(format!("{looked_at} {kind}s looked at"));
    }
    if seen.iter().all(|line| line.starts_with("0 ")) {
        return Err(Unanswered::because("HNS holds nothing"));
    }
    let word =
        if found.is_empty() { "none".to_owned() } else { format!("{} members", found.len()) };
    let found =
        found.iter().map(|((path, value), count)| format!("{path}: {value}, {count} times"));
    Ok(Answer::new(word).with_all(found).with_all(seen))
}

fn look(kind: Kind, document: &Value, how: &str, found: &mut Found, seen: &mut Vec<String>) {
    let unknown = match kind {
        Kind::LoadBalancer => unknown_to::<LoadBalancer>(document),
        Kind::Endpoint => unknown_to::<Endpoint>(document),
        Kind::Network => unknown_to::<Network>(document),
        Kind::Namespace => unknown_to::<Namespace>(document),
    };
    match unknown {
        Some(unknown) => {
            for (path, value) in unknown {
                *found.entry((format!("{kind}{how} {path}"), kind_of(&value))).or_default() += 1;
            }
        }
        None => seen.push(format!("a {kind}{how} does not fit the document that is known")),
    }
}

/// The members of a document that its type does not know, by their paths; none where the type does not read it at all.
fn unknown_to<T: DeserializeOwned + Serialize>(document: &Value) -> Option<Vec<(String, Value)>> {
    serde_json::from_value::<T>(document.clone()).ok()?;
    let mut unknown = Vec::new();
    walk::<T>(document, document, &mut Vec::new(), &mut unknown);
    Some(unknown)
}

/// A step into a document.
enum Step {
    Member(String),
    Item(usize),
}

/// Looks at every member, and inside those that the type knows.
fn walk<T: DeserializeOwned + Serialize>(
    document: &Value,
    at: &Value,
    path: &mut Vec<Step>,
    unknown: &mut Vec<(String, Value)>,
) {
    match at {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(Step::Member(name.clone()));
                if is_read_by_type::<T>(document, path) {
                    walk::<T>(document, value, path, unknown);
                } else {
                    unknown.push((shown(path), value.clone()));
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                path.push(Step::Item(number));
                walk::<T>(document, item, path, unknown);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether a member of the document means something to the type. One that means nothing is carried as it is, whatever it
/// holds, and so is a number in its place that nothing here is; one that means something refuses that, or reads it as
/// something else. Settings of policies are explained by the type of the policy alone, so they are known as a whole.
fn is_read_by_type<T: DeserializeOwned + Serialize>(document: &Value, path: &[Step]) -> bool {
    if path.iter().any(|step| matches!(step, Step::Member(name) if name == "Settings")) {
        return true;
    }
    let marker = json!(0.5);
    let mut changed = document.clone();
    let Some(marked) = place(&mut changed, path) else { return true };
    marked.clone_from(&marker);
    let Ok(read) = serde_json::from_value::<T>(changed) else { return true };
    let Ok(mut written) = serde_json::to_value(read) else { return true };
    place(&mut written, path) != Some(&mut marker.clone())
}

fn place<'a>(document: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |at, step| match step {
        Step::Member(name) => at.get_mut(name),
        Step::Item(number) => at.get_mut(number),
    })
}

fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Member(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Item(_) => text.push_str("[]"),
        }
    }
    text
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_a_type_does_not_know_are_found_at_any_depth() {
        let document = json!({
            "ID": "00000000-0000-0000-0000-000000000001",
            "Name": "cbr0",
            "Type": "L2Bridge",
            "ManagementIP": "192.0.2.11",
            "Health": { "Extra": { "A": 1 } },
            "Ipams": [{ "Type": "Static", "Subnets": [{
                "IpAddressPrefix": "10.1.1.0/24", "New": 1, "Policies": [],
                "Routes": [{ "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0", "Newer": [] }],
            }] }],
            "Policies": [{ "Type": "Strange", "Settings": { "B": 1 }, "Beside": 2 }],
            "MacPool": { "Ranges": [{ "StartMacAddress": "00-15-5D-00-10-00" }] },
            "State": 1,
            "SchemaVersion": { "Major": 2, "Minor": 0 },
        });
        let paths: Vec<String> =
            unknown_to::<Network>(&document).unwrap().into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "Health",
                "Ipams[].Subnets[].New",
                "Ipams[].Subnets[].Routes[].Newer",
                "ManagementIP",
                "Policies[].Beside"
            ]
        );
    }

    #[test]
    fn documents_of_the_schema_have_no_unknown_members() {
        let endpoint = json!({
            "ID": "00000000-0000-0000-0000-000000000001",
            "Owner": "o", "Name": "n",
            "HostComputeNetwork": "00000000-0000-0000-0000-000000000002",
            "HostComputeNamespace": "00000000-0000-0000-0000-000000000003",
            "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }],
            "MacAddress": "00-15-5D-00-10-01", "Flags": 1, "State": 2,
            "Policies": [{ "Type": "OutBoundNAT", "Settings": { "Exceptions": [] } }],
            "Routes": [], "Dns": { "Domain": "d", "Search": ["s"], "ServerList": ["10.96.0.10"], "Options": [] },
            "SchemaVersion": { "Major": 2, "Minor": 0 },
        });
        assert_eq!(unknown_to::<Endpoint>(&endpoint), Some(Vec::new()));
        let balancer = json!({
            "ID": "00000000-0000-0000-0000-000000000001", "Owner": "o", "Name": "n",
            "HostComputeEndpoints": ["00000000-0000-0000-0000-000000000002"],
            "SourceVIP": "10.1.1.2", "FrontendVIPs": ["172.20.0.10"], "Flags": 1, "State": 2,
            "PortMappings": [{ "Protocol": 6, "InternalPort": 80, "ExternalPort": 80, "DistributionType": 1, "Flags": 2 }],
            "SchemaVersion": { "Major": 2, "Minor": 0 },
        });
        assert_eq!(unknown_to::<LoadBalancer>(&balancer), Some(Vec::new()));
    }
}
