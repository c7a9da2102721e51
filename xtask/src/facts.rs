//! `cargo xtask facts`: the behaviours of Services, run against a backend.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use clap::Args;
use switchyard_conformance::facts;

use crate::Output;
use crate::subject::subject;

/// Runs the behaviours of Services against a backend.
#[derive(Args)]
pub(crate) struct Facts {
    /// The backend: `model` or `winkernel`.
    #[arg(long, default_value = "model")]
    backend: String,
    /// One fact, or a section's letter.
    #[arg(long)]
    only: Option<String>,
    /// How to print the verdicts.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

impl Facts {
    pub(crate) fn run(self) -> Result<bool> {
        let mut subject = subject(&self.backend)?;
        let rows = facts::run(&self.backend, &mut *subject, self.only.as_deref())
            .map_err(|trouble| anyhow!("facts: {trouble}"))?;
        let mut failed = 0;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for row in &rows {
            let json = serde_json::to_value(row)?;
            let verdict = json["verdict"].as_str().unwrap_or_default().to_owned();
            failed += usize::from(verdict == "fail");
            match self.output {
                Output::Json => println!("{json}"),
                Output::Table if verdict == "fail" => {
                    let detail = json["detail"].as_str().unwrap_or_default();
                    println!("{} fail: {detail}", json["id"].as_str().unwrap_or_default());
                }
                Output::Table => {}
            }
            *counts.entry(verdict).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect();
        eprintln!("facts on {}: {} rows: {}", self.backend, rows.len(), counts.join(", "));
        Ok(failed == 0)
    }
}
