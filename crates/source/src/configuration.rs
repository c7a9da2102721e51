//! The configuration file: a `KubeProxyConfiguration`, a `SwitchyardConfiguration`, or both.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;
use switchyard_model::{
    DetectLocalMode, ExternalIps, NodePortAddress, NodePortAddresses, PodDetection, ServiceKey,
    Settings, parse_address,
};

use crate::document::{from_yaml, split};
use crate::duration::parse_duration;
use crate::range::parse_range;
use crate::refusal::name_trouble;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// What decides policy.
    pub settings: Settings,
    /// What only the Windows backend needs.
    pub windows: WindowsConfiguration,
    /// What only a running proxy needs.
    pub agent: AgentConfiguration,
    /// Keys of the `KubeProxyConfiguration` that kube-proxy does not have: spelt wrongly, perhaps.
    pub unknown_keys: Vec<String>,
}

/// The section `winkernel` of a `KubeProxyConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowsConfiguration {
    /// `networkName`: the HNS network.
    pub network_name: Option<String>,
    /// `sourceVip`: the address that overlay networks rewrite clients to.
    pub source_vip: Option<IpAddr>,
    /// `enableDSR`: whether ClusterIP load balancers use direct server return.
    pub enable_dsr: Option<bool>,
    /// `rootHnsEndpointName`.
    pub root_endpoint_name: Option<String>,
    /// `forwardHealthCheckVip`.
    pub forward_health_check_vip: bool,
}

/// What the `SwitchyardConfiguration` says to a running proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentConfiguration {
    /// `takeover`: whether load balancers of a kube-proxy are replaced where they hold a frontend that is wanted.
    pub takes_over_kube_proxy: bool,
    /// `auditPeriod`: the least time from the beginning of one audit of HNS to that of the next.
    pub audit_period: Option<Duration>,
}

/// Why a configuration is refused. Unlike a manifest it is refused as a whole: half a configuration is another one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("read configuration {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A document is not what its kind allows.
    #[error("configuration {place}: {reason}")]
    Document {
        /// Where the document stands.
        place: String,
        /// Why, with the field.
        reason: String,
    },
}

const KUBE_PROXY: &str = "kubeproxy.config.k8s.io/v1alpha1";
/// The keys of a `KubeProxyConfiguration`: those of kube-proxy's v1alpha1 types, and some it had before.
const KUBE_PROXY_KEYS: &[&str] = &[
    "apiVersion",
    "bindAddress",
    "bindAddressHardFail",
    "clientConnection",
    "clusterCIDR",
    "configSyncPeriod",
    "conntrack",
    "detectLocal",
    "detectLocalMode",
    "enableProfiling",
    "featureGates",
    "healthzBindAddress",
    "hostnameOverride",
    "iptables",
    "ipvs",
    "kind",
    "logging",
    "metricsBindAddress",
    "mode",
    "nftables",
    "nodePortAddresses",
    "oomScoreAdj",
    "portRange",
    "resourceContainer",
    "showHiddenMetricsForVersion",
    "udpIdleTimeout",
    "windowsRunAsService",
    "winkernel",
];

const OWN: &str = "switchyard.dev/v1alpha1";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct KubeProxyConfiguration {
    node_port_addresses: Option<Vec<String>>,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Option<String>,
    detect_local_mode: Option<String>,
    iptables: Option<Masquerade>,
    nftables: Option<Masquerade>,
    winkernel: Option<Winkernel>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Masquerade {
    masquerade_all: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Winkernel {
    network_name: Option<String>,
    source_vip: Option<String>,
    #[serde(rename = "enableDSR")]
    enable_dsr: Option<bool>,
    #[serde(rename = "forwardHealthCheckVip")]
    forward_health_check_vip: Option<bool>,
    #[serde(rename = "rootHnsEndpointName")]
    root_hns_endpoint_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SwitchyardConfiguration {
    api_version: String,
    kind: String,
    #[serde(rename = "serviceCIDRs")]
    service_cidrs: Option<Vec<String>>,
    #[serde(rename = "externalIPs")]
    external_ips: Value,
    priority_services: Option<Vec<String>>,
    audit_period: Option<String>,
    takeover: Option<Takeover>,
}

#[derive(Deserialize)]
enum Takeover {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "kube-proxy")]
    KubeProxy,
}

impl Configuration {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or a field is not what it must be.
    pub fn read(path: &str) -> Result<Self, ConfigurationError> {
        let bytes = fs::read(path)
            .map_err(|source| ConfigurationError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &bytes)
    }

    /// Reads a file's content; `name` is what to call it.
    ///
    /// # Errors
    /// When a field is not what it must be.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ConfigurationError> {
        let mut configuration = Self::default();
        let mut seen = BTreeSet::new();
        for document in split(name, bytes) {
            let failed = |reason| ConfigurationError::Document { place: document.place(), reason };
            if let Some(text) = document.text().map_err(failed)? {
                let kind = configuration.add(text).map_err(failed)?;
                if !seen.insert(kind) {
                    return Err(failed(format!("a second {kind}: one document says it all")));
                }
            }
        }
        Ok(configuration)
    }

    /// Takes one document in; returns its kind.
    fn add(&mut self, text: &str) -> Result<&'static str, String> {
        let document: Value = from_yaml(text)?;
        let word = |field| document.get(field).and_then(Value::as_str).unwrap_or_default();
        match (word("apiVersion"), word("kind")) {
            (KUBE_PROXY, "KubeProxyConfiguration") => {
                let keys = document.as_object().into_iter().flat_map(|object| object.keys());
                let unknown = keys.filter(|key| !KUBE_PROXY_KEYS.contains(&key.as_str()));
                self.unknown_keys.extend(unknown.cloned());
                self.add_kube_proxy(read(document)?)?;
                Ok("KubeProxyConfiguration")
            }
            (OWN, "SwitchyardConfiguration") => {
                self.add_own(read(document)?)?;
                Ok("SwitchyardConfiguration")
            }
            (version, kind) => Err(format!(
                "{version:?} {kind:?} is neither {KUBE_PROXY} KubeProxyConfiguration nor \
                 {OWN} SwitchyardConfiguration"
            )),
        }
    }

    fn add_kube_proxy(&mut self, file: KubeProxyConfiguration) -> Result<(), String> {
        let addresses = file.node_port_addresses.unwrap_or_default();
        let address = |(index, text): (usize, &String)| match text.as_str() {
            "primary" => Ok(NodePortAddress::Primary),
            text => {
                range(text, &format!("nodePortAddresses[{index}]")).map(NodePortAddress::Within)
            }
        };
        let addresses: Vec<_> =
            addresses.iter().enumerate().map(address).collect::<Result<_, _>>()?;
        self.settings.node_port_addresses = NodePortAddresses::new(addresses);
        let cluster_cidr = file.cluster_cidr.unwrap_or_default();
        let cluster_ranges = cluster_cidr
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| range(text, "clusterCIDR"))
            .collect::<Result<_, _>>()?;
        let mode = match file.detect_local_mode.as_deref().unwrap_or_default() {
            "" => DetectLocalMode::Unset,
            "ClusterCIDR" => DetectLocalMode::ClusterCidr,
            "NodeCIDR" | "BridgeInterface" | "InterfaceNamePrefix" => DetectLocalMode::NodeLocal,
            other => return Err(format!("detectLocalMode: unknown mode {other:?}")),
        };
        self.settings.pods = PodDetection { cluster_ranges, mode };
        let sections = [file.iptables, file.nftables].into_iter().flatten();
        self.settings.masquerade_all =
            sections.filter_map(|section| section.masquerade_all).any(|yes| yes);
        let windows = file.winkernel.unwrap_or_default();
        let named = |text: Option<String>| text.filter(|text| !text.is_empty());
        self.windows = WindowsConfiguration {
            network_name: named(windows.network_name),
            source_vip: named(windows.source_vip).map(|text| source_vip(&text)).transpose()?,
            enable_dsr: windows.enable_dsr,
            root_endpoint_name: named(windows.root_hns_endpoint_name),
            forward_health_check_vip: windows.forward_health_check_vip.unwrap_or(false),
        };
        Ok(())
    }

    fn add_own(&mut self, file: SwitchyardConfiguration) -> Result<(), String> {
        self.settings.service_ranges =
            ranges(&file.service_cidrs.unwrap_or_default(), "serviceCIDRs")?.into();
        self.settings.external_ips = match file.external_ips {
            Value::Null | Value::Bool(true) => ExternalIps::All,
            Value::Bool(false) => ExternalIps::None,
            Value::Array(_) => {
                let texts: Vec<String> = read(file.external_ips)
                    .map_err(|trouble: String| format!("externalIPs{trouble}"))?;
                ExternalIps::Within(ranges(&texts, "externalIPs")?.into())
            }
            _ => return Err("externalIPs: must be true, false or a list of ranges".to_owned()),
        };
        let services = file.priority_services.unwrap_or_default();
        self.settings.priority_services =
            services.iter().enumerate().map(priority_service).collect::<Result<_, _>>()?;
        self.agent = AgentConfiguration {
            takes_over_kube_proxy: matches!(file.takeover, Some(Takeover::KubeProxy)),
            audit_period: file.audit_period.as_deref().map(audit_period).transpose()?,
        };
        Ok(())
    }
}

fn source_vip(text: &str) -> Result<IpAddr, String> {
    parse_address(text).map_err(|trouble| format!("winkernel.sourceVip: {text:?}: {trouble}"))
}

fn audit_period(text: &str) -> Result<Duration, String> {
    let refused = |reason: &str| format!("auditPeriod: {text:?}: {reason}");
    let period = parse_duration(text).map_err(|reason| refused(&reason))?;
    if period < Duration::from_secs(1) {
        return Err(refused("must be a second at least"));
    }
    Ok(period)
}

fn priority_service((index, text): (usize, &String)) -> Result<ServiceKey, String> {
    match text.split_once('/') {
        Some((namespace, name))
            if name_trouble(namespace).is_none() && name_trouble(name).is_none() =>
        {
            Ok(ServiceKey::new(namespace, name))
        }
        _ => Err(format!("priorityServices[{index}]: {text:?}: must be NAMESPACE/NAME")),
    }
}

fn read<T: for<'a> Deserialize<'a>>(document: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(document).map_err(|trouble| {
        let path = trouble.path().to_string();
        match path.as_str() {
            "." => trouble.inner().to_string(),
            path => format!("{path}: {}", trouble.inner()),
        }
    })
}

fn range(text: &str, field: &str) -> Result<IpNet, String> {
    parse_range(text).map_err(|trouble| format!("{field}: {text:?}: {trouble}"))
}

fn ranges(texts: &[String], field: &str) -> Result<Vec<IpNet>, String> {
    let range = |(index, text): (usize, &String)| range(text, &format!("{field}[{index}]"));
    texts.iter().enumerate().map(range).collect()
}
