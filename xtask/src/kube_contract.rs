//! `cargo xtask kube-contract`: what a Kubernetes API server does, run against the servers that tests use.
//!
//! * `build`: the programs of `tests/apiserver`.
//! * `process`: a program that says when it is ready, and ends with this one.
//! * `cluster`: a store and servers on it, ours or those that a cluster runs.
//! * `fake`: the server in memory.

pub(crate) mod build;
pub(crate) mod cluster;
pub(crate) mod fake;
mod process;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use switchyard_kube_contract::{Row, Verdict, run, scenario_ids};

use crate::Output;
use crate::workspace::Workspace;
use build::Programs;
use cluster::Cluster;
use fake::Fake;
use switchyard_kube_contract::Subject as Server;

/// Runs what a Kubernetes API server does against the servers that tests use.
#[derive(Args)]
pub(crate) struct KubeContract {
    /// Which server; all of them, unless named.
    #[arg(long, value_enum, value_name = "SERVER")]
    subject: Vec<Subject>,
    /// One scenario, such as `W03`, or all whose ids begin so.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// How to print the verdicts.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

/// A server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The server in memory: `crates/kube-fake`.
    Fake,
    /// The server of `tests/apiserver`, made of the published modules.
    Real,
    /// The kube-apiserver and etcd in the folder that KUBEBUILDER_ASSETS names.
    KubeApiserver,
}

impl Subject {
    /// Starts it with an empty store; nothing where it is not to be had.
    fn start(self, workspace: &Workspace) -> Result<Option<Box<dyn Server>>> {
        match self {
            Self::Fake => Ok(Some(Box::new(Fake::start()?))),
            Self::Real => Ok(Some(Box::new(Cluster::ours(&Programs::build(workspace)?)?))),
            Self::KubeApiserver => {
                let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") else {
                    return Ok(None);
                };
                let programs = Programs::build(workspace)?;
                Ok(Some(Box::new(Cluster::of_assets(&programs, assets.into())?)))
            }
        }
    }

    /// The word on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl KubeContract {
    /// Every scenario on every server, for people.
    pub(crate) fn whole() -> Self {
        Self { subject: Vec::new(), only: None, output: Output::Table }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let ids = self.ids()?;
        let subjects = if self.subject.is_empty() {
            Subject::value_variants().to_vec()
        } else {
            self.subject.clone()
        };
        let workspace = Workspace::find()?;
        let mut held = true;
        for subject in subjects {
            held &= match subject.start(&workspace)? {
                Some(mut started) => self.put_to(subject, started.as_mut(), &ids)?,
                None => {
                    let name = subject.name();
                    eprintln!("{name}: 0 of {} ran: KUBEBUILDER_ASSETS is not set", ids.len());
                    // Asked for by name, it has to be there.
                    self.subject.is_empty()
                }
            };
        }
        Ok(held)
    }

    /// Puts the scenarios to one server, and says what came of them.
    fn put_to(&self, subject: Subject, server: &mut dyn Server, ids: &[&str]) -> Result<bool> {
        let name = subject.name();
        let rows = run(server, ids);
        for row in &rows {
            self.print(&name, row)?;
        }
        let missing = missing(ids, &rows);
        for id in &missing {
            eprintln!("{name}: {id} has not exactly one row");
        }
        let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
        eprintln!(
            "contract of the Kubernetes API on {name}: {} rows: {} pass, {} fail, {} not of this subject",
            rows.len(),
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::NotOfThisSubject),
        );
        Ok(count(Verdict::Fail) == 0 && missing.is_empty())
    }

    fn print(&self, subject: &str, row: &Row) -> Result<()> {
        let detail = row.detail.as_deref().unwrap_or_default();
        match (self.output, row.verdict) {
            (Output::Json, _) => {
                let mut json = serde_json::to_value(row)?;
                json["subject"] = subject.into();
                println!("{json}");
            }
            (Output::Table, Verdict::Fail) => println!("{} fail: {}: {detail}", row.id, row.rule),
            (Output::Table, Verdict::NotOfThisSubject) => {
                println!("{} not of this subject: {}: {detail}", row.id, row.rule);
            }
            (Output::Table, Verdict::Pass) => {}
        }
        Ok(())
    }

    /// The scenarios that are asked for.
    fn ids(&self) -> Result<Vec<&'static str>> {
        let mut ids = scenario_ids();
        if let Some(only) = &self.only {
            let only = only.to_uppercase();
            ids.retain(|id| id.starts_with(&only));
            if ids.is_empty() {
                bail!("no scenario {only:?}; there are {}", scenario_ids().join(", "));
            }
        }
        Ok(ids)
    }
}

/// The ids that have not exactly one row.
fn missing<'a>(ids: &[&'a str], rows: &[Row]) -> Vec<&'a str> {
    let rows_of = |id: &str| rows.iter().filter(|row| row.id == id).count();
    ids.iter().copied().filter(|id| rows_of(id) != 1).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_asked_for_by_what_they_begin_with() {
        let only = |id: &str| KubeContract { only: Some(id.to_owned()), ..KubeContract::whole() };
        assert_eq!(only("w03").ids().unwrap(), ["W03"]);
        assert!(only("W").ids().unwrap().len() > 1);
        assert!(only("X").ids().is_err());
        let all = KubeContract::whole().ids().unwrap();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn every_id_has_one_row() {
        let row = |id| Row { id, rule: "", verdict: Verdict::Pass, detail: None };
        assert_eq!(missing(&["A1", "A2"], &[row("A1")]), ["A2"]);
        assert_eq!(missing(&["A1"], &[row("A1"), row("A1")]), ["A1"]);
        assert!(missing(&["A1"], &[row("A1")]).is_empty());
    }
}
