//! What of a `KubeProxyConfiguration` decides policy, and what the Windows backend needs of it.

use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_model::{
    DetectLocalMode, NodePortAddress, NodePortAddresses, PodDetection, Settings, parse_address,
};

use super::kube_proxy::Said;
use super::leaves::{Leaves, Trouble};
use super::{WindowsConfiguration, range};

/// Reads policy into `settings`.
pub(super) fn read(
    leaves: &Leaves,
    settings: &mut Settings,
) -> Result<WindowsConfiguration, Trouble> {
    let said = Said(leaves);
    settings.node_port_addresses = node_port_addresses(&said)?;
    settings.pods = PodDetection { cluster_ranges: cluster_ranges(&said)?, mode: mode(&said)? };
    settings.masquerade_all =
        ["iptables.masqueradeAll", "nftables.masqueradeAll"].iter().any(|path| said.is_true(path));
    Ok(WindowsConfiguration {
        network_name: said.text("winkernel.networkName"),
        source_vip: source_vip(&said)?,
        enable_dsr: said.bool("winkernel.enableDSR"),
        root_endpoint_name: said.text("winkernel.rootHnsEndpointName"),
        forward_health_check_vip: said.is_true("winkernel.forwardHealthCheckVip"),
    })
}

fn node_port_addresses(said: &Said<'_>) -> Result<NodePortAddresses, Trouble> {
    let path = "nodePortAddresses";
    let address = |(index, text): (usize, &String)| match text.as_str() {
        "primary" => Ok(NodePortAddress::Primary),
        text => {
            let within = range(text, "").map(NodePortAddress::Within);
            within.map_err(|(_, reason)| Trouble {
                path: format!("{path}[{index}]"),
                ..said.trouble(path, reason)
            })
        }
    };
    let texts = said.texts(path);
    let addresses: Vec<_> = texts.iter().enumerate().map(address).collect::<Result<_, _>>()?;
    Ok(NodePortAddresses::new(addresses))
}

/// One range, or one of each family: what kube-proxy takes.
fn cluster_ranges(said: &Said<'_>) -> Result<Box<[IpNet]>, Trouble> {
    let path = "clusterCIDR";
    let text = said.text(path).unwrap_or_default();
    let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    let ranges = texts.map(|text| range(text, path)).collect::<Result<Box<[_]>, _>>();
    let ranges = ranges.map_err(|(_, reason)| said.trouble(path, reason))?;
    let is_v4 = |range: &IpNet| matches!(range, IpNet::V4(_));
    match &*ranges {
        [] | [_] => Ok(ranges),
        [one, other] if is_v4(one) != is_v4(other) => Ok(ranges),
        _ => Err(said.trouble(path, format!("{text:?}: must be one range, or one of each family"))),
    }
}

fn mode(said: &Said<'_>) -> Result<DetectLocalMode, Trouble> {
    let path = "detectLocalMode";
    match said.text(path).as_deref() {
        None => Ok(DetectLocalMode::Unset),
        Some("ClusterCIDR") => Ok(DetectLocalMode::ClusterCidr),
        Some("NodeCIDR" | "BridgeInterface" | "InterfaceNamePrefix") => {
            Ok(DetectLocalMode::NodeLocal)
        }
        Some(other) => {
            let why = "must be ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix";
            Err(said.trouble(path, format!("{other:?}: {why}")))
        }
    }
}

fn source_vip(said: &Said<'_>) -> Result<Option<IpAddr>, Trouble> {
    let path = "winkernel.sourceVip";
    let text = said.text(path);
    let parsed = text.as_deref().map(parse_address).transpose();
    parsed.map_err(|trouble| {
        said.trouble(path, format!("{:?}: {trouble}", text.as_deref().unwrap_or_default()))
    })
}
