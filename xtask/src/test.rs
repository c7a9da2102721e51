//! `cargo xtask test`: the one command that tells whether the project is good.
//!
//! * `packages`: Debian packages that are missing.
//! * `standing`, `random`, `demo`: steps that are more than one command.

mod demo;
mod packages;
mod random;
mod standing;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::bench::Bench;
use crate::emulator_contract::EmulatorContract;
use crate::end_to_end::EndToEnd;
use crate::fuzz::Fuzz;
use crate::kube_contract::KubeContract;
use crate::reliability::soak::Soak;
use crate::tidy::Tidy;
use crate::wine::Wine;
use crate::workspace::Workspace;
use crate::{dependencies, program, reliability};

/// About a minute of histories.
const SIMULATION: &[&str] = &["simulate", "--steps", "100", "--seed", "1", "--seeds", "500"];

/// Days of a node from the API server on, each fault met a hundred times at least, and one month without an API server.
const NODE_DAYS: &[&str] = &["simulate", "--node-days", "1000", "--seed", "1"];
const WITHOUT_API: &[&str] =
    &["simulate", "--node-days", "1", "--hours", "1", "--gone", "30", "--seed", "3"];

/// Runs every check there is, in order, and stops at the first that fails.
#[derive(Args)]
pub(crate) struct Test {
    /// A step to leave out.
    #[arg(long, value_enum, value_name = "STEP")]
    without: Vec<Step>,
    /// A step to run, and no other that is not named so, too.
    #[arg(long, value_enum, value_name = "STEP", conflicts_with = "without")]
    only: Vec<Step>,
}

/// One check, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The source is formatted.
    Format,
    /// The compiler and clippy have nothing to say.
    Lint,
    /// Only what is allowed is depended on.
    Dependencies,
    /// The house rules that no compiler knows hold.
    Tidy,
    /// Every test of every crate passes, those in the documentation included.
    Unit,
    /// The behaviours of Services hold on every backend.
    Facts,
    /// Every backend agrees with the oracle on random clusters.
    Check,
    /// HNS as emulated keeps its contract.
    Contract,
    /// The API servers that tests use keep the contract of a Kubernetes API server.
    Kube,
    /// What kubectl applies to an API server arrives in HNS, and goes again.
    EndToEnd,
    /// The proxy dies after every call, and every call is refused with every code.
    Crash,
    /// A node lives through random histories and faults, for a thousand days.
    Simulate,
    /// Random changes leave nothing behind.
    Soak,
    /// Arbitrary bytes harm nothing, for a while.
    Fuzz,
    /// The budgets are kept.
    Bench,
    /// The demonstration runs.
    Demo,
    /// The programs for Windows do under Wine what they do on Linux, through the real interface of HNS.
    Wine,
}

impl Step {
    /// The word on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it shows, in a sentence.
    fn purpose(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }

    fn run(self, workspace: &Workspace) -> Result<()> {
        let cargo = |arguments: &[&str]| program::run(&mut workspace.cargo(arguments));
        match self {
            Self::Format => cargo(&["fmt", "--all", "--check"]),
            Self::Lint => {
                cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
            }
            Self::Dependencies => dependencies::check(workspace),
            Self::Tidy => held(Tidy {}.run()),
            Self::Unit => cargo(&["test", "--workspace", "--quiet"]),
            Self::Facts => standing::check(),
            Self::Check => random::check(),
            Self::Contract => held(EmulatorContract::whole().run()),
            Self::Kube => held(KubeContract::whole().run()),
            Self::EndToEnd => held(EndToEnd::whole().run()),
            Self::Crash => reliability::run_optimized(workspace, &["crash"]),
            Self::Simulate => [SIMULATION, NODE_DAYS, WITHOUT_API]
                .iter()
                .try_for_each(|words| reliability::run_optimized(workspace, words)),
            Self::Soak => held(Soak::brief().run()),
            Self::Fuzz => held(Fuzz::brief()),
            Self::Bench => held(Bench::all().run()),
            Self::Demo => demo::check(workspace),
            Self::Wine => held(Wine::whole().run()),
        }
    }
}

/// The outcome of a task, as that of a step.
fn held(outcome: Result<bool>) -> Result<()> {
    if !outcome? {
        bail!("not all of it holds: see above");
    }
    Ok(())
}

impl Test {
    pub(crate) fn run(self) -> Result<bool> {
        let workspace = Workspace::find()?;
        let (steps, left_out) = self.steps();
        let names =
            |steps: &[Step]| steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(", ");
        println!("steps: {}", names(&steps));
        packages::install(&steps)?;
        let clock = Stopwatch::start();
        let mut passed = 0;
        let mut failure = None;
        for step in &steps {
            println!("\n== {}: {}", step.name(), step.purpose());
            let clock = Stopwatch::start();
            let outcome = step.run(&workspace);
            let seconds = clock.passed().as_secs_f64();
            if let Err(error) = outcome {
                println!("== {}: FAILED after {seconds:.1} s", step.name());
                failure = Some(anyhow!("step {} failed: {error:#}", step.name()));
                break;
            }
            println!("== {}: passed in {seconds:.1} s", step.name());
            passed += 1;
        }
        println!("\nafter {:.0} s", clock.passed().as_secs_f64());
        if !left_out.is_empty() {
            println!("left out, as asked: {}", names(&left_out));
        }
        if let Some(failure) = &failure {
            let not_run = &steps[passed + 1..];
            if !not_run.is_empty() {
                println!("not run after the failure: {}", names(not_run));
            }
            println!("{failure:#}");
        }
        // Programs look for this line: it is the last, and alone.
        println!("{passed} passed, {} failed", usize::from(failure.is_some()));
        failure.map_or(Ok(true), Err)
    }

    /// The steps to run, and those left out.
    fn steps(&self) -> (Vec<Step>, Vec<Step>) {
        let wanted = |step: &Step| {
            !self.without.contains(step) && (self.only.is_empty() || self.only.contains(step))
        };
        Step::value_variants().iter().copied().partition(wanted)
    }
}

/// How long something takes.
struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "durations are shown, nothing depends on them")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_left_out_only_when_asked() {
        let check = |without: &[Step], only: &[Step], run: usize, left_out: &[Step]| {
            let test = Test { without: without.to_vec(), only: only.to_vec() };
            let (steps, others) = test.steps();
            assert_eq!(steps.len(), run);
            assert!(left_out.iter().all(|step| others.contains(step)), "{others:?}");
            assert_eq!(steps.len() + others.len(), Step::value_variants().len());
        };
        let all = Step::value_variants().len();
        check(&[], &[], all, &[]);
        check(&[Step::Fuzz, Step::Demo], &[], all - 2, &[Step::Fuzz, Step::Demo]);
        check(&[], &[Step::Tidy], 1, &[Step::Demo]);
        assert!(Step::value_variants().iter().all(|step| !step.purpose().is_empty()));
    }
}
