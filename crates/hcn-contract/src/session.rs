//! A client of the HNS under test, which closes what it opened.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle,
    NetworkHandle, Notification, NotificationType,
};

use crate::documents::{query, without};
use crate::finding::{Checked, Finding, equal, refused, that};

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Network,
    Endpoint,
    Namespace,
    LoadBalancer,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 4] =
        [Self::Network, Self::Endpoint, Self::Namespace, Self::LoadBalancer];
}

/// An opened object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handle {
    Network(NetworkHandle),
    Endpoint(EndpointHandle),
    Namespace(NamespaceHandle),
    LoadBalancer(LoadBalancerHandle),
}

/// What is to be made, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Network,
    EndpointOf(Guid),
    Namespace,
    LoadBalancer,
}

/// Every object, as a detailed query shows it but for what changes by itself.
pub(crate) type Snapshot = BTreeMap<(Kind, String), Value>;

/// A client of an HNS that was made for one attempt.
pub(crate) struct Session<'a> {
    hcn: &'a dyn Hcn,
    open: RefCell<Vec<Handle>>,
    callbacks: RefCell<Vec<CallbackHandle>>,
}

impl<'a> Session<'a> {
    /// Makes HNS anew.
    pub(crate) fn start(hcn: &'a dyn Hcn, setup: &Value) -> Result<Self, Finding> {
        let session = Self { hcn, open: RefCell::default(), callbacks: RefCell::default() };
        session.steer("/emulator/reset", setup)?;
        Ok(session)
    }

    /// Closes everything. What a restart has taken away already is no matter.
    pub(crate) fn end(&self) {
        for handle in self.open.take() {
            let _ = close(self.hcn, handle);
        }
        for callback in self.callbacks.take() {
            let _ = self.hcn.unregister_service_callback(callback);
        }
    }

    /// The way in itself.
    pub(crate) fn hcn(&self) -> &'a dyn Hcn {
        self.hcn
    }

    /// Steers HNS from outside.
    pub(crate) fn steer(&self, path: &str, body: &Value) -> Result<Value, Finding> {
        self.v1("POST", path, body).map_err(|error| Finding::from(error).during(path))
    }

    /// Replaces the faults.
    pub(crate) fn faults(&self, faults: &[Value]) -> Checked {
        self.steer("/emulator/faults", &json!({"faults": faults})).map(drop)
    }

    /// Calls the older way in; what it says inside its answer is as good as a failure of the call.
    pub(crate) fn v1(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.v1_text(method, path, &body)
    }

    /// The same with any text.
    pub(crate) fn v1_text(&self, method: &str, path: &str, body: &str) -> Result<Value, Error> {
        let text = self.hcn.hns_call(method, path, body)?;
        let mut answer = json_of(&text)?;
        if answer["Success"] == Value::Bool(true) {
            return Ok(answer["Output"].take());
        }
        let code = answer["ErrorCode"].as_u64().and_then(|code| u32::try_from(code).ok());
        Err(Error { hresult: code.unwrap_or_default(), record: Some(text) })
    }

    /// Makes an object as hcsshim does: create, ask for its id, close.
    pub(crate) fn create(&self, place: Place, settings: &Value) -> Result<Guid, Error> {
        self.create_as(place, Guid::NIL, &settings.to_string())
    }

    /// The same with an id, and with any text.
    pub(crate) fn create_as(&self, place: Place, id: Guid, settings: &str) -> Result<Guid, Error> {
        let handle = match place {
            Place::Network => self.hcn.create_network(id, settings).map(Handle::Network),
            Place::Namespace => self.hcn.create_namespace(id, settings).map(Handle::Namespace),
            Place::LoadBalancer => {
                self.hcn.create_load_balancer(id, settings).map(Handle::LoadBalancer)
            }
            Place::EndpointOf(network) => {
                let network = self.hcn.open_network(network)?;
                let endpoint = self.hcn.create_endpoint(network, id, settings);
                // Whether the network's handle is still good is not what is asked here.
                let _ = self.hcn.close_network(network);
                endpoint.map(Handle::Endpoint)
            }
        }?;
        self.open.borrow_mut().push(handle);
        let id = self.query(handle, &query(2, 0, &Value::Null)).and_then(|shown| id_of(&shown));
        self.close(handle)?;
        id
    }

    /// Makes a network.
    pub(crate) fn network(&self, settings: &Value) -> Result<Guid, Error> {
        self.create(Place::Network, settings)
    }

    /// Makes an endpoint.
    pub(crate) fn endpoint(&self, network: Guid, settings: &Value) -> Result<Guid, Error> {
        self.create(Place::EndpointOf(network), settings)
    }

    /// Makes a namespace.
    pub(crate) fn namespace(&self) -> Result<Guid, Error> {
        let settings = json!({"Type": "Host", "SchemaVersion": {"Major": 2, "Minor": 0}});
        self.create(Place::Namespace, &settings)
    }

    /// Makes a load balancer.
    pub(crate) fn load_balancer(&self, settings: &Value) -> Result<Guid, Error> {
        self.create(Place::LoadBalancer, settings)
    }

    /// Opens an object.
    pub(crate) fn open(&self, kind: Kind, id: Guid) -> Result<Handle, Error> {
        let handle = match kind {
            Kind::Network => self.hcn.open_network(id).map(Handle::Network),
            Kind::Endpoint => self.hcn.open_endpoint(id).map(Handle::Endpoint),
            Kind::Namespace => self.hcn.open_namespace(id).map(Handle::Namespace),
            Kind::LoadBalancer => self.hcn.open_load_balancer(id).map(Handle::LoadBalancer),
        }?;
        self.open.borrow_mut().push(handle);
        Ok(handle)
    }

    /// Closes it.
    pub(crate) fn close(&self, handle: Handle) -> Result<(), Error> {
        self.open.borrow_mut().retain(|open| *open != handle);
        close(self.hcn, handle)
    }

    /// What an opened object is.
    pub(crate) fn query(&self, handle: Handle, query: &str) -> Result<Value, Error> {
        let text = match handle {
            Handle::Network(network) => self.hcn.query_network_properties(network, query),
            Handle::Endpoint(endpoint) => self.hcn.query_endpoint_properties(endpoint, query),
            Handle::Namespace(namespace) => self.hcn.query_namespace_properties(namespace, query),
            Handle::LoadBalancer(balancer) => {
                self.hcn.query_load_balancer_properties(balancer, query)
            }
        }?;
        json_of(&text)
    }

    /// Changes an opened object.
    pub(crate) fn modify(&self, handle: Handle, settings: &str) -> Result<(), Error> {
        match handle {
            Handle::Network(network) => self.hcn.modify_network(network, settings),
            Handle::Endpoint(endpoint) => self.hcn.modify_endpoint(endpoint, settings),
            Handle::Namespace(namespace) => self.hcn.modify_namespace(namespace, settings),
            Handle::LoadBalancer(balancer) => self.hcn.modify_load_balancer(balancer, settings),
        }
    }

    /// Opens an object, changes it and closes it.
    pub(crate) fn change(&self, kind: Kind, id: Guid, settings: &Value) -> Result<(), Error> {
        let handle = self.open(kind, id)?;
        let outcome = self.modify(handle, &settings.to_string());
        self.close(handle)?;
        outcome
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, kind: Kind, id: Guid) -> Result<(), Error> {
        match kind {
            Kind::Network => self.hcn.delete_network(id),
            Kind::Endpoint => self.hcn.delete_endpoint(id),
            Kind::Namespace => self.hcn.delete_namespace(id),
            Kind::LoadBalancer => self.hcn.delete_load_balancer(id),
        }
    }

    /// The texts that an enumeration lists, in its order.
    pub(crate) fn enumerate(&self, kind: Kind, query: &str) -> Result<Vec<String>, Error> {
        let text = match kind {
            Kind::Network => self.hcn.enumerate_networks(query),
            Kind::Endpoint => self.hcn.enumerate_endpoints(query),
            Kind::Namespace => self.hcn.enumerate_namespaces(query),
            Kind::LoadBalancer => self.hcn.enumerate_load_balancers(query),
        }?;
        serde_json::from_str(&text).map_err(|_| unreadable(&text))
    }

    /// The ids of the objects that match a filter, `null` for all; in the order of the ids.
    pub(crate) fn list(&self, kind: Kind, filter: &Value) -> Result<Vec<Guid>, Error> {
        let texts = self.enumerate(kind, &query(2, 0, filter))?;
        let ids: Result<Vec<Guid>, _> = texts.iter().map(|text| text.parse()).collect();
        let mut ids = ids.map_err(|_| unreadable(&texts.join(" ")))?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// The ids of all objects of a kind.
    pub(crate) fn all(&self, kind: Kind) -> Result<Vec<Guid>, Error> {
        self.list(kind, &Value::Null)
    }

    /// Opens an object, asks what it is, and closes it.
    pub(crate) fn ask(&self, kind: Kind, id: Guid, query: &str) -> Result<Value, Error> {
        let handle = self.open(kind, id)?;
        let shown = self.query(handle, query);
        self.close(handle)?;
        shown
    }

    /// An object in the shape of version 2.
    pub(crate) fn shown(&self, kind: Kind, id: Guid) -> Result<Value, Error> {
        self.ask(kind, id, &query(2, 0, &Value::Null))
    }

    /// An object in the shape of version 2, with all details.
    pub(crate) fn detailed(&self, kind: Kind, id: Guid) -> Result<Value, Error> {
        self.ask(kind, id, &query(2, 1, &Value::Null))
    }

    /// An object in the shape of version 1.
    pub(crate) fn in_v1(&self, kind: Kind, id: Guid) -> Result<Value, Error> {
        self.ask(kind, id, &query(1, 0, &Value::Null))
    }

    /// Everything that HNS holds.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::new();
        for kind in Kind::ALL {
            for id in self.all(kind)? {
                let shown = ["Health", "Version", "ActivityId"]
                    .iter()
                    .fold(self.detailed(kind, id)?, |shown, member| without(shown, member));
                snapshot.insert((kind, id.to_string()), shown);
            }
        }
        Ok(snapshot)
    }

    /// That HNS refuses the call with this code, and that the call changes nothing.
    pub(crate) fn refuses<T>(
        &self,
        what: &str,
        code: u32,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Checked {
        self.refuses_saying(what, code, "", call)
    }

    /// The same, with what the record adds to the text of the code.
    pub(crate) fn refuses_saying<T>(
        &self,
        what: &str,
        code: u32,
        detail: &str,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Checked {
        let before = self.snapshot()?;
        refused(what, code, detail, call())?;
        let after = self.snapshot()?;
        that(before == after, || format!("{what}: refused, and yet something changed"))
    }

    /// Asks to be told what happens.
    pub(crate) fn listen(&self) -> Result<Listener, Error> {
        let (sender, heard) = mpsc::channel();
        let callback = Arc::new(move |notification: &Notification| {
            // Nobody listens any more once the attempt has ended.
            let _ = sender.send(notification.clone());
        });
        let handle = self.hcn.register_service_callback(callback)?;
        self.callbacks.borrow_mut().push(handle);
        Ok(Listener { handle, heard })
    }

    /// Asks to be told no more.
    pub(crate) fn stop_listening(&self, listener: &Listener) -> Result<(), Error> {
        self.callbacks.borrow_mut().retain(|callback| *callback != listener.handle);
        self.hcn.unregister_service_callback(listener.handle)
    }
}

/// What HNS tells.
pub(crate) struct Listener {
    handle: CallbackHandle,
    heard: Receiver<Notification>,
}

impl Listener {
    /// How long HNS may take to tell something.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Everything up to the next notification of a type, which is the last.
    pub(crate) fn until(&self, wanted: NotificationType) -> Result<Vec<Notification>, Finding> {
        let mut heard = Vec::new();
        loop {
            match self.heard.recv_timeout(Self::PATIENCE) {
                Ok(notification) => {
                    let found = notification.notification_type == wanted;
                    heard.push(notification);
                    if found {
                        return Ok(heard);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(Finding::of(format!("no {wanted:?} was told; told: {heard:?}")));
                }
            }
        }
    }

    /// Everything that was told and not looked at.
    pub(crate) fn rest(&self) -> Vec<Notification> {
        self.heard.try_iter().collect()
    }
}

/// The id in a document.
pub(crate) fn id_of(document: &Value) -> Result<Guid, Error> {
    document["ID"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| unreadable(&document.to_string()))
}

/// That there are exactly these ids, in any order.
pub(crate) fn same_ids(what: &str, found: &[Guid], expected: &[Guid]) -> Checked {
    let sorted = |ids: &[Guid]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    equal(what, &sorted(found), &sorted(expected))
}

fn close(hcn: &dyn Hcn, handle: Handle) -> Result<(), Error> {
    match handle {
        Handle::Network(network) => hcn.close_network(network),
        Handle::Endpoint(endpoint) => hcn.close_endpoint(endpoint),
        Handle::Namespace(namespace) => hcn.close_namespace(namespace),
        Handle::LoadBalancer(balancer) => hcn.close_load_balancer(balancer),
    }
}

fn json_of(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| unreadable(text))
}

/// An answer that is none: the code is that of success, so no rule can expect it.
fn unreadable(text: &str) -> Error {
    Error { hresult: 0, record: Some(format!("the answer cannot be read: {text:?}")) }
}
