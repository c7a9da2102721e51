//! What a proxy left in HNS, found and removed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use switchyard_hcn_emulator::{Emulator, State};
use switchyard_winkernel::{
    EndpointKey, Kind, Ledger, LeftBy, LoadBalancerKey, endpoint_id, leftovers, load_balancer_id,
    remove_leftover,
};

const NETWORK: &str = "00000000-0000-0000-0000-000000000001";

fn remote(id: &str, address: &str, mac: &str, more: &str) -> String {
    format!(
        r#"{{"ID":"{id}","Flags":1,"HostComputeNetwork":"{NETWORK}","MacAddress":"{mac}",{more}
           "IpConfigurations":[{{"IpAddress":"{address}"}}]}}"#
    )
}

fn balancer(id: &str, vip: &str, endpoints: &[&str], more: &str) -> String {
    format!(
        r#"{{"ID":"{id}","FrontendVIPs":["{vip}"],"HostComputeEndpoints":{endpoints:?},{more}
           "PortMappings":[{{"Protocol":6,"InternalPort":80,"ExternalPort":80}}]}}"#
    )
}

/// An HNS with objects of ours that `Owner` marks, one of ours that only its id marks, kube-proxy's, and another owner's.
fn hns() -> Emulator {
    let key =
        EndpointKey { network: NETWORK.parse().unwrap(), address: "10.1.2.21".parse().unwrap() };
    let computed = endpoint_id(&key, None, "02-11-0A-01-02-15".parse().unwrap(), 0).to_string();
    let frontend = LoadBalancerKey {
        family: switchyard_model::Family::IPv4,
        vip: Some("172.20.0.10".parse().unwrap()),
        port: 80,
        protocol: switchyard_model::Protocol::Tcp,
    };
    let own = load_balancer_id(&frontend, 3).to_string();
    let id = |last: u8| format!("00000000-0000-0000-0000-0000000000{last:02}");
    let owned = r#""Owner":"switchyard","#;
    let endpoints = [
        remote(&computed, "10.1.2.21", "02-11-0A-01-02-15", ""),
        remote(&id(11), "10.1.2.22", "02-11-0A-01-02-16", owned),
        remote(&id(12), "10.1.2.23", "02-11-0A-01-02-17", ""),
        remote(&id(13), "172.20.0.30", "00-15-5D-00-00-01", ""),
        remote(&id(14), "10.1.2.24", "00-15-5D-00-00-77", r#""Owner":"other","#),
        format!(
            r#"{{"ID":"{}","HostComputeNetwork":"{NETWORK}","IpConfigurations":[{{"IpAddress":"10.1.1.5"}}]}}"#,
            id(15)
        ),
    ];
    let balancers = [
        balancer(&own, "172.20.0.10", &[&computed], ""),
        balancer(&id(21), "172.20.0.20", &[&computed], owned),
        balancer(&id(22), "172.20.0.30", &[&id(12)], ""),
        balancer(&id(23), "172.20.0.40", &[&id(11), &id(14)], r#""Owner":"other","#),
    ];
    let state = format!(
        r#"{{"networks":[{{"ID":"{NETWORK}","Name":"cbr0","Type":"L2Bridge"}}],
            "endpoints":[{}],"loadBalancers":[{}]}}"#,
        endpoints.join(","),
        balancers.join(",")
    );
    Emulator::new(State::from_json(&state).unwrap())
}

/// What `owner` left and can be removed, and what is in use; then that HNS takes the removals in this order.
fn check(owner: LeftBy, removable: &[&str], in_use: &[&str]) {
    let hns = hns();
    let found = leftovers(&hns, owner, &Ledger::default()).unwrap();
    let keys = |list: &[switchyard_winkernel::Leftover]| -> Vec<String> {
        let mut keys: Vec<_> =
            list.iter().map(|one| format!("{} {}", one.kind.as_str(), one.key)).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&found.removable), removable);
    assert_eq!(keys(&found.in_use), in_use);
    let first_endpoint = found.removable.iter().position(|one| one.kind == Kind::Endpoint);
    let last_balancer = found.removable.iter().rposition(|one| one.kind == Kind::LoadBalancer);
    assert!(last_balancer < first_endpoint, "load balancers come first");
    for leftover in &found.removable {
        remove_leftover(&hns, leftover).unwrap();
        remove_leftover(&hns, leftover).unwrap();
    }
    let after = leftovers(&hns, owner, &Ledger::default()).unwrap();
    assert!(after.removable.is_empty());
    let left = hns.state();
    assert_eq!(left.endpoints().len() + left.load_balancers().len(), 10 - found.removable.len());
    assert_eq!(hns.open_handles(), 0);
}

#[test]
fn ours_are_found_by_id_and_owner() {
    let removable = [
        "endpoint 00000000-0000-0000-0000-000000000001/10.1.2.21",
        "loadBalancer IPv4/172.20.0.10/80/TCP",
        "loadBalancer IPv4/172.20.0.20/80/TCP",
    ];
    let in_use = ["endpoint 00000000-0000-0000-0000-000000000001/10.1.2.22"];
    check(LeftBy::Switchyard, &removable, &in_use);
}

#[test]
fn those_of_kube_proxy_are_found_by_what_they_look_like() {
    let removable = [
        "endpoint 00000000-0000-0000-0000-000000000001/10.1.2.23",
        "endpoint 00000000-0000-0000-0000-000000000001/172.20.0.30",
        "loadBalancer IPv4/172.20.0.30/80/TCP",
    ];
    check(LeftBy::KubeProxy, &removable, &[]);
}

#[test]
fn the_ledger_tells_ours_too() {
    let line = r#"{"kind":"loadBalancer","key":"IPv4/172.20.0.30/80/TCP","make":{"digest":"none","id":"00000000-0000-0000-0000-000000000022"}}"#;
    let found = leftovers(&hns(), LeftBy::Switchyard, &Ledger::read(line)).unwrap();
    let keys: Vec<_> = found.removable.iter().map(|one| &*one.key).collect();
    assert!(keys.contains(&"IPv4/172.20.0.30/80/TCP"), "{keys:?}");
}
