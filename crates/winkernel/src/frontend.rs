//! What a frontend becomes in HNS, whose load balancers know neither kinds of clients nor policies.

use switchyard_model::{BackendSet, Frontend, FrontendKind};

use crate::network::WindowsNetwork;

/// The one set that a frontend's load balancer has: HNS cannot tell classes of clients apart. A ClusterIP is for internal
/// clients, the others for external ones.
pub(crate) fn planned_set(frontend: &Frontend) -> BackendSet {
    match frontend.kind {
        FrontendKind::ClusterIP => frontend.internal.set,
        FrontendKind::NodePort | FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => {
            frontend.external.set
        }
    }
}

/// Whether a frontend's load balancer uses direct server return: ClusterIPs by the node's setting, the others to keep
/// external clients' addresses under the policy Local.
pub(crate) fn planned_dsr(frontend: &Frontend, network: &WindowsNetwork) -> bool {
    match frontend.kind {
        FrontendKind::ClusterIP => network.cluster_ip_dsr(),
        FrontendKind::NodePort | FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => {
            frontend.external.set == BackendSet::Local && network.has_dsr()
        }
    }
}
