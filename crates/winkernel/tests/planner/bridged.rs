//! On a bridged network.

use std::collections::BTreeSet;

use switchyard_hcn::{Guid, LoadBalancer, LoadBalancerFlags};
use switchyard_hcn_emulator::Emulator;

use crate::{Node, id_of, service, slice, web};

#[test]
fn a_load_balancer_waits_for_its_own_endpoints_and_no_others() {
    let node = Node::new(&web(&["10.1.1.21", "10.1.2.21"]), &["10.1.1.21"]);
    assert_eq!(
        node.plan(),
        ["1 create missing 10.1.2.21 []", "2 create missing IPv4/172.20.0.10/80/TCP [1]"]
    );
    node.converge();
}

#[test]
fn changed_backends_are_modified_in_place_and_the_old_endpoint_goes_last() {
    let mut node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    node.see(&web(&["10.1.2.22"]));
    assert_eq!(
        node.plan(),
        [
            "1 create missing 10.1.2.22 []",
            "2 modify differs IPv4/172.20.0.10/80/TCP [1]",
            "3 delete unwanted 10.1.2.21 [2]",
        ]
    );
    node.converge();
}

#[test]
fn a_service_may_ask_to_be_replaced_instead() {
    let disabled = |addresses: &[&str]| {
        web(addresses).replace(
            "name: web, namespace: shop}",
            "name: web, namespace: shop, annotations: {winProxyOptimization: disabled}}",
        )
    };
    let mut node = Node::new(&disabled(&["10.1.2.21", "10.1.2.22"]), &[]);
    node.converge();
    node.see(&disabled(&["10.1.2.21"]));
    assert_eq!(
        node.plan(),
        [
            "1 delete replaced IPv4/172.20.0.10/80/TCP []",
            "2 create replaced IPv4/172.20.0.10/80/TCP [1]",
            "3 delete unwanted 10.1.2.22 [1]",
        ]
    );
    node.converge();
}

#[test]
fn what_cannot_be_modified_is_replaced_back_to_back() {
    let mut node = Node::new(&(web(&["10.1.2.21"]) + &service("api", "172.20.0.11", "")), &[]);
    node.converge();
    node.settings.windows.dsr = false;
    assert_eq!(
        node.plan(),
        [
            "1 delete replaced IPv4/172.20.0.10/80/TCP []",
            "2 create replaced IPv4/172.20.0.10/80/TCP [1]",
        ]
    );
    node.converge();
}

#[test]
fn a_service_without_backends_leaves_nothing_behind() {
    let mut node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    node.see(&web(&[]));
    assert_eq!(
        node.plan(),
        ["1 delete unwanted IPv4/172.20.0.10/80/TCP []", "2 delete unwanted 10.1.2.21 [1]"]
    );
    node.converge();
    assert_eq!(node.emulator.state().endpoints().count(), 0);
}

#[test]
fn a_foreign_object_is_used_when_equal_and_left_alone_when_not() {
    let node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    let ours = node.load_balancer(Some("172.20.0.10"), 80);
    let foreign: Guid = "7f0c2b16-3c0e-4d59-a3f1-0c1e2d3f4a55".parse().unwrap();
    let mut state = node.emulator.state();
    state.remove_load_balancer(ours.id.unwrap());
    let node = Node { emulator: Emulator::new(state), ..node };

    let copy = ours.clone();
    let equal = node.put(foreign, |document| {
        *document = LoadBalancer { id: Some(foreign), owner: String::new(), ..copy };
    });
    assert_eq!(equal.plan(), [""; 0]);
    assert!(equal.reconciler().foreign()[0].used);

    let different = node.put(foreign, |document| {
        *document = LoadBalancer {
            id: Some(foreign),
            owner: String::new(),
            flags: LoadBalancerFlags::NONE,
            ..ours
        };
    });
    assert_eq!(different.plan(), [""; 0]);
    assert!(!different.reconciler().foreign()[0].used);
}

#[test]
fn an_id_that_somebody_else_holds_gives_way_to_the_next_generation() {
    let taken = id_of(Some("172.20.0.10"), 80, 0);
    let node = Node::new(&web(&["10.1.2.21"]), &[]).put(taken, |document| {
        document.owner = "somebody".to_owned();
        document.frontend_vips = vec!["203.0.113.1".to_owned()];
    });
    node.converge();
    let state = node.emulator.state();
    assert!(state.load_balancer(taken).is_some());
    assert!(state.load_balancer(id_of(Some("172.20.0.10"), 80, 1)).is_some());
}

#[test]
fn of_two_of_ours_for_one_frontend_the_one_that_equals_stays() {
    let node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    let second = id_of(Some("172.20.0.10"), 80, 1);
    let copy = node.load_balancer(Some("172.20.0.10"), 80);
    let node = node.put(second, |document| {
        *document = LoadBalancer { id: Some(second), flags: LoadBalancerFlags::NONE, ..copy };
    });
    assert_eq!(node.plan(), ["1 delete unwanted IPv4/172.20.0.10/80/TCP []"]);
    node.converge();
}

#[test]
fn one_that_differs_is_changed_only_once_its_double_is_gone() {
    let mut node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    let second = id_of(Some("172.20.0.10"), 80, 1);
    let copy = node.load_balancer(Some("172.20.0.10"), 80);
    node = node.put(second, |document| {
        *document = LoadBalancer { id: Some(second), ..copy };
    });
    node.see(&web(&["10.1.2.21", "10.1.2.22"]));
    assert_eq!(
        node.plan(),
        [
            "1 create missing 10.1.2.22 []",
            "2 delete unwanted IPv4/172.20.0.10/80/TCP []",
            "3 modify differs IPv4/172.20.0.10/80/TCP [1]",
        ]
    );
    node.converge();
}

#[test]
fn ours_stays_as_it_is_while_another_owner_holds_the_frontend_too() {
    let mut node = Node::new(&web(&["10.1.2.21", "10.1.2.22"]), &[]);
    node.converge();
    let foreign: Guid = "7f0c2b16-3c0e-4d59-a3f1-0c1e2d3f4a55".parse().unwrap();
    let copy = node.load_balancer(Some("172.20.0.10"), 80);
    node = node.put(foreign, |document| {
        *document = LoadBalancer { id: Some(foreign), owner: "cni".to_owned(), ..copy };
        document.flags = LoadBalancerFlags::NONE;
    });
    node.see(&web(&["10.1.2.21", "10.1.2.22", "10.1.2.23"]));
    assert_eq!(node.plan(), [""; 0]);
}

#[test]
fn a_load_balancer_that_hns_calls_degraded_is_replaced() {
    let node = Node::new(&web(&["10.1.2.21"]), &[]);
    node.converge();
    let own = node.load_balancer(Some("172.20.0.10"), 80);
    let node = node.put(own.id.unwrap(), |document| {
        *document = LoadBalancer { state: LoadBalancer::DEGRADED, ..own };
    });
    assert_eq!(
        node.plan(),
        [
            "1 delete replaced IPv4/172.20.0.10/80/TCP []",
            "2 create replaced IPv4/172.20.0.10/80/TCP [1]",
        ]
    );
    node.converge();
}

#[test]
fn a_pod_whose_endpoint_is_not_made_yet_is_waited_for() {
    let mut node = Node::new(&web(&["10.1.1.21", "10.1.2.21"]), &[]);
    let waiting = node.reconciler().waiting();
    assert_eq!(waiting[0].key.address.to_string(), "10.1.1.21");
    node.converge();
    assert_eq!(node.load_balancer(Some("172.20.0.10"), 80).host_compute_endpoints.len(), 1);
    node.see(&web(&["10.1.1.21"]));
    assert_eq!(
        node.plan(),
        ["1 delete unwanted IPv4/172.20.0.10/80/TCP []", "2 delete unwanted 10.1.2.21 [1]"]
    );
}

#[test]
fn a_pod_on_the_nodes_own_address_is_a_remote_endpoint() {
    let host = web(&["192.0.2.11"]).replace("nodeName: n2", "nodeName: n1");
    let node = Node::new(&host, &[]);
    assert_eq!(node.plan()[0], "1 create missing 192.0.2.11 []");
    node.converge();
}

#[test]
fn the_most_common_port_wins_and_of_equals_the_lowest() {
    let ports = |many: &[&str], few: &[&str]| {
        let text = service("web", "172.20.0.10", "")
            + &slice("web", 9090, many)
            + &slice("web", 8080, few);
        let node = Node::new(&text, &[]);
        node.converge();
        let document = node.load_balancer(Some("172.20.0.10"), 80);
        (document.port_mappings[0].internal_port, document.host_compute_endpoints.len())
    };
    assert_eq!(ports(&["10.1.2.1", "10.1.2.2"], &["10.1.2.3"]), (9090, 2));
    assert_eq!(ports(&["10.1.2.1"], &["10.1.2.3"]), (8080, 1));
}

#[test]
fn no_load_balancer_has_more_backends_than_hns_takes() {
    let addresses: Vec<String> =
        (0..1_200).map(|n| format!("10.2.{}.{}", n / 200, n % 200 + 1)).collect();
    let of = |range: &[String]| range.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let (first, second) = addresses.split_at(1_000);
    let part = |name: &str, part: &[String]| {
        let text = of(part);
        let addresses: Vec<_> = text.split(' ').collect();
        slice("web", 8080, &addresses).replace("name: web-8080", &format!("name: {name}"))
    };
    let text = service("web", "172.20.0.10", "") + &part("a", first) + &part("b", second);
    let node = Node::new(&text, &[]);
    node.converge();
    assert_eq!(node.load_balancer(Some("172.20.0.10"), 80).host_compute_endpoints.len(), 1_024);
}

#[test]
fn ipv6_has_its_flag_and_unique_hardware_addresses() {
    let text =
        service("web", "fd00:20::10", "") + &slice("web", 8080, &["fd00:1:2::21", "fd00:1:3::21"]);
    let node = Node::new(&text, &[]);
    node.converge();
    let state = node.emulator.state();
    let macs: BTreeSet<_> =
        state.endpoints().map(|(_, endpoint)| endpoint.mac_address.clone()).collect();
    assert_eq!(macs.len(), 2);
    assert!(node.load_balancer(Some("fd00:20::10"), 80).is_ipv6());
}

#[test]
fn the_api_server_and_the_dns_come_first() {
    let text = web(&["10.1.2.21"])
        + &(service("kube-dns", "172.20.0.2", "") + &slice("kube-dns", 53, &["10.1.2.2"])).replace(
            "name: kube-dns, namespace: shop",
            "name: kube-dns, namespace: shop, labels: {k8s-app: kube-dns}",
        )
        + &(service("kubernetes", "172.20.0.99", "") + &slice("kubernetes", 6443, &["192.0.2.5"]))
            .replace("namespace: shop", "namespace: default")
        + &service("near", "172.20.0.98", "")
        + &slice("near", 8080, &["10.1.1.9"]);
    let order: Vec<_> = Node::new(&text, &["10.1.1.9"])
        .plan()
        .into_iter()
        .filter(|line| line.contains("IPv4/"))
        .map(|line| line.split(' ').nth(3).unwrap().to_owned())
        .collect();
    assert_eq!(order, ["99", "2", "98", "10"].map(|end| format!("IPv4/172.20.0.{end}/80/TCP")));
}

#[test]
fn each_kind_of_frontend_has_its_flags() {
    let spec = "type: LoadBalancer, externalIPs: [203.0.113.90], externalTrafficPolicy: Local";
    let status = "status: {loadBalancer: {ingress: [{ip: 203.0.113.80}]}}";
    let text = service("web", "172.20.0.10", spec).replace("}}\n", &format!("}}, {status}}}\n"))
        + &slice("web", 8080, &["10.1.1.21", "10.1.2.21"]);
    let node = Node::new(&text, &["10.1.1.21"]);
    node.converge();
    let shape = |vip, port| {
        let document = node.load_balancer(vip, port);
        let flags = document.port_mappings[0].flags.0;
        (document.flags.0, flags, document.host_compute_endpoints.len())
    };
    assert_eq!(shape(Some("172.20.0.10"), 80), (1, 0, 2));
    assert_eq!(shape(None, 30080), (1, 18, 1));
    assert_eq!(shape(Some("203.0.113.80"), 80), (1, 16, 1));
    assert_eq!(shape(Some("203.0.113.90"), 80), (1, 16, 1));
}
