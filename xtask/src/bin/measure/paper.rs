//! An HNS that does whatever it is told and takes no time, so that nothing but the reconciler is measured.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use switchyard_hcn::{Endpoint, Guid, LoadBalancer, Network, Version};
use switchyard_model::ViewEvent;
use switchyard_winkernel::{
    Call, CallId, Change, Kind, Ledger, Reconciler, ReconcilerSettings, Reply, Subject,
};

/// No time passes.
pub(crate) const NOW: Duration = Duration::ZERO;

/// A reconciler that has brought an empty HNS to what `views` want.
pub(crate) fn settled(
    settings: ReconcilerSettings,
    network: &Network,
    version: Version,
    views: Vec<ViewEvent>,
) -> Result<Reconciler> {
    let mut reconciler = Reconciler::new(settings, Ledger::default());
    reconciler.view(views, NOW);
    let first = reconciler.next(NOW);
    finish(&mut reconciler, network, version, first);
    if !reconciler.is_settled() {
        bail!("the node does not come to rest");
    }
    Ok(reconciler)
}

/// Has every call that is left for a change succeed, and says how many there were.
pub(crate) fn finish(
    reconciler: &mut Reconciler,
    network: &Network,
    version: Version,
    first: Option<(CallId, Call)>,
) -> usize {
    let mut calls = 0;
    let mut next = first;
    while let Some((id, call)) = next {
        let reply = reply(&call, network, version);
        reconciler.call_done(id, Ok(reply), NOW);
        calls += 1;
        next = reconciler.next(NOW);
    }
    calls
}

fn reply(call: &Call, network: &Network, version: Version) -> Reply {
    match call {
        Call::FindNetwork { .. } => Reply::Networks(vec![network.clone()], version),
        Call::List { .. } => Reply::Ids(BTreeSet::new()),
        Call::Read { kind: Kind::Endpoint, .. } => Reply::Endpoint(None),
        Call::Read { kind: Kind::LoadBalancer, .. } => Reply::LoadBalancer(None),
        Call::Change(change) => changed(change),
        Call::WriteLedger { .. } | Call::RewriteLedger { .. } | Call::RemoveLedger => {
            Reply::Written
        }
    }
}

/// What was asked for is there, when it is read back.
fn changed(change: &Change) -> Reply {
    let id: Guid = change.operation.id;
    match &change.operation.subject {
        _ if !change.read_back => Reply::Changed,
        Subject::Endpoint { document, .. } => Reply::Endpoint(
            document.as_deref().map(|sent| Box::new(Endpoint { id: Some(id), ..sent.clone() })),
        ),
        Subject::LoadBalancer { document, .. } => Reply::LoadBalancer(
            document.as_deref().map(|sent| Box::new(LoadBalancer { id: Some(id), ..sent.clone() })),
        ),
    }
}
