//! Faults by script: which requests go wrong, and how. Each is counted when it really happens to a client.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use crate::resource::Resource;

/// A fault: the requests that it is for, and what happens to them. A request meets the first fault that is for it, is not used up, and
/// has let enough requests go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which requests it is for.
    pub on: On,
    /// Only those of this resource, by its name in paths; none is all.
    pub resource: Option<&'static str>,
    /// How many of them go well first.
    pub skip: u64,
    /// How many of them then go wrong; none is all.
    pub times: Option<u64>,
    /// How they go wrong.
    pub does: Trouble,
}

impl Fault {
    /// One fault at the next such request.
    pub fn once(on: On, does: Trouble) -> Self {
        Self { on, resource: None, skip: 0, times: Some(1), does }
    }

    /// A fault at every such request.
    pub fn always(on: On, does: Trouble) -> Self {
        Self { times: None, ..Self::once(on, does) }
    }

    /// The same for one resource alone.
    #[must_use]
    pub fn of(self, resource: &'static str) -> Self {
        Self { resource: Some(resource), ..self }
    }

    fn is_for(&self, called: &Called) -> bool {
        let is_there = match self.on {
            On::Any => true,
            On::List => called.does == Does::List,
            On::Watch => matches!(called.does, Does::Watch | Does::StreamingList),
            On::StreamingList => called.does == Does::StreamingList,
            On::Get => called.does == Does::Get,
            On::Write => called.does == Does::Write,
            On::Discovery => called.does == Does::Discovery,
        };
        let is_about = self.resource.is_none_or(|name| called.resource == Some(name));
        self.times != Some(0) && is_there && is_about
    }
}

/// Kinds of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// All.
    Any,
    /// Lists and their pages.
    List,
    /// Watches, with initial events or without.
    Watch,
    /// Watches that ask for initial events.
    StreamingList,
    /// Reading one object.
    Get,
    /// Creating, changing, deleting.
    Write,
    /// All that is about no object: versions, resources, health.
    Discovery,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The answer begins later.
    Delay(Duration),
    /// The connection breaks before anything is answered.
    Refuse,
    /// Nothing is answered, and the connection stays.
    NoAnswer,
    /// A refusal with this HTTP status.
    Status {
        /// The status.
        code: u16,
        /// The seconds of a `Retry-After`, if there is to be one.
        retry_after: Option<u64>,
    },
    /// A page for people instead of an answer, with status 200.
    WrongContentType,
    /// Bytes that are no JSON instead of an answer, with status 200 and the right content type.
    Garbage,
    /// A list as it was so many versions ago, as from a server that lags behind.
    Stale {
        /// How many versions.
        behind: u64,
    },
    /// A watch begins, and its first event is an error with this code: 410 when history is gone; 500 where the storage cannot do
    /// streaming lists.
    ErrorEvent {
        /// The code.
        code: u16,
    },
    /// After so many events of a watch the connection breaks in the midst of a line.
    Cut {
        /// How many go well.
        after: u64,
    },
    /// After so many events of a watch nothing more is said, and the connection stays.
    Silence {
        /// How many go well.
        after: u64,
    },
    /// After so many events of a watch the next one comes twice.
    Duplicate {
        /// How many go well.
        after: u64,
    },
    /// After so many events of a watch the next two come in the wrong order.
    Swap {
        /// How many go well.
        after: u64,
    },
    /// After so many events of a watch there is a line that is no JSON.
    GarbageLine {
        /// How many go well.
        after: u64,
    },
    /// After so many events of a watch there is a line of this length.
    LongLine {
        /// How many go well.
        after: u64,
        /// Its length.
        bytes: usize,
    },
}

impl Trouble {
    /// The name under which it is counted.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Refuse => "refuse",
            Self::NoAnswer => "no-answer",
            Self::Status { .. } => "status",
            Self::WrongContentType => "wrong-content-type",
            Self::Garbage => "garbage",
            Self::Stale { .. } => "stale",
            Self::ErrorEvent { .. } => "error-event",
            Self::Cut { .. } => "cut",
            Self::Silence { .. } => "silence",
            Self::Duplicate { .. } => "duplicate",
            Self::Swap { .. } => "swap",
            Self::GarbageLine { .. } => "garbage-line",
            Self::LongLine { .. } => "long-line",
        }
    }

    /// After how many events of a watch it happens; none where it is not about events.
    pub(super) fn after(&self) -> Option<u64> {
        match self {
            Self::Cut { after }
            | Self::Silence { after }
            | Self::Duplicate { after }
            | Self::Swap { after }
            | Self::GarbageLine { after }
            | Self::LongLine { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether it is about lists alone, or about watches alone: others let it go by.
    fn is_possible(&self, called: &Called) -> bool {
        let is_watch = matches!(called.does, Does::Watch | Does::StreamingList);
        match self {
            Self::Stale { .. } => called.does == Does::List,
            Self::ErrorEvent { .. } => is_watch,
            other => other.after().is_none() || is_watch,
        }
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    List,
    Watch,
    StreamingList,
    Get,
    Write,
    Discovery,
}

/// A request as faults see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) does: Does,
    pub(super) resource: Option<&'static str>,
}

impl Called {
    /// A request of objects.
    pub(super) fn of(resource: &Resource, method: &Method, reads: Does) -> Self {
        let does = if *method == Method::GET { reads } else { Does::Write };
        Self { does, resource: Some(resource.plural) }
    }
}

/// The faults of a server, and how often each kind happened.
#[derive(Debug, Default)]
pub(super) struct Faults {
    script: Vec<Fault>,
    hits: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.script.push(fault);
    }

    /// Forgets the faults that are still to come; the counts stay.
    pub(super) fn clear(&mut self) {
        self.script.clear();
    }

    /// What is to go wrong with a request.
    pub(super) fn meet(&mut self, called: &Called) -> Option<Trouble> {
        self.script.retain(|fault| fault.times != Some(0));
        let matching = |fault: &&mut Fault| fault.is_for(called) && fault.does.is_possible(called);
        for fault in self.script.iter_mut().filter(matching) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            return Some(fault.does.clone());
        }
        None
    }

    pub(super) fn count(&mut self, trouble: &Trouble) {
        *self.hits.entry(trouble.name()).or_default() += 1;
    }

    pub(super) fn hits(&self) -> BTreeMap<&'static str, u64> {
        self.hits.clone()
    }
}
