//! The rows.
//!
//! Sources: `cmd/kube-proxy/app/options.go` and `init_windows.go` of Kubernetes 1.34 and 1.35, `logs/api/v1` of
//! k8s.io/component-base and klog, and kubernetes.io's reference of kube-proxy's command line for flags that are gone.

use super::Effect::{Ignored, Works};
use super::Mirror::{Above, Below, None};
use super::{Effect, Flag, Kind, Mirror, Origin, Parsed};

/// A flag that does something.
const fn works(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    field: Mirror,
    effect: &'static str,
) -> Flag {
    let effect = Works(effect);
    Flag { name, kind, default, field, effect, parsed: Parsed::Here, origin: Origin::KubeProxy }
}

/// A flag that is taken and does nothing.
const fn ignored(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    field: Mirror,
    why: &'static str,
) -> Flag {
    let effect = Ignored(why);
    Flag { name, kind, default, field, effect, parsed: Parsed::Here, origin: Origin::KubeProxy }
}

/// A flag that kube-proxy once had.
const fn gone(name: &'static str, kind: Kind, release: &'static str, why: &'static str) -> Flag {
    let origin = Origin::Until(release);
    Flag { origin, ..ignored(name, kind, "", None, why) }
}

/// A flag of the libraries for logging, which has a field of its own among those of the command.
const fn logs(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    field: Mirror,
    effect: Effect,
) -> Flag {
    Flag { name, kind, default, field, effect, parsed: Parsed::ByItself, origin: Origin::Logging }
}

impl Flag {
    /// The flag, where a field of the command's own takes it.
    const fn by_itself(self) -> Self {
        Self { parsed: Parsed::ByItself, ..self }
    }
}

const LINUX_ALONE: &str = "a setting of Linux";
const IPTABLES_ALONE: &str = "a setting of the iptables mode";
const IPVS_ALONE: &str = "a setting of the ipvs mode";
const CONNTRACK_ALONE: &str = "a setting of Linux' connection tracking";
const NO_SPLIT: &str = "the log is one stream";

/// Every flag of kube-proxy, by name.
pub static TABLE: &[Flag] = &[
    logs("add-dir-header", Kind::Bool, "false", None, Works("says in each line which file of the source it comes from")),
    logs("alsologtostderr", Kind::Bool, "false", None, Works("writes the log to standard error as well as to a file")),
    gone("azure-container-registry-config", Kind::Text, "1.26", "the kubelet pulls images, not the proxy"),
    works("bind-address", Kind::Address, "0.0.0.0", Below("bindAddress"), "of an IPv6 address: the health and metrics servers are on IPv6 where nothing else is said. The node's addresses come from its Node"),
    works("bind-address-hard-fail", Kind::Bool, "false", Below("bindAddressHardFail"), "ends the proxy where the health or metrics server finds its address taken"),
    works("cleanup", Kind::Bool, "false", None, "removes what this proxy left in HNS and ends, as `switchyard cleanup` does; kube-proxy's does nothing on Windows"),
    gone("cleanup-iptables", Kind::Bool, "1.12", LINUX_ALONE),
    gone("cleanup-ipvs", Kind::Bool, "1.21", LINUX_ALONE),
    works("cluster-cidr", Kind::Text, "", Below("clusterCIDR"), "which addresses are pods; without it the pod ranges of the Nodes"),
    works("config", Kind::Text, "", None, "the configuration file").by_itself(),
    ignored("config-sync-period", Kind::Duration, "15m0s", Below("configSyncPeriod"), "the API is watched, and nothing is refreshed by the clock"),
    ignored("conntrack-max-per-core", Kind::Integer, "32768", Below("conntrack.maxPerCore"), CONNTRACK_ALONE),
    ignored("conntrack-min", Kind::Integer, "131072", Below("conntrack.min"), CONNTRACK_ALONE),
    ignored("conntrack-tcp-be-liberal", Kind::Bool, "false", Below("conntrack.tcpBeLiberal"), CONNTRACK_ALONE),
    ignored("conntrack-tcp-timeout-close-wait", Kind::Duration, "1h0m0s", Below("conntrack.tcpCloseWaitTimeout"), CONNTRACK_ALONE),
    ignored("conntrack-tcp-timeout-established", Kind::Duration, "24h0m0s", Below("conntrack.tcpEstablishedTimeout"), CONNTRACK_ALONE),
    ignored("conntrack-udp-timeout", Kind::Duration, "0s", Below("conntrack.udpTimeout"), CONNTRACK_ALONE),
    ignored("conntrack-udp-timeout-stream", Kind::Duration, "0s", Below("conntrack.udpStreamTimeout"), CONNTRACK_ALONE),
    works("detect-local-mode", Kind::Text, "", Below("detectLocalMode"), "which clients are pods: `ClusterCIDR`, `NodeCIDR`, `BridgeInterface`, `InterfaceNamePrefix`"),
    works("enable-dsr", Kind::Bool, "false", Below("winkernel.enableDSR"), "whether ClusterIP load balancers use direct server return; here they do without it, where HNS can").by_itself(),
    works("feature-gates", Kind::Gates, "", Below("featureGates"), "checked as kube-proxy does; none changes anything here"),
    works("forward-healthcheck-vip", Kind::Bool, "false", Below("winkernel.forwardHealthCheckVip"), "forwards a cloud's health checks of a load-balancer address to the node").by_itself(),
    works("healthz-bind-address", Kind::AddressAndPort, "0.0.0.0:10256", Below("healthzBindAddress"), "where the health server listens; empty for none"),
    works("healthz-port", Kind::Integer, "10256", Below("healthzBindAddress"), "the port of `--healthz-bind-address` where that has none; 0 for no health server. Deprecated"),
    works("hostname-override", Kind::Text, "", Above("hostnameOverride"), "the name of the Node that this is; `--node` is the same flag").by_itself(),
    works("init-only", Kind::Bool, "false", None, "refused, as by kube-proxy on Windows"),
    ignored("iptables-localhost-nodeports", Kind::Bool, "true", Below("iptables.localhostNodePorts"), IPTABLES_ALONE),
    ignored("iptables-masquerade-bit", Kind::Integer, "14", Below("iptables.masqueradeBit"), IPTABLES_ALONE),
    ignored("iptables-min-sync-period", Kind::Duration, "1s", Below("iptables.minSyncPeriod"), "changes are made as they come, those that wait together"),
    works("iptables-sync-period", Kind::Duration, "30s", Below("iptables.syncPeriod"), "the proxy is unhealthy when a change has waited for twice as long"),
    ignored("ipvs-exclude-cidrs", Kind::List, "", Below("ipvs.excludeCIDRs"), IPVS_ALONE),
    ignored("ipvs-min-sync-period", Kind::Duration, "1s", Below("ipvs.minSyncPeriod"), IPVS_ALONE),
    ignored("ipvs-scheduler", Kind::Text, "", Below("ipvs.scheduler"), IPVS_ALONE),
    ignored("ipvs-strict-arp", Kind::Bool, "false", Below("ipvs.strictARP"), IPVS_ALONE),
    ignored("ipvs-sync-period", Kind::Duration, "30s", Below("ipvs.syncPeriod"), IPVS_ALONE),
    ignored("ipvs-tcp-timeout", Kind::Duration, "0s", Below("ipvs.tcpTimeout"), IPVS_ALONE),
    ignored("ipvs-tcpfin-timeout", Kind::Duration, "0s", Below("ipvs.tcpFinTimeout"), IPVS_ALONE),
    ignored("ipvs-udp-timeout", Kind::Duration, "0s", Below("ipvs.udpTimeout"), IPVS_ALONE),
    ignored("kube-api-burst", Kind::Integer, "10", Below("clientConnection.burst"), "a proxy keeps a few watches open, which nothing has to slow down"),
    ignored("kube-api-content-type", Kind::Text, "application/vnd.kubernetes.protobuf", Below("clientConnection.contentType"), "the API is asked for JSON"),
    ignored("kube-api-qps", Kind::Float, "5", Below("clientConnection.qps"), "a proxy keeps a few watches open, which nothing has to slow down"),
    works("kubeconfig", Kind::Text, "", Below("clientConnection.kubeconfig"), "the file that says how the Kubernetes API is reached; without it and `--manifests` as a pod reaches it").by_itself(),
    logs("log-backtrace-at", Kind::Text, ":0", None, Ignored("it names a line of another program")),
    logs("log-dir", Kind::Text, "", None, Works("writes the log to `switchyard.log` in this directory")),
    logs("log-file", Kind::Text, "", None, Works("writes the log to this file")),
    logs("log-file-max-size", Kind::Integer, "1800", None, Works("at which size, in megabytes, another file is begun: 10 without it, 0 for never")),
    logs("log-flush-frequency", Kind::Duration, "5s", Above("logging.flushFrequency"), Ignored("each line is written when it is logged")),
    Flag { parsed: Parsed::Here, ..logs("log-json-info-buffer-size", Kind::Quantity, "0", Above("logging.options.json.infoBufferSize"), Ignored(NO_SPLIT)) },
    Flag { parsed: Parsed::Here, ..logs("log-json-split-stream", Kind::Bool, "false", Above("logging.options.json.splitStream"), Ignored(NO_SPLIT)) },
    Flag { parsed: Parsed::Here, ..logs("log-text-info-buffer-size", Kind::Quantity, "0", Above("logging.options.text.infoBufferSize"), Ignored(NO_SPLIT)) },
    Flag { parsed: Parsed::Here, ..logs("log-text-split-stream", Kind::Bool, "false", Above("logging.options.text.splitStream"), Ignored(NO_SPLIT)) },
    logs("logging-format", Kind::Text, "text", Above("logging.format"), Works("`json`: an object in each line")),
    logs("logtostderr", Kind::Bool, "true", None, Works("`true`: writes no file, whatever else is said. Unlike with klog, naming a file is enough for one")),
    works("masquerade-all", Kind::Bool, "false", Below("iptables.masqueradeAll"), "clients of ClusterIPs are always rewritten"),
    works("master", Kind::Text, "", None, "the address of the Kubernetes API; goes before that of the kubeconfig file").by_itself(),
    works("metrics-bind-address", Kind::AddressAndPort, "127.0.0.1:10249", Below("metricsBindAddress"), "where the metrics server listens; empty for none"),
    works("metrics-port", Kind::Integer, "10249", Below("metricsBindAddress"), "the port of `--metrics-bind-address` where that has none; 0 for no metrics server. Deprecated"),
    works("network-name", Kind::Text, "", Below("winkernel.networkName"), "the HNS network; without it that of the environment variable `KUBE_NETWORK`, else the only bridged or overlay one").by_itself(),
    works("nodeport-addresses", Kind::List, "", Below("nodePortAddresses"), "which of the node's addresses answer node ports: `primary` or ranges; kube-proxy on Windows has no choice"),
    logs("one-output", Kind::Bool, "false", None, Ignored("there is one file for all severities")),
    ignored("oom-score-adj", Kind::Integer, "-999", Below("oomScoreAdj"), LINUX_ALONE),
    ignored("pod-bridge-interface", Kind::Text, "", Below("detectLocal.bridgeInterface"), "HNS names no interfaces of pods: this node's pods are known by their addresses"),
    ignored("pod-interface-name-prefix", Kind::Text, "", Below("detectLocal.interfaceNamePrefix"), "HNS names no interfaces of pods: this node's pods are known by their addresses"),
    ignored("profiling", Kind::Bool, "false", Below("enableProfiling"), "this program is not written in Go and has none of its profiles"),
    works("proxy-mode", Kind::Text, "", Below("mode"), "`kernelspace`, and nothing else"),
    ignored("proxy-port-range", Kind::PortRange, "", Below("portRange"), "kube-proxy ignores it, too"),
    gone("resource-container", Kind::Text, "1.16", LINUX_ALONE),
    works("root-hnsendpoint-name", Kind::Text, "cbr0", Below("winkernel.rootHnsEndpointName"), "the endpoint by which the node itself is reached, for `--forward-healthcheck-vip`").by_itself(),
    ignored("show-hidden-metrics-for-version", Kind::Text, "", Below("showHiddenMetricsForVersion"), "no metric is hidden"),
    logs("skip-headers", Kind::Bool, "false", None, Works("begins no line with its time and severity")),
    logs("skip-log-headers", Kind::Bool, "false", None, Works("begins no file with a line that says whose it is")),
    works("source-vip", Kind::Address, "", Below("winkernel.sourceVip"), "the address that load balancers of an overlay rewrite clients to; without it, or empty, the endpoint is looked for that a CNI makes for it").by_itself(),
    logs("stderrthreshold", Kind::Text, "2", None, Works("what goes to standard error as well as to a file")),
    Flag { origin: Origin::Kpng, ..ignored("to-local", Kind::ToLocal, "", None, "there is one backend, that of Windows") },
    gone("udp-timeout", Kind::Duration, "1.26", "a setting of the userspace mode"),
    logs("v", Kind::Integer, "0", Above("logging.verbosity"), Works("how much is logged: 4 and 5 also what is decided, more everything")),
    works("version", Kind::Version, "false", None, "prints our version and the release of Kubernetes whose kube-proxy is matched, as `v1.35`, and ends"),
    logs("vmodule", Kind::Text, "", Above("logging.vmodule"), Works("levels of single modules")),
    works("windows-service", Kind::Bool, "false", Above("windowsRunAsService"), "runs under the Service Control Manager; counts besides a file, because kube-proxy looks at it before it reads one").by_itself(),
    works("write-config-to", Kind::Text, "", None, "writes the configuration as it counts to this file and ends"),
];
