//! Every field of a `KubeProxyConfiguration` v1alpha1: its type, what kube-proxy takes without it, and what it does here.
//!
//! Sources: `staging/src/k8s.io/kube-proxy/config/v1alpha1/types.go`, `pkg/proxy/apis/config/v1alpha1/defaults.go`, and the types of
//! k8s.io/component-base for `clientConnection` and `logging`, of Kubernetes 1.34 and 1.35; the release notes for fields that are gone.

/// A field.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldRow {
    /// Its path, with dots.
    pub(super) path: &'static str,
    pub(super) kind: FieldKind,
    /// What kube-proxy takes without it, as JSON. Empty where the field is left out then.
    pub(super) default: &'static str,
    pub(super) effect: FieldEffect,
}

/// What the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Bool,
    Integer,
    Number,
    Duration,
    /// A time, or a number of nanoseconds.
    DurationOrNumber,
    Texts,
    /// A text or a number.
    Quantity,
    /// Truth values by name.
    Gates,
    /// Objects with `filePattern` and `verbosity`.
    Modules,
}

/// What a field does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldEffect {
    Works,
    /// Nothing, and why.
    Ignored(&'static str),
    /// v1alpha1 does not have it, and calls it so.
    Named(&'static str),
}

use FieldEffect::{Ignored, Named, Works};
use FieldKind::{
    Bool, Duration, DurationOrNumber, Gates, Integer, Modules, Number, Quantity, Text, Texts,
};

const fn row(
    path: &'static str,
    kind: FieldKind,
    default: &'static str,
    effect: FieldEffect,
) -> FieldRow {
    FieldRow { path, kind, default, effect }
}

const LINUX: FieldEffect = Ignored("a setting of Linux");
const IPTABLES: FieldEffect = Ignored("a setting of the iptables mode");
const IPVS: FieldEffect = Ignored("a setting of the ipvs mode");
const NFTABLES: FieldEffect = Ignored("a setting of the nftables mode");
const CONNTRACK: FieldEffect = Ignored("a setting of Linux' connection tracking");
const LIMITS: FieldEffect =
    Ignored("a proxy keeps a few watches open, which nothing has to slow down");
const INTERFACES: FieldEffect =
    Ignored("HNS names no interfaces of pods: this node's pods are known by their addresses");
const ONE_STREAM: FieldEffect = Ignored("the log is one stream");
const GONE: FieldEffect = Ignored("kube-proxy has it no more");

/// Every field, by path.
pub(super) const FIELDS: &[FieldRow] = &[
    row("apiVersion", Text, "", Works),
    row("bindAddress", Text, "\"0.0.0.0\"", Works),
    row("bindAddressHardFail", Bool, "false", Works),
    row("clientConnection.acceptContentTypes", Text, "\"\"", Ignored("the API is asked for JSON")),
    row("clientConnection.burst", Integer, "10", LIMITS),
    row(
        "clientConnection.contentType",
        Text,
        "\"application/vnd.kubernetes.protobuf\"",
        Ignored("the API is asked for JSON"),
    ),
    row("clientConnection.kubeconfig", Text, "\"\"", Works),
    row("clientConnection.qps", Number, "5", LIMITS),
    row("clusterCIDR", Text, "\"\"", Works),
    row(
        "configSyncPeriod",
        Duration,
        "\"15m0s\"",
        Ignored("the API is watched, and nothing is refreshed by the clock"),
    ),
    row("conntrack.max", Integer, "", GONE),
    row("conntrack.maxPerCore", Integer, "32768", CONNTRACK),
    row("conntrack.min", Integer, "131072", CONNTRACK),
    row("conntrack.tcpBeLiberal", Bool, "false", CONNTRACK),
    row("conntrack.tcpCloseWaitTimeout", Duration, "\"1h0m0s\"", CONNTRACK),
    row("conntrack.tcpEstablishedTimeout", Duration, "\"24h0m0s\"", CONNTRACK),
    row("conntrack.udpStreamTimeout", Duration, "\"0s\"", CONNTRACK),
    row("conntrack.udpTimeout", Duration, "\"0s\"", CONNTRACK),
    row("detectLocal.bridgeInterface", Text, "\"\"", INTERFACES),
    row("detectLocal.clusterCIDRs", Texts, "", Named("clusterCIDR")),
    row("detectLocal.interfaceNamePrefix", Text, "\"\"", INTERFACES),
    row("detectLocalMode", Text, "\"\"", Works),
    row(
        "enableProfiling",
        Bool,
        "false",
        Ignored("this program is not written in Go and has none of its profiles"),
    ),
    row("featureGates", Gates, "", Works),
    row("healthzBindAddress", Text, "\"0.0.0.0:10256\"", Works),
    row("healthzPort", Integer, "", GONE),
    row("hostnameOverride", Text, "\"\"", Works),
    row("iptables.localhostNodePorts", Bool, "true", IPTABLES),
    row("iptables.masqueradeAll", Bool, "false", Works),
    row("iptables.masqueradeBit", Integer, "14", IPTABLES),
    row(
        "iptables.minSyncPeriod",
        Duration,
        "\"1s\"",
        Ignored("changes are made as they come, those that wait together"),
    ),
    row("iptables.snatNodeInternalIP", Bool, "", IPTABLES),
    row("iptables.syncPeriod", Duration, "\"30s\"", Works),
    row("ipvs.excludeCIDRs", Texts, "null", IPVS),
    row("ipvs.minSyncPeriod", Duration, "\"0s\"", IPVS),
    row("ipvs.scheduler", Text, "\"\"", IPVS),
    row("ipvs.strictARP", Bool, "false", IPVS),
    row("ipvs.syncPeriod", Duration, "\"30s\"", IPVS),
    row("ipvs.tcpFinTimeout", Duration, "\"0s\"", IPVS),
    row("ipvs.tcpTimeout", Duration, "\"0s\"", IPVS),
    row("ipvs.udpTimeout", Duration, "\"0s\"", IPVS),
    row("kind", Text, "", Works),
    row("linux.conntrack.maxPerCore", Integer, "", Named("conntrack.maxPerCore")),
    row("linux.conntrack.min", Integer, "", Named("conntrack.min")),
    row("linux.conntrack.tcpBeLiberal", Bool, "", Named("conntrack.tcpBeLiberal")),
    row(
        "linux.conntrack.tcpCloseWaitTimeout",
        Duration,
        "",
        Named("conntrack.tcpCloseWaitTimeout"),
    ),
    row(
        "linux.conntrack.tcpEstablishedTimeout",
        Duration,
        "",
        Named("conntrack.tcpEstablishedTimeout"),
    ),
    row("linux.conntrack.udpStreamTimeout", Duration, "", Named("conntrack.udpStreamTimeout")),
    row("linux.conntrack.udpTimeout", Duration, "", Named("conntrack.udpTimeout")),
    row("linux.masqueradeAll", Bool, "", Named("iptables.masqueradeAll")),
    row("linux.oomScoreAdj", Integer, "", Named("oomScoreAdj")),
    row(
        "logging.flushFrequency",
        DurationOrNumber,
        "\"5s\"",
        Ignored("each line is written when it is logged"),
    ),
    row("logging.format", Text, "\"text\"", Works),
    row("logging.options.json.infoBufferSize", Quantity, "\"0\"", ONE_STREAM),
    row("logging.options.json.splitStream", Bool, "", ONE_STREAM),
    row("logging.options.text.infoBufferSize", Quantity, "\"0\"", ONE_STREAM),
    row("logging.options.text.splitStream", Bool, "", ONE_STREAM),
    row("logging.sanitization", Bool, "", GONE),
    row("logging.verbosity", Integer, "0", Works),
    row("logging.vmodule", Modules, "", Works),
    row("metricsBindAddress", Text, "\"127.0.0.1:10249\"", Works),
    row("metricsPort", Integer, "", GONE),
    row("minSyncPeriod", Duration, "", Named("iptables.minSyncPeriod")),
    row("mode", Text, "\"\"", Works),
    row("nftables.masqueradeAll", Bool, "false", Works),
    row("nftables.masqueradeBit", Integer, "14", NFTABLES),
    row("nftables.minSyncPeriod", Duration, "\"1s\"", NFTABLES),
    row("nftables.syncPeriod", Duration, "\"30s\"", NFTABLES),
    row("nodeIPOverride", Texts, "", Named("bindAddress")),
    row("nodePortAddresses", Texts, "null", Works),
    row("oomScoreAdj", Integer, "-999", LINUX),
    row("portRange", Text, "\"\"", Ignored("kube-proxy ignores it, too")),
    row("resourceContainer", Text, "", GONE),
    row("showHiddenMetricsForVersion", Text, "\"\"", Ignored("no metric is hidden")),
    row("syncPeriod", Duration, "", Named("iptables.syncPeriod")),
    row("udpIdleTimeout", Duration, "", Ignored("a setting of the userspace mode")),
    row("windows.runAsService", Bool, "", Named("windowsRunAsService")),
    row(
        "windowsRunAsService",
        Bool,
        "",
        Ignored("the flag --windows-service is looked at, as by kube-proxy, before a file is read"),
    ),
    // Ours; kube-proxy takes false.
    row("winkernel.enableDSR", Bool, "true", Works),
    row("winkernel.forwardHealthCheckVip", Bool, "false", Works),
    row("winkernel.networkName", Text, "\"\"", Works),
    row("winkernel.rootHnsEndpointName", Text, "\"cbr0\"", Works),
    row("winkernel.sourceVip", Text, "\"\"", Works),
];

/// The row of the field at `path`.
pub(super) fn field(path: &str) -> Option<&'static FieldRow> {
    FIELDS.iter().find(|field| field.path == path)
}

/// Whether fields begin with `path`: whether it is a section.
pub(super) fn is_section(path: &str) -> bool {
    FIELDS
        .iter()
        .any(|field| field.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
