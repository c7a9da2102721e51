//! What a proxy is told, by flags, by the configuration file and by the environment, in one place and typed.

use serde_json::{Value, json};
use switchyard_source::api::Connection;
use switchyard_source::{Configuration, ConfigurationError, FlagField};

use crate::arguments::{ProxyArguments, WindowsArguments};
use crate::failure::Failure;
use crate::flags::{Effect, Mirror, flag};
use crate::host_name::node_name;
use crate::logging::LoggingArguments;

/// The variable that names the HNS network where nothing else does.
const NETWORK: &str = "KUBE_NETWORK";

/// What a proxy is told.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Where it learns of Services, slices and Nodes.
    pub source: ClusterSource,
    /// The name of the Node that this is.
    pub node: String,
    /// The configuration as it counts: the file, flags, and kube-proxy's defaults. Where the servers for health and metrics listen,
    /// periods, and how the API is reached are in its `kube_proxy`.
    pub configuration: Configuration,
    /// The flags that count beside the configuration; to be given again when the file is read again.
    pub flags: Vec<FlagField>,
    /// The flags of the network that go before a network file.
    pub windows: WindowsArguments,
    /// How it logs.
    pub logging: LoggingArguments,
    /// What people should know of it, a line each.
    pub warnings: Vec<String>,
}

/// Where a proxy learns of Services, slices and Nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterSource {
    /// Files that are followed: a directory or one file.
    Manifests(String),
    /// The Kubernetes API.
    Api(ApiAccess),
}

/// How the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiAccess {
    /// The kubeconfig file. Where there is neither it nor an address, the API is reached as a pod reaches it.
    pub kubeconfig: Option<String>,
    /// The address of the API, which goes before that of the kubeconfig file.
    pub master: Option<String>,
}

impl ApiAccess {
    /// Whether the API is reached as a pod reaches it.
    #[must_use]
    pub fn is_in_cluster(&self) -> bool {
        self.kubeconfig.is_none() && self.master.is_none()
    }

    /// The same, as a client is made of it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.as_ref().map(Into::into),
            master: self.master.clone(),
        }
    }
}

impl ProxyOptions {
    /// What `arguments` say, and the file that they name.
    ///
    /// # Errors
    /// When the file cannot be read, or flags or fields make no sense, alone or together.
    pub fn read(arguments: &ProxyArguments) -> Result<Self, Failure> {
        let flags = fields(arguments);
        let file = arguments.common.config.as_deref();
        let configuration = Configuration::read_with(file, &flags);
        let mut configuration = configuration.map_err(|error| match error {
            ConfigurationError::Flag { reason } => Failure::Usage(reason),
            other => Failure::Failed(anyhow::Error::new(other)),
        })?;
        check_mode(&configuration, file)?;
        // As in kube-proxy: the environment comes last.
        let network = std::env::var(NETWORK).ok().filter(|name| !name.is_empty());
        configuration.windows.network_name = configuration.windows.network_name.take().or(network);
        let mut warnings = configuration.warnings.clone();
        let source = source(arguments, &configuration, &mut warnings)?;
        warn_of_ignored(arguments, &mut warnings);
        let given = arguments.node.as_ref().filter(|name| !name.is_empty());
        let node = given.or(configuration.kube_proxy.hostname_override.as_ref());
        Ok(Self {
            source,
            node: node_name(node.map(String::as_str))?,
            windows: windows(arguments, configuration.has_kube_proxy),
            logging: arguments.logging.clone().with_file(&configuration.kube_proxy.logging)?,
            configuration,
            flags,
            warnings,
        })
    }
}

/// The flags that say the same as fields of a `KubeProxyConfiguration`.
fn fields(arguments: &ProxyArguments) -> Vec<FlagField> {
    let mut fields = Vec::new();
    for (field, value, flag) in arguments.kube_proxy.fields() {
        if !matches!(flag.name, "healthz-port" | "metrics-port") {
            let goes_before_file = matches!(flag.field, Mirror::Above(_));
            let value = value.clone();
            fields.push(FlagField { field, value, flag: flag.name, goes_before_file });
        }
    }
    add_port(&mut fields, arguments, "healthz-port", "healthz-bind-address");
    add_port(&mut fields, arguments, "metrics-port", "metrics-bind-address");
    let windows = &arguments.windows;
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let by_themselves = [
        ("enable-dsr", arguments.enable_dsr.map(Value::Bool)),
        ("forward-healthcheck-vip", windows.forward_healthcheck_vip.map(Value::Bool)),
        ("hostname-override", text(&arguments.node.clone().filter(|name| !name.is_empty()))),
        ("kubeconfig", text(&arguments.kubeconfig)),
        ("network-name", text(&arguments.network_name)),
        ("root-hnsendpoint-name", text(&windows.root_hnsendpoint_name)),
        ("source-vip", windows.source_vip().map(|address| json!(address.to_string()))),
        ("v", arguments.logging.v.map(|level| json!(level.max(0)))),
        ("logging-format", arguments.logging.logging_format.map(|format| json!(format.as_str()))),
    ];
    for (name, value) in by_themselves {
        let Some((flag, value)) = flag(name).zip(value) else { continue };
        let (field, goes_before_file) = match flag.field {
            Mirror::Above(field) => (field, true),
            Mirror::Below(field) => (field, false),
            Mirror::None => continue,
        };
        fields.push(FlagField { field, value, flag: flag.name, goes_before_file });
    }
    fields
}

/// The deprecated flags for ports: 0 is no server, another number is the port of an address that has none.
fn add_port(
    fields: &mut Vec<FlagField>,
    arguments: &ProxyArguments,
    port_flag: &'static str,
    address_flag: &'static str,
) {
    let Some(port) = arguments.kube_proxy.value(port_flag).and_then(Value::as_i64) else { return };
    let Some((_, Mirror::Below(field))) = flag(address_flag).map(|flag| (flag, flag.field)) else {
        return;
    };
    let given = fields.iter_mut().find(|given| given.flag == address_flag);
    let address = given.as_ref().and_then(|given| given.value.as_str()).unwrap_or_default();
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let value = match (port, bare.parse::<std::net::IpAddr>()) {
        (0, _) => json!(""),
        (port, Ok(std::net::IpAddr::V6(ip))) => json!(format!("[{ip}]:{port}")),
        (port, Ok(std::net::IpAddr::V4(ip))) => json!(format!("{ip}:{port}")),
        // The address has a port, as that has which counts where none is given.
        (_, Err(_)) => return,
    };
    match given {
        Some(given) => given.value = value,
        None => {
            fields.push(FlagField { field, value, flag: port_flag, goes_before_file: false });
        }
    }
}

/// kube-proxy on Windows has one mode.
fn check_mode(configuration: &Configuration, file: Option<&str>) -> Result<(), Failure> {
    match configuration.kube_proxy.mode.as_deref() {
        None | Some("kernelspace") => Ok(()),
        Some(mode) => {
            let who = match file {
                Some(file) if configuration.has_kube_proxy => format!("the mode of {file}"),
                _ => "--proxy-mode".to_owned(),
            };
            let why = "is a mode of Linux: on Windows it is kernelspace, or empty";
            Err(Failure::Usage(format!("{who}: {mode:?} {why}")))
        }
    }
}

fn source(
    arguments: &ProxyArguments,
    configuration: &Configuration,
    warnings: &mut Vec<String>,
) -> Result<ClusterSource, Failure> {
    let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let Some(manifests) = &arguments.manifests else {
        let kubeconfig = configuration.kube_proxy.client_connection.kubeconfig.clone();
        return Ok(ClusterSource::Api(ApiAccess { kubeconfig, master: named(&arguments.master) }));
    };
    if named(&arguments.kubeconfig).or(named(&arguments.master)).is_some() {
        let why = "--manifests stands in place of the Kubernetes API: give it, or --kubeconfig and --master";
        return Err(Failure::Usage(why.to_owned()));
    }
    if manifests == "-" {
        let why = "--manifests needs files to follow: standard input cannot change";
        return Err(Failure::Usage(why.to_owned()));
    }
    if configuration.kube_proxy.client_connection.kubeconfig.is_some() {
        let why = "clientConnection.kubeconfig is ignored: --manifests stands in place of the Kubernetes API";
        warnings.push(why.to_owned());
    }
    Ok(ClusterSource::Manifests(manifests.clone()))
}

/// Says of each flag that does nothing that it does not, if that is not said yet.
fn warn_of_ignored(arguments: &ProxyArguments, warnings: &mut Vec<String>) {
    for (flag, _) in arguments.kube_proxy.iter() {
        let Effect::Ignored(why) = flag.effect else { continue };
        let said = format!("--{} is ignored: ", flag.name);
        if !warnings.iter().any(|warning| warning.starts_with(&said)) {
            warnings.push(format!("{said}{why}"));
        }
    }
}

/// The flags of the network. Where a `KubeProxyConfiguration` counts, those are none that it has fields for.
fn windows(arguments: &ProxyArguments, has_kube_proxy: bool) -> WindowsArguments {
    let given = arguments.windows.clone();
    if has_kube_proxy {
        return WindowsArguments {
            network: given.network,
            hns: given.hns,
            ..WindowsArguments::default()
        };
    }
    WindowsArguments {
        enable_dsr: arguments.enable_dsr,
        network_name: arguments.network_name.clone().filter(|name| !name.is_empty()),
        root_hnsendpoint_name: given.root_hnsendpoint_name.clone().filter(|name| !name.is_empty()),
        ..given
    }
}

#[cfg(test)]
mod tests;
