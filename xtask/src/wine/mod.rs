//! `cargo xtask wine`: switchyard.exe under Wine, with the emulated HNS behind the real C interface.
//!
//! * `prefix`: a Windows for one run; `stage`: an HNS in it for one check;
//! * `contract`: what HNS does, rule by rule, through the libraries;
//! * `conformance`: the same and more by programs that share no code with us, of several processes, too;
//! * `answers`: the commands say the same as on Linux, byte for byte;
//! * `call_log`: the proxy makes the same calls as on Linux, line by line;
//! * `preflight`: a preflight tells the knobs of that HNS;
//! * `proxy`: a proxy that is restarted, killed and watched, on an HNS that goes away;
//! * `kubernetes`: a proxy that a Kubernetes API server feeds;
//! * `own_tests`: the tests that ask Windows itself, for services, pipes and access rights.

mod answers;
mod call_log;
mod conformance;
mod contract;
mod kubernetes;
mod own_tests;
pub(crate) mod prefix;
mod preflight;
mod proxy;
pub(crate) mod sets;
mod stage;

use anyhow::{Result, bail};
use clap::Args;

use crate::windows::{self, Kind};
use crate::workspace::Workspace;
use prefix::Prefix;

/// Runs switchyard.exe under Wine and holds it against the one of Linux.
#[derive(Args)]
pub(crate) struct Wine {
    /// Only this example set, such as `shop`.
    #[arg(long, value_name = "SET")]
    example: Option<String>,
    /// Only compare the calls of HNS with those on Linux.
    #[arg(long, conflicts_with = "conformance")]
    compare_log: bool,
    /// Only run the programs of tests/windows.
    #[arg(long, conflicts_with = "example")]
    conformance: bool,
    /// Only lead a proxy by a Kubernetes API server.
    #[arg(long, conflicts_with_all = ["example", "compare_log", "conformance"])]
    kubernetes: bool,
    /// With the programs as they ship, which takes many times longer to compile.
    #[arg(long)]
    release: bool,
}

impl Wine {
    /// All of it.
    pub(crate) fn whole() -> Self {
        Self {
            example: None,
            compare_log: false,
            conformance: false,
            kubernetes: false,
            release: false,
        }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let troubles = self.troubles(&workspace)?;
        for trouble in &troubles {
            println!("{trouble}");
        }
        if troubles.is_empty() {
            return Ok(true);
        }
        bail!("{} differences: see above", troubles.len())
    }

    /// Everything that is not as it should be.
    fn troubles(&self, workspace: &Workspace) -> Result<Vec<String>> {
        let kind = if self.release { Kind::Shipped } else { Kind::Quick };
        if self.conformance {
            let prefix = Prefix::fresh(workspace, windows::build(workspace, kind)?)?;
            return conformance::run(workspace, &prefix);
        }
        if self.kubernetes {
            let linux = sets::build(workspace)?;
            let prefix = Prefix::fresh(workspace, windows::build(workspace, kind)?)?;
            kubernetes::check(workspace, &prefix, &linux)?;
            return Ok(Vec::new());
        }
        let sets = sets::named(workspace, self.example.as_deref())?;
        let linux = sets::build(workspace)?;
        let prefix = Prefix::fresh(workspace, windows::build(workspace, kind)?)?;
        let mut troubles = call_log::compare(workspace, &prefix, &linux, &sets)?;
        if !self.compare_log {
            troubles.extend(answers::compare(workspace, &prefix, &linux, &sets)?);
            if self.example.is_none() {
                troubles.extend(contract::check(&prefix)?);
                troubles.extend(conformance::run(workspace, &prefix)?);
                troubles.extend(preflight::check(workspace, &prefix)?);
                proxy::check(workspace, &prefix)?;
                kubernetes::check(workspace, &prefix, &linux)?;
                own_tests::run(workspace, &prefix)?;
            }
        }
        Ok(troubles)
    }
}
