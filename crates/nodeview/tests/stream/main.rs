//! The stream of one node's views: events built from manifests in, view events out.

mod backends;
mod changes;
mod conflicts;
mod lifecycle;
mod node;
mod policy;
mod property;
mod sharing;

use std::collections::BTreeMap;
use std::sync::Arc;

use switchyard_model::{
    BackendSet, ClusterEvent, Name, ObjectKey, ServicePortView, Serving, Settings, SourceRule,
    ViewEvent, ViewKey, WhenEmpty,
};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;

/// The node under test and two others, as the facts have them.
pub(crate) const NODES: &str = "
{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/zone: z1}},
 spec: {podCIDRs: [10.1.1.0/24, 'fd00:1:1::/64']},
 status: {addresses: [{type: InternalIP, address: 192.0.2.11}, {type: InternalIP, address: '2001:db8::11'}]}}
--- {apiVersion: v1, kind: Node, metadata: {name: n2, labels: {topology.kubernetes.io/zone: z2}},
 spec: {podCIDRs: [10.1.2.0/24]}, status: {addresses: [{type: InternalIP, address: 192.0.2.12}]}}
";

/// A Service called shop/web at 172.20.0.10, port 80.
pub(crate) const WEB: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z},
 spec: {clusterIP: 172.20.0.10, ports: [{name: http, port: 80}]}}
";

/// Its slice: one endpoint on n1, one on n2.
pub(crate) const SLICE: &str = "
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
 metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}},
 ports: [{name: http, port: 8080}],
 endpoints: [{addresses: [10.1.1.21], nodeName: n1}, {addresses: [10.1.2.21], nodeName: n2}]}
";

/// The events of some documents, none of which may be refused.
pub(crate) fn events(text: &str) -> Vec<ClusterEvent> {
    let mut manifests = Manifests::default();
    manifests.add("test.yaml", text.as_bytes());
    assert!(manifests.refused().is_empty(), "{:?}", manifests.refused());
    manifests.into_events()
}

/// The event that takes an object away: `Service shop/web`, `Slice shop/web-1`, `Node n1`.
pub(crate) fn gone(object: &str) -> ClusterEvent {
    let (kind, name) = object.split_once(' ').expect("KIND NAME");
    let key = || {
        let (namespace, name) = name.split_once('/').expect("NAMESPACE/NAME");
        ObjectKey::new(namespace, name)
    };
    match kind {
        "Service" => ClusterEvent::ServiceGone(key()),
        "Slice" => ClusterEvent::SliceGone(key()),
        "Node" => ClusterEvent::NodeGone(Name::from(name)),
        other => panic!("no kind {other}"),
    }
}

/// A stream of n1, together with a backend that knows nothing but what came out of it.
pub(crate) struct World {
    pub(crate) stream: Stream,
    backend: BTreeMap<ViewKey, Arc<ServicePortView>>,
    revision: u64,
}

impl World {
    pub(crate) fn with(settings: Settings) -> Self {
        let stream = Stream::new(Name::from("n1"), settings);
        Self { stream, backend: BTreeMap::new(), revision: 0 }
    }

    /// A world in which `text` has happened already.
    pub(crate) fn after(text: &str) -> Self {
        let mut world = Self::with(Settings::default());
        world.apply(events(text));
        world
    }

    /// Applies one batch and says what came out, a word and a name each. Holds the stream to its promises on the way.
    pub(crate) fn apply(&mut self, batch: impl IntoIterator<Item = ClusterEvent>) -> Vec<String> {
        let out = self.stream.apply(batch);
        let Some((last, changes)) = out.split_last() else { return Vec::new() };
        let ViewEvent::Synced { revision } = last else { panic!("{last:?} is not Synced") };
        assert!(*revision > self.revision, "{revision} after {}", self.revision);
        self.revision = *revision;
        assert!(!changes.is_empty(), "Synced, and nothing changed");
        let mut keys = Vec::new();
        let mut words = Vec::new();
        for (index, event) in changes.iter().enumerate() {
            match event {
                ViewEvent::Node(facts) => {
                    assert_eq!(index, 0, "the node comes first");
                    assert_eq!(facts, self.stream.view().node());
                    words.push(format!("node {}", facts.name));
                }
                ViewEvent::Upsert(view) => {
                    let before = self.backend.insert(view.key.clone(), view.clone());
                    assert_ne!(before.as_ref(), Some(view), "sent again unchanged");
                    keys.push(view.key.clone());
                    words.push(format!("upsert {}", view.key));
                }
                ViewEvent::Remove(key) => {
                    assert!(self.backend.remove(key).is_some(), "{key} was never there");
                    keys.push(key.clone());
                    words.push(format!("remove {key}"));
                }
                ViewEvent::Reset | ViewEvent::Synced { .. } => panic!("{event:?} in a change"),
            }
        }
        assert!(keys.is_sorted_by_key(|key| &key.service), "out of order: {words:?}");
        keys.sort();
        keys.dedup();
        let with_node = usize::from(matches!(changes[0], ViewEvent::Node(_)));
        assert_eq!(keys.len() + with_node, changes.len(), "a key twice: {words:?}");
        assert!(
            self.backend.values().eq(self.stream.view().views()),
            "views differ from the events"
        );
        words
    }

    /// Applies documents as one batch.
    pub(crate) fn apply_text(&mut self, text: &str) -> Vec<String> {
        self.apply(events(text))
    }

    /// The views, one line for each, then one for each frontend.
    pub(crate) fn views(&self) -> String {
        self.stream.view().views().map(|view| show(view)).collect::<Vec<_>>().join("\n")
    }

    /// The view called `key`, as `NAMESPACE/NAME:PORT/PROTOCOL/FAMILY`.
    pub(crate) fn view(&self, key: &str) -> &Arc<ServicePortView> {
        let mut views = self.stream.view().views();
        views.find(|view| view.key.to_string() == key).unwrap_or_else(|| panic!("no view {key}"))
    }

    /// `WINNER over LOSER at KIND ADDRESS PORT PROTOCOL`.
    pub(crate) fn conflicts(&self) -> Vec<String> {
        let say = |conflict: switchyard_nodeview::Conflict| {
            let address =
                conflict.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
            let ((winner, winner_port), (loser, loser_port)) = (conflict.winner, conflict.loser);
            format!(
                "{winner}:{winner_port} over {loser}:{loser_port} at {} {address} {} {}",
                conflict.kind, conflict.port, conflict.protocol
            )
        };
        self.stream.view().conflicts().into_iter().map(say).collect()
    }

    /// `SLICE[INDEX] ADDRESS of SERVICE`.
    pub(crate) fn refused(&self) -> Vec<String> {
        let refused = self.stream.view().refused_endpoints(self.stream.cluster());
        let say = |one: &switchyard_nodeview::RefusedEndpoint| {
            format!("{}[{}] {} of {}", one.slice, one.index, one.address, one.service)
        };
        refused.iter().map(say).collect()
    }
}

fn serving(serving: &Serving) -> String {
    let set = match serving.set {
        BackendSet::Cluster => "cluster",
        BackendSet::Local => "local",
    };
    let when_empty = match serving.when_empty {
        WhenEmpty::Reject => "reject",
        WhenEmpty::Drop => "drop",
        WhenEmpty::Pass => "pass",
    };
    let source = match serving.source {
        SourceRule::Keep => "keep",
        SourceRule::Rewrite => "rewrite",
    };
    format!("{set},{when_empty},{source}")
}

/// The backends, `+` behind a local one and `-` behind one that is going away.
pub(crate) fn backends(set: &[switchyard_model::Backend]) -> String {
    let one = |backend: &switchyard_model::Backend| {
        let (local, draining) =
            (if backend.local { "+" } else { "" }, if backend.draining { "-" } else { "" });
        format!("{}:{}{local}{draining}", backend.address, backend.port)
    };
    set.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The view in text.
pub(crate) fn show(view: &ServicePortView) -> String {
    let mut text = format!(
        "{} cluster=[{}] local=[{}]",
        view.key,
        backends(&view.cluster),
        backends(&view.local)
    );
    for frontend in &view.frontends {
        let address =
            frontend.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        let ranges = frontend.source_ranges.as_ref().map_or_else(String::new, |ranges| {
            let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
            format!(" from [{}]", ranges.join(" "))
        });
        text = format!(
            "{text}\n  {} {address} {}{ranges} internal={} external={}",
            frontend.kind,
            frontend.port,
            serving(&frontend.internal),
            serving(&frontend.external)
        );
    }
    text
}

/// Joins documents.
pub(crate) fn join(documents: &[&str]) -> String {
    documents.join("\n---\n")
}
