//! One change of HNS.

use switchyard_hcn::{Endpoint, Guid, LoadBalancer};
use switchyard_model::ViewKey;

use crate::key::{EndpointKey, LoadBalancerKey};
use crate::ledger::Kind;

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// It is made.
    Create,
    /// Its endpoints are changed in place.
    Modify,
    /// It is removed.
    Delete,
}

impl Verb {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Delete => "delete",
        }
    }
}

/// Why it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is not there.
    Missing,
    /// It is there with other endpoints.
    Differs,
    /// It is there but different in something that HNS cannot modify.
    Replaced,
    /// Nobody needs it any more.
    Unwanted,
}

impl Reason {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Replaced => "replaced",
            Self::Unwanted => "unwanted",
        }
    }
}

/// The object that an operation is about, with the document to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An endpoint; the document is absent on delete.
    Endpoint {
        /// What it is.
        key: EndpointKey,
        /// What is sent.
        document: Option<Box<Endpoint>>,
    },
    /// A load balancer; the document is absent on delete.
    LoadBalancer {
        /// What it is; `None` for one of ours whose document says no frontend.
        key: Option<LoadBalancerKey>,
        /// What is sent.
        document: Option<Box<LoadBalancer>>,
    },
}

/// One change of HNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What is done.
    pub verb: Verb,
    /// Why.
    pub reason: Reason,
    /// The object's id.
    pub id: Guid,
    /// The object.
    pub subject: Subject,
    /// The service ports it is done for, sorted.
    pub views: Vec<ViewKey>,
}

impl Operation {
    /// The kind of its object.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.subject {
            Subject::Endpoint { .. } => Kind::Endpoint,
            Subject::LoadBalancer { .. } => Kind::LoadBalancer,
        }
    }

    /// What it makes, as the ledger has it: key and digest. None for what makes nothing.
    pub(crate) fn entry(&self) -> Option<(String, String)> {
        match &self.subject {
            Subject::Endpoint { key, document: Some(document) } => {
                let shape = crate::endpoint::Shape::of(document)?;
                Some((key.to_string(), crate::observed::endpoint_digest(shape)))
            }
            Subject::LoadBalancer { key: Some(key), document: Some(document) } => {
                Some((key.to_string(), crate::observed::digest_of(document)))
            }
            Subject::Endpoint { document: None, .. } | Subject::LoadBalancer { .. } => None,
        }
    }

    /// The key of its object, as the ledger has it.
    pub(crate) fn key(&self) -> Option<String> {
        match &self.subject {
            Subject::Endpoint { key, .. } => Some(key.to_string()),
            Subject::LoadBalancer { key, .. } => key.map(|key| key.to_string()),
        }
    }

    /// Whether it is about the object of this kind with this id.
    pub(crate) fn is_about(&self, kind: Kind, id: Guid) -> bool {
        self.id == id && self.kind() == kind
    }
}
