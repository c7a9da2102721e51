//! Input far beyond what an API server would store: read or refused, in good time, and without harm to others.

use std::fmt::Write;

use super::{Outcome, read, within};

const AFTER: &str = "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: after}\nspec: {clusterIP: 172.20.0.10}\n";

/// Reads `document` and a good one behind it, in good time.
fn read_in_time(document: String) -> Outcome {
    let outcome = within(60, move || read(format!("{document}{AFTER}").as_bytes()));
    assert!(outcome.line("Service default/after").is_some(), "{:?}", outcome.refused);
    outcome
}

fn numbered(count: usize, entry: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "- {}", entry(number)).expect("a String takes all");
    }
    text
}

fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255)
}

#[test]
fn an_annotation_of_a_megabyte_and_a_half_is_no_trouble() {
    let text = "y".repeat(1_500_000);
    let outcome = read_in_time(format!(
        "kind: Service\nmetadata: {{name: web, annotations: {{x: '{text}'}}}}\nspec: {{clusterIP: 172.20.0.11}}\n"
    ));
    assert!(outcome.line("Service default/web").is_some(), "{:?}", outcome.refused);
}

fn slice(count: usize) -> String {
    let endpoints = numbered(count, |number| format!("{{addresses: [{}]}}", address(number)));
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: \
         {{name: web-1, labels: {{kubernetes.io/service-name: web}}}}\n\
         ports: [{{name: a, port: 80}}]\nendpoints:\n{endpoints}"
    )
}

#[test]
fn a_slice_of_a_thousand_endpoints_is_used_whole() {
    let outcome = read_in_time(slice(1_000));
    assert_eq!(outcome.refused, [""; 0]);
    let line = outcome.line("EndpointSlice default/web-1").expect("it is used");
    assert!(line.contains("[10.0.0.0rs.") && line.contains("10.0.3.231rs.]"));
}

#[test]
fn a_slice_of_a_hundred_thousand_endpoints_is_cut_and_reported() {
    let outcome = read_in_time(slice(100_000));
    assert_eq!(outcome.refused.len(), 1, "{:?}", outcome.refused);
    assert!(outcome.refused[0].starts_with("EndpointSlice default/web-1 @ endpoints | 100000"));
    let line = outcome.line("EndpointSlice default/web-1").expect("it is used");
    assert_eq!(line.matches("rs.").count(), 1_000);
}

#[test]
fn what_is_cut_off_a_slice_is_not_reported_one_by_one() {
    let endpoints = numbered(5_000, |_| "{addresses: [bad]}".to_owned());
    let outcome = read_in_time(slice(0) + &endpoints);
    assert!(outcome.refused.len() <= 1_001, "{} refusals", outcome.refused.len());
}

#[test]
fn a_service_of_ten_thousand_ports_is_served() {
    let outcome = read_in_time(service_of_ports(10_000));
    let line = outcome.line("Service default/web").expect("it is used");
    assert_eq!(line.matches(":TCP:").count(), 10_000);
}

#[test]
fn sixty_thousand_ports_take_no_quadratic_time() {
    let outcome = read_in_time(service_of_ports(60_000));
    assert!(outcome.line("Service default/web").is_some());
    let ports = numbered(60_000, |number| format!("{{name: p{number}, port: {}}}", number + 1));
    read_in_time(slice(0).replace("ports: [{name: a, port: 80}]\n", "") + "ports:\n" + &ports);
    let same = numbered(60_000, |_| "{name: a, port: 80}".to_owned());
    let outcome = read_in_time(
        format!("kind: Service\nmetadata: {{name: web}}\nspec:\n ports:\n{same}")
            .replace("\n-", "\n -"),
    );
    assert_eq!(outcome.refused.len(), 59_999);
}

fn service_of_ports(count: usize) -> String {
    let ports = numbered(count, |number| format!("{{name: p{number}, port: {}}}", number + 1));
    format!(
        "kind: Service\nmetadata: {{name: web}}\nspec:\n  clusterIP: 172.20.0.11\n  ports:\n{ports}"
    )
    .replace("\n-", "\n  -")
}

#[test]
fn sixty_thousand_addresses_take_no_quadratic_time() {
    let list = (0..60_000).map(address).collect::<Vec<_>>().join(", ");
    let ranges = list.replace(',', "/32,") + "/32";
    let ingress = list.replace(", ", "}, {ip: ");
    let outcome = read_in_time(format!(
        "kind: Service\nmetadata: {{name: web}}\nspec: {{type: LoadBalancer, clusterIP: 172.20.0.11, \
         externalIPs: [{list}], loadBalancerSourceRanges: [{ranges}], clusterIPs: [172.20.0.11]}}\n\
         status: {{loadBalancer: {{ingress: [{{ip: {ingress}}}]}}}}\n"
    ));
    assert!(outcome.line("Service default/web").is_some(), "{} refused", outcome.refused.len());
}

#[test]
fn twenty_thousand_documents_take_no_quadratic_time() {
    let documents: Vec<_> = (0..20_000)
        .map(|number| {
            format!(
                "kind: Service\nmetadata: {{name: s{number}}}\nspec: {{clusterIP: 172.20.0.11}}\n"
            )
        })
        .collect();
    assert_eq!(read_in_time(documents.join("---\n")).objects.len(), 20_001);
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    for leaf in ["[x,x,x,x,x,x,x,x,x,x]", "[{name: a, port: 1}]", "{a: 1, b: 2}", "x"] {
        let mut bomb = format!("kind: Service\nmetadata: {{name: bomb}}\na0: &a0 {leaf}\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            writeln!(bomb, "a{level}: &a{level} [{aliases}]").expect("a String takes all");
        }
        bomb.push_str("spec: {clusterIP: 172.20.0.11, ports: *a11}\n");
        let outcome = read_in_time(bomb);
        assert_eq!(outcome.refused.len(), 1, "{leaf}");
        assert!(outcome.line("Service default/bomb").is_none(), "{leaf}");
    }
}

#[test]
fn a_merge_bomb_is_refused_or_read_quickly() {
    let mut bomb = "kind: ConfigMap\nmetadata: {name: bomb}\na0: &a0 {k: v}\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        writeln!(bomb, "a{level}: &a{level}\n  <<: [*a{before}, *a{before}]\n  k{level}: v")
            .expect("a String takes all");
    }
    read_in_time(bomb);
}
