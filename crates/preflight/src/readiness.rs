//! Whether HNS is what a proxy needs.

use switchyard_hcn::{Feature, Network, NetworkType};

use crate::bench::Bench;
use crate::report::{Check, ProbeRow, Readiness};

/// What a proxy must have, or does better with.
pub(crate) fn readiness(bench: &Bench<'_>, probes: &[ProbeRow]) -> Readiness {
    let mut checks = vec![version(bench), api(bench), functions(probes), network(bench)];
    if bench.network.as_ref().is_some_and(is_overlay) {
        checks.push(overlay_routes(bench));
        checks.push(management_address(probes));
    }
    checks.push(direct_server_return(bench));
    checks.push(modify(bench, probes));
    checks.push(other_proxy(probes));
    let is_ready = checks.iter().all(|check| check.passed || !check.is_required);
    Readiness { is_ready, checks }
}

fn answer<'a>(probes: &'a [ProbeRow], id: &str) -> Option<&'a str> {
    probes.iter().find(|row| row.id == id)?.answer.as_deref()
}

fn is_overlay(network: &Network) -> bool {
    network.network_type == NetworkType::Overlay
}

/// The advice is given where the check did not pass.
fn check(
    id: &'static str,
    is_required: bool,
    passed: bool,
    detail: String,
    advice: &'static str,
) -> Check {
    Check { id, is_required, passed, detail, advice: (!passed).then_some(advice) }
}

fn version(bench: &Bench<'_>) -> Check {
    let detail = bench.version.map_or_else(
        || "HNS did not tell its version".to_owned(),
        |version| format!("HNS {version}"),
    );
    let advice = "Look whether the service hns runs (sc query hns); where there is none, enable the \
                  Windows feature Containers. Run it as an administrator, or in a HostProcess container.";
    check("hns-answers", true, bench.version.is_some(), detail, advice)
}

fn api(bench: &Bench<'_>) -> Check {
    let passed = bench.has(Feature::ApiV2);
    let detail = if passed { "the HCN API is there" } else { "the HCN API came with HNS 9.2" };
    let advice = "Use Windows Server 2019 with its updates, or later.";
    check("hcn-api", true, passed, detail.to_owned(), advice)
}

fn functions(probes: &[ProbeRow]) -> Check {
    let found = answer(probes, "functions");
    let detail = found.map_or_else(|| "it could not be told".to_owned(), str::to_owned);
    let advice = "Install the updates of this Windows; the probe functions in the report names what is missing.";
    check("functions", true, found == Some("all"), detail, advice)
}

fn network(bench: &Bench<'_>) -> Check {
    let detail = match &bench.network {
        Some(network) => format!("{} ({})", network.name, network.network_type),
        None => "no network of type L2Bridge or Overlay, or several".to_owned(),
    };
    let advice = "Start the CNI, which makes the network (flannel, Calico, win-overlay, win-bridge, \
                  Azure CNI); where there are several, name one with --network-name.";
    check("network", true, bench.network.is_some(), detail, advice)
}

fn overlay_routes(bench: &Bench<'_>) -> Check {
    let passed = bench.has(Feature::RemoteSubnet);
    let detail = if passed { "there" } else { "they came with HNS 9.2" };
    let advice = "Use an L2Bridge network on this Windows.";
    check("remote-subnets", true, passed, detail.to_owned(), advice)
}

fn management_address(probes: &[ProbeRow]) -> Check {
    let found = answer(probes, "management-address");
    let detail = found.map_or_else(|| "the network has none".to_owned(), str::to_owned);
    let advice = "Make the network anew: an overlay needs the node's address.";
    check("management-address", true, found.is_some(), detail, advice)
}

fn direct_server_return(bench: &Bench<'_>) -> Check {
    let passed = bench.has(Feature::DirectServerReturn);
    let detail = if passed { "there" } else { "it came with HNS 9.3 and 10.2" };
    let advice =
        "Run the proxy with --enable-dsr=false: load balancers then take ports of the node.";
    check("direct-server-return", false, passed, detail.to_owned(), advice)
}

/// What was seen counts before what the version promises.
fn modify(bench: &Bench<'_>, probes: &[ProbeRow]) -> Check {
    let promised = bench.has(Feature::ModifyLoadBalancer);
    let (passed, detail) = match (answer(probes, "modify"), promised) {
        (Some("yes"), _) => (true, "seen to work".to_owned()),
        (Some(word), _) => (false, format!("seen not to work: {word}")),
        (None, true) => (true, "its version should have it; --full tells".to_owned()),
        (None, false) => (false, "it came with HNS 15.5".to_owned()),
    };
    let advice = "Nothing needs to be done: load balancers are then replaced when backends change, which \
                  breaks their connections for a moment.";
    check("modify-load-balancer", false, passed, detail, advice)
}

fn other_proxy(probes: &[ProbeRow]) -> Check {
    let found = answer(probes, "owners");
    let has_kube_proxy =
        found.is_some_and(|word| word.contains("kube-proxy") && !word.contains("neither"));
    let detail = found.map_or_else(|| "it could not be told".to_owned(), str::to_owned);
    let advice = "Stop kube-proxy before Switchyard runs, and remove what it left with switchyard cleanup \
                  --owner kube-proxy, or let Switchyard replace it with --takeover=kube-proxy.";
    check("no-other-proxy", false, found.is_some() && !has_kube_proxy, detail, advice)
}
