use switchyard_hcn::hresult;

use super::*;
use crate::ObjectKind;

#[test]
fn scripts_are_read_and_written() {
    let text = r#"{"faults":[
        {"on":{"call":"HcnCreateLoadBalancer"},"skip":2,"times":1,
         "does":{"fault":"refuse","code":"0x803B0013","after":true}},
        {"on":{"call":"*","id":"00000000-0000-0000-0000-000000000001"},
         "does":{"fault":"delay","milliseconds":20}},
        {"on":{"call":"HNSCall"},"does":{"fault":"hang"}}]}"#;
    let script = FaultScript::from_json(text).unwrap();
    let code = FailureCode::try_from(0x803B_0013).unwrap();
    assert_eq!(script.faults[0].does, Trouble::Refuse { code, after: true });
    assert_eq!(script.faults[2].does, Trouble::Hang { after: false });
    let again = serde_json::to_string(&script).unwrap();
    assert_eq!(FaultScript::from_json(&again).unwrap(), script);
}

#[test]
fn what_is_not_known_is_refused() {
    let check = |fault: &str, expect: &str| {
        let text = format!(r#"{{"faults":[{fault}]}}"#);
        let error = FaultScript::from_json(&text).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check(r#"{"on":{"call":"*"},"does":{"fault":"explode"}}"#, "unknown variant `explode`");
    check(r#"{"on":{"call":"*"},"does":{"fault":"refuse","code":"13"}}"#, "not an HRESULT");
    check(r#"{"does":{"fault":"hang"}}"#, "missing field `on`");
    let of =
        |function: &str| format!(r#"{{"on":{{"call":"{function}"}},"does":{{"fault":"hang"}}}}"#);
    for name in ["HcnDeleteLoadbalancer", "DeleteEndpoint", "", "HcnQueryEndpointStats"] {
        check(&of(name), "is neither a function of HNS that is emulated nor *");
        assert!(Fault::at(name, Trouble::Pretend).is_err(), "{name}");
    }
}

#[test]
fn nothing_is_refused_with_a_success() {
    for code in ["0", "1", "\"0x00000000\"", "\"0x00040013\"", "2147483647"] {
        let text = format!(
            r#"{{"faults":[{{"on":{{"call":"*"}},"does":{{"fault":"refuse","code":{code}}}}}]}}"#
        );
        let error = FaultScript::from_json(&text).unwrap_err().to_string();
        assert!(error.contains("is the HRESULT of a success"), "{error}");
    }
    assert!(FailureCode::try_from(hresult::S_OK).is_err());
    let text = r#"{"faults":[{"on":{"call":"*"},"does":{"fault":"refuse","code":2147483648}}]}"#;
    assert!(FaultScript::from_json(text).is_ok());
}

#[test]
fn every_function_has_a_name() {
    for name in function_names() {
        assert!(Fault::at(name, Trouble::Pretend).is_ok(), "{name}");
    }
    let names: std::collections::BTreeSet<_> = function_names().collect();
    assert_eq!(names.len(), 7 * 4 + 3);
}

#[test]
fn a_fault_that_waits_hides_none_behind_it() {
    let at = |skip, does| Fault {
        skip,
        times: Some(1),
        ..Fault::at("HcnDeleteEndpoint", does).unwrap()
    };
    let mut script = FaultScript { faults: vec![at(3, Trouble::Lose), at(0, Trouble::Pretend)] };
    let delete = Request::Delete { kind: ObjectKind::Endpoint, id: Guid::NIL };
    let met: Vec<_> = (0..5).map(|_| script.meet(&delete, None)).collect();
    assert_eq!(met, [Some(Trouble::Pretend), None, None, Some(Trouble::Lose), None]);
}

#[test]
fn a_fault_comes_after_so_many_calls_and_so_many_times() {
    let mut script = FaultScript {
        faults: vec![Fault {
            skip: 1,
            times: Some(2),
            ..Fault::at("HcnDeleteEndpoint", Trouble::Pretend).unwrap()
        }],
    };
    let delete = |kind| Request::Delete { kind, id: Guid::NIL };
    let mut meet = |kind| script.meet(&delete(kind), None);
    let met: Vec<_> = (0..5).map(|_| meet(ObjectKind::Endpoint).is_some()).collect();
    assert_eq!(met, [false, true, true, false, false]);
    assert_eq!(meet(ObjectKind::LoadBalancer), None);
}
