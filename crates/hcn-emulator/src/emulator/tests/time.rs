//! When calls have their effect, when they end, and what becomes of them when HNS stops.

use std::sync::Mutex;
use std::thread;

use switchyard_hcn::{Notification, NotificationType};

use super::*;
use crate::{Concurrency, Fault, FaultScript, Growth, Latency, Profile, SavedData, Trouble};

const DELETE: Request<'_> = Request::Delete { kind: ObjectKind::LoadBalancer, id: Guid::NIL };

const HANG: Trouble = Trouble::Hang { after: false };
const HANG_AFTER: Trouble = Trouble::Hang { after: true };

/// An HNS that takes 8.571 ms for each change.
fn updated(growth: Growth, concurrency: Concurrency) -> Service {
    let latency = Latency { profile: Profile::Ws2022u, growth, concurrency };
    Service::new(Setup { latency, ..Setup::of(small().state()) })
}

const CHANGE: Duration = Duration::from_nanos(60_000_000_000 / 7_000);

/// When calls that begin at once have their effect, when they end, and when the next one that begins at 1 s does.
fn check(concurrency: Concurrency, expect: [Duration; 3]) {
    let mut service = updated(Growth::Flat, concurrency);
    let first = service.begin(&DELETE, Duration::ZERO);
    let second = service.begin(&DELETE, Duration::ZERO);
    let third = service.begin(&DELETE, Duration::from_secs(1));
    for (begun, end) in [first, second, third].into_iter().zip(expect) {
        assert_eq!((begun.effect_at, begun.finishes_at), (end, Some(end)), "{concurrency:?}");
    }
}

#[test]
fn calls_wait_for_each_other_or_do_not() {
    let later = Duration::from_secs(1) + CHANGE;
    check(Concurrency::Serial, [CHANGE, 2 * CHANGE, later]);
    check(Concurrency::Parallel, [CHANGE, CHANGE, later]);
}

#[test]
fn a_change_takes_longer_the_more_there_is() {
    let mut service = updated(Growth::Growing, Concurrency::Serial);
    let end = |service: &mut Service, now| service.begin(&DELETE, now).finishes_at.unwrap();
    // The three endpoints of the small HNS, and the one that is being changed.
    let share = Duration::from_nanos(60_000_000_000 / (7_000 * 7_001 / 2));
    assert_eq!(end(&mut service, Duration::ZERO), 4 * share);
}

#[test]
fn a_delay_comes_after_the_effect() {
    let mut service = updated(Growth::Flat, Concurrency::Serial);
    let does = Trouble::Delay { milliseconds: 500 };
    service.set_faults(FaultScript {
        faults: vec![Fault::at("HcnDeleteLoadBalancer", does).unwrap()],
    });
    let begun = service.begin(&DELETE, Duration::ZERO);
    assert_eq!(begun.effect_at, CHANGE);
    assert_eq!(begun.finishes_at, Some(CHANGE + Duration::from_millis(500)));
}

#[test]
fn a_call_that_hangs_holds_no_other_up() {
    let mut service = updated(Growth::Flat, Concurrency::Serial);
    let faults = vec![Fault::at("HcnDeleteLoadBalancer", HANG).unwrap()];
    service.set_faults(FaultScript { faults });
    assert_eq!(service.begin(&DELETE, Duration::ZERO).finishes_at, None);
    assert_eq!(service.begin(&DELETE, Duration::ZERO).finishes_at, Some(CHANGE));
}

#[test]
fn hns_that_is_away_comes_back_by_itself() {
    let mut service = updated(Growth::Flat, Concurrency::Serial);
    let does = Trouble::Stop { milliseconds: 100 };
    service.set_faults(FaultScript { faults: vec![Fault::at("*", does).unwrap()] });
    let list = Request::Enumerate { kind: ObjectKind::Endpoint, query: "" };
    let mut code = |milliseconds| {
        let begun = service.begin(&list, Duration::from_millis(milliseconds));
        begun.result.err().map(|error| error.hresult)
    };
    assert_eq!(code(0), Some(hresult::HCN_E_MANAGER_STOPPED));
    assert_eq!(code(1), Some(hresult::RPC_S_SERVER_UNAVAILABLE));
    assert_eq!(code(99), Some(hresult::RPC_S_SERVER_UNAVAILABLE));
    assert_eq!(code(100), None);
}

#[test]
fn virtual_time_passes_by_calls_alone() {
    let latency = Latency { profile: Profile::WsSick, ..Latency::default() };
    let hns = Emulator::in_virtual_time(Setup { latency, ..Setup::of(small().state()) });
    let create = |vip| hns.create_load_balancer(Guid::NIL, &balancer(vip, &[11]).to_string());
    create("172.20.0.1").unwrap();
    create("172.20.0.2").unwrap();
    assert_eq!(hns.now(), Duration::from_secs(2 * 47));
    let faults = vec![Fault::at("*", HANG).unwrap()];
    hns.steer(|service| service.set_faults(FaultScript { faults }));
    assert_eq!(create("172.20.0.3").unwrap_err().hresult, hresult::RPC_S_CALL_CANCELLED);
    assert_eq!(hns.now(), Duration::from_secs(2 * 47) + PATIENCE);
    assert_eq!(hns.state().load_balancers().count(), 2);
}

/// Has so many milliseconds pass.
type Wait<'a> = &'a dyn Fn(&Emulator, u64);

/// An HNS in virtual time that is away for 100 ms from its first call on.
fn away() -> Emulator {
    let faults = vec![Fault::at("*", Trouble::Stop { milliseconds: 100 }).unwrap()];
    let hns = Emulator::in_virtual_time(Setup { faults, ..Setup::of(small().state()) });
    assert!(hns.enumerate_endpoints("").is_err());
    hns
}

#[test]
fn virtual_time_passes_while_hns_is_away() {
    let code = |hns: &Emulator| hns.enumerate_endpoints("").err().map(|error| error.hresult);
    let gone = Some(hresult::RPC_S_SERVER_UNAVAILABLE);
    let waits: [Wait<'_>; 3] = [
        &|hns, passed| hns.advance(Duration::from_millis(passed)),
        &|hns, passed| hns.advance_to(hns.now() + Duration::from_millis(passed)),
        &|hns, passed| {
            let order = json!({ "milliseconds": passed }).to_string();
            let answer = hns.hns_call("POST", "/emulator/advance", &order).unwrap();
            assert!(answer.contains(r#""Success":true"#), "{answer}");
        },
    ];
    for wait in waits {
        let hns = away();
        for _ in 0..1_000 {
            assert_eq!(code(&hns), gone);
        }
        wait(&hns, 99);
        assert_eq!(code(&hns), gone);
        wait(&hns, 1);
        assert_eq!(code(&hns), None);
        assert_eq!(hns.now(), Duration::from_millis(100));
    }
    let hns = away();
    hns.advance_to(Duration::from_secs(1));
    hns.advance_to(Duration::from_millis(1));
    assert_eq!(hns.now(), Duration::from_secs(1));
    hns.advance(Duration::MAX);
    hns.advance(Duration::MAX);
    assert_eq!(code(&hns), None);
}

#[test]
fn what_is_due_happens_when_time_passes() {
    let knobs = crate::Knobs { rehydration: crate::Rehydration::Nothing, ..Default::default() };
    let faults = vec![Fault::at("*", Trouble::Stop { milliseconds: 100 }).unwrap()];
    let setup = Setup { faults, knobs, ..Setup::of(small().state()) };
    let hns = Emulator::in_virtual_time(setup);
    assert!(hns.enumerate_endpoints("").is_err());
    assert_eq!(hns.state().endpoints().count(), 3);
    hns.advance(Duration::from_millis(100));
    assert_eq!(hns.state().endpoints().count(), 0);
}

#[test]
fn real_time_passes_by_itself() {
    let hns = small();
    hns.advance(Duration::from_secs(3_600));
    hns.advance_to(Duration::from_secs(7_200));
    hns.hns_call("POST", "/emulator/advance", r#"{"milliseconds":3600000}"#).unwrap();
    assert!(hns.now() < Duration::from_secs(3_600));
    let refused = hns.hns_call("POST", "/emulator/advance", "{}").unwrap();
    assert!(refused.contains("milliseconds"), "{refused}");
}

#[test]
fn data_of_another_build_stays_until_somebody_removes_it() {
    let check = |cure: &dyn Fn(&mut Service), endpoints: Option<usize>| {
        let hns = small();
        hns.steer(|service| {
            service.stop();
            service.start(SavedData::Mismatched);
            cure(service);
        });
        let listed = hns.enumerate_endpoints("").map(|list| ids(&list).len());
        assert_eq!(
            listed.map_err(|error| error.hresult),
            endpoints.ok_or(hresult::ERROR_WRONG_DISK)
        );
    };
    check(&|_| {}, None);
    check(&Service::restart, None);
    check(&Service::reboot, None);
    check(&|service| service.start(SavedData::Untouched), None);
    let stop_and_start = |service: &mut Service, data| {
        service.stop();
        service.start(data);
    };
    check(&|service| stop_and_start(service, SavedData::Untouched), None);
    check(&|service| stop_and_start(service, SavedData::Removed), Some(0));
    check(&|service| stop_and_start(service, SavedData::Kept), Some(3));
}

#[test]
fn a_call_that_is_out_ends_when_hns_stops() {
    for does in [HANG, HANG_AFTER, Trouble::Delay { milliseconds: 3_600_000 }] {
        let faults = vec![Fault::at("HcnDeleteEndpoint", does).unwrap()];
        let hns = Emulator::blocking(Setup { faults, ..Setup::of(small().state()) });
        thread::scope(|scope| {
            let out = scope.spawn(|| hns.delete_endpoint(id(13)));
            // The call is noted when it begins.
            while hns.calls().total() == 0 {
                thread::yield_now();
            }
            assert!(!out.is_finished());
            hns.steer(Service::restart);
            let ended = out.join().unwrap().unwrap_err();
            assert_eq!(ended.hresult, hresult::HCN_E_MANAGER_STOPPED);
        });
        // What was only slow, or hung later, has had its effect: an error is no proof that it has not.
        assert_eq!(hns.state().endpoint(id(13)).is_some(), does == HANG);
    }
}

#[test]
fn those_who_registered_are_told() {
    let hns = small();
    let told: Arc<Mutex<Vec<NotificationType>>> = Arc::default();
    let ear = Arc::clone(&told);
    let listen: NotificationCallback = Arc::new(move |notification: &Notification| {
        ear.lock().unwrap().push(notification.notification_type);
    });
    let handle = hns.register_service_callback(Arc::clone(&listen)).unwrap();
    hns.create_network(id(2), r#"{"Name":"nat"}"#).unwrap();
    hns.delete_network(id(2)).unwrap();
    hns.delete_endpoint(id(13)).unwrap();
    let heard = || std::mem::take(&mut *told.lock().unwrap());
    use NotificationType::{
        NetworkCreate, NetworkDelete, NetworkPreCreate, NetworkPreDelete, ServiceDisconnect,
    };
    assert_eq!(heard(), [NetworkPreCreate, NetworkCreate, NetworkPreDelete, NetworkDelete]);
    hns.steer(Service::stop);
    assert_eq!(heard(), [ServiceDisconnect]);
    hns.steer(|service| service.start(SavedData::Kept));
    hns.create_network(id(2), r#"{"Name":"nat"}"#).unwrap();
    assert_eq!(heard(), []);
    let gone = hns.unregister_service_callback(handle).unwrap_err();
    assert_eq!(gone.hresult, hresult::E_HANDLE);
}
