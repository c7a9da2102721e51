//! The typed layer over the raw functions.

mod object;

use std::fmt;

use crate::{
    Endpoint, Error, ErrorClass, Guid, Hcn, LoadBalancer, Namespace, Network, Query, Version, v1,
};

pub use object::Object;

/// Documents in and out, over any [`Hcn`].
///
/// Every handle is closed, whatever fails. All queries ask for the shapes of schema 2.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    hcn: &'a dyn Hcn,
}

/// Why a call had no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// HNS refused.
    #[error("{call} failed")]
    Refused {
        /// The function that was called.
        call: &'static str,
        /// What HNS said.
        #[source]
        source: Error,
    },
    /// HNS answered what cannot be read.
    #[error("{call} answered what cannot be read")]
    Unreadable {
        /// The function that was called.
        call: &'static str,
        /// Where reading failed.
        #[source]
        source: serde_json::Error,
    },
}

impl ClientError {
    /// What kind of answer it is. One that cannot be read is unknown.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused { source, .. } => source.class(),
            Self::Unreadable { .. } => ErrorClass::Unknown,
        }
    }

    /// The HRESULT, if HNS refused.
    #[must_use]
    pub fn hresult(&self) -> Option<u32> {
        match self {
            Self::Refused { source, .. } => Some(source.hresult),
            Self::Unreadable { .. } => None,
        }
    }
}

/// The objects of one kind.
#[derive(Debug)]
pub struct Listing<T> {
    /// Those that could be read, by id.
    pub objects: Vec<T>,
    /// Those that exist but could not be read. They harm no other.
    pub unreadable: Vec<Unreadable>,
}

/// An object that exists but whose document could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which object.
    pub id: Guid,
    /// Where reading failed.
    pub source: serde_json::Error,
}

/// An object that is open. It is closed when this goes out of scope.
pub struct Opened<'a, T: Object> {
    hcn: &'a dyn Hcn,
    handle: T::Handle,
}

impl<T: Object> Opened<'_, T> {
    /// The object as HNS has it now.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or its answer cannot be read.
    pub fn read(&self) -> Result<T, ClientError> {
        self.read_as(&Query::all())
    }

    /// The object with its state and resources as HNS has it now.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or its answer cannot be read.
    pub fn read_detailed(&self) -> Result<T, ClientError> {
        self.read_as(&Query::all().detailed())
    }

    fn read_as(&self, query: &Query) -> Result<T, ClientError> {
        let call = T::CALLS.query;
        let text = T::query(self.hcn, self.handle, &query.to_json()).map_err(refused(call))?;
        serde_json::from_str(&text).map_err(unreadable(call))
    }
}

impl<T: Object> fmt::Debug for Opened<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl<T: Object> Drop for Opened<'_, T> {
    fn drop(&mut self) {
        // A handle that cannot be closed is lost either way, and the object behind it is not concerned.
        let _ = T::close(self.hcn, self.handle);
    }
}

impl<'a> Client<'a> {
    /// The typed layer over `hcn`.
    #[must_use]
    pub const fn new(hcn: &'a dyn Hcn) -> Self {
        Self { hcn }
    }

    /// The version of HNS.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or its answer cannot be read.
    pub fn version(self) -> Result<Version, ClientError> {
        let answer = self.hns_call(&v1::Request::Version)?;
        serde_json::from_value(answer).map_err(unreadable("HNSCall"))
    }

    /// What HNS answers to a request of the older way in that sends no document. One request reads all objects of a kind,
    /// in the shapes of version 1.
    ///
    /// # Errors
    ///
    /// If HNS refuses, in the call or in its answer, or the answer cannot be read.
    pub fn hns_call(self, request: &v1::Request) -> Result<serde_json::Value, ClientError> {
        let call = "HNSCall";
        let text =
            self.hcn.hns_call(request.method(), &request.path(), "").map_err(refused(call))?;
        let response = v1::Response::parse(&text).map_err(unreadable(call))?;
        response.into_output().map_err(refused(call))
    }

    /// All networks.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn networks(self) -> Result<Listing<Network>, ClientError> {
        self.list(&Query::all())
    }

    /// The networks that `query` names.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn networks_where(self, query: &Query) -> Result<Listing<Network>, ClientError> {
        self.list(query)
    }

    /// The network with this id, if it exists.
    ///
    /// # Errors
    ///
    /// If HNS refuses for another reason, or its answer cannot be read.
    pub fn network(self, id: Guid) -> Result<Option<Network>, ClientError> {
        self.find(id)
    }

    /// Opens the network with this id, to make endpoints on it.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn open_network(self, id: Guid) -> Result<Opened<'a, Network>, ClientError> {
        self.open(id)
    }

    /// Makes a network; [`Guid::NIL`] lets HNS pick the id.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn create_network(
        self,
        id: Guid,
        document: &Network,
    ) -> Result<Opened<'a, Network>, ClientError> {
        let handle = self.hcn.create_network(id, &crate::document_text(document));
        self.created(handle)
    }

    /// Removes a network.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn delete_network(self, id: Guid) -> Result<(), ClientError> {
        self.delete::<Network>(id)
    }

    /// All endpoints.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn endpoints(self) -> Result<Listing<Endpoint>, ClientError> {
        self.list(&Query::all())
    }

    /// The endpoints of a network.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn endpoints_of(self, network: Guid) -> Result<Listing<Endpoint>, ClientError> {
        self.list(&Query::endpoints_of(network))
    }

    /// The ids of the endpoints of a network, in order.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn endpoint_ids_of(self, network: Guid) -> Result<Vec<Guid>, ClientError> {
        self.ids::<Endpoint>(&Query::endpoints_of(network))
    }

    /// The endpoint with this id, if it exists.
    ///
    /// # Errors
    ///
    /// If HNS refuses for another reason, or its answer cannot be read.
    pub fn endpoint(self, id: Guid) -> Result<Option<Endpoint>, ClientError> {
        self.find(id)
    }

    /// Makes an endpoint on a network; [`Guid::NIL`] lets HNS pick the id.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn create_endpoint(
        self,
        network: &Opened<'_, Network>,
        id: Guid,
        document: &Endpoint,
    ) -> Result<Opened<'a, Endpoint>, ClientError> {
        let text = crate::document_text(document);
        self.created(self.hcn.create_endpoint(network.handle, id, &text))
    }

    /// Removes an endpoint.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn delete_endpoint(self, id: Guid) -> Result<(), ClientError> {
        self.delete::<Endpoint>(id)
    }

    /// All namespaces.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn namespaces(self) -> Result<Listing<Namespace>, ClientError> {
        self.list(&Query::all())
    }

    /// All load balancers.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn load_balancers(self) -> Result<Listing<LoadBalancer>, ClientError> {
        self.list(&Query::all())
    }

    /// All load balancers with their states, which HNS tells only when asked for details.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn load_balancers_in_detail(self) -> Result<Listing<LoadBalancer>, ClientError> {
        self.list_as(&Query::all(), &Query::all().detailed())
    }

    /// The ids of all load balancers, in order.
    ///
    /// # Errors
    ///
    /// If HNS refuses, or the list cannot be read.
    pub fn load_balancer_ids(self) -> Result<Vec<Guid>, ClientError> {
        self.ids::<LoadBalancer>(&Query::all())
    }

    /// The load balancer with this id, if it exists.
    ///
    /// # Errors
    ///
    /// If HNS refuses for another reason, or its answer cannot be read.
    pub fn load_balancer(self, id: Guid) -> Result<Option<LoadBalancer>, ClientError> {
        self.find(id)
    }

    /// The load balancer with this id and its state, if it exists.
    ///
    /// # Errors
    ///
    /// If HNS refuses for another reason, or its answer cannot be read.
    pub fn load_balancer_in_detail(self, id: Guid) -> Result<Option<LoadBalancer>, ClientError> {
        self.find_as(id, &Query::all().detailed())
    }

    /// Makes a load balancer; [`Guid::NIL`] lets HNS pick the id.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn create_load_balancer(
        self,
        id: Guid,
        document: &LoadBalancer,
    ) -> Result<Opened<'a, LoadBalancer>, ClientError> {
        let handle = self.hcn.create_load_balancer(id, &crate::document_text(document));
        self.created(handle)
    }

    /// Changes a load balancer to what the whole document says. Success is no proof: HNS 15.4 changes nothing
    /// (kubernetes/kubernetes#131466), which [`Opened::read`] shows.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn modify_load_balancer(
        self,
        id: Guid,
        document: &LoadBalancer,
    ) -> Result<Opened<'a, LoadBalancer>, ClientError> {
        let opened = self.open::<LoadBalancer>(id)?;
        self.hcn
            .modify_load_balancer(opened.handle, &crate::document_text(document))
            .map_err(refused("HcnModifyLoadBalancer"))?;
        Ok(opened)
    }

    /// Removes a load balancer.
    ///
    /// # Errors
    ///
    /// If HNS refuses.
    pub fn delete_load_balancer(self, id: Guid) -> Result<(), ClientError> {
        self.delete::<LoadBalancer>(id)
    }

    fn list<T: Object>(self, query: &Query) -> Result<Listing<T>, ClientError> {
        self.list_as(query, &Query::all())
    }

    /// Lists what `which` names, and reads each object as `how` says.
    fn list_as<T: Object>(self, which: &Query, how: &Query) -> Result<Listing<T>, ClientError> {
        let mut listing = Listing { objects: Vec::new(), unreadable: Vec::new() };
        for id in self.ids::<T>(which)? {
            match self.find_as(id, how) {
                Ok(Some(object)) => listing.objects.push(object),
                // It vanished since HNS listed it.
                Ok(None) => {}
                Err(ClientError::Unreadable { source, .. }) => {
                    listing.unreadable.push(Unreadable { id, source });
                }
                Err(refused) => return Err(refused),
            }
        }
        Ok(listing)
    }

    fn ids<T: Object>(self, query: &Query) -> Result<Vec<Guid>, ClientError> {
        let call = T::CALLS.enumerate;
        let text = T::enumerate(self.hcn, &query.to_json()).map_err(refused(call))?;
        let mut ids: Vec<Guid> = serde_json::from_str(&text).map_err(unreadable(call))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn find<T: Object>(self, id: Guid) -> Result<Option<T>, ClientError> {
        self.find_as(id, &Query::all())
    }

    fn find_as<T: Object>(self, id: Guid, how: &Query) -> Result<Option<T>, ClientError> {
        match self.open::<T>(id).and_then(|opened| opened.read_as(how)) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.hresult().is_some_and(|code| T::GONE.contains(&code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open<T: Object>(self, id: Guid) -> Result<Opened<'a, T>, ClientError> {
        let handle = T::open(self.hcn, id).map_err(refused(T::CALLS.open))?;
        Ok(Opened { hcn: self.hcn, handle })
    }

    fn created<T: Object>(
        self,
        handle: Result<T::Handle, Error>,
    ) -> Result<Opened<'a, T>, ClientError> {
        let handle = handle.map_err(refused(T::CALLS.create))?;
        Ok(Opened { hcn: self.hcn, handle })
    }

    fn delete<T: Object>(self, id: Guid) -> Result<(), ClientError> {
        T::delete(self.hcn, id).map_err(refused(T::CALLS.delete))
    }
}

fn refused(call: &'static str) -> impl FnOnce(Error) -> ClientError {
    move |source| ClientError::Refused { call, source }
}

fn unreadable(call: &'static str) -> impl FnOnce(serde_json::Error) -> ClientError {
    move |source| ClientError::Unreadable { call, source }
}
