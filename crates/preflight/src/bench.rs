//! What questions are put with: calls of HNS, and objects that are removed again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};
use switchyard_hcn::{
    Capabilities, Client, Error, Feature, Guid, Hcn, LoadBalancerFlags, Network, NetworkType,
    Notification, Policy, Query, Version, hresult,
};

use crate::answer::{Failure, Unanswered};
use crate::journal::{Entry, Journal};
use crate::kind::Kind;
use crate::options::Options;
use crate::probes::Restarted;
use crate::recorder::Recorder;
use crate::scratch::{self, OWNER};
use crate::surroundings::Surroundings;
use crate::sweep::Traces;

/// The first of the ports of load balancers.
const FIRST_PORT: u32 = 7000;

/// How many ports are used before they come again.
const PORTS: u32 = 2000;

/// What questions are put with.
pub(crate) struct Bench<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) surroundings: &'a dyn Surroundings,
    pub(crate) options: &'a Options,
    /// The network that is asked about.
    pub(crate) network: Option<Network>,
    /// The version of HNS, if it told.
    pub(crate) version: Option<Version>,
    journal: RefCell<&'a mut dyn Journal>,
    pub(crate) traces: RefCell<Traces>,
    made: RefCell<Vec<(Kind, Guid)>>,
    /// How many objects were made in all.
    pub(crate) total: Cell<usize>,
    /// How many ids, addresses and names were used.
    ids: Cell<u32>,
    places: Cell<u32>,
    names: Cell<u32>,
    /// What a restart of HNS showed, once that has been looked at.
    pub(crate) restarted: RefCell<Option<Result<Rc<Restarted>, Unanswered>>>,
    /// Whether objects may be made: what HNS holds was read and written down before.
    pub(crate) may_make: bool,
    /// Whether the calls of the present question are about objects of others, so that the report only counts them.
    pub(crate) is_counted_only: Cell<bool>,
}

/// What is to be made.
pub(crate) enum Place {
    Network,
    EndpointOf(Guid),
    LoadBalancer,
}

impl Place {
    const fn kind(&self) -> Kind {
        match self {
            Self::Network => Kind::Network,
            Self::EndpointOf(_) => Kind::Endpoint,
            Self::LoadBalancer => Kind::LoadBalancer,
        }
    }
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        recorder: &'a Recorder,
        surroundings: &'a dyn Surroundings,
        options: &'a Options,
        journal: &'a mut dyn Journal,
    ) -> Self {
        Self {
            recorder,
            surroundings,
            options,
            network: None,
            version: None,
            journal: RefCell::new(journal),
            traces: RefCell::new(Traces::of(&[])),
            made: RefCell::default(),
            total: Cell::new(0),
            ids: Cell::new(0),
            places: Cell::new(0),
            names: Cell::new(0),
            restarted: RefCell::default(),
            may_make: false,
            is_counted_only: Cell::new(false),
        }
    }

    /// The typed layer.
    pub(crate) fn client(&self) -> Client<'a> {
        Client::new(self.recorder)
    }

    /// The network that is asked about.
    pub(crate) fn network(&self) -> Result<(Guid, &Network), Unanswered> {
        let network = self.network.as_ref();
        network.and_then(|network| Some((network.id?, network))).ok_or_else(|| {
            Unanswered::because("there is no network of type L2Bridge or Overlay to ask about")
        })
    }

    /// Whether HNS has a feature; not where its version is not known.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.version.is_some_and(|version| Capabilities::of(version).has(feature))
    }

    /// An id that no other object of the run has.
    pub(crate) fn id(&self, kind: Kind) -> Guid {
        scratch::id(kind, next(&self.ids))
    }

    /// An address for a load balancer, and a port that goes with it.
    pub(crate) fn frontend(&self) -> (Ipv4Addr, u32) {
        let number = next(&self.places);
        (self.options.scratch.frontend(number), FIRST_PORT + number % PORTS)
    }

    /// Writes a line of the journal.
    pub(crate) fn note(&self, entry: Entry) -> Result<(), Failure> {
        let written = self.journal.borrow_mut().write(&entry);
        self.traces.borrow_mut().add(&entry);
        written.map_err(|error| {
            Failure::Other(format!("nothing is made: the journal cannot be written: {error}"))
        })
    }

    /// Forgets the journal: everything was removed.
    pub(crate) fn clear_journal(&self) -> std::io::Result<()> {
        self.journal.borrow_mut().clear()
    }

    /// Makes an object; the nil id asks for none. It is written down before.
    pub(crate) fn make(
        &self,
        place: &Place,
        asked: Guid,
        settings: &Value,
    ) -> Result<Guid, Failure> {
        let kind = place.kind();
        let in_settings = settings.get("ID").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let known: BTreeSet<Guid> =
            [Some(asked), in_settings].into_iter().flatten().filter(|id| !id.is_nil()).collect();
        for id in &known {
            self.note(Entry::Making { kind, id: *id })?;
        }
        let id = self.make_now(place, asked, &settings.to_string())?;
        self.remember(kind, id);
        if !known.contains(&id) {
            self.note(Entry::Made { kind, id })?;
        }
        Ok(id)
    }

    fn make_now(&self, place: &Place, asked: Guid, settings: &str) -> Result<Guid, Failure> {
        let hcn: &dyn Hcn = self.recorder;
        let handle = match place {
            Place::Network => hcn.create_network(asked, settings).map(crate::kind::Handle::Network),
            Place::LoadBalancer => {
                hcn.create_load_balancer(asked, settings).map(crate::kind::Handle::LoadBalancer)
            }
            Place::EndpointOf(network) => {
                let network = hcn.open_network(*network)?;
                let made = hcn.create_endpoint(network, asked, settings);
                // Whether the network's handle is still good is not what is asked here.
                let _ = hcn.close_network(network);
                made.map(crate::kind::Handle::Endpoint)
            }
        }?;
        let text = handle.query(hcn, &Query::all().to_json());
        let _ = handle.close(hcn);
        let document = parse(&text?)?;
        id_of(&document)
    }

    /// Makes an endpoint on the network, with an id of ours.
    pub(crate) fn endpoint(&self, settings: &Value) -> Result<Guid, Failure> {
        let network = self.network().map_err(|unanswered| Failure::Other(unanswered.reason))?.0;
        self.make(&Place::EndpointOf(network), self.id(Kind::Endpoint), settings)
    }

    /// Makes so many ordinary endpoints.
    pub(crate) fn endpoints<const N: usize>(&self) -> Result<[Guid; N], Failure> {
        let mut made = [Guid::NIL; N];
        for id in &mut made {
            *id = self.endpoint(&self.endpoint_document())?;
        }
        Ok(made)
    }

    /// Makes a load balancer, with an id of ours.
    pub(crate) fn load_balancer(&self, settings: &Value) -> Result<Guid, Failure> {
        self.make(&Place::LoadBalancer, self.id(Kind::LoadBalancer), settings)
    }

    /// The document of an endpoint elsewhere, at an address of its own.
    pub(crate) fn endpoint_document(&self) -> Value {
        self.endpoint_document_at(self.options.scratch.endpoint(next(&self.places)))
    }

    /// The document of an endpoint elsewhere.
    pub(crate) fn endpoint_document_at(&self, address: Ipv4Addr) -> Value {
        let mut document = json!({
            "IpConfigurations": [{ "IpAddress": address }],
            "MacAddress": scratch::hardware_address(address),
            "Flags": 1,
        });
        let is_overlay = |network: &Network| network.network_type == NetworkType::Overlay;
        if self.network.as_ref().is_some_and(is_overlay) {
            let provider = self.options.scratch.endpoint(0);
            document["Policies"] = json!([Policy::provider_address(provider.into())]);
        }
        self.signed(document)
    }

    /// The document of a load balancer with a frontend of its own. It has direct server return where HNS can, for then it
    /// takes no ports of the node.
    pub(crate) fn load_balancer_document(&self, endpoints: &[Guid]) -> Value {
        let (vip, port) = self.frontend();
        let dsr = self.has(Feature::DirectServerReturn);
        self.signed(json!({
            "HostComputeEndpoints": endpoints,
            "FrontendVIPs": [vip],
            "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": port }],
            "Flags": if dsr { LoadBalancerFlags::DSR } else { LoadBalancerFlags::NONE },
        }))
    }

    /// The document of a network of our own.
    pub(crate) fn network_document(&self, network_type: &str) -> Value {
        let name = scratch::name(next(&self.names));
        json!({
            "Owner": OWNER,
            "Name": name,
            "Type": network_type,
            "Ipams": [{ "Type": "Static", "Subnets": [{
                "IpAddressPrefix": self.options.scratch.prefix(),
                "Routes": [{ "NextHop": self.options.scratch.endpoint(0), "DestinationPrefix": "0.0.0.0/0" }],
            }] }],
            "SchemaVersion": Version::SCHEMA,
        })
    }

    fn signed(&self, mut document: Value) -> Value {
        document["Owner"] = json!(OWNER);
        document["Name"] = json!(scratch::name(next(&self.names)));
        document["SchemaVersion"] = json!(Version::SCHEMA);
        document
    }

    /// An object as HNS shows it in version 2.
    pub(crate) fn read(&self, kind: Kind, id: Guid) -> Result<Value, Failure> {
        self.read_as(kind, id, &Query::all().to_json())
    }

    /// The same with its state.
    pub(crate) fn read_detailed(&self, kind: Kind, id: Guid) -> Result<Value, Failure> {
        self.read_as(kind, id, &Query::all().detailed().to_json())
    }

    /// An object as HNS shows it to this query.
    pub(crate) fn read_as(&self, kind: Kind, id: Guid, query: &str) -> Result<Value, Failure> {
        parse(&self.read_text(kind, id, query)?)
    }

    /// The text that HNS shows an object as.
    pub(crate) fn read_text(&self, kind: Kind, id: Guid, query: &str) -> Result<String, Error> {
        let hcn: &dyn Hcn = self.recorder;
        let handle = kind.open(hcn, id)?;
        let text = handle.query(hcn, query);
        let _ = handle.close(hcn);
        text
    }

    /// Opens an object and closes it.
    pub(crate) fn open(&self, kind: Kind, id: Guid) -> Result<(), Failure> {
        let hcn: &dyn Hcn = self.recorder;
        let handle = kind.open(hcn, id)?;
        let _ = handle.close(hcn);
        Ok(())
    }

    /// Remembers an object that somebody else made for the present question.
    pub(crate) fn remember(&self, kind: Kind, id: Guid) {
        self.total.set(self.total.get() + 1);
        self.made.borrow_mut().push((kind, id));
    }

    /// Removes an object that is ours.
    pub(crate) fn delete(&self, kind: Kind, id: Guid) -> Result<(), Failure> {
        Ok(kind.delete(self.recorder, id)?)
    }

    /// Changes a load balancer to what the document says.
    pub(crate) fn modify(&self, id: Guid, document: &Value) -> Result<(), Failure> {
        let hcn: &dyn Hcn = self.recorder;
        let handle = hcn.open_load_balancer(id)?;
        let modified = hcn.modify_load_balancer(handle, &document.to_string());
        let _ = hcn.close_load_balancer(handle);
        Ok(modified?)
    }

    /// The texts that HNS lists, in its order.
    pub(crate) fn list_text(&self, kind: Kind, query: &str) -> Result<Vec<String>, Failure> {
        let text = kind.enumerate(self.recorder, query)?;
        serde_json::from_str(&text).map_err(|_| not_readable(&text))
    }

    /// The ids that HNS lists.
    pub(crate) fn list(&self, kind: Kind) -> Result<BTreeSet<Guid>, Failure> {
        let texts = self.list_text(kind, &Query::all().to_json())?;
        let ids: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
        ids.map_err(|_| not_readable(&texts.join(" ")))
    }

    /// Removes what the present question made, load balancers first. What cannot be removed now is removed at the end.
    pub(crate) fn tidy(&self) {
        let made = self.made.take();
        for kind in Kind::MADE {
            let of_kind = made.iter().rev().filter(|(other, _)| *other == kind);
            for (_, id) in of_kind {
                // An error here is no loss: all that is left is looked for at the end.
                let _ = kind.delete(self.recorder, *id);
            }
        }
    }

    /// Asks HNS to tell what happens.
    pub(crate) fn listen(&self) -> Result<Listener<'_>, Failure> {
        let (sender, heard) = mpsc::channel();
        let callback = Arc::new(move |notification: &Notification| {
            // Nobody listens any more once the question is answered.
            let _ = sender.send(notification.clone());
        });
        let handle = self.recorder.register_service_callback(callback)?;
        Ok(Listener { hcn: self.recorder, handle, heard })
    }
}

/// What HNS tells, for as long as this is kept.
pub(crate) struct Listener<'a> {
    hcn: &'a dyn Hcn,
    handle: switchyard_hcn::CallbackHandle,
    heard: Receiver<Notification>,
}

impl Listener<'_> {
    /// What was told since this was last asked.
    pub(crate) fn heard(&self) -> Vec<Notification> {
        self.heard.try_iter().collect()
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        // A registration that HNS lost is gone as well.
        let _ = self.hcn.unregister_service_callback(self.handle);
    }
}

/// The next of the numbers that are counted here.
fn next(counter: &Cell<u32>) -> u32 {
    counter.replace(counter.get() + 1)
}

/// The JSON that HNS answered.
pub(crate) fn parse(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|_| not_readable(text))
}

fn not_readable(text: &str) -> Failure {
    Failure::Other(format!("HNS answered what cannot be read: {text:?}"))
}

/// The id in a document.
pub(crate) fn id_of(document: &Value) -> Result<Guid, Failure> {
    let id = document.get("ID").and_then(Value::as_str).and_then(|text| text.parse().ok());
    id.ok_or_else(|| Failure::Other(format!("HNS answered a document without an id: {document}")))
}

/// Whether this is how HNS says that it cannot do something at all.
pub(crate) fn is_unknown_function(error: &Error) -> bool {
    /// `ERROR_PROC_NOT_FOUND`, of a library that lacks a function.
    const ERROR_PROC_NOT_FOUND: u32 = 0x8007_007F;
    matches!(error.hresult, hresult::E_NOTIMPL | ERROR_PROC_NOT_FOUND)
}
