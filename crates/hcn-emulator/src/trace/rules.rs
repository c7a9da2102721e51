//! The rules of the virtual switch (VFP) that a forwarded packet meets.
//!
//! Names are those that microsoft/wcnscripts (`networkhealth.ps1`, `rulecounters.ps1`) looks for. It has them for load
//! balancers with direct server return and for IPv4 only; whatever else is said here is marked as inferred.

use std::fmt;
use std::net::IpAddr;

use switchyard_model::{Family, Origin, Protocol};

/// A rule of the virtual switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The switch port that has it.
    pub port: SwitchPort,
    /// The layer.
    pub layer: &'static str,
    /// The group in the layer.
    pub group: String,
    /// The name. `<id>` stands for a part that HNS makes up and that no document has.
    pub name: String,
    /// Whether no source says that the packet meets this rule there.
    pub inferred: bool,
}

/// A port of the virtual switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SwitchPort {
    /// The port of the pod that sends.
    ClientPod,
    /// The host's own port.
    HostVnic,
    /// The port to the network outside.
    ExternalAdapter,
    /// The port of the pod that is picked.
    BackendPod,
}

impl SwitchPort {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientPod => "clientPod",
            Self::HostVnic => "hostVnic",
            Self::ExternalAdapter => "externalAdapter",
            Self::BackendPod => "backendPod",
        }
    }
}

impl fmt::Display for SwitchPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientPod => "client pod's port",
            Self::HostVnic => "host vNic",
            Self::ExternalAdapter => "external adapter",
            Self::BackendPod => "backend pod's port",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} / {} / {}", self.port, self.layer, self.group, self.name)?;
        if self.inferred { f.write_str(" (inferred)") } else { Ok(()) }
    }
}

/// A packet that is forwarded, as far as rules regard it.
pub(super) struct Forwarded {
    pub(super) client: Origin,
    pub(super) dsr: bool,
    /// The address in rule names: the VIP, or for every address of the node the management address.
    pub(super) vip: IpAddr,
    /// The node's management address of the family.
    pub(super) management: IpAddr,
    pub(super) external_port: u16,
    pub(super) internal_port: u16,
    /// Whether the destination is translated: not with PreserveDip.
    pub(super) translates: bool,
    pub(super) protocol: Protocol,
    /// How many endpoints the load balancer names.
    pub(super) named: usize,
    /// Whether an endpoint of the load balancer is remote, whatever its fate.
    pub(super) has_remote: bool,
    /// Whether an endpoint of the load balancer is a pod of this node, whatever its fate.
    pub(super) has_local: bool,
    /// Whether the packet may go to a pod on this node.
    pub(super) to_pod: bool,
    /// Whether the packet may leave the node by a network that routes in the switch (L2Bridge, Overlay).
    pub(super) routed: bool,
}

impl Forwarded {
    /// The rules in the order in which the packet meets them.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let leaves_at = match (self.client, self.dsr) {
            (Origin::LocalPod, true) => {
                rules.push(self.client_pod());
                SwitchPort::ClientPod
            }
            (Origin::LocalPod, false) => {
                rules.extend(self.hairpin());
                rules.push(self.host());
                SwitchPort::HostVnic
            }
            (Origin::Node, _) => {
                rules.push(self.host());
                SwitchPort::HostVnic
            }
            (Origin::RemotePod | Origin::Outside, true) => {
                rules.extend(self.translation(SwitchPort::ExternalAdapter));
                rules.extend(self.hairpin());
                SwitchPort::ExternalAdapter
            }
            (Origin::RemotePod | Origin::Outside, false) => {
                rules.extend(self.hairpin());
                rules.push(self.host());
                SwitchPort::ExternalAdapter
            }
        };
        if self.routed {
            rules.push(self.route(leaves_at));
        }
        if self.to_pod {
            rules.extend(self.translation(SwitchPort::BackendPod));
        }
        rules
    }

    /// Whether a rule of the load balancer that is known is only inferred all the same: no source has those with PreserveDip.
    const fn is_inferred(&self, known: bool) -> bool {
        !known || !self.translates
    }

    /// On the client pod's port: picks and translates.
    fn client_pod(&self) -> Rule {
        let name = format!(
            "LB_DSR_<id>_{}_{}_{}_{}_{}",
            self.management,
            self.vip,
            self.external_port,
            self.internal_port,
            self.protocol.number()
        );
        Rule {
            port: SwitchPort::ClientPod,
            layer: "LB_DSR",
            group: self.group("LB_DSR_", "_OUT"),
            name,
            inferred: self.is_inferred(true),
        }
    }

    /// On the host's port: picks and translates. Where it is depends on whether all backends are on this node.
    fn host(&self) -> Rule {
        let (layer, group, name) = if self.has_remote {
            // Older builds call the group LB_OUT.
            let group = if self.is_ipv6() { "LB_OUT_V6" } else { "LB_OUT_V4" };
            ("LB", group.to_owned(), self.named_twice("LB_HOST", self.internal_port))
        } else {
            let prefix = if self.named == 1 && self.translates { "NAT" } else { "LB" };
            let group = self.group("SLB_GROUP_LB_", "_OUT");
            ("SLB_LB_LAYER", group, self.named_twice(prefix, self.external_port))
        };
        let inferred = self.is_inferred(self.dsr && self.client == Origin::Node);
        Rule { port: SwitchPort::HostVnic, layer, group, name, inferred }
    }

    /// On the host's port: a packet that comes in for the virtual address is turned around, never given to the host
    /// (kubernetes/kubernetes#75561). There is one only with a backend that is a pod of this node.
    fn hairpin(&self) -> Option<Rule> {
        self.has_local.then(|| Rule {
            port: SwitchPort::HostVnic,
            layer: "SLB_HAIRPIN_LAYER",
            group: self.group("SLB_GROUP_HAIRPIN_", "_IN"),
            name: self.named_twice("HairPin", self.external_port),
            inferred: self.is_inferred(self.dsr),
        })
    }

    /// On the backend pod's port, and by kubernetes/kubernetes#115344 for clients outside before it: translates. With
    /// PreserveDip nothing is.
    fn translation(&self, port: SwitchPort) -> Option<Rule> {
        if !self.translates {
            return None;
        }
        let number = self.protocol.number();
        let name = format!("NAT_<id>_{}_{}_{number}", self.vip, self.external_port);
        let inferred = !self.dsr || port != SwitchPort::BackendPod;
        let group = self.group("SLB_GROUP_NAT_", "_IN");
        Some(Rule { port, layer: "SLB_NAT_LAYER", group, name, inferred })
    }

    /// Where the packet leaves for another node.
    fn route(&self, port: SwitchPort) -> Rule {
        let family = if self.is_ipv6() { "IPV6" } else { "IPV4" };
        let group = format!("VNET_GROUP_PA_ROUTE_{family}_OUT");
        let inferred = port != SwitchPort::ClientPod;
        Rule { port, layer: "VNET_PA_ROUTE_LAYER", group, name: "PA_ROUTE".to_owned(), inferred }
    }

    fn named_twice(&self, prefix: &str, second_port: u16) -> String {
        let number = self.protocol.number();
        format!("{prefix}_<id>_{}_{}_{second_port}_{number}", self.vip, self.external_port)
    }

    fn group(&self, before: &str, after: &str) -> String {
        format!("{before}{}{after}", Family::of(self.vip))
    }

    fn is_ipv6(&self) -> bool {
        Family::of(self.vip) == Family::IPv6
    }
}
