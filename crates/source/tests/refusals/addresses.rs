//! Addresses of Services: malformed, special, of the wrong family, or at odds with each other.

use super::{check, read};

const HEAD: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n";
const WEB: &str = "Service shop/web";

/// Addresses nobody may be reached at, each with part of the reason.
const BAD: &[(&str, &str)] = &[
    ("010.0.0.1", "leading zero"),
    ("10.0.0.01", "leading zero"),
    ("10.0.0.00", "leading zero"),
    ("'::ffff:10.0.0.1'", "IPv4-mapped"),
    ("'::ffff:a00:1'", "IPv4-mapped"),
    ("'fe80::1%eth0'", "not an IP address"),
    ("'fd00::1%1'", "not an IP address"),
    ("text", "not an IP address"),
    ("host.example", "not an IP address"),
    ("10.0.0", "not an IP address"),
    ("10.0.0.256", "not an IP address"),
    ("10.0.0.1.2", "not an IP address"),
    ("10.0.0.1/32", "not an IP address"),
    ("'10.0.0.1:80'", "not an IP address"),
    ("' 10.0.0.1'", "not an IP address"),
    ("'10.0.0.1 '", "not an IP address"),
    ("'[fd00::1]'", "not an IP address"),
    ("'fd00:::1'", "not an IP address"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("'::1'", "loopback"),
    ("0.0.0.0", "unspecified"),
    ("'::'", "unspecified"),
    ("169.254.169.254", "link-local"),
    ("'fe80::1'", "link-local"),
    ("'febf::1'", "link-local"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("'ff02::1'", "multicast"),
    ("\"10.0.0.1\\0\"", "NUL"),
];

#[test]
fn a_malformed_cluster_ip_is_refused() {
    let head = format!("{HEAD}spec:\n  ports: [{{name: a, port: 80}}]\n  clusterIP: ");
    for (address, reason) in BAD {
        let refused = format!("spec.clusterIP | {reason}");
        check(&head, WEB, &[(address, &[&refused], &["ips=[]", "ports=[a:TCP:80"])]);
    }
}

#[test]
fn a_malformed_second_cluster_ip_leaves_the_first() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  clusterIPs: ");
    for (address, reason) in BAD {
        let (refused, body) =
            (format!("spec.clusterIPs[1] | {reason}"), format!("[172.20.0.10, {address}]"));
        check(&head, WEB, &[(&body, &[&refused], &["ips=[172.20.0.10]"])]);
    }
}

#[test]
fn a_malformed_external_ip_leaves_the_others() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  externalIPs: ");
    for (address, reason) in BAD.iter().chain(&[("''", "not an IP address")]) {
        let (refused, body) = (
            format!("spec.externalIPs[1] | {reason}"),
            format!("[203.0.113.89, {address}, 203.0.113.90]"),
        );
        let used: &[&str] = &["external=[203.0.113.89 203.0.113.90]", "ips=[172.20.0.10]"];
        check(&head, WEB, &[(&body, &[&refused], used)]);
    }
}

#[test]
fn a_malformed_load_balancer_address_leaves_the_others() {
    let head = format!("{HEAD}spec: {{type: LoadBalancer, clusterIP: 172.20.0.10}}\nstatus: ");
    for (address, reason) in BAD {
        let (refused, body) = (
            format!("status.loadBalancer.ingress[0].ip | {reason}"),
            format!("{{loadBalancer: {{ingress: [{{ip: {address}}}, {{ip: 203.0.113.80}}]}}}}"),
        );
        check(&head, WEB, &[(&body, &[&refused], &["balancer=[203.0.113.80]"])]);
    }
}

#[test]
fn cluster_ips_of_a_wrong_type_are_refused() {
    let head = format!("{HEAD}spec:\n  ports: [{{name: a, port: 80}}]\n  ");
    let port: &[&str] = &["ips=[]", "ports=[a:TCP:80"];
    check(
        &head,
        WEB,
        &[
            ("clusterIP: 7", &["spec.clusterIP | text"], port),
            ("clusterIP: 1.5", &["spec.clusterIP | text"], port),
            ("clusterIP: true", &["spec.clusterIP | text"], port),
            ("clusterIP: []", &["spec.clusterIP | text"], port),
            ("clusterIP: {}", &["spec.clusterIP | text"], port),
            ("clusterIP: [172.20.0.10]", &["spec.clusterIP | text"], port),
            ("clusterIP: null", &[], port),
            ("clusterIP: ''", &[], port),
            ("clusterIP: None", &[], port),
            ("clusterIP: none", &["spec.clusterIP | not an IP address"], port),
        ],
    );
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  clusterIPs: ");
    let address: &[&str] = &["ips=[172.20.0.10]"];
    check(
        &head,
        WEB,
        &[
            ("7", &["spec.clusterIPs | a list"], address),
            ("text", &["spec.clusterIPs | a list"], address),
            ("{}", &["spec.clusterIPs | a list"], address),
            ("true", &["spec.clusterIPs | a list"], address),
            ("null", &[], address),
            ("[]", &[], address),
            ("[172.20.0.10, 7]", &["spec.clusterIPs[1] | text"], address),
            ("[172.20.0.10, {}]", &["spec.clusterIPs[1] | text"], address),
            ("[172.20.0.10, []]", &["spec.clusterIPs[1] | text"], address),
            ("[172.20.0.10, true]", &["spec.clusterIPs[1] | text"], address),
        ],
    );
}

#[test]
fn cluster_ips_that_contradict_each_other_are_reported() {
    check(
        &format!("{HEAD}spec: "),
        WEB,
        &[
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [172.20.0.11]}",
                &["spec.clusterIP | first of spec.clusterIPs"],
                &["ips=[172.20.0.11]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: ['fd00:20::a', 172.20.0.10]}",
                &["spec.clusterIP | first of spec.clusterIPs"],
                &["ips=[172.20.0.10 fd00:20::a]"],
            ),
            (
                "{clusterIP: None, clusterIPs: [172.20.0.10], ports: [{port: 80}]}",
                &["spec.clusterIP | \"None\""],
                &["ips=[]", "ports=[:TCP:80"],
            ),
            (
                "{clusterIP: '', clusterIPs: [172.20.0.10]}",
                &["spec.clusterIP | spec.clusterIPs"],
                &["ips=[]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [None]}",
                &["spec.clusterIP | first of spec.clusterIPs"],
                &["ips=[]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, 172.20.0.11]}",
                &["spec.clusterIPs[1] | 172.20.0.10"],
                &["ips=[172.20.0.10]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, 172.20.0.10]}",
                &["spec.clusterIPs[1] | 172.20.0.10"],
                &["ips=[172.20.0.10]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, 'fd00:20::a', 'fd00:20::b']}",
                &["spec.clusterIPs[2] | fd00:20::a"],
                &["ips=[172.20.0.10 fd00:20::a]"],
            ),
            ("{clusterIP: None, clusterIPs: [None]}", &[], &["ips=[]"]),
            (
                "{clusterIP: 'fd00:20::a', clusterIPs: ['fd00:20:0:0::a']}",
                &[],
                &["ips=[fd00:20::a]"],
            ),
        ],
    );
}

#[test]
fn an_external_name_is_not_served_whatever_addresses_it_carries() {
    check(
        &format!("{HEAD}spec: "),
        WEB,
        &[(
            "{type: ExternalName, externalName: a.example, clusterIP: 172.20.0.10, ports: [{port: 80}]}",
            &[],
            &["Service shop/web ExternalName"],
        )],
    );
}

#[test]
fn ipv6_has_one_value_however_it_is_spelled() {
    check(
        &format!("{HEAD}spec: "),
        WEB,
        &[
            ("{clusterIP: 'FD00:0020:0:0:0:0:0:000A'}", &[], &["ips=[fd00:20::a]"]),
            (
                "{clusterIP: 172.20.0.10, externalIPs: ['2001:db8::1', '2001:DB8:0::1']}",
                &[],
                &["external=[2001:db8::1]"],
            ),
        ],
    );
}

#[test]
fn external_ips_of_a_wrong_type_are_refused() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  externalIPs: ");
    let none: &[&str] = &["external=[]", "ips=[172.20.0.10]"];
    check(
        &head,
        WEB,
        &[
            ("text", &["spec.externalIPs | a list"], none),
            ("203.0.113.90", &["spec.externalIPs | a list"], none),
            ("{}", &["spec.externalIPs | a list"], none),
            ("7", &["spec.externalIPs | a list"], none),
            ("null", &[], none),
            ("[7, 203.0.113.90]", &["spec.externalIPs[0] | text"], &["external=[203.0.113.90]"]),
            ("[{}, 203.0.113.90]", &["spec.externalIPs[0] | text"], &["external=[203.0.113.90]"]),
            ("[[], 203.0.113.90]", &["spec.externalIPs[0] | text"], &["external=[203.0.113.90]"]),
            ("[203.0.113.90, 203.0.113.90]", &[], &["external=[203.0.113.90]"]),
        ],
    );
}

#[test]
fn source_ranges_that_cannot_be_read_never_open_the_address() {
    let head = format!(
        "{HEAD}spec:\n  type: LoadBalancer\n  clusterIP: 172.20.0.10\n  loadBalancerSourceRanges: "
    );
    let closed: &[&str] = &["ranges=[]", "ips=[172.20.0.10]"];
    let field = "spec.loadBalancerSourceRanges";
    let (list, first) = (format!("{field} | a list"), |reason| format!("{field}[0] | {reason}"));
    check(
        &head,
        WEB,
        &[
            ("null", &[], &["ranges=open"]),
            ("[]", &[], &["ranges=open"]),
            ("[0.0.0.0/0]", &[], &["ranges=[0.0.0.0/0]"]),
            ("text", &[&list], closed),
            ("10.0.0.0/8", &[&list], closed),
            ("{}", &[&list], closed),
            ("7", &[&list], closed),
            ("[7]", &[&first("text")], closed),
            ("[{}]", &[&first("text")], closed),
            ("[office]", &[&first("not a range")], closed),
            ("[10.0.0.1]", &[&first("not a range")], closed),
            ("['']", &[&first("not a range")], closed),
            ("[10.0.0.0/33]", &[&first("prefix")], closed),
            ("['fd00::/129']", &[&first("prefix")], closed),
            ("[10.0.0.0/-1]", &[&first("")], closed),
            ("[10.0.0.0/]", &[&first("")], closed),
            ("[10.0.0.0/8/8]", &[&first("")], closed),
            ("[010.0.0.0/8]", &[&first("leading zero")], closed),
            ("['::ffff:10.0.0.0/104']", &[&first("IPv4-mapped")], closed),
            ("[office, 10.0.0.0/8]", &[&first("not a range")], &["ranges=[10.0.0.0/8]"]),
            ("[10.0.0.0/8, 10.0.0.0/8]", &[], &["ranges=[10.0.0.0/8]"]),
            ("['10.0.0.0/8', 'fd00::/16']", &[], &["10.0.0.0/8", "fd00::/16"]),
        ],
    );
}

#[test]
fn a_status_of_a_wrong_type_leaves_the_rest() {
    let head = format!("{HEAD}spec: {{type: LoadBalancer, clusterIP: 172.20.0.10}}\nstatus: ");
    let none: &[&str] = &["balancer=[]", "ips=[172.20.0.10]"];
    let one: &[&str] = &["balancer=[203.0.113.80]", "ips=[172.20.0.10]"];
    let ingress = "status.loadBalancer.ingress";
    let at = |path: &str, reason: &str| format!("{ingress}{path} | {reason}");
    check(
        &head,
        WEB,
        &[
            ("null", &[], none),
            ("7", &["status | an object"], none),
            ("[]", &["status | an object"], none),
            ("text", &["status | an object"], none),
            ("{loadBalancer: null}", &[], none),
            ("{loadBalancer: 7}", &["status.loadBalancer | an object"], none),
            ("{loadBalancer: []}", &["status.loadBalancer | an object"], none),
            ("{loadBalancer: {ingress: 7}}", &[&at("", "a list")], none),
            ("{loadBalancer: {ingress: {}}}", &[&at("", "a list")], none),
            ("{loadBalancer: {ingress: [7, {ip: 203.0.113.80}]}}", &[&at("[0]", "an object")], one),
            (
                "{loadBalancer: {ingress: [[], {ip: 203.0.113.80}]}}",
                &[&at("[0]", "an object")],
                one,
            ),
            (
                "{loadBalancer: {ingress: [{ip: 7}, {ip: 203.0.113.80}]}}",
                &[&at("[0].ip", "text")],
                one,
            ),
            (
                "{loadBalancer: {ingress: [{ip: []}, {ip: 203.0.113.80}]}}",
                &[&at("[0].ip", "text")],
                one,
            ),
            ("{loadBalancer: {ingress: [{hostname: a.example}, {ip: 203.0.113.80}]}}", &[], one),
            ("{loadBalancer: {ingress: [{ip: 203.0.113.80}, {ip: 203.0.113.80}]}}", &[], one),
            (
                "{loadBalancer: {ingress: [{ip: 203.0.113.81, ipMode: Proxy}, {ip: 203.0.113.80, ipMode: VIP}]}}",
                &[],
                one,
            ),
            (
                "{loadBalancer: {ingress: [{ip: 203.0.113.81, ipMode: vip}, {ip: 203.0.113.80}]}}",
                &[&at("[0].ipMode", "neither VIP nor Proxy")],
                one,
            ),
        ],
    );
}

#[test]
fn an_address_whose_mode_cannot_be_read_is_not_served() {
    let head = format!("{HEAD}spec: {{type: LoadBalancer, clusterIP: 172.20.0.10}}\nstatus: ");
    let one: &[&str] = &["balancer=[203.0.113.80]"];
    check(
        &head,
        WEB,
        &[
            (
                "{loadBalancer: {ingress: [{ip: 203.0.113.81, ipMode: 7}, {ip: 203.0.113.80}]}}",
                &["status.loadBalancer.ingress[0].ipMode | text"],
                one,
            ),
            (
                "{loadBalancer: {ingress: [{ip: 203.0.113.81, ipMode: {}}, {ip: 203.0.113.80}]}}",
                &["status.loadBalancer.ingress[0].ipMode | text"],
                one,
            ),
        ],
    );
}

#[test]
fn a_null_among_source_ranges_is_named_when_it_closes_the_address() {
    let spec =
        "spec: {type: LoadBalancer, clusterIP: 172.20.0.10, loadBalancerSourceRanges: [null]}";
    let outcome = read(format!("{HEAD}{spec}").as_bytes());
    let line = outcome.line(WEB).unwrap_or_default();
    assert!(
        line.contains("ranges=open") || !outcome.refused.is_empty(),
        "closed to everyone and nobody is told: {line}"
    );
}

#[test]
fn a_null_in_a_list_is_refused_and_the_rest_used() {
    check(
        &format!("{HEAD}spec: "),
        WEB,
        &[
            (
                "{clusterIP: 172.20.0.10, ports: [null, {port: 80}]}",
                &["spec.ports[0] | "],
                &["ports=[:TCP:80:->same]"],
            ),
            (
                "{clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, null]}",
                &["spec.clusterIPs[1] | "],
                &["ips=[172.20.0.10]"],
            ),
            (
                "{clusterIP: 172.20.0.10, externalIPs: [null, 203.0.113.90]}",
                &["spec.externalIPs[0] | "],
                &["external=[203.0.113.90]"],
            ),
        ],
    );
}
