//! What the health-check ports of Services are to answer, kept up to date view by view.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use switchyard_model::{Backend, Family, Name, ServiceKey, ServicePortView, ViewEvent, ViewKey};

/// A port to listen on, for one family.
pub type PortKey = (NonZeroU16, Family);

/// Which Service answers at a port, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortAnswer {
    /// The Service.
    pub service: ServiceKey,
    /// Its UID, for events.
    pub uid: Option<Name>,
    /// How many of its ready endpoints are on this node, by their addresses.
    pub local_endpoints: usize,
}

/// What every health-check port is to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The ports.
    pub ports: BTreeMap<PortKey, PortAnswer>,
    /// Services that name a port which another has: the port, who has it, and who goes without.
    pub shared: BTreeMap<(NonZeroU16, ServiceKey), ServiceKey>,
}

/// What is kept of a view that has a health-check port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    port: NonZeroU16,
    uid: Option<Name>,
    local: Arc<[Backend]>,
}

/// The views that have a health-check port.
#[derive(Debug, Clone, Default)]
pub struct HealthPorts {
    kept: BTreeMap<ViewKey, Kept>,
}

impl HealthPorts {
    /// Takes in what the ViewStream says. True where an answer may differ now.
    pub fn apply(&mut self, events: &[ViewEvent]) -> bool {
        let mut differs = false;
        for event in events {
            differs |= match event {
                ViewEvent::Reset => !std::mem::take(&mut self.kept).is_empty(),
                ViewEvent::Upsert(view) => self.upsert(view),
                ViewEvent::Remove(key) => self.kept.remove(key).is_some(),
                ViewEvent::Node(_) | ViewEvent::Synced { .. } => false,
            };
        }
        differs
    }

    fn upsert(&mut self, view: &ServicePortView) -> bool {
        let Some(port) = view.health_check_node_port else {
            return self.kept.remove(&view.key).is_some();
        };
        let kept = Kept { port, uid: view.uid.clone(), local: Arc::clone(&view.local) };
        if self.kept.get(&view.key) == Some(&kept) {
            return false;
        }
        self.kept.insert(view.key.clone(), kept);
        true
    }

    /// What is to be answered. Of two Services that name one port the first by name has it in every family.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let mut owners: BTreeMap<NonZeroU16, &ServiceKey> = BTreeMap::new();
        let mut wanted = Wanted::default();
        let mut counted: BTreeMap<PortKey, BTreeSet<IpAddr>> = BTreeMap::new();
        for (key, kept) in &self.kept {
            let owner = *owners.entry(kept.port).or_insert(&key.service);
            if *owner != key.service {
                let without = (kept.port, key.service.clone());
                wanted.shared.insert(without, owner.clone());
                continue;
            }
            // Those that drain are not ready: no new connections are wanted for them (KEP-1669).
            let ready = kept.local.iter().filter(|backend| !backend.draining);
            let port = (kept.port, key.family);
            counted.entry(port).or_default().extend(ready.map(|backend| backend.address));
            wanted.ports.entry(port).or_insert_with(|| PortAnswer {
                service: key.service.clone(),
                uid: kept.uid.clone(),
                local_endpoints: 0,
            });
        }
        for (port, addresses) in counted {
            if let Some(answer) = wanted.ports.get_mut(&port) {
                answer.local_endpoints = addresses.len();
            }
        }
        wanted
    }
}
