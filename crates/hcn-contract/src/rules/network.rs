//! Networks: what may be made, and what goes when one is deleted.

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use crate::documents::{
    GATEWAY, OTHER_NODE, PREFIX, TCP, UDP, fresh, knob, l2bridge, load_balancer, local_at, network,
    node_port, overlay, port, remote_at, remote_through, subnet, v1_network, with,
};
use crate::finding::{Checked, Finding, accepted, equal, fails, that};
use crate::session::{Kind, Session, same_ids};
use crate::trial::Trial;

/// E2: Azure/aks-engine#1322.
pub(super) fn names_are_unique(trial: &mut Trial<'_>) {
    trial.attempt("two networks of one name", &fresh(), |hns| {
        let first = hns.network(&l2bridge())?;
        let again = l2bridge();
        hns.refuses("the same network", 0x803B_0010, || hns.network(&again))?;
        let other = network("cbr0", "Overlay", &[subnet("10.43.0.0/24", "10.43.0.1")]);
        hns.refuses("another with its name", 0x803B_0010, || hns.network(&other))?;
        accepted("another name", hns.network(&with(other, "Name", "cbr1")))?;
        accepted("delete", hns.delete(Kind::Network, first))?;
        accepted("a name that is free again", hns.network(&again)).map(drop)
    });
    trial.attempt("the name of a network of version 1", &fresh(), |hns| {
        accepted("by POST", hns.v1("POST", "/networks/", &v1_network("cbr0")))?;
        hns.refuses("its name in version 2", 0x803B_0010, || hns.network(&l2bridge()))
    });
}

/// The types that are made on an adapter of the node.
const EXTERNAL: &[&str] = &["Transparent", "L2Bridge", "L2Tunnel", "Overlay"];
/// The others.
const INTERNAL: &[&str] = &["NAT", "ICS", "Private", "Internal"];

fn on_adapter(network_type: &str, adapter: &str) -> Value {
    let policy = json!([{"Type": "NetAdapterName", "Settings": {"NetworkAdapterName": adapter}}]);
    with(network(network_type, network_type, &[subnet(PREFIX, GATEWAY)]), "Policies", policy)
}

/// E3: the published schema; kubernetes-sigs/sig-windows-tools#249.
pub(super) fn settings_are_valid(trial: &mut Trial<'_>) {
    trial.attempt("types that are none", &fresh(), |hns| {
        for unknown in ["Bridge", "L2", "Overlay2", "transparent "] {
            let document = network("none", unknown, &[subnet(PREFIX, GATEWAY)]);
            hns.refuses(unknown, 0x803B_000B, || hns.network(&document))?;
        }
        Ok(())
    });
    for known in EXTERNAL.iter().chain(INTERNAL).chain(&["l2bridge", "OVERLAY"]) {
        trial.attempt(format!("type {known}"), &fresh(), |hns| {
            hns.network(&network("one", known, &[subnet(PREFIX, GATEWAY)]))?;
            Ok(())
        });
    }
    trial.attempt("adapters, one named", &knob("adapters", json!(["Ethernet"])), |hns| {
        for network_type in EXTERNAL {
            hns.refuses("an adapter that is missing", 0x803B_0006, || {
                hns.network(&on_adapter(network_type, "Ethernet 7"))
            })?;
            let made = accepted("the one", hns.network(&on_adapter(network_type, "Ethernet")))?;
            hns.delete(Kind::Network, made)?;
            let any = network(network_type, network_type, &[subnet(PREFIX, GATEWAY)]);
            let made = accepted("no policy", hns.network(&any))?;
            hns.delete(Kind::Network, made)?;
        }
        Ok(())
    });
    trial.attempt("adapters, none there", &knob("adapters", json!([])), |hns| {
        for network_type in EXTERNAL {
            let any = network(network_type, network_type, &[subnet(PREFIX, GATEWAY)]);
            hns.refuses(network_type, 0x803B_0006, || hns.network(&any))?;
        }
        for network_type in INTERNAL {
            let any = network(network_type, network_type, &[subnet(PREFIX, GATEWAY)]);
            let made = accepted(network_type, hns.network(&any))?;
            hns.delete(Kind::Network, made)?;
        }
        Ok(())
    });
    trial.attempt("adapters, any", &knob("adapters", Value::Null), |hns| {
        hns.network(&on_adapter("L2Bridge", "Ethernet 7"))?;
        Ok(())
    });
    for (setting, code) in [("invalidArgument", 0x8007_0057), ("invalidSubnet", 0x803B_0032)] {
        let what = format!("malformed subnets, {setting}");
        trial.attempt(what, &knob("malformedSubnet", setting), |hns| malformed(hns, code));
    }
}

fn malformed(hns: &Session<'_>, code: u32) -> Checked {
    let good = subnet(PREFIX, GATEWAY);
    for prefix in ["10.42.8.0/33", "10.42.300.0/24", "banana/24", "fd00:42:8::/129", "10.42.8/"] {
        let bad = with(subnet(PREFIX, GATEWAY), "IpAddressPrefix", prefix);
        for network_type in ["L2Bridge", "Overlay", "NAT"] {
            let alone = network("bad", network_type, std::slice::from_ref(&bad));
            hns.refuses(prefix, code, || hns.network(&alone))?;
        }
        let second = network("bad", "L2Bridge", &[good.clone(), bad]);
        hns.refuses("the second of two", code, || hns.network(&second))?;
        let v1 = with(
            v1_network("bad"),
            "Subnets",
            json!([{"AddressPrefix": prefix, "GatewayAddress": GATEWAY}]),
        );
        hns.refuses("in version 1", code, || hns.v1("POST", "/networks/", &v1))?;
    }
    accepted("a good one", hns.network(&network("bad", "L2Bridge", &[good]))).map(drop)
}

/// E4: that a subnet has a default route is hcsshim's rule, not that of HNS.
pub(super) fn routes_are_optional(trial: &mut Trial<'_>) {
    for prefix in [PREFIX, "fd00:42:7::/64"] {
        for network_type in ["L2Bridge", "Overlay", "NAT"] {
            let what = format!("{network_type} with {prefix} and no route");
            trial.attempt(what, &fresh(), |hns| {
                let bare = json!({"IpAddressPrefix": prefix});
                let made = hns.network(&network("bare", network_type, &[bare]))?;
                let shown = hns.shown(Kind::Network, made)?;
                let kept = &shown["Ipams"][0]["Subnets"][0]["IpAddressPrefix"];
                equal("the prefix", kept, &Value::from(prefix))
            });
        }
    }
    trial.attempt("empty routes, and routes", &fresh(), |hns| {
        let empty = with(subnet(PREFIX, GATEWAY), "Routes", json!([]));
        accepted("empty", hns.network(&network("empty", "L2Bridge", &[empty])))?;
        let metric = json!([{"NextHop": "10.43.0.1", "DestinationPrefix": "0.0.0.0/0",
            "Metric": 10}]);
        let routed = with(subnet("10.43.0.0/24", "10.43.0.1"), "Routes", metric);
        accepted("a route", hns.network(&network("routed", "L2Bridge", &[routed]))).map(drop)
    });
}

/// A network with endpoints of all sorts and load balancers over them, and one that is not touched.
struct Populated {
    network: Guid,
    endpoints: Vec<Guid>,
    load_balancers: Vec<Guid>,
    other_endpoint: Guid,
    other_load_balancer: Guid,
}

fn populate(hns: &Session<'_>) -> Result<Populated, Finding> {
    let network = hns.network(&l2bridge())?;
    let endpoints = vec![
        hns.endpoint(network, &local_at(&["10.42.7.23"]))?,
        hns.endpoint(network, &remote_at("10.42.9.31"))?,
        hns.endpoint(network, &remote_at("fd00:42:9::31"))?,
    ];
    let dsr = load_balancer(&endpoints[..2], "10.96.14.5", TCP, 80);
    let v6 = load_balancer(&endpoints[2..], "fd00:96::5", UDP, 53);
    let load_balancers = vec![
        hns.load_balancer(&with(dsr, "Flags", 1))?,
        hns.load_balancer(&node_port(&endpoints[..1], &[port(TCP, 31080)]))?,
        hns.load_balancer(&with(v6, "Flags", 3))?,
    ];
    let other = hns.network(&with(overlay(), "Name", "other"))?;
    let other_endpoint = hns.endpoint(other, &remote_through("10.42.9.31", OTHER_NODE))?;
    let other_load_balancer =
        hns.load_balancer(&load_balancer(&[other_endpoint], "10.96.14.6", TCP, 80))?;
    Ok(Populated { network, endpoints, load_balancers, other_endpoint, other_load_balancer })
}

/// That the network and its endpoints are gone, and nothing of the other network is.
fn gone(hns: &Session<'_>, populated: &Populated) -> Checked {
    fails("the network", 0x803B_0001, hns.open(Kind::Network, populated.network))?;
    for endpoint in &populated.endpoints {
        fails("its endpoint", 0x803B_0002, hns.open(Kind::Endpoint, *endpoint))?;
    }
    same_ids("endpoints", &hns.all(Kind::Endpoint)?, &[populated.other_endpoint])?;
    equal("networks", &hns.all(Kind::Network)?.len(), &1)
}

/// The state of a load balancer in version 2 and 1.
fn state_is(hns: &Session<'_>, id: Guid, state: u32) -> Checked {
    let detailed = hns.detailed(Kind::LoadBalancer, id)?;
    equal("State in a detailed query", &detailed["State"], &Value::from(state))?;
    let listed = hns.v1("GET", "/policylists/", &Value::Null)?;
    let is_it =
        |list: &&Value| list["ID"].as_str().is_some_and(|text| text.parse::<Guid>() == Ok(id));
    let found = listed.as_array().and_then(|lists| lists.iter().find(is_it));
    let found = found.map_or(Value::Null, |list| list["State"].clone());
    equal("State in /policylists/", &found, &Value::from(state))
}

/// E19: hcsshim's tests delete networks that have endpoints, V1 and V2; microsoft/Windows-Containers#79.
pub(super) fn deleting_takes_endpoints(trial: &mut Trial<'_>) {
    for by_v1 in [false, true] {
        let delete = |hns: &Session<'_>, id: Guid| {
            if by_v1 {
                hns.v1("DELETE", &format!("/networks/{id}"), &Value::Null).map(drop)
            } else {
                hns.delete(Kind::Network, id)
            }
        };
        let way = if by_v1 { "by version 1" } else { "by version 2" };
        let degrades = knob("networkDelete", "degradesLoadBalancers");
        trial.attempt(format!("delete {way}, load balancers degrade"), &degrades, |hns| {
            let populated = populate(hns)?;
            for id in &populated.load_balancers {
                state_is(hns, *id, 2)?;
            }
            accepted("delete", delete(hns, populated.network))?;
            gone(hns, &populated)?;
            for id in &populated.load_balancers {
                state_is(hns, *id, 4)?;
            }
            state_is(hns, populated.other_load_balancer, 2)
        });
        let removes = knob("networkDelete", "removesLoadBalancers");
        trial.attempt(format!("delete {way}, load balancers go"), &removes, |hns| {
            let populated = populate(hns)?;
            accepted("delete", delete(hns, populated.network))?;
            gone(hns, &populated)?;
            let left = hns.all(Kind::LoadBalancer)?;
            same_ids("load balancers", &left, &[populated.other_load_balancer])?;
            state_is(hns, populated.other_load_balancer, 2)
        });
    }
    trial.attempt("degrading is the default, and an empty network goes", &fresh(), |hns| {
        let populated = populate(hns)?;
        hns.delete(Kind::Network, populated.network)?;
        state_is(hns, populated.load_balancers[0], 4)?;
        let empty = hns.network(&network("empty", "NAT", &[]))?;
        accepted("an empty network", hns.delete(Kind::Network, empty))?;
        that(!hns.all(Kind::Network)?.contains(&empty), || "it is still listed".to_owned())
    });
}
