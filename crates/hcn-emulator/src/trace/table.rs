//! The table: what a load balancer does with a packet, by where the client is.

use std::fmt;

use switchyard_hcn::{LoadBalancer, PortMapping, PortMappingFlags};
use switchyard_model::Origin;

/// One cell of the table, as it applies to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Where the client is.
    pub client: Origin,
    /// Whether the load balancer has direct server return.
    pub dsr: bool,
    /// What the load balancer does.
    pub action: Action,
    /// Where that is written, or that it is inferred.
    pub basis: &'static str,
}

/// What a load balancer does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not for such packets.
    Untouched,
    /// It spreads them over these backends, which see this source.
    Spread(Asked, Source),
}

/// Which backends are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All of the load balancer.
    All,
    /// Those on this node.
    OnThisNode,
}

/// Which source address the backends see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The client's own, but for a client that is itself the backend.
    Kept,
    /// An address of the node, or the source VIP.
    Rewritten,
}

impl Cell {
    /// What `load_balancer` does by `mapping` with packets of a client at `client`.
    pub(super) fn of(client: Origin, load_balancer: &LoadBalancer, mapping: &PortMapping) -> Self {
        let dsr = load_balancer.is_dsr();
        let (action, basis) = match (client, dsr) {
            (Origin::LocalPod, true) => (
                Action::Spread(Asked::All, Source::Kept),
                "Microsoft, Direct Server Return in a nutshell: the client pod's own switch port picks and translates",
            ),
            (Origin::LocalPod, false) => (
                Action::Spread(Asked::All, Source::Rewritten),
                "Microsoft, Direct Server Return in a nutshell: without it the host picks, and translates both addresses",
            ),
            // That direct server return makes no difference to the node is inferred, too.
            (Origin::Node, _) => {
                let routed = mapping.flags.contains(PortMappingFlags::LOCAL_ROUTED_VIP);
                match (load_balancer.has_no_vip(), routed) {
                    (true, false) => (
                        Action::Untouched,
                        "hcsshim: without a VIP the node reaches it only by LocalRoutedVip",
                    ),
                    (true, true) => (
                        Action::Spread(Asked::All, Source::Rewritten),
                        "hcsshim: LocalRoutedVip lets the node reach it, since KB4571748 (Microsoft's page of common problems; Kubernetes' page on Windows networking says that it never does); the source is inferred",
                    ),
                    (false, _) => (
                        Action::Spread(Asked::All, Source::Rewritten),
                        "microsoft/wcnscripts expects rules for it on the host's port; the source is inferred",
                    ),
                }
            }
            (Origin::RemotePod | Origin::Outside, _)
                if mapping.flags.contains(PortMappingFlags::ILB) =>
            {
                (
                    Action::Untouched,
                    "hcsshim: an internal load balancer (ILB); that it leaves alone what comes from the network is inferred",
                )
            }
            (Origin::RemotePod | Origin::Outside, true) => (
                Action::Spread(Asked::OnThisNode, Source::Kept),
                "Kubernetes' page on Windows networking, and kubernetes/kubernetes#115344: the rule for such clients has the backends of this node only",
            ),
            (Origin::RemotePod | Origin::Outside, false) => (
                Action::Spread(Asked::All, Source::Rewritten),
                "Microsoft, Direct Server Return in a nutshell: without it both addresses are translated on the host",
            ),
        };
        Self { client, dsr, action, basis }
    }
}

/// Where a client is, in words.
pub(super) fn client_in_words(client: Origin) -> &'static str {
    match client {
        Origin::Node => "the node itself",
        Origin::LocalPod => "a pod on this node",
        Origin::RemotePod => "a pod on another node",
        Origin::Outside => "a client outside",
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = if self.dsr { "with" } else { "without" };
        let action = match self.action {
            Action::Untouched => "the packet is left alone",
            Action::Spread(Asked::All, Source::Kept) => "all backends, which see the client",
            Action::Spread(Asked::All, Source::Rewritten) => "all backends, the source rewritten",
            Action::Spread(Asked::OnThisNode, Source::Kept) => {
                "the backends on this node, which see the client"
            }
            Action::Spread(Asked::OnThisNode, Source::Rewritten) => {
                "the backends on this node, the source rewritten"
            }
        };
        let client = client_in_words(self.client);
        write!(f, "{client}, {with} direct server return: {action} ({})", self.basis)
    }
}
