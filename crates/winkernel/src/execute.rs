//! Calls made against HNS. Nothing else in this crate calls it.

use std::time::Duration;

use switchyard_hcn::{
    Client, ClientError, Endpoint, ErrorClass, Guid, Hcn, LoadBalancer, Network, Opened, Query,
    hresult,
};

use crate::call::{Call, CallError, Change, Reply};
use crate::ledger::Kind;
use crate::operation::{Subject, Verb};
use crate::reconcile::Reconciler;

/// Where the ledger is kept.
pub trait LedgerStore {
    /// Adds lines, so that they are there even if the machine stops at once.
    ///
    /// # Errors
    /// When they cannot be written.
    fn append(&mut self, lines: &str) -> std::io::Result<()>;

    /// Has these lines and no others.
    ///
    /// # Errors
    /// When they cannot be written.
    fn replace(&mut self, lines: &str) -> std::io::Result<()> {
        self.remove()?;
        self.append(lines)
    }

    /// Forgets all lines.
    ///
    /// # Errors
    /// When they cannot be removed.
    fn remove(&mut self) -> std::io::Result<()>;
}

/// A ledger that lives as long as its owner.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger(pub String);

impl LedgerStore for MemoryLedger {
    fn append(&mut self, lines: &str) -> std::io::Result<()> {
        self.0.push_str(lines);
        Ok(())
    }

    fn remove(&mut self) -> std::io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// Makes calls. It keeps the network open between them, for each endpoint is made through it.
pub struct Performer<'a> {
    client: Client<'a>,
    network: Option<(Guid, Opened<'a, Network>)>,
    /// Lines that could not be written to the ledger yet.
    unwritten: String,
}

impl<'a> Performer<'a> {
    /// One that calls `hcn`.
    #[must_use]
    pub fn new(hcn: &'a dyn Hcn) -> Self {
        Self { client: Client::new(hcn), network: None, unwritten: String::new() }
    }

    /// Makes `call`.
    ///
    /// # Errors
    /// When HNS refuses, or the ledger cannot be written.
    pub fn perform(
        &mut self,
        call: &Call,
        ledger: &mut dyn LedgerStore,
    ) -> Result<Reply, CallError> {
        Ok(match call {
            Call::FindNetwork { name } => {
                // Its handle may be of another network, or of an HNS that is no more.
                self.network = None;
                let mut networks = match name {
                    Some(name) => self.client.networks_where(&Query::by_name(name))?,
                    None => self.client.networks()?,
                };
                // One that cannot be read may be the one.
                if let Some(unreadable) = networks.unreadable.pop() {
                    let (call, source) = ("HcnQueryNetworkProperties", unreadable.source);
                    return Err(CallError::Hns(ClientError::Unreadable { call, source }));
                }
                Reply::Networks(networks.objects, self.client.version()?)
            }
            Call::List { kind: Kind::Endpoint, network } => {
                Reply::Ids(self.client.endpoint_ids_of(*network)?.into_iter().collect())
            }
            Call::List { kind: Kind::LoadBalancer, .. } => {
                Reply::Ids(self.client.load_balancer_ids()?.into_iter().collect())
            }
            Call::Read { kind: Kind::Endpoint, id } => {
                Reply::Endpoint(self.client.endpoint(*id)?.map(Box::new))
            }
            Call::Read { kind: Kind::LoadBalancer, id } => {
                Reply::LoadBalancer(self.client.load_balancer_in_detail(*id)?.map(Box::new))
            }
            Call::Change(change) => {
                if !change.ledger.is_empty() {
                    // Without a ledger the work goes on: most builds need none.
                    let _ = self.write(&change.ledger, ledger);
                }
                self.change(change)?
            }
            Call::WriteLedger { lines } => {
                self.write(lines, ledger).map_err(CallError::Ledger)?;
                Reply::Written
            }
            Call::RewriteLedger { lines } => {
                ledger.replace(lines).map_err(CallError::Ledger)?;
                self.unwritten.clear();
                Reply::Written
            }
            Call::RemoveLedger => {
                ledger.remove().map_err(CallError::Ledger)?;
                Reply::Written
            }
        })
    }

    fn change(&mut self, change: &Change) -> Result<Reply, ClientError> {
        let (client, id) = (self.client, change.operation.id);
        match (&change.operation.subject, change.operation.verb) {
            (Subject::Endpoint { document: Some(document), .. }, _) => {
                self.create_endpoint(change, id, document)
            }
            (Subject::LoadBalancer { document: Some(document), .. }, Verb::Modify) => {
                let opened = client.modify_load_balancer(id, document)?;
                read_back_load_balancer(&opened, change.read_back)
            }
            (Subject::LoadBalancer { document: Some(document), .. }, _) => {
                let opened = client.create_load_balancer(id, document)?;
                read_back_load_balancer(&opened, change.read_back)
            }
            (Subject::Endpoint { document: None, .. }, _) => {
                client.delete_endpoint(id)?;
                if !change.read_back {
                    return Ok(Reply::Changed);
                }
                Ok(Reply::Endpoint(client.endpoint(id)?.map(Box::new)))
            }
            (Subject::LoadBalancer { document: None, .. }, _) => {
                client.delete_load_balancer(id)?;
                if !change.read_back {
                    return Ok(Reply::Changed);
                }
                Ok(Reply::LoadBalancer(client.load_balancer_in_detail(id)?.map(Box::new)))
            }
        }
    }

    fn create_endpoint(
        &mut self,
        change: &Change,
        id: Guid,
        document: &Endpoint,
    ) -> Result<Reply, ClientError> {
        let result = self.create_endpoint_once(change, id, document);
        // The handle may be of a network that is gone, or of an HNS that has been started anew since.
        let stale = |error: &ClientError| {
            error.class() == ErrorClass::Gone || error.hresult() == Some(hresult::E_HANDLE)
        };
        if result.as_ref().is_err_and(stale) {
            self.network = None;
        }
        result
    }

    /// Writes lines to the ledger, with those that could not be written before.
    fn write(&mut self, lines: &str, ledger: &mut dyn LedgerStore) -> std::io::Result<()> {
        self.unwritten.push_str(lines);
        ledger.append(&self.unwritten)?;
        self.unwritten.clear();
        Ok(())
    }

    fn create_endpoint_once(
        &mut self,
        change: &Change,
        id: Guid,
        document: &Endpoint,
    ) -> Result<Reply, ClientError> {
        let opened = self.network.take().filter(|(network, _)| *network == change.network);
        let (network, opened) = match opened {
            Some(opened) => opened,
            None => (change.network, self.client.open_network(change.network)?),
        };
        let made = self.client.create_endpoint(&opened, id, document);
        self.network = Some((network, opened));
        let made = made?;
        if !change.read_back {
            return Ok(Reply::Changed);
        }
        Ok(Reply::Endpoint(there(made.read())?.map(Box::new)))
    }
}

fn read_back_load_balancer(
    opened: &Opened<'_, LoadBalancer>,
    read_back: bool,
) -> Result<Reply, ClientError> {
    if !read_back {
        return Ok(Reply::Changed);
    }
    Ok(Reply::LoadBalancer(there(opened.read_detailed())?.map(Box::new)))
}

/// What was read, or that it is gone.
fn there<T>(read: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.class() == ErrorClass::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the calls that are due at `now`, one after the other, until there is none. Time does not pass meanwhile, so that
/// nothing that waits is waited for.
pub fn run(
    reconciler: &mut Reconciler,
    hcn: &dyn Hcn,
    ledger: &mut dyn LedgerStore,
    now: Duration,
) {
    let mut performer = Performer::new(hcn);
    while let Some((id, call)) = reconciler.next(now) {
        let result = performer.perform(&call, ledger);
        reconciler.call_done(id, result, now);
    }
}

/// Reads what has to be read before anything is changed.
pub fn observe(
    reconciler: &mut Reconciler,
    hcn: &dyn Hcn,
    ledger: &mut dyn LedgerStore,
    now: Duration,
) {
    let mut performer = Performer::new(hcn);
    while let Some((id, call)) = reconciler.next_reading(now) {
        let result = performer.perform(&call, ledger);
        reconciler.call_done(id, result, now);
    }
}
