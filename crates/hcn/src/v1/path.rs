//! The paths of `HNSCall`.

use std::fmt;

use crate::Guid;

/// The lists of objects that have paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Networks.
    Networks,
    /// Endpoints.
    Endpoints,
    /// Policy lists, which are load balancers and routes.
    PolicyLists,
    /// Namespaces.
    Namespaces,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Networks, Self::Endpoints, Self::PolicyLists, Self::Namespaces];

    /// The first part of its paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Endpoints => "endpoints",
            Self::PolicyLists => "policylists",
            Self::Namespaces => "namespaces",
        }
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// The version of HNS.
    Version,
    /// All objects of a list.
    List(Collection),
    /// To make an object.
    Create(Collection),
    /// An object.
    Get(Collection, Guid),
    /// To change an object, by its whole document.
    Update(Collection, Guid),
    /// To delete an object.
    Delete(Collection, Guid),
    /// To give an endpoint a port.
    Attach(Guid),
    /// To take an endpoint's port away.
    Detach(Guid),
    /// To put something in a namespace.
    AddResource(Guid),
    /// To take something out of a namespace.
    RemoveResource(Guid),
    /// What an endpoint counted.
    EndpointStatistics(Guid),
    /// The addresses of all endpoints.
    EndpointAddresses,
    /// The hardware addresses that accelerated networking leaves alone.
    Accelnet,
    /// To set those.
    SetAccelnet,
    /// To have none.
    ClearAccelnet,
    /// What HNS is doing.
    Activities,
    /// The plugins of HNS.
    Plugins,
    /// The ports that HNS has taken from the node.
    PortPools,
}

/// The paths without an object, as they are read.
const ALONE: [(&str, Request); 6] = [
    ("/globals/version", Request::Version),
    ("/endpointaddresses", Request::EndpointAddresses),
    ("/accelnet", Request::Accelnet),
    ("/activities", Request::Activities),
    ("/plugins", Request::Plugins),
    ("/portpools", Request::PortPools),
];

impl Request {
    /// What `method` asks of `path`, in any case and with any number of slashes between the parts and at the ends.
    #[must_use]
    pub fn parse(method: &str, path: &str) -> Option<Self> {
        let method = Method::parse(method)?;
        let path = path.to_ascii_lowercase();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if let Some((_, request)) =
            ALONE.iter().find(|(known, _)| known.split('/').skip(1).eq(parts.iter().copied()))
        {
            return match (request, method) {
                (_, Method::Get) => Some(*request),
                (Self::Accelnet, Method::Post) => Some(Self::SetAccelnet),
                (Self::Accelnet, Method::Delete) => Some(Self::ClearAccelnet),
                _ => None,
            };
        }
        let (first, rest) = parts.split_first()?;
        if *first == "endpointstats" {
            let [id] = rest else { return None };
            return (method == Method::Get).then_some(Self::EndpointStatistics(id.parse().ok()?));
        }
        let collection = Collection::ALL.into_iter().find(|known| known.as_str() == *first)?;
        Self::of_collection(method, collection, rest)
    }

    fn of_collection(method: Method, collection: Collection, rest: &[&str]) -> Option<Self> {
        let (id, action) = match rest {
            [] => {
                return match method {
                    Method::Get => Some(Self::List(collection)),
                    Method::Post => Some(Self::Create(collection)),
                    Method::Delete => None,
                };
            }
            [id] => (id.parse().ok()?, None),
            [id, action] => (id.parse().ok()?, Some(*action)),
            _ => return None,
        };
        match (collection, method, action) {
            (_, Method::Get, None) => Some(Self::Get(collection, id)),
            (_, Method::Post, None) => Some(Self::Update(collection, id)),
            (_, Method::Delete, None) => Some(Self::Delete(collection, id)),
            (Collection::Endpoints, Method::Post, Some("attach")) => Some(Self::Attach(id)),
            (Collection::Endpoints, Method::Post, Some("detach")) => Some(Self::Detach(id)),
            (Collection::Namespaces, Method::Post, Some("addresource")) => {
                Some(Self::AddResource(id))
            }
            (Collection::Namespaces, Method::Post, Some("removeresource")) => {
                Some(Self::RemoveResource(id))
            }
            _ => None,
        }
    }

    /// The list that it is about, or whose object.
    #[must_use]
    pub const fn collection(&self) -> Option<Collection> {
        match self {
            Self::List(collection)
            | Self::Create(collection)
            | Self::Get(collection, _)
            | Self::Update(collection, _)
            | Self::Delete(collection, _) => Some(*collection),
            Self::Attach(_) | Self::Detach(_) | Self::EndpointStatistics(_) => {
                Some(Collection::Endpoints)
            }
            Self::AddResource(_) | Self::RemoveResource(_) => Some(Collection::Namespaces),
            Self::Version
            | Self::EndpointAddresses
            | Self::Accelnet
            | Self::SetAccelnet
            | Self::ClearAccelnet
            | Self::Activities
            | Self::Plugins
            | Self::PortPools => None,
        }
    }

    /// The object that it is about.
    #[must_use]
    pub const fn id(&self) -> Option<Guid> {
        match self {
            Self::Get(_, id)
            | Self::Update(_, id)
            | Self::Delete(_, id)
            | Self::Attach(id)
            | Self::Detach(id)
            | Self::AddResource(id)
            | Self::RemoveResource(id)
            | Self::EndpointStatistics(id) => Some(*id),
            _ => None,
        }
    }

    /// The method: `GET`, `POST` or `DELETE`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Create(_)
            | Self::Update(..)
            | Self::Attach(_)
            | Self::Detach(_)
            | Self::AddResource(_)
            | Self::RemoveResource(_)
            | Self::SetAccelnet => "POST",
            Self::Delete(..) | Self::ClearAccelnet => "DELETE",
            _ => "GET",
        }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::List(collection) | Self::Create(collection) => {
                format!("/{}", collection.as_str())
            }
            Self::Get(collection, id)
            | Self::Update(collection, id)
            | Self::Delete(collection, id) => {
                format!("/{}/{id}", collection.as_str())
            }
            Self::Attach(id) => format!("/endpoints/{id}/attach"),
            Self::Detach(id) => format!("/endpoints/{id}/detach"),
            Self::AddResource(id) => format!("/namespaces/{id}/addresource"),
            Self::RemoveResource(id) => format!("/namespaces/{id}/removeresource"),
            Self::EndpointStatistics(id) => format!("/endpointstats/{id}"),
            Self::SetAccelnet | Self::ClearAccelnet => Self::Accelnet.path(),
            Self::Version
            | Self::EndpointAddresses
            | Self::Accelnet
            | Self::Activities
            | Self::Plugins
            | Self::PortPools => {
                let known = ALONE.iter().find(|(_, request)| request == self);
                known.map_or_else(String::new, |(path, _)| (*path).to_owned())
            }
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    fn parse(method: &str) -> Option<Self> {
        let known = [("GET", Self::Get), ("POST", Self::Post), ("DELETE", Self::Delete)];
        known
            .into_iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(method))
            .map(|(_, known)| known)
    }
}
