//! How many packets met something that the subject cannot do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::report::percent;

/// How many packets each limit of a subject changed the answer of. One packet may meet several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The packets that no limit changed the answer of.
    pub untouched: Share,
    /// By name, those included that no packet met.
    pub touched: BTreeMap<String, Share>,
}

/// A part of the packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub packets: u64,
    /// Of how many.
    pub all: u64,
}

impl Share {
    /// In hundredths.
    #[must_use]
    pub fn percent(self) -> f64 {
        percent(self.packets, self.all)
    }
}

/// As `packets` and `percent`.
impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            packets: u64,
            percent: f64,
        }

        // A thousandth of a hundredth is fine enough for a table, and does not tell more than was counted.
        let percent = (self.percent() * 1_000.0).round() / 1_000.0;
        Shown { packets: self.packets, percent }.serialize(serializer)
    }
}

impl Limits {
    /// No packet yet; `None` where there are no limits.
    pub(super) fn of(known: Vec<String>) -> Option<Self> {
        if known.is_empty() {
            return None;
        }
        let touched = known.into_iter().map(|name| (name, Share::default())).collect();
        Some(Self { untouched: Share::default(), touched })
    }

    /// Counts a packet that met `limits`.
    pub(super) fn count(&mut self, limits: &[String]) {
        self.untouched.packets += u64::from(limits.is_empty());
        let met: BTreeSet<&String> = limits.iter().collect();
        let all = self.untouched.all + 1;
        for name in met {
            self.touched.entry(name.clone()).or_default().packets += 1;
        }
        self.untouched.all = all;
        self.touched.values_mut().for_each(|share| share.all = all);
    }
}
