//! With what a shared HNS begins.

use std::ffi::OsString;
use std::path::Path;

use switchyard_hcn::{Client, Version};

use super::*;

/// The place that `variables` name, as environment variables do.
fn place(variables: &[(&str, &Path)]) -> Place {
    let get = |name: &str| {
        let named = variables.iter().find(|(known, _)| *known == name);
        named.map(|(_, value)| OsString::from(value))
    };
    Place::from_environment(get).unwrap()
}

#[test]
fn nothing_said_is_an_empty_hns_of_version_15_5() {
    let directory = directory("empty");
    let hns = SharedHns::new(place(&[("ProgramData", &directory)]));
    assert_eq!(Client::new(&*hns).version().unwrap(), Version::new(15, 5));
    assert_eq!(state(&*hns)["networks"], json!([]));
    assert!(directory.join("Switchyard").join("HNS").join("lock").is_file());
}

#[test]
fn variables_and_files_say_with_what_it_begins() {
    let directory = directory("said");
    fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, text: &Value| {
        let path = directory.join(name);
        fs::write(&path, text.to_string()).unwrap();
        path
    };
    let id = "11111111-1111-4111-8111-111111111111";
    let state_file = file("state", &json!({ "namespaces": [{ "ID": id, "Type": "Host" }] }));
    let faults = file(
        "faults",
        &json!({ "faults": [{ "on": { "call": "HcnEnumerateNetworks" }, "times": 1,
            "does": { "fault": "refuse", "code": "0x80070005" } }] }),
    );
    let setup = file("setup", &json!({ "version": { "Major": 11, "Minor": 2 } }));
    let log = directory.join("calls.jsonl");
    let hns = SharedHns::new(place(&[
        ("SWITCHYARD_HNS_DIR", &directory.join("hns")),
        ("SWITCHYARD_HNS_SETUP", &setup),
        ("SWITCHYARD_HNS_STATE", &state_file),
        ("SWITCHYARD_HNS_VERSION", Path::new("15.4")),
        ("SWITCHYARD_HNS_LATENCY", Path::new(r#"{"profile":"instant"}"#)),
        ("SWITCHYARD_HNS_FAULTS", &faults),
        ("SWITCHYARD_HNS_CALL_LOG", &log),
    ]));
    assert_eq!(hns.enumerate_networks("").unwrap_err().hresult, 0x8007_0005);
    assert_eq!(hns.enumerate_namespaces("").unwrap(), format!("[\"{id}\"]"));
    assert_eq!(Client::new(&*hns).version().unwrap(), Version::new(15, 4));
    let lines = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            json!({ "seq": 1, "call": "HcnEnumerateNetworks", "id": null, "hresult": 0x8007_0005_u32 }),
            json!({ "seq": 2, "call": "HcnEnumerateNamespaces", "id": null, "hresult": 0 }),
            json!({ "seq": 3, "call": "HNSCall", "id": null, "hresult": 0 }),
        ]
    );
}

#[test]
fn a_file_in_the_directory_does_too() {
    let directory = directory("setup-file");
    fs::create_dir_all(&directory).unwrap();
    let setup = json!({ "version": { "Major": 13, "Minor": 0 } });
    fs::write(directory.join("setup.json"), setup.to_string()).unwrap();
    assert_eq!(Client::new(&*process(&directory)).version().unwrap(), Version::new(13, 0));
}

#[test]
fn what_cannot_be_read_is_named_to_whoever_calls() {
    fn check(name: &str, set: impl FnOnce(&mut Place), expect: &[&str]) {
        let mut place = Place::at(directory(name));
        set(&mut place);
        let said = SharedHns::new(place).enumerate_networks("").unwrap_err().to_string();
        for part in expect {
            assert!(said.contains(part), "{said:?} does not say {part:?}");
        }
    }
    check(
        "no-version",
        |place| place.version = Some("new".to_owned()),
        &["SWITCHYARD_HNS_VERSION", "new"],
    );
    check(
        "no-file",
        |place| place.state = Some("no/such/file".into()),
        &["SWITCHYARD_HNS_STATE", "no/such/file"],
    );
    check(
        "no-latency",
        |place| place.latency = Some("{\"profile\":\"ws1999\"}".to_owned()),
        &["SWITCHYARD_HNS_LATENCY", "ws1999"],
    );
    assert!(
        Place::from_environment(|_| None).unwrap_err().to_string().contains("SWITCHYARD_HNS_DIR")
    );
}
