//! How the lists of the kinds that are served are merged, as the API's `patchMergeKey` and `listMapKey` annotations have it.

/// How a list is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merging {
    /// As a whole.
    Atomic,
    /// As a set of texts.
    Set,
    /// Entry by entry, known by this field; server-side apply knows them by all of these.
    Keyed { key: &'static str, keys: &'static [&'static str] },
}

/// Lists by their path in an object, each list and map on the way by its name alone.
const LISTS: &[(&str, &str, Merging)] = &[
    ("", "metadata.finalizers", Merging::Set),
    ("", "metadata.ownerReferences", Merging::Keyed { key: "uid", keys: &["uid"] }),
    ("Service", "spec.ports", Merging::Keyed { key: "port", keys: &["port", "protocol"] }),
    ("Service", "status.conditions", Merging::Keyed { key: "type", keys: &["type"] }),
    ("EndpointSlice", "ports", Merging::Atomic),
    ("EndpointSlice", "endpoints", Merging::Atomic),
    ("Node", "spec.podCIDRs", Merging::Set),
    ("Node", "status.addresses", Merging::Keyed { key: "type", keys: &["type"] }),
    ("Node", "status.conditions", Merging::Keyed { key: "type", keys: &["type"] }),
    ("Pod", "spec.containers", Merging::Keyed { key: "name", keys: &["name"] }),
    ("Pod", "spec.initContainers", Merging::Keyed { key: "name", keys: &["name"] }),
    ("Pod", "spec.volumes", Merging::Keyed { key: "name", keys: &["name"] }),
    ("Pod", "spec.imagePullSecrets", Merging::Keyed { key: "name", keys: &["name"] }),
    ("Pod", "spec.hostAliases", Merging::Keyed { key: "ip", keys: &["ip"] }),
    ("Pod", "spec.containers.env", Merging::Keyed { key: "name", keys: &["name"] }),
    (
        "Pod",
        "spec.containers.ports",
        Merging::Keyed { key: "containerPort", keys: &["containerPort", "protocol"] },
    ),
    (
        "Pod",
        "spec.containers.volumeMounts",
        Merging::Keyed { key: "mountPath", keys: &["mountPath"] },
    ),
    ("Pod", "status.conditions", Merging::Keyed { key: "type", keys: &["type"] }),
    ("Pod", "status.podIPs", Merging::Keyed { key: "ip", keys: &["ip"] }),
    ("Pod", "status.hostIPs", Merging::Keyed { key: "ip", keys: &["ip"] }),
    ("Namespace", "status.conditions", Merging::Keyed { key: "type", keys: &["type"] }),
];

/// How the list at a path in an object of this kind is merged.
pub(crate) fn merging(kind: &str, path: &str) -> Merging {
    let found = LISTS.iter().find(|(of, at, _)| (of.is_empty() || *of == kind) && *at == path);
    found.map_or(Merging::Atomic, |(_, _, merging)| *merging)
}

/// The path of a field below a path.
pub(crate) fn below(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Maps that are set as a whole by server-side apply.
pub(crate) fn is_atomic_map(kind: &str, path: &str) -> bool {
    matches!((kind, path), ("Service", "spec.selector"))
}
