//! `cargo xtask end-to-end`: kubectl at one end, HNS at the other, and between them an API server and proxies, all as they ship.
//!
//! * `server`: an API server that may be killed, and kubectl;
//! * `examples`: the example sets as kubectl is given them;
//! * `node`: a Windows node: its HNS in a file, and the proxies that run on it;
//! * `judge`: whether an HNS holds what is wanted;
//! * `sets`: each set applied, looked at, edited and deleted;
//! * `living`: a proxy that goes on while objects change and the API server comes and goes;
//! * `page`: a page over HTTP.

mod examples;
mod judge;
mod living;
mod node;
pub(crate) mod page;
mod server;
mod sets;

use std::fs;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};

use crate::kube_contract::build::Programs;
use crate::wine::sets::{Set, build, named};
use crate::workspace::Workspace;
use server::ApiServer;

/// Applies the example sets with kubectl to API servers, and judges what proxies make of them.
#[derive(Args)]
pub(crate) struct EndToEnd {
    /// Which API server; both, unless named.
    #[arg(long, value_enum, value_name = "SERVER")]
    server: Vec<Kind>,
    /// Only this example set, such as `shop`.
    #[arg(long, value_name = "SET")]
    example: Option<String>,
}

/// An API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The one in memory, over TCP.
    Fake,
    /// The one of `tests/apiserver`.
    Real,
}

/// What all of it works with.
struct Tools {
    workspace: Workspace,
    programs: Programs,
    switchyard: PathBuf,
}

impl EndToEnd {
    /// Every set on both servers.
    pub(crate) fn whole() -> Self {
        Self { server: Vec::new(), example: None }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let programs = Programs::build(&workspace)?;
        let switchyard = build(&workspace)?;
        let tools = Tools { workspace, programs, switchyard };
        let sets = named(&tools.workspace, self.example.as_deref())?;
        let kinds = match self.server.as_slice() {
            [] => Kind::value_variants(),
            some => some,
        };
        let outcomes: Vec<Result<()>> = thread::scope(|scope| {
            let begin = |kind: &Kind| {
                let (kind, tools, sets) = (*kind, &tools, &sets);
                scope.spawn(move || kind.lead(tools, sets))
            };
            let begun: Vec<_> = kinds.iter().map(begin).collect();
            let join = |(kind, led): (&Kind, thread::ScopedJoinHandle<'_, Result<()>>)| {
                led.join().map_err(|_| anyhow!("a panic: see above"))?.context(kind.name())
            };
            kinds.iter().zip(begun).map(join).collect()
        });
        for outcome in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            eprintln!("end to end on {outcome:#}");
        }
        Ok(outcomes.iter().all(Result::is_ok))
    }
}

impl Kind {
    /// The word on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Real => "real",
        }
    }

    /// Leads proxies through every set and through a life on one server of this kind.
    fn lead(self, tools: &Tools, sets: &[Set]) -> Result<()> {
        let folder = tools.workspace.target.join("end-to-end").join(self.name());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let mut server = match self {
            Self::Fake => ApiServer::fake(&tools.programs, &folder)?,
            Self::Real => ApiServer::real(&tools.programs, &folder)?,
        };
        let mut sum = sets::Sum::default();
        for set in sets {
            let broken = examples::is_broken(&set.name);
            // The one in memory checks less than the other: what it takes says little.
            if broken && self == Self::Fake {
                continue;
            }
            sum += sets::check(tools, &server, set, &folder).with_context(|| set.name.clone())?;
        }
        println!("{}: {sum}", self.name());
        if let Some(set) = sets.iter().find(|set| set.name == living::EXAMPLE) {
            let told = living::check(tools, &mut server, set, &folder).context("a living proxy")?;
            println!("{}: {told}", self.name());
        }
        Ok(())
    }
}
