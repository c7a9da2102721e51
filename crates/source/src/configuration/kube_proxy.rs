//! A `KubeProxyConfiguration` v1alpha1 with its defaults: what a running proxy needs of it, typed; and the whole, as it counts.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value};
use switchyard_model::parse_address;

use super::fields::FIELDS;
use super::leaves::{Leaves, Place, Trouble};
use super::{KUBE_PROXY, gates};
use crate::duration::parse_duration;

const HEALTH_PORT: u16 = 10256;
const METRICS_PORT: u16 = 10249;

/// A `KubeProxyConfiguration`, with what kube-proxy takes where nothing is said.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeProxyConfiguration {
    /// `mode`, where one is said.
    pub mode: Option<String>,
    /// `bindAddress`: which address of the node is its own, where it is not the unspecified one.
    pub bind_address: IpAddr,
    /// `bindAddressHardFail`: whether an address that is taken ends the proxy.
    pub bind_address_hard_fail: bool,
    /// `healthzBindAddress`; none where a flag says so.
    pub healthz_bind_address: Option<SocketAddr>,
    /// `metricsBindAddress`; none where a flag says so.
    pub metrics_bind_address: Option<SocketAddr>,
    /// `iptables.syncPeriod`, which counts for Windows, too.
    pub sync_period: Duration,
    /// `iptables.minSyncPeriod`, which counts for Windows, too.
    pub min_sync_period: Duration,
    /// `configSyncPeriod`.
    pub config_sync_period: Duration,
    /// `clientConnection`.
    pub client_connection: ClientConnection,
    /// `hostnameOverride`: the name of the Node.
    pub hostname_override: Option<String>,
    /// `enableProfiling`.
    pub enable_profiling: bool,
    /// `showHiddenMetricsForVersion`.
    pub show_hidden_metrics_for_version: Option<String>,
    /// `logging`.
    pub logging: LoggingConfiguration,
    /// `featureGates`, as they were set.
    pub feature_gates: BTreeMap<String, bool>,
    /// Every field with its value, as it would be written.
    document: Value,
}

/// How the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConnection {
    /// `kubeconfig`: a file; without it the API is reached as a pod reaches it.
    pub kubeconfig: Option<String>,
    /// `qps`: requests a second.
    pub qps: f64,
    /// `burst`: requests at once.
    pub burst: i64,
}

/// The section `logging`, as far as it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggingConfiguration {
    /// `format`: `text` or `json`.
    pub format: Option<String>,
    /// `verbosity`.
    pub verbosity: Option<i64>,
    /// `vmodule`: patterns and verbosities.
    pub modules: Vec<(String, i64)>,
}

impl Default for KubeProxyConfiguration {
    fn default() -> Self {
        Self {
            mode: None,
            bind_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            bind_address_hard_fail: false,
            healthz_bind_address: Some((Ipv4Addr::UNSPECIFIED, HEALTH_PORT).into()),
            metrics_bind_address: Some((Ipv4Addr::LOCALHOST, METRICS_PORT).into()),
            sync_period: Duration::from_secs(30),
            min_sync_period: Duration::from_secs(1),
            config_sync_period: Duration::from_secs(15 * 60),
            client_connection: ClientConnection { kubeconfig: None, qps: 5.0, burst: 10 },
            hostname_override: None,
            enable_profiling: false,
            show_hidden_metrics_for_version: None,
            logging: LoggingConfiguration::default(),
            feature_gates: BTreeMap::new(),
            document: whole(&Leaves::default()),
        }
    }
}

impl KubeProxyConfiguration {
    /// Every field with its value, as it would be written: what `/configz` answers and `--write-config-to` writes.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The value of the field at `path`, as it would be written.
    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        self.document.pointer(&format!("/{}", path.replace('.', "/")))
    }

    /// This one as it would be written with the fields at `paths` as they are in `new`.
    pub(super) fn with_fields_of(mut self, new: &Self, paths: &[&str]) -> Self {
        for path in paths {
            let value = new.value(path).cloned();
            if let Some((value, Value::Object(document))) = value.zip(Some(&mut self.document)) {
                insert(document, path, value);
            }
        }
        self
    }

    /// What `leaves` say, and what is to be said of it.
    pub(super) fn of(leaves: &Leaves) -> Result<(Self, Vec<Trouble>), Trouble> {
        let usual = Self::default();
        let said = Said(leaves);
        validate(&said)?;
        let bind_address = said.address("bindAddress")?.unwrap_or(usual.bind_address);
        let is_v4 = bind_address.is_ipv4();
        let (any, own): (IpAddr, IpAddr) = match is_v4 {
            true => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
            false => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()),
        };
        let (feature_gates, warnings) = said.gates()?;
        let mut configuration = Self {
            mode: said.text("mode"),
            bind_address,
            bind_address_hard_fail: said.is_true("bindAddressHardFail"),
            healthz_bind_address: said.server("healthzBindAddress", (any, HEALTH_PORT).into())?,
            metrics_bind_address: said.server("metricsBindAddress", (own, METRICS_PORT).into())?,
            sync_period: said.time("iptables.syncPeriod").unwrap_or(usual.sync_period),
            min_sync_period: said.time("iptables.minSyncPeriod").unwrap_or(usual.min_sync_period),
            config_sync_period: said.time("configSyncPeriod").unwrap_or(usual.config_sync_period),
            client_connection: ClientConnection {
                kubeconfig: said.text("clientConnection.kubeconfig"),
                qps: said.number("clientConnection.qps").unwrap_or(usual.client_connection.qps),
                burst: said
                    .integer("clientConnection.burst")
                    .filter(|burst| *burst != 0)
                    .unwrap_or(10),
            },
            hostname_override: said.text("hostnameOverride"),
            enable_profiling: said.is_true("enableProfiling"),
            show_hidden_metrics_for_version: said.text("showHiddenMetricsForVersion"),
            logging: said.logging(),
            feature_gates,
            document: whole(leaves),
        };
        configuration.write_addresses();
        Ok((configuration, warnings))
    }

    /// Writes the addresses of the servers as they came out.
    fn write_addresses(&mut self) {
        let written = |address: Option<SocketAddr>| {
            Value::String(address.map(|address| address.to_string()).unwrap_or_default())
        };
        let (health, metrics) = (self.healthz_bind_address, self.metrics_bind_address);
        if let Value::Object(document) = &mut self.document {
            document.insert("healthzBindAddress".to_owned(), written(health));
            document.insert("metricsBindAddress".to_owned(), written(metrics));
        }
    }
}

/// Every field with its value: kube-proxy's defaults, and what is said over them.
fn whole(leaves: &Leaves) -> Value {
    let mut document = Map::new();
    for row in FIELDS {
        let said = leaves.0.get(row.path).map(|leaf| leaf.value.clone());
        let usual = || serde_json::from_str(row.default).ok();
        if let Some(value) = said.filter(|value| !says_nothing(value)).or_else(usual) {
            insert(&mut document, row.path, value);
        }
    }
    document.insert("apiVersion".to_owned(), KUBE_PROXY.into());
    document.insert("kind".to_owned(), "KubeProxyConfiguration".into());
    Value::Object(document)
}

/// Whether kube-proxy takes its default for a value. Of truth values it does not.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => {
            text.is_empty() || parse_duration(text).is_ok_and(|time| time.is_zero())
        }
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn insert(document: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            document.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let section = document.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                insert(section, rest, value);
            }
        }
    }
}

/// What is said, by path and type. Texts that are empty and times that are zero are not said: kube-proxy takes its defaults for them.
pub(super) struct Said<'a>(pub(super) &'a Leaves);

impl Said<'_> {
    fn value(&self, path: &str) -> Option<&Value> {
        self.0.0.get(path).map(|leaf| &leaf.value)
    }

    pub(super) fn trouble(&self, path: &str, reason: impl Into<String>) -> Trouble {
        let place = self.0.0.get(path).map(|leaf| leaf.place.clone());
        Trouble { path: path.to_owned(), place, reason: reason.into() }
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = self.value(path).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(super) fn is_true(&self, path: &str) -> bool {
        self.bool(path) == Some(true)
    }

    pub(super) fn bool(&self, path: &str) -> Option<bool> {
        self.value(path).and_then(Value::as_bool)
    }

    pub(super) fn texts(&self, path: &str) -> Vec<String> {
        let items = self.value(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn time(&self, path: &str) -> Option<Duration> {
        let text = self.value(path).and_then(Value::as_str)?;
        parse_duration(text).ok().filter(|time| !time.is_zero())
    }

    fn integer(&self, path: &str) -> Option<i64> {
        self.value(path).and_then(Value::as_i64)
    }

    fn number(&self, path: &str) -> Option<f64> {
        self.value(path).and_then(Value::as_f64).filter(|number| *number != 0.0)
    }

    fn address(&self, path: &str) -> Result<Option<IpAddr>, Trouble> {
        let Some(text) = self.text(path) else { return Ok(None) };
        let parsed = parse_address(&text).or_else(|trouble| {
            // The unspecified addresses are no addresses of anything, but may be bound to.
            let any = text.parse::<IpAddr>().ok().filter(IpAddr::is_unspecified);
            any.ok_or(trouble)
        });
        match parsed {
            Ok(address) => Ok(Some(address)),
            Err(trouble) => Err(self.trouble(path, format!("{text:?}: {trouble}"))),
        }
    }

    /// Where a server listens. A flag that is empty says that there is none; a file cannot say so.
    fn server(&self, path: &str, usual: SocketAddr) -> Result<Option<SocketAddr>, Trouble> {
        let Some(leaf) = self.0.0.get(path) else { return Ok(Some(usual)) };
        let text = leaf.value.as_str().unwrap_or_default();
        if text.is_empty() {
            return Ok(matches!(leaf.place, Place::File(_)).then_some(usual));
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let with_port = text.parse::<SocketAddr>().ok();
        let without = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, usual.port()));
        match with_port.or_else(without) {
            Some(address) if address.port() == 0 => {
                Err(self.trouble(path, format!("{text:?}: the port must be from 1 to 65535")))
            }
            Some(address) => Ok(Some(address)),
            None => Err(self.trouble(path, format!("{text:?}: must be ADDRESS:PORT"))),
        }
    }

    fn gates(&self) -> Result<(BTreeMap<String, bool>, Vec<Trouble>), Trouble> {
        let path = "featureGates";
        let gates = self.value(path).and_then(Value::as_object).into_iter().flatten();
        let gates: BTreeMap<_, _> =
            gates.filter_map(|(name, on)| Some((name.clone(), on.as_bool()?))).collect();
        let of = |name: String, reason: String| Trouble {
            path: format!("{path}.{name}"),
            ..self.trouble(path, format!("{name}: {reason}"))
        };
        let said = gates::check(&gates).map_err(|(name, why)| of(name, why))?;
        let warnings = said.into_iter().map(|(name, what)| of(name, what)).collect();
        Ok((gates, warnings))
    }

    fn logging(&self) -> LoggingConfiguration {
        let modules = self.value("logging.vmodule").and_then(Value::as_array);
        let module = |item: &Value| {
            Some((item["filePattern"].as_str()?.to_owned(), item["verbosity"].as_i64()?))
        };
        LoggingConfiguration {
            format: self.text("logging.format"),
            verbosity: self.integer("logging.verbosity"),
            modules: modules.into_iter().flatten().filter_map(module).collect(),
        }
    }
}

/// Refuses what kube-proxy's validation refuses. Source: `pkg/proxy/apis/config/validation/validation.go`.
fn validate(said: &Said<'_>) -> Result<(), Trouble> {
    const MODES: &[&str] = &["kernelspace", "iptables", "ipvs", "nftables"];
    if let Some(mode) = said.text("mode").filter(|mode| !MODES.contains(&mode.as_str())) {
        return Err(
            said.trouble("mode", format!("{mode:?}: on Windows it must be kernelspace, or empty"))
        );
    }
    let sync = said.time("iptables.syncPeriod").unwrap_or(Duration::from_secs(30));
    let least = said.time("iptables.minSyncPeriod").unwrap_or(Duration::from_secs(1));
    if least > sync {
        let why =
            "must not be less than iptables.minSyncPeriod, which is a second where nothing is said";
        return Err(said.trouble("iptables.syncPeriod", why));
    }
    for (path, least, most) in [
        ("iptables.masqueradeBit", 0, 31),
        ("nftables.masqueradeBit", 0, 31),
        ("oomScoreAdj", -1000, 1000),
        ("conntrack.maxPerCore", 0, i64::from(i32::MAX)),
        ("conntrack.min", 0, i64::from(i32::MAX)),
        ("clientConnection.burst", 0, i64::from(i32::MAX)),
        ("logging.verbosity", 0, i64::from(i32::MAX)),
    ] {
        let number = said.integer(path).filter(|number| !(least..=most).contains(number));
        if let Some(number) = number {
            return Err(said.trouble(path, format!("{number}: must be from {least} to {most}")));
        }
    }
    let is_format = |text: &String| matches!(text.as_str(), "text" | "json");
    if let Some(format) = said.text("logging.format").filter(|text| !is_format(text)) {
        return Err(said.trouble("logging.format", format!("{format:?}: must be text or json")));
    }
    let version = "showHiddenMetricsForVersion";
    if let Some(text) = said.text(version).filter(|text| !is_minor_version(text)) {
        return Err(said.trouble(version, format!("{text:?}: must be MAJOR.MINOR, such as 1.34")));
    }
    match said.text("portRange").filter(|text| !is_port_range(text)) {
        Some(text) => {
            Err(said.trouble("portRange", format!("{text:?}: must be ports, such as 300-2000")))
        }
        None => Ok(()),
    }
}

fn is_minor_version(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// Ports as `ParsePortRange` of k8s.io/apimachinery takes them: one, `FROM-TO`, or `FROM+COUNT`.
fn is_port_range(text: &str) -> bool {
    let port = |text: &str| text.trim().parse::<u16>().ok();
    if let Some((from, to)) = text.split_once('-') {
        return port(from).zip(port(to)).is_some_and(|(from, to)| from <= to);
    }
    match text.split_once('+') {
        Some((from, count)) => port(from)
            .zip(port(count))
            .is_some_and(|(from, count)| from.checked_add(count).is_some()),
        None => port(text).is_some(),
    }
}
