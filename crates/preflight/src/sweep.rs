//! Removing what a run made, whatever became of the run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use switchyard_hcn::{Error, Guid, Hcn, Query};

use crate::answer::is_absence;
use crate::journal::Entry;
use crate::kind::Kind;
use crate::scratch::{self, Scratch};

/// How often what is left is looked for and removed.
const ROUNDS: usize = 3;

/// What is known of a run that is to be removed without a trace.
#[derive(Debug, Clone)]
pub(crate) struct Traces {
    /// The addresses of its objects; none where no journal tells.
    scratch: Option<Scratch>,
    /// What HNS held before.
    present: BTreeSet<Guid>,
    /// What it made or was about to make.
    asked: BTreeSet<(Kind, Guid)>,
}

/// An object that is still there, or may be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its kind; none where nothing is known of what is there.
    pub(crate) kind: Option<Kind>,
    /// Its id.
    pub(crate) id: Option<Guid>,
    /// Why it could not be removed.
    pub(crate) reason: String,
}

/// What came of removing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// What was removed.
    pub(crate) removed: Vec<(Kind, Guid)>,
    /// What is still there.
    pub(crate) left: Vec<Left>,
}

impl Traces {
    /// What a journal tells of.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut traces = Self { scratch: None, present: BTreeSet::new(), asked: BTreeSet::new() };
        entries.iter().for_each(|entry| traces.add(entry));
        traces
    }

    /// One line of a journal more.
    pub(crate) fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Begun { scratch, present } => {
                self.scratch = Scratch::new(*scratch).ok();
                self.present.clone_from(present);
            }
            Entry::Making { kind, id } | Entry::Made { kind, id } => {
                self.asked.insert((*kind, *id));
            }
        }
    }

    /// Whether an object looks like one of the run. Without a journal only its `Owner` and a network's name tell.
    fn looks_ours(&self, kind: Kind, document: &Value) -> bool {
        match self.scratch {
            Some(scratch) => scratch.looks_ours(kind, document),
            None => {
                document.get("Owner").and_then(Value::as_str) == Some(scratch::OWNER)
                    || (kind == Kind::Network && Scratch::DEFAULT.looks_ours(kind, document))
            }
        }
    }
}

/// Removes everything that a run made, and looks whether it is gone.
pub(crate) fn sweep(hcn: &dyn Hcn, traces: &Traces) -> Swept {
    let mut swept = Swept::default();
    let mut reasons: BTreeMap<(Kind, Guid), String> = BTreeMap::new();
    for round in 0..=ROUNDS {
        let found = find(hcn, traces);
        if found.objects.is_empty() && found.unreadable.is_empty() {
            break;
        }
        if round == ROUNDS {
            swept.left = found.unreadable;
            swept.left.extend(found.objects.into_iter().map(|(kind, id)| {
                let said = reasons.remove(&(kind, id));
                let reason = said.unwrap_or_else(|| "HNS says that it removed it".to_owned());
                Left { kind: Some(kind), id: Some(id), reason }
            }));
            break;
        }
        for (kind, id) in found.objects {
            match kind.delete(hcn, id) {
                Ok(()) => swept.removed.push((kind, id)),
                Err(error) if kind.is_gone(&error) => {}
                Err(error) => {
                    reasons.insert((kind, id), error.to_string());
                }
            }
        }
    }
    swept.removed.sort_unstable();
    swept.removed.dedup();
    let left: BTreeSet<Guid> = swept.left.iter().filter_map(|left| left.id).collect();
    swept.removed.retain(|(_, id)| !left.contains(id));
    swept
}

/// Objects of a run that are there.
struct Found {
    /// In the order in which they are to be removed.
    objects: Vec<(Kind, Guid)>,
    /// What could not be looked at.
    unreadable: Vec<Left>,
}

fn find(hcn: &dyn Hcn, traces: &Traces) -> Found {
    let mut found = Found { objects: Vec::new(), unreadable: Vec::new() };
    for kind in Kind::MADE {
        let listed = match list(hcn, kind) {
            Ok(ids) => ids,
            Err(error) => {
                let reason = format!("the {kind}s could not be listed: {error}");
                found.unreadable.push(Left { kind: Some(kind), id: None, reason });
                BTreeSet::new()
            }
        };
        // A listing that lacks something must not hide what we know of.
        let known = traces.asked.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id);
        let candidates: BTreeSet<Guid> = listed.iter().copied().chain(known).collect();
        for id in candidates.into_iter().filter(|id| !traces.present.contains(id)) {
            let is_ours = scratch::is_id(kind, id) || traces.asked.contains(&(kind, id));
            let is_there = || match open_and_close(hcn, kind, id) {
                Ok(()) => true,
                Err(error) => !kind.is_gone(&error),
            };
            if is_ours {
                // It is removed by its id alone, whatever HNS says of its document.
                if listed.contains(&id) || is_there() {
                    found.objects.push((kind, id));
                }
                continue;
            }
            match read(hcn, kind, id) {
                Ok(document) if traces.looks_ours(kind, &document) => {
                    found.objects.push((kind, id))
                }
                Ok(_) => {}
                // It vanished since it was listed.
                Err(error) if kind.is_gone(&error) => {}
                Err(error) => {
                    let reason = format!("it could not be read: {error}");
                    found.unreadable.push(Left { kind: Some(kind), id: Some(id), reason });
                }
            }
        }
    }
    found
}

fn open_and_close(hcn: &dyn Hcn, kind: Kind, id: Guid) -> Result<(), Error> {
    let handle = kind.open(hcn, id)?;
    // A handle that cannot be closed is lost either way.
    let _ = handle.close(hcn);
    Ok(())
}

fn list(hcn: &dyn Hcn, kind: Kind) -> Result<BTreeSet<Guid>, Error> {
    let text = kind.enumerate(hcn, &Query::all().to_json())?;
    serde_json::from_str(&text).map_err(|_| unreadable(&text))
}

fn read(hcn: &dyn Hcn, kind: Kind, id: Guid) -> Result<Value, Error> {
    let handle = kind.open(hcn, id)?;
    let text = handle.query(hcn, &Query::all().to_json());
    // A handle that cannot be closed is lost either way.
    let _ = handle.close(hcn);
    let text = text?;
    serde_json::from_str(&text).map_err(|_| unreadable(&text))
}

/// An answer that is no JSON, or not what was asked for.
fn unreadable(text: &str) -> Error {
    let record = Some(format!("the answer cannot be read: {text:?}"));
    Error { hresult: switchyard_hcn::hresult::HCN_E_INVALID_JSON, record }
}

/// What HNS holds: the document of every object of the kinds that a run makes; null where it cannot be read.
pub(crate) type Inventory = BTreeMap<(Kind, Guid), Value>;

/// Reads everything that HNS holds, but for namespaces.
///
/// # Errors
///
/// If HNS does not list it all or does not answer: half a picture would take what is there for what a run made.
pub(crate) fn inventory(hcn: &dyn Hcn) -> Result<Inventory, Error> {
    let mut inventory = Inventory::new();
    for kind in Kind::MADE {
        for id in list(hcn, kind)? {
            match read(hcn, kind, id) {
                Ok(document) => inventory.insert((kind, id), document),
                // It vanished since it was listed.
                Err(error) if kind.is_gone(&error) => None,
                Err(error) if is_absence(&error) => return Err(error),
                // One that is there and cannot be read is not touched either.
                Err(_) => inventory.insert((kind, id), Value::Null),
            };
        }
    }
    Ok(inventory)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchyard_hcn_emulator::{Emulator, State};

    use super::*;

    /// Whether a load balancer with this id, VIP and owner is removed.
    fn check(entries: &[Entry], id: Guid, vip: &str, owner: &str, expect: bool) {
        let endpoint = "10000000-0000-0000-0000-00000000000e";
        let state = json!({
            "endpoints": [{ "ID": endpoint, "IpConfigurations": [{ "IpAddress": "10.1.1.21" }] }],
            "loadBalancers": [{ "ID": id, "Owner": owner, "HostComputeEndpoints": [endpoint],
                "FrontendVIPs": [vip] }],
        });
        let emulator = Emulator::new(State::from_json(&state.to_string()).unwrap());
        let swept = sweep(&emulator, &Traces::of(entries));
        assert_eq!(swept.left, []);
        assert_eq!(swept.removed.contains(&(Kind::LoadBalancer, id)), expect, "{entries:?} {id}");
        assert_eq!(emulator.state().load_balancer(id).is_none(), expect, "{entries:?} {id}");
    }

    #[test]
    fn what_was_there_before_is_never_removed() {
        let own = scratch::id(Kind::LoadBalancer, 0);
        let other: Guid = "10000000-0000-0000-0000-000000000001".parse().unwrap();
        let begun = |present: &[Guid]| Entry::Begun {
            scratch: Scratch::DEFAULT.prefix(),
            present: present.iter().copied().collect(),
        };
        let making = Entry::Making { kind: Kind::LoadBalancer, id: other };
        let (vip, foreign) = ("192.0.2.254", "172.20.0.10");
        check(&[begun(&[])], other, vip, "", true);
        check(&[begun(&[other])], other, vip, "", false);
        check(&[begun(&[other])], other, vip, scratch::OWNER, false);
        check(&[], other, vip, "", false);
        check(&[begun(&[])], other, foreign, "", false);
        check(&[begun(&[]), making], other, foreign, "", true);
        check(&[], own, foreign, "", true);
        check(&[begun(&[own])], own, foreign, "", false);
        check(&[], other, foreign, scratch::OWNER, true);
    }
}
