//! The configuration file: a `KubeProxyConfiguration`, a `SwitchyardConfiguration`, or both.

mod change;
mod fields;
mod followed;
mod gates;
mod kube_proxy;
mod leaves;
mod own;
mod policy;
mod render;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use switchyard_model::Settings;

pub use self::change::ConfigurationChange;
pub use self::followed::FollowedConfiguration;
pub use self::kube_proxy::{ClientConnection, KubeProxyConfiguration, LoggingConfiguration};
use self::leaves::{Leaf, Leaves, Place, Trouble};
pub use self::own::AgentConfiguration;
use self::tree::Tree;
use crate::document::{from_yaml, from_yaml_last_wins, split};
use crate::range::parse_range;

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configuration {
    /// What decides policy.
    pub settings: Settings,
    /// What only the Windows backend needs.
    pub windows: WindowsConfiguration,
    /// What only a running proxy needs.
    pub agent: AgentConfiguration,
    /// The `KubeProxyConfiguration`, with kube-proxy's defaults.
    pub kube_proxy: KubeProxyConfiguration,
    /// Whether the file has a `KubeProxyConfiguration`.
    pub has_kube_proxy: bool,
    /// What people should know of it: fields that do nothing, that nobody knows, or that are there twice.
    pub warnings: Vec<String>,
}

/// A flag that says the same as a field of a `KubeProxyConfiguration`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagField {
    /// The path of the field.
    pub field: &'static str,
    /// What the flag says.
    pub value: Value,
    /// The name of the flag.
    pub flag: &'static str,
    /// Whether it goes before a file. Others count only where no file has a `KubeProxyConfiguration`.
    pub goes_before_file: bool,
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
    /// A flag says what its field may not be.
    #[error("{reason}")]
    Flag {
        /// Why, with the flag.
        reason: String,
    },
}

const KUBE_PROXY: &str = "kubeproxy.config.k8s.io/v1alpha1";
const OWN: &str = "switchyard.dev/v1alpha1";

/// What is read of a file, before flags are added.
#[derive(Default)]
struct File {
    leaves: Option<Leaves>,
    settings: Settings,
    agent: AgentConfiguration,
    warnings: Vec<String>,
}

impl Configuration {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or a field is not what it must be.
    pub fn read(path: &str) -> Result<Self, ConfigurationError> {
        Self::read_with(Some(path), &[])
    }

    /// Reads the file at `path`, if one is named, and adds what flags say.
    ///
    /// # Errors
    /// When it cannot be read, or a field or flag is not what it must be.
    pub fn read_with(path: Option<&str>, flags: &[FlagField]) -> Result<Self, ConfigurationError> {
        let Some(path) = path else { return Self::parse_with("", b"", flags) };
        let bytes = fs::read(path)
            .map_err(|source| ConfigurationError::Read { path: path.to_owned(), source })?;
        Self::parse_with(path, &bytes, flags)
    }

    /// Reads a file's content; `name` is what to call it.
    ///
    /// # Errors
    /// When a field is not what it must be.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ConfigurationError> {
        Self::parse_with(name, bytes, &[])
    }

    /// Reads a file's content, and adds what flags say. As in kube-proxy, a flag that a field says the same as counts where no file has
    /// a `KubeProxyConfiguration`, but for those that go before it.
    ///
    /// # Errors
    /// When a field or flag is not what it must be.
    pub fn parse_with(
        name: &str,
        bytes: &[u8],
        flags: &[FlagField],
    ) -> Result<Self, ConfigurationError> {
        let mut file = File::default();
        let mut seen = BTreeSet::new();
        for document in split(name, bytes) {
            let failed = |reason| ConfigurationError::Document { place: document.place(), reason };
            if let Some(text) = document.text().map_err(failed)? {
                let kind = file.add(name, text, document.lines_before()).map_err(failed)?;
                if !seen.insert(kind) {
                    return Err(failed(format!("a second {kind}: one document says it all")));
                }
            }
        }
        file.with(name, flags)
    }
}

impl Configuration {
    /// This one, with what of `new` can be taken while a proxy runs: policy, `auditPeriod` and `takeover`.
    #[must_use]
    pub fn with_live_of(&self, new: &Self) -> Self {
        let kube_proxy = self.kube_proxy.clone().with_fields_of(&new.kube_proxy, change::LIVE);
        Self {
            settings: new.settings.clone(),
            agent: new.agent.clone(),
            kube_proxy,
            ..self.clone()
        }
    }
}

impl File {
    /// Takes one document in; returns its kind. `lines` of the file stand before it.
    fn add(&mut self, name: &str, text: &str, lines: usize) -> Result<&'static str, String> {
        let mut tree: Tree = from_yaml_last_wins(text)?;
        tree.shift(lines as u64);
        let word = |field| tree.text(field).unwrap_or_default();
        match (word("apiVersion"), word("kind")) {
            (KUBE_PROXY, "KubeProxyConfiguration") => {
                let read = leaves::read(&tree).map_err(|trouble| trouble.to_string())?;
                let warnings = read.warnings.iter();
                self.warnings.extend(warnings.map(|warning| format!("{name}: {warning}")));
                self.leaves = Some(read.leaves);
                Ok("KubeProxyConfiguration")
            }
            (OWN, "SwitchyardConfiguration") => {
                // Ours is read strictly: a key that is there twice is refused.
                from_yaml::<Value>(text)?;
                let read = own::read(tree.value(), &mut self.settings);
                self.agent = read.map_err(|(path, reason)| {
                    let position = tree.position_of(&path);
                    match path.as_str() {
                        "" => format!("{reason} ({position})"),
                        path => format!("{path} ({position}): {reason}"),
                    }
                })?;
                Ok("SwitchyardConfiguration")
            }
            (version, kind) => Err(format!(
                "{version:?} {kind:?} is neither {KUBE_PROXY} KubeProxyConfiguration nor \
                 {OWN} SwitchyardConfiguration"
            )),
        }
    }

    /// The whole, with what flags say.
    fn with(self, name: &str, flags: &[FlagField]) -> Result<Configuration, ConfigurationError> {
        let Self { leaves, mut settings, agent, mut warnings } = self;
        let has_kube_proxy = leaves.is_some();
        let mut leaves = leaves.unwrap_or_default();
        for flag in flags {
            if has_kube_proxy && !flag.goes_before_file {
                let FlagField { flag, field, .. } = flag;
                warnings.push(format!(
                    "--{flag} is ignored: {name} has a KubeProxyConfiguration, whose {field} counts"
                ));
                continue;
            }
            let place = Place::Flag(flag.flag.to_owned());
            leaves.0.insert(flag.field, Leaf { value: flag.value.clone(), place });
        }
        let failed = |trouble: Trouble| match &trouble.place {
            Some(Place::Flag(_)) => ConfigurationError::Flag { reason: trouble.to_string() },
            Some(Place::File(_)) | None => {
                ConfigurationError::Document { place: name.to_owned(), reason: trouble.to_string() }
            }
        };
        let (kube_proxy, said) = KubeProxyConfiguration::of(&leaves).map_err(failed)?;
        warnings.extend(said.iter().map(|said| match &said.place {
            Some(Place::File(_)) => format!("{name}: {said}"),
            Some(Place::Flag(_)) | None => said.to_string(),
        }));
        let windows = policy::read(&leaves, &mut settings).map_err(failed)?;
        Ok(Configuration { settings, windows, agent, kube_proxy, has_kube_proxy, warnings })
    }
}

fn range(text: &str, field: &str) -> Result<IpNet, (String, String)> {
    parse_range(text).map_err(|trouble| (field.to_owned(), format!("{text:?}: {trouble}")))
}

fn ranges(texts: &[String], field: &str) -> Result<Vec<IpNet>, (String, String)> {
    let range = |(index, text): (usize, &String)| range(text, &format!("{field}[{index}]"));
    texts.iter().enumerate().map(range).collect()
}
