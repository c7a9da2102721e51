//! From views and a state of HNS to operations, and those into the emulator.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fmt::Write as _;
use std::time::Duration;

use switchyard_hcn::{Guid, LoadBalancer};
use switchyard_hcn_emulator::{Emulator, State};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;
use switchyard_winkernel::{
    Ledger, LoadBalancerKey, MemoryLedger, Reconciler, ReconcilerSettings, Subject,
    load_balancer_id, observe, plan, run,
};

mod bridged;
mod overlay;

const NODE: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.1.0/24, 'fd00:1:1::/64']},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}, {type: InternalIP, address: '2001:db8::11'}]}}
";

/// A Service; `spec` is added to its spec.
fn service(name: &str, ip: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, \
         spec: {{clusterIP: '{ip}', ports: [{{port: 80, nodePort: 30080}}], {spec}}}}}\n"
    )
}

/// A slice with `port`; endpoints are addresses, those inside 10.1.1.0/24 and fd00:1:1:: on this node.
fn slice(service: &str, port: u16, addresses: &[&str]) -> String {
    let family = if addresses.iter().all(|text| text.contains('.')) { "IPv4" } else { "IPv6" };
    let mut endpoints = String::new();
    for address in addresses {
        let local = address.starts_with("10.1.1.") || address.starts_with("fd00:1:1:");
        let node = if local { "n1" } else { "n2" };
        write!(endpoints, "{{addresses: ['{address}'], nodeName: {node}}}, ").unwrap();
    }
    format!(
        "---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: {family}, \
         metadata: {{name: {service}-{port}, namespace: shop, labels: {{kubernetes.io/service-name: {service}}}}}, \
         ports: [{{name: '', port: {port}}}], endpoints: [{endpoints}]}}\n"
    )
}

struct Node {
    stream: Stream,
    emulator: Emulator,
    settings: ReconcilerSettings,
}

impl Node {
    /// The node of `manifests` on an HNS that holds `local` endpoints.
    fn new(manifests: &str, local: &[&str]) -> Self {
        let id: Guid = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        let endpoints: Vec<_> = local
            .iter()
            .enumerate()
            .map(|(index, address)| {
                format!(
                    r#"{{"ID":"00000000-0000-0000-0001-{index:012}","HostComputeNetwork":"{id}","IpConfigurations":[{{"IpAddress":"{address}"}}]}}"#
                )
            })
            .collect();
        let network = format!(r#"{{"ID":"{id}","Name":"cbr0","Type":"L2Bridge"}}"#);
        Self::on("15.5", &network, &endpoints.join(","), manifests)
    }

    /// The node of `manifests` on an HNS of `version` that holds `network` and `endpoints`.
    fn on(version: &str, network: &str, endpoints: &str, manifests: &str) -> Self {
        let state = format!(r#"{{"networks":[{network}],"endpoints":[{endpoints}]}}"#);
        let mut state = State::from_json(&state).unwrap();
        state.version = version.parse().unwrap();
        let mut node = Self {
            stream: Stream::new("n1".into(), Default::default()),
            emulator: Emulator::new(state),
            settings: ReconcilerSettings::default(),
        };
        node.see(manifests);
        node
    }

    /// Exactly these manifests from now on.
    fn see(&mut self, manifests: &str) {
        let mut read = Manifests::default();
        read.add("test", format!("{NODE}{manifests}").as_bytes());
        assert_eq!(read.refused(), []);
        let events = self.stream.cluster().events_towards(read.into_events());
        self.stream.apply(events);
    }

    fn reconciler(&self) -> Reconciler {
        let mut reconciler = Reconciler::new(self.settings.clone(), Ledger::default());
        reconciler.view(self.stream.snapshot(), Duration::ZERO);
        let mut ledger = MemoryLedger::default();
        observe(&mut reconciler, &self.emulator, &mut ledger, Duration::ZERO);
        reconciler
    }

    /// The plan in short lines: seq, verb, reason, what, and what it waits for.
    fn plan(&self) -> Vec<String> {
        let line = |step: &switchyard_winkernel::Step| {
            let what = match &step.operation.subject {
                Subject::Endpoint { key, .. } => key.address.to_string(),
                Subject::LoadBalancer { key, .. } => {
                    key.map_or_else(String::new, |key| key.to_string())
                }
            };
            let (verb, reason) = (step.operation.verb.as_str(), step.operation.reason.as_str());
            format!("{} {verb} {reason} {what} {:?}", step.seq, step.after)
        };
        plan(&self.reconciler()).iter().map(line).collect()
    }

    /// Makes it so, and proves that nothing is left to do.
    fn converge(&self) {
        let mut reconciler = self.reconciler();
        run(&mut reconciler, &self.emulator, &mut MemoryLedger::default(), Duration::ZERO);
        assert_eq!(reconciler.standing().delays, Default::default());
        assert_eq!(self.plan(), [""; 0]);
    }

    fn load_balancer(&self, vip: Option<&str>, port: u16) -> LoadBalancer {
        self.emulator.state().load_balancer(id_of(vip, port, 0)).unwrap().clone()
    }

    /// Puts a load balancer into HNS as somebody else would.
    fn put(&self, id: Guid, change: impl FnOnce(&mut LoadBalancer)) -> Self {
        let mut state = self.emulator.state();
        let mut document = LoadBalancer { id: Some(id), ..LoadBalancer::default() };
        change(&mut document);
        state.insert_load_balancer(id, document);
        Self {
            stream: self.stream.clone(),
            emulator: Emulator::new(state),
            settings: self.settings.clone(),
        }
    }
}

fn id_of(vip: Option<&str>, port: u16, generation: u8) -> Guid {
    let vip = vip.map(|text| text.parse().unwrap());
    let family = vip.map_or(switchyard_model::Family::IPv4, switchyard_model::Family::of);
    let protocol = switchyard_model::Protocol::Tcp;
    load_balancer_id(&LoadBalancerKey { family, vip, port, protocol }, generation)
}

fn web(addresses: &[&str]) -> String {
    service("web", "172.20.0.10", "") + &slice("web", 8080, addresses)
}
