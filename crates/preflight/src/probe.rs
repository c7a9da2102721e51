//! The questions.

use crate::answer::Outcome;
use crate::bench::Bench;
use crate::options::{Extra, Options};

/// A question to HNS.
pub struct Probe {
    /// Its name, which stays the same.
    pub id: &'static str,
    /// It in words.
    pub question: &'static str,
    /// What it needs.
    pub needs: Needs,
    pub(crate) ask: fn(&Bench<'_>) -> Outcome,
}

/// What a question needs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it only reads.
    Nothing,
    /// That objects are made and removed again.
    Full,
    /// The same, and that it was asked for by itself.
    Extra(Extra),
}

impl Needs {
    /// The flags that are missing in a run with these options, if any are.
    pub(crate) fn missing(self, options: &Options) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Full => (!options.full).then(|| "--full".to_owned()),
            Self::Extra(extra) if options.full && options.also.contains(&extra) => None,
            Self::Extra(extra) => Some(format!("--full {}", extra.flag())),
        }
    }
}

/// All questions, in the order in which they are asked.
#[must_use]
pub fn probes() -> Vec<&'static Probe> {
    crate::probes::ALL.iter().flat_map(|group| group.iter()).collect()
}
