//! One HNS, used through several views of it, as several processes use it.

#![expect(clippy::unwrap_used, reason = "in tests a panic is a failure")]

mod beginning;
mod journal;
mod together;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use switchyard_hcn::Hcn;
use switchyard_hcn_contract::Verdict;
use switchyard_hcn_shared::{Place, SharedHns};

/// A directory that nothing is in.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("shared-hns-{name}"));
    let _ = fs::remove_dir_all(&path);
    path
}

/// What a process sees that comes to the HNS in `directory`.
fn process(directory: &std::path::Path) -> Arc<SharedHns> {
    SharedHns::new(Place::at(directory))
}

/// All that HNS holds.
fn state(hns: &dyn Hcn) -> Value {
    let answer = hns.hns_call("GET", "/emulator/state", "").unwrap();
    serde_json::from_str::<Value>(&answer).unwrap()["Output"].take()
}

/// Steers HNS.
fn steer(hns: &dyn Hcn, path: &str, body: &Value) {
    let answer = hns.hns_call("POST", path, &body.to_string()).unwrap();
    assert!(answer.contains(r#""Success":true"#), "{answer}");
}

fn namespace() -> String {
    json!({ "Type": "Host", "SchemaVersion": { "Major": 2, "Minor": 0 } }).to_string()
}

#[test]
fn it_keeps_the_contract_of_hns() {
    let hns = process(&directory("contract"));
    for row in switchyard_hcn_contract::run(&*hns) {
        assert_eq!(row.verdict, Verdict::Pass, "{}: {:?}", row.id, row.detail);
    }
}
