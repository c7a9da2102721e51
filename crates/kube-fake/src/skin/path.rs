//! What a path means.

use crate::failure::Failure;
use crate::resource::Resource;
use crate::store::Part;

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// All objects of a resource, or those of one namespace.
    Collection { resource: &'static Resource, namespace: Option<String> },
    /// One object.
    Object { resource: &'static Resource, namespace: String, name: String, part: Part },
    /// Something that is no resource: discovery, health.
    Other,
}

/// Reads a path, which is percent-decoded already.
pub(super) fn target(path: &str) -> Result<Target, Failure> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Ok(Target::Other),
    };
    // The path of watches of old is that of the list, marked.
    let (is_watched, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if is_watched && !matches!(rest, [_] | ["namespaces", _, _]) {
        return Err(no_such_path());
    }
    let find = |plural: &str| Resource::find(group, version, plural).ok_or_else(no_such_path);
    let object = |resource: &'static Resource, namespace: &str, name: &str, part| Target::Object {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        part,
    };
    match *rest {
        [] => Ok(Target::Other),
        ["namespaces", namespace, plural] if plural != "status" => {
            let resource = namespaced(find(plural)?, true)?;
            Ok(Target::Collection { resource, namespace: Some(namespace.to_owned()) })
        }
        ["namespaces", namespace, plural, name] => {
            Ok(object(namespaced(find(plural)?, true)?, namespace, name, Part::Main))
        }
        ["namespaces", namespace, plural, name, "status"] => Ok(object(
            with_status(namespaced(find(plural)?, true)?)?,
            namespace,
            name,
            Part::Status,
        )),
        [plural] => Ok(Target::Collection { resource: find(plural)?, namespace: None }),
        [plural, name] => Ok(object(namespaced(find(plural)?, false)?, "", name, Part::Main)),
        [plural, name, "status"] => {
            Ok(object(with_status(namespaced(find(plural)?, false)?)?, "", name, Part::Status))
        }
        _ => Err(no_such_path()),
    }
}

fn namespaced(resource: &'static Resource, expected: bool) -> Result<&'static Resource, Failure> {
    if resource.namespaced == expected { Ok(resource) } else { Err(no_such_path()) }
}

fn with_status(resource: &'static Resource) -> Result<&'static Resource, Failure> {
    if resource.has_status { Ok(resource) } else { Err(no_such_path()) }
}

/// What is answered where there is nothing.
pub(super) fn no_such_path() -> Failure {
    Failure::new(404, "NotFound", "the server could not find the requested resource")
}
