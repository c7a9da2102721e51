//! The oracle against the rows of the facts that concern one packet.

use serde_json::{Value, json};

use super::Oracle;
use crate::subject::Setup;

const POD: &str = "10.1.1.9";
const REMOTE_POD: &str = "10.1.2.9";
const OUTSIDE: &str = "203.0.113.7";
const L1: &str = "10.1.1.21";
const VIP: &str = "172.20.0.10:80/TCP";
const NODE_PORT: &str = "192.0.2.11:30080/TCP";
const BALANCER: &str = "203.0.113.80:80/TCP";
const EXTERNAL: &str = "203.0.113.90:80/TCP";

/// Merges `patch` into `base`; null removes a field.
fn patched(mut base: Value, patch: &Value) -> Value {
    fn merge(base: &mut Value, patch: &Value) {
        let (Value::Object(fields), true) = (patch, base.is_object()) else {
            *base = patch.clone();
            return;
        };
        for (key, value) in fields {
            if value.is_null() {
                base.as_object_mut().unwrap().remove(key);
            } else {
                merge(&mut base[key], value);
            }
        }
    }
    merge(&mut base, patch);
    base
}

fn node(number: u8) -> Value {
    let mut addresses = vec![
        json!({"type": "Hostname", "address": format!("n{number}")}),
        json!({"type": "InternalIP", "address": format!("192.0.2.1{number}")}),
        json!({"type": "InternalIP", "address": format!("2001:db8::1{number}")}),
    ];
    if number == 1 {
        addresses.push(json!({"type": "ExternalIP", "address": "198.51.100.11"}));
    }
    json!({"kind": "Node", "apiVersion": "v1",
        "metadata": {"name": format!("n{number}"),
            "labels": {"topology.kubernetes.io/zone": format!("z{number}")}},
        "spec": {"podCIDRs": [format!("10.1.{number}.0/24"), format!("fd00:1:{number}::/64")]},
        "status": {"addresses": addresses}})
}

/// A load-balancer Service with every kind of frontend, changed by `patch`.
fn service(patch: Value) -> Value {
    patched(
        json!({"kind": "Service", "apiVersion": "v1",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"type": "LoadBalancer", "clusterIP": "172.20.0.10",
                "clusterIPs": ["172.20.0.10", "fd00:20::10"], "externalIPs": ["203.0.113.90"],
                "ports": [{"name": "http", "port": 80, "nodePort": 30080}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80"}]}}}),
        &patch,
    )
}

/// `spec` alone is changed.
fn with(spec: Value) -> Value {
    service(json!({"spec": spec}))
}

fn endpoint(address: &str, patch: &Value) -> Value {
    let node = address.split('.').nth(2).map(|number| format!("n{number}"));
    let base = json!({"addresses": [address], "nodeName": node, "conditions": {"ready": true}});
    patched(base, patch)
}

fn slice(name: &str, endpoints: &[(&str, Value)]) -> Value {
    let endpoints: Vec<Value> =
        endpoints.iter().map(|(address, patch)| endpoint(address, patch)).collect();
    json!({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": {"namespace": "shop", "name": name,
            "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": endpoints})
}

/// L1 and R1, both ready.
fn both() -> Value {
    slice("web-1", &[(L1, json!({})), ("10.1.2.21", json!({}))])
}

fn only_remote() -> Value {
    slice("web-1", &[("10.1.2.21", json!({}))])
}

fn terminating(serving: bool) -> Value {
    json!({"conditions": {"ready": false, "serving": serving, "terminating": true}})
}

fn zones(names: &[&str]) -> Value {
    let hints: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"hints": {"forZones": hints}})
}

fn kube_proxy(fields: &Value) -> Value {
    patched(json!({"kind": "KubeProxyConfiguration"}), fields)
}

fn switchyard(fields: &Value) -> Value {
    patched(json!({"kind": "SwitchyardConfiguration"}), fields)
}

fn setup(documents: Vec<Value>, configuration: Vec<Value>) -> Setup {
    let documents = (1..=3).map(node).chain(documents).collect();
    Setup { node: "n1".to_owned(), documents, configuration, ..Setup::default() }
}

/// An answer in few words: an outcome, or for a forwarded packet the source rule and the backends. Backends lack
/// `10.1.` in front and `:8080` at the end.
fn said(setup: &Setup, from: &str, to: &str) -> String {
    let answer = match Oracle::new(setup).and_then(|oracle| oracle.trace(from, to)) {
        Ok(answer) => answer,
        Err(error) => return format!("error: {error}"),
    };
    let mut words = vec![answer.source.unwrap_or(answer.outcome)];
    for backend in answer.backends {
        let text = format!("{}:{}", backend.address, backend.port);
        let text = text.strip_prefix("10.1.").unwrap_or(&text);
        words.push(text.strip_suffix(":8080").unwrap_or(text).to_owned());
    }
    words.join(" ")
}

type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

fn check_with(documents: Vec<Value>, configuration: Vec<Value>, rows: &[Row<'_>]) {
    let setup = setup(documents, configuration);
    for (id, from, to, expected) in rows {
        assert_eq!(&said(&setup, from, to), expected, "{id}: {from} -> {to}");
    }
}

fn check(documents: Vec<Value>, rows: &[Row<'_>]) {
    check_with(documents, Vec::new(), rows);
}

const ALL: &str = "keep 1.21 2.21";
const ALL_REWRITTEN: &str = "rewrite 1.21 2.21";

#[test]
fn policy_cluster() {
    check(
        vec![service(json!({})), both()],
        &[
            ("B002", POD, VIP, ALL),
            ("B002", REMOTE_POD, VIP, ALL),
            ("B003", "node", VIP, ALL_REWRITTEN),
            ("B003", "198.51.100.11", VIP, ALL_REWRITTEN),
            ("B004", OUTSIDE, VIP, ALL_REWRITTEN),
            ("B004", "192.0.2.12", VIP, ALL_REWRITTEN),
            ("B008", POD, "172.20.0.10:443/TCP", "reject"),
            ("B009", POD, "172.20.0.10:80/UDP", "reject"),
            ("B009", POD, "172.20.0.10:80/tcp", ALL),
            ("B012", POD, "172.20.0.50:80/TCP", "pass"),
            ("B013", POD, "172.20.0.10/ICMP", "pass"),
            ("B015", L1, VIP, "mixed 1.21 2.21"),
            ("B030", OUTSIDE, NODE_PORT, ALL_REWRITTEN),
            ("B031", POD, NODE_PORT, ALL_REWRITTEN),
            ("B032", "node", NODE_PORT, ALL_REWRITTEN),
            ("B033", OUTSIDE, "198.51.100.11:30080/TCP", "pass"),
            ("B036", "node", "127.0.0.1:30080/TCP", "pass"),
            ("B045", OUTSIDE, "203.0.113.80:30080/TCP", "pass"),
            ("B050", OUTSIDE, BALANCER, ALL_REWRITTEN),
            ("B051", POD, BALANCER, ALL_REWRITTEN),
            ("B052", "node", BALANCER, ALL_REWRITTEN),
            ("B058", "203.0.113.80", BALANCER, ALL_REWRITTEN),
            ("B062", OUTSIDE, "203.0.113.80:8443/TCP", "pass"),
            ("B067", OUTSIDE, EXTERNAL, ALL_REWRITTEN),
            ("B068", POD, EXTERNAL, ALL_REWRITTEN),
            (
                "B241",
                POD,
                "[fd00:20::10]:80/TCP",
                "error: 10.1.1.9 and fd00:20::10 are of different families",
            ),
            ("B241", "fd00:1:1::9", "[fd00:20::10]:80/TCP", "reject"),
            ("B265", POD, "192.0.2.12:30080/TCP", "pass"),
        ],
    );
}

#[test]
fn external_policy_local() {
    let e = || with(json!({"externalTrafficPolicy": "Local"}));
    check(
        vec![e(), both()],
        &[
            ("B080", POD, VIP, ALL),
            ("B081", "node", VIP, ALL_REWRITTEN),
            ("B082", OUTSIDE, VIP, ALL_REWRITTEN),
            ("B083", OUTSIDE, NODE_PORT, "keep 1.21"),
            ("B084", OUTSIDE, BALANCER, "keep 1.21"),
            ("B085", OUTSIDE, EXTERNAL, "keep 1.21"),
            ("B086", POD, NODE_PORT, ALL),
            ("B087", POD, BALANCER, ALL),
            ("B087", REMOTE_POD, BALANCER, ALL),
            ("B089", "node", BALANCER, ALL_REWRITTEN),
        ],
    );
    check(
        vec![e(), only_remote()],
        &[
            ("B091", OUTSIDE, BALANCER, "drop"),
            ("B091", OUTSIDE, NODE_PORT, "drop"),
            ("B093", POD, VIP, "keep 2.21"),
        ],
    );
    check(
        vec![e()],
        &[("B113", OUTSIDE, BALANCER, "reject"), ("B112", OUTSIDE, NODE_PORT, "reject")],
    );
    let without_detector = vec![kube_proxy(&json!({"detectLocalMode": "ClusterCIDR"}))];
    check_with(
        vec![e(), both()],
        without_detector,
        &[
            ("B005", OUTSIDE, VIP, ALL),
            ("B090", POD, NODE_PORT, "keep 1.21"),
            ("B090", POD, BALANCER, "keep 1.21"),
            ("B089", "node", BALANCER, ALL_REWRITTEN),
        ],
    );
}

#[test]
fn internal_policy_local() {
    let i = || with(json!({"internalTrafficPolicy": "Local"}));
    check(
        vec![i(), both()],
        &[
            ("B095", POD, VIP, "keep 1.21"),
            ("B096", "node", VIP, "rewrite 1.21"),
            ("B097", OUTSIDE, VIP, "rewrite 1.21"),
            ("B014", L1, VIP, "rewrite 1.21"),
            ("B098", POD, NODE_PORT, ALL_REWRITTEN),
            ("B099", POD, BALANCER, ALL_REWRITTEN),
            ("B100", OUTSIDE, NODE_PORT, ALL_REWRITTEN),
        ],
    );
    check(vec![i(), only_remote()], &[("B101", POD, VIP, "drop")]);
    check(vec![i()], &[("B108", POD, VIP, "reject")]);
    let both_local =
        with(json!({"internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local"}));
    let rows = [("B104", POD, VIP, "keep 1.21"), ("B104", OUTSIDE, BALANCER, "keep 1.21")];
    check(vec![both_local, both()], &rows);
}

#[test]
fn termination() {
    let ready_and_draining = slice("web-1", &[(L1, json!({})), ("10.1.1.22", terminating(true))]);
    let draining = slice("web-1", &[(L1, terminating(true)), ("10.1.2.21", terminating(true))]);
    let gone = slice("web-1", &[(L1, terminating(false))]);
    let local_draining = || slice("web-1", &[(L1, terminating(true)), ("10.1.2.21", json!({}))]);
    let absent = slice("web-1", &[(L1, json!({"conditions": null}))]);
    let e = || with(json!({"externalTrafficPolicy": "Local"}));
    check(vec![service(json!({})), ready_and_draining], &[("B120", POD, VIP, "keep 1.21")]);
    check(vec![service(json!({})), draining], &[("B121", POD, VIP, ALL)]);
    check(
        vec![e(), local_draining()],
        &[("B124", OUTSIDE, BALANCER, "keep 1.21"), ("B124", POD, BALANCER, "keep 2.21")],
    );
    let i = with(json!({"internalTrafficPolicy": "Local"}));
    check(vec![i, local_draining()], &[("B127", POD, VIP, "keep 1.21")]);
    check(vec![e(), gone], &[("B130", OUTSIDE, BALANCER, "reject"), ("B130", POD, VIP, "reject")]);
    check(vec![service(json!({})), absent], &[("B132", POD, VIP, "keep 1.21")]);
}

#[test]
fn topology() {
    let row = |id, hints: [Value; 3], expected| {
        let [first, second, third] = hints;
        let endpoints = [(L1, first), ("10.1.2.21", second), ("10.1.3.21", third)];
        check(vec![service(json!({})), slice("web-1", &endpoints)], &[(id, POD, VIP, expected)]);
    };
    let everyone = "keep 1.21 2.21 3.21";
    row("B140", [zones(&["z1"]), zones(&["z1"]), zones(&["z3"])], "keep 1.21 2.21");
    row("B141", [zones(&["z1"]), json!({}), zones(&["z3"])], everyone);
    row("B142", [zones(&["z2"]), zones(&["z2"]), zones(&["z3"])], everyone);
    row("B144", [zones(&["z2"]), zones(&["z3", "z1"]), zones(&["z3"])], "keep 2.21");
    row(
        "B146",
        [zones(&["z1"]), zones(&["z3"]), json!({"conditions": {"ready": false}})],
        "keep 1.21",
    );
    let node_hints =
        |name: &str| json!({"hints": {"forNodes": [{"name": name}], "forZones": [{"name": "z1"}]}});
    row("B148", [node_hints("n3"), node_hints("n1"), node_hints("n3")], "keep 2.21");
    row("B148", [node_hints("n3"), node_hints("n2"), node_hints("n3")], everyone);
    let endpoints = [(L1, zones(&["z3"])), ("10.1.2.21", zones(&["z1"]))];
    check(
        vec![with(json!({"externalTrafficPolicy": "Local"})), slice("web-1", &endpoints)],
        &[("B147", OUTSIDE, BALANCER, "keep 1.21"), ("B147", POD, VIP, "keep 2.21")],
    );
}

#[test]
fn source_ranges() {
    let ranges = |ranges: Value| with(json!({"loadBalancerSourceRanges": ranges}));
    check(
        vec![ranges(json!([" 203.0.113.0/25 ", "192.0.2.0/24", "nonsense"])), both()],
        &[
            ("B054", OUTSIDE, BALANCER, ALL_REWRITTEN),
            ("B055", "203.0.113.200", BALANCER, "drop"),
            ("B056", POD, BALANCER, "drop"),
            ("B057", "node", BALANCER, ALL_REWRITTEN),
            ("B057", "198.51.100.11", BALANCER, ALL_REWRITTEN),
            ("B058", "203.0.113.80", BALANCER, ALL_REWRITTEN),
            ("B059", "203.0.113.200", NODE_PORT, ALL_REWRITTEN),
            ("B059", "203.0.113.200", EXTERNAL, ALL_REWRITTEN),
        ],
    );
    for closed in [json!(["2001:db8::/32"]), json!(["10.0.0.0/33"]), json!([""])] {
        check(vec![ranges(closed)], &[("B055", OUTSIDE, BALANCER, "drop")]);
    }
    check(vec![ranges(json!([]))], &[("B113", OUTSIDE, BALANCER, "reject")]);
}

#[test]
fn node_port_addresses() {
    let row = |addresses: Value, rows: &[Row<'_>]| {
        let configuration = vec![kube_proxy(&json!({"nodePortAddresses": addresses}))];
        check_with(vec![service(json!({})), both()], configuration, rows);
    };
    let second = "198.51.100.11:30080/TCP";
    row(json!(["192.0.2.0/24", "198.51.100.0/24"]), &[("B034", OUTSIDE, second, ALL_REWRITTEN)]);
    row(
        json!(["198.51.100.0/24"]),
        &[
            ("B035", OUTSIDE, NODE_PORT, "pass"),
            ("B035", "2001:db8:9::7", "[2001:db8::11]:30080/TCP", "reject"),
            ("B040", OUTSIDE, "198.51.100.12:30080/TCP", "pass"),
        ],
    );
    row(json!(["0.0.0.0/0"]), &[("B036", "node", "127.0.0.1:30080/TCP", "pass")]);
    row(
        json!(["127.0.0.0/8", "::1/128"]),
        &[
            ("B037", "node", "127.0.0.1:30080/TCP", ALL_REWRITTEN),
            ("B037", "node", "[::1]:30080/TCP", "reject"),
            ("B037", OUTSIDE, NODE_PORT, "pass"),
            ("B040", OUTSIDE, "127.0.0.1:30080/TCP", "pass"),
            ("B040", POD, "127.0.0.1:30080/TCP", "pass"),
            ("B038", "node", "127.0.0.1:30080/UDP", "pass"),
        ],
    );
    let udp = with(json!({"ports": [{"port": 80, "nodePort": 30080, "protocol": "UDP"}]}));
    let loopback = vec![kube_proxy(&json!({"nodePortAddresses": ["127.0.0.1/32"]}))];
    check_with(vec![udp], loopback, &[("B038", "node", "127.0.0.1:30080/UDP", "reject")]);
}

#[test]
fn services_left_alone() {
    let pass = |id: &str, patch: Value| {
        let rows =
            [(id, POD, VIP, "pass"), (id, OUTSIDE, NODE_PORT, "pass"), (id, POD, BALANCER, "pass")];
        let configuration = vec![switchyard(&json!({"serviceCIDRs": []}))];
        check_with(vec![service(patch), both()], configuration, &rows);
    };
    let labelled = |label: &str| json!({"metadata": {"labels": {label: ""}}});
    pass("B116", json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}}));
    pass("B116", json!({"spec": {"clusterIP": "", "clusterIPs": null}}));
    pass("B117", json!({"spec": {"type": "ExternalName"}}));
    pass("B180", labelled("service.kubernetes.io/service-proxy-name"));
    pass("B182", labelled("service.kubernetes.io/headless"));
    let ranges = || vec![switchyard(&json!({"serviceCIDRs": ["172.20.0.0/16"]}))];
    let foreign = service(labelled("service.kubernetes.io/service-proxy-name"));
    check_with(
        vec![foreign],
        ranges(),
        &[("B180", POD, VIP, "pass"), ("B012", POD, "172.20.0.50:80/TCP", "drop")],
    );
}

#[test]
fn types_and_addresses() {
    let plain = |kind: &str| vec![with(json!({"type": kind})), both()];
    check(
        plain("ClusterIP"),
        &[
            ("B042", OUTSIDE, NODE_PORT, "pass"),
            ("B070", OUTSIDE, BALANCER, "pass"),
            ("B067", OUTSIDE, EXTERNAL, ALL_REWRITTEN),
        ],
    );
    check(
        plain("NodePort"),
        &[("B041", POD, VIP, ALL), ("B030", OUTSIDE, NODE_PORT, ALL_REWRITTEN)],
    );
    let mode = |mode: &str| {
        let ingress = json!([{"ip": "203.0.113.80", "ipMode": mode}]);
        vec![service(json!({"status": {"loadBalancer": {"ingress": ingress}}})), both()]
    };
    check(mode("Proxy"), &[("B063", POD, BALANCER, "pass")]);
    check(mode("VIP"), &[("B064", POD, BALANCER, ALL_REWRITTEN)]);
    let external = |setting: Value, expected: &str| {
        let configuration = vec![switchyard(&json!({"externalIPs": setting}))];
        let rows = [("B069", POD, EXTERNAL, expected)];
        check_with(vec![service(json!({})), both()], configuration, &rows);
    };
    external(json!(true), ALL_REWRITTEN);
    external(json!(false), "pass");
    external(json!(["198.51.100.0/24"]), "pass");
    external(json!(["203.0.113.64/26"]), ALL_REWRITTEN);
    let masqueraded = vec![kube_proxy(&json!({"nftables": {"masqueradeAll": true}}))];
    check_with(vec![service(json!({})), both()], masqueraded, &[("B002", POD, VIP, ALL_REWRITTEN)]);
}

#[test]
fn slices() {
    let row = |id: &str, slices: Vec<Value>, expected: &str| {
        let documents = [service(json!({}))].into_iter().chain(slices).collect();
        check(documents, &[(id, POD, VIP, expected)]);
    };
    let labels = |labels: Value| patched(both(), &json!({"metadata": {"labels": labels}}));
    let ports = |ports: Value| patched(both(), &json!({"ports": ports}));
    row("B110", vec![], "reject");
    row("B183", vec![labels(json!({"service.kubernetes.io/headless": ""}))], "reject");
    row("B184", vec![labels(json!({"kubernetes.io/service-name": ""}))], "reject");
    row("B184", vec![labels(json!({"kubernetes.io/service-name": null}))], "reject");
    row("B185", vec![patched(both(), &json!({"addressType": "FQDN"}))], "reject");
    let bad_then_good = |address: &str| {
        slice("web-1", &[(address, json!({"nodeName": "n1"})), ("10.1.2.21", json!({}))])
    };
    for address in [
        "fd00:1:1::21",
        "010.1.1.21",
        "::ffff:10.1.1.21",
        "127.0.0.1",
        "169.254.1.1",
        "0.0.0.0",
        "224.0.0.1",
        "172.20.0.10",
        "",
    ] {
        row("B321", vec![bad_then_good(address)], "keep 2.21");
    }
    let several = json!({"addresses": ["bad", "10.1.1.22"]});
    row("B188", vec![slice("web-1", &[(L1, several), ("10.1.2.21", json!({}))])], "keep 2.21");
    row("B190", vec![ports(json!([{"port": 8080}]))], "reject");
    row("B191", vec![ports(json!([{"name": "http"}, {"name": "http", "port": 0}]))], "reject");
    row("B324", vec![ports(json!([{"name": "http", "port": 65536}]))], "reject");
    row("B325", vec![ports(json!([{"name": "http", "port": 80, "protocol": "QUIC"}]))], "reject");
    row("B022", vec![ports(json!([{"name": "other", "port": 80}]))], "reject");
    row("B007", vec![ports(json!([{"name": "http", "port": 9}]))], "keep 1.21:9 2.21:9");
    row("B194", vec![both(), slice("web-2", &[(L1, json!({}))])], ALL);
    let not_ready = json!({"conditions": {"ready": false}});
    row("B194", vec![slice("web-0", &[(L1, not_ready)]), both()], ALL);
    row("B194", vec![slice("web-0", &[(L1, terminating(true))]), both()], ALL);
    let elsewhere = slice("web-0", &[(L1, json!({"nodeName": "n2"}))]);
    let i = with(json!({"internalTrafficPolicy": "Local"}));
    check(vec![i, elsewhere, both()], &[("B194", POD, VIP, "keep 1.21")]);
}

#[test]
fn conflicts() {
    let rival = |created: &str, name: &str, patch: Value| {
        let metadata = json!({"name": name, "creationTimestamp": created});
        let base = service(json!({"metadata": metadata,
            "spec": {"ports": [{"name": "x", "port": 80, "nodePort": 30080}]}}));
        patched(base, &patch)
    };
    let web = || service(json!({"metadata": {"creationTimestamp": "2024-05-01T10:00:00Z"}}));
    let row = |id: &str, rival: Value, to: &str, expected: &str| {
        check(vec![web(), both(), rival], &[(id, POD, to, expected)]);
    };
    row("B320", rival("2024-05-01T09:00:00Z", "old", json!({})), VIP, "reject");
    row("B320", rival("2024-05-01T12:59:59+03:00", "old", json!({})), VIP, "reject");
    row("B320", rival("2024-05-01T11:00:00Z", "new", json!({})), VIP, ALL);
    row("B320", rival("2024-05-01T10:00:00Z", "abc", json!({})), VIP, "reject");
    row("B320", rival("2024-05-01T10:00:00Z", "xyz", json!({})), VIP, ALL);
    row("B320", rival("", "abc", json!({})), VIP, ALL);
    row("B046", rival("2024-05-01T09:00:00Z", "old", json!({})), NODE_PORT, "reject");
    let moved = json!({"spec": {"clusterIP": "172.20.0.11", "clusterIPs": null,
        "externalIPs": ["172.20.0.10"]}});
    row("B320", rival("2024-05-01T09:00:00Z", "old", moved.clone()), VIP, "reject");
    row("B320", rival("2024-05-01T11:00:00Z", "new", moved.clone()), VIP, ALL);
    row("B320", rival("2024-05-01T11:00:00Z", "new", moved), "172.20.0.11:80/TCP", "reject");
    let twice = service(json!({"spec": {"externalIPs": ["203.0.113.80"]},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80"}, {"ip": "172.20.0.10"}]}}}));
    let oracle = Oracle::new(&setup(vec![twice, both()], Vec::new())).unwrap();
    let by = |to: &str| oracle.trace(POD, to).unwrap().decided_by;
    let service = "service/shop/web:http";
    assert_eq!(by(VIP), ["frontend/ClusterIP/172.20.0.10/80/TCP", service]);
    assert_eq!(by(BALANCER), ["frontend/LoadBalancerIP/203.0.113.80/80/TCP", service]);
    assert_eq!(by(NODE_PORT), ["frontend/NodePort/*/30080/TCP", service]);
    let unserved = ["frontend/ClusterIP/fd00:20::10/81/UDP", "service/shop/web:"];
    assert_eq!(oracle.trace("node", "[fd00:20::10]:81/udp").unwrap().decided_by, unserved);
}

#[test]
fn clients() {
    let e = || with(json!({"externalTrafficPolicy": "Local"}));
    let strangers = slice(
        "web-2",
        &[
            ("198.18.0.1", json!({"nodeName": "n1", "targetRef": {"kind": "Pod", "name": "near"}})),
            ("198.18.0.2", json!({"nodeName": "n2"})),
            ("198.18.0.3", json!({"nodeName": null})),
        ],
    );
    let pod = json!({"kind": "Pod", "metadata": {"namespace": "shop", "name": "client"},
        "spec": {"nodeName": "n1"}, "status": {"podIP": "198.18.0.9"}});
    let row = |fields: Value, rows: &[Row<'_>]| {
        let documents = vec![e(), both(), strangers.clone(), pod.clone()];
        check_with(documents, vec![kube_proxy(&fields)], rows);
    };
    let outside = "keep 1.21 198.18.0.1";
    let inside = "keep 1.21 2.21 198.18.0.1 198.18.0.2 198.18.0.3";
    let hairpin = "mixed 1.21 2.21 198.18.0.1 198.18.0.2 198.18.0.3";
    row(
        json!({}),
        &[
            ("B087", "198.18.0.1", BALANCER, hairpin),
            ("B087", "pod/shop/near", BALANCER, hairpin),
            ("B087", "pod/shop/client", BALANCER, inside),
            ("B087", "198.18.0.2", BALANCER, hairpin),
            ("B084", "198.18.0.3", BALANCER, outside),
            ("B084", "192.0.2.12", BALANCER, outside),
            ("B084", "pod/shop/nobody", BALANCER, "error: no pod is known as shop/nobody"),
        ],
    );
    row(
        json!({"clusterCIDR": "10.1.0.0/16"}),
        &[
            ("B087", POD, BALANCER, inside),
            ("B087", "10.1.77.1", BALANCER, inside),
            ("B084", "198.18.0.2", BALANCER, outside),
            ("B004", "fd00:1:1::9", "[fd00:20::10]:80/TCP", "reject"),
        ],
    );
    row(
        json!({"detectLocalMode": "NodeCIDR"}),
        &[
            ("B087", POD, BALANCER, inside),
            ("B084", REMOTE_POD, BALANCER, outside),
            ("B004", REMOTE_POD, VIP, "rewrite 1.21 2.21 198.18.0.1 198.18.0.2 198.18.0.3"),
        ],
    );
}

#[test]
fn families_and_lists() {
    let only_v4 = json!({"kind": "Node", "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]}});
    let items = json!({"kind": "ServiceList", "items": [patched(service(json!({})), &json!({"kind": null}))]});
    let one_node = Setup {
        node: "n1".to_owned(),
        documents: vec![only_v4, json!({"kind": "List", "items": [items, both()]})],
        ..Setup::default()
    };
    assert_eq!(said(&one_node, OUTSIDE, VIP), ALL_REWRITTEN, "B242");
    assert_eq!(said(&one_node, "fd00:1:1::9", "[fd00:20::10]:80/TCP"), "pass", "B242");
    let absent = Setup { node: "n9".to_owned(), ..one_node };
    assert_eq!(said(&absent, OUTSIDE, VIP), "error: no Node is named n9");
}
