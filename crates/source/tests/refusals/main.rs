//! Malformed input is refused by object, field and reason, and everything else in the same input is used.
//!
//! A case is text: a body, what must be refused (`FIELD | PART OF THE REASON`), and what the object must still say.

mod addresses;
mod files;
mod lists;
mod metadata;
mod nodes;
mod property;
mod render;
mod services;
mod sizes;
mod slices;
mod strings;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use switchyard_source::{Counts, Manifests};

/// What was made of some input.
pub(crate) struct Outcome {
    /// `OBJECT @ FIELD | REASON`.
    pub(crate) refused: Vec<String>,
    /// The objects, one line each.
    pub(crate) objects: Vec<String>,
    pub(crate) counts: Counts,
}

impl Outcome {
    /// The line of the object called `object`.
    pub(crate) fn line(&self, object: &str) -> Option<&str> {
        let start = format!("{object} ");
        self.objects.iter().find(|line| line.starts_with(&start)).map(String::as_str)
    }
}

pub(crate) fn read(bytes: &[u8]) -> Outcome {
    read_files(&[("file.yaml", bytes)])
}

pub(crate) fn read_files(files: &[(&str, &[u8])]) -> Outcome {
    let mut manifests = Manifests::default();
    for (name, bytes) in files {
        manifests.add(name, bytes);
    }
    let refused = manifests.refused().iter();
    let refused = refused.map(|one| format!("{} @ {} | {}", one.object, one.field, one.reason));
    Outcome {
        refused: refused.collect(),
        counts: manifests.counts().clone(),
        objects: manifests.into_events().iter().map(render::render).collect(),
    }
}

/// What `work` gives, or a failure when it takes longer than any sound reading would.
pub(crate) fn within<T: Send + 'static>(
    seconds: u64,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(seconds)).expect("done in time, without a panic")
}

/// The body, what must be refused, and what the object's line must hold; nothing for an object that is not
/// used at all.
pub(crate) type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// Good documents around the one that is looked at, in the same file.
const BEFORE: &str = "{apiVersion: v1, kind: Service, metadata: {name: before, namespace: around}, \
                      spec: {clusterIP: 172.20.9.1, ports: [{port: 80}]}}";
const AFTER: &str = "{apiVersion: v1, kind: Service, metadata: {name: after, namespace: around}, \
                     spec: {clusterIP: 172.20.9.2, ports: [{port: 80}]}}";

/// Reads `document` between two good ones, which must be used unchanged.
pub(crate) fn read_among_others(document: &str) -> Result<Outcome, String> {
    let outcome = read(format!("--- {BEFORE}\n---\n{document}\n--- {AFTER}\n").as_bytes());
    for (name, address) in [("before", "172.20.9.1"), ("after", "172.20.9.2")] {
        let line = outcome.line(&format!("Service around/{name}")).unwrap_or_default();
        if !line.contains(&format!("ips=[{address}] ports=[:TCP:80:->same]")) {
            return Err(format!("the document {name} it is harmed: {line:?}"));
        }
    }
    Ok(outcome)
}

/// Reads each case's body behind `head` and compares what becomes of the object called `object`.
pub(crate) fn check(head: &str, object: &str, cases: &[Case<'_>]) {
    let mut failures = Vec::new();
    for (body, refused, used) in cases {
        let document = format!("{head}{body}");
        let failure = match read_among_others(&document) {
            Ok(outcome) => difference(object, &outcome, refused, used),
            Err(failure) => Some(failure),
        };
        if let Some(failure) = failure {
            failures.push(format!("{body}\n    {failure}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How `outcome` differs from what is expected of the object called `object`.
pub(crate) fn difference(
    object: &str,
    outcome: &Outcome,
    refused: &[&str],
    used: &[&str],
) -> Option<String> {
    let mut left = outcome.refused.clone();
    for expected in refused {
        let whole = match expected.split_once(" @ ") {
            Some(_) => (*expected).to_owned(),
            None => format!("{object} @ {expected}"),
        };
        let (place, reason) = whole.split_once(" | ").expect("a case says: FIELD | REASON");
        let start = format!("{place} | ");
        let found = left
            .iter()
            .position(|line| line.strip_prefix(&start).is_some_and(|rest| rest.contains(reason)));
        let Some(found) = found else {
            return Some(format!("not refused: {whole:?}\n    refused: {:?}", outcome.refused));
        };
        left.remove(found);
    }
    if !left.is_empty() {
        return Some(format!("refused, too: {left:?}"));
    }
    let line = outcome.line(object);
    let Some(line) = line else {
        return (!used.is_empty()).then(|| "the object is not used".to_owned());
    };
    if used.is_empty() {
        return Some(format!("used, but should not be: {line}"));
    }
    let missing = used.iter().find(|part| !line.contains(**part));
    missing.map(|part| format!("lost: {part:?}\n    used: {line}"))
}
