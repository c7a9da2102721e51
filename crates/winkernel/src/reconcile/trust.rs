//! What HNS has been seen to do with what it is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::Kind;
use crate::operation::Verb;

/// What HNS has been seen to do with what it is told. Success is no proof: HNS 15.4 says yes to a modify call and does nothing
/// (kubernetes/kubernetes#131466).
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    /// What was read back since HNS started, and was as it should be.
    proven: BTreeSet<(Verb, Kind)>,
    /// Whether HNS gives objects the ids that are asked for.
    keeps_ids: BTreeMap<Kind, bool>,
    /// Whether HNS keeps `Owner`.
    keeps_owner: BTreeMap<Kind, bool>,
    /// Whether load balancers cannot be modified, whatever the version says.
    pub(super) modify_is_broken: bool,
    /// The least number of backends that was too many.
    pub(super) too_many_backends: Option<usize>,
}

impl Trust {
    /// Everything is believed, as on paper.
    pub(super) fn blind() -> Self {
        let kinds = [Kind::Endpoint, Kind::LoadBalancer];
        let verbs = [Verb::Create, Verb::Modify, Verb::Delete];
        Self {
            proven: kinds.into_iter().flat_map(|kind| verbs.map(|verb| (verb, kind))).collect(),
            keeps_ids: kinds.map(|kind| (kind, true)).into(),
            keeps_owner: kinds.map(|kind| (kind, true)).into(),
            modify_is_broken: false,
            too_many_backends: None,
        }
    }

    /// HNS was started anew: what was proven of it has to be proven again.
    pub(super) fn forget_proofs(&mut self) {
        self.proven.clear();
        self.modify_is_broken = false;
        self.too_many_backends = None;
    }

    /// Whether what a call did is to be read. Where HNS picks ids it always is: there is no other way to learn them. And so is
    /// a removal where the ledger alone tells whose an object is: once it is struck out there, one that HNS kept is nobody's.
    pub(super) fn must_read_back(&self, verb: Verb, kind: Kind) -> bool {
        let unsure = match verb {
            Verb::Create => self.keeps_ids.get(&kind) == Some(&false),
            Verb::Delete => self.needs_ledger(kind) && !self.keeps_ids(kind),
            Verb::Modify => false,
        };
        unsure || !self.proven.contains(&(verb, kind))
    }

    pub(super) fn prove(&mut self, verb: Verb, kind: Kind) {
        self.proven.insert((verb, kind));
    }

    pub(super) fn saw_create(&mut self, kind: Kind, id_kept: bool, owner_kept: bool) {
        self.keeps_ids.insert(kind, id_kept);
        self.keeps_owner.insert(kind, owner_kept);
    }

    /// Whether HNS is known to give objects the ids that are asked for.
    pub(super) fn keeps_ids(&self, kind: Kind) -> bool {
        self.keeps_ids.get(&kind) == Some(&true)
    }

    /// Whether what is made has to be written down: unless HNS is known to keep who made it.
    pub(super) fn needs_ledger(&self, kind: Kind) -> bool {
        self.keeps_owner.get(&kind) != Some(&true)
    }

    /// Whether nothing has to be written down any more.
    pub(super) fn needs_no_ledger(&self) -> bool {
        !self.needs_ledger(Kind::Endpoint) && !self.needs_ledger(Kind::LoadBalancer)
    }
}
