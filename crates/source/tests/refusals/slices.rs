//! EndpointSlices: each field of a wrong type, out of range, malformed or at odds with another.

use super::{check, read};

const HEAD: &str = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
                    metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}\n";
const WEB: &str = "EndpointSlice shop/web-1";

#[test]
fn an_address_type_is_one_of_three_words() {
    let head = format!("{HEAD}endpoints: [{{addresses: [10.1.1.21]}}]\nports: []\n");
    check(
        &head,
        WEB,
        &[
            ("addressType: IPv4", &[], &["of=web IPv4", "10.1.1.21"]),
            ("addressType: FQDN", &[], &["of=-"]),
            ("addressType: ipv4", &["addressType | \"ipv4\""], &[]),
            ("addressType: IPv5", &["addressType | \"IPv5\""], &[]),
            ("addressType: IP", &["addressType | \"IP\""], &[]),
            ("addressType: ''", &["addressType | "], &[]),
            ("addressType: null", &["addressType | "], &[]),
            ("", &["addressType | "], &[]),
            ("addressType: 4", &["addressType | text"], &[]),
            ("addressType: [IPv4]", &["addressType | text"], &[]),
            ("addressType: {}", &["addressType | text"], &[]),
        ],
    );
}

#[test]
fn the_first_address_of_an_endpoint_must_be_one_that_a_backend_can_have() {
    let v4: &[(&str, &str)] = &[
        ("010.1.1.20", "leading zero"),
        ("10.1.1.020", "leading zero"),
        ("::ffff:10.1.1.20", "IPv4-mapped"),
        ("2001:db8::1", "not an IPv4 address"),
        ("fe80::1%eth0", "not an IP address"),
        ("", "not an IP address"),
        ("text", "not an IP address"),
        ("10.1.1", "not an IP address"),
        ("10.1.1.20/32", "not an IP address"),
        (" 10.1.1.20", "not an IP address"),
        ("10.1.1.20:80", "not an IP address"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
    ];
    let v6: &[(&str, &str)] = &[
        ("10.1.1.20", "not an IPv6 address"),
        ("::ffff:10.1.1.20", "IPv4-mapped"),
        ("fd00::1%eth0", "not an IP address"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("::", "unspecified"),
        ("ff02::1", "multicast"),
        ("fd00", "not an IP address"),
    ];
    for (family, good, cases) in [("IPv4", "10.1.1.21", v4), ("IPv6", "fd00::21", v6)] {
        let head = format!(
            "{HEAD}ports: [{{name: http, port: 8080}}]\naddressType: {family}\nendpoints: "
        );
        for (address, reason) in cases {
            let (body, refused) = (
                format!("[{{addresses: ['{address}', '{good}']}}, {{addresses: ['{good}']}}]"),
                format!("endpoints[0].addresses[0] | {reason}"),
            );
            let used = format!("endpoints=[-... {good}rs.]");
            check(&head, WEB, &[(&body, &[&refused], &[&used, "ports=[http:TCP:8080]"])]);
        }
    }
}

#[test]
fn endpoints_of_a_wrong_type_leave_the_others() {
    let head = format!("{HEAD}ports: [{{name: http, port: 8080}}]\naddressType: IPv4\nendpoints: ");
    let (none, second): (&[&str], &[&str]) =
        (&["endpoints=[]", "http:TCP:8080"], &["endpoints=[-... 10.1.1.21rs.]"]);
    check(
        &head,
        WEB,
        &[
            ("null", &[], none),
            ("[]", &[], none),
            ("7", &["endpoints | a list"], none),
            ("{}", &["endpoints | a list"], none),
            ("text", &["endpoints | a list"], none),
            ("[7, {addresses: [10.1.1.21]}]", &["endpoints[0] | an object"], second),
            ("[text, {addresses: [10.1.1.21]}]", &["endpoints[0] | an object"], second),
            ("[[], {addresses: [10.1.1.21]}]", &["endpoints[0] | an object"], second),
            ("[{}, {addresses: [10.1.1.21]}]", &["endpoints[0].addresses[0] | absent"], second),
            (
                "[{addresses: []}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses[0] | absent"],
                second,
            ),
            (
                "[{addresses: null}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses[0] | absent"],
                second,
            ),
            (
                "[{addresses: [null]}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses[0] | absent"],
                second,
            ),
            (
                "[{addresses: 10.1.1.20}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses | a list"],
                second,
            ),
            (
                "[{addresses: {}}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses | a list"],
                second,
            ),
            (
                "[{addresses: [7]}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses[0] | text"],
                second,
            ),
            (
                "[{addresses: [{}]}, {addresses: [10.1.1.21]}]",
                &["endpoints[0].addresses[0] | text"],
                second,
            ),
        ],
    );
}

#[test]
fn a_null_endpoint_is_refused_and_the_rest_used() {
    let head = format!("{HEAD}ports: [{{name: http, port: 8080}}]\naddressType: IPv4\nendpoints: ");
    let second: &[&str] = &["endpoints=[-... 10.1.1.21rs.]"];
    check(&head, WEB, &[("[null, {addresses: [10.1.1.21]}]", &["endpoints[0] | "], second)]);
}

#[test]
fn later_addresses_of_an_endpoint_are_not_looked_at() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    check(
        &head,
        WEB,
        &[
            ("[{addresses: [10.1.1.21, 10.1.1.22]}]", &[], &["endpoints=[10.1.1.21rs.]"]),
            ("[{addresses: [10.1.1.21, bad]}]", &[], &["endpoints=[10.1.1.21rs.]"]),
            ("[{addresses: [10.1.1.21, 7]}]", &[], &["endpoints=[10.1.1.21rs.]"]),
        ],
    );
}

#[test]
fn an_endpoint_whose_conditions_cannot_be_read_is_not_used() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    let lost: &[&str] = &["endpoints=[-... 10.1.1.21rs.]"];
    for (conditions, field, reason) in [
        ("7", "", "an object"),
        ("[]", "", "an object"),
        ("text", "", "an object"),
        ("{ready: 'true'}", ".ready", "true or false"),
        ("{ready: yes}", ".ready", "true or false"),
        ("{ready: 1}", ".ready", "true or false"),
        ("{ready: {}}", ".ready", "true or false"),
        ("{serving: 'false'}", ".serving", "true or false"),
        ("{serving: 0}", ".serving", "true or false"),
        ("{terminating: 'false'}", ".terminating", "true or false"),
        ("{terminating: []}", ".terminating", "true or false"),
    ] {
        let (body, refused) = (
            format!(
                "[{{addresses: [10.1.1.20], conditions: {conditions}}}, {{addresses: [10.1.1.21]}}]"
            ),
            format!("endpoints[0].conditions{field} | {reason}"),
        );
        check(&head, WEB, &[(&body, &[&refused], lost)]);
    }
}

#[test]
fn absent_conditions_have_their_defaults() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    for (conditions, expected) in [
        ("null", "rs."),
        ("{}", "rs."),
        ("{ready: null, serving: null, terminating: null}", "rs."),
        ("{ready: false}", ".s."),
        ("{ready: false, serving: false}", "..."),
        ("{ready: false, serving: true, terminating: true}", ".st"),
        ("{ready: true, serving: false, terminating: false}", "r.."),
        ("{Ready: false}", "rs."),
    ] {
        let (body, used) = (
            format!("[{{addresses: [10.1.1.20], conditions: {conditions}}}]"),
            format!("endpoints=[10.1.1.20{expected}]"),
        );
        check(&head, WEB, &[(&body, &[], &[&used])]);
    }
}

#[test]
fn an_endpoint_whose_node_cannot_be_read_is_not_used() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    let lost: &[&str] = &["endpoints=[-... 10.1.1.21rs.]"];
    for node in ["7", "true", "{}", "[n1]"] {
        let body =
            format!("[{{addresses: [10.1.1.20], nodeName: {node}}}, {{addresses: [10.1.1.21]}}]");
        check(&head, WEB, &[(&body, &["endpoints[0].nodeName | text"], lost)]);
    }
    check(
        &head,
        WEB,
        &[
            ("[{addresses: [10.1.1.20], nodeName: n1}]", &[], &["endpoints=[10.1.1.20rs.@n1]"]),
            ("[{addresses: [10.1.1.20], nodeName: null}]", &[], &["endpoints=[10.1.1.20rs.]"]),
            ("[{addresses: [10.1.1.20], nodeName: ''}]", &[], &["endpoints=[10.1.1.20rs.]"]),
        ],
    );
}

#[test]
fn hints_that_cannot_be_read_leave_the_endpoint() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    for (hints, refused, expected) in [
        ("7", "endpoints[0].hints | an object", "10.1.1.20rs."),
        ("[]", "endpoints[0].hints | an object", "10.1.1.20rs."),
        ("{forZones: 7}", "endpoints[0].hints.forZones | a list", "10.1.1.20rs."),
        ("{forZones: {}}", "endpoints[0].hints.forZones | a list", "10.1.1.20rs."),
        ("{forZones: [7]}", "endpoints[0].hints.forZones[0] | an object", "10.1.1.20rs."),
        ("{forZones: [z1]}", "endpoints[0].hints.forZones[0] | an object", "10.1.1.20rs."),
        ("{forNodes: 7}", "endpoints[0].hints.forNodes | a list", "10.1.1.20rs."),
        ("{forNodes: [7]}", "endpoints[0].hints.forNodes[0] | an object", "10.1.1.20rs."),
        (
            "{forZones: [7, {name: z1}]}",
            "endpoints[0].hints.forZones[0] | an object",
            "10.1.1.20rs.[z1][]",
        ),
        (
            "{forZones: 7, forNodes: [{name: n1}]}",
            "endpoints[0].hints.forZones | a list",
            "10.1.1.20rs.[][n1]",
        ),
    ] {
        let body =
            format!("[{{addresses: [10.1.1.20], hints: {hints}}}, {{addresses: [10.1.1.21]}}]");
        let used = format!("endpoints=[{expected} 10.1.1.21rs.]");
        check(&head, WEB, &[(&body, &[refused], &[&used])]);
    }
    check(
        &head,
        WEB,
        &[
            ("[{addresses: [10.1.1.20], hints: null}]", &[], &["[10.1.1.20rs.]"]),
            ("[{addresses: [10.1.1.20], hints: {}}]", &[], &["[10.1.1.20rs.]"]),
            ("[{addresses: [10.1.1.20], hints: {forZones: []}}]", &[], &["[10.1.1.20rs.]"]),
            ("[{addresses: [10.1.1.20], hints: {forZones: null}}]", &[], &["[10.1.1.20rs.]"]),
            (
                "[{addresses: [10.1.1.20], hints: {forZones: [{name: z1}, {name: z2}], forNodes: [{name: n1}]}}]",
                &[],
                &["[10.1.1.20rs.[z1 z2][n1]]"],
            ),
        ],
    );
}

#[test]
fn a_hint_without_a_readable_name_is_no_hint() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    for (hints, refused, expected) in [
        (
            "{forZones: [{name: z1}, {name: 7}]}",
            "endpoints[0].hints.forZones[1].name | text",
            "[10.1.1.20rs.]",
        ),
        ("{forZones: [{name: 7}]}", "endpoints[0].hints.forZones[0].name | text", "[10.1.1.20rs.]"),
        (
            "{forNodes: [{name: {}}]}",
            "endpoints[0].hints.forNodes[0].name | text",
            "[10.1.1.20rs.]",
        ),
    ] {
        let body = format!("[{{addresses: [10.1.1.20], hints: {hints}}}]");
        check(&head, WEB, &[(&body, &[refused], &[expected])]);
    }
}

/// kube-proxy counts such a hint, too: one that is for nobody.
#[test]
fn a_hint_for_an_empty_name_is_a_hint() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    for hints in ["{forZones: [{}]}", "{forZones: [{name: ''}]}"] {
        let body = format!("[{{addresses: [10.1.1.20], hints: {hints}}}]");
        check(&head, WEB, &[(&body, &[], &["[10.1.1.20rs.[][]]"])]);
    }
}

#[test]
fn the_pod_behind_an_endpoint_is_known_by_its_reference() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    check(
        &head,
        WEB,
        &[
            (
                "[{addresses: [10.1.1.20], targetRef: {kind: Pod, name: p, namespace: other}}]",
                &[],
                &["[10.1.1.20rs.=other/p]"],
            ),
            (
                "[{addresses: [10.1.1.20], targetRef: {kind: Pod, name: p}}]",
                &[],
                &["[10.1.1.20rs.=shop/p]"],
            ),
            (
                "[{addresses: [10.1.1.20], targetRef: {kind: Node, name: p}}]",
                &[],
                &["[10.1.1.20rs.]"],
            ),
            ("[{addresses: [10.1.1.20], targetRef: null}]", &[], &["[10.1.1.20rs.]"]),
        ],
    );
}

#[test]
fn a_reference_that_cannot_be_read_costs_the_pods_name_alone() {
    let head = format!("{HEAD}ports: []\naddressType: IPv4\nendpoints: ");
    for reference in ["7", "[]", "text", "{kind: Pod, name: 7}", "{kind: 7, name: p}"] {
        let input = format!("{head}[{{addresses: [10.1.1.20], targetRef: {reference}}}]");
        let outcome = read(input.as_bytes());
        let line = outcome.line(WEB).unwrap_or_default();
        assert!(line.contains("endpoints=[10.1.1.20rs.]"), "{reference}: {line}");
    }
}

#[test]
fn slice_ports_of_a_wrong_type_leave_the_others() {
    let head = format!("{HEAD}addressType: IPv4\nendpoints: [{{addresses: [10.1.1.21]}}]\nports: ");
    let none: &[&str] = &["ports=[]", "10.1.1.21rs."];
    check(
        &head,
        WEB,
        &[
            ("null", &[], none),
            ("7", &["ports | a list"], none),
            ("{}", &["ports | a list"], none),
            ("text", &["ports | a list"], none),
        ],
    );
    let http: &[&str] = &["ports=[http:TCP:8080]", "10.1.1.21rs."];
    for (port, refused) in [
        ("7", "ports[0] | an object"),
        ("[]", "ports[0] | an object"),
        ("text", "ports[0] | an object"),
        ("{port: 1}", "ports[0].name | absent"),
        ("{name: null, port: 1}", "ports[0].name | absent"),
        ("{name: 7, port: 1}", "ports[0].name | text"),
        ("{name: {}, port: 1}", "ports[0].name | text"),
        ("{name: true, port: 1}", "ports[0].name | text"),
        ("{name: a}", "ports[0].port | absent"),
        ("{name: a, port: null}", "ports[0].port | absent"),
        ("{name: a, port: 0}", "ports[0].port | between 1 and 65535"),
        ("{name: a, port: -1}", "ports[0].port | between 1 and 65535"),
        ("{name: a, port: 65536}", "ports[0].port | between 1 and 65535"),
        ("{name: a, port: 9223372036854775808}", "ports[0].port | number"),
        ("{name: a, port: text}", "ports[0].port | a whole number"),
        ("{name: a, port: '1'}", "ports[0].port | a whole number"),
        ("{name: a, port: 1.5}", "ports[0].port | a whole number"),
        ("{name: a, port: true}", "ports[0].port | a whole number"),
        ("{name: a, port: []}", "ports[0].port | a whole number"),
        ("{name: a, port: {}}", "ports[0].port | a whole number"),
        ("{name: a, port: 1, protocol: tcp}", "ports[0].protocol | \"tcp\""),
        ("{name: a, port: 1, protocol: QUIC}", "ports[0].protocol | \"QUIC\""),
        ("{name: a, port: 1, protocol: ''}", "ports[0].protocol | unknown protocol"),
        ("{name: a, port: 1, protocol: 6}", "ports[0].protocol | text"),
        ("{name: a, port: 1, protocol: []}", "ports[0].protocol | text"),
    ] {
        let body = format!("[{port}, {{name: http, port: 8080}}]");
        check(&head, WEB, &[(&body, &[refused], http)]);
    }
    check(
        &head,
        WEB,
        &[
            ("[{name: '', port: 1}]", &[], &["ports=[:TCP:1]"]),
            ("[{name: a, port: 1, protocol: null}]", &[], &["ports=[a:TCP:1]"]),
            ("[{name: a, port: 1, protocol: SCTP}]", &[], &["ports=[a:SCTP:1]"]),
        ],
    );
}

#[test]
fn a_null_slice_port_is_refused_and_the_rest_used() {
    let head = format!("{HEAD}addressType: IPv4\nendpoints: [{{addresses: [10.1.1.21]}}]\nports: ");
    let http: &[&str] = &["ports=[http:TCP:8080]"];
    check(&head, WEB, &[("[null, {name: http, port: 8080}]", &["ports[0] | "], http)]);
}

#[test]
fn of_slice_ports_with_one_name_and_protocol_the_first_is_used() {
    let head = format!("{HEAD}addressType: IPv4\nendpoints: []\nports: ");
    check(
        &head,
        WEB,
        &[
            (
                "[{name: a, port: 1}, {name: a, port: 2}, {name: b, port: 3}]",
                &["ports[1] | same name"],
                &["ports=[a:TCP:1 b:TCP:3]"],
            ),
            ("[{name: a, port: 1}, {name: b, port: 1}]", &[], &["ports=[a:TCP:1 b:TCP:1]"]),
            (
                "[{name: a, port: 1}, {name: a, port: 2, protocol: UDP}]",
                &[],
                &["ports=[a:TCP:1 a:UDP:2]"],
            ),
        ],
    );
}

#[test]
fn one_endpoint_twice_in_a_slice_is_left_to_the_views() {
    let head = format!("{HEAD}addressType: IPv4\nports: []\nendpoints: ");
    let twice: &[&str] = &["endpoints=[10.1.1.21rs. 10.1.1.21rs.]"];
    check(&head, WEB, &[("[{addresses: [10.1.1.21]}, {addresses: [10.1.1.21]}]", &[], twice)]);
}

#[test]
fn a_slice_that_belongs_to_no_service_is_counted_and_not_read() {
    let tail = "addressType: IPv4\nendpoints: [{addresses: [bad]}]\nports: [{name: a, port: 0}]\n";
    let head = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: ";
    for metadata in [
        "{name: web-1, namespace: shop}",
        "{name: web-1, namespace: shop, labels: {}}",
        "{name: web-1, namespace: shop, labels: null}",
        "{name: web-1, namespace: shop, labels: {kubernetes.io/service-name: ''}}",
        "{name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web, service.kubernetes.io/headless: ''}}",
    ] {
        let outcome = read(format!("{head}{metadata}\n{tail}").as_bytes());
        assert_eq!(outcome.refused, [""; 0], "{metadata}");
        assert_eq!((outcome.counts.slices, outcome.counts.slices_ignored), (1, 1), "{metadata}");
        assert!(!outcome.objects.iter().any(|line| line.contains("of=web")), "{metadata}");
    }
    let fqdn = format!("{HEAD}addressType: FQDN\nendpoints: [{{addresses: [a.example]}}]\n");
    let outcome = read(fqdn.as_bytes());
    assert_eq!(outcome.refused, [""; 0]);
    assert_eq!((outcome.counts.slices, outcome.counts.slices_ignored), (1, 1));
}
