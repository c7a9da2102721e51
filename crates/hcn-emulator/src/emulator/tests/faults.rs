//! Faults of the older way in, and what is counted of it.

use super::*;
use crate::{Fault, FaultScript, Trouble};

/// What the older way in answers when `does` goes wrong with it, and the HNS after that.
fn call(method: &str, path: &str, object: &str, does: Trouble) -> (Value, Emulator) {
    let hns = small();
    hns.create_load_balancer(id(31), &balancer("172.20.0.1", &[11]).to_string()).unwrap();
    let faults = vec![Fault::at("HNSCall", does).unwrap()];
    hns.steer(|service| service.set_faults(FaultScript { faults }));
    let answer = hns.hns_call(method, path, object).unwrap();
    (serde_json::from_str(&answer).unwrap(), hns)
}

#[test]
fn a_list_of_the_older_way_lacks_objects() {
    let check = |path: &str, count, expect: usize| {
        let (answer, _) = call("GET", path, "", Trouble::Omit { count });
        assert_eq!(answer["Success"], true);
        assert_eq!(answer["Output"].as_array().unwrap().len(), expect, "{path} {count:?}");
    };
    check("/endpoints/", Some(0), 3);
    check("/endpoints/", Some(2), 1);
    check("/endpoints/", Some(9), 0);
    check("/endpoints/", None, 0);
    check("/networks/", None, 0);
    check("/policylists/", Some(1), 0);
    // What is no list lacks nothing.
    let (answer, _) =
        call("GET", &format!("/endpoints/{}", id(11)), "", Trouble::Omit { count: None });
    assert_eq!(answer["Output"]["ID"], json!(id(11)));
}

#[test]
fn an_object_of_the_older_way_is_lost() {
    let (answer, hns) = call("GET", &format!("/endpoints/{}", id(13)), "", Trouble::Lose);
    assert_eq!(answer["Success"], true);
    assert!(hns.state().endpoint(id(13)).is_none());

    let posted = json!({ "VirtualNetwork": id(1), "IPAddress": "10.1.1.99" }).to_string();
    let (answer, hns) = call("POST", "/endpoints/", &posted, Trouble::Lose);
    let made: Guid = answer["Output"]["ID"].as_str().unwrap().parse().unwrap();
    assert!(hns.state().endpoint(made).is_none());
    assert_eq!(hns.state().endpoints().count(), 3);

    // What was refused is not lost.
    let (answer, hns) = call("DELETE", &format!("/endpoints/{}", id(11)), "", Trouble::Lose);
    assert_eq!(answer["Success"], false);
    assert!(hns.state().endpoint(id(11)).is_some());
}

#[test]
fn a_load_balancer_of_the_older_way_is_degraded() {
    let (_, hns) = call("GET", &format!("/policylists/{}", id(31)), "", Trouble::Degrade);
    assert!(hns.state().load_balancer(id(31)).unwrap().is_degraded());
}

#[test]
fn a_fault_is_for_the_object_in_the_path() {
    let hns = small();
    let code = hresult::E_OUTOFMEMORY.try_into().unwrap();
    let mut fault = Fault::at("HNSCall", Trouble::Refuse { code, after: false }).unwrap();
    fault.on.id = Some(id(12));
    hns.steer(|service| service.set_faults(FaultScript { faults: vec![fault] }));
    let get = |number| hns.hns_call("GET", &format!("/endpoints/{}", id(number)), "");
    assert!(get(11).is_ok());
    assert_eq!(get(12).unwrap_err().hresult, hresult::E_OUTOFMEMORY);
    assert!(get(12).is_ok());
}

#[test]
fn changes_by_the_older_way_are_counted() {
    let hns = small();
    let _ = hns.take_calls();
    hns.hns_call("GET", "/endpoints/", "").unwrap();
    hns.hns_call("POST", "/endpoints/", "{").unwrap();
    hns.hns_call("delete", &format!("/endpoints/{}", id(13)), "").unwrap();
    hns.hns_call("GET", "/emulator/calls", "").unwrap();
    let calls = hns.calls();
    assert_eq!((calls.total(), calls.total_mutating()), (3, 2));
    assert_eq!(calls.mutating().map(|call| call.id).collect::<Vec<_>>(), [None, Some(id(13))]);
}
