use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use switchyard_hcn::{
    Client, EndpointHandle, ErrorClass, ErrorRecord, Guid, Hcn, Query, Version, hresult,
};

use super::*;
use crate::index::Index;
use crate::{Call, ObjectKind, Verb};

mod anything;
mod faults;
mod properties;
mod rules;
mod time;

/// An id that is short to write.
fn id(number: u32) -> Guid {
    format!("00000000-0000-0000-0000-{number:012}").parse().unwrap()
}

/// An HNS with the network 1, a local endpoint 11 on it and two remote ones, 12 and 13.
fn small() -> Emulator {
    let hns = Emulator::new(State::default());
    hns.create_network(id(1), &bridge().to_string()).unwrap();
    let network = hns.open_network(id(1)).unwrap();
    for (number, document) in
        [(11, local("10.1.1.21")), (12, remote("10.1.2.21")), (13, remote("10.1.2.22"))]
    {
        hns.create_endpoint(network, id(number), &document.to_string()).unwrap();
    }
    hns
}

fn bridge() -> Value {
    json!({ "Name": "cbr0", "Type": "L2Bridge", "Ipams": [{ "Type": "Static", "Subnets": [
        { "IpAddressPrefix": "10.1.1.0/24",
          "Routes": [{ "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] },
        { "IpAddressPrefix": "fd00:1:1::/64" }] }] })
}

fn local(address: &str) -> Value {
    json!({ "IpConfigurations": [{ "IpAddress": address }] })
}

fn remote(address: &str) -> Value {
    json!({ "IpConfigurations": [{ "IpAddress": address }], "Flags": 1 })
}

fn balancer(vip: &str, endpoints: &[u32]) -> Value {
    let endpoints: Vec<Guid> = endpoints.iter().map(|number| id(*number)).collect();
    json!({ "HostComputeEndpoints": endpoints, "FrontendVIPs": [vip],
        "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80 }] })
}

fn ids(list: &str) -> BTreeSet<Guid> {
    serde_json::from_str(list).unwrap()
}

fn endpoint_document(hns: &Emulator, number: u32) -> Value {
    let handle = hns.open_endpoint(id(number)).unwrap();
    let query = Query::all().to_json();
    serde_json::from_str(&hns.query_endpoint_properties(handle, &query).unwrap()).unwrap()
}

#[test]
fn documents_come_back_with_what_hns_fills_in() {
    let hns = small();
    let schema = json!({ "Major": 2, "Minor": 0 });
    assert_eq!(
        endpoint_document(&hns, 11),
        json!({ "ID": id(11), "HostComputeNetwork": id(1), "SchemaVersion": schema,
            "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }],
            "MacAddress": "00-15-5D-00-10-01",
            "Routes": [{ "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] })
    );
    assert_eq!(
        endpoint_document(&hns, 12),
        json!({ "ID": id(12), "HostComputeNetwork": id(1), "SchemaVersion": schema, "Flags": 1,
            "Name": "Ethernet",
            "IpConfigurations": [{ "IpAddress": "10.1.2.21", "PrefixLength": 32 }] })
    );
    let sent = json!({ "Dns": {}, "Health": { "Extra": {} }, "MacPool": { "Ranges": [] },
        "Name": "nat", "Flags": 0, "AdditionalParams": null, "Type": "NAT", "Beyond": 1 });
    let handle = hns.create_network(id(2), &sent.to_string()).unwrap();
    let answer = hns.query_network_properties(handle, &Query::all().to_json()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&answer).unwrap(),
        json!({ "ID": id(2), "Name": "nat", "SchemaVersion": schema, "Beyond": 1,
            "ManagementIP": "192.0.2.11",
            "MacPool": { "Ranges": [{ "StartMacAddress": "00-15-5D-00-20-00",
                "EndMacAddress": "00-15-5D-00-2F-FF" }] },
            "Ipams": [{ "Type": "Static", "Subnets": [{ "IpAddressPrefix": "172.16.0.0/20",
                "Routes": [{ "NextHop": "172.16.0.1", "DestinationPrefix": "0.0.0.0/0" }] }] }] })
    );
}

#[test]
fn the_address_of_the_adapter_is_kept() {
    let hns = small();
    let saved = State::from_json(&hns.state().to_json()).unwrap();
    let address = |state: &State| state.network(id(1)).unwrap().unknown["ManagementIP"].clone();
    assert_eq!(address(&saved), "192.0.2.11");
    // One that is there already stays, whatever the machine that the state is loaded on is set to.
    let knobs = crate::Knobs {
        management_address: "192.0.2.99".parse().unwrap(),
        ..crate::Knobs::default()
    };
    let hns = Emulator::blocking(Setup { knobs, ..Setup::of(saved) });
    hns.create_network(id(2), r#"{"Name":"given","ManagementIP":"192.0.2.12"}"#).unwrap();
    hns.create_network(id(3), r#"{"Name":"other"}"#).unwrap();
    let state = hns.state();
    let address = |number| state.network(id(number)).unwrap().unknown["ManagementIP"].clone();
    assert_eq!([address(1), address(2), address(3)], ["192.0.2.11", "192.0.2.12", "192.0.2.99"]);
}

#[test]
fn compartments_begin_anew_behind_the_highest() {
    let with = |number: u32| {
        let namespace = json!({ "ID": id(51), "NamespaceId": number });
        let text = json!({ "namespaces": [namespace] }).to_string();
        let hns = Emulator::new(State::from_json(&text).unwrap());
        let mut made = Vec::new();
        for number in 52..55 {
            hns.create_namespace(id(number), "{}").unwrap();
            made.push(hns.state().namespace(id(number)).unwrap().namespace_id);
        }
        made
    };
    assert_eq!(with(0), [2, 3, 4]);
    assert_eq!(with(3), [2, 4, 5]);
    assert_eq!(with(u32::MAX), [2, 3, 4]);
}

#[test]
fn what_is_made_can_be_read_again() {
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "A": inner }));
    let deep = |levels| {
        let mut document = bridge();
        document["Name"] = json!("deep");
        document["Deep"] = nested(levels);
        document.to_string()
    };
    for levels in [100, 110, 126] {
        let refused = small().create_network(id(2), &deep(levels)).unwrap_err();
        assert_eq!(refused.hresult, hresult::HCN_E_INVALID_JSON, "{levels}");
    }
    let hns = small();
    hns.create_network(id(2), &deep(99)).unwrap();
    hns.hns_call("POST", "/policylists/", &json!({ "References": [format!("/endpoints/{}", id(11))],
        "Policies": [{ "Type": "ELB", "InternalPort": 80, "VIPs": ["172.20.0.1"], "Deep": nested(97) }] })
    .to_string()).unwrap();
    let state = hns.state();
    assert_eq!(state.load_balancers().count(), 1);
    assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
    let told = hns.hns_call("GET", "/emulator/state", "").unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(State::from_json(&told["Output"].to_string()).unwrap(), state);
    let listed: Value =
        serde_json::from_str(&hns.hns_call("GET", "/networks/", "").unwrap()).unwrap();
    assert_eq!(listed["Output"].as_array().unwrap().len(), 2);
}

#[test]
fn a_local_endpoint_without_an_address_gets_the_first_free_one() {
    let hns = small();
    let network = hns.open_network(id(1)).unwrap();
    hns.create_endpoint(network, id(14), &local("10.1.1.2").to_string()).unwrap();
    hns.create_endpoint(network, id(15), "{}").unwrap();
    let document = endpoint_document(&hns, 15);
    assert_eq!(
        document["IpConfigurations"],
        json!([{ "IpAddress": "10.1.1.3", "PrefixLength": 24 }])
    );
}

#[test]
fn the_id_is_the_one_asked_for_or_that_of_the_settings_or_a_new_one() {
    let hns = small();
    let with_id = |vip: &str, number: u32| {
        let mut document = balancer(vip, &[11]);
        document["ID"] = json!(id(number));
        document.to_string()
    };
    hns.create_load_balancer(id(31), &with_id("172.20.0.1", 99)).unwrap();
    hns.create_load_balancer(Guid::NIL, &with_id("172.20.0.2", 32)).unwrap();
    hns.create_load_balancer(Guid::NIL, &balancer("172.20.0.3", &[11]).to_string()).unwrap();
    let mut found = ids(&hns.enumerate_load_balancers("").unwrap());
    assert!(found.remove(&id(31)) && found.remove(&id(32)));
    assert_eq!(found.len(), 1);
    assert!(!found.contains(&id(99)) && !found.contains(&Guid::NIL));
}

#[test]
fn listings_are_filtered_by_the_keys_of_version_1() {
    fn check(query: &str, networks: &[u32], endpoints: &[u32]) {
        let hns = small();
        let set = |numbers: &[u32]| numbers.iter().map(|number| id(*number)).collect();
        let expect: BTreeSet<Guid> = set(networks);
        assert_eq!(ids(&hns.enumerate_networks(query).unwrap()), expect, "{query}");
        let expect: BTreeSet<Guid> = set(endpoints);
        assert_eq!(ids(&hns.enumerate_endpoints(query).unwrap()), expect, "{query}");
        assert_eq!(hns.enumerate_load_balancers(query).unwrap(), "[]");
    }
    check("", &[1], &[11, 12, 13]);
    check(r#"{"Filter":""}"#, &[1], &[11, 12, 13]);
    check(&Query::by_id(id(12)).to_json(), &[], &[12]);
    check(r#"{"Filter":"{\"ID\":\"{00000000-0000-0000-0000-000000000001}\"}"}"#, &[1], &[]);
    check(r#"{"Filter":"{\"ID\":\"\"}"}"#, &[], &[]);
    check(&Query::by_name("cbr0").to_json(), &[1], &[]);
    check(&Query::by_name("CBR0").to_json(), &[], &[]);
    check(&Query::by_name("Ethernet").to_json(), &[], &[12, 13]);
    check(&Query::by_name("").to_json(), &[], &[]);
    check(&Query::endpoints_of(id(1)).to_json(), &[], &[11, 12, 13]);
    check(&Query::endpoints_of(id(2)).to_json(), &[], &[]);
    check(r#"{"Filter":"{\"IPAddress\":\"10.1.1.21\"}"}"#, &[], &[]);
    check(r#"{"Filter":"{\"ID\":7}"}"#, &[], &[]);
}

#[test]
fn a_filter_has_no_effect_on_an_open_object() {
    let hns = small();
    let handle = hns.open_endpoint(id(11)).unwrap();
    let plain = hns.query_endpoint_properties(handle, &Query::all().to_json()).unwrap();
    let query = Query::by_name("another").to_json();
    assert_eq!(hns.query_endpoint_properties(handle, &query).unwrap(), plain);
}

#[test]
fn the_state_of_an_object_is_told_when_asked_for() {
    let hns = small();
    let handle =
        hns.create_load_balancer(id(31), &balancer("172.20.0.1", &[11]).to_string()).unwrap();
    hns.delete_network(id(1)).unwrap();
    let state = |query: Query| {
        let text = hns.query_load_balancer_properties(handle, &query.to_json()).unwrap();
        serde_json::from_str::<Value>(&text).unwrap().get("State").cloned()
    };
    assert_eq!(state(Query::all()), None);
    assert_eq!(state(Query::all().detailed()), Some(json!(4)));
}

#[test]
fn a_deleted_network_takes_its_endpoints_and_degrades_what_names_them() {
    let hns = small();
    hns.create_load_balancer(id(31), &balancer("172.20.0.1", &[11, 12]).to_string()).unwrap();
    hns.delete_network(id(1)).unwrap();
    let state = hns.state();
    assert_eq!(state.networks().count() + state.endpoints().count(), 0);
    let load_balancer = state.load_balancer(id(31)).unwrap();
    assert!(load_balancer.is_degraded());
    assert_eq!(load_balancer.host_compute_endpoints, [id(11), id(12)]);
}

#[test]
fn handles_are_not_objects() {
    let hns = small();
    let opened = hns.open_handles();
    let handle = hns.open_endpoint(id(13)).unwrap();
    hns.delete_endpoint(id(13)).unwrap();
    let refused = hns.query_endpoint_properties(handle, "").unwrap_err();
    assert_eq!(refused.hresult, hresult::HCN_E_ENDPOINT_NOT_FOUND);
    hns.close_endpoint(handle).unwrap();
    assert_eq!(hns.open_handles(), opened);
    assert_eq!(hns.close_endpoint(handle).unwrap_err().hresult, hresult::E_HANDLE);
    let network = hns.open_network(id(1)).unwrap();
    let foreign = EndpointHandle(network.0);
    let refused = hns.query_endpoint_properties(foreign, "").unwrap_err();
    assert_eq!(refused.hresult, hresult::E_HANDLE);
}

#[test]
fn load_balancers_are_changed_as_the_version_does() {
    fn check(version: &str, expect: u32, changed: bool) {
        let mut state = small().state();
        state.version = version.parse::<Version>().unwrap();
        let hns = Emulator::new(state);
        let handle =
            hns.create_load_balancer(id(31), &balancer("172.20.0.1", &[11]).to_string()).unwrap();
        let answer = hns.modify_load_balancer(handle, &balancer("172.20.0.1", &[12]).to_string());
        assert_eq!(answer.err().map_or(0, |error| error.hresult), expect, "{version}");
        let backend = if changed { id(12) } else { id(11) };
        let state = hns.state();
        let held = &state.load_balancer(id(31)).unwrap().host_compute_endpoints;
        assert_eq!(*held, [backend], "{version}");
    }
    check("15.5", hresult::S_OK, true);
    check("16.0", hresult::S_OK, true);
    check("15.4", hresult::S_OK, false);
    check("15.3", hresult::E_NOTIMPL, false);
    check("9.3", hresult::E_NOTIMPL, false);
    check("13.2", hresult::E_NOTIMPL, false);
}

#[test]
fn policies_are_changed_by_request() {
    fn check(request: &str, expect: Result<&[&str], u32>) {
        let hns = small();
        let endpoint = hns.open_endpoint(id(11)).unwrap();
        let network = hns.open_network(id(1)).unwrap();
        let add = r#"{"ResourceType":"Policy","RequestType":0,"Settings":{"Policies":[
            {"Type":"ACL","Settings":{"Id":"a"}},{"Type":"QOS","Settings":{"Id":"q"}}]}}"#;
        hns.modify_endpoint(endpoint, add).unwrap();
        hns.modify_network(network, add).unwrap();
        let of_endpoint = hns.modify_endpoint(endpoint, request);
        let of_network = hns.modify_network(network, request);
        assert_eq!(of_endpoint, of_network);
        let state = hns.state();
        let policies = &state.endpoint(id(11)).unwrap().policies;
        assert_eq!(*policies, state.network(id(1)).unwrap().policies);
        let left: Vec<&str> =
            policies.iter().map(|policy| policy.settings["Id"].as_str().unwrap()).collect();
        assert_eq!(of_endpoint.map(|()| left.as_slice()).map_err(|error| error.hresult), expect);
    }
    let request = |verb: &str, policy: &str| {
        json!({ "ResourceType": "Policy", "RequestType": verb, "Settings": {
            "Policies": [serde_json::from_str::<Value>(policy).unwrap()] } })
        .to_string()
    };
    check(&request("Add", r#"{"Type":"ACL","Settings":{"Id":"b"}}"#), Ok(&["a", "q", "b"]));
    check(&request("Remove", r#"{"Type":"ACL","Settings":{"Id":"a"}}"#), Ok(&["q"]));
    check(&request("Update", r#"{"Type":"acl","Settings":{"Id":"b"}}"#), Ok(&["q", "b"]));
    check(
        &request("Remove", r#"{"Type":"ACL","Settings":{"Id":"b"}}"#),
        Err(hresult::HCN_E_POLICY_NOT_FOUND),
    );
    check(&request("Reset", "{}"), Err(hresult::HCN_E_REQUEST_UNSUPPORTED));
    check(
        r#"{"ResourceType":"Port","RequestType":"Add"}"#,
        Err(hresult::HCN_E_REQUEST_UNSUPPORTED),
    );
    check(r#"{"ResourceType":"Policy"}"#, Err(hresult::HCN_E_INVALID_JSON));
}

#[test]
fn containers_share_an_endpoint_while_it_is_attached() {
    let hns = small();
    let path = |action: &str| format!("/endpoints/{}{action}", id(11));
    let call = |method: &str, path: &str, object: &str| -> Value {
        serde_json::from_str(&hns.hns_call(method, path, object).unwrap()).unwrap()
    };
    let shared = || call("GET", &path(""), "")["Output"]["SharedContainers"].clone();
    let order = json!({ "ContainerId": "c0ffee", "SystemType": "Container" }).to_string();
    assert_eq!(call("POST", &path("/attach"), &order)["Success"], true);
    assert_eq!(shared(), json!(["c0ffee"]));
    assert_eq!(call("POST", &path("/detach"), &order)["Success"], true);
    assert_eq!(shared(), Value::Null);
    assert_eq!(call("POST", &path("/attach"), "{")["Success"], false);
    assert_eq!(call("POST", &path("/attach"), "")["Success"], true);
    assert_eq!(shared(), Value::Null);
}

#[test]
fn addresses_that_accelerated_networking_leaves_alone_are_kept() {
    let hns = small();
    let call = |method: &str, object: &str| -> Value {
        serde_json::from_str(&hns.hns_call(method, "/accelnet/", object).unwrap()).unwrap()
    };
    let list = json!({ "MacAddressList": [{ "MacAddress": "00-15-5D-0A-B7-C6" }] });
    assert_eq!(call("GET", "")["Output"], json!({}));
    assert_eq!(call("POST", &list.to_string())["Output"], list);
    assert_eq!(call("GET", "")["Output"], list);
    assert_eq!(call("POST", "{")["Success"], false);
    assert_eq!(call("DELETE", "")["Output"], json!({}));
    assert_eq!(call("GET", "")["Output"], json!({}));
}

#[test]
fn the_version_is_answered_the_older_way() {
    let hns = Emulator::new(State::new(Version::new(13, 2)));
    assert_eq!(Client::new(&hns).version().unwrap(), Version::new(13, 2));
    let answer = hns.hns_call("GET", "/globals/other", "").unwrap();
    assert!(answer.starts_with(r#"{"Success":false,"#), "{answer}");
}

#[test]
fn calls_are_counted() {
    let hns = small();
    let _ = hns.take_calls();
    let client = Client::new(&hns);
    client.endpoints_of(id(1)).unwrap();
    let refused = client.delete_endpoint(id(99)).unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Gone);
    client.delete_endpoint(id(13)).unwrap();
    let calls = hns.calls();
    let count = |verb, kind| calls.counts().get(&(verb, kind)).copied().unwrap_or_default();
    assert_eq!(count(Verb::Enumerate, ObjectKind::Endpoint), 1);
    assert_eq!(count(Verb::Open, ObjectKind::Endpoint), 3);
    assert_eq!(count(Verb::Query, ObjectKind::Endpoint), 3);
    assert_eq!(count(Verb::Close, ObjectKind::Endpoint), 3);
    assert_eq!((calls.total(), calls.total_mutating()), (12, 2));
    let (verb, kind) = (Verb::Delete, ObjectKind::Endpoint);
    let mutating: Vec<Call> = calls.mutating().copied().collect();
    let gone = hresult::HCN_E_ENDPOINT_NOT_FOUND;
    assert_eq!(
        mutating,
        [
            Call { verb, kind, id: Some(id(99)), hresult: gone, is_mutating: true },
            Call { verb, kind, id: Some(id(13)), hresult: 0, is_mutating: true },
        ]
    );
}
