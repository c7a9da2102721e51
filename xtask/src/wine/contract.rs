//! What HNS does, rule by rule, through the libraries in System32.

use anyhow::{Context, Result};
use serde_json::Value;
use switchyard_hcn_contract::rule_ids;

use super::prefix::{Prefix, ended};

/// Every rule that is broken or missing.
pub(super) fn check(prefix: &Prefix) -> Result<Vec<String>> {
    let mut command = prefix.command(prefix.built.file("examples/contract.exe"));
    let output = ended(&mut command)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut rows = Vec::new();
    for line in printed.lines() {
        rows.push(serde_json::from_str::<Value>(line).context("read a row of the contract")?);
    }
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let mut troubles = Vec::new();
    if ids != rule_ids() {
        let errors = String::from_utf8_lossy(&output.stderr);
        troubles.push(format!("contract under Wine: rows for {ids:?}, and it said {errors:?}"));
    }
    let broken = rows.iter().filter(|row| row["verdict"] != "pass");
    troubles.extend(broken.map(|row| format!("contract under Wine: {row}")));
    println!("contract under Wine: {} rules, {} troubles", rows.len(), troubles.len());
    Ok(troubles)
}
