//! Several processes at once.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use switchyard_hcn::{Client, Guid, Notification, NotificationType, hresult};

use super::*;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn every_process_sees_one_hns() {
    let directory = directory("one");
    let (one, other) = (process(&directory), process(&directory));
    let handle = one.create_namespace(Guid::NIL, &namespace()).unwrap();
    let seen = other.enumerate_namespaces("").unwrap();
    let ids: Vec<Guid> = serde_json::from_str(&seen).unwrap();
    assert_eq!(ids.len(), 1);
    assert_eq!(state(&*one), state(&*other));

    // A handle is its process's own, and the object outlives the process.
    let refused = other.query_namespace_properties(handle, "").unwrap_err();
    assert_eq!(refused.hresult, hresult::E_HANDLE);
    assert!(one.query_namespace_properties(handle, "").is_ok());
    drop(one);
    other.delete_namespace(ids[0]).unwrap();
    let later = process(&directory);
    assert_eq!(later.enumerate_namespaces("").unwrap(), "[]");
    assert_eq!(state(&*later), state(&*other));
}

#[test]
fn what_one_process_does_is_told_to_the_others() {
    let directory = directory("told");
    let (one, other) = (process(&directory), process(&directory));
    let (sender, told) = channel();
    let hear = move |notification: &Notification| {
        let _ = sender.send((thread::current().id(), notification.notification_type));
    };
    let callback = one.register_service_callback(Arc::new(hear)).unwrap();
    let made = other.create_namespace(Guid::NIL, &namespace()).unwrap();
    let (thread, what) = told.recv_timeout(SOON).unwrap();
    assert_eq!(what, NotificationType::NamespaceCreate);
    assert_ne!(thread, thread::current().id());

    one.unregister_service_callback(callback).unwrap();
    other.close_namespace(made).unwrap();
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    let twice = one.unregister_service_callback(callback).unwrap_err();
    assert_eq!(twice.hresult, hresult::E_HANDLE);
    // What was registered is dropped with its callback: nobody is left to send.
    assert!(told.recv().is_err());
}

#[test]
fn nobody_is_told_twice_after_trouble_with_the_journal() {
    let directory = directory("told-once");
    let (one, other) = (process(&directory), process(&directory));
    let (sender, told) = channel();
    let hear = move |notification: &Notification| {
        sender.send(notification.read().unwrap().id.unwrap()).unwrap();
    };
    one.register_service_callback(Arc::new(hear)).unwrap();
    let ids = || serde_json::from_str(&other.enumerate_namespaces("").unwrap()).unwrap();
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    let first: BTreeSet<Guid> = ids();
    assert!(first.contains(&told.recv_timeout(SOON).unwrap()));

    let path = directory.join("journal-000001.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"garbage\n"].concat()).unwrap();
    one.enumerate_namespaces("").unwrap_err();
    fs::write(&path, whole).unwrap();
    other.create_namespace(Guid::NIL, &namespace()).unwrap();
    let second: BTreeSet<Guid> = ids();
    let new: Vec<&Guid> = second.difference(&first).collect();
    assert_eq!(new, [&told.recv_timeout(SOON).unwrap()]);
}

#[test]
fn a_callback_may_take_itself_out() {
    let hns = process(&directory("itself"));
    let (sender, told) = channel();
    let (tell_handle, handle) = channel();
    let same = Arc::clone(&hns);
    let callback = move |_: &Notification| {
        let unregistered = same.unregister_service_callback(handle.recv().unwrap());
        sender.send(unregistered.is_ok()).unwrap();
    };
    // A receiver cannot be shared between threads, but a callback is called by one.
    let callback = std::sync::Mutex::new(callback);
    let callback = move |notification: &Notification| callback.lock().unwrap()(notification);
    tell_handle.send(hns.register_service_callback(Arc::new(callback)).unwrap()).unwrap();
    hns.create_namespace(Guid::NIL, &namespace()).unwrap();
    assert!(told.recv_timeout(SOON).unwrap());
    hns.create_namespace(Guid::NIL, &namespace()).unwrap();
    assert!(told.recv().is_err());
}

#[test]
fn a_call_that_hangs_ends_when_another_process_restarts_hns() {
    let directory = directory("hangs");
    let (one, other) = (process(&directory), process(&directory));
    let hang = json!({ "faults": [{ "on": { "call": "HcnEnumerateNetworks" }, "times": 1,
        "does": { "fault": "hang" } }] });
    steer(&*one, "/emulator/faults", &hang);
    let waiting = thread::spawn(move || one.enumerate_networks(""));
    // The call is written down before it waits.
    while !other.hns_call("GET", "/emulator/calls", "").unwrap().contains("HcnEnumerateNetworks") {
        thread::yield_now();
    }
    steer(&*other, "/emulator/restart", &json!({}));
    let ended = waiting.join().unwrap().unwrap_err();
    assert_eq!(ended.hresult, hresult::HCN_E_MANAGER_STOPPED);
}

#[test]
fn who_is_told_that_registering_failed_is_not_called() {
    let directory = directory("failed-registration");
    let (one, other) = (process(&directory), process(&directory));
    let slow = json!({ "faults": [{ "on": { "call": "HcnRegisterServiceCallback" }, "times": 1,
        "does": { "fault": "delay", "milliseconds": 3_600_000 } }] });
    steer(&*one, "/emulator/faults", &slow);
    let callback = Arc::new(|_: &Notification| {});
    let kept = Arc::downgrade(&callback);
    let same = Arc::clone(&one);
    let waiting = thread::spawn(move || same.register_service_callback(callback));
    let calls = || other.hns_call("GET", "/emulator/calls", "").unwrap();
    while !calls().contains("HcnRegisterServiceCallback") {
        thread::yield_now();
    }
    steer(&*other, "/emulator/restart", &json!({}));
    let ended = waiting.join().unwrap().unwrap_err();
    assert_eq!(ended.hresult, hresult::HCN_E_MANAGER_STOPPED);
    assert!(kept.upgrade().is_none());
}

#[test]
fn a_callback_that_panics_keeps_nobody_from_being_told() {
    let hns = process(&directory("panics"));
    let panics = |_: &Notification| panic!("a callback that panics harms nobody");
    let first = hns.register_service_callback(Arc::new(panics)).unwrap();
    let (sender, told) = channel();
    let hear = move |notification: &Notification| {
        let _ = sender.send(notification.notification_type);
    };
    hns.register_service_callback(Arc::new(hear)).unwrap();
    for _ in 0..2 {
        hns.create_namespace(Guid::NIL, &namespace()).unwrap();
        assert_eq!(told.recv_timeout(SOON).unwrap(), NotificationType::NamespaceCreate);
    }
    hns.unregister_service_callback(first).unwrap();
}

#[test]
fn nothing_is_lost_or_doubled_when_many_call_at_once() {
    const EACH: usize = 25;
    let directory = directory("many");
    let processes: Vec<_> = (0..4).map(|_| process(&directory)).collect();
    let threads: Vec<_> = processes
        .iter()
        .flat_map(|hns| [Arc::clone(hns), Arc::clone(hns)])
        .map(|hns| {
            thread::spawn(move || {
                let make = |_| hns.create_namespace(Guid::NIL, &namespace()).unwrap();
                let handles: BTreeSet<_> = (0..EACH).map(make).collect();
                handles.iter().for_each(|handle| hns.close_namespace(*handle).unwrap());
                handles
            })
        })
        .collect();
    let mut handles = BTreeSet::new();
    let count = threads.len() * EACH;
    threads.into_iter().for_each(|thread| handles.extend(thread.join().unwrap()));
    assert_eq!(handles.len(), count);
    for hns in &processes {
        assert_eq!(Client::new(&**hns).namespaces().unwrap().objects.len(), count);
        assert_eq!(state(&**hns), state(&*processes[0]));
    }
}
