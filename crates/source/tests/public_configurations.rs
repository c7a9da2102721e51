//! kube-proxy's configuration files as public manifests and scripts have them for Windows: each is read as it is, and what does
//! nothing is named once.

use std::collections::BTreeSet;

use switchyard_source::{Configuration, KubeProxyConfiguration};

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/configurations/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads the file; the warnings must be of these fields, in this order.
fn check(name: &str, warned: &[&str]) -> Configuration {
    let configuration =
        Configuration::parse(name, &file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let fields = configuration.warnings.iter().map(|warning| {
        let said = warning.strip_prefix(&format!("{name}: ")).unwrap_or(warning);
        said.split(" (line").next().unwrap_or(said)
    });
    let fields: Vec<_> = fields.collect();
    assert_eq!(fields, warned, "{name}: {:#?}", configuration.warnings);
    assert_eq!(fields.iter().collect::<BTreeSet<_>>().len(), fields.len(), "each once");
    configuration
}

#[test]
fn kubeadms_file_for_an_overlay_is_read() {
    let of = check("kubeadm-flannel-overlay", &["featureGates.WinOverlay"]);
    assert_eq!(of.windows.network_name.as_deref(), Some("flannel.4096"));
    assert_eq!(of.windows.source_vip.map(|vip| vip.to_string()).as_deref(), Some("10.244.3.2"));
    assert_eq!(of.windows.enable_dsr, Some(false));
    let client = &of.kube_proxy.client_connection;
    assert_eq!(client.kubeconfig.as_deref(), Some("/var/lib/kube-proxy/kubeconfig.conf"));
    let usual = KubeProxyConfiguration::default();
    assert_eq!(of.kube_proxy.healthz_bind_address, usual.healthz_bind_address);
    assert_eq!(of.kube_proxy.sync_period, usual.sync_period);
}

#[test]
fn a_file_of_kubernetes_1_9_is_read() {
    let of = check(
        "flannel-1.9",
        &[
            "clientConnection.contentType",
            "clientConnection.qps",
            "clientConnection.burst",
            "configSyncPeriod",
            "conntrack.maxPerCore",
            "conntrack.min",
            "conntrack.tcpCloseWaitTimeout",
            "conntrack.tcpEstablishedTimeout",
            "ipvs.syncPeriod",
            "oomScoreAdj",
            "resourceContainer",
            "udpTimeoutMilliseconds",
        ],
    );
    assert_eq!(of.kube_proxy.hostname_override.as_deref(), Some("windows-node"));
    assert_eq!(of.kube_proxy.client_connection.kubeconfig.as_deref(), Some(r"c:\k\proxy-kconfig"));
    assert_eq!(of.settings.pods.cluster_ranges.len(), 1);
}

#[test]
fn the_shortest_file_is_read() {
    let of = check("service", &[]);
    assert_eq!(of.kube_proxy.mode.as_deref(), Some("kernelspace"));
    assert_eq!(of.kube_proxy.client_connection.kubeconfig, None);
}

#[test]
fn what_kube_proxy_writes_is_read() {
    let of = check(
        "written-by-kube-proxy",
        &[
            "clientConnection.burst",
            "clientConnection.contentType",
            "clientConnection.qps",
            "configSyncPeriod",
            "conntrack.maxPerCore",
            "conntrack.min",
            "conntrack.tcpCloseWaitTimeout",
            "conntrack.tcpEstablishedTimeout",
            "iptables.localhostNodePorts",
            "iptables.masqueradeBit",
            "iptables.minSyncPeriod",
            "ipvs.syncPeriod",
            "logging.flushFrequency",
            "nftables.masqueradeBit",
            "nftables.minSyncPeriod",
            "nftables.syncPeriod",
            "oomScoreAdj",
        ],
    );
    let written = of.kube_proxy.document();
    let mut usual = KubeProxyConfiguration::default().document().clone();
    usual["mode"] = "kernelspace".into();
    usual["winkernel"]["enableDSR"] = false.into();
    assert_eq!(*written, usual, "our defaults are kube-proxy's, but for direct server return");
}

#[test]
fn a_file_that_kube_proxy_refuses_since_a_gate_is_locked_is_refused() {
    let name = "host-process-without-dsr";
    let error = Configuration::parse(name, &file(name)).expect_err("a locked gate").to_string();
    assert!(error.contains("featureGates.WinDSR (line 7"), "{error}");
    assert!(error.contains("locked to true"), "{error}");
}
