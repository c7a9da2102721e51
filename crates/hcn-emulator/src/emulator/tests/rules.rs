//! Every rule with its code.

use super::*;

/// A call to make.
enum Step {
    Network(u32, Value),
    /// On network, id, document.
    Endpoint(u32, u32, Value),
    LoadBalancer(u32, Value),
    ModifyLoadBalancer(u32, Value),
    ModifyEndpoint(u32),
    DeleteNetwork(u32),
    DeleteEndpoint(u32),
    DeleteLoadBalancer(u32),
    OpenNetwork(u32),
    OpenEndpoint(u32),
    OpenLoadBalancer(u32),
}

use Step::*;

fn run(hns: &Emulator, step: &Step) -> Result<(), Error> {
    match step {
        Network(number, document) => {
            hns.create_network(id(*number), &document.to_string()).map(|_| ())
        }
        Endpoint(network, number, document) => {
            let network = hns.open_network(id(*network))?;
            hns.create_endpoint(network, id(*number), &document.to_string()).map(|_| ())
        }
        LoadBalancer(number, document) => {
            hns.create_load_balancer(id(*number), &document.to_string()).map(|_| ())
        }
        ModifyLoadBalancer(number, document) => {
            let handle = hns.open_load_balancer(id(*number))?;
            hns.modify_load_balancer(handle, &document.to_string())
        }
        ModifyEndpoint(number) => {
            let handle = hns.open_endpoint(id(*number))?;
            let request = r#"{"ResourceType":"Policy","Settings":{"Policies":[]}}"#;
            hns.modify_endpoint(handle, request)
        }
        DeleteNetwork(number) => hns.delete_network(id(*number)),
        DeleteEndpoint(number) => hns.delete_endpoint(id(*number)),
        DeleteLoadBalancer(number) => hns.delete_load_balancer(id(*number)),
        OpenNetwork(number) => hns.open_network(id(*number)).map(|_| ()),
        OpenEndpoint(number) => hns.open_endpoint(id(*number)).map(|_| ()),
        OpenLoadBalancer(number) => hns.open_load_balancer(id(*number)).map(|_| ()),
    }
}

/// After `before`, all of which succeed, `step` answers `expect`; when refused, nothing has changed.
fn check(before: &[Step], step: Step, expect: u32) {
    let hns = small();
    for step in before {
        run(&hns, step).unwrap();
    }
    let state = hns.state();
    let answer = run(&hns, &step);
    assert_eq!(answer.as_ref().err().map_or(0, |error| error.hresult), expect, "{answer:?}");
    if let Err(error) = answer {
        assert_eq!(hns.state(), state);
        let record: ErrorRecord = serde_json::from_str(&error.record.unwrap()).unwrap();
        assert_eq!((record.success, record.error_code), (false, expect));
        assert!(record.error.starts_with(hresult::text(expect).unwrap()), "{}", record.error);
    }
    let state = hns.state();
    hns.steer(|service| assert_eq!(service.index, Index::of(&state)));
}

fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

const OK: u32 = hresult::S_OK;

#[test]
fn unreadable_settings() {
    let json = hresult::HCN_E_INVALID_JSON;
    let guid = hresult::HCN_E_GUID_CONVERSION_FAILURE;
    check(&[], Network(2, json!([])), json);
    check(&[], Network(2, json!({ "Flags": {} })), json);
    check(&[], Endpoint(1, 21, json!("text")), json);
    check(&[], LoadBalancer(31, json!({ "PortMappings": [{ "InternalPort": 70000 }] })), json);
    check(&[], Network(2, json!({ "ID": "x" })), guid);
    check(&[], Endpoint(1, 21, json!({ "HostComputeNetwork": "cbr0" })), guid);
    check(&[], LoadBalancer(31, json!({ "HostComputeEndpoints": ["x"] })), guid);
    check(&[], LoadBalancer(31, json!({ "HostComputeEndpoints": [""] })), guid);
    let made = [LoadBalancer(31, balancer("172.20.0.1", &[11]))];
    check(&made, ModifyLoadBalancer(31, json!(1)), json);
    check(&made, ModifyLoadBalancer(31, json!({ "ID": "{" })), guid);

    let hns = small();
    assert_eq!(hns.create_network(id(2), "{").unwrap_err().hresult, json);
    assert_eq!(hns.enumerate_networks("{").unwrap_err().hresult, json);
}

#[test]
fn networks() {
    let exists = hresult::HCN_E_NETWORK_ALREADY_EXISTS;
    check(&[], Network(2, bridge()), exists);
    check(&[], Network(1, json!({ "Name": "other" })), exists);
    check(&[], Network(2, json!({ "Name": "other" })), OK);
    check(&[Network(2, json!({}))], Network(3, json!({})), OK);
    check(&[], Network(2, json!({ "Type": "Sideways" })), hresult::HCN_E_INVALID_NETWORK_TYPE);
    let subnet = json!({ "Ipams": [{ "Subnets": [{ "IpAddressPrefix": "10.1.1.0" }] }] });
    check(&[], Network(2, subnet), hresult::E_INVALIDARG);
}

#[test]
fn addresses_of_local_endpoints() {
    let reserved = hresult::HCN_E_ADDR_INVALID_OR_RESERVED;
    check(&[], Endpoint(2, 21, local("10.1.1.22")), hresult::HCN_E_NETWORK_NOT_FOUND);
    check(&[], Endpoint(1, 21, local("10.1.1.22")), OK);
    check(&[], Endpoint(1, 21, local("fd00:1:1::22")), OK);
    check(&[], Endpoint(1, 21, local("10.1.2.22")), hresult::HCN_E_INVALID_IP);
    check(&[], Endpoint(1, 21, local("10.1.1")), hresult::HCN_E_INVALID_IP);
    let bare = [Network(2, json!({ "Name": "bare", "Type": "L2Bridge" }))];
    check(&bare, Endpoint(2, 21, local("10.1.1.22")), hresult::HCN_E_SUBNET_NOT_FOUND);
    check(&[], Endpoint(1, 21, local("10.1.1.0")), reserved);
    check(&[], Endpoint(1, 21, local("10.1.1.1")), reserved);
    let other_mac = with(local("10.1.1.21"), "MacAddress", json!("00-15-5D-00-00-09"));
    check(&[], Endpoint(1, 21, other_mac), reserved);
}

#[test]
fn remote_endpoints() {
    let exists = hresult::ERROR_OBJECT_ALREADY_EXISTS;
    check(&[], Endpoint(1, 21, remote("192.0.2.12")), OK);
    check(&[], Endpoint(1, 21, remote("10.1.1.21")), OK);
    check(&[], Endpoint(1, 21, remote("10.1.1.0")), OK);
    check(&[], Endpoint(1, 21, remote("")), hresult::HCN_E_INVALID_IP);
    check(&[], Endpoint(1, 21, json!({ "Flags": 1 })), hresult::HCN_E_INVALID_IP);
    check(&[], ModifyEndpoint(11), OK);
    check(&[], ModifyEndpoint(12), hresult::HCN_E_INVALID_REMOTE_ENDPOINT_OPERATION);

    // An exact duplicate is refused, and anything less equal is taken.
    check(&[], Endpoint(1, 21, remote("10.1.2.21")), exists);
    check(&[], Endpoint(1, 12, remote("10.1.2.99")), exists);
    let mac = |text: &str| with(remote("10.1.2.21"), "MacAddress", json!(text));
    check(&[], Endpoint(1, 21, mac("02-11-0A-01-02-15")), OK);
    let made = [Endpoint(1, 20, mac("02-11-0A-01-02-15"))];
    check(&made, Endpoint(1, 21, mac("02-11-0a-01-02-15")), exists);
    let policy =
        json!([{ "Type": "ProviderAddress", "Settings": { "ProviderAddress": "192.0.2.12" } }]);
    check(&[], Endpoint(1, 21, with(remote("10.1.2.21"), "Policies", policy.clone())), OK);

    let overlay = || Network(2, json!({ "Name": "vxlan0", "Type": "Overlay" }));
    check(&[overlay()], Endpoint(2, 21, remote("10.1.2.21")), hresult::HCN_E_INVALID_POLICY);
    check(&[overlay()], Endpoint(2, 21, with(remote("10.1.2.21"), "Policies", policy)), OK);
}

#[test]
fn load_balancers() {
    let reference = hresult::HCN_E_INVALID_JSON_REFERENCE;
    let exists = hresult::ERROR_ALREADY_EXISTS;
    let document = || balancer("172.20.0.1", &[11, 12]);
    let made = || [LoadBalancer(31, document())];
    check(&[], LoadBalancer(31, document()), OK);
    check(&[], LoadBalancer(31, balancer("172.20.0.1", &[])), reference);
    check(&[], LoadBalancer(31, balancer("172.20.0.1", &[11, 99])), reference);
    check(&[], LoadBalancer(31, balancer("172.20.0.1", &[11; 1024])), OK);
    check(&[], LoadBalancer(31, balancer("172.20.0.1", &[11; 1025])), hresult::E_INVALIDARG);
    let ports = |external: u16, internal: u16, protocol: u32| json!([{ "Protocol": protocol, "InternalPort": internal, "ExternalPort": external }]);
    let on = |vips: Value, flags: u32, ports: Value| {
        let document = with(with(document(), "FrontendVIPs", vips), "PortMappings", ports);
        with(document, "Flags", json!(flags))
    };
    let vip = || json!(["172.20.0.1"]);
    check(
        &[],
        LoadBalancer(31, on(vip(), 0, ports(80, 0, 6))),
        hresult::HCN_E_INVALID_INTERNAL_PORT,
    );
    check(
        &[],
        LoadBalancer(31, on(json!(["node"]), 0, ports(80, 8080, 6))),
        hresult::HCN_E_INVALID_IP,
    );

    check(&made(), LoadBalancer(32, document()), exists);
    check(&made(), LoadBalancer(31, balancer("172.20.0.2", &[11])), exists);
    check(&made(), LoadBalancer(32, on(vip(), 1, ports(80, 9090, 6))), exists);
    let several = json!(["172.20.0.2", "172.20.0.1"]);
    check(&made(), LoadBalancer(32, on(several, 0, ports(80, 8080, 6))), exists);
    check(&made(), LoadBalancer(32, on(vip(), 0, ports(81, 8080, 6))), OK);
    check(&made(), LoadBalancer(32, on(vip(), 0, ports(80, 8080, 17))), OK);
    check(&made(), LoadBalancer(32, on(json!([]), 0, ports(80, 8080, 6))), OK);
    let node_port = || [LoadBalancer(31, on(json!([]), 0, ports(80, 8080, 6)))];
    check(&node_port(), LoadBalancer(32, on(json!([""]), 1, ports(80, 8080, 6))), exists);
    check(&node_port(), LoadBalancer(32, on(json!([]), 2, ports(80, 8080, 6))), OK);

    check(&made(), ModifyLoadBalancer(31, balancer("172.20.0.1", &[13])), OK);
    check(&made(), ModifyLoadBalancer(31, balancer("172.20.0.1", &[])), reference);
    check(&made(), ModifyLoadBalancer(32, document()), hresult::ERROR_NOT_FOUND);
    let both =
        [made().into_iter().next().unwrap(), LoadBalancer(32, balancer("172.20.0.2", &[11]))];
    check(&both, ModifyLoadBalancer(32, document()), exists);
}

#[test]
fn references_and_absence() {
    let referenced = hresult::HCN_E_ENTITY_HAS_REFERENCES;
    let made = || LoadBalancer(31, balancer("172.20.0.1", &[11, 12]));
    check(&[], DeleteEndpoint(11), OK);
    check(&[made()], DeleteEndpoint(11), referenced);
    check(&[made()], DeleteEndpoint(12), referenced);
    check(&[made()], DeleteEndpoint(13), OK);
    check(&[made(), DeleteLoadBalancer(31)], DeleteEndpoint(11), OK);
    let changed = ModifyLoadBalancer(31, balancer("172.20.0.1", &[12]));
    check(&[made(), changed], DeleteEndpoint(11), OK);
    check(&[made()], DeleteNetwork(1), OK);

    check(&[], OpenNetwork(2), hresult::HCN_E_NETWORK_NOT_FOUND);
    check(&[], OpenEndpoint(21), hresult::HCN_E_ENDPOINT_NOT_FOUND);
    check(&[], OpenLoadBalancer(31), hresult::ERROR_NOT_FOUND);
    check(&[], DeleteNetwork(2), hresult::HCN_E_NETWORK_NOT_FOUND);
    check(&[], DeleteEndpoint(21), hresult::HCN_E_ENDPOINT_NOT_FOUND);
    check(&[], DeleteLoadBalancer(31), hresult::ERROR_NOT_FOUND);
}

#[test]
fn records_say_more_where_hns_does() {
    fn check(document: Value, expect: &str) {
        let error = small().create_load_balancer(id(31), &document.to_string()).unwrap_err();
        let record: ErrorRecord = serde_json::from_str(&error.record.unwrap()).unwrap();
        assert_eq!(record.error, expect);
    }
    check(
        balancer("172.20.0.1", &[]),
        "The reference is invalid in the JSON document. A Reference is required",
    );
    check(
        balancer("172.20.0.1", &[11; 1025]),
        "The parameter is incorrect. Unable to initialize VFP LB rule: invalid number of destinations.",
    );
}
