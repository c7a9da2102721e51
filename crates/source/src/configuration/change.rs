//! A configuration that changed while a proxy runs: what of it is taken as it goes, and what needs a restart.

use super::Configuration;
use super::fields::{FIELDS, FieldEffect};

/// What came of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigurationChange {
    /// What is taken as it goes.
    pub live: Vec<&'static str>,
    /// What counts only after a restart.
    pub restart: Vec<String>,
}

impl ConfigurationChange {
    /// What is otherwise in `new` than in `old`, which a proxy runs with.
    #[must_use]
    pub fn between(old: &Configuration, new: &Configuration) -> Self {
        let mut change = Self::default();
        let (a, b) = (&old.settings, &new.settings);
        let mut live = |name: &'static str, differs: bool| {
            if differs {
                change.live.push(name);
            }
        };
        live("nodePortAddresses", a.node_port_addresses != b.node_port_addresses);
        live("clusterCIDR", a.pods.cluster_ranges != b.pods.cluster_ranges);
        live("detectLocalMode", a.pods.mode != b.pods.mode);
        live("masqueradeAll", a.masquerade_all != b.masquerade_all);
        live("serviceCIDRs", a.service_ranges != b.service_ranges);
        live("externalIPs", a.external_ips != b.external_ips);
        live("priorityServices", a.priority_services != b.priority_services);
        let (a, b) = (&old.agent, &new.agent);
        live("auditPeriod", a.counting_audit_period() != b.counting_audit_period());
        live("takeover", a.takes_over_kube_proxy != b.takes_over_kube_proxy);
        change.restart = restart(old, new);
        change
    }

    /// Whether nothing that counts is otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.restart.is_empty()
    }
}

/// The fields of kube-proxy's document that are taken as they go.
pub(super) const LIVE: &[&str] = &[
    "clusterCIDR",
    "detectLocalMode",
    "iptables.masqueradeAll",
    "nftables.masqueradeAll",
    "nodePortAddresses",
];

/// The fields of kube-proxy's document that do something, and are otherwise and not taken as they go.
fn restart(old: &Configuration, new: &Configuration) -> Vec<String> {
    let value = |of: &Configuration, path: &str| of.kube_proxy.value(path).cloned();
    let fields = FIELDS.iter().filter(|row| row.effect == FieldEffect::Works);
    let fields = fields.filter(|row| !LIVE.contains(&row.path));
    let differs = fields.filter(|row| value(old, row.path) != value(new, row.path));
    differs.map(|row| row.path.to_owned()).collect()
}
