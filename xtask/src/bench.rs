//! `cargo xtask bench`: the budgets.
//!
//! Gates are counts, ratios and exponents, which are the same on every machine; times are quoted.
//!
//! * `parallel`: work that is done at once.
//! * `measure`: the program that is measured.
//! * `row`: figures, budgets, verdicts.
//! * `view`: the figures of the model's views.
//! * `calls`: the calls that reach HNS.
//! * `agent`: a whole agent, from the API server to HNS.
//! * `replay`: kube-proxy's published times, through the emulator.

mod agent;
mod calls;
mod measure;
mod parallel;
mod replay;
mod row;
mod view;

use anyhow::{Result, bail};
use clap::Args;

use crate::Output;
use crate::workspace::Workspace;
pub(crate) use measure::Measure;
use row::Row;

/// Measures, and holds the figures against their budgets. Needs valgrind.
#[derive(Args)]
pub(crate) struct Bench {
    /// One budget, by its id.
    #[arg(long)]
    only: Option<String>,
    /// Writes down how many calls reach HNS now, for the figure `golden`, instead of measuring.
    #[arg(long, conflicts_with = "only")]
    accept: bool,
    /// How to print the figures.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

/// Measures the figures of one id.
type Budget = (&'static str, fn(&Measure) -> Result<Vec<Row>>);

/// The budgets.
const BUDGETS: &[Budget] = &[
    ("cold-l2bridge", calls::cold_l2bridge),
    ("cold-overlay", calls::cold_overlay),
    ("restart", calls::restart),
    ("one-change", calls::one_change),
    ("one-change-local", calls::one_change_local),
    ("no-change", calls::no_change),
    ("first-20", calls::first),
    ("golden", calls::unchanged),
    ("view-full", view::full),
    ("one-change-cpu", view::one_change),
    ("heap", view::heap),
    ("agent", agent::run),
    ("replay", replay::published),
];

impl Bench {
    /// All figures, for people.
    pub(crate) fn all() -> Self {
        Self { only: None, accept: false, output: Output::Table }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let is_wanted = |id: &str| self.only.as_deref().is_none_or(|only| only == id);
        let wanted: Vec<_> = BUDGETS.iter().filter(|(id, _)| is_wanted(id)).collect();
        if wanted.is_empty() {
            let known: Vec<_> = BUDGETS.iter().map(|(id, _)| *id).collect();
            bail!("no such budget: {} are known", known.join(", "));
        }
        let measure = Measure::build(&Workspace::find()?)?;
        if self.accept {
            calls::accept(&measure)?;
            return Ok(true);
        }
        let mut over = 0;
        for (_, figures) in wanted {
            for row in figures(&measure)? {
                over += usize::from(row.fails());
                match self.output {
                    Output::Json => println!("{}", serde_json::to_string(&row)?),
                    Output::Table => println!("{}", row.line()),
                }
            }
        }
        eprintln!("bench: {over} figures over their budgets");
        Ok(over == 0)
    }
}
