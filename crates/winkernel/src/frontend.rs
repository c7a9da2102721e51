//! What a frontend becomes in HNS, whose load balancers know neither kinds of clients nor policies.

use std::borrow::Cow;

use switchyard_hcn::PortMappingFlags;
use switchyard_model::{Backend, BackendSet, Frontend, FrontendKind, ServicePortView};

use crate::network::WindowsNetwork;

/// Whether the destination is left as it is (`preserve-destination`): at load-balancer addresses, where HNS has direct
/// server return.
pub(crate) fn preserves_destination(
    view: &ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> bool {
    frontend.kind == FrontendKind::LoadBalancerIP && is_preserving(view, frontend, network)
}

/// Whether `preserve-destination` leaves a frontend the backends on this node alone: load-balancer addresses and node ports.
pub(crate) fn is_preserving(
    view: &ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> bool {
    view.preserve_destination
        && network.has_dsr()
        && matches!(frontend.kind, FrontendKind::NodePort | FrontendKind::LoadBalancerIP)
}

/// The one set of backends that a frontend's load balancer has: HNS cannot tell classes of clients apart. A ClusterIP is for
/// internal clients, the others for external ones; with `preserve-destination` node ports and load-balancer addresses have
/// those on this node.
pub(crate) fn planned_backends<'a>(
    view: &'a ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> Cow<'a, [Backend]> {
    let set = match frontend.kind {
        FrontendKind::ClusterIP => frontend.internal.set,
        FrontendKind::NodePort | FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => {
            frontend.external.set
        }
    };
    let backends = view.backends(set);
    if set == BackendSet::Cluster && is_preserving(view, frontend, network) {
        backends.iter().filter(|backend| backend.local).copied().collect()
    } else {
        Cow::Borrowed(backends)
    }
}

/// Whether a frontend's load balancer uses direct server return: ClusterIPs by the node's setting, the others to keep
/// external clients' addresses under the policy Local or with `preserve-destination`.
pub(crate) fn planned_dsr(
    view: &ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> bool {
    match frontend.kind {
        FrontendKind::ClusterIP => network.cluster_ip_dsr(),
        FrontendKind::NodePort | FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => {
            let local = frontend.external.set == BackendSet::Local && network.has_dsr();
            local || preserves_destination(view, frontend, network)
        }
    }
}

/// The flags of the port mapping, those that kube-proxy gives each kind of frontend (`pkg/proxy/winkernel/proxier.go`).
pub(crate) fn planned_flags(
    view: &ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> PortMappingFlags {
    let external = PortMappingFlags::VIP_EXTERNAL_IP;
    match frontend.kind {
        FrontendKind::ClusterIP => PortMappingFlags::NONE,
        FrontendKind::NodePort => PortMappingFlags::LOCAL_ROUTED_VIP | external,
        FrontendKind::LoadBalancerIP if preserves_destination(view, frontend, network) => {
            PortMappingFlags::USE_MUX | PortMappingFlags::PRESERVE_DIP | external
        }
        FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => external,
    }
}
