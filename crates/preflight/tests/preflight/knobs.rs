//! What is not known of a real HNS is a knob of the emulated one. Each setting of each is told from the others by the answers
//! of a run, or it is said why no run can.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use switchyard_hcn_emulator::{
    DeleteOfReferenced, DuplicateFrontend, EnumerationOrder, ExhaustedPool, Knobs, MalformedSubnet,
    MissingLoadBalancer, Modify, NetworkDelete, Rehydration,
};

use switchyard_preflight::{Extra, Options};

use crate::node::{BOUND, answer, everything, node, run};

/// A knob, and the answers that its settings make.
struct Row {
    knob: &'static str,
    /// Each setting with the questions that tell it and their answers. The first is the default.
    settings: Vec<(Value, Vec<(&'static str, &'static str)>)>,
    /// Other knobs that it needs to show.
    with: Value,
    /// All settings, where they are few.
    all: Vec<Value>,
}

impl Row {
    fn new(
        knob: &'static str,
        settings: Vec<(Value, Vec<(&'static str, &'static str)>)>,
        all: Vec<Value>,
    ) -> Self {
        Self { knob, settings, with: json!({}), all }
    }

    fn with(self, with: Value) -> Self {
        Self { with, ..self }
    }
}

/// Knobs that no run can observe, and why.
const UNOBSERVABLE: [(&str, &str); 1] = [(
    "rebootChangesNetworkIds",
    "a run does not outlive a reboot: the ids in the reports of two runs, before and after it, tell",
)];

fn values<T: serde::Serialize>(all: &[T]) -> Vec<Value> {
    all.iter().map(|one| serde_json::to_value(one).unwrap()).collect()
}

fn truths() -> Vec<Value> {
    vec![json!(true), json!(false)]
}

fn rows() -> Vec<Row> {
    let mut rows = rows_of_objects();
    rows.extend(rows_of_refusals());
    rows.extend(rows_of_limits());
    rows.extend(rows_of_restarts());
    rows
}

fn rows_of_objects() -> Vec<Row> {
    vec![
        Row::new(
            "honoursCallerId",
            vec![
                (
                    json!(true),
                    vec![
                        ("endpoint-id", "yes, by both"),
                        ("load-balancer-id", "yes, by both"),
                        ("endpoint-id-which", "the argument"),
                        ("load-balancer-id-which", "the argument"),
                        ("network-id", "yes"),
                    ],
                ),
                (
                    json!(false),
                    vec![
                        ("endpoint-id", "no"),
                        ("load-balancer-id", "no"),
                        ("endpoint-id-which", "neither"),
                        ("load-balancer-id-which", "neither"),
                        ("network-id", "no"),
                    ],
                ),
            ],
            truths(),
        ),
        Row::new(
            "keepsOwner",
            vec![
                (json!(true), vec![("endpoint-owner", "both"), ("load-balancer-owner", "both")]),
                (
                    json!(false),
                    vec![("endpoint-owner", "neither"), ("load-balancer-owner", "neither")],
                ),
            ],
            truths(),
        ),
        Row::new(
            "deleteOfReferenced",
            vec![
                (json!("refused"), vec![("delete-of-referenced", "HCN_E_ENTITY_HAS_REFERENCES")]),
                (json!("allowed"), vec![("delete-of-referenced", "yes")]),
            ],
            values(DeleteOfReferenced::ALL),
        ),
        Row::new(
            "networkDelete",
            vec![
                (json!("degradesLoadBalancers"), vec![("network-delete", "they stay, degraded")]),
                (json!("removesLoadBalancers"), vec![("network-delete", "they go with it")]),
            ],
            values(NetworkDelete::ALL),
        ),
        Row::new(
            "enumerationOrder",
            vec![
                (json!("rotated"), vec![("enumeration-order", "another each time")]),
                (json!("byId"), vec![("enumeration-order", "by id")]),
            ],
            values(EnumerationOrder::ALL),
        ),
        Row::new(
            "upperCaseIds",
            vec![
                (json!(false), vec![("id-case", "lower")]),
                (json!(true), vec![("id-case", "upper")]),
            ],
            truths(),
        ),
        Row::new(
            "managementAddress",
            vec![
                (json!("192.0.2.11"), vec![("management-address", "192.0.2.11")]),
                (json!("10.0.0.5"), vec![("management-address", "10.0.0.5")]),
            ],
            Vec::new(),
        ),
        Row::new(
            "modify",
            vec![
                // By the build: that of the state is 15.5.
                (json!(null), vec![("modify", "yes"), ("modify-members", "all")]),
                (
                    json!("notImplemented"),
                    vec![("modify", "E_NOTIMPL"), ("modify-members", "none")],
                ),
                (
                    json!("withoutEffect"),
                    vec![("modify", "success without effect"), ("modify-members", "none")],
                ),
                (json!("works"), vec![("modify", "yes"), ("modify-members", "all")]),
            ],
            values(Modify::ALL),
        ),
    ]
}

fn rows_of_refusals() -> Vec<Row> {
    vec![
        Row::new(
            "duplicateFrontend",
            vec![
                (
                    json!("alreadyExists"),
                    vec![
                        ("duplicate-frontend-same", "ERROR_ALREADY_EXISTS"),
                        ("restart-duplicate-frontend", "ERROR_ALREADY_EXISTS"),
                        ("duplicate-frontend-other", "ERROR_ALREADY_EXISTS"),
                        ("duplicate-frontend-policies", "ERROR_ALREADY_EXISTS"),
                        ("duplicate-frontend-protocol", "made"),
                    ],
                ),
                (
                    json!("portAlreadyExists"),
                    vec![
                        ("duplicate-frontend-same", "HCN_E_PORT_ALREADY_EXISTS"),
                        ("restart-duplicate-frontend", "HCN_E_PORT_ALREADY_EXISTS"),
                        ("duplicate-frontend-other", "HCN_E_PORT_ALREADY_EXISTS"),
                        ("duplicate-frontend-policies", "HCN_E_PORT_ALREADY_EXISTS"),
                        ("duplicate-frontend-protocol", "made"),
                    ],
                ),
                (
                    json!("allowed"),
                    vec![
                        ("duplicate-frontend-same", "made"),
                        ("restart-duplicate-frontend", "made"),
                        ("duplicate-frontend-other", "made"),
                        ("duplicate-frontend-policies", "made"),
                        ("duplicate-frontend-protocol", "made"),
                    ],
                ),
            ],
            values(DuplicateFrontend::ALL),
        ),
        Row::new(
            "missingLoadBalancer",
            vec![
                (
                    json!("elementNotFound"),
                    vec![
                        ("open-missing-load-balancer", "ERROR_NOT_FOUND"),
                        ("delete-missing-load-balancer", "ERROR_NOT_FOUND"),
                        ("delete-twice", "ERROR_NOT_FOUND"),
                    ],
                ),
                (
                    json!("policyNotFound"),
                    vec![
                        ("open-missing-load-balancer", "HCN_E_POLICY_NOT_FOUND"),
                        ("delete-missing-load-balancer", "HCN_E_POLICY_NOT_FOUND"),
                        ("delete-twice", "HCN_E_POLICY_NOT_FOUND"),
                    ],
                ),
            ],
            values(MissingLoadBalancer::ALL),
        ),
        Row::new(
            "malformedSubnet",
            vec![
                (json!("invalidArgument"), vec![("malformed-subnet", "E_INVALIDARG")]),
                (json!("invalidSubnet"), vec![("malformed-subnet", "HCN_E_INVALID_SUBNET")]),
            ],
            values(MalformedSubnet::ALL),
        ),
        Row::new(
            "adapters",
            vec![
                (json!(null), vec![("missing-adapter", "made")]),
                (json!(["Ethernet"]), vec![("missing-adapter", "HCN_E_ADAPTER_NOT_FOUND")]),
            ],
            Vec::new(),
        ),
        Row::new(
            "boundPorts",
            vec![
                (json!([]), vec![("port-of-process", "made")]),
                (
                    json!([{ "protocol": 6, "port": BOUND }]),
                    vec![("port-of-process", "HCN_E_PORT_ALREADY_EXISTS")],
                ),
            ],
            Vec::new(),
        ),
    ]
}

fn rows_of_limits() -> Vec<Row> {
    vec![
        Row::new(
            "portBlocks",
            vec![
                (json!(null), vec![("port-blocks", "at least 300")]),
                (json!(5), vec![("port-blocks", "5, then HCN_E_PORT_ALREADY_EXISTS")]),
                (json!(256), vec![("port-blocks", "256, then HCN_E_PORT_ALREADY_EXISTS")]),
            ],
            Vec::new(),
        ),
        // How an empty pool is refused shows where a pool can be emptied.
        Row::new(
            "exhaustedPool",
            vec![
                (
                    json!("portAlreadyExists"),
                    vec![("port-blocks", "5, then HCN_E_PORT_ALREADY_EXISTS")],
                ),
                (json!("outOfMemory"), vec![("port-blocks", "5, then E_OUTOFMEMORY")]),
            ],
            values(ExhaustedPool::ALL),
        )
        .with(json!({ "portBlocks": 5 })),
        Row::new(
            "maximumDestinations",
            vec![
                (json!(null), vec![("maximum-endpoints", "at least 65")]),
                (json!(64), vec![("maximum-endpoints", "64")]),
                (json!(7), vec![("maximum-endpoints", "7")]),
            ],
            Vec::new(),
        ),
    ]
}

fn rows_of_restarts() -> Vec<Row> {
    vec![
        Row::new(
            "restoresWithNewIds",
            vec![
                (json!(false), vec![("restart-ids", "no"), ("restart-objects", "everything")]),
                (json!(true), vec![("restart-ids", "yes"), ("restart-objects", "everything")]),
            ],
            truths(),
        ),
        Row::new(
            "rehydration",
            vec![
                (json!("all"), vec![("restart-objects", "everything")]),
                (
                    json!("withoutLoadBalancers"),
                    vec![("restart-objects", "everything but load balancers")],
                ),
                (json!("withoutEndpoints"), vec![("restart-objects", "everything but endpoints")]),
                (json!("networksAlone"), vec![("restart-objects", "networks alone")]),
                (json!("nothing"), vec![("restart-objects", "nothing")]),
            ],
            values(Rehydration::ALL),
        ),
        Row::new(
            "callbacksSurviveRestart",
            vec![
                (json!(false), vec![("restart-callbacks", "no"), ("restart-notification", "yes")]),
                (json!(true), vec![("restart-callbacks", "yes"), ("restart-notification", "yes")]),
            ],
            truths(),
        ),
    ]
}

#[test]
fn every_knob_has_a_row_or_a_reason() {
    let knobs = serde_json::to_value(Knobs::default()).unwrap();
    let knobs: BTreeSet<&str> = knobs.as_object().unwrap().keys().map(String::as_str).collect();
    let rows = rows();
    let told = rows.iter().map(|row| row.knob).chain(UNOBSERVABLE.iter().map(|(knob, _)| *knob));
    assert_eq!(told.collect::<BTreeSet<_>>(), knobs);
    assert_eq!(rows.len() + UNOBSERVABLE.len(), knobs.len(), "a knob has two rows");
    assert!(UNOBSERVABLE.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn every_setting_has_answers_of_its_own() {
    let default = serde_json::to_value(Knobs::default()).unwrap();
    for row in rows() {
        let knob = row.knob;
        assert_eq!(row.settings[0].0, default[knob], "{knob}: the default comes first");
        for setting in &row.all {
            let is_told = row.settings.iter().any(|(told, _)| told == setting);
            assert!(is_told, "{knob}: {setting} has no answers");
        }
        let mut answers: BTreeMap<String, &Value> = BTreeMap::new();
        for (setting, expected) in &row.settings {
            assert!(!expected.is_empty(), "{knob}: {setting} is told by nothing");
            if let Some(other) = answers.insert(format!("{expected:?}"), setting) {
                // What a build does by itself is one of the settings that can be chosen.
                assert!(other.is_null(), "{knob}: {setting} and {other} are not told apart");
            }
        }
    }
}

#[test]
fn a_run_tells_every_setting_of_every_knob() {
    for row in rows() {
        for (setting, expected) in &row.settings {
            let mut knobs = row.with.clone();
            knobs[row.knob] = setting.clone();
            let emulator = node(&knobs);
            let report = run(&emulator, &everything());
            for (probe, expected) in expected {
                let found = answer(&report, probe);
                assert_eq!(found, *expected, "{}: {setting}: {probe}: {report:#?}", row.knob);
            }
            assert!(report.cleanup.is_complete(), "{} {setting}: {:?}", row.knob, report.cleanup);
            if row.knob != "rehydration" && row.knob != "restoresWithNewIds" {
                let context = format!("{} {setting}", row.knob);
                crate::node::assert_untouched(&emulator, &knobs, &context);
            }
            assert_eq!(emulator.open_handles(), 0, "{} {setting}", row.knob);
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
