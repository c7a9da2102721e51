//! The stream of one node's views out of the events of a cluster.

use switchyard_model::{Cluster, ClusterEvent, Name, Settings, Touched, ViewEvent};

use crate::view::NodeView;

/// A cluster and one node's views of it: events in, the ViewStream out.
#[derive(Debug, Clone)]
pub struct Stream {
    cluster: Cluster,
    view: NodeView,
    revision: u64,
}

impl Stream {
    /// The stream of the node called `node`, before anything is known of the cluster.
    #[must_use]
    pub fn new(node: Name, settings: Settings) -> Self {
        Self { cluster: Cluster::default(), view: NodeView::new(node, settings), revision: 0 }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The node's views of it.
    #[must_use]
    pub fn view(&self) -> &NodeView {
        &self.view
    }

    /// How many batches had an effect for this node.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Applies one batch. What comes out is the batch's whole effect, ended by `Synced`; nothing comes out where nothing
    /// changed for this node.
    pub fn apply(&mut self, batch: impl IntoIterator<Item = ClusterEvent>) -> Vec<ViewEvent> {
        let mut touched = Touched::default();
        for event in batch {
            self.cluster.apply(event, &mut touched);
        }
        let mut events = self.view.apply(&self.cluster, &touched);
        if !events.is_empty() {
            self.revision += 1;
            events.push(ViewEvent::Synced { revision: self.revision });
        }
        events
    }

    /// Has other settings count from now on. What comes out is the whole present state, in which a backend finds what differs.
    pub fn set_settings(&mut self, settings: Settings) -> Vec<ViewEvent> {
        let node = self.view.node().name.clone();
        let services = self.cluster.services().map(|service| (service.key.clone(), None));
        let touched =
            Touched { services: services.collect(), nodes: [node.clone()].into_iter().collect() };
        self.view = NodeView::new(node, settings);
        self.view.apply(&self.cluster, &touched);
        self.revision += 1;
        self.snapshot()
    }

    /// The whole present state, for a backend that knows nothing yet or has lost what it knew.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ViewEvent> {
        let mut events = vec![ViewEvent::Reset, ViewEvent::Node(self.view.node().clone())];
        events.extend(self.view.views().cloned().map(ViewEvent::Upsert));
        events.push(ViewEvent::Synced { revision: self.revision });
        events
    }
}

#[cfg(test)]
mod tests {
    use switchyard_model::{ClusterEvent, NodePortAddress, NodePortAddresses};

    use super::*;

    fn node() -> ClusterEvent {
        let address = "192.0.2.11".parse().unwrap();
        let kind = switchyard_model::NodeAddressKind::Internal;
        ClusterEvent::Node(switchyard_model::Node {
            name: "n1".into(),
            addresses: Box::new([switchyard_model::NodeAddress { kind, address }]),
            pod_ranges: Box::default(),
            zone: None,
            operating_system: None,
            leaving: None,
        })
    }

    #[test]
    fn other_settings_make_the_stream_that_would_have_been_with_them() {
        let addresses = NodePortAddresses::new(vec![NodePortAddress::Primary]);
        let other = Settings { node_port_addresses: addresses, ..Settings::default() };
        let mut changed = Stream::new("n1".into(), Settings::default());
        changed.apply([node()]);
        let out = changed.set_settings(other.clone());
        assert_eq!(out.first(), Some(&ViewEvent::Reset));
        let mut fresh = Stream::new("n1".into(), other);
        fresh.apply([node()]);
        let facts = |stream: &Stream| stream.view().node().clone();
        assert_eq!(facts(&changed), facts(&fresh));
        assert_eq!(changed.snapshot()[..2], fresh.snapshot()[..2]);
        assert_eq!(changed.revision(), fresh.revision() + 1);
    }
}
