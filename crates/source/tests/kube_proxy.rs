//! `KubeProxyConfiguration` as kube-proxy reads it: strictly and then leniently, with places; its validation; its flags; what it comes to.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_source::{
    Configuration, ConfigurationChange, FlagField, FollowedConfiguration, KubeProxyConfiguration,
};

const KUBE_PROXY: &str =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const OWN: &str = "apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n";

fn parse(body: &str) -> Configuration {
    Configuration::parse("f.yaml", format!("{KUBE_PROXY}{body}").as_bytes())
        .unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn kube_proxy(body: &str) -> KubeProxyConfiguration {
    parse(body).kube_proxy
}

/// Each body must be refused with exactly what is expected behind the place of the document.
fn check_refusals(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        match Configuration::parse("f.yaml", format!("{KUBE_PROXY}{body}").as_bytes()) {
            Ok(_) => panic!("{body}: accepted"),
            Err(error) => {
                let text = error.to_string();
                let said = text.strip_prefix("configuration f.yaml");
                let said = said.map(|said| said.strip_prefix(" line 1").unwrap_or(said));
                let said = said.and_then(|said| said.strip_prefix(": "));
                assert_eq!(said, Some(*expected), "{body}");
            }
        }
    }
}

fn flag(flag: &'static str, field: &'static str, value: Value) -> FlagField {
    FlagField { field, value, flag, goes_before_file: false }
}

#[test]
fn what_does_nothing_is_said_once_with_its_place() {
    let warnings = parse(
        "ipvs:\n  scheduler: rr\n  strictARP: false\noomScoreAdj: -998\nnonsense: {a: 1}\n\
         winkernel:\n  enableDsr: true\n  enableDSR: true\nsyncPeriod: 30s\n",
    )
    .warnings;
    assert_eq!(
        warnings,
        [
            "f.yaml: ipvs.scheduler (line 4, column 14): does nothing here: a setting of the ipvs mode",
            "f.yaml: oomScoreAdj (line 6, column 14): does nothing here: a setting of Linux",
            "f.yaml: nonsense (line 7, column 1): kube-proxy has no such field: passed over",
            "f.yaml: winkernel.enableDsr (line 9, column 3): kube-proxy has no such field: passed over",
            "f.yaml: syncPeriod (line 11, column 13): v1alpha1 has no such field, but iptables.syncPeriod: passed over",
        ]
    );
}

#[test]
fn of_a_key_that_is_there_twice_the_last_counts() {
    let parsed = parse("clusterCIDR: 10.0.0.0/8\nclusterCIDR: 10.1.0.0/16\n");
    assert_eq!(parsed.settings.pods.cluster_ranges[0].to_string(), "10.1.0.0/16");
    let expected = "f.yaml: clusterCIDR (line 4, column 1): is there twice: the last counts";
    assert_eq!(parsed.warnings, [expected]);
}

#[test]
fn places_are_those_of_the_file() {
    let text = format!("{OWN}---\n# ours before\n{KUBE_PROXY}iptables:\n  syncPeriod: soon\n");
    let error = Configuration::parse("f.yaml", text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("iptables.syncPeriod (line 8, column 15): \"soon\""), "{error}");
    let text = format!("{KUBE_PROXY}---\n{OWN}priorityServices:\n- a/b\n- c\n");
    let error = Configuration::parse("f.yaml", text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("priorityServices[1] (line 8, column 3): \"c\""), "{error}");
}

#[test]
fn wrong_types_are_refused_by_path_and_place() {
    check_refusals(&[
        (
            "winkernel: {enableDSR: 'true'}",
            "winkernel.enableDSR (line 3, column 24): must be true or false",
        ),
        (
            "winkernel: {enableDSR: yes}",
            "winkernel.enableDSR (line 3, column 24): must be true or false",
        ),
        ("winkernel: []", "winkernel (line 3, column 12): must be an object"),
        ("oomScoreAdj: '7'", "oomScoreAdj (line 3, column 14): must be a whole number of 32 bits"),
        (
            "configSyncPeriod: 7",
            "configSyncPeriod (line 3, column 19): must be a time, such as \"5m\"",
        ),
        (
            "featureGates: {WinDSR: 1}",
            "featureGates (line 3, column 15): WinDSR: must be true or false",
        ),
        (
            "nodePortAddresses: [7]",
            "nodePortAddresses (line 3, column 20): must be a list of texts",
        ),
    ]);
}

#[test]
fn what_kube_proxy_would_not_take_is_refused() {
    check_refusals(&[
        (
            "mode: userspace",
            "mode (line 3, column 7): \"userspace\": on Windows it must be kernelspace, or empty",
        ),
        (
            "iptables: {syncPeriod: 500ms}",
            "iptables.syncPeriod (line 3, column 24): must not be less than iptables.minSyncPeriod, which is a second where nothing is said",
        ),
        (
            "oomScoreAdj: -1001",
            "oomScoreAdj (line 3, column 14): -1001: must be from -1000 to 1000",
        ),
        (
            "iptables: {masqueradeBit: 32}",
            "iptables.masqueradeBit (line 3, column 27): 32: must be from 0 to 31",
        ),
        (
            "clientConnection: {burst: -1}",
            "clientConnection.burst (line 3, column 27): -1: must be from 0 to 2147483647",
        ),
        (
            "healthzBindAddress: office:1",
            "healthzBindAddress (line 3, column 21): \"office:1\": must be ADDRESS:PORT",
        ),
        (
            "metricsBindAddress: 127.0.0.1:0",
            "metricsBindAddress (line 3, column 21): \"127.0.0.1:0\": the port must be from 1 to 65535",
        ),
        (
            "clusterCIDR: 10.0.0.0/8,11.0.0.0/8",
            "clusterCIDR (line 3, column 14): \"10.0.0.0/8,11.0.0.0/8\": must be one range, or one of each family",
        ),
        (
            "portRange: 9-8",
            "portRange (line 3, column 12): \"9-8\": must be ports, such as 300-2000",
        ),
        (
            "showHiddenMetricsForVersion: soon",
            "showHiddenMetricsForVersion (line 3, column 30): \"soon\": must be MAJOR.MINOR, such as 1.34",
        ),
        (
            "logging: {format: xml}",
            "logging.format (line 3, column 19): \"xml\": must be text or json",
        ),
        (
            "featureGates: {WinDSR: false}",
            "featureGates.WinDSR (line 3, column 15): WinDSR: is locked to true and cannot be set to false: leave it out",
        ),
        (
            "featureGates: {WinDsr: true}",
            "featureGates.WinDsr (line 3, column 15): WinDsr: Kubernetes has no such feature gate: leave it out",
        ),
    ]);
}

#[test]
fn what_a_running_proxy_needs_comes_out_typed() {
    let of = kube_proxy(
        "bindAddress: '::'\nbindAddressHardFail: true\nhealthzBindAddress: '::1'\nclientConnection: {kubeconfig: /k/config, \
         qps: 7.5, burst: 20}\nconfigSyncPeriod: 1m\niptables: {syncPeriod: 1m, minSyncPeriod: 2s}\nhostnameOverride: n1\n\
         enableProfiling: true\nshowHiddenMetricsForVersion: '1.33'\nlogging: {verbosity: 4, format: json, vmodule: [{filePattern: a, \
         verbosity: 6}]}\nmode: kernelspace\n",
    );
    let address = |text: &str| text.parse::<SocketAddr>().ok();
    assert_eq!(of.bind_address.to_string(), "::");
    assert_eq!(of.healthz_bind_address, address("[::1]:10256"));
    assert_eq!(of.metrics_bind_address, address("[::1]:10249"), "of the family of bindAddress");
    assert!(of.bind_address_hard_fail && of.enable_profiling);
    assert_eq!(of.client_connection.kubeconfig.as_deref(), Some("/k/config"));
    assert_eq!((of.client_connection.qps, of.client_connection.burst), (7.5, 20));
    assert_eq!(of.sync_period, Duration::from_secs(60));
    assert_eq!(of.min_sync_period, Duration::from_secs(2));
    assert_eq!(of.config_sync_period, Duration::from_secs(60));
    assert_eq!(of.hostname_override.as_deref(), Some("n1"));
    assert_eq!(of.show_hidden_metrics_for_version.as_deref(), Some("1.33"));
    assert_eq!(of.logging.verbosity, Some(4));
    assert_eq!(of.logging.format.as_deref(), Some("json"));
    assert_eq!(of.logging.modules, [("a".to_owned(), 6)]);
    assert_eq!(of.mode.as_deref(), Some("kernelspace"));
}

#[test]
fn empty_texts_and_times_are_kube_proxys_defaults() {
    let of = kube_proxy(
        "bindAddress: ''\nhealthzBindAddress: ''\nmetricsBindAddress: null\nconfigSyncPeriod: 0s\nclientConnection: {qps: 0, burst: 0}\n\
         iptables: {syncPeriod: 0s, minSyncPeriod: 0s}\nmode: ''\n",
    );
    let usual = KubeProxyConfiguration::default();
    assert_eq!(of.healthz_bind_address, usual.healthz_bind_address);
    assert_eq!(of.metrics_bind_address, usual.metrics_bind_address);
    assert_eq!(of.sync_period, usual.sync_period);
    assert_eq!(of.min_sync_period, usual.min_sync_period);
    assert_eq!(of.client_connection, usual.client_connection);
    assert_eq!(of.mode, None);
}

#[test]
fn flags_count_where_no_file_says_the_same() {
    let flags = [
        flag("cluster-cidr", "clusterCIDR", json!("10.1.0.0/16")),
        flag("healthz-bind-address", "healthzBindAddress", json!("")),
        FlagField { goes_before_file: true, ..flag("v", "logging.verbosity", json!(5)) },
    ];
    let alone = Configuration::parse_with("f.yaml", OWN.as_bytes(), &flags).unwrap();
    assert_eq!(alone.settings.pods.cluster_ranges.len(), 1);
    assert_eq!(alone.kube_proxy.healthz_bind_address, None, "a flag can say that there is none");
    assert_eq!(alone.kube_proxy.logging.verbosity, Some(5));
    assert_eq!(alone.warnings, [""; 0]);
    let beside = Configuration::parse_with("f.yaml", KUBE_PROXY.as_bytes(), &flags).unwrap();
    assert!(beside.settings.pods.cluster_ranges.is_empty());
    assert!(beside.kube_proxy.healthz_bind_address.is_some());
    assert_eq!(beside.kube_proxy.logging.verbosity, Some(5));
    assert_eq!(
        beside.warnings,
        [
            "--cluster-cidr is ignored: f.yaml has a KubeProxyConfiguration, whose clusterCIDR counts",
            "--healthz-bind-address is ignored: f.yaml has a KubeProxyConfiguration, whose healthzBindAddress counts",
        ]
    );
}

#[test]
fn a_flag_that_is_wrong_is_refused_by_its_name() {
    for (given, expected) in [
        (
            flag("iptables-sync-period", "iptables.syncPeriod", json!("1ms")),
            "--iptables-sync-period: must not be less than iptables.minSyncPeriod",
        ),
        (flag("proxy-mode", "mode", json!("userspace")), "--proxy-mode: \"userspace\""),
        (
            flag("feature-gates", "featureGates", json!({"WinDSR": false})),
            "--feature-gates: WinDSR: is locked to true",
        ),
        (flag("cluster-cidr", "clusterCIDR", json!("office")), "--cluster-cidr: \"office\""),
    ] {
        let error = Configuration::parse_with("", b"", &[given]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let text = format!(
        "{KUBE_PROXY}clusterCIDR: 10.1.0.0/16\nfeatureGates: {{WinDSR: true}}\nwinkernel: {{networkName: cbr0, enableDSR: true}}\n\
         nodePortAddresses: [primary]\n---\n{OWN}takeover: kube-proxy\nauditPeriod: 90s\nserviceCIDRs: [172.20.0.0/16]\n\
         externalIPs: false\npriorityServices: [shop/web]\n"
    );
    let first = Configuration::parse("f.yaml", text.as_bytes()).unwrap();
    let written = first.written();
    let again = Configuration::parse("g.yaml", written.as_bytes()).unwrap();
    assert_eq!(again.settings, first.settings, "{written}");
    assert_eq!(again.agent, first.agent);
    assert_eq!(again.configz(), first.configz());
    assert!(ConfigurationChange::between(&first, &again).is_empty());
    let configz = first.configz();
    let theirs = &configz["kubeproxy.config.k8s.io"];
    assert_eq!(theirs["clusterCIDR"], "10.1.0.0/16");
    assert_eq!(theirs["iptables"]["syncPeriod"], "30s");
    assert_eq!(theirs["winkernel"]["enableDSR"], true);
    assert_eq!(theirs["healthzBindAddress"], "0.0.0.0:10256");
    assert_eq!(configz["switchyard.dev"]["auditPeriod"], "1m30s");
    assert_eq!(configz["switchyard.dev"]["takeover"], "kube-proxy");
}

#[test]
fn a_change_is_taken_as_it_goes_or_needs_a_restart() {
    let of = |theirs: &str, ours: &str| {
        let text = format!("{KUBE_PROXY}{theirs}\n---\n{OWN}{ours}\n");
        Configuration::parse("f.yaml", text.as_bytes()).unwrap()
    };
    let check = |theirs: &str, ours: &str, live: &[&str], restart: &[&str]| {
        let change = ConfigurationChange::between(&of("", ""), &of(theirs, ours));
        assert_eq!(
            (change.live, change.restart),
            (live.to_vec(), restart.iter().map(|path| (*path).to_owned()).collect()),
            "{theirs} {ours}"
        );
    };
    check("", "", &[], &[]);
    check("clusterCIDR: 10.0.0.0/8", "", &["clusterCIDR"], &[]);
    check("iptables: {masqueradeAll: true}", "", &["masqueradeAll"], &[]);
    check("nodePortAddresses: [10.0.0.0/8]", "", &["nodePortAddresses"], &[]);
    check("detectLocalMode: NodeCIDR", "", &["detectLocalMode"], &[]);
    check("", "auditPeriod: 7m", &["auditPeriod"], &[]);
    check("", "takeover: kube-proxy", &["takeover"], &[]);
    check("", "priorityServices: [a/b]", &["priorityServices"], &[]);
    check(
        "",
        "externalIPs: false\nserviceCIDRs: [10.0.0.0/8]",
        &["serviceCIDRs", "externalIPs"],
        &[],
    );
    check("winkernel: {networkName: other}", "", &[], &["winkernel.networkName"]);
    check(
        "winkernel: {enableDSR: false}\nhealthzBindAddress: 127.0.0.1",
        "",
        &[],
        &["healthzBindAddress", "winkernel.enableDSR"],
    );
    check(
        "hostnameOverride: n2\nclusterCIDR: 10.0.0.0/8",
        "",
        &["clusterCIDR"],
        &["hostnameOverride"],
    );
    // What does nothing changes nothing.
    check("ipvs: {scheduler: rr}\noomScoreAdj: -5", "", &[], &[]);
}

#[test]
fn what_can_be_taken_as_it_goes_is_and_the_rest_stays() {
    let old = parse("clusterCIDR: 10.0.0.0/8\nwinkernel: {networkName: a}\n");
    let new = parse("clusterCIDR: 11.0.0.0/8\nwinkernel: {networkName: b}\n");
    let taken = old.with_live_of(&new);
    assert_eq!(taken.settings, new.settings);
    assert_eq!(taken.windows, old.windows);
    let written = &taken.configz()["kubeproxy.config.k8s.io"];
    assert_eq!(written["clusterCIDR"], "11.0.0.0/8");
    assert_eq!(written["winkernel"]["networkName"], "a");
    let change = ConfigurationChange::between(&old, &new);
    assert_eq!(change.live, ["clusterCIDR"]);
    assert_eq!(change.restart, ["winkernel.networkName"]);
}

#[test]
fn a_file_is_read_again_when_it_changed_and_rests() {
    let path =
        std::env::temp_dir().join(format!("switchyard-{}-followed.yaml", std::process::id()));
    let name = path.to_str().expect("a path that is text");
    let write = |body: &str| std::fs::write(&path, format!("{KUBE_PROXY}{body}")).expect("written");
    write("");
    let flags =
        vec![FlagField { goes_before_file: true, ..flag("v", "logging.verbosity", json!(5)) }];
    let mut followed = FollowedConfiguration::new(name, flags);
    assert!(followed.look().is_some_and(|read| read.is_ok()), "what was read before may be older");
    assert!(followed.look().is_none(), "nothing changed");
    write("clusterCIDR: 10.1.0.0/16\n");
    assert!(followed.look().is_none(), "it may still be being written");
    let read = followed.look().expect("it rests").expect("it can be read");
    assert_eq!(read.settings.pods.cluster_ranges.len(), 1);
    assert_eq!(read.kube_proxy.logging.verbosity, Some(5), "flags count as before");
    assert!(followed.look().is_none());
    write("clusterCIDR: [\n");
    assert!(followed.look().is_none());
    assert!(
        followed.look().is_some_and(|read| read.is_err()),
        "what cannot be read is an error, once"
    );
    assert!(followed.look().is_none());
    std::fs::remove_file(&path).expect("removed");
    assert!(followed.look().is_none());
    assert!(followed.look().is_some_and(|read| read.is_err()), "so is a file that is gone");
    assert!(followed.look().is_none());
}
