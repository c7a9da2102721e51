//! What the frontends say: which set, what when it is empty, and whether the client's address is kept.

use switchyard_model::{DetectLocalMode, ExternalIps, PodDetection, Settings};

use super::{NODES, SLICE, World, events, join};

const ALL: &str =
    "[{addresses: [10.1.1.21], nodeName: n1}, {addresses: [10.1.2.21], nodeName: n2}]";
const LOCAL_ONLY: &str = "[{addresses: [10.1.1.21], nodeName: n1}]";
const REMOTE_ONLY: &str = "[{addresses: [10.1.2.21], nodeName: n2}]";
const NOT_SERVING: &str =
    "[{addresses: [10.1.2.21], nodeName: n2, conditions: {ready: false, serving: false}}]";
const NOT_READY: &str = "[{addresses: [10.1.2.21], nodeName: n2, conditions: {ready: false}}]";
const DRAINING: &str = "[{addresses: [10.1.2.21], nodeName: n2, conditions: {ready: false, serving: true, terminating: true}}]";
const NONE: &str = "[]";

/// The views of a Service with `spec` behind its ClusterIP and port, and these endpoints.
fn views(settings: Settings, spec: &str, endpoints: &str) -> String {
    let service = format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop}}, \
         spec: {{clusterIP: 172.20.0.10, {spec}}}, status: {{loadBalancer: {{ingress: [{{ip: 203.0.113.80}}]}}}}}}"
    );
    let start = SLICE.find("endpoints:").expect("the slice has endpoints");
    let slice = format!("{}endpoints: {endpoints}}}", &SLICE[..start]);
    let mut world = World::with(settings);
    world.apply(events(&join(&[NODES, &service, &slice])));
    world.views()
}

/// Each case: more of the spec, the endpoints, and the view without its key.
fn check(cases: &[(&str, &str, &str)]) {
    check_with(&Settings::default(), cases);
}

fn check_with(settings: &Settings, cases: &[(&str, &str, &str)]) {
    let mut failures = Vec::new();
    for (spec, endpoints, expected) in cases {
        let expected: Vec<_> = expected.lines().map(str::trim).collect();
        let expected = format!("shop/web:http/TCP/IPv4 {}", expected.join("\n  "));
        let got = views(settings.clone(), spec, endpoints);
        if got != expected {
            failures.push(format!("{spec} {endpoints}\nexpected {expected}\ngot      {got}\n"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

const PORT: &str = "ports: [{name: http, port: 80}]";
const INTERNAL_LOCAL: &str = "internalTrafficPolicy: Local, ports: [{name: http, port: 80}]";
const NODE_PORT: &str = "type: NodePort, ports: [{name: http, port: 80, nodePort: 30080}]";
const NODE_PORT_LOCAL: &str = "type: NodePort, externalTrafficPolicy: Local, ports: [{name: http, port: 80, nodePort: 30080}]";
const BALANCER: &str = "type: LoadBalancer, ports: [{name: http, port: 80}]";
const BALANCER_LOCAL: &str =
    "type: LoadBalancer, externalTrafficPolicy: Local, ports: [{name: http, port: 80}]";
const EXTERNAL_LOCAL: &str =
    "externalTrafficPolicy: Local, externalIPs: [203.0.113.90], ports: [{name: http, port: 80}]";
const BOTH_LOCAL: &str = "type: LoadBalancer, internalTrafficPolicy: Local, externalTrafficPolicy: Local, ports: [{name: http, port: 80}]";

#[test]
fn a_cluster_ip_serves_the_whole_cluster() {
    let frontend =
        "ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite";
    check(&[
        (PORT, ALL, &format!("cluster=[10.1.1.21:8080+ 10.1.2.21:8080] local=[]\n{frontend}")),
        (PORT, LOCAL_ONLY, &format!("cluster=[10.1.1.21:8080+] local=[]\n{frontend}")),
        (PORT, NONE, &format!("cluster=[] local=[]\n{frontend}")),
        (PORT, NOT_SERVING, &format!("cluster=[] local=[]\n{frontend}")),
        (PORT, NOT_READY, &format!("cluster=[] local=[]\n{frontend}")),
        (PORT, DRAINING, &format!("cluster=[10.1.2.21:8080-] local=[]\n{frontend}")),
    ]);
}

#[test]
fn the_internal_policy_local_takes_the_nodes_own() {
    let drop = "ClusterIP 172.20.0.10 80 internal=local,drop,keep external=local,drop,rewrite";
    let reject = drop.replace("drop", "reject");
    check(&[
        (INTERNAL_LOCAL, ALL, &format!("cluster=[] local=[10.1.1.21:8080+]\n{drop}")),
        (INTERNAL_LOCAL, REMOTE_ONLY, &format!("cluster=[] local=[]\n{drop}")),
        (INTERNAL_LOCAL, DRAINING, &format!("cluster=[] local=[]\n{drop}")),
        (INTERNAL_LOCAL, NONE, &format!("cluster=[] local=[]\n{reject}")),
        (INTERNAL_LOCAL, NOT_SERVING, &format!("cluster=[] local=[]\n{reject}")),
        (INTERNAL_LOCAL, NOT_READY, &format!("cluster=[] local=[]\n{reject}")),
    ]);
}

#[test]
fn a_node_port_rewrites_under_the_policy_cluster() {
    check(&[(
        NODE_PORT,
        ALL,
        "cluster=[10.1.1.21:8080+ 10.1.2.21:8080] local=[]
         ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite
         NodePort * 30080 internal=cluster,reject,rewrite external=cluster,reject,rewrite",
    )]);
}

#[test]
fn the_external_policy_local_binds_external_clients_alone() {
    let frontends = |kind: &str, when_empty: &str| {
        format!(
            "ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite
             {kind} internal=cluster,reject,keep external=local,{when_empty},keep"
        )
    };
    for (spec, kind) in [
        (NODE_PORT_LOCAL, "NodePort * 30080"),
        (BALANCER_LOCAL, "LoadBalancerIP 203.0.113.80 80"),
        (EXTERNAL_LOCAL, "ExternalIP 203.0.113.90 80"),
    ] {
        let (drop, reject) = (frontends(kind, "drop"), frontends(kind, "reject"));
        check(&[
            (
                spec,
                ALL,
                &format!(
                    "cluster=[10.1.1.21:8080+ 10.1.2.21:8080] local=[10.1.1.21:8080+]\n{drop}"
                ),
            ),
            (spec, REMOTE_ONLY, &format!("cluster=[10.1.2.21:8080] local=[]\n{drop}")),
            (spec, NONE, &format!("cluster=[] local=[]\n{reject}")),
            (spec, NOT_SERVING, &format!("cluster=[] local=[]\n{reject}")),
        ]);
    }
}

#[test]
fn the_internal_policy_does_not_bind_other_frontends() {
    check(&[(
        "type: LoadBalancer, internalTrafficPolicy: Local, ports: [{name: http, port: 80, nodePort: 30080}]",
        ALL,
        "cluster=[10.1.1.21:8080+ 10.1.2.21:8080] local=[10.1.1.21:8080+]
         ClusterIP 172.20.0.10 80 internal=local,drop,keep external=local,drop,rewrite
         NodePort * 30080 internal=cluster,reject,rewrite external=cluster,reject,rewrite
         LoadBalancerIP 203.0.113.80 80 internal=cluster,reject,rewrite external=cluster,reject,rewrite",
    )]);
    check(&[(
        BOTH_LOCAL,
        REMOTE_ONLY,
        "cluster=[10.1.2.21:8080] local=[]
         ClusterIP 172.20.0.10 80 internal=local,drop,keep external=local,drop,rewrite
         LoadBalancerIP 203.0.113.80 80 internal=cluster,reject,keep external=local,drop,keep",
    )]);
}

#[test]
fn the_external_policy_means_nothing_where_nothing_is_external() {
    check(&[(
        "externalTrafficPolicy: Local, ports: [{name: http, port: 80}]",
        ALL,
        "cluster=[10.1.1.21:8080+ 10.1.2.21:8080] local=[]
         ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite",
    )]);
}

#[test]
fn source_ranges_bind_load_balancer_addresses_alone() {
    for (ranges, shown) in [
        ("[203.0.113.0/24]", " from [203.0.113.0/24]"),
        ("[203.0.113.0/24, 'fd00::/16']", " from [203.0.113.0/24]"),
        ("['fd00::/16']", " from []"),
        ("[]", ""),
        ("null", ""),
    ] {
        let spec = format!(
            "type: LoadBalancer, loadBalancerSourceRanges: {ranges}, externalIPs: [203.0.113.90], \
             ports: [{{name: http, port: 80, nodePort: 30080}}]"
        );
        let rewrite = "internal=cluster,reject,rewrite external=cluster,reject,rewrite";
        check(&[(
            &spec,
            LOCAL_ONLY,
            &format!(
                "cluster=[10.1.1.21:8080+] local=[]
                 ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite
                 NodePort * 30080 {rewrite}
                 LoadBalancerIP 203.0.113.80 80{shown} {rewrite}
                 ExternalIP 203.0.113.90 80 {rewrite}"
            ),
        )]);
    }
}

#[test]
fn node_ports_and_balancer_addresses_belong_to_their_types() {
    let cluster_ip = "cluster=[10.1.1.21:8080+] local=[]
                      ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,rewrite";
    check(&[
        (
            "type: ClusterIP, ports: [{name: http, port: 80, nodePort: 30080}]",
            LOCAL_ONLY,
            cluster_ip,
        ),
        (
            NODE_PORT,
            LOCAL_ONLY,
            &format!(
                "{cluster_ip}\nNodePort * 30080 internal=cluster,reject,rewrite external=cluster,reject,rewrite"
            ),
        ),
        (
            BALANCER,
            LOCAL_ONLY,
            &format!(
                "{cluster_ip}\nLoadBalancerIP 203.0.113.80 80 internal=cluster,reject,rewrite external=cluster,reject,rewrite"
            ),
        ),
    ]);
}

#[test]
fn external_addresses_are_served_as_configured() {
    let spec = "externalIPs: [203.0.113.90, 198.51.100.90], ports: [{name: http, port: 80}]";
    let addresses = |external_ips| {
        let shown = views(Settings { external_ips, ..Settings::default() }, spec, LOCAL_ONLY);
        shown.matches("ExternalIP").count()
    };
    assert_eq!(addresses(ExternalIps::All), 2);
    assert_eq!(addresses(ExternalIps::None), 0);
    assert_eq!(addresses(ExternalIps::Within(["203.0.113.0/24".parse().unwrap()].into())), 1);
}

#[test]
fn a_service_whose_external_addresses_are_off_is_not_externally_accessible() {
    let settings = Settings { external_ips: ExternalIps::None, ..Settings::default() };
    check_with(
        &settings,
        &[(
            "internalTrafficPolicy: Local, externalIPs: [203.0.113.90], ports: [{name: http, port: 80}]",
            ALL,
            "cluster=[] local=[10.1.1.21:8080+]
         ClusterIP 172.20.0.10 80 internal=local,drop,keep external=local,drop,rewrite",
        )],
    );
}

#[test]
fn masquerade_all_rewrites_the_clients_of_cluster_ips_alone() {
    let settings = Settings { masquerade_all: true, ..Settings::default() };
    check_with(&settings, &[
        (
            PORT,
            LOCAL_ONLY,
            "cluster=[10.1.1.21:8080+] local=[]
             ClusterIP 172.20.0.10 80 internal=cluster,reject,rewrite external=cluster,reject,rewrite",
        ),
        (
            BALANCER_LOCAL,
            LOCAL_ONLY,
            "cluster=[10.1.1.21:8080+] local=[10.1.1.21:8080+]
             ClusterIP 172.20.0.10 80 internal=cluster,reject,rewrite external=cluster,reject,rewrite
             LoadBalancerIP 203.0.113.80 80 internal=cluster,reject,keep external=local,drop,keep",
        ),
    ]);
}

#[test]
fn without_a_detector_a_cluster_ip_keeps_external_clients() {
    let pods = PodDetection { mode: DetectLocalMode::ClusterCidr, ..PodDetection::default() };
    check_with(
        &Settings { pods, ..Settings::default() },
        &[(
            PORT,
            LOCAL_ONLY,
            "cluster=[10.1.1.21:8080+] local=[]
         ClusterIP 172.20.0.10 80 internal=cluster,reject,keep external=cluster,reject,keep",
        )],
    );
}
