//! The resources that are served, and what is peculiar to each.

/// One resource as a client addresses it.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version in the group.
    pub version: &'static str,
    /// The name in paths.
    pub plural: &'static str,
    /// The name of one.
    pub singular: &'static str,
    /// The kind of its objects.
    pub kind: &'static str,
    /// What kubectl takes instead of the name.
    pub short_names: &'static [&'static str],
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether its objects have a `status` of their own.
    pub has_status: bool,
    /// Which objects are meant: two resources with the same storage are two forms of the same objects.
    pub(crate) storage: &'static str,
    /// Fields beyond name and namespace that field selectors may name.
    pub(crate) selectable: &'static [&'static str],
    /// Whether `metadata.generation` counts changes of what is wanted.
    pub(crate) counts_generations: bool,
}

/// The version part of the API group of discovery.
pub(crate) const EVENTS_GROUP: &str = "events.k8s.io";

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

const fn core(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short_names: &'static [&'static str],
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        plural,
        singular,
        kind,
        short_names,
        namespaced: true,
        has_status: false,
        storage: plural,
        selectable: &[],
        counts_generations: false,
    }
}

/// Every resource that is served, by group and name.
pub static RESOURCES: [Resource; 9] = [
    core("configmaps", "configmap", "ConfigMap", &["cm"]),
    Resource { selectable: EVENT_FIELDS, ..core("events", "event", "Event", &["ev"]) },
    Resource {
        namespaced: false,
        has_status: true,
        selectable: &["status.phase"],
        ..core("namespaces", "namespace", "Namespace", &["ns"])
    },
    Resource {
        namespaced: false,
        has_status: true,
        selectable: &["spec.unschedulable"],
        ..core("nodes", "node", "Node", &["no"])
    },
    Resource {
        has_status: true,
        selectable: &["spec.nodeName", "spec.serviceAccountName", "status.phase", "status.podIP"],
        ..core("pods", "pod", "Pod", &["po"])
    },
    Resource {
        has_status: true,
        selectable: &["spec.clusterIP", "spec.type"],
        ..core("services", "service", "Service", &["svc"])
    },
    Resource { group: "coordination.k8s.io", ..core("leases", "lease", "Lease", &[]) },
    Resource {
        group: "discovery.k8s.io",
        counts_generations: true,
        ..core("endpointslices", "endpointslice", "EndpointSlice", &[])
    },
    Resource {
        group: EVENTS_GROUP,
        selectable: EVENT_FIELDS,
        ..core("events", "event", "Event", &["ev"])
    },
];

impl Resource {
    /// The resource of this group, version and name.
    pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|resource| {
            (resource.group, resource.version, resource.plural) == (group, version, plural)
        })
    }

    /// The resource of the core group or of a group at version `v1` by its kind.
    pub fn of_kind(group: &str, kind: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|resource| (resource.group, resource.kind) == (group, kind))
    }

    /// The `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        group_version(self.group, self.version)
    }

    /// Its name with the group, as messages have it: `endpointslices.discovery.k8s.io`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            return self.plural.to_owned();
        }
        format!("{}.{}", self.plural, self.group)
    }

    /// Its kind with the group, as messages have it.
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group.is_empty() {
            return self.kind.to_owned();
        }
        format!("{}.{}", self.kind, self.group)
    }
}

/// A group and a version as `apiVersion` has them.
pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
