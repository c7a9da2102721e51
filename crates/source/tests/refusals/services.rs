//! Services: each field of a wrong type, out of range, malformed or at odds with another.

use super::check;

const HEAD: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n";
const WEB: &str = "Service shop/web";

#[test]
fn the_spec_must_be_an_object() {
    check(
        HEAD,
        WEB,
        &[
            ("", &["spec | absent"], &[]),
            ("spec:", &["spec | absent"], &[]),
            ("spec: null", &["spec | absent"], &[]),
            ("spec: []", &["spec | an object"], &[]),
            ("spec: 7", &["spec | an object"], &[]),
            ("spec: text", &["spec | an object"], &[]),
            ("spec: true", &["spec | an object"], &[]),
            ("spec: 1.5", &["spec | an object"], &[]),
        ],
    );
}

#[test]
fn the_list_of_ports_must_be_one_of_objects() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  ports: ");
    let address: &[&str] = &["ips=[172.20.0.10]", "ports=[]"];
    check(
        &head,
        WEB,
        &[
            ("{}", &["spec.ports | a list"], address),
            ("text", &["spec.ports | a list"], address),
            ("7", &["spec.ports | a list"], address),
            ("true", &["spec.ports | a list"], address),
            ("1.5", &["spec.ports | a list"], address),
            ("null", &[], address),
            ("[]", &[], address),
            ("[7]", &["spec.ports[0] | an object"], address),
            ("[[]]", &["spec.ports[0] | an object"], address),
            ("[text]", &["spec.ports[0] | an object"], address),
            ("[7, {port: 80}]", &["spec.ports[0] | an object"], &["ports=[:TCP:80:->same]"]),
        ],
    );
}

/// Checks one field of the first of two ports. `{}` in the head stands for its value.
fn check_port(head: &str, cases: &[(&str, &[&str], bool)]) {
    for (value, refused, used) in cases {
        let port = head.replace("{}", value);
        let body = format!("[{port}, {{name: b, port: 81}}]");
        let spec = "spec:\n  type: NodePort\n  clusterIP: 172.20.0.10\n  ports: ";
        let first = if *used { "ports=[a:TCP:80" } else { "ports=[b:TCP:81" };
        let used: &[&str] = &[first, "b:TCP:81:->same]", "ips=[172.20.0.10]"];
        check(&format!("{HEAD}{spec}"), WEB, &[(&body, refused, used)]);
    }
}

#[test]
fn a_port_number_is_from_1_to_65535() {
    check_port(
        "{name: a, port: {}}",
        &[
            ("80", &[], true),
            ("0", &["spec.ports[0].port | between 1 and 65535"], false),
            ("-1", &["spec.ports[0].port | between 1 and 65535"], false),
            ("65536", &["spec.ports[0].port | between 1 and 65535"], false),
            ("-9223372036854775808", &["spec.ports[0].port | between 1 and 65535"], false),
            ("9223372036854775807", &["spec.ports[0].port | between 1 and 65535"], false),
            ("9223372036854775808", &["spec.ports[0].port | number"], false),
            ("99999999999999999999999999", &["spec.ports[0].port | number"], false),
            ("text", &["spec.ports[0].port | a whole number"], false),
            ("'80'", &["spec.ports[0].port | a whole number"], false),
            ("''", &["spec.ports[0].port | a whole number"], false),
            ("80.5", &["spec.ports[0].port | a whole number"], false),
            ("true", &["spec.ports[0].port | a whole number"], false),
            ("[]", &["spec.ports[0].port | a whole number"], false),
            ("[80]", &["spec.ports[0].port | a whole number"], false),
            ("{number: 80}", &["spec.ports[0].port | a whole number"], false),
            ("null", &["spec.ports[0].port | absent"], false),
        ],
    );
    check_port("{name: a}", &[("", &["spec.ports[0].port | absent"], false)]);
}

#[test]
fn a_port_that_is_no_finite_number_harms_only_itself() {
    check_port(
        "{name: a, port: {}}",
        &[
            (".inf", &["spec.ports[0].port | number"], false),
            (".nan", &["spec.ports[0].port | number"], false),
            ("1e999", &["spec.ports[0].port | number"], false),
        ],
    );
}

#[test]
fn the_reason_for_a_number_too_big_does_not_call_it_broken() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  ports: ");
    let outcome = super::read(
        format!("{head}[{{port: 9223372036854775808}}, {{port: 99999999999999999999999999}}]")
            .as_bytes(),
    );
    for (index, refusal) in outcome.refused.iter().enumerate() {
        assert!(
            !refusal.contains("found a number"),
            "port {index} is a whole number, only too big: {refusal}"
        );
    }
}

#[test]
fn a_protocol_is_one_that_kubernetes_knows_in_upper_case() {
    check_port(
        "{name: a, port: 80, protocol: {}}",
        &[
            ("TCP", &[], true),
            ("null", &[], true),
            ("tcp", &["spec.ports[0].protocol | \"tcp\""], false),
            ("Tcp", &["spec.ports[0].protocol | \"Tcp\""], false),
            ("QUIC", &["spec.ports[0].protocol | \"QUIC\""], false),
            ("ICMP", &["spec.ports[0].protocol | \"ICMP\""], false),
            ("' TCP'", &["spec.ports[0].protocol | \" TCP\""], false),
            ("''", &["spec.ports[0].protocol | unknown protocol"], false),
            ("6", &["spec.ports[0].protocol | text"], false),
            ("true", &["spec.ports[0].protocol | text"], false),
            ("{}", &["spec.ports[0].protocol | text"], false),
            ("[]", &["spec.ports[0].protocol | text"], false),
        ],
    );
}

#[test]
fn a_port_name_is_text() {
    check_port(
        "{port: 80, name: {}}",
        &[
            ("a", &[], true),
            ("7", &["spec.ports[0].name | text"], false),
            ("true", &["spec.ports[0].name | text"], false),
            ("1.5", &["spec.ports[0].name | text"], false),
            ("{}", &["spec.ports[0].name | text"], false),
            ("[]", &["spec.ports[0].name | text"], false),
        ],
    );
}

#[test]
fn a_bad_node_port_costs_the_node_port_alone() {
    check_port(
        "{name: a, port: 80, nodePort: {}}",
        &[
            ("30080", &[], true),
            ("null", &[], true),
            ("0", &[], true),
            ("-1", &["spec.ports[0].nodePort | between 1 and 65535"], true),
            ("65536", &["spec.ports[0].nodePort | between 1 and 65535"], true),
            ("text", &["spec.ports[0].nodePort | a whole number"], true),
            ("'30080'", &["spec.ports[0].nodePort | a whole number"], true),
            ("1.5", &["spec.ports[0].nodePort | a whole number"], true),
            ("true", &["spec.ports[0].nodePort | a whole number"], true),
            ("{}", &["spec.ports[0].nodePort | a whole number"], true),
            ("[]", &["spec.ports[0].nodePort | a whole number"], true),
        ],
    );
}

#[test]
fn a_bad_target_port_costs_nothing_else() {
    check_port(
        "{name: a, port: 80, targetPort: {}}",
        &[
            ("8080", &[], true),
            ("http", &[], true),
            ("null", &[], true),
            ("0", &[], true),
            ("true", &["spec.ports[0].targetPort | number or text"], true),
            ("1.5", &["spec.ports[0].targetPort | number or text"], true),
            ("{}", &["spec.ports[0].targetPort | number or text"], true),
            ("[]", &["spec.ports[0].targetPort | number or text"], true),
        ],
    );
}

#[test]
fn a_target_port_out_of_range_is_refused() {
    check_port(
        "{name: a, port: 80, targetPort: {}}",
        &[
            ("-1", &["spec.ports[0].targetPort | between 1 and 65535"], true),
            ("65536", &["spec.ports[0].targetPort | between 1 and 65535"], true),
        ],
    );
}

#[test]
fn of_ports_with_one_name_or_one_number_the_first_is_used() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  ports: ");
    check(
        &head,
        WEB,
        &[
            (
                "[{name: a, port: 80}, {name: a, port: 81}, {name: b, port: 82}]",
                &["spec.ports[1] | same name"],
                &["ports=[a:TCP:80:->same b:TCP:82:->same]"],
            ),
            (
                "[{name: a, port: 80}, {name: b, port: 80}, {name: c, port: 82}]",
                &["spec.ports[1] | same number"],
                &["ports=[a:TCP:80:->same c:TCP:82:->same]"],
            ),
            (
                "[{name: a, port: 80}, {name: a, port: 80, protocol: UDP}, {name: a, port: 80, protocol: SCTP}]",
                &[],
                &["a:TCP:80", "a:UDP:80", "a:SCTP:80"],
            ),
            (
                "[{port: 80}, {port: 81}]",
                &["spec.ports[1] | same name"],
                &["ports=[:TCP:80:->same]"],
            ),
            (
                "[{name: a, port: 0}, {name: a, port: 80}]",
                &["spec.ports[0].port | between"],
                &["ports=[a:TCP:80:->same]"],
            ),
        ],
    );
}

#[test]
fn one_node_port_twice_in_a_service_is_left_to_the_views() {
    let head = format!("{HEAD}spec:\n  type: NodePort\n  clusterIP: 172.20.0.10\n  ports: ");
    check(
        &head,
        WEB,
        &[(
            "[{name: a, port: 80, nodePort: 30080}, {name: b, port: 81, nodePort: 30080}]",
            &[],
            &["a:TCP:80:30080", "b:TCP:81"],
        )],
    );
}

#[test]
fn an_unknown_type_takes_the_service_with_it() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  type: ");
    check(
        &head,
        WEB,
        &[
            ("Nodeport", &["spec.type | \"Nodeport\""], &[]),
            ("clusterIP", &["spec.type | \"clusterIP\""], &[]),
            ("7", &["spec.type | text"], &[]),
            ("[]", &["spec.type | text"], &[]),
            ("{}", &["spec.type | text"], &[]),
            ("true", &["spec.type | text"], &[]),
            ("null", &[], &["Service shop/web ClusterIP ips=[172.20.0.10]"]),
            ("NodePort", &[], &["Service shop/web NodePort ips=[172.20.0.10]"]),
            ("LoadBalancer", &[], &["Service shop/web LoadBalancer ips=[172.20.0.10]"]),
            ("ExternalName", &[], &["Service shop/web ExternalName"]),
        ],
    );
}

#[test]
fn an_unknown_policy_counts_as_cluster() {
    for (field, word) in
        [("internalTrafficPolicy", "internal"), ("externalTrafficPolicy", "outside")]
    {
        let head = format!("{HEAD}spec:\n  type: NodePort\n  clusterIP: 172.20.0.10\n  {field}: ");
        let path = format!("spec.{field}");
        let (refused_word, refused_type) =
            (format!("{path} | neither Cluster nor Local"), format!("{path} | text"));
        let cluster = format!("{word}=Cluster");
        let cluster: &[&str] = &[&cluster, "ips=[172.20.0.10]"];
        let local = format!("{word}=Local");
        check(
            &head,
            WEB,
            &[
                ("Local", &[], &[&local]),
                ("Cluster", &[], cluster),
                ("null", &[], cluster),
                ("local", &[&refused_word], cluster),
                ("Node", &[&refused_word], cluster),
                ("7", &[&refused_type], cluster),
                ("true", &[&refused_type], cluster),
                ("{}", &[&refused_type], cluster),
                ("[Local]", &[&refused_type], cluster),
            ],
        );
    }
}

#[test]
fn an_unknown_affinity_counts_as_none() {
    let head = format!("{HEAD}spec:\n  clusterIP: 172.20.0.10\n  sessionAffinity: ");
    let none: &[&str] = &["affinity=- ", "ips=[172.20.0.10]"];
    check(
        &head,
        WEB,
        &[
            ("ClientIP", &[], &["affinity=10800"]),
            ("None", &[], none),
            ("null", &[], none),
            ("clientIP", &["spec.sessionAffinity | neither None nor ClientIP"], none),
            ("Cookie", &["spec.sessionAffinity | neither None nor ClientIP"], none),
            ("7", &["spec.sessionAffinity | text"], none),
            ("{}", &["spec.sessionAffinity | text"], none),
        ],
    );
}

#[test]
fn an_affinity_timeout_out_of_range_is_the_default() {
    let head = format!(
        "{HEAD}spec:\n  clusterIP: 172.20.0.10\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: "
    );
    let default: &[&str] = &["affinity=10800 "];
    let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    let (range, number) = (format!("{field} | 86400"), format!("{field} | number"));
    check(
        &head,
        WEB,
        &[
            ("{clientIP: {timeoutSeconds: 1}}", &[], &["affinity=1 "]),
            ("{clientIP: {timeoutSeconds: 86400}}", &[], &["affinity=86400 "]),
            ("{clientIP: {timeoutSeconds: 0}}", &[&range], default),
            ("{clientIP: {timeoutSeconds: -1}}", &[&range], default),
            ("{clientIP: {timeoutSeconds: 86401}}", &[&range], default),
            ("{clientIP: {timeoutSeconds: 4294967297}}", &[&range], default),
            ("{clientIP: {timeoutSeconds: 9223372036854775808}}", &[&number], default),
            ("{clientIP: {timeoutSeconds: text}}", &[&number], default),
            ("{clientIP: {timeoutSeconds: '60'}}", &[&number], default),
            ("{clientIP: {timeoutSeconds: 1.5}}", &[&number], default),
            ("{clientIP: {timeoutSeconds: null}}", &[], default),
            ("{clientIP: null}", &[], default),
            ("{clientIP: 7}", &["spec.sessionAffinityConfig.clientIP | an object"], default),
            ("{}", &[], default),
            ("null", &[], default),
            ("7", &["spec.sessionAffinityConfig | an object"], default),
            ("[]", &["spec.sessionAffinityConfig | an object"], default),
        ],
    );
}

#[test]
fn a_bad_health_check_port_costs_the_health_check_alone() {
    let head = format!(
        "{HEAD}spec:\n  type: LoadBalancer\n  externalTrafficPolicy: Local\n  clusterIP: 172.20.0.10\n  \
         healthCheckNodePort: "
    );
    let none: &[&str] = &["health=- ", "ips=[172.20.0.10]", "outside=Local"];
    check(
        &head,
        WEB,
        &[
            ("30000", &[], &["health=30000 "]),
            ("0", &[], none),
            ("null", &[], none),
            ("-1", &["spec.healthCheckNodePort | between 1 and 65535"], none),
            ("65536", &["spec.healthCheckNodePort | between 1 and 65535"], none),
            ("text", &["spec.healthCheckNodePort | a whole number"], none),
            ("1.5", &["spec.healthCheckNodePort | a whole number"], none),
            ("{}", &["spec.healthCheckNodePort | a whole number"], none),
        ],
    );
}
