//! Load balancers of kube-proxy that hold wanted frontends, left alone or taken over.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use switchyard_hcn_emulator::{Emulator, State};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;
use switchyard_winkernel::{
    Ledger, MemoryLedger, OWNER, Reconciler, ReconcilerSettings, Takeover, run,
};

const MANIFESTS: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24]},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 172.20.0.10, ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}},
 ports: [{name: '', port: 8080}], endpoints: [{addresses: [10.1.2.21], nodeName: n2}]}
";

/// A load balancer for another port of the backend than is wanted, as kube-proxy would have left it.
const STATE: &str = r#"{
  "networks": [{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge"}],
  "endpoints": [{"ID":"00000000-0000-0000-0000-000000000011","Name":"Ethernet","Flags":1,"MacAddress":"02-11-0A-01-02-15",
    "HostComputeNetwork":"00000000-0000-0000-0000-000000000001","IpConfigurations":[{"IpAddress":"10.1.2.21"}]}],
  "loadBalancers": [{"ID":"00000000-0000-0000-0000-000000000021","FrontendVIPs":["172.20.0.10"],MORE
    "HostComputeEndpoints":["00000000-0000-0000-0000-000000000011"],"Flags":2,
    "PortMappings":[{"Protocol":6,"InternalPort":9999,"ExternalPort":80}]}]}"#;

/// Whether the frontend is ours afterwards, where the other's load balancer has `more` members.
fn check(takeover: Takeover, more: &str, ours: bool) {
    let mut manifests = Manifests::default();
    manifests.add("test", MANIFESTS.as_bytes());
    assert_eq!(manifests.refused(), []);
    let mut stream = Stream::new("n1".into(), Default::default());
    stream.apply(manifests.into_events());
    let hns = Emulator::new(State::from_json(&STATE.replace("MORE", more)).unwrap());
    let settings = ReconcilerSettings { takeover, ..ReconcilerSettings::default() };
    let mut reconciler = Reconciler::new(settings, Ledger::default());
    reconciler.view(stream.snapshot(), Duration::ZERO);
    run(&mut reconciler, &hns, &mut MemoryLedger::default(), Duration::ZERO);
    let owners: Vec<_> =
        hns.state().load_balancers().map(|(_, found)| found.owner.clone()).collect();
    let expected = if more.contains("Owner") { "other" } else { "" };
    assert_eq!(owners, [if ours { OWNER } else { expected }], "{takeover:?} {more}");
    assert_eq!(reconciler.foreign().iter().any(|foreign| !foreign.used), !ours);
    assert_eq!(reconciler.held_by_others().len(), usize::from(!ours));
}

#[test]
fn only_what_looks_like_kube_proxy_is_taken_and_only_when_asked() {
    check(Takeover::None, "", false);
    check(Takeover::KubeProxy, "", true);
    check(Takeover::KubeProxy, r#""Owner":"other","#, false);
}
