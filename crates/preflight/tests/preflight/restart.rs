//! Restarts of HNS as operators do them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::{Emulator, Fault, Trouble};
use switchyard_preflight::{About, Extra, MemoryJournal, Options, Report};

use crate::node::{Restart, answer, assert_untouched, full, machine_with, node, set_faults};

fn run(emulator: &Arc<Emulator>, restart: Restart) -> Report {
    let hcn: Arc<dyn Hcn> = Arc::clone(emulator) as Arc<dyn Hcn>;
    let options = Options { also: vec![Extra::ScratchNetwork, Extra::Restart], ..full() };
    let mut journal = MemoryJournal::default();
    let machine = machine_with(emulator, restart);
    let report =
        switchyard_preflight::run(hcn, &machine, &options, About::default(), &mut journal).unwrap();
    assert!(report.cleanup.is_complete(), "{:?}", report.cleanup);
    assert_untouched(emulator, &json!({}), "");
    report
}

#[test]
fn errors_are_told_while_hns_is_away() {
    let report = run(&node(&json!({})), Restart::Away(Duration::from_secs(3)));
    // The first call that HNS refused was that by a handle.
    assert_eq!(answer(&report, "restart-errors"), "RPC_S_SERVER_UNAVAILABLE");
    assert_eq!(answer(&report, "restart-handles"), "HCN_E_MANAGER_STOPPED");
    assert_eq!(answer(&report, "restart-objects"), "everything");
    assert_eq!(answer(&report, "restart-short-lists"), "no");
    assert_eq!(answer(&report, "restart-notification"), "yes");
}

#[test]
fn an_operator_who_does_nothing_is_not_waited_for_without_end() {
    let emulator = node(&json!({}));
    let report = run(&emulator, Restart::Never);
    for id in ["restart-objects", "restart-ids", "restart-callbacks"] {
        assert!(answer(&report, id).contains("was not seen to have restarted in time"), "{id}");
    }
    assert_eq!(answer(&report, "modify"), "yes");
    assert!(emulator.now() >= Options::default().patience);
}

#[test]
fn a_list_that_lacks_what_comes_back_later_is_told() {
    // Where the list stands that is read while HNS is watched: among the last ones of a run.
    let rehearsal = node(&json!({}));
    run(&rehearsal, Restart::AtOnce);
    let is_listing = |row: &serde_json::Value| row["call"] == "HcnEnumerateLoadBalancers";
    let lists = rehearsal.calls().rows().filter(is_listing).count();
    let emulator = node(&json!({}));
    let omit = Trouble::Omit { count: None };
    let skip = u64::try_from(lists).unwrap() - 10;
    let fault = Fault { skip, ..Fault::at("HcnEnumerateLoadBalancers", omit).unwrap() };
    set_faults(&emulator, vec![fault]);
    let report = run(&emulator, Restart::AtOnce);
    assert_eq!(answer(&report, "restart-short-lists"), "yes");
    assert_eq!(answer(&report, "restart-objects"), "everything");
}
