//! What is not known of a real HNS is a knob of the emulated one. Each setting of each is told from the others by the answers
//! of a run, or it is said why no run can. The rows are in `tests/knobs.json`, for whoever else runs a preflight.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchyard_hcn_emulator::{
    DeleteOfReferenced, DuplicateFrontend, EnumerationOrder, ExhaustedPool, Knobs, MalformedSubnet,
    MissingLoadBalancer, Modify, NetworkDelete, Rehydration,
};
use switchyard_preflight::{Extra, Options};

use crate::node::{answer, assert_untouched, everything, node, run};

/// A knob, and the answers that its settings make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    knob: String,
    /// Other knobs that it needs to show.
    #[serde(default)]
    with: Map<String, Value>,
    /// What it needs besides HNS: the machine of these tests has it.
    #[serde(default, rename = "needs")]
    _needs: Option<String>,
    /// Why no run can observe it.
    unobservable: Option<String>,
    /// Each setting; the first is the default.
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    is: Value,
    /// The questions that tell it, and their answers.
    answers: BTreeMap<String, String>,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("../knobs.json")).unwrap()
}

fn values<T: serde::Serialize>(all: &[T]) -> Vec<Value> {
    all.iter().map(|one| serde_json::to_value(one).unwrap()).collect()
}

/// All settings of a knob, where they are few.
fn all(knob: &str) -> Vec<Value> {
    match knob {
        "rehydration" => values(Rehydration::ALL),
        "deleteOfReferenced" => values(DeleteOfReferenced::ALL),
        "duplicateFrontend" => values(DuplicateFrontend::ALL),
        "missingLoadBalancer" => values(MissingLoadBalancer::ALL),
        "malformedSubnet" => values(MalformedSubnet::ALL),
        "exhaustedPool" => values(ExhaustedPool::ALL),
        "networkDelete" => values(NetworkDelete::ALL),
        "enumerationOrder" => values(EnumerationOrder::ALL),
        "modify" => values(Modify::ALL),
        _ => Vec::new(),
    }
}

#[test]
fn every_knob_has_a_row_that_tells_its_settings_apart_or_a_reason() {
    let default = serde_json::to_value(Knobs::default()).unwrap();
    let knobs: BTreeSet<&String> = default.as_object().unwrap().keys().collect();
    let rows = rows();
    assert_eq!(rows.iter().map(|row| &row.knob).collect::<BTreeSet<_>>(), knobs);
    assert_eq!(rows.len(), knobs.len(), "a knob has two rows");
    for row in &rows {
        let knob = &row.knob;
        if let Some(why) = &row.unobservable {
            assert!(!why.is_empty() && row.settings.is_empty(), "{knob}");
            continue;
        }
        assert_eq!(row.settings[0].is, default[knob], "{knob}: the default comes first");
        let truths = default[knob].is_boolean().then(|| vec![json!(true), json!(false)]);
        for setting in truths.unwrap_or_else(|| all(knob)) {
            let is_told = row.settings.iter().any(|told| told.is == setting);
            assert!(is_told, "{knob}: {setting} has no answers");
        }
        let mut answers: BTreeMap<&BTreeMap<String, String>, &Value> = BTreeMap::new();
        assert!(row.settings.len() > 1, "{knob}: nothing differs from the default");
        for setting in &row.settings {
            assert!(!setting.answers.is_empty(), "{knob}: {} is told by nothing", setting.is);
            if let Some(other) = answers.insert(&setting.answers, &setting.is) {
                // What a build does by itself is one of the settings that can be chosen.
                assert!(other.is_null(), "{knob}: {} and {other} are not told apart", setting.is);
            }
        }
    }
}

#[test]
fn a_run_tells_every_setting_of_every_knob() {
    for Row { knob, with, settings, .. } in rows() {
        for Setting { is, answers } in settings {
            let context = format!("{knob}: {is}");
            let mut knobs = Value::Object(with.clone());
            knobs[&knob] = is;
            let emulator = node(&knobs);
            let report = run(&emulator, &everything());
            for (probe, expected) in answers {
                assert_eq!(answer(&report, &probe), expected, "{context}: {probe}");
            }
            assert!(report.cleanup.is_complete(), "{context}: {:?}", report.cleanup);
            // A restart that loses things, or gives them other ids, does that to all.
            if knob != "rehydration" && knob != "restoresWithNewIds" {
                assert_untouched(&emulator, &knobs, &context);
            }
            assert_eq!(emulator.open_handles(), 0, "{context}");
        }
    }
}

/// A report goes to strangers: it has nothing of what others made but ids, counts, and the network that was asked about.
#[test]
fn a_report_keeps_what_others_made_to_itself() {
    let mut state = crate::node::state();
    state["networks"].as_array_mut().unwrap().push(json!({
        "ID": "00000000-0000-0000-0000-0000000000cc", "Name": "nat", "Type": "NAT",
        "SecretOfNetwork": "private" }));
    state["endpoints"][0]["Name"] = json!("payroll");
    let setup = json!({ "state": state }).to_string();
    let setup = switchyard_hcn_emulator::Setup::from_json(&setup).unwrap();
    let emulator = std::sync::Arc::new(switchyard_hcn_emulator::Emulator::in_virtual_time(setup));
    let also = vec![Extra::ScratchNetwork, Extra::Restart];
    let report = run(&emulator, &Options { also, ..crate::node::full() });
    assert_eq!(answer(&report, "restart-objects"), "everything");
    let text = serde_json::to_string(&report).unwrap();
    for secret in ["172.20.0.10", "10.1.1.21", "10.1.2.21", "payroll", "private"] {
        assert!(!text.contains(secret), "{secret}");
    }
    // That something is there that nobody knows is no secret.
    assert!(text.contains("SecretOfNetwork"));
}
