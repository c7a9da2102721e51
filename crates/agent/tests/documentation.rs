//! `docs/operating.md` tells of each condition and each reason that the code can name, and of no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of the repository, as a text.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether `text` is written as conditions are: letters alone, words beginning with capitals.
fn is_name(text: &str) -> bool {
    let letters = text.len() > 3 && text.bytes().all(|letter| letter.is_ascii_alphabetic());
    letters
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().any(|letter| letter.is_ascii_lowercase())
}

/// The names among the literals of `source`, up to its tests.
fn literals(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let pieces = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    pieces.filter(|piece| is_name(piece)).map(str::to_owned).collect()
}

/// The first column of the table in the section of the page that has `title`.
fn rows(title: &str) -> BTreeSet<String> {
    let page = read("docs/operating.md");
    let section = page.split_once(&format!("\n### {title}\n")).map(|(_, section)| section);
    let section = section.unwrap_or_else(|| panic!("no section {title:?}"));
    let section = section.split("\n#").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells: Vec<_> = cells.filter_map(|line| line.split_once('`')).collect();
    let names: BTreeSet<_> = cells.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), cells.len(), "{title}: a name stands twice");
    names
}

#[test]
fn every_condition_is_told_of() {
    let mut conditions = literals(&read("crates/agent/src/status/report.rs"));
    conditions.extend(literals(&read("crates/agent/src/status/pages.rs")));
    let standing = read("crates/winkernel/src/reconcile/standing.rs");
    let (_, named) = standing.split_once("pub fn condition(").unwrap();
    conditions.extend(literals(named.split("\n    }\n").next().unwrap()));
    assert!(conditions.contains("PortPoolExhausted") && conditions.contains("PageNotServed"));
    assert_eq!(rows("Conditions"), conditions);
}

#[test]
fn every_reason_of_health_is_told_of() {
    let health = read("crates/agent/src/health/mod.rs");
    let (_, ailments) = health.split_once("impl Ailment").unwrap();
    let mut reasons = literals(ailments.split("\n}\n").next().unwrap());
    reasons.extend(literals(&read("crates/agent/src/web/pages.rs")));
    assert!(reasons.contains("Starting") && reasons.contains("NodeBeingDeleted"));
    assert_eq!(rows("Reasons of /healthz and /livez"), reasons);
}

#[test]
fn every_condition_that_is_counted_is_one_of_the_status() {
    let counted = literals(&read("crates/agent/src/observe.rs"));
    let conditions = rows("Conditions");
    let unknown: Vec<_> = counted.difference(&conditions).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
