//! What HNS generates or fills in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};
use switchyard_hcn::{Guid, MacAddress};

use super::namespace::attach;
use crate::documents::{
    GATEWAY, GATEWAY_V6, OTHER_NODE, PREFIX, PREFIX_V6, TCP, fresh, id, knob, l2bridge,
    load_balancer as balancer_of, local, local_at, network as network_of, node_port, overlay, port,
    remote_at, remote_through, subnet, with,
};
use crate::finding::{Checked, Finding, accepted, equal, that};
use crate::session::{Kind, Place, Session, id_of};
use crate::trial::Trial;

/// One place for an object of each kind, and what to make it from.
fn places(hns: &Session<'_>) -> Result<[(Kind, Place, Value); 4], Finding> {
    let network = hns.network(&l2bridge())?;
    let backend = hns.endpoint(network, &remote_at("10.42.9.31"))?;
    let balancer = balancer_of(&[backend], "10.96.14.5", TCP, 80);
    Ok([
        (Kind::Network, Place::Network, network_of("other", "NAT", &[])),
        (Kind::Endpoint, Place::EndpointOf(network), local_at(&["10.42.7.23"])),
        (Kind::Namespace, Place::Namespace, json!({"Type": "Host"})),
        (Kind::LoadBalancer, Place::LoadBalancer, balancer),
    ])
}

/// G1: the row "all".
pub(super) fn common(trial: &mut Trial<'_>) {
    trial.attempt("ids that HNS picks", &fresh(), |hns| {
        let mut seen = BTreeSet::new();
        for (kind, place, settings) in places(hns)? {
            let made = accepted("create", hns.create(place, &settings))?;
            that(!made.is_nil() && seen.insert(made), || format!("{kind:?} has the id {made}"))?;
            equal("ID", &id_of(&hns.shown(kind, made)?)?, &made)?;
        }
        Ok(())
    });
    for honours in [true, false] {
        let what = format!("ids of the client, honoured {honours}");
        trial.attempt(what, &knob("honoursCallerId", honours), |hns| {
            for (number, (kind, place, settings)) in (1..).zip(places(hns)?) {
                let as_argument = match kind {
                    // The frontend and the name may be used once, the address as well.
                    Kind::LoadBalancer => {
                        with(settings.clone(), "FrontendVIPs", json!(["10.96.14.6"]))
                    }
                    Kind::Network => with(settings.clone(), "Name", "by argument"),
                    Kind::Endpoint => local_at(&["10.42.7.24"]),
                    Kind::Namespace => settings.clone(),
                };
                let argument = hns.create_as(place, id(number), &as_argument.to_string())?;
                equal("the argument is its id", &(argument == id(number)), &honours)?;
                let member = hns.create(place, &with(settings, "ID", json!(id(100 + number))))?;
                equal("the member is its id", &(member == id(100 + number)), &honours)?;
                accepted("open", hns.open(kind, argument))?;
                accepted("open", hns.open(kind, member))?;
            }
            Ok(())
        });
    }
    trial.attempt("state, health, version and activity", &fresh(), |hns| {
        for (kind, place, settings) in places(hns)? {
            let made = hns.create(place, &settings)?;
            let shown = hns.shown(kind, made)?;
            for member in ["State", "Health", "Version", "ActivityId"] {
                let found = shown.get(member);
                that(found.is_none(), || format!("{kind:?} shows {member} without Detailed"))?;
            }
            for shown in [hns.detailed(kind, made)?, hns.in_v1(kind, made)?] {
                for member in ["State", "Version"] {
                    let good = shown[member].is_u64();
                    that(good, || format!("{kind:?}: no {member} in {shown}"))?;
                }
                let activity = shown["ActivityId"].as_str().unwrap_or_default();
                let good = activity.parse::<Guid>().is_ok_and(|activity| !activity.is_nil());
                that(good, || format!("{kind:?}: ActivityId is {activity:?}"))?;
                for member in ["LastErrorCode", "LastUpdateTime"] {
                    let found = shown["Health"].get(member);
                    that(found.is_some(), || format!("{kind:?}: no Health.{member} in {shown}"))?;
                }
            }
        }
        Ok(())
    });
    trial.attempt("ids in upper case", &knob("upperCaseIds", true), |hns| {
        for (kind, place, settings) in places(hns)? {
            let made = hns.create(place, &settings)?;
            let shown = hns.shown(kind, made)?;
            equal("ID", &shown["ID"], &json!(made.to_string().to_uppercase()))?;
        }
        Ok(())
    });
}

/// The ranges of a network's hardware addresses, in the shape of version 2 or 1.
fn mac_ranges(network: &Value) -> Result<Vec<(MacAddress, MacAddress)>, Finding> {
    let v2 = network["MacPool"]["Ranges"].as_array();
    let ranges = v2.or_else(|| network["MacPools"].as_array()).cloned().unwrap_or_default();
    let parse = |range: &Value, member: &str| -> Result<MacAddress, Finding> {
        let text = range[member].as_str().unwrap_or_default();
        text.parse().map_err(|_| Finding::of(format!("{member} is {text:?}")))
    };
    ranges
        .iter()
        .map(|range| Ok((parse(range, "StartMacAddress")?, parse(range, "EndMacAddress")?)))
        .collect()
}

/// All ranges that a network shows, in either version.
fn mac_pool(hns: &Session<'_>, id: Guid) -> Result<Vec<(MacAddress, MacAddress)>, Finding> {
    let ranges = mac_ranges(&hns.shown(Kind::Network, id)?)?;
    if ranges.is_empty() { mac_ranges(&hns.in_v1(Kind::Network, id)?) } else { Ok(ranges) }
}

fn subnets(network: &Value) -> Vec<&str> {
    let ipams = network["Ipams"].as_array().into_iter().flatten();
    let subnets = ipams.flat_map(|ipam| ipam["Subnets"].as_array().into_iter().flatten());
    subnets.filter_map(|subnet| subnet["IpAddressPrefix"].as_str()).collect()
}

/// The settings of the only policy of a type.
fn policy<'a>(document: &'a Value, policy_type: &str) -> Result<&'a Value, Finding> {
    let policies = document["Policies"].as_array().into_iter().flatten();
    let mut found = policies.filter(|policy| policy["Type"] == policy_type);
    match (found.next(), found.next()) {
        (Some(policy), None) => Ok(&policy["Settings"]),
        (None, _) => Err(Finding::of(format!("no policy {policy_type} in {document}"))),
        _ => Err(Finding::of(format!("more than one policy {policy_type} in {document}"))),
    }
}

/// G2: the row "network".
pub(super) fn network(trial: &mut Trial<'_>) {
    for network_type in ["NAT", "L2Bridge", "Overlay", "Transparent", "Private"] {
        trial.attempt(format!("the MAC pool of {network_type}"), &fresh(), |hns| {
            let made = hns.network(&network_of("one", network_type, &[subnet(PREFIX, GATEWAY)]))?;
            let pool = mac_pool(hns, made)?;
            that(!pool.is_empty(), || "there is none".to_owned())?;
            for (first, last) in pool {
                let (start, end) = (first.to_string(), last.to_string());
                let whole = start.to_uppercase().starts_with("00-15-5D")
                    && end.to_uppercase().starts_with(&start.to_uppercase()[..13])
                    && start.ends_with("0-00")
                    && end.to_uppercase().ends_with("F-FF");
                that(whole, || format!("a range is {start} to {end}"))?;
            }
            Ok(())
        });
    }
    trial.attempt("a MAC pool that is given", &fresh(), |hns| {
        let range = json!({
            "StartMacAddress": "00-15-5D-52-C0-00",
            "EndMacAddress": "00-15-5D-52-C0-0F",
        });
        for document in [json!({"Ranges": [range]}), json!({})] {
            let given = with(with(l2bridge(), "MacPool", document.clone()), "Name", "given");
            let made = hns.network(&given)?;
            let pool = mac_pool(hns, made)?;
            equal("ranges", &pool.len(), &1)?;
            if document["Ranges"].is_array() {
                equal("start", &pool[0].0.to_string().to_uppercase(), &"00-15-5D-52-C0-00".into())?;
                equal("end", &pool[0].1.to_string().to_uppercase(), &"00-15-5D-52-C0-0F".into())?;
            }
            hns.delete(Kind::Network, made)?;
        }
        Ok(())
    });
    trial.attempt("the subnet of NAT", &fresh(), |hns| {
        let made = hns.network(&network_of("nat", "NAT", &[]))?;
        let shown = hns.shown(Kind::Network, made)?;
        let range: Ipv4Net = "172.16.0.0/12".parse().unwrap_or_default();
        let inside = |text: &&str| text.parse().is_ok_and(|net: Ipv4Net| range.contains(&net));
        let found = subnets(&shown);
        that(found.len() == 1 && found.iter().all(inside), || {
            format!("its subnets are {found:?}")
        })?;
        let named = &shown["Type"];
        that(named.is_null() || named == "NAT", || format!("its type reads {named}"))?;
        let given = network_of("given", "NAT", &[subnet("10.44.0.0/24", "10.44.0.1")]);
        let made = hns.network(&given)?;
        equal("a given one", &subnets(&hns.shown(Kind::Network, made)?), &vec!["10.44.0.0/24"])
    });
    trial.attempt("the policies of Overlay", &fresh(), |hns| {
        let made = hns.network(&overlay())?;
        let shown = hns.shown(Kind::Network, made)?;
        let mac = policy(&shown, "DrMacAddress")?["Address"].as_str().unwrap_or_default();
        that(mac.parse::<MacAddress>().is_ok(), || format!("DrMacAddress is {mac:?}"))?;
        let address = &policy(&shown, "ProviderAddress")?["ProviderAddress"];
        let address = address.as_str().unwrap_or_default();
        that(address.parse::<IpAddr>().is_ok(), || format!("ProviderAddress is {address:?}"))?;
        let given = json!([
            {"Type": "DrMacAddress", "Settings": {"Address": "02-AA-BB-CC-DD-19"}},
            {"Type": "VxlanPort", "Settings": {"Port": 4790}},
        ]);
        let given = with(with(overlay(), "Name", "given"), "Policies", given);
        let made = hns.network(&given)?;
        let shown = hns.shown(Kind::Network, made)?;
        let kept = &policy(&shown, "DrMacAddress")?["Address"];
        equal("a given one", kept, &json!("02-AA-BB-CC-DD-19"))?;
        equal("a given port", &policy(&shown, "VxlanPort")?["Port"], &json!(4790))
    });
    trial.attempt("the address of the adapter", &fresh(), |hns| {
        for document in [l2bridge(), overlay()] {
            let made = hns.network(&document)?;
            let shown = hns.in_v1(Kind::Network, made)?;
            let address = shown["ManagementIP"].as_str().unwrap_or_default();
            that(address.parse::<IpAddr>().is_ok(), || format!("ManagementIP is {address:?}"))?;
            hns.steer("/emulator/restart", &Value::Null)?;
            let after = hns.in_v1(Kind::Network, made)?;
            equal("ManagementIP after a restart", &after["ManagementIP"], &json!(address))?;
        }
        Ok(())
    });
    trial.attempt("what was set stays", &fresh(), |hns| {
        let given = with(with(l2bridge(), "Owner", "switchyard"), "Flags", 1024);
        let made = hns.network(&given)?;
        let shown = hns.shown(Kind::Network, made)?;
        for member in ["Owner", "Name", "Type", "Flags"] {
            equal(member, &shown[member], &given[member])?;
        }
        equal("subnets", &subnets(&shown), &vec![PREFIX, PREFIX_V6])
    });
}

/// The addresses of an endpoint with the lengths of their prefixes.
fn addresses(endpoint: &Value) -> Vec<(IpAddr, u64)> {
    let all = endpoint["IpConfigurations"].as_array().into_iter().flatten();
    all.filter_map(|one| {
        let address = one["IpAddress"].as_str()?.parse().ok()?;
        Some((address, one["PrefixLength"].as_u64().unwrap_or_default()))
    })
    .collect()
}

/// The GUIDs of an endpoint's switch port in the shape of version 1.
fn switch_ports(endpoint: &Value) -> Vec<Guid> {
    let allocators = endpoint["Resources"]["Allocators"].as_array().into_iter().flatten();
    let ports = allocators.filter(|allocator| allocator["Tag"] == "Endpoint Port");
    ports.filter_map(|port| port["EndpointPortGuid"].as_str()?.parse().ok()).collect()
}

/// G3: the row "local endpoint".
pub(super) fn local_endpoint(trial: &mut Trial<'_>) {
    let cases = [(PREFIX, GATEWAY, "0.0.0.0/0"), (PREFIX_V6, GATEWAY_V6, "::/0")];
    for (prefix, gateway, all) in cases {
        trial.attempt(format!("on {prefix}, with nothing given"), &fresh(), |hns| {
            let document = network_of("one", "L2Bridge", &[subnet(prefix, gateway)]);
            let network = hns.network(&document)?;
            let pool = mac_pool(hns, network)?;
            let net: IpNet =
                prefix.parse().map_err(|_| Finding::of(format!("{prefix} is no prefix")))?;
            let gateway: IpAddr =
                gateway.parse().map_err(|_| Finding::of(format!("{gateway} is no address")))?;
            let (mut seen, mut macs) = (BTreeSet::new(), BTreeSet::new());
            for _ in 0..10 {
                let made = hns.endpoint(network, &local())?;
                let shown = hns.shown(Kind::Endpoint, made)?;
                let found = addresses(&shown);
                that(!found.is_empty(), || format!("no address in {shown}"))?;
                for (address, length) in found {
                    let good = net.contains(&address)
                        && address != gateway
                        && address != net.network()
                        && (prefix == PREFIX_V6 || address != net.broadcast())
                        && seen.insert(address);
                    that(good, || format!("the address is {address}"))?;
                    equal("PrefixLength", &length, &u64::from(net.prefix_len()))?;
                }
                let mac = shown["MacAddress"].as_str().unwrap_or_default();
                let mac: MacAddress =
                    mac.parse().map_err(|_| Finding::of(format!("the MAC is {mac:?}")))?;
                let good = pool.iter().any(|(first, last)| (*first..=*last).contains(&mac))
                    && macs.insert(mac);
                that(good, || format!("the MAC is {mac}, of the pool {pool:?}"))?;
                let is_default = |route: &Value| {
                    route["DestinationPrefix"] == all
                        && route["NextHop"].as_str().and_then(|hop| hop.parse().ok())
                            == Some(gateway)
                };
                let routes = shown["Routes"].as_array();
                that(routes.is_some_and(|routes| routes.iter().any(is_default)), || {
                    format!("the routes are {}", shown["Routes"])
                })?;
                equal("Flags", &shown["Flags"].as_u64().unwrap_or_default(), &0)?;
            }
            Ok(())
        });
    }
    trial.attempt("what is given stays, the length is filled in", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let document = with(local_at(&["10.42.7.23", "fd00:42:7::23"]), "Name", "pod_Ethernet");
        let document = with(document, "MacAddress", "02-11-0A-2A-07-17");
        let made = hns.endpoint(network, &document)?;
        let shown = hns.shown(Kind::Endpoint, made)?;
        let expected = [("10.42.7.23", 24), ("fd00:42:7::23", 64)];
        let expected: Vec<_> = expected
            .iter()
            .filter_map(|(address, length)| Some((address.parse().ok()?, *length)))
            .collect();
        equal("addresses", &addresses(&shown), &expected)?;
        for member in ["Name", "MacAddress"] {
            equal(member, &shown[member], &document[member])?;
        }
        let of = shown["HostComputeNetwork"].as_str().and_then(|text| text.parse().ok());
        equal("HostComputeNetwork", &of, &Some(network))?;
        let configuration = json!([{"IpAddress": "10.42.7.24", "PrefixLength": 24}]);
        let given = with(local(), "IpConfigurations", configuration);
        let made = hns.endpoint(network, &given)?;
        let found = addresses(&hns.shown(Kind::Endpoint, made)?);
        equal("a given length", &found.first().map(|(_, length)| *length), &Some(24))
    });
    trial.attempt("DNS of the network", &fresh(), |hns| {
        let dns = json!({"Domain": "cluster.local", "ServerList": ["10.96.0.10"]});
        let network = hns.network(&with(l2bridge(), "Dns", dns.clone()))?;
        let made = hns.endpoint(network, &with(local(), "Dns", json!({})))?;
        let shown = hns.shown(Kind::Endpoint, made)?;
        for member in ["Domain", "ServerList"] {
            equal(member, &shown["Dns"][member], &dns[member])?;
        }
        Ok(())
    });
    trial.attempt("the switch port comes with the attachment", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let made = hns.endpoint(network, &local_at(&["10.42.7.23"]))?;
        let path = format!("/endpoints/{made}");
        let before = hns.v1("GET", &path, &Value::Null)?;
        equal("State", &before["State"], &json!(1))?;
        that(switch_ports(&before).is_empty(), || format!("a port before: {before}"))?;
        attach(hns, made)?;
        let after = hns.v1("GET", &path, &Value::Null)?;
        that([json!(2), json!(3)].contains(&after["State"]), || {
            format!("State is {} after the attachment", after["State"])
        })?;
        equal("ports", &switch_ports(&after).len(), &1)
    });
}

/// G4: the row "remote endpoint"; kubernetes/kubernetes#67827.
pub(super) fn remote_endpoint(trial: &mut Trial<'_>) {
    for address in ["10.42.9.31", "fd00:42:9::31"] {
        trial.attempt(format!("{address} as kube-proxy makes it"), &fresh(), |hns| {
            for network in [overlay(), l2bridge()] {
                let network = hns.network(&network)?;
                let given = remote_through(address, OTHER_NODE);
                let made = hns.endpoint(network, &given)?;
                let shown = hns.shown(Kind::Endpoint, made)?;
                equal("Flags", &shown["Flags"], &json!(1))?;
                equal("Name", &shown["Name"], &json!("Ethernet"))?;
                let mac = shown["MacAddress"].as_str().unwrap_or_default();
                let wanted = given["MacAddress"].as_str().unwrap_or_default();
                that(mac.eq_ignore_ascii_case(wanted), || format!("the MAC is {mac:?}"))?;
                let found: Vec<_> = addresses(&shown).iter().map(|(ip, _)| *ip).collect();
                let wanted: Vec<IpAddr> = address.parse().into_iter().collect();
                equal("addresses", &found, &wanted)?;
                let node = &policy(&shown, "ProviderAddress")?["ProviderAddress"];
                equal("ProviderAddress", node, &json!(OTHER_NODE))?;
                let namespace = shown["HostComputeNamespace"].as_str();
                let nowhere =
                    namespace.is_none_or(|text| text.parse::<Guid>().is_ok_and(|id| id.is_nil()));
                that(nowhere, || format!("it is in {namespace:?}"))?;
                let v1 = hns.v1("GET", &format!("/endpoints/{made}"), &Value::Null)?;
                equal("IsRemoteEndpoint", &v1["IsRemoteEndpoint"], &json!(true))?;
                that(switch_ports(&v1).is_empty(), || format!("it has a port: {v1}"))?;
            }
            Ok(())
        });
    }
    for keeps in [true, false] {
        let what = format!("owner and name, kept {keeps}");
        trial.attempt(what, &knob("keepsOwner", keeps), |hns| {
            let network = hns.network(&l2bridge())?;
            for given in [remote_at("10.42.9.31"), local_at(&["10.42.7.23"])] {
                let given = with(with(given, "Owner", "switchyard"), "Name", "far");
                let made = hns.endpoint(network, &given)?;
                owner_is_kept(&hns.shown(Kind::Endpoint, made)?, &given, keeps)?;
            }
            Ok(())
        });
    }
}

/// That owner and name are there, or not.
fn owner_is_kept(shown: &Value, given: &Value, kept: bool) -> Checked {
    ["Owner", "Name"]
        .iter()
        .try_for_each(|member| equal(member, &(shown[member] == given[member]), &kept))
}

/// Load balancers as kube-proxy makes them, and one with two ports.
fn load_balancer_documents(endpoints: &[Guid], v6: &[Guid]) -> [Value; 4] {
    let with_port = |document: Value, member: &str, value: u32| {
        let mapping = with(document["PortMappings"][0].clone(), member, value);
        with(document, "PortMappings", json!([mapping]))
    };
    let cluster_ip = with(balancer_of(endpoints, "10.96.14.5", TCP, 80), "SourceVIP", "10.42.7.2");
    let of_node = with_port(node_port(endpoints, &[port(TCP, 31080)]), "Flags", 18);
    let of_node = with(with_port(of_node, "DistributionType", 2), "Flags", 1);
    let ingress = with_port(balancer_of(v6, "2001:db8:ff::10", 17, 53), "Flags", 28);
    let two = node_port(endpoints, &[port(TCP, 31081), port(17, 31081)]);
    [cluster_ip, of_node, with(ingress, "Flags", 3), two]
}

/// G5: the row "LB"; the answer of a node is in projectcalico/calico#7305.
pub(super) fn load_balancer(trial: &mut Trial<'_>) {
    trial.attempt("what was set, an id, and nothing else", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let endpoints = [hns.endpoint(network, &remote_at("10.42.9.31"))?];
        let v6 = [hns.endpoint(network, &remote_at("fd00:42:9::31"))?];
        for given in load_balancer_documents(&endpoints, &v6) {
            let made = hns.load_balancer(&given)?;
            let shown = hns.shown(Kind::LoadBalancer, made)?;
            equal("the document", &shown, &with(given, "ID", shown["ID"].clone()))?;
            equal("its id", &id_of(&shown)?, &made)?;
        }
        Ok(())
    });
    trial.attempt("defaults that are written out are left out", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let endpoints = [hns.endpoint(network, &remote_at("10.42.9.31"))?];
        let bare = node_port(&endpoints, &[port(TCP, 31080)]);
        let mapping = with(with(port(TCP, 31080), "DistributionType", 0), "Flags", 0);
        let wordy = with(bare.clone(), "PortMappings", json!([mapping]));
        let wordy = with(with(wordy, "Flags", 0), "SourceVIP", "");
        let made = hns.load_balancer(&with(wordy, "FrontendVIPs", json!([])))?;
        let shown = hns.shown(Kind::LoadBalancer, made)?;
        equal("the document", &shown, &with(bare, "ID", shown["ID"].clone()))
    });
    for keeps in [true, false] {
        let what = format!("owner and name, kept {keeps}");
        trial.attempt(what, &knob("keepsOwner", keeps), |hns| {
            let network = hns.network(&l2bridge())?;
            let endpoint = hns.endpoint(network, &remote_at("10.42.9.31"))?;
            let given = load_balancer_of(endpoint);
            let made = hns.load_balancer(&given)?;
            owner_is_kept(&hns.shown(Kind::LoadBalancer, made)?, &given, keeps)
        });
    }
}

fn load_balancer_of(endpoint: Guid) -> Value {
    let document = balancer_of(&[endpoint], "10.96.14.5", TCP, 80);
    with(with(document, "Owner", "switchyard"), "Name", "default/web:http")
}

/// G6: the row "namespace".
pub(super) fn namespace(trial: &mut Trial<'_>) {
    for namespace_type in ["Host", "Guest"] {
        trial.attempt(format!("compartments of {namespace_type}"), &fresh(), |hns| {
            let mut last = 1;
            for round in 0..5 {
                let settings = json!({"Type": namespace_type});
                let made = hns.create(Place::Namespace, &settings)?;
                let shown = hns.shown(Kind::Namespace, made)?;
                let number = shown["NamespaceId"].as_u64().unwrap_or_default();
                that(number > last, || format!("NamespaceId is {number} after {last}"))?;
                last = number;
                let guid = shown["NamespaceGuid"].as_str().unwrap_or_default();
                let good = guid.parse::<Guid>().is_ok_and(|guid| !guid.is_nil());
                that(good, || format!("NamespaceGuid is {guid:?}"))?;
                // Host is the default value, which HNS leaves out as it does the type of NAT networks.
                let shown_type = shown["Type"].as_str().unwrap_or("Host");
                equal("Type", &shown_type, &namespace_type)?;
                if round == 2 {
                    hns.delete(Kind::Namespace, made)?;
                }
            }
            Ok(())
        });
    }
}
