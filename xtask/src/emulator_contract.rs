//! `cargo xtask emulator-contract`: the rules of HNS, run against the emulator.

use anyhow::{Result, bail};
use clap::Args;
use switchyard_hcn_contract::{Row, Verdict, rule_ids, run};
use switchyard_hcn_emulator::{Emulator, State};

use crate::Output;

/// Runs the rules of HNS against the emulator.
#[derive(Args)]
pub(crate) struct EmulatorContract {
    /// One rule, such as `E12`.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// How to print the verdicts.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

impl EmulatorContract {
    /// Every rule, for people.
    pub(crate) fn whole() -> Self {
        Self { only: None, output: Output::Table }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let ids = self.ids()?;
        let mut rows = run(&Emulator::new(State::default()));
        rows.retain(|row| ids.contains(&row.id));
        for row in &rows {
            match self.output {
                Output::Json => println!("{}", serde_json::to_string(row)?),
                Output::Table if row.verdict == Verdict::Fail => {
                    let detail = row.detail.as_deref().unwrap_or_default();
                    println!("{} fail {}: {}: {detail}", row.id, row.code, row.rule);
                }
                Output::Table => {}
            }
        }
        let missing = missing(&ids, &rows);
        for id in &missing {
            eprintln!("{id} has not exactly one row");
        }
        let failed = rows.iter().filter(|row| row.verdict == Verdict::Fail).count();
        let passed = rows.len() - failed;
        eprintln!(
            "contract of HNS on the emulator: {} rows: {passed} pass, {failed} fail",
            rows.len()
        );
        Ok(failed == 0 && missing.is_empty())
    }

    /// The rules that are asked for.
    fn ids(&self) -> Result<Vec<&'static str>> {
        let mut ids = rule_ids();
        if let Some(only) = &self.only {
            ids.retain(|id| id.eq_ignore_ascii_case(only));
            if ids.is_empty() {
                bail!("no rule {only:?}; there are {}", rule_ids().join(", "));
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
    use super::*;

    fn check(ids: &[&str], rows: &[&'static str], expect: &[&str]) {
        let row = |id: &&'static str| Row {
            id,
            rule: "a rule",
            tried: String::new(),
            code: String::new(),
            verdict: Verdict::Pass,
            detail: None,
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        assert_eq!(missing(ids, &rows), expect);
    }

    #[test]
    fn every_id_has_one_row() {
        check(&["E1", "E2"], &["E1", "E2"], &[]);
        check(&["E1", "E2"], &["E2"], &["E1"]);
        check(&["E1"], &["E1", "E1"], &["E1"]);
    }

    #[test]
    fn one_rule_is_asked_for_by_its_id() {
        let only = |id: &str| EmulatorContract { only: Some(id.to_owned()), output: Output::Json };
        assert_eq!(only("E24b").ids().unwrap(), ["E24b"]);
        assert_eq!(only("e24B").ids().unwrap(), ["E24b"]);
        assert!(only("E99").ids().is_err());
        assert_eq!(EmulatorContract::whole().ids().unwrap(), rule_ids());
    }
}
