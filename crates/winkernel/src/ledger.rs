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

/// What was made, by kind and key. Several objects of one key differ in what they are.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: BTreeMap<(Kind, String), Vec<Entry>>,
    /// Lines that are not written yet.
    unwritten: String,
    /// How many lines were written since the file was last written as a whole.
    written: usize,
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
    #[serde(flatten)]
    event: Event,
}

/// What happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Event {
    /// This will be made.
    Make {
        digest: String,
        /// The equal objects that there were before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        noted: Vec<Guid>,
        /// The id that HNS gave, where it is known already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Guid>,
    },
    /// HNS gave what is so this id.
    Made { digest: String, id: Guid },
    /// The object with this id is gone.
    Gone(Guid),
}

/// How many lines are always let be.
const FEW: usize = 1_000;

impl Ledger {
    /// Reads the lines of an earlier run. One that cannot be read is passed over: it may have been cut off.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut ledger = Self::default();
        for line in text.lines() {
            ledger.written += 1;
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
        let entries = self.entries.entry(key.clone()).or_default();
        match line.event {
            Event::Make { digest, noted, id } => {
                entries.retain(|entry| entry.digest != digest);
                entries.push(Entry { digest, noted: noted.into_iter().collect(), id });
            }
            Event::Made { digest, id } => {
                let made = entries.iter_mut().filter(|entry| entry.digest == digest);
                made.for_each(|entry| entry.id = Some(id));
            }
            Event::Gone(id) => entries.retain(|entry| entry.id != Some(id)),
        }
        if entries.is_empty() {
            self.entries.remove(&key);
        }
    }

    fn note(&mut self, line: Line) {
        write(&mut self.unwritten, &line);
        self.written += 1;
        self.take_in(line);
    }

    fn known(&self, kind: Kind, key: &str) -> &[Entry] {
        self.entries.get(&(kind, key.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// An object with `digest` will be made for `key`, beside the equal ones in `noted`.
    pub(crate) fn will_make(&mut self, kind: Kind, key: String, digest: String, noted: Vec<Guid>) {
        let same = |entry: &Entry| {
            entry.digest == digest && entry.id.is_none() && entry.noted.iter().eq(&noted)
        };
        if !self.known(kind, &key).iter().any(same) {
            self.note(Line { kind, key, event: Event::Make { digest, noted, id: None } });
        }
    }

    /// HNS gave what was made for `key`, and is as `digest` says, this id.
    pub(crate) fn made(&mut self, kind: Kind, key: String, digest: String, id: Guid) {
        let same = |entry: &Entry| entry.digest == digest && entry.id != Some(id);
        if self.known(kind, &key).iter().any(same) {
            self.note(Line { kind, key, event: Event::Made { digest, id } });
        }
    }

    /// What was made for `key` with this id is gone.
    pub(crate) fn removed(&mut self, kind: Kind, key: String, id: Guid) {
        if self.known(kind, &key).iter().any(|entry| entry.id == Some(id)) {
            self.note(Line { kind, key, event: Event::Gone(id) });
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
        self.known(kind, key).iter().any(|entry| {
            let lost = entry.id.is_none_or(|known| !present(known));
            entry.id == Some(id) || (lost && entry.digest == digest && !entry.noted.contains(&id))
        })
    }

    /// The ids that are written down.
    pub(crate) fn ids(&self, kind: Kind) -> impl Iterator<Item = Guid> {
        let entries = self.entries.iter().filter(move |((own, _), _)| *own == kind);
        entries.flat_map(|(_, entries)| entries).filter_map(|entry| entry.id)
    }

    /// Forgets what is no more: every id that is written down was asked for. What has no id yet may be there all the same.
    pub(crate) fn retain(&mut self, present: impl Fn(Kind, Guid) -> bool) {
        self.entries.retain(|(kind, _), entries| {
            entries.retain(|entry| entry.id.is_none_or(|id| present(*kind, id)));
            !entries.is_empty()
        });
    }

    /// The lines that are to be written down now.
    pub(crate) fn take_unwritten(&mut self) -> String {
        std::mem::take(&mut self.unwritten)
    }

    /// Whether lines are to be written down.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Whether what is written down is mostly of the past.
    pub(crate) fn is_overgrown(&self) -> bool {
        self.written > FEW + 4 * self.entries.len()
    }

    /// All that is to be written down, in place of what is.
    pub(crate) fn whole(&mut self) -> String {
        self.unwritten.clear();
        let mut text = String::new();
        self.written = 0;
        for ((kind, key), entries) in &self.entries {
            for entry in entries.clone() {
                let noted = entry.noted.into_iter().collect();
                let event = Event::Make { digest: entry.digest, noted, id: entry.id };
                write(&mut text, &Line { kind: *kind, key: key.clone(), event });
                self.written += 1;
            }
        }
        text
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

fn write(text: &mut String, line: &Line) {
    let line = serde_json::to_string(line).unwrap_or_default();
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
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
        ledger.made(kind, "k".into(), "d".into(), id(1));
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
        ledger.removed(kind, "k".into(), id(1));
        assert!(!owns(&ledger, id(1), "d", &[]));
        assert!(Ledger::read(&format!("{text}{}", ledger.take_unwritten())).is_empty());
    }

    #[test]
    fn the_old_and_the_new_of_one_key_are_told_apart() {
        let mut ledger = Ledger::default();
        let kind = Kind::Endpoint;
        for (digest, number) in [("old", 1), ("new", 2)] {
            ledger.will_make(kind, "k".into(), digest.into(), vec![]);
            ledger.made(kind, "k".into(), digest.into(), id(number));
        }
        let present = |_| true;
        assert!(ledger.owns(kind, "k", id(1), "old", present));
        ledger.removed(kind, "k".into(), id(1));
        assert!(ledger.owns(kind, "k", id(2), "new", present));
    }

    #[test]
    fn a_ledger_that_is_mostly_of_the_past_is_written_anew() {
        let mut ledger = Ledger::default();
        let kind = Kind::Endpoint;
        for number in 0..2_000 {
            ledger.will_make(kind, "k".into(), "d".into(), vec![id(number)]);
        }
        assert!(ledger.is_overgrown());
        let again = Ledger::read(&ledger.whole());
        assert!(!ledger.is_overgrown());
        assert!(again.owns(kind, "k", id(1), "d", |_| false));
        assert!(!again.owns(kind, "k", id(1_999), "d", |_| false));
        ledger.made(kind, "k".into(), "d".into(), id(7));
        ledger.will_make(kind, "k".into(), "other".into(), vec![]);
        ledger.retain(|_, _| false);
        assert!(!ledger.owns(kind, "k", id(7), "d", |_| false), "it is no more");
        assert!(ledger.owns(kind, "k", id(8), "other", |_| false), "it may be there");
    }
}
