//! The configuration file: both kinds, each field, and errors that name the field and the reason.

use std::time::Duration;

use switchyard_model::{
    DetectLocalMode, ExternalIps, NodePortAddress, NodePortAddresses, ServiceKey,
};
use switchyard_source::{Configuration, WindowsConfiguration};

const KUBE_PROXY: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const OWN: &str = "apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n";

fn parse(text: &str) -> Configuration {
    Configuration::parse("file.yaml", text.as_bytes())
        .unwrap_or_else(|error| panic!("{text}: {}", chain(&error)))
}

/// All that a person would read of the error.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Each body must be refused with an error that has all the words.
fn check_errors(head: &str, cases: &[(&str, &[&str])]) {
    let mut failures = Vec::new();
    for (body, words) in cases {
        match Configuration::parse("file.yaml", format!("{head}{body}").as_bytes()) {
            Ok(_) => failures.push(format!("{body}: accepted")),
            Err(error) => {
                let text = chain(&error);
                let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
                if !missing.is_empty() {
                    failures.push(format!("{body}: {text:?} lacks {missing:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn nothing_said_is_the_default() {
    for text in ["", "# nothing\n", "---\n", KUBE_PROXY, OWN, &format!("{OWN}---\n{KUBE_PROXY}")] {
        let has_kube_proxy = text.contains("KubeProxy");
        let expected = Configuration { has_kube_proxy, ..Configuration::default() };
        assert_eq!(parse(text), expected, "{text}");
    }
}

#[test]
fn node_port_addresses_are_ranges_or_primary() {
    let addresses = |body: &str| {
        parse(&format!("{KUBE_PROXY}nodePortAddresses: {body}\n")).settings.node_port_addresses
    };
    let range = |text: &str| NodePortAddress::Within(text.parse().unwrap());
    for body in ["[]", "null"] {
        assert_eq!(addresses(body), NodePortAddresses::default(), "{body}");
    }
    assert_eq!(addresses("[primary]"), NodePortAddresses::new([NodePortAddress::Primary]));
    assert_eq!(
        addresses("[192.0.2.0/24, '2001:db8::/32', 127.0.0.0/8]"),
        NodePortAddresses::new([
            range("192.0.2.0/24"),
            range("2001:db8::/32"),
            range("127.0.0.0/8")
        ])
    );
    check_errors(
        KUBE_PROXY,
        &[
            ("nodePortAddresses: [192.0.2.0/33]", &["nodePortAddresses[0]", "192.0.2.0/33"]),
            ("nodePortAddresses: [192.0.2.0/24, office]", &["nodePortAddresses[1]", "office"]),
            ("nodePortAddresses: [192.0.2.1]", &["nodePortAddresses[0]", "192.0.2.1"]),
            ("nodePortAddresses: [010.0.0.0/8]", &["nodePortAddresses[0]", "leading zero"]),
            (
                "nodePortAddresses: ['::ffff:10.0.0.0/104']",
                &["nodePortAddresses[0]", "IPv4-mapped"],
            ),
            ("nodePortAddresses: ['']", &["nodePortAddresses[0]"]),
        ],
    );
}

#[test]
fn the_cluster_ranges_are_one_of_each_family_behind_a_comma() {
    let ranges = |body: &str| {
        let ranges =
            parse(&format!("{KUBE_PROXY}clusterCIDR: {body}\n")).settings.pods.cluster_ranges;
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ranges("''"), "");
    assert_eq!(ranges("null"), "");
    assert_eq!(ranges("10.1.0.0/16"), "10.1.0.0/16");
    assert_eq!(ranges("'10.1.0.0/16,fd00:1::/32'"), "10.1.0.0/16 fd00:1::/32");
    check_errors(
        KUBE_PROXY,
        &[
            ("clusterCIDR: office", &["clusterCIDR", "office"]),
            ("clusterCIDR: 10.1.0.0", &["clusterCIDR", "10.1.0.0"]),
            ("clusterCIDR: 10.1.0.0/33", &["clusterCIDR", "10.1.0.0/33"]),
            ("clusterCIDR: '10.1.0.0/16,office'", &["clusterCIDR", "office"]),
            ("clusterCIDR: 010.1.0.0/16", &["clusterCIDR", "leading zero"]),
        ],
    );
}

#[test]
fn the_local_mode_is_one_of_those_of_kube_proxy() {
    for (word, mode) in [
        ("''", DetectLocalMode::Unset),
        ("null", DetectLocalMode::Unset),
        ("ClusterCIDR", DetectLocalMode::ClusterCidr),
        ("NodeCIDR", DetectLocalMode::NodeLocal),
        ("BridgeInterface", DetectLocalMode::NodeLocal),
        ("InterfaceNamePrefix", DetectLocalMode::NodeLocal),
    ] {
        let parsed = parse(&format!("{KUBE_PROXY}detectLocalMode: {word}\n"));
        assert_eq!(parsed.settings.pods.mode, mode, "{word}");
    }
    check_errors(
        KUBE_PROXY,
        &[
            ("detectLocalMode: clusterCIDR", &["detectLocalMode", "clusterCIDR"]),
            ("detectLocalMode: None", &["detectLocalMode", "None"]),
        ],
    );
}

#[test]
fn detection_is_off_where_the_cluster_range_is_asked_for_and_absent() {
    let off = |body: &str| parse(&format!("{KUBE_PROXY}{body}")).settings.pods.is_off();
    assert!(off("detectLocalMode: ClusterCIDR\n"));
    assert!(!off("detectLocalMode: ClusterCIDR\nclusterCIDR: 10.1.0.0/16\n"));
    assert!(!off("detectLocalMode: NodeCIDR\n"));
    assert!(!off(""));
}

#[test]
fn clients_are_rewritten_where_either_section_says_so() {
    for (body, expected) in [
        ("", false),
        ("iptables: {}", false),
        ("iptables: null\nnftables: null", false),
        ("iptables: {masqueradeAll: true}", true),
        ("nftables: {masqueradeAll: true}", true),
        ("iptables: {masqueradeAll: false}\nnftables: {masqueradeAll: true}", true),
        ("iptables: {masqueradeAll: false}\nnftables: {masqueradeAll: false}", false),
        ("ipvs: {masqueradeAll: true}", false),
    ] {
        let parsed = parse(&format!("{KUBE_PROXY}{body}\n"));
        assert_eq!(parsed.settings.masquerade_all, expected, "{body}");
    }
}

#[test]
fn the_windows_section_is_read() {
    let parsed = parse(&format!(
        "{KUBE_PROXY}winkernel:\n  networkName: cbr0\n  sourceVip: 10.1.1.2\n  enableDSR: true\n  \
         rootHnsEndpointName: root\n  forwardHealthCheckVip: true\n"
    ));
    let expected = WindowsConfiguration {
        network_name: Some("cbr0".to_owned()),
        source_vip: Some("10.1.1.2".parse().expect("an address")),
        enable_dsr: Some(true),
        root_endpoint_name: Some("root".to_owned()),
        forward_health_check_vip: true,
    };
    assert_eq!(parsed.windows, expected);
    let empty =
        "winkernel: {networkName: '', sourceVip: '', enableDSR: false, rootHnsEndpointName: ''}\n";
    let parsed = parse(&format!("{KUBE_PROXY}{empty}"));
    let expected =
        WindowsConfiguration { enable_dsr: Some(false), ..WindowsConfiguration::default() };
    assert_eq!(parsed.windows, expected, "what is empty was not said");
}

#[test]
fn fields_of_a_wrong_type_are_errors_that_name_them() {
    check_errors(
        KUBE_PROXY,
        &[
            ("nodePortAddresses: primary", &["nodePortAddresses"]),
            ("nodePortAddresses: {}", &["nodePortAddresses"]),
            ("nodePortAddresses: [7]", &["nodePortAddresses"]),
            ("clusterCIDR: 7", &["clusterCIDR"]),
            ("clusterCIDR: [10.1.0.0/16]", &["clusterCIDR"]),
            ("detectLocalMode: 7", &["detectLocalMode"]),
            ("iptables: {masqueradeAll: 'true'}", &["masqueradeAll"]),
            ("nftables: {masqueradeAll: 1}", &["masqueradeAll"]),
            ("iptables: 7", &["iptables"]),
            ("winkernel: 7", &["winkernel"]),
            ("winkernel: {networkName: 7}", &["networkName"]),
            ("winkernel: {enableDSR: 'true'}", &["enableDSR"]),
            ("winkernel: {forwardHealthCheckVip: 7}", &["forwardHealthCheckVip"]),
            ("winkernel: {rootHnsEndpointName: []}", &["rootHnsEndpointName"]),
            ("winkernel: {sourceVip: {}}", &["sourceVip"]),
        ],
    );
    check_errors(
        OWN,
        &[
            ("serviceCIDRs: 172.20.0.0/16", &["serviceCIDRs"]),
            ("serviceCIDRs: {}", &["serviceCIDRs"]),
            ("serviceCIDRs: [7]", &["serviceCIDRs"]),
            ("externalIPs: [7]", &["externalIPs"]),
            ("priorityServices: shop/web", &["priorityServices"]),
            ("priorityServices: [7]", &["priorityServices"]),
            ("auditPeriod: []", &["auditPeriod"]),
            ("takeover: 7", &["takeover"]),
        ],
    );
}

#[test]
fn a_source_address_that_is_none_is_an_error() {
    check_errors(KUBE_PROXY, &[("winkernel: {sourceVip: office}", &["sourceVip", "office"])]);
}

#[test]
fn our_own_kind_is_read() {
    let settings = parse(&format!(
        "{OWN}serviceCIDRs: [172.20.0.0/16, 'fd00:20::/108']\nexternalIPs: [203.0.113.0/24]\n\
         priorityServices: [shop/web, default/kubernetes]\nauditPeriod: 10m\ntakeover: kube-proxy\n"
    ))
    .settings;
    let ranges: Vec<_> = settings.service_ranges.iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["172.20.0.0/16", "fd00:20::/108"]);
    assert_eq!(
        settings.external_ips,
        ExternalIps::Within(["203.0.113.0/24".parse().unwrap()].into())
    );
    let first = [ServiceKey::new("shop", "web"), ServiceKey::new("default", "kubernetes")];
    assert_eq!(*settings.priority_services, first);
}

#[test]
fn external_addresses_are_all_none_or_some() {
    let allowed = |body: &str| parse(&format!("{OWN}externalIPs: {body}\n")).settings.external_ips;
    assert_eq!(allowed("true"), ExternalIps::All);
    assert_eq!(allowed("null"), ExternalIps::All);
    assert_eq!(allowed("false"), ExternalIps::None);
    let none = allowed("[]");
    assert!(!none.allows("203.0.113.90".parse().unwrap()), "in none of no ranges: {none:?}");
    check_errors(
        OWN,
        &[
            ("externalIPs: 'true'", &["externalIPs", "true, false"]),
            ("externalIPs: 7", &["externalIPs"]),
            ("externalIPs: {}", &["externalIPs"]),
            ("externalIPs: [203.0.113.90]", &["externalIPs[0]", "203.0.113.90"]),
            ("externalIPs: [203.0.113.0/24, office]", &["externalIPs[1]", "office"]),
        ],
    );
}

#[test]
fn errors_of_our_own_kind_name_the_field() {
    check_errors(
        OWN,
        &[
            ("serviceCIDRs: [office]", &["serviceCIDRs[0]", "office"]),
            ("serviceCIDRs: [172.20.0.0/16, 172.20.0.0/33]", &["serviceCIDRs[1]", "172.20.0.0/33"]),
            ("serviceCIDRs: ['::ffff:10.0.0.0/104']", &["serviceCIDRs[0]", "IPv4-mapped"]),
            ("priorityServices: [web]", &["priorityServices[0]", "NAMESPACE/NAME"]),
            ("priorityServices: [shop/web, '']", &["priorityServices[1]", "NAMESPACE/NAME"]),
        ],
    );
}

#[test]
fn a_priority_service_has_one_namespace_and_one_name() {
    check_errors(
        OWN,
        &[
            ("priorityServices: [/web]", &["priorityServices[0]", "NAMESPACE/NAME"]),
            ("priorityServices: [shop/]", &["priorityServices[0]", "NAMESPACE/NAME"]),
            ("priorityServices: [shop/web/http]", &["priorityServices[0]", "NAMESPACE/NAME"]),
        ],
    );
}

#[test]
fn a_takeover_is_none_or_kube_proxy() {
    for (word, takes) in [("none", false), ("kube-proxy", true)] {
        let agent = parse(&format!("{OWN}takeover: {word}\n")).agent;
        assert_eq!(agent.takes_over_kube_proxy, takes, "{word}");
    }
    check_errors(OWN, &[("takeover: all", &["takeover", "all"])]);
}

#[test]
fn an_audit_period_is_a_time_of_a_second_at_least() {
    for (period, seconds) in [("5m", 300), ("300s", 300), ("1h30m", 5400), ("1000ms", 1)] {
        let agent = parse(&format!("{OWN}auditPeriod: {period}\n")).agent;
        assert_eq!(agent.audit_period, Some(Duration::from_secs(seconds)), "{period}");
    }
    check_errors(
        OWN,
        &[
            ("auditPeriod: 5", &["auditPeriod"]),
            ("auditPeriod: '5'", &["auditPeriod", "unit"]),
            ("auditPeriod: 999ms", &["auditPeriod", "a second at least"]),
        ],
    );
}

#[test]
fn null_in_our_own_kind_is_as_if_not_said() {
    for field in ["serviceCIDRs", "externalIPs", "priorityServices", "auditPeriod", "takeover"] {
        let got = Configuration::parse("file.yaml", format!("{OWN}{field}: null\n").as_bytes());
        assert!(got.is_ok_and(|got| got == Configuration::default()), "{field}");
    }
}

#[test]
fn unknown_keys_of_our_own_kind_are_errors() {
    check_errors(
        OWN,
        &[
            ("serviceCidrs: []", &["serviceCidrs"]),
            ("external_ips: true", &["external_ips"]),
            ("metadata: {name: x}", &["metadata"]),
            ("nodePortAddresses: []", &["nodePortAddresses"]),
            ("auditperiod: 5m", &["auditperiod"]),
        ],
    );
}

#[test]
fn both_kinds_may_stand_in_one_file_in_either_order() {
    let (theirs, ours) = (
        format!("{KUBE_PROXY}clusterCIDR: 10.1.0.0/16\n"),
        format!("{OWN}serviceCIDRs: [172.20.0.0/16]\n"),
    );
    let first = parse(&format!("{theirs}---\n{ours}"));
    assert_eq!(first, parse(&format!("{ours}---\n{theirs}")));
    assert_eq!(
        (first.settings.pods.cluster_ranges.len(), first.settings.service_ranges.len()),
        (1, 1)
    );
    let json = r#"{"apiVersion":"switchyard.dev/v1alpha1","kind":"SwitchyardConfiguration","serviceCIDRs":["172.20.0.0/16"]}"#;
    assert_eq!(parse(json), parse(&ours));
    assert_eq!(parse(&ours.replace('\n', "\r\n")), parse(&ours));
    assert_eq!(parse(&format!("\u{feff}{ours}")), parse(&ours));
}

#[test]
fn a_kind_that_is_there_twice_is_an_error() {
    for head in [KUBE_PROXY, OWN] {
        let got = Configuration::parse("file.yaml", format!("{head}---\n{head}").as_bytes());
        assert!(got.is_err(), "which of the two is meant? {head}");
    }
}

#[test]
fn documents_of_other_kinds_and_broken_ones_are_errors() {
    check_errors(
        "",
        &[
            ("apiVersion: v1\nkind: Service\n", &["file.yaml line 1", "Service"]),
            ("kind: KubeProxyConfiguration\n", &["file.yaml line 1"]),
            ("apiVersion: kubeproxy.config.k8s.io/v1alpha1\n", &["file.yaml line 1"]),
            ("apiVersion: kubeproxy.config.k8s.io/v1\nkind: KubeProxyConfiguration\n", &["v1"]),
            (
                "apiVersion: switchyard.dev/v1\nkind: SwitchyardConfiguration\n",
                &["switchyard.dev/v1"],
            ),
            (
                "apiVersion: switchyard.dev/v1alpha1\nkind: KubeProxyConfiguration\n",
                &["KubeProxyConfiguration"],
            ),
            ("clusterCIDR: 10.0.0.0/8\n", &["file.yaml line 1"]),
            ("text\n", &["file.yaml line 1"]),
            ("7\n", &["file.yaml line 1"]),
            ("- a\n", &["file.yaml line 1"]),
            ("{\n", &["file.yaml line 1"]),
            ("a: b: c\n", &["file.yaml line 1"]),
        ],
    );
    check_errors(
        &format!("{OWN}---\n"),
        &[
            ("apiVersion: v1\nkind: Secret\n", &["file.yaml line 3", "Secret"]),
            ("{\n", &["file.yaml line 3"]),
        ],
    );
    check_errors(OWN, &[("takeover: none\ntakeover: none", &["takeover"])]);
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let error = Configuration::read("no/such/file.yaml").expect_err("there is none");
    assert!(chain(&error).contains("no/such/file.yaml"), "{}", chain(&error));
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    assert!(Configuration::parse("file.yaml", b"\xff\xfe\x00").is_err());
    assert!(
        Configuration::parse("file.yaml", &[OWN.as_bytes(), b"takeover: \"\0\"\n"].concat())
            .is_err()
    );
}
