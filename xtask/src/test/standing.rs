//! Step `facts`: every behaviour holds on each backend, but for those that are another backend's or wait for their time, and
//! for those that the backend cannot serve and says so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use switchyard_conformance::facts::{self, Row, Verdict};

use crate::subject::subject;

/// What is expected of the rows on one backend.
struct Backend {
    name: &'static str,
    /// Rows that it may leave to others or to later, from and to.
    left_out: &'static [(&'static str, &'static str)],
    /// Rows that it cannot serve, by the name of the limit.
    limits: &'static [(&'static str, &'static [&'static str])],
}

/// Rows of the userspace backend and of what is known of connections.
const ELSEWHERE: &[(&str, &str)] = &[
    ("B037", "B037"),
    ("B039", "B039"),
    ("B119", "B119"),
    ("B162", "B162"),
    ("B164", "B164"),
    ("B166", "B166"),
    ("B171", "B172"),
    ("B230", "B239"),
    ("B300", "B309"),
];

/// The same, and the rows of HNS, which the model does not have.
const NOT_OF_THE_MODEL: &[(&str, &str)] = &[
    ("B037", "B037"),
    ("B039", "B039"),
    ("B118", "B119"),
    ("B162", "B162"),
    ("B164", "B164"),
    ("B166", "B166"),
    ("B171", "B172"),
    ("B230", "B239"),
    ("B270", "B294"),
    ("B300", "B309"),
];

const BACKENDS: &[Backend] = &[
    Backend { name: "model", left_out: NOT_OF_THE_MODEL, limits: &[] },
    Backend { name: "winkernel", left_out: ELSEWHERE, limits: LIMITS_OF_HNS },
];

/// The rows that HNS cannot serve.
const LIMITS_OF_HNS: &[(&str, &[&str])] = &[
    ("affinity-timeout", &["B170"]),
    ("dsr-remote-client", &["B004", "B005", "B059", "B082", "B097", "B240", "B242"]),
    ("internal-shortcut", &["B086", "B087", "B089", "B090", "B093"]),
    ("node-port-addresses", &["B033", "B034", "B035"]),
    (
        "refusal",
        &[
            "B008", "B009", "B011", "B012", "B019", "B022", "B038", "B091", "B101", "B108", "B110",
            "B112", "B113", "B114", "B115", "B127", "B130", "B131", "B183", "B184", "B185", "B190",
            "B191", "B198", "B199", "B200", "B241", "B256", "B258", "B320", "B324", "B325", "B330",
            "B333",
        ],
    ),
    ("source-ranges", &["B055", "B056", "B057"]),
    ("too-many-backends", &["B202"]),
];

/// Runs every row on every backend and holds it against what is expected of it.
pub(super) fn check() -> Result<()> {
    let mut troubles = 0;
    for backend in BACKENDS {
        troubles += backend.check()?;
    }
    if troubles > 0 {
        bail!("{troubles} facts are not as expected");
    }
    Ok(())
}

impl Backend {
    /// Runs every row; returns how many are not as expected.
    fn check(&self) -> Result<usize> {
        let name = self.name;
        let rows = facts::run(name, &mut *subject(name)?, None)
            .map_err(|trouble| anyhow!("facts: {trouble}"))?;
        if rows.is_empty() {
            bail!("no facts were run on {name}");
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut troubles = 0;
        for row in &rows {
            if let Err(trouble) = self.judge(row) {
                println!("{name}: {}: {trouble}", row.id);
                troubles += 1;
            }
            *counts.entry(word(row.verdict)?).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(verdict, n)| format!("{n} {verdict}")).collect();
        println!("{} rows on {name}: {}", rows.len(), counts.join(", "));
        Ok(troubles)
    }

    fn judge(&self, row: &Row) -> Result<(), String> {
        let limits: BTreeSet<&str> = self
            .limits
            .iter()
            .filter(|(_, ids)| ids.contains(&row.id.as_str()))
            .map(|(limit, _)| *limit)
            .collect();
        let left_out =
            self.left_out.iter().any(|(first, last)| (*first..=*last).contains(&row.id.as_str()));
        let named = row.limit.as_deref();
        let expected = match row.verdict {
            Verdict::Pass => limits.is_empty(),
            Verdict::Limit => named.is_some_and(|limit| limits.contains(limit)),
            Verdict::Later | Verdict::Other => left_out,
            Verdict::Fail => false,
        };
        if expected {
            return Ok(());
        }
        let wanted = match limits.first() {
            Some(limit) => format!("limit {limit}"),
            None => "pass".to_owned(),
        };
        let came = format!("{:?} {}", row.verdict, named.unwrap_or_default()).to_lowercase();
        let detail = row.detail.as_deref().unwrap_or_default();
        Err(format!("{}, must be {wanted}: {detail}", came.trim()))
    }
}

fn word(verdict: Verdict) -> Result<String> {
    let word = serde_json::to_value(verdict)?;
    Ok(word.as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_expected(backend: &str, id: &str, verdict: Verdict, limit: Option<&str>) -> bool {
        let backend = BACKENDS.iter().find(|known| known.name == backend).unwrap();
        let limit = limit.map(str::to_owned);
        let row = Row { id: id.to_owned(), verdict, limit, issue: None, detail: None };
        backend.judge(&row).is_ok()
    }

    #[test]
    fn only_rows_of_the_list_may_be_left_out() {
        for (id, verdict, expected) in [
            ("B001", Verdict::Pass, true),
            ("B001", Verdict::Other, false),
            ("B001", Verdict::Later, false),
            ("B001", Verdict::Limit, false),
            ("B037", Verdict::Later, true),
            ("B038", Verdict::Later, false),
            ("B232", Verdict::Other, true),
            ("B239", Verdict::Other, true),
            ("B240", Verdict::Other, false),
            ("B232", Verdict::Fail, false),
            ("B232", Verdict::Pass, true),
            ("B215", Verdict::Other, false),
        ] {
            assert_eq!(is_expected("model", id, verdict, None), expected, "{id} {verdict:?}");
        }
        for (backend, expected) in [("model", true), ("winkernel", false)] {
            assert_eq!(is_expected(backend, "B118", Verdict::Other, None), expected, "{backend}");
            assert_eq!(is_expected(backend, "B270", Verdict::Other, None), expected, "{backend}");
        }
    }

    #[test]
    fn a_limit_is_the_one_that_is_listed() {
        let of = |id, verdict, limit| is_expected("winkernel", id, verdict, limit);
        assert!(of("B008", Verdict::Limit, Some("refusal")));
        assert!(!of("B008", Verdict::Limit, Some("source-ranges")), "another");
        assert!(!of("B008", Verdict::Limit, None), "none");
        assert!(!of("B008", Verdict::Pass, None), "it is served after all, so the list is wrong");
        assert!(!of("B001", Verdict::Limit, Some("refusal")), "it was served before");
        assert!(!is_expected("model", "B008", Verdict::Limit, Some("refusal")));
    }
}
