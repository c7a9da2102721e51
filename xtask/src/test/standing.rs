//! Step `facts`: every behaviour holds on the model, but for those that are another backend's or wait for their time.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use switchyard_conformance::facts;

use crate::subject::subject;

/// The backend that the step runs on.
const BACKEND: &str = "model";

/// Rows that the model may leave to others or to later, from and to.
const LEFT_OUT: &[(&str, &str)] = &[
    ("B037", "B037"),
    ("B039", "B039"),
    ("B118", "B119"),
    ("B129", "B129"),
    ("B131", "B131"),
    ("B162", "B162"),
    ("B164", "B164"),
    ("B166", "B166"),
    ("B171", "B172"),
    ("B210", "B220"),
    ("B230", "B239"),
    ("B270", "B294"),
    ("B300", "B309"),
];

/// Runs every row and holds it against what is expected of it.
pub(super) fn check() -> Result<()> {
    let rows = facts::run(BACKEND, &mut *subject(BACKEND)?, None)
        .map_err(|trouble| anyhow!("facts: {trouble}"))?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut troubles = 0;
    for row in &rows {
        let row = serde_json::to_value(row)?;
        let word = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let (id, verdict) = (word("id"), word("verdict"));
        if !is_expected(&id, &verdict) {
            println!("{id}: {verdict}, must be pass: {}", word("detail"));
            troubles += 1;
        }
        *counts.entry(verdict).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect();
    println!("{} rows on {BACKEND}: {}", rows.len(), counts.join(", "));
    if rows.is_empty() {
        bail!("no facts were run");
    }
    if troubles > 0 {
        bail!("{troubles} facts do not hold");
    }
    Ok(())
}

fn is_expected(id: &str, verdict: &str) -> bool {
    let left_out = LEFT_OUT.iter().any(|(first, last)| (*first..=*last).contains(&id));
    match verdict {
        "pass" => true,
        "other" | "later" => left_out,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_the_list_may_be_left_out() {
        for (id, verdict, expected) in [
            ("B001", "pass", true),
            ("B001", "other", false),
            ("B001", "later", false),
            ("B001", "limit", false),
            ("B037", "later", true),
            ("B038", "later", false),
            ("B215", "other", true),
            ("B220", "other", true),
            ("B221", "other", false),
            ("B215", "fail", false),
            ("B215", "pass", true),
        ] {
            assert_eq!(is_expected(id, verdict), expected, "{id} {verdict}");
        }
    }
}
