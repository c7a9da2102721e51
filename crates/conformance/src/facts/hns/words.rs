//! Objects of HNS in words, and words as objects.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::facts::notation::Fixture;
use crate::facts::outcome::split_port;
use crate::hns::HnsKind;

/// The owner whose objects need not say so.
const OWN: &str = "switchyard";
/// What stands for every address of the node.
const NODE: &str = "node";

/// An object that HNS holds.
#[derive(Debug, Clone)]
pub(super) enum Object {
    Balancer { id: String, balancer: Balancer },
    Endpoint { id: String, endpoint: Endpoint },
}

/// A load balancer: `FRONTEND => BACKEND... [source ADDRESS] [sticky] [dsr] [degraded] [of OWNER]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Balancer {
    /// `ADDRESS:PORT/PROTOCOL`.
    frontend: String,
    /// `ADDRESS:PORT`, with `@NETWORK` where there are several.
    backends: Vec<String>,
    source: Option<String>,
    sticky: bool,
    dsr: bool,
    degraded: bool,
    owner: String,
}

/// An endpoint: `ADDRESS [local] [provider ADDRESS] [on NETWORK] [of OWNER]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Endpoint {
    address: String,
    local: bool,
    provider: Option<String>,
    network: Option<String>,
    owner: String,
}

impl Object {
    pub(super) fn kind(&self) -> HnsKind {
        match self {
            Self::Balancer { .. } => HnsKind::LoadBalancer,
            Self::Endpoint { .. } => HnsKind::Endpoint,
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Balancer { id, .. } | Self::Endpoint { id, .. } => id,
        }
    }

    /// What it is called: `balancer FRONTEND` or `endpoint ADDRESS`.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Balancer { balancer, .. } => format!("balancer {}", balancer.frontend),
            Self::Endpoint { endpoint, .. } => format!("endpoint {}", endpoint.address),
        }
    }

    fn owner(&self) -> &str {
        match self {
            Self::Balancer { balancer, .. } => &balancer.owner,
            Self::Endpoint { endpoint, .. } => &endpoint.owner,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balancer { balancer, .. } => balancer.fmt(f),
            Self::Endpoint { endpoint, .. } => endpoint.fmt(f),
        }
    }
}

fn text<'a>(document: &'a Value, member: &str) -> &'a str {
    document[member].as_str().unwrap_or_default()
}

fn list<'a>(document: &'a Value, member: &str) -> &'a [Value] {
    document[member].as_array().map_or(&[], Vec::as_slice)
}

fn flag(document: &Value, bit: u64) -> bool {
    document["Flags"].as_u64().unwrap_or_default() & bit != 0
}

/// `ADDRESS:PORT`, with brackets around IPv6.
fn with_port(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// All load balancers and endpoints of a state.
pub(super) fn objects(held: &Value) -> Result<Vec<Object>, String> {
    let mut objects = Vec::new();
    for document in list(held, "endpoints") {
        let endpoint = Endpoint::read(document, held);
        objects.push(Object::Endpoint { id: text(document, "ID").to_owned(), endpoint });
    }
    for document in list(held, "loadBalancers") {
        let balancer = Balancer::read(document, held)?;
        objects.push(Object::Balancer { id: text(document, "ID").to_owned(), balancer });
    }
    Ok(objects)
}

/// The name of an endpoint's network, where there are several.
fn network_of(endpoint: &Value, held: &Value) -> Option<String> {
    let networks = list(held, "networks");
    let id = text(endpoint, "HostComputeNetwork");
    let found = networks.iter().find(|network| text(network, "ID") == id);
    match found {
        Some(_) if networks.len() == 1 => None,
        Some(network) => Some(text(network, "Name").to_owned()),
        None => Some("nowhere".to_owned()),
    }
}

fn address_of(endpoint: &Value) -> String {
    list(endpoint, "IpConfigurations").first().map_or("", |own| text(own, "IpAddress")).to_owned()
}

impl Endpoint {
    fn read(document: &Value, held: &Value) -> Self {
        let provider = list(document, "Policies")
            .iter()
            .find(|policy| text(policy, "Type") == "ProviderAddress")
            .map(|policy| text(&policy["Settings"], "ProviderAddress").to_owned());
        Self {
            address: address_of(document),
            local: !flag(document, 1),
            provider,
            network: network_of(document, held),
            owner: text(document, "Owner").to_owned(),
        }
    }

    pub(super) fn parse(text: &str, fixture: &Fixture) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let host = words.next().ok_or("an endpoint has no address")?;
        let mut endpoint = Self { address: fixture.address(host), ..Self::default() };
        let mut owner = None;
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or_else(|| format!("`{text}`: {word} what?"));
            match word {
                "local" => endpoint.local = true,
                "provider" => endpoint.provider = Some(fixture.address(next()?)),
                "on" => endpoint.network = Some(next()?.to_owned()),
                "of" => owner = Some(next()?.to_owned()),
                _ => return Err(format!("endpoint `{text}`: what is `{word}`?")),
            }
        }
        // Pods' endpoints are the network plugin's, which says no owner.
        let usual = if endpoint.local { "" } else { OWN };
        endpoint.owner = owner.unwrap_or_else(|| usual.to_owned());
        Ok(endpoint)
    }

    fn document(&self, id: &str, held: &Value) -> Result<Value, String> {
        let networks = list(held, "networks");
        let network = match &self.network {
            Some(name) => networks.iter().find(|network| text(network, "Name") == name),
            None => networks.first(),
        };
        let network = network.ok_or_else(|| format!("no network for `{self}`"))?;
        let mut document = json!({
            "ID": id,
            "Owner": self.owner,
            "HostComputeNetwork": network["ID"],
            "IpConfigurations": [{"IpAddress": self.address, "PrefixLength": 24}],
            "MacAddress": hardware_address(&self.address),
            "Flags": u8::from(!self.local),
        });
        if let Some(provider) = &self.provider {
            let settings = json!({"ProviderAddress": provider});
            document["Policies"] = json!([{"Type": "ProviderAddress", "Settings": settings}]);
        }
        Ok(document)
    }
}

/// The hardware address that kube-proxy gives an address elsewhere (`conjureMac`).
fn hardware_address(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("02-11-{a:02X}-{b:02X}-{c:02X}-{d:02X}")
        }
        _ => "02-11-00-00-00-06".to_owned(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)?;
        if self.local {
            f.write_str(" local")?;
        }
        if let Some(provider) = &self.provider {
            write!(f, " provider {provider}")?;
        }
        if let Some(network) = &self.network {
            write!(f, " on {network}")?;
        }
        let usual = if self.local { "" } else { OWN };
        write_owner(f, &self.owner, usual)
    }
}

fn write_owner(f: &mut fmt::Formatter<'_>, owner: &str, usual: &str) -> fmt::Result {
    match owner {
        owner if owner == usual => Ok(()),
        "" => f.write_str(" of nobody"),
        owner => write!(f, " of {owner}"),
    }
}

const PROTOCOLS: [(&str, u64); 3] = [("TCP", 6), ("UDP", 17), ("SCTP", 132)];

impl Balancer {
    fn read(document: &Value, held: &Value) -> Result<Self, String> {
        let [mapping] = list(document, "PortMappings") else {
            return Err(format!("a load balancer has not one port mapping: {document}"));
        };
        let vip = list(document, "FrontendVIPs").first().and_then(Value::as_str);
        let vip = vip.filter(|vip| !vip.is_empty()).unwrap_or(NODE);
        let protocol = PROTOCOLS.iter().find(|(_, number)| mapping["Protocol"] == *number);
        let protocol = protocol.map_or("?", |(name, _)| name);
        let port = mapping["ExternalPort"].to_string();
        let internal = mapping["InternalPort"].to_string();
        let backend = |id: &Value| {
            let mut endpoints = list(held, "endpoints").iter();
            let Some(endpoint) = endpoints.find(|endpoint| endpoint["ID"] == *id) else {
                return "missing".to_owned();
            };
            let network = network_of(endpoint, held).map(|name| format!("@{name}"));
            with_port(&address_of(endpoint), &internal) + &network.unwrap_or_default()
        };
        let mut backends: Vec<String> =
            list(document, "HostComputeEndpoints").iter().map(backend).collect();
        backends.sort();
        let source = Some(text(document, "SourceVIP").to_owned());
        Ok(Self {
            frontend: format!("{}/{protocol}", with_port(vip, &port)),
            backends,
            source: source.filter(|source| !source.is_empty()),
            sticky: mapping["DistributionType"].as_u64().unwrap_or_default() != 0,
            dsr: flag(document, 1),
            degraded: document["State"] == 4,
            owner: text(document, "Owner").to_owned(),
        })
    }

    pub(super) fn parse(text: &str, fixture: &Fixture) -> Result<Self, String> {
        let (front, rest) =
            text.split_once(" => ").ok_or_else(|| format!("balancer `{text}` has no ` => `"))?;
        let mut balancer = Self { frontend: frontend(front, fixture)?, ..Self::default() };
        OWN.clone_into(&mut balancer.owner);
        let mut words = rest.split_whitespace();
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or_else(|| format!("`{text}`: {word} what?"));
            match word {
                "source" => balancer.source = Some(fixture.address(next()?)),
                "sticky" => balancer.sticky = true,
                "dsr" => balancer.dsr = true,
                "degraded" => balancer.degraded = true,
                "of" => next()?.clone_into(&mut balancer.owner),
                "missing" => balancer.backends.push(word.to_owned()),
                _ => {
                    let (place, network) = word.split_once('@').unwrap_or((word, ""));
                    let (host, port) = split_port(place)?;
                    let mut backend = with_port(&fixture.address(host), &port.to_string());
                    if !network.is_empty() {
                        backend = format!("{backend}@{network}");
                    }
                    balancer.backends.push(backend);
                }
            }
        }
        balancer.backends.sort();
        Ok(balancer)
    }

    fn document(&self, id: &str, held: &Value) -> Result<Value, String> {
        let wrong = || format!("`{self}` cannot be put");
        let (place, protocol) = self.frontend.rsplit_once('/').ok_or_else(wrong)?;
        let (vip, port) = place.rsplit_once(':').ok_or_else(wrong)?;
        let vip = vip.trim_matches(['[', ']']);
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let (_, number) = PROTOCOLS.iter().find(|(name, _)| *name == protocol).ok_or_else(wrong)?;
        let mut internal = None;
        let mut endpoints = Vec::new();
        for backend in &self.backends {
            let (place, network) = backend.split_once('@').unwrap_or((backend, ""));
            let (address, port) = split_port(place)?;
            internal = Some(port);
            let is_it = |endpoint: &&Value| {
                let on = network_of(endpoint, held).unwrap_or_default();
                address_of(endpoint) == address && on == network
            };
            let found = list(held, "endpoints").iter().find(is_it);
            endpoints
                .push(found.ok_or_else(|| format!("HNS has no endpoint {backend}"))?["ID"].clone());
        }
        let vips: Vec<&str> = Some(vip).filter(|vip| *vip != NODE).into_iter().collect();
        let mapping = json!({
            "Protocol": number,
            "InternalPort": internal.ok_or_else(wrong)?,
            "ExternalPort": port,
            "DistributionType": if self.sticky { 2 } else { 0 },
        });
        let family = if vip.contains(':') { 2 } else { 0 };
        let mut document = json!({
            "ID": id,
            "Owner": self.owner,
            "HostComputeEndpoints": endpoints,
            "FrontendVIPs": vips,
            "PortMappings": [mapping],
            "Flags": u8::from(self.dsr) + family,
            "State": if self.degraded { 4 } else { 2 },
        });
        if let Some(source) = &self.source {
            document["SourceVIP"] = json!(source);
        }
        Ok(document)
    }
}

impl fmt::Display for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {}", self.frontend, self.backends.join(" "))?;
        if let Some(source) = &self.source {
            write!(f, " source {source}")?;
        }
        let words = [(self.sticky, " sticky"), (self.dsr, " dsr"), (self.degraded, " degraded")];
        words.iter().filter(|(is, _)| *is).try_for_each(|(_, word)| f.write_str(word))?;
        write_owner(f, &self.owner, OWN)
    }
}

/// `NAME:PORT/PROTOCOL` or `[ADDRESS]:PORT/PROTOCOL`, the name an address.
fn frontend(text: &str, fixture: &Fixture) -> Result<String, String> {
    let wrong = || format!("frontend `{text}` is not ADDRESS:PORT/PROTOCOL");
    let (place, protocol) = text.trim().rsplit_once('/').ok_or_else(wrong)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let address = fixture.address(host.trim_matches(['[', ']']));
    Ok(format!("{}/{protocol}", with_port(&address, port)))
}

/// What an object is called, its name an address: `balancer FRONTEND` or `endpoint NAME`.
pub(super) fn name(text: &str, fixture: &Fixture) -> Result<String, String> {
    match text.split_once(' ') {
        Some(("balancer", place)) => Ok(format!("balancer {}", frontend(place, fixture)?)),
        Some(("endpoint", host)) => Ok(format!("endpoint {}", fixture.address(host.trim()))),
        _ => Err(format!("`{text}` is neither balancer FRONTEND nor endpoint ADDRESS")),
    }
}

/// A call: `VERB balancer [FRONTEND] [fails CODE]` or `VERB endpoint [ADDRESS] [fails CODE]`. An object that never was has
/// no name.
pub(super) fn call(text: &str, fixture: &Fixture) -> Result<String, String> {
    let (what, code) = match text.split_once(" fails ") {
        Some((what, code)) => (what, format!(" fails {code}")),
        None => (text, String::new()),
    };
    let (verb, object) =
        what.split_once(' ').ok_or_else(|| format!("call `{text}` has no object"))?;
    let object = match object {
        "balancer" | "endpoint" => object.to_owned(),
        object => name(object, fixture)?,
    };
    Ok(format!("{verb} {object}{code}"))
}

/// The document of an object that is put into HNS.
pub(super) fn document(
    text_of_it: &str,
    held: &Value,
    fixture: &Fixture,
) -> Result<(HnsKind, Value), String> {
    let wrong = || format!("put `{text_of_it}`: neither balancer, endpoint nor network");
    let (kind, rest) = text_of_it.split_once(' ').ok_or_else(wrong)?;
    let known = objects(held)?;
    // An object of the same owner and name is replaced.
    let id_for = |object: &Object| {
        let same =
            |other: &&Object| other.name() == object.name() && other.owner() == object.owner();
        known.iter().find(same).map_or_else(|| free_id(held), |other| other.id().to_owned())
    };
    match kind {
        "balancer" => {
            let balancer = Balancer::parse(rest, fixture)?;
            let id = id_for(&Object::Balancer { id: String::new(), balancer: balancer.clone() });
            Ok((HnsKind::LoadBalancer, balancer.document(&id, held)?))
        }
        "endpoint" => {
            let endpoint = Endpoint::parse(rest, fixture)?;
            let id = match endpoint.network {
                // The same address on another network is another endpoint.
                Some(_) => free_id(held),
                None => id_for(&Object::Endpoint { id: String::new(), endpoint: endpoint.clone() }),
            };
            Ok((HnsKind::Endpoint, endpoint.document(&id, held)?))
        }
        "network" => {
            let subnets = json!([{"IpAddressPrefix": "10.1.2.0/24"}]);
            let ipams = json!([{"Type": "Static", "Subnets": subnets}]);
            let id = free_id(held);
            Ok((
                HnsKind::Network,
                json!({"ID": id, "Name": rest.trim(), "Type": "L2Bridge", "Ipams": ipams}),
            ))
        }
        _ => Err(wrong()),
    }
}

/// An id that no object has.
fn free_id(held: &Value) -> String {
    let text = held.to_string();
    let ids = (1..).map(|number: u32| format!("f0000000-0000-0000-0000-{number:012}"));
    ids.into_iter().find(|id| !text.contains(id)).unwrap_or_default()
}
