//! How Services behave, one row per fact, and the runner that puts each row to a [`Subject`](crate::Subject).
//!
//! The rows are data: `facts/*.yaml` in this crate, one file per section, in the notation that `facts/README.md`
//! explains. [`load`] reads them, [`run`] asks a subject and returns one [`Row`] per fact.

mod expand;
mod health;
mod hns;
mod notation;
mod outcome;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use notation::{Case, Fixture, SectionFile, Standing};

pub use run::{Row, Verdict, run};

/// The addresses and nodes that every row may name.
const FIXTURE: &str = include_str!("../facts/fixture.yaml");

/// The sections in order: file name (for messages) and text.
const SECTIONS: &[(&str, &str)] = &[
    ("a-cluster-ip.yaml", include_str!("../facts/a-cluster-ip.yaml")),
    ("b-node-port.yaml", include_str!("../facts/b-node-port.yaml")),
    ("c-load-balancer.yaml", include_str!("../facts/c-load-balancer.yaml")),
    ("d-traffic-policies.yaml", include_str!("../facts/d-traffic-policies.yaml")),
    ("e-no-endpoints.yaml", include_str!("../facts/e-no-endpoints.yaml")),
    ("f-terminating.yaml", include_str!("../facts/f-terminating.yaml")),
    ("g-topology.yaml", include_str!("../facts/g-topology.yaml")),
    ("h-session-affinity.yaml", include_str!("../facts/h-session-affinity.yaml")),
    ("i-objects-and-slices.yaml", include_str!("../facts/i-objects-and-slices.yaml")),
    ("j-health-endpoints.yaml", include_str!("../facts/j-health-endpoints.yaml")),
    ("k-connection-state.yaml", include_str!("../facts/k-connection-state.yaml")),
    ("l-dual-stack.yaml", include_str!("../facts/l-dual-stack.yaml")),
    ("m-changes.yaml", include_str!("../facts/m-changes.yaml")),
    ("n-host-port.yaml", include_str!("../facts/n-host-port.yaml")),
    ("o-windows-kernel.yaml", include_str!("../facts/o-windows-kernel.yaml")),
    ("p-userspace.yaml", include_str!("../facts/p-userspace.yaml")),
    ("q-bad-input.yaml", include_str!("../facts/q-bad-input.yaml")),
];

/// One behaviour: what is given, where it was learned, and the cases that show it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The row's name, for example `B001`. It never changes and is never used again for another row.
    pub id: String,
    /// The letter of the section.
    #[serde(skip)]
    pub section: String,
    /// The rule in a sentence.
    pub given: String,
    /// Where the rule was learned; the short names are in `facts/README.md`.
    pub from: String,
    /// Which proxies the rule was stated for.
    #[serde(rename = "where")]
    pub places: Vec<Place>,
    /// Why backends do not run the row, or by which limit it is excused, by the backend's name.
    #[serde(default)]
    standing: BTreeMap<String, Standing>,
    /// What is put to the subject; every case has to hold.
    #[serde(default)]
    cases: Vec<Case>,
}

/// The kind of proxy that a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The nftables rules.
    N,
    /// The load balancers of the Windows kernel.
    W,
    /// The userspace relay.
    U,
    /// The model, and so every backend.
    M,
}

/// Reads every fact, in the order of their sections.
///
/// # Errors
/// The file and the place in it that cannot be read.
pub fn load() -> Result<Vec<Fact>, String> {
    let mut facts = Vec::new();
    for (file, text) in SECTIONS {
        let section: SectionFile =
            serde_saphyr::from_str(text).map_err(|error| format!("{file}: {error}"))?;
        for mut fact in section.facts {
            fact.section.clone_from(&section.section);
            for case in &mut fact.cases {
                take_groups(case, &section.groups)
                    .map_err(|error| format!("{file}: {}: {error}", fact.id))?;
            }
            facts.push(fact);
        }
    }
    Ok(facts)
}

/// Puts the objects of the groups that a case names before its own.
fn take_groups(
    case: &mut Case,
    groups: &BTreeMap<String, Vec<notation::Object>>,
) -> Result<(), String> {
    let mut objects = Vec::new();
    for name in &case.groups {
        let group = groups.get(name).ok_or_else(|| format!("no group is named {name}"))?;
        objects.extend(group.iter().cloned());
    }
    objects.append(&mut case.objects);
    case.objects = objects;
    Ok(())
}

/// Reads the fixture.
fn fixture() -> Result<Fixture, String> {
    serde_saphyr::from_str(FIXTURE).map_err(|error| format!("fixture.yaml: {error}"))
}
