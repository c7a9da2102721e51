//! What was made, written down, for the time that HNS is not known to keep `Owner`.
//!
//! Before a create call an entry says what will be made and which equal objects there were; after it, the id that HNS gave.
//! An object is ours if its id is recorded, or if it is what an entry says whose id is unknown or gone, and was not there
//! before. Entries are lines of JSON: the last about a key counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use switchyard_hcn::Guid;

/// A kind of object that we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// An endpoint.
    Endpoint,
    /// A load balancer.
    LoadBalancer,
}

impl Kind {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::LoadBalancer => "loadBalancer",
        }
    }
}

/// What was made, by kind and key.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: BTreeMap<(Kind, String), Entry>,
    /// Lines that are not written yet.
    unwritten: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    digest: String,
    noted: BTreeSet<Guid>,
    id: Option<Guid>,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    kind: Kind,
    key: String,
    /// What is made; absent when only the id is told, or that it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The equal objects that there were before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    noted: Vec<Guid>,
    /// The id that HNS gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Guid>,
}

impl Ledger {
    /// Reads the lines of an earlier run. One that cannot be read is passed over: it may have been cut off.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut ledger = Self::default();
        for line in text.lines() {
            if let Ok(line) = serde_json::from_str::<Line>(line) {
                ledger.take_in(line);
            }
        }
        // The next line must not be joined to one that was cut off, or neither could be read.
        if !text.is_empty() && !text.ends_with('\n') {
            ledger.unwritten.push('\n');
        }
        ledger
    }

    fn take_in(&mut self, line: Line) {
        let key = (line.kind, line.key);
        match (line.digest, line.id) {
            (Some(digest), id) => {
                let noted = line.noted.into_iter().collect();
                self.entries.insert(key, Entry { digest, noted, id });
            }
            (None, Some(id)) => {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.id = Some(id);
                }
            }
            (None, None) => drop(self.entries.remove(&key)),
        }
    }

    fn note(&mut self, line: Line) {
        let text = serde_json::to_string(&line).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = writeln!(self.unwritten, "{text}");
        self.take_in(line);
    }

    /// An object with `digest` will be made for `key`, beside the equal ones in `noted`.
    pub(crate) fn will_make(&mut self, kind: Kind, key: String, digest: String, noted: Vec<Guid>) {
        let known = self.entries.get(&(kind, key.clone()));
        let same = |entry: &Entry| {
            entry.digest == digest && entry.id.is_none() && entry.noted.iter().eq(&noted)
        };
        if !known.is_some_and(same) {
            self.note(Line { kind, key, digest: Some(digest), noted, id: None });
        }
    }

    /// HNS gave what was made for `key` this id.
    pub(crate) fn made(&mut self, kind: Kind, key: String, id: Guid) {
        let known = self.entries.get(&(kind, key.clone()));
        if known.is_some_and(|entry| entry.id != Some(id)) {
            self.note(Line { kind, key, digest: None, noted: Vec::new(), id: Some(id) });
        }
    }

    /// What was made for `key` is gone.
    pub(crate) fn removed(&mut self, kind: Kind, key: String) {
        if self.entries.contains_key(&(kind, key.clone())) {
            self.note(Line { kind, key, digest: None, noted: Vec::new(), id: None });
        }
    }

    /// Whether the object with `id`, which is what `digest` says for `key`, was made by us. `present` tells which objects
    /// there are.
    pub(crate) fn owns(
        &self,
        kind: Kind,
        key: &str,
        id: Guid,
        digest: &str,
        present: impl Fn(Guid) -> bool,
    ) -> bool {
        let Some(entry) = self.entries.get(&(kind, key.to_owned())) else { return false };
        let lost = entry.id.is_none_or(|known| !present(known));
        entry.id == Some(id) || (lost && entry.digest == digest && !entry.noted.contains(&id))
    }

    /// The lines that are to be written down now.
    pub(crate) fn take_unwritten(&mut self) -> String {
        std::mem::take(&mut self.unwritten)
    }

    /// Whether lines are to be written down.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Whether nothing is written down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Guid {
        Guid::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn an_object_is_ours_by_its_entry() {
        let mut ledger = Ledger::default();
        let kind = Kind::LoadBalancer;
        let owns = |ledger: &Ledger, object, digest: &str, present: &[Guid]| {
            ledger.owns(kind, "k", object, digest, |id| present.contains(&id))
        };
        assert!(!owns(&ledger, id(1), "d", &[]));
        ledger.will_make(kind, "k".into(), "d".into(), vec![id(9)]);
        assert!(owns(&ledger, id(1), "d", &[]), "its id is unknown");
        assert!(!owns(&ledger, id(9), "d", &[]), "it was there before");
        assert!(!owns(&ledger, id(1), "other", &[]), "it is something else");
        ledger.made(kind, "k".into(), id(1));
        assert!(owns(&ledger, id(1), "other", &[]), "its id is recorded");
        assert!(!owns(&ledger, id(2), "d", &[id(1)]), "the recorded one is there");
        assert!(owns(&ledger, id(2), "d", &[id(2)]), "the recorded one is gone");
        let text = ledger.take_unwritten();
        let again = Ledger::read(&format!("{text}{{\"kind\":\"loadBal"));
        assert!(owns(&again, id(1), "other", &[]), "the entry was read back");
        let mut torn = Ledger::read("{\"kind\":\"loadBal");
        torn.will_make(kind, "k".into(), "d".into(), vec![]);
        let joined = format!("{{\"kind\":\"loadBal{}", torn.take_unwritten());
        let again = Ledger::read(&joined);
        assert!(owns(&again, id(1), "d", &[]), "what follows a line that was cut off is read");
        ledger.removed(kind, "k".into());
        assert!(!owns(&ledger, id(1), "d", &[]));
        assert!(Ledger::read(&format!("{text}{}", ledger.take_unwritten())).is_empty());
    }
}
