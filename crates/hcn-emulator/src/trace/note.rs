//! What is worth knowing of a packet besides its way.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use switchyard_hcn::{Guid, Network, NetworkType, PortMappingFlags, Version};
use switchyard_model::{Family, Origin};

use super::explain::source_vip;
use super::{
    Action, Asked, Backend, Fate, Followed, MatchedBy, Misleading, Source, Tracer, preserves,
};
use crate::{Beyond, Build};

/// What is worth knowing besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The load balancer names no endpoint.
    NoEndpoints,
    /// No share is left.
    NoShareLeft,
    /// No backend is on this node, and only those are asked for.
    NoneOnThisNode,
    /// HNS of this version cannot have such a load balancer.
    BeyondBuild(Version, Beyond),
    /// The packet is of IPv6 and the network an overlay, which has no such load balancers.
    Ipv6OnOverlay,
    /// The port mapping has a distribution, and HNS of this version does not look at it.
    NoDistribution(Version),
    /// The port mapping has `UseMux`.
    UseMux,
    /// The port mapping has `PreserveDip`.
    PreserveDip,
    /// The client may be picked itself.
    PicksClient(IpAddr),
    /// A local and a remote endpoint have one address.
    LocalAndRemote(IpAddr),
    /// The source VIP of the load balancer is no address of the packet's family.
    UnusableSourceVip(String),
    /// A load balancer of an overlay without direct server return has no source VIP.
    NoSourceVip,
    /// HNS of Windows Server 2019 chooses the address that a pod is rewritten to, for a backend on the same node.
    SourceLeftToHns,
    /// No remote endpoint is at the VIP on an overlay network.
    NothingAtVip(IpAddr),
    /// A remote endpoint at the VIP on an overlay network does not lead to this host.
    MisleadingAtVip {
        /// The VIP.
        vip: IpAddr,
        /// The endpoint.
        endpoint: Guid,
        /// What is wrong with it.
        why: Misleading,
    },
    /// The host's hardware address on an overlay network is not known, so those of endpoints are not judged.
    UnknownHostMac(Guid),
}

impl Tracer<'_> {
    /// What is worth knowing of a packet that a load balancer is for.
    pub(super) fn notes(
        &self,
        followed: &Followed<'_>,
        network: Option<(Guid, &Network)>,
    ) -> Vec<Note> {
        let mut notes = notes_of_backends(followed);
        notes.extend(self.notes_of_build(followed));
        let (load_balancer, mapping) = (followed.held.load_balancer, followed.held.mapping);
        if mapping.flags.contains(PortMappingFlags::USE_MUX) {
            notes.push(Note::UseMux);
        }
        if preserves(mapping) {
            notes.push(Note::PreserveDip);
        }
        if !load_balancer.source_vip.is_empty() && source_vip(followed).is_none() {
            notes.push(Note::UnusableSourceVip(load_balancer.source_vip.clone()));
        }
        let overlay = network.filter(|(_, network)| network.network_type == NetworkType::Overlay);
        match overlay {
            Some((id, _)) => notes.extend(self.notes_of_overlay(followed, id)),
            None if self.leaves_source_to_hns(followed) => notes.push(Note::SourceLeftToHns),
            None => {}
        }
        notes
    }

    /// Whether a pod's address is rewritten to what HNS chooses, and a backend on this node may see that. Only HNS of Windows
    /// Server 2019, which is 9, is known to choose wrong.
    fn leaves_source_to_hns(&self, followed: &Followed<'_>) -> bool {
        let load_balancer = followed.held.load_balancer;
        self.state.version.major == 9
            && followed.client.origin == Origin::LocalPod
            && !load_balancer.is_dsr()
            && load_balancer.source_vip.is_empty()
            && followed.verdict.backends.iter().any(|backend| backend.local)
    }

    fn notes_of_build(&self, followed: &Followed<'_>) -> Vec<Note> {
        let version = self.state.version;
        let beyond = Build::of(version).beyond(followed.held.load_balancer);
        let mut notes: Vec<Note> =
            beyond.map(|beyond| Note::BeyondBuild(version, beyond)).collect();
        let mapping = followed.held.mapping;
        if mapping.distribution_type != self.distribution(mapping) {
            notes.push(Note::NoDistribution(version));
        }
        notes
    }

    fn notes_of_overlay(&self, followed: &Followed<'_>, network: Guid) -> Vec<Note> {
        let load_balancer = followed.held.load_balancer;
        let mut notes = Vec::new();
        if Family::of(followed.address) == Family::IPv6 {
            notes.push(Note::Ipv6OnOverlay);
        }
        if !load_balancer.is_dsr() && load_balancer.source_vip.is_empty() {
            notes.push(Note::NoSourceVip);
        }
        // kube-proxy makes an endpoint for each ClusterIP and for no other address. Those that come to the cluster from
        // outside it flags, and the health checks of such.
        let external = PortMappingFlags::VIP_EXTERNAL_IP | PortMappingFlags::USE_MUX;
        let is_external = followed.held.mapping.flags.0 & external.0 != 0;
        if followed.by == MatchedBy::Vip && !is_external {
            notes.extend(self.notes_of_vip(network, followed.address));
        }
        if self.overlays.host_is_unknown(network) {
            notes.push(Note::UnknownHostMac(network));
        }
        notes
    }

    /// What is wrong with the remote endpoints at a VIP of the cluster.
    fn notes_of_vip(&self, network: Guid, vip: IpAddr) -> Vec<Note> {
        let mut at_vip = self
            .state
            .endpoints()
            .filter(|(_, endpoint)| {
                endpoint.is_remote()
                    && endpoint.host_compute_network == Some(network)
                    && endpoint.addresses().any(|own| own == vip)
            })
            .peekable();
        if at_vip.peek().is_none() {
            return vec![Note::NothingAtVip(vip)];
        }
        let wrong = at_vip.filter_map(|(id, endpoint)| {
            Some((id, self.overlays.misleads(network, endpoint, &self.node)?))
        });
        wrong.map(|(endpoint, why)| Note::MisleadingAtVip { vip, endpoint, why }).collect()
    }
}

fn notes_of_backends(followed: &Followed<'_>) -> Vec<Note> {
    let Action::Spread(asked, source) = followed.cell.action else { return Vec::new() };
    let reached = &followed.verdict.backends;
    let mut notes = Vec::new();
    if followed.held.load_balancer.host_compute_endpoints.is_empty() {
        notes.push(Note::NoEndpoints);
    } else if followed.backends.iter().all(|own| matches!(own.fate, Fate::Lost(_))) {
        notes.push(Note::NoShareLeft);
    } else if reached.is_empty() && asked == Asked::OnThisNode {
        notes.push(Note::NoneOnThisNode);
    }
    let client = followed.client.address;
    if source == Source::Kept && reached.iter().any(|own| own.address == client) {
        notes.push(Note::PicksClient(client));
    }
    notes.extend(here_and_elsewhere(&followed.backends).into_iter().map(Note::LocalAndRemote));
    notes
}

/// The addresses of backends on this node that others elsewhere have too.
fn here_and_elsewhere(backends: &[Backend]) -> BTreeSet<IpAddr> {
    let at = |local: bool| -> BTreeSet<IpAddr> {
        let serving = backends.iter().filter(|backend| backend.fate == Fate::Serves);
        let reached = serving.filter_map(|backend| backend.reached);
        reached.filter(|own| own.local == local).map(|own| own.address).collect()
    };
    &at(true) & &at(false)
}

impl Note {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoEndpoints => "noEndpoints",
            Self::NoShareLeft => "noShareLeft",
            Self::NoneOnThisNode => "noneOnThisNode",
            Self::BeyondBuild(..) => "beyondBuild",
            Self::Ipv6OnOverlay => "ipv6OnOverlay",
            Self::NoDistribution(_) => "noDistribution",
            Self::UseMux => "useMux",
            Self::PreserveDip => "preserveDip",
            Self::PicksClient(_) => "picksClient",
            Self::LocalAndRemote(_) => "localAndRemote",
            Self::UnusableSourceVip(_) => "unusableSourceVip",
            Self::NoSourceVip => "noSourceVip",
            Self::SourceLeftToHns => "sourceLeftToHns",
            Self::NothingAtVip(_) => "nothingAtVip",
            Self::MisleadingAtVip { .. } => "misleadingAtVip",
            Self::UnknownHostMac(_) => "unknownHostMac",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoints => f.write_str("the load balancer names no endpoint"),
            Self::NoShareLeft => f.write_str("no share is left: the packet is lost"),
            Self::NoneOnThisNode => f.write_str(
                "no backend is on this node: there is no rule for such clients, and the packet is \
                 left alone (kubernetes/kubernetes#115344)",
            ),
            Self::BeyondBuild(version, beyond) => write!(
                f,
                "HNS {version} has {beyond}: it refuses to make this load balancer, so what is said \
                 here is of one that took it"
            ),
            Self::Ipv6OnOverlay => f.write_str(
                "overlay networks have no IPv6 (Kubernetes' page on Windows networking): what is \
                 said here is of a network that has",
            ),
            Self::NoDistribution(version) => write!(
                f,
                "HNS {version} does not look at the distribution, which came with 12.0 (hcsshim)"
            ),
            Self::UseMux => f.write_str(
                "UseMux: the packet is taken to come by a load balancer that left its destination \
                 as it was; that alone changes nothing (the published schema calls it not used)",
            ),
            Self::PreserveDip => f.write_str(
                "PreserveDip: the address stays as it was sent, so the backend must have the VIP \
                 (hcsshim), and so does the port (inferred)",
            ),
            Self::PicksClient(client) => write!(
                f,
                "{client} may be picked itself: that share is lost unless its network plug-in has made \
                 the loopback path, `loopbackDSR` (kubernetes-sigs/sig-windows-tools#119, \
                 Azure/AKS#2608)"
            ),
            Self::LocalAndRemote(address) => write!(
                f,
                "a local and a remote endpoint have the address {address}: HNS takes both, and \
                 which of them the address means is not known"
            ),
            Self::UnusableSourceVip(text) => {
                write!(f, "the source VIP {text:?} is no address of the packet's family")
            }
            Self::NoSourceVip => f.write_str(
                "the load balancer has no source VIP: kube-proxy gives one to each on an overlay, \
                 for answers from other nodes come back to it",
            ),
            Self::SourceLeftToHns => f.write_str(
                "the load balancer has no source VIP: newer builds of Windows Server 2019 take the \
                 VIP for it at times, and answers of backends on this node then go in a circle \
                 (kubernetes/community#8890, kubernetes/kubernetes#137455)",
            ),
            Self::NothingAtVip(vip) => write!(
                f,
                "the overlay network has no remote endpoint at {vip}: kube-proxy makes one at \
                 every ClusterIP, with the host's hardware address, so that packets to it are \
                 switched to the host"
            ),
            Self::MisleadingAtVip { vip, endpoint, why } => write!(
                f,
                "remote endpoint {endpoint} is at {vip} and has {why}: kube-proxy gives those at \
                 ClusterIPs the host's hardware address and this node's provider address, so that \
                 packets to them are switched to the host"
            ),
            Self::UnknownHostMac(network) => write!(
                f,
                "the host's hardware address on network {network} is not known: those of its \
                 endpoints are not judged"
            ),
        }
    }
}
