//! Whatever goes wrong: a run ends, says what it could not answer, and leaves nothing behind. Where it cannot remove
//! something, it says that, and a later cleanup removes it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use switchyard_hcn::{Hcn, hresult};
use switchyard_hcn_emulator::{Emulator, Fault, SavedData, Setup, Trouble};
use switchyard_preflight::{
    About, Cleanup, Extra, Journal as _, MemoryJournal, Options, Refused, Report,
};

use crate::node::{answer, assert_untouched, full, machine, node, run_on, set_faults, state};

/// The functions that a run calls.
const FUNCTIONS: [&str; 25] = [
    "HcnEnumerateNetworks",
    "HcnCreateNetwork",
    "HcnOpenNetwork",
    "HcnQueryNetworkProperties",
    "HcnDeleteNetwork",
    "HcnCloseNetwork",
    "HcnEnumerateEndpoints",
    "HcnCreateEndpoint",
    "HcnOpenEndpoint",
    "HcnQueryEndpointProperties",
    "HcnDeleteEndpoint",
    "HcnCloseEndpoint",
    "HcnEnumerateNamespaces",
    "HcnOpenNamespace",
    "HcnDeleteNamespace",
    "HcnEnumerateLoadBalancers",
    "HcnCreateLoadBalancer",
    "HcnOpenLoadBalancer",
    "HcnModifyLoadBalancer",
    "HcnQueryLoadBalancerProperties",
    "HcnDeleteLoadBalancer",
    "HcnCloseLoadBalancer",
    "HcnRegisterServiceCallback",
    "HcnUnregisterServiceCallback",
    "HNSCall",
];

fn troubles() -> Vec<Trouble> {
    let refuse = |code: u32, after: bool| Trouble::Refuse { code: code.try_into().unwrap(), after };
    vec![
        refuse(hresult::E_INVALIDARG, false),
        refuse(hresult::E_INVALIDARG, true),
        refuse(hresult::RPC_S_CALL_FAILED, true),
        refuse(hresult::HCN_E_ENDPOINT_NOT_FOUND, false),
        Trouble::Pretend,
        Trouble::Delay { milliseconds: 5_000 },
        Trouble::Hang { after: false },
        Trouble::Hang { after: true },
        Trouble::Omit { count: None },
        Trouble::Omit { count: Some(1) },
        Trouble::Degrade,
        Trouble::Stop { milliseconds: 500 },
        Trouble::Stop { milliseconds: 0 },
    ]
}

/// A run that makes networks as well, but is otherwise as short as a full one can be.
fn options() -> Options {
    Options { also: vec![Extra::ScratchNetwork], ..full() }
}

/// Runs with a fault, starts HNS again where it stopped, and removes what was left.
fn run_with(fault: Fault) -> (Arc<Emulator>, Option<Report>) {
    let emulator = node(&json!({}));
    let context = format!("{fault:?}");
    set_faults(&emulator, vec![fault]);
    let mut journal = MemoryJournal::default();
    let report = match run_on(&emulator, &options(), &mut journal) {
        Ok(report) => Some(report),
        // A list that lacks the network, or a document that is none, is a network that is not there.
        Err(Refused::NoNetwork { .. }) => None,
        Err(other) => panic!("refused: {other}"),
    };
    if let Some(report) = &report {
        let is_forgotten = journal.read().unwrap().is_empty();
        assert_eq!(is_forgotten, report.cleanup.is_complete(), "{:?}", report.cleanup);
        if report.cleanup.is_complete() {
            assert_untouched(&emulator, &json!({}), &context);
        }
    }
    recover(&emulator, &mut journal, &context);
    (emulator, report)
}

/// HNS is well again, and what was left is removed.
fn recover(emulator: &Arc<Emulator>, journal: &mut MemoryJournal, context: &str) {
    set_faults(emulator, Vec::new());
    emulator.steer(|service| service.start(SavedData::Untouched));
    let swept = clean(emulator, &options(), journal);
    assert!(swept.is_complete(), "{context}: {swept:?}");
    assert_untouched(emulator, &json!({}), context);
    assert!(journal.read().unwrap().is_empty());
}

pub(crate) fn clean(
    emulator: &Arc<Emulator>,
    options: &Options,
    journal: &mut MemoryJournal,
) -> Cleanup {
    let hcn: Arc<dyn Hcn> = Arc::clone(emulator) as Arc<dyn Hcn>;
    switchyard_preflight::cleanup(hcn, &machine(emulator), options, journal).unwrap()
}

fn fault(function: &str, does: Trouble, skip: u64, times: Option<u64>) -> Fault {
    Fault { skip, times, ..Fault::at(function, does).unwrap() }
}

#[test]
fn one_fault_anywhere_harms_no_more_than_its_question() {
    for (first, function) in FUNCTIONS.into_iter().enumerate() {
        // Half of all pairs, each trouble with every other function.
        for (number, trouble) in troubles().into_iter().enumerate().skip(first % 2).step_by(2) {
            // Some while what is there is read, some while objects are made.
            let skip = if number % 4 < 2 { 9 } else { 1 };
            let (_, report) = run_with(fault(function, trouble, skip, Some(1)));
            let Some(report) = report else { continue };
            let is_asked = |row: &&switchyard_preflight::ProbeRow| {
                !row.not_answered.as_ref().is_some_and(|why| why.starts_with("not asked"))
            };
            for row in &report.probes {
                assert_ne!(row.answer.is_some(), row.not_answered.is_some(), "{row:?}");
                let why = row.not_answered.as_deref().unwrap_or_default();
                assert!(!why.contains("bug"), "{function} {trouble:?}: {why}");
            }
            let asked = report.probes.iter().filter(is_asked).count();
            let answered = report.probes.iter().filter(|row| row.answer.is_some()).count();
            let stays_away = matches!(trouble, Trouble::Stop { .. });
            if skip > 1 && !stays_away {
                assert!(answered + 2 >= asked, "{function} {trouble:?}: {answered} of {asked}");
            }
        }
    }
}

#[test]
fn what_a_function_always_does_wrong_is_survived() {
    for function in FUNCTIONS {
        for trouble in troubles().into_iter().step_by(2) {
            run_with(fault(function, trouble, 12, None));
        }
    }
}

#[test]
fn everything_wrong_after_any_number_of_calls_is_survived() {
    for trouble in troubles() {
        for skip in [0, 5, 30, 100, 300, 500, 700] {
            run_with(fault("*", trouble, skip, None));
        }
    }
}

#[test]
fn what_is_lost_without_a_word_is_not_missed() {
    for function in FUNCTIONS {
        for skip in [40, 41, 42] {
            // What is lost may have been there before, so only that the run ends and leaves nothing of its own is asked.
            let emulator = node(&json!({}));
            set_faults(&emulator, vec![fault(function, Trouble::Lose, skip, Some(1))]);
            let mut journal = MemoryJournal::default();
            let report = run_on(&emulator, &options(), &mut journal).unwrap();
            assert!(report.cleanup.is_complete(), "{function} {skip}: {:?}", report.cleanup);
        }
    }
}

#[test]
fn what_cannot_be_removed_is_named_and_removed_later() {
    let emulator = node(&json!({}));
    let refuse = Trouble::Refuse { code: hresult::E_INVALIDARG.try_into().unwrap(), after: false };
    set_faults(&emulator, vec![fault("HcnDeleteEndpoint", refuse, 0, None)]);
    let mut journal = MemoryJournal::default();
    let report = run_on(&emulator, &full(), &mut journal).unwrap();
    let left = &report.cleanup.left;
    assert!(!left.is_empty());
    assert!(left.iter().all(|left| left.reason.contains("E_INVALIDARG")), "{left:?}");
    let there: usize = emulator.state().endpoints().len() - 2;
    assert_eq!(left.len(), there, "exactly what is there is named");
    assert!(matches!(run_on(&emulator, &full(), &mut journal), Err(Refused::LeftOfEarlierRun)));
    set_faults(&emulator, Vec::new());
    let swept = clean(&emulator, &full(), &mut journal);
    assert_eq!(swept.removed.len(), there);
    assert_untouched(&emulator, &json!({}), "");
}

#[test]
fn an_hns_that_is_down_is_not_ready_and_nothing_is_made() {
    let emulator = node(&json!({}));
    emulator.steer(switchyard_hcn_emulator::Service::stop);
    let mut journal = MemoryJournal::default();
    let report = run_on(&emulator, &full(), &mut journal).unwrap();
    assert!(!report.readiness.is_ready);
    assert_eq!(report.hns_version, None);
    assert!(report.probes.iter().all(|row| row.answer.is_none()), "{report:#?}");
    assert!(answer(&report, "modify").contains("nothing is made"));
    assert!(answer(&report, "version").contains("HNSCall failed"));
    assert_eq!(emulator.calls().total_mutating(), 0);
    assert!(journal.read().unwrap().is_empty());
}

/// In real time, with calls that never return: each is waited for so long and no longer.
#[test]
fn calls_that_hang_are_given_up() {
    let setup = json!({ "state": state(), "faults": [
        { "on": { "call": "HcnCreateLoadBalancer" }, "does": { "fault": "hang", "after": true } }] });
    let emulator = Arc::new(Emulator::blocking(Setup::from_json(&setup.to_string()).unwrap()));
    let deadline = Duration::from_secs(1);
    let options = Options { deadline, ..full() };
    let mut journal = MemoryJournal::default();
    let report = run_on(&emulator, &options, &mut journal).unwrap();
    assert!(report.probes.iter().any(|row| row.counts.iter().any(|count| count.hung > 0)));
    let last = answer(&report, "parallel-creates");
    assert!(last.contains("too many calls of HNS hang"), "{last}");
    assert_eq!(answer(&report, "version"), "15.5");
    // The load balancers were made all the same, and were removed.
    assert!(report.cleanup.left.is_empty(), "{:?}", report.cleanup);
    assert!(report.cleanup.removed.len() > 2, "{:?}", report.cleanup);
    // One of those calls may still make something: the journal is kept.
    assert!(report.cleanup.may_still_appear);
    assert!(!journal.read().unwrap().is_empty());
    set_faults(&emulator, Vec::new());
    assert!(clean(&emulator, &options, &mut journal).is_complete());
    assert_untouched(&emulator, &json!({}), "");
    // Lets those calls go that hang.
    emulator.steer(switchyard_hcn_emulator::Service::stop);
}

#[test]
fn a_hung_hns_ends_a_run_and_a_cleanup() {
    let setup = json!({ "state": state(), "faults": [
        { "on": { "call": "*" }, "skip": 60, "does": { "fault": "hang" } }] });
    let emulator = Arc::new(Emulator::blocking(Setup::from_json(&setup.to_string()).unwrap()));
    let options = Options { deadline: Duration::from_secs(1), ..full() };
    let mut journal = MemoryJournal::default();
    let report = run_on(&emulator, &options, &mut journal).unwrap();
    assert!(!report.cleanup.is_complete());
    assert!(!clean(&emulator, &options, &mut journal).is_complete());
    assert!(!journal.read().unwrap().is_empty());
    emulator.steer(|service| {
        service.stop();
        service.start(SavedData::Untouched);
    });
    set_faults(&emulator, Vec::new());
    assert!(clean(&emulator, &options, &mut journal).is_complete());
    assert_untouched(&emulator, &json!({}), "");
}

#[test]
fn about_says_where_and_when() {
    let emulator = node(&json!({}));
    let hcn: Arc<dyn Hcn> = Arc::clone(&emulator) as Arc<dyn Hcn>;
    let about = About { node: "n1".to_owned(), date: "d".to_owned(), ..About::default() };
    let mut journal = MemoryJournal::default();
    let options = Options::default();
    let report =
        switchyard_preflight::run(hcn, &machine(&emulator), &options, about, &mut journal).unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["node"], "n1");
    assert_eq!(report["form"], "switchyard-preflight/1");
}
