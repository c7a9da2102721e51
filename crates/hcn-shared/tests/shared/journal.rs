//! What is left of processes that died, and journals that became long.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use switchyard_hcn::{Guid, Notification, NotificationType};

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// The files of the journal. Windows keeps a name, another one, of those that are gone and still open somewhere.
fn files(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".jsonl"));
    names.sort();
    names
}

fn append(directory: &Path, text: &str) {
    let path = directory.join(&files(directory)[0]);
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_call_that_was_being_written_never_happened() {
    let directory = directory("torn");
    let one = process(&directory);
    one.create_namespace(Guid::NIL, &namespace()).unwrap();
    let before = state(&*one);
    append(&directory, r#"{"call":{"at":{"secs":1,"na"#);
    let other = process(&directory);
    assert_eq!(state(&*other), before);
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    assert_eq!(state(&*one), state(&*other));
    assert_eq!(state(&*process(&directory)), state(&*one));
}

#[test]
fn a_line_that_nobody_can_read_is_said_with_what_to_do() {
    let directory = directory("garbage");
    let one = process(&directory);
    one.create_namespace(Guid::NIL, &namespace()).unwrap();
    append(&directory, "garbage\n");
    for hns in [one, process(&directory)] {
        for _ in 0..2 {
            let said = hns.enumerate_networks("").unwrap_err().to_string();
            assert!(said.contains("journal-000001.jsonl"), "{said}");
            assert!(said.contains("remove the directory"), "{said}");
        }
    }
}

#[test]
fn a_file_that_came_to_nothing_is_said_as_well() {
    let directory = directory("nothing");
    fs::create_dir_all(&directory).unwrap();
    for text in ["", "{\"begin\":"] {
        fs::write(directory.join("journal-000001.jsonl"), text).unwrap();
        let said = process(&directory).enumerate_networks("").unwrap_err().to_string();
        assert!(said.contains("journal-000001.jsonl: it has no beginning"), "{said}");
    }
}

#[test]
fn a_long_journal_is_followed_by_another() {
    let directory = directory("long");
    let (one, other) = (process(&directory), process(&directory));
    one.create_namespace(Guid::NIL, &namespace()).unwrap();
    other.enumerate_namespaces("").unwrap();
    for _ in 0..2_100 {
        one.enumerate_namespaces("").unwrap();
    }
    assert_eq!(files(&directory), ["journal-000002.jsonl"]);
    // One that had read the old one, and one that never saw it.
    for hns in [other, process(&directory)] {
        assert_eq!(state(&*hns), state(&*one));
        hns.create_namespace(Guid::NIL, &namespace()).unwrap();
    }
    assert_eq!(state(&*one)["namespaces"].as_array().unwrap().len(), 3);
}

#[test]
fn one_that_was_away_while_the_journal_was_followed_twice_finds_it() {
    let directory = directory("away");
    let (one, other, left) = (process(&directory), process(&directory), directory.join("left"));
    one.create_namespace(Guid::NIL, &namespace()).unwrap();
    let handle = other.create_namespace(Guid::NIL, &namespace()).unwrap();
    fs::copy(directory.join("journal-000001.jsonl"), &left).unwrap();
    while files(&directory) != ["journal-000003.jsonl"] {
        one.enumerate_namespaces("").unwrap();
    }
    other.close_namespace(handle).unwrap();
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    assert_eq!(state(&*other), state(&*one));
    assert_eq!(state(&*one)["namespaces"].as_array().unwrap().len(), 3);

    // An old file that could not be removed leads there, too.
    let followed = fs::read_to_string(left).unwrap() + "{\"next\":{\"number\":2}}\n";
    fs::write(directory.join("journal-000001.jsonl"), followed).unwrap();
    assert_eq!(state(&*process(&directory)), state(&*one));
}

#[test]
fn what_was_read_before_such_an_absence_is_told() {
    let directory = directory("away-and-told");
    let (one, other) = (process(&directory), process(&directory));
    let (sender, told) = channel();
    let (go_on, held) = channel::<()>();
    let held = Mutex::new(held);
    // A callback that takes its time holds up who reads on.
    let hear = move |notification: &Notification| {
        let _ = sender.send(notification.notification_type);
        let _ = held.lock().unwrap().recv();
    };
    one.register_service_callback(Arc::new(hear)).unwrap();
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), NotificationType::NamespaceCreate);
    steer(&*other, "/emulator/restart", &json!({}));
    while files(&directory) != ["journal-000003.jsonl"] {
        other.enumerate_namespaces("").unwrap();
    }
    drop(go_on);
    assert_eq!(told.recv_timeout(SOON).unwrap(), NotificationType::ServiceDisconnect);
}

#[test]
fn a_clock_that_was_set_back_holds_up_nobody() {
    let directory = directory("clock");
    let hns = process(&directory);
    hns.enumerate_networks("").unwrap();
    // A call from a time that is long to come.
    let call = json!({ "call": { "at": { "secs": 99_999_999_999_u64, "nanos": 0 },
        "request": { "enumerate": { "kind": "network", "query": "" } } } });
    append(&directory, &format!("{call}\n"));
    let slow = json!({ "faults": [{ "on": { "call": "HcnEnumerateNetworks" },
        "does": { "fault": "delay", "milliseconds": 20 } }] });
    steer(&*hns, "/emulator/faults", &slow);
    for _ in 0..2 {
        assert_eq!(hns.enumerate_networks("").unwrap(), "[]");
        assert_eq!(process(&directory).enumerate_networks("").unwrap(), "[]");
    }
}

#[test]
fn a_file_that_was_to_follow_and_never_did_is_no_matter() {
    let directory = directory("half");
    let one = process(&directory);
    one.create_namespace(Guid::NIL, &namespace()).unwrap();
    fs::write(directory.join("journal-000002.jsonl"), "whatever a process died over").unwrap();
    let other = process(&directory);
    assert_eq!(state(&*other), state(&*one));
}
