//! What a run found, as one document.

use serde::Serialize;
use switchyard_hcn::Guid;

use crate::call::{Call, Count};
use crate::kind::Kind;
use crate::options::{Extra, Options};
use crate::sweep::{Left, Swept};

/// The form of the document. It changes with its members.
const FORM: &str = "switchyard-preflight/1";

/// What a run found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The form of this document.
    pub form: &'static str,
    /// The version of Switchyard.
    pub switchyard: String,
    /// The name of the node.
    pub node: String,
    /// When the run began, as the node's clock says.
    pub date: String,
    /// How far it went.
    pub asked: Asked,
    /// The version of HNS, if it told.
    pub hns_version: Option<String>,
    /// The functions of HNS that the system lacks; none where nobody looked.
    pub missing_functions: Option<Vec<String>>,
    /// The network that was asked about.
    pub network: Option<NetworkRow>,
    /// Whether a proxy can work here.
    pub readiness: Readiness,
    /// The questions, in the order in which they were asked.
    pub probes: Vec<ProbeRow>,
    /// What became of the objects of the run.
    pub cleanup: Cleanup,
}

/// How far a run went.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Whether objects were made.
    pub full: bool,
    /// What else was asked for.
    pub also: Vec<Extra>,
    /// The addresses of what was made.
    pub scratch: String,
}

/// The network that was asked about.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkRow {
    /// Its id.
    pub id: Guid,
    /// Its name.
    pub name: String,
    /// Its type, in HNS' word.
    #[serde(rename = "type")]
    pub network_type: String,
}

/// Whether a proxy can work here.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether everything is there that a proxy must have.
    pub is_ready: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// Something that a proxy must have, or does better with.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name.
    pub id: &'static str,
    /// Whether a proxy must have it.
    pub is_required: bool,
    /// Whether it is there.
    pub passed: bool,
    /// What was found.
    pub detail: String,
    /// What to do, where it is not there.
    pub advice: Option<&'static str>,
}

/// A question, and what came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRow {
    /// Its name.
    pub id: &'static str,
    /// It in words.
    pub question: &'static str,
    /// The answer in a word or few, if there is one.
    pub answer: Option<String>,
    /// Why there is none.
    pub not_answered: Option<String>,
    /// What was seen, in sentences.
    pub evidence: Vec<String>,
    /// The calls that were made, as they were made; not those about objects of others.
    pub calls: Vec<Call>,
    /// How many calls are not told one by one.
    pub left_out: usize,
    /// All calls by function.
    pub counts: Vec<Count>,
}

/// What became of the objects of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cleanup {
    /// How many were made.
    pub made: usize,
    /// Objects that were still there at the end and were removed then.
    pub removed: Vec<ObjectRow>,
    /// What is still there, or may be.
    pub left: Vec<LeftRow>,
    /// Whether a call did not return in time that may still make something.
    pub may_still_appear: bool,
}

/// An object.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Guid,
}

/// An object that is still there, or may be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftRow {
    /// Its kind, where that is known.
    pub kind: Option<Kind>,
    /// Its id, where that is known.
    pub id: Option<Guid>,
    /// Why.
    pub reason: String,
}

impl Cleanup {
    pub(crate) fn of(made: usize, swept: Swept, may_still_appear: bool) -> Self {
        let row = |Left { kind, id, reason }| LeftRow { kind, id, reason };
        let removed = swept.removed.into_iter().map(|(kind, id)| ObjectRow { kind, id });
        Self {
            made,
            removed: removed.collect(),
            left: swept.left.into_iter().map(row).collect(),
            may_still_appear,
        }
    }

    /// Whether nothing is there any more, and nothing can appear.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && !self.may_still_appear
    }
}

impl Asked {
    pub(crate) fn of(options: &Options) -> Self {
        let mut also = options.also.clone();
        also.sort_unstable();
        also.dedup();
        Self { full: options.full, also, scratch: options.scratch.prefix().to_string() }
    }
}

impl Report {
    /// A report of a run with these options on this node.
    pub(crate) fn begin(about: About, options: &Options) -> Self {
        let About { switchyard, node, date, missing_functions } = about;
        Self {
            form: FORM,
            switchyard,
            node,
            date,
            asked: Asked::of(options),
            hns_version: None,
            missing_functions,
            network: None,
            readiness: Readiness { is_ready: false, checks: Vec::new() },
            probes: Vec::new(),
            cleanup: Cleanup::default(),
        }
    }

    /// What came of the question with this id.
    #[must_use]
    pub fn probe(&self, id: &str) -> Option<&ProbeRow> {
        self.probes.iter().find(|row| row.id == id)
    }
}

/// What a report says of where and when it was made.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The version of Switchyard.
    pub switchyard: String,
    /// The name of the node.
    pub node: String,
    /// The time.
    pub date: String,
    /// The functions of HNS that the system lacks; none where nobody looked.
    pub missing_functions: Option<Vec<String>>,
}
