//! One Windows node that follows the API server.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use switchyard_kube_fake::ApiServer;
use switchyard_model::{ClusterEvent, Name};
use switchyard_source::api::{Api, Clock, Shared, Update};
use switchyard_source::{Configuration, Refusal};
use tokio::sync::Notify;

use super::super::describe;
use super::super::node::WindowsNode;
use super::Rim;
use crate::failure::Failure;

/// How long the first state may take, from a server in the same process.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most refusals that are told.
const MOST_REFUSALS: usize = 20;

/// A Windows node, and what there is to tell it.
pub(super) struct FollowedNode {
    node: WindowsNode,
    shared: Arc<Shared>,
    /// What was refused when it was told last.
    refused: BTreeSet<Refusal>,
}

impl FollowedNode {
    /// Begins to follow the server, waits until all is known, and brings an empty HNS to what the node needs. `rung` rings when
    /// there is something to take. Of `events` the node takes the pods and the other nodes.
    pub(super) fn start(
        rim: &Rim,
        (server, rung): (&ApiServer, &Arc<Notify>),
        (name, events): (&Name, &[ClusterEvent]),
        configuration: &Configuration,
        notices: &mut dyn Write,
    ) -> Result<Self, Failure> {
        let shared = follow(rim, server, name, rung);
        let first = rim.block_on(async {
            let first = async {
                loop {
                    if let Some(update) = shared.take() {
                        return update;
                    }
                    rung.notified().await;
                }
            };
            tokio::time::timeout(PATIENCE, first).await
        });
        let Ok(first) = first else {
            return Err(anyhow!("{name}: the demo's own API server told nothing in time").into());
        };
        let beside = |event: &&ClusterEvent| match event {
            ClusterEvent::Node(node) => node.name != *name,
            ClusterEvent::Pod(_) => true,
            _ => false,
        };
        let known = events.iter().filter(beside).cloned().chain(first.events).collect();
        let node = WindowsNode::start(name, known, configuration, notices)?;
        let refused = shared.refused(MOST_REFUSALS).1.into_iter().collect();
        Ok(Self { node, shared, refused })
    }

    pub(super) fn node(&self) -> &WindowsNode {
        &self.node
    }

    /// Tells the node what is new, and prints what changed for it and what that cost.
    pub(super) fn take(
        &mut self,
        out: &mut dyn Write,
        notices: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Some(Update { events, .. }) = self.shared.take() else { return Ok(()) };
        self.print_refusals(out)?;
        let what: Vec<_> = events.iter().map(said).collect();
        let before = self.node.load_balancers();
        let calls = self.node.apply(events, notices)?;
        let after = self.node.load_balancers();
        writeln!(out, "{}: {}: {}", self.node.name(), what.join(", "), describe(&calls))?;
        for (frontend, was) in &before {
            let is = after.get(frontend);
            if is != Some(was) {
                writeln!(out, "  - {frontend}: {was}")?;
            }
            if let Some(is) = is.filter(|is| *is != was) {
                writeln!(out, "  + {frontend}: {is}")?;
            }
        }
        for (frontend, is) in after.iter().filter(|(frontend, _)| !before.contains_key(*frontend)) {
            writeln!(out, "  + {frontend}: {is}")?;
        }
        Ok(())
    }

    /// Prints what is refused and was not before.
    fn print_refusals(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        let now: BTreeSet<_> = self.shared.refused(MOST_REFUSALS).1.into_iter().collect();
        for refusal in now.difference(&self.refused) {
            writeln!(out, "{}: refused: {refusal}", self.node.name())?;
        }
        self.refused = now;
        Ok(())
    }
}

/// Has the server followed for the node called `name`.
fn follow(rim: &Rim, server: &ApiServer, name: &Name, rung: &Arc<Notify>) -> Arc<Shared> {
    // A client begins a task of its own.
    let _guard = rim.runtime.enter();
    let begun = tokio::time::Instant::now();
    let clock: Clock = Arc::new(move || begun.elapsed());
    let bell = Arc::clone(rung);
    let shared = Arc::new(Shared::new(clock, Arc::new(move || bell.notify_one())));
    let client = kube::Client::new(server.clone(), "default");
    let seed = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, name.as_bytes()).as_u64_pair().0;
    let api = Api { clients: client.into(), node: name.to_string(), seed };
    let followed = Arc::clone(&shared);
    rim.tasks.spawn_local(async move { api.follow(&followed).await });
    shared
}

/// What an event says, in a few words.
fn said(event: &ClusterEvent) -> String {
    match event {
        ClusterEvent::Service(service) => format!("Service {}", service.key),
        ClusterEvent::ServiceGone(key) => format!("Service {key} gone"),
        ClusterEvent::Slice(slice) => format!("EndpointSlice {}", slice.key),
        ClusterEvent::SliceGone(key) => format!("EndpointSlice {key} gone"),
        ClusterEvent::Node(node) => format!("Node {}", node.name),
        ClusterEvent::NodeGone(name) => format!("Node {name} gone"),
        ClusterEvent::Pod(pod) => format!("Pod {}", pod.key),
        ClusterEvent::PodGone(key) => format!("Pod {key} gone"),
    }
}
