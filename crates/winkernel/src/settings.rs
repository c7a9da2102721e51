//! What the operator says about reconciling.

use std::time::Duration;

use switchyard_hcn::Guid;
use switchyard_model::ServiceKey;

use crate::network::WindowsSettings;

/// What the operator says about reconciling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcilerSettings {
    /// What decides what is wanted.
    pub windows: WindowsSettings,
    /// The name of the network; without one it is the only bridged or overlay network.
    pub network_name: Option<String>,
    /// The id of the network, where several have its name.
    pub network_id: Option<Guid>,
    /// Whose load balancers are replaced where they hold a frontend that is wanted.
    pub takeover: Takeover,
    /// Services that come before others.
    pub priority_services: Vec<ServiceKey>,
    /// How many calls may be under way at once.
    pub writers: usize,
    /// The least time from the beginning of one audit to that of the next.
    pub audit_period: Duration,
}

impl Default for ReconcilerSettings {
    fn default() -> Self {
        Self {
            windows: WindowsSettings::default(),
            network_name: None,
            network_id: None,
            takeover: Takeover::None,
            priority_services: Vec::new(),
            writers: 1,
            audit_period: Duration::from_secs(300),
        }
    }
}

/// What of the settings an operator may change while a proxy runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// [`ReconcilerSettings::takeover`].
    pub takeover: Takeover,
    /// [`ReconcilerSettings::audit_period`].
    pub audit_period: Duration,
    /// [`ReconcilerSettings::priority_services`].
    pub priority_services: Vec<ServiceKey>,
    /// [`WindowsSettings::masquerade_all`].
    pub masquerade_all: bool,
}

/// Whose load balancers are replaced where they hold a frontend that is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Takeover {
    /// Nobody's but our own.
    #[default]
    None,
    /// Those that look like kube-proxy's.
    KubeProxy,
}
