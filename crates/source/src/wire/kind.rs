//! The kinds of objects that are followed, and how each is asked for.

use std::fmt;

use switchyard_model::{ClusterEvent, Name, ObjectKey};

use super::Version;
use crate::field::Field;
use crate::meta::{Scope, implied_namespace, title};
use crate::raw::Object;
use crate::refusal::{Notes, Refusal};
use crate::{node, service, slice};

/// What kube-proxy asks for of Services and EndpointSlices, too: none that are for another proxy, none that are headless.
const SELECTOR: &str = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name";

/// A kind of object that is followed, in the order in which changes of one step are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The Node that the proxy runs on, and no other.
    Node,
    /// All Services that are for this proxy.
    Service,
    /// Their EndpointSlices.
    EndpointSlice,
}

/// An object as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    /// What it makes of the cluster; its removal where nothing of it can be used.
    pub event: ClusterEvent,
    /// What of it was refused.
    pub refused: Vec<Refusal>,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Node, Self::Service, Self::EndpointSlice];

    /// Where objects of this kind are listed and watched, and the parameters that select those that are read. `node` is
    /// the Node's name.
    #[must_use]
    pub fn query(self, node: &str) -> (&'static str, Vec<(&'static str, String)>) {
        let labels = || vec![("labelSelector", SELECTOR.to_owned())];
        match self {
            Self::Node => {
                ("/api/v1/nodes", vec![("fieldSelector", format!("metadata.name={node}"))])
            }
            Self::Service => ("/api/v1/services", labels()),
            Self::EndpointSlice => ("/apis/discovery.k8s.io/v1/endpointslices", labels()),
        }
    }

    /// The word for it in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Node => Scope::Cluster,
            Self::Service | Self::EndpointSlice => Scope::Namespaced,
        }
    }

    /// The name by which an object is known, and the version it has. Nothing where it has no name.
    #[must_use]
    pub fn identify(self, object: &Object) -> Option<(ObjectKey, Version)> {
        let Field::Present(metadata) = &object.metadata else { return None };
        let Field::Present(name) = &metadata.name else { return None };
        let named = match &metadata.namespace {
            Field::Present(namespace) => namespace,
            // Whoever understands the object refuses what is of a wrong type.
            Field::Absent | Field::Wrong(_) => "",
        };
        let namespace = implied_namespace(self.scope(), &metadata.namespace).unwrap_or(named);
        let version = match &metadata.resource_version {
            Field::Present(version) => version.clone(),
            Field::Absent | Field::Wrong(_) => String::new(),
        };
        Some((ObjectKey::new(namespace, name.as_str()), Version::new(version)))
    }

    /// Understands an object. Where nothing of it can be used it counts as gone, and what is wrong is refused by name.
    #[must_use]
    pub fn understand(self, key: &ObjectKey, object: Object) -> Understood {
        let notes = Notes::new(title(self.word(), &object.metadata, self.scope(), "the API"));
        let event = match self {
            Self::Node => node::read(object, &notes).map(ClusterEvent::Node),
            Self::Service => service::read(object, &notes).map(ClusterEvent::Service),
            Self::EndpointSlice => slice::read(object, &notes).map(ClusterEvent::Slice),
        };
        let event = event.unwrap_or_else(|_| self.gone(key));
        Understood { event, refused: notes.into_refusals() }
    }

    /// The object called `key` is gone.
    #[must_use]
    pub fn gone(self, key: &ObjectKey) -> ClusterEvent {
        match self {
            Self::Node => ClusterEvent::NodeGone(Name::from(&*key.name)),
            Self::Service => ClusterEvent::ServiceGone(key.clone()),
            Self::EndpointSlice => ClusterEvent::SliceGone(key.clone()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name by which an object is known, and what is made of it.
    fn known(kind: Kind, object: &str) -> (String, ClusterEvent) {
        let object: Object = serde_json::from_str(object).unwrap();
        let (key, _) = kind.identify(&object).unwrap();
        let understood = kind.understand(&key, object);
        assert_eq!(understood.refused, []);
        (key.to_string(), understood.event)
    }

    #[test]
    fn an_object_is_known_by_the_name_that_it_is_understood_by() {
        for namespace in ["", r#","namespace":"""#, r#","namespace":"default""#] {
            let object = format!(
                r#"{{"metadata":{{"name":"web"{namespace}}},"spec":{{"clusterIP":"172.20.0.10"}}}}"#
            );
            let (name, event) = known(Kind::Service, &object);
            let ClusterEvent::Service(service) = event else { panic!("{event:?}") };
            assert_eq!(name, "default/web");
            assert_eq!(service.key.to_string(), name);
        }
        let (name, event) = known(Kind::Node, r#"{"metadata":{"name":"n1","namespace":"shop"}}"#);
        let ClusterEvent::Node(node) = event else { panic!("{event:?}") };
        assert_eq!(name, ObjectKey::new("", &*node.name).to_string());
    }
}
