//! What an emulated HNS has been asked.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use switchyard_hcn::Guid;

use crate::request::{ObjectKind, Verb, function_name};

/// How many calls the log keeps; older ones are only counted.
const LOGGED: usize = 100_000;

/// A call and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What it did.
    pub verb: Verb,
    /// To what kind of object.
    pub kind: ObjectKind,
    /// To which object; none for a list, an unknown handle, and a create call that was refused an id of its own.
    pub id: Option<Guid>,
    /// The HRESULT.
    pub hresult: u32,
    /// Whether it changed what HNS holds, or tried to.
    pub is_mutating: bool,
}

impl Call {
    /// The name of the exported function.
    #[must_use]
    pub const fn function(&self) -> &'static str {
        function_name(self.verb, self.kind)
    }

    /// The call as a row of a log: its number, function, object and HRESULT, and no time.
    #[must_use]
    pub fn row(&self, seq: u64) -> Value {
        json!({ "seq": seq, "call": self.function(), "id": self.id, "hresult": self.hresult })
    }
}

/// All calls so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    log: VecDeque<Call>,
    counts: BTreeMap<(Verb, ObjectKind), u64>,
    mutating: u64,
}

impl Calls {
    /// So many calls, of which no more is known.
    pub(crate) const fn counted(counts: BTreeMap<(Verb, ObjectKind), u64>, mutating: u64) -> Self {
        Self { log: VecDeque::new(), counts, mutating }
    }

    pub(crate) fn note(&mut self, call: Call) {
        if self.log.len() == LOGGED {
            self.log.pop_front();
        }
        self.log.push_back(call);
        *self.counts.entry((call.verb, call.kind)).or_default() += 1;
        self.mutating += u64::from(call.is_mutating);
    }

    /// The newest calls, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Call> {
        self.log.iter()
    }

    /// The newest calls as rows of a log, oldest first. The first call of all has the number 1.
    pub fn rows(&self) -> impl Iterator<Item = Value> {
        let forgotten = self.total().saturating_sub(self.log.len() as u64);
        self.log.iter().zip(forgotten + 1..).map(|(call, seq)| call.row(seq))
    }

    /// The newest call of all, with its number; none before the first, and where the log was not kept.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, &Call)> {
        self.log.back().map(|call| (self.total(), call))
    }

    /// The newest calls that changed what HNS holds, or tried to, oldest first.
    pub fn mutating(&self) -> impl Iterator<Item = &Call> {
        self.log.iter().filter(|call| call.is_mutating)
    }

    /// How often each function was called.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<(Verb, ObjectKind), u64> {
        &self.counts
    }

    /// How many calls there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many calls changed what HNS holds, or tried to.
    #[must_use]
    pub const fn total_mutating(&self) -> u64 {
        self.mutating
    }
}
