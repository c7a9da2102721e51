//! The check finds what it should, over subjects made of the oracle itself.

use serde_json::{Value, json};

use super::{Limits, Plan, Report, Share, run};
use crate::oracle::Oracle;
use crate::random::apply;
use crate::subject::{Answer, Change, Setup, Subject};

/// What a subject gets wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The node sees no external policies.
    Policy,
    /// Deleted slices stay.
    Deletion,
    /// Everything that is sent counts as changed.
    Idle,
    /// Every packet to a node port, and no other, meets a limit.
    Limited,
}

/// The oracle as a subject.
struct Mirror {
    setup: Setup,
    oracle: Option<Oracle>,
    fault: Fault,
    limits: Vec<String>,
}

impl Mirror {
    fn new(fault: Fault) -> Self {
        Self { setup: Setup::default(), oracle: None, fault, limits: Vec::new() }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut setup = self.setup.clone();
        if self.fault == Fault::Policy {
            for object in setup.documents.iter_mut().filter(|object| object["kind"] == "Service") {
                object["spec"]["externalTrafficPolicy"] = json!("Cluster");
            }
        }
        self.oracle = Some(Oracle::new(&setup)?);
        Ok(())
    }
}

impl Subject for Mirror {
    fn start(&mut self, setup: &Setup) -> Result<(), String> {
        self.setup = setup.clone();
        self.read()
    }

    fn change(&mut self, batch: &[Change]) -> Result<usize, String> {
        let before = self.setup.documents.clone();
        for change in batch {
            let is_lost = matches!(change, Change::Delete { kind, .. } if kind == "EndpointSlice");
            if !(self.fault == Fault::Deletion && is_lost) {
                apply(&mut self.setup.documents, change);
            }
        }
        self.read()?;
        let is_idle = before == self.setup.documents && self.fault != Fault::Idle;
        Ok(if is_idle { 0 } else { batch.len() })
    }

    fn trace(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        let answer = self.oracle.as_ref().ok_or("not started")?.trace(from, to)?;
        let met = answer.decided_by.iter().any(|name| name.starts_with("frontend/NodePort"));
        self.limits = if met { vec!["nodes".to_owned()] } else { Vec::new() };
        Ok(answer)
    }

    fn known_limits(&self) -> Vec<String> {
        let known = if self.fault == Fault::Limited { &["nodes", "never"][..] } else { &[] };
        known.iter().map(|name| (*name).to_owned()).collect()
    }

    fn limits(&self) -> Vec<String> {
        self.limits.clone()
    }

    fn view(&mut self) -> Result<Value, String> {
        let mut texts: Vec<String> = self.setup.documents.iter().map(Value::to_string).collect();
        texts.sort();
        Ok(json!(texts))
    }
}

fn plan(packets: u64, clusters: u64) -> Plan {
    Plan { packets, clusters, ..Plan::default() }
}

#[test]
fn the_oracle_agrees_with_itself_and_no_share_is_thin() {
    let mut done = 0;
    let plan = plan(30_000, 300);
    let report = run(&mut Mirror::new(Fault::None), &plan, &mut |clusters| done = clusters);
    assert_eq!(done, 300);
    assert_eq!((report.clusters, report.histories, report.different), (300, 75, 0));
    assert!(report.packets >= 30_000, "{}", report.packets);
    println!("{}", serde_json::to_string_pretty(&report.shares).unwrap());
    assert_eq!(report.thin(), Vec::<String>::new());
}

#[test]
fn a_wrong_policy_is_found_reduced_and_seen_again() {
    let report = run(&mut Mirror::new(Fault::Policy), &plan(2000, 20), &mut |_| {});
    assert!(report.different > 0);
    let first = &report.differences[0];
    assert_eq!(first.kind, "trace");
    let reduced = first.reduced.as_ref().unwrap();
    assert!(reduced.start.documents.len() <= 3, "{reduced:#?}");
    assert!(reduced.batches.is_empty());

    let again = Plan { seed: first.seed, ..plan(100, 1) };
    let report = run(&mut Mirror::new(Fault::Policy), &again, &mut |_| {});
    assert_eq!(report.differences[0].to, first.to);
    assert_eq!(report.differences[0].got, first.got);
}

#[test]
fn a_lost_deletion_is_found_and_its_history_reduced() {
    let report = run(&mut Mirror::new(Fault::Deletion), &plan(4000, 40), &mut |_| {});
    let reduced: Vec<_> =
        report.differences.iter().filter_map(|found| found.reduced.as_ref()).collect();
    assert!(!reduced.is_empty());
    for case in reduced {
        assert_eq!(case.batches.iter().map(Vec::len).sum::<usize>(), 1, "{case:#?}");
    }
}

#[test]
fn a_needless_change_is_found() {
    let report = run(&mut Mirror::new(Fault::Idle), &plan(80, 8), &mut |_| {});
    assert_eq!(report.differences[0].kind, "idle");
    assert_eq!(report.differences[0].reduced.as_ref().unwrap().batches.len(), 1);
}

#[test]
fn the_share_of_each_limit_is_told() {
    let report = run(&mut Mirror::new(Fault::Limited), &plan(2000, 20), &mut |_| {});
    let limits = report.limits.as_ref().unwrap();
    let (nodes, untouched) = (limits.touched["nodes"], limits.untouched);
    assert_eq!(nodes.all, report.packets);
    assert!(nodes.packets > 0);
    assert_eq!(nodes.packets + untouched.packets, report.packets);
    let json = serde_json::to_value(limits).unwrap();
    assert_eq!(json["touched"]["never"], json!({"packets": 0, "percent": 0.0}));
    assert_eq!(json["untouched"]["packets"], untouched.packets);

    let report = run(&mut Mirror::new(Fault::None), &plan(100, 1), &mut |_| {});
    assert_eq!(report.limits, None);
    assert_eq!(serde_json::to_value(&report).unwrap().get("limits"), None);
}

#[test]
fn limits_that_touch_most_packets_leave_too_little() {
    let share = |packets| Share { packets, all: 100 };
    let thin = |packets| {
        let limits = Limits { untouched: share(packets), touched: Default::default() };
        Report { limits: Some(limits), ..Report::default() }.thin()
    };
    assert!(thin(49).contains(&"limits untouched".to_owned()));
    assert!(!thin(50).contains(&"limits untouched".to_owned()));
}
