//! One Windows node of the demo: its views, its emulated HNS, and the reconciler between the two.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use switchyard_hcn::{Endpoint, LoadBalancerFlags};
use switchyard_hcn_emulator::Calls;
use switchyard_model::{ClusterEvent, Frontend, Name, ServicePortView};
use switchyard_nodeview::Stream;
use switchyard_source::Configuration;
use switchyard_winkernel::{LoadBalancerKey, Reconciler, load_balancer_id};

use super::pods::Pods;
use super::trouble::Moment;
use super::{describe, heading};
use crate::arguments::WindowsArguments;
use crate::failure::Failure;
use crate::network::Hns;
use crate::print::table;
use crate::windows::{reconciler, run};

/// A Windows node.
pub(super) struct WindowsNode {
    pub(super) stream: Stream,
    pub(super) hns: Hns,
    pub(super) reconciler: Reconciler,
    cold: Calls,
}

impl WindowsNode {
    /// Brings an empty HNS to what the node needs.
    pub(super) fn start(
        name: &Name,
        events: Vec<ClusterEvent>,
        configuration: &Configuration,
        notices: &mut dyn Write,
    ) -> Result<Self, Failure> {
        let mut stream = Stream::new(name.clone(), configuration.settings.clone());
        stream.apply(events);
        let hns = Hns::new(&WindowsArguments::default(), &configuration.windows, &stream)?;
        let mut reconciler = reconciler(&hns, &stream)?;
        run(&hns, &mut reconciler, Duration::ZERO, notices)?;
        let cold = hns.emulator.take_calls();
        Ok(Self { stream, hns, reconciler, cold })
    }

    pub(super) fn name(&self) -> &Name {
        &self.stream.view().node().name
    }

    /// As [`Self::apply`]; what the node saw is added to `moments`.
    pub(super) fn witness(
        &mut self,
        batch: Vec<ClusterEvent>,
        moments: &mut Vec<Moment>,
        notices: &mut dyn Write,
    ) -> Result<Calls, Failure> {
        let events = self.stream.clone().apply(batch.clone());
        let reconciler = self.reconciler.clone();
        // The CNI is done before the proxy hears of a pod, as in `apply`.
        let mut before = self.hns.emulator.state();
        let calls = self.apply(batch, notices)?;
        let after = self.hns.emulator.state();
        for (id, endpoint) in after.endpoints().filter(|(_, endpoint)| !endpoint.is_remote()) {
            before.insert_endpoint(id, endpoint.clone());
        }
        if !events.is_empty() {
            moments.push(Moment { before, after, reconciler, events });
        }
        Ok(calls)
    }

    /// Applies a batch and leads HNS to what the node needs then. Returns the calls it cost.
    pub(super) fn apply(
        &mut self,
        batch: Vec<ClusterEvent>,
        notices: &mut dyn Write,
    ) -> Result<Calls, Failure> {
        let changes = self.stream.apply(batch);
        if changes.is_empty() {
            return Ok(self.hns.emulator.take_calls());
        }
        self.hns.add_pod_endpoints(&self.stream);
        self.reconciler.view(changes, Duration::ZERO);
        run(&self.hns, &mut self.reconciler, Duration::ZERO, notices)?;
        Ok(self.hns.emulator.take_calls())
    }

    /// Leads the node to exactly the cluster that `events` make.
    pub(super) fn lead_to(
        &mut self,
        events: &[ClusterEvent],
        notices: &mut dyn Write,
    ) -> Result<Calls, Failure> {
        let batch = self.stream.cluster().events_towards(events.to_vec());
        self.apply(batch, notices)
    }

    /// The load balancers with the names of their Services and pods.
    pub(super) fn print_load_balancers(&self, out: &mut dyn Write) -> Result<(), Failure> {
        heading(&format!("Load balancers on {}", self.name()), out)?;
        writeln!(out, "from an empty HNS: {}\n", describe(&self.cold))?;
        let mut load_balancers = table(["FRONTEND", "SERVICE", "BACKENDS", "HOW"]);
        for row in self.rows() {
            load_balancers.add_row([row.frontend, row.service, row.backends.join("\n"), row.how]);
        }
        Ok(writeln!(out, "{}", load_balancers.trim_fmt())?)
    }

    /// Each load balancer: its frontend and Service, and where it leads.
    pub(super) fn load_balancers(&self) -> BTreeMap<String, String> {
        let line = |row: Row| {
            let backends = row.backends.join(", ");
            (format!("{} {}", row.frontend, row.service), format!("{backends} ({})", row.how))
        };
        self.rows().into_iter().map(line).collect()
    }

    /// The load balancers that HNS holds, in the order of the views.
    fn rows(&self) -> Vec<Row> {
        let pods = Pods::of(self.stream.cluster());
        let state = self.hns.emulator.state();
        let mut rows = Vec::new();
        for view in self.stream.view().views() {
            for frontend in &view.frontends {
                let id = load_balancer_id(&LoadBalancerKey::of(view, frontend), 0);
                let Some(document) = state.load_balancer(id) else { continue };
                let backends = document
                    .host_compute_endpoints
                    .iter()
                    .filter_map(|id| state.endpoint(*id))
                    .flat_map(Endpoint::addresses)
                    .map(|address| pods.name(address))
                    .collect();
                rows.push(Row {
                    frontend: frontend_name(view, frontend),
                    service: format!("{}:{}", view.key.service, view.key.port),
                    backends,
                    how: how(document),
                });
            }
        }
        rows
    }
}

/// A load balancer in a few words.
struct Row {
    frontend: String,
    service: String,
    backends: Vec<String>,
    how: String,
}

/// A frontend in a few words.
pub(super) fn frontend_name(view: &ServicePortView, frontend: &Frontend) -> String {
    let address = crate::answer::text(frontend.address).unwrap_or_else(|| "*".to_owned());
    format!("{} {address} {}/{}", frontend.kind, frontend.port, view.key.protocol)
}

fn how(document: &switchyard_hcn::LoadBalancer) -> String {
    let mut words = Vec::new();
    if document.flags.contains(LoadBalancerFlags::DSR) {
        words.push("DSR");
    }
    let sticky = |mapping: &switchyard_hcn::PortMapping| {
        mapping.distribution_type != switchyard_hcn::Distribution::default()
    };
    if document.port_mappings.iter().any(sticky) {
        words.push("affinity");
    }
    let ports: Vec<_> =
        document.port_mappings.iter().map(|mapping| mapping.internal_port.to_string()).collect();
    let port = format!("to port {}", ports.join(" "));
    words.push(&port);
    words.join(", ")
}
