//! The C interface from both sides: what calls it and what answers, with no loader between.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![expect(unsafe_code, reason = "the interface is one of C")]

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use switchyard_hcn::{
    Client, EndpointHandle, ErrorClass, Guid, Hcn, NamespaceHandle, Notification, NotificationType,
    hresult,
};
use switchyard_hcn_contract::Verdict;
use switchyard_hcn_shared::Place;
use switchyard_hcn_sys::{FUNCTION_NAMES, Functions, WindowsHns};

/// A client of an HNS of its own, on which nobody else's test does anything: the interface has one HNS for each process.
fn hns(without: &[&str]) -> WindowsHns {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("interface-hns");
        let _ = fs::remove_dir_all(&directory);
        assert!(computenetwork::share(Place::at(directory)));
    });
    let find = |name: &'static str| {
        if without.contains(&name) { None } else { computenetwork::address(name) }
    };
    // SAFETY: these are the functions by these names, and they give what `free` frees.
    WindowsHns::new(unsafe { Functions::find(find, free) })
}

unsafe extern "system" fn free(text: *const std::ffi::c_void) {
    // SAFETY: the caller says that the interface gave it.
    unsafe { computenetwork::free(text) };
}

fn namespace() -> String {
    json!({ "Type": "Host", "SchemaVersion": { "Major": 2, "Minor": 0 } }).to_string()
}

/// All of it in one test, for the HNS of a process is one.
#[test]
fn what_goes_through_the_interface_arrives() {
    let hns = hns(&[]);
    assert_eq!(hns.missing(), Vec::<&str>::new());
    the_contract_holds(&hns);
    what_is_missing_is_said();
    odd_texts_and_handles_harm_nothing(&hns);
    callbacks_come_and_go(&hns);
}

fn the_contract_holds(hns: &WindowsHns) {
    for row in switchyard_hcn_contract::run(hns) {
        assert_eq!(row.verdict, Verdict::Pass, "{}: {:?}", row.id, row.detail);
    }
}

fn what_is_missing_is_said() {
    let old = hns(&["HcnModifyLoadBalancer", "HNSCall"]);
    assert_eq!(old.missing(), ["HcnModifyLoadBalancer", "HNSCall"]);
    let refused = old.hns_call("GET", "/globals/version", "").unwrap_err();
    assert_eq!((refused.hresult, refused.class()), (hresult::E_NOTIMPL, ErrorClass::Unsupported));
    assert!(refused.to_string().contains("This Windows has no HNSCall"), "{refused}");
    assert_eq!(hns(FUNCTION_NAMES).missing(), FUNCTION_NAMES);
}

fn odd_texts_and_handles_harm_nothing(hns: &WindowsHns) {
    let long = format!("\"{}\"", "\u{1F9ED}x".repeat(1 << 20));
    let refused = hns.create_network(Guid::NIL, &long).unwrap_err();
    assert_eq!(refused.hresult, hresult::HCN_E_INVALID_JSON);
    for handle in [0, 1 << 40, usize::MAX] {
        let refused = hns.close_endpoint(EndpointHandle(handle)).unwrap_err();
        assert_eq!(refused, switchyard_hcn::Error::without_record(hresult::E_HANDLE));
        let refused = hns.query_namespace_properties(NamespaceHandle(handle), "").unwrap_err();
        assert_eq!(refused.hresult, hresult::E_HANDLE);
        assert!(refused.record.is_some());
    }
    // Names come back as they went in.
    let name = "\u{1F9ED} na\u{EF}ve \\ \" \u{FFFD}";
    let document = json!({ "Name": name, "Type": "L2Bridge",
        "SchemaVersion": { "Major": 2, "Minor": 0 } });
    let made = hns.create_network(Guid::NIL, &document.to_string()).unwrap();
    hns.close_network(made).unwrap();
    let networks = Client::new(hns).networks().unwrap().objects;
    assert!(networks.iter().any(|network| network.name == name));
}

fn callbacks_come_and_go(hns: &WindowsHns) {
    let (sender, told) = channel();
    let hear = move |notification: &Notification| {
        let _ = sender.send(notification.clone());
        panic!("a callback that panics harms nobody");
    };
    let registered = hns.register_service_callback(Arc::new(hear)).unwrap();
    for _ in 0..2 {
        let made = hns.create_namespace(Guid::NIL, &namespace()).unwrap();
        let notification = told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(notification.notification_type, NotificationType::NamespaceCreate);
        assert!(notification.read().unwrap().id.is_some());
        hns.close_namespace(made).unwrap();
    }
    hns.unregister_service_callback(registered).unwrap();
    hns.create_namespace(Guid::NIL, &namespace()).unwrap();
    // Who listened is dropped: nobody is left to send.
    assert!(told.recv().is_err());
}
