//! Nodes and Pods: each field of a wrong type or malformed.

use super::check;

const NODE: &str = "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: \
                    {topology.kubernetes.io/zone: z1, kubernetes.io/os: windows}}\n";
const N1: &str = "Node n1";

#[test]
fn node_addresses_of_a_wrong_type_leave_the_others() {
    let head = format!("{NODE}spec: {{podCIDRs: [10.1.1.0/24]}}\nstatus: ");
    let none: &[&str] = &["addresses=[]", "ranges=[10.1.1.0/24]", "zone=z1 os=windows"];
    let one: &[&str] = &["addresses=[Internal:192.0.2.11]", "ranges=[10.1.1.0/24]"];
    let good = "{type: InternalIP, address: 192.0.2.11}";
    check(
        &head,
        N1,
        &[
            ("null", &[], none),
            ("7", &["status | an object"], none),
            ("[]", &["status | an object"], none),
            ("{addresses: null}", &[], none),
            ("{addresses: 7}", &["status.addresses | a list"], none),
            ("{addresses: {}}", &["status.addresses | a list"], none),
            ("{addresses: text}", &["status.addresses | a list"], none),
        ],
    );
    for (bad, refused) in [
        ("7", "status.addresses[0] | an object"),
        ("[]", "status.addresses[0] | an object"),
        ("text", "status.addresses[0] | an object"),
        ("{type: 7, address: 192.0.2.12}", "status.addresses[0].type | text"),
        ("{type: InternalIP, address: text}", "status.addresses[0].address | not an IP address"),
        ("{type: InternalIP, address: 010.0.0.1}", "status.addresses[0].address | leading zero"),
        (
            "{type: ExternalIP, address: '::ffff:10.0.0.1'}",
            "status.addresses[0].address | IPv4-mapped",
        ),
        ("{type: InternalIP, address: ''}", "status.addresses[0].address | not an IP address"),
        ("{type: InternalIP}", "status.addresses[0].address | "),
    ] {
        check(&head, N1, &[(&format!("{{addresses: [{bad}, {good}]}}"), &[refused], one)]);
    }
    for other in ["{type: Hostname, address: n1}", "{type: InternalDNS, address: n1.example}"] {
        check(&head, N1, &[(&format!("{{addresses: [{other}, {good}]}}"), &[], one)]);
    }
}

#[test]
fn a_node_address_of_a_wrong_type_is_refused_once() {
    let head = format!("{NODE}spec: {{podCIDRs: [10.1.1.0/24]}}\nstatus: ");
    for bad in ["7", "[]", "{}", "true"] {
        let body = format!(
            "{{addresses: [{{type: InternalIP, address: {bad}}}, {{type: InternalIP, address: 192.0.2.11}}]}}"
        );
        let used: &[&str] = &["addresses=[Internal:192.0.2.11]"];
        check(&head, N1, &[(&body, &["status.addresses[0].address | text"], used)]);
    }
}

#[test]
fn pod_ranges_of_a_wrong_type_leave_the_others() {
    let head =
        format!("{NODE}status: {{addresses: [{{type: InternalIP, address: 192.0.2.11}}]}}\nspec: ");
    let none: &[&str] = &["addresses=[Internal:192.0.2.11]", "ranges=[]"];
    let one: &[&str] = &["addresses=[Internal:192.0.2.11]", "ranges=[10.1.1.0/24]"];
    check(
        &head,
        N1,
        &[
            ("null", &[], none),
            ("7", &["spec | an object"], none),
            ("[]", &["spec | an object"], none),
            ("{podCIDRs: null}", &[], none),
            ("{podCIDRs: 7}", &["spec.podCIDRs | a list"], none),
            ("{podCIDRs: 10.1.1.0/24}", &["spec.podCIDRs | a list"], none),
            ("{podCIDRs: {}}", &["spec.podCIDRs | a list"], none),
            ("{podCIDRs: [7, 10.1.1.0/24]}", &["spec.podCIDRs[0] | text"], one),
            ("{podCIDRs: [text, 10.1.1.0/24]}", &["spec.podCIDRs[0] | not a range"], one),
            ("{podCIDRs: [10.1.1.0, 10.1.1.0/24]}", &["spec.podCIDRs[0] | not a range"], one),
            ("{podCIDRs: ['', 10.1.1.0/24]}", &["spec.podCIDRs[0] | not a range"], one),
            ("{podCIDRs: [10.1.1.0/33, 10.1.1.0/24]}", &["spec.podCIDRs[0] | prefix"], one),
            ("{podCIDRs: [010.1.1.0/24, 10.1.1.0/24]}", &["spec.podCIDRs[0] | leading zero"], one),
            ("{podCIDRs: [10.1.1.7/24]}", &[], one),
            ("{podCIDR: 10.1.1.0/24}", &[], one),
            (
                "{podCIDR: 10.1.1.0/24, podCIDRs: [10.1.1.0/24, 'fd00:1:1::/64']}",
                &[],
                &["ranges=[10.1.1.0/24 fd00:1:1::/64]"],
            ),
        ],
    );
}

#[test]
fn a_zone_that_cannot_be_read_is_no_zone() {
    let head = "apiVersion: v1\nkind: Node\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.11}]}\n\
                metadata: {name: n1, labels: ";
    let none: &[&str] = &["zone=- ", "Internal:192.0.2.11"];
    let field = "metadata.labels[topology.kubernetes.io/zone] | text";
    check(
        head,
        N1,
        &[
            ("{topology.kubernetes.io/zone: 7}}", &[field], none),
            ("{topology.kubernetes.io/zone: {}}}", &[field], none),
            ("{topology.kubernetes.io/zone: ''}}", &[], none),
            ("{}}", &[], none),
            ("null}", &[], none),
        ],
    );
}

#[test]
fn a_node_has_no_namespace() {
    let head = "apiVersion: v1\nkind: Node\nmetadata: ";
    check(head, N1, &[("{name: n1, namespace: shop}", &[], &["Node n1 "])]);
}

#[test]
fn a_nodes_bad_label_does_not_take_its_addresses_with_it() {
    let head = "apiVersion: v1\nkind: Node\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.11}]}\n\
                metadata: {name: n1, labels: ";
    let used: &[&str] = &["zone=- os=-", "Internal:192.0.2.11"];
    check(
        head,
        N1,
        &[
            ("7}", &["metadata.labels | an object"], used),
            ("[a]}", &["metadata.labels | an object"], used),
        ],
    );
}

#[test]
fn pods_of_a_wrong_type_leave_the_rest() {
    let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\n";
    let one: &[&str] = &["addresses=[10.1.1.9]"];
    check(
        head,
        "Pod shop/p",
        &[
            ("", &[], &["node=- addresses=[]"]),
            (
                "spec: {nodeName: n1}\nstatus: {podIP: 10.1.1.9}",
                &[],
                &["node=n1 addresses=[10.1.1.9]"],
            ),
            ("spec: 7\nstatus: {podIP: 10.1.1.9}", &["spec | an object"], one),
            ("spec: {nodeName: 7}\nstatus: {podIP: 10.1.1.9}", &["spec.nodeName | text"], one),
            ("spec: {nodeName: n1}\nstatus: 7", &["status | an object"], &["node=n1 addresses=[]"]),
            ("status: {podIP: text}", &["status.podIP | not an IP address"], &["addresses=[]"]),
            ("status: {podIP: 7}", &["status.podIP | text"], &["addresses=[]"]),
            ("status: {podIPs: 7}", &["status.podIPs | a list"], &["addresses=[]"]),
            ("status: {podIPs: [7, {ip: 10.1.1.9}]}", &["status.podIPs[0] | an object"], one),
            ("status: {podIPs: [{ip: 7}, {ip: 10.1.1.9}]}", &["status.podIPs[0].ip | text"], one),
            (
                "status: {podIPs: [{ip: 010.1.1.9}, {ip: 10.1.1.9}]}",
                &["status.podIPs[0].ip | leading zero"],
                one,
            ),
            (
                "status: {podIP: 10.1.1.9, podIPs: [{ip: 10.1.1.9}, {ip: 'fd00:1:1::9'}]}",
                &[],
                &["addresses=[10.1.1.9 fd00:1:1::9]"],
            ),
        ],
    );
}
