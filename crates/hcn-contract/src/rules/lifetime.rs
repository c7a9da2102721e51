//! How long things live: clients, restarts, reboots, other builds, other clients, and calls that hang.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid, Notification, NotificationData, NotificationType};

use super::endpoint::references;
use crate::documents::{
    TCP, fault, fresh, knob, l2bridge, load_balancer, local, local_at, nat, network, overlay,
    query, remote_at, subnet, with,
};
use crate::finding::{Checked, Finding, accepted, equal, fails, that};
use crate::session::{Handle, Kind, Session, same_ids};
use crate::trial::Trial;

const STOPPING: u32 = 0x803B_0020;
const STOPPED: u32 = 0x8007_06BA;
const BAD_HANDLE: u32 = 0x8007_0006;
const WRONG_DISK: u32 = 0x8007_0022;

/// A network with a local and a remote endpoint, a namespace, and a load balancer over both endpoints.
struct World {
    network: Guid,
    local: Guid,
    remote: Guid,
    namespace: Guid,
    load_balancer: Guid,
}

impl World {
    fn make(hns: &Session<'_>) -> Result<Self, Finding> {
        let network = hns.network(&l2bridge())?;
        let local = hns.endpoint(network, &local_at(&["10.42.7.23"]))?;
        let remote = hns.endpoint(network, &remote_at("10.42.9.31"))?;
        let namespace = hns.namespace()?;
        let document = load_balancer(&[local, remote], "10.96.14.5", TCP, 80);
        Ok(Self { network, local, remote, namespace, load_balancer: hns.load_balancer(&document)? })
    }

    fn of(&self, kind: Kind) -> Guid {
        match kind {
            Kind::Network => self.network,
            Kind::Endpoint => self.local,
            Kind::Namespace => self.namespace,
            Kind::LoadBalancer => self.load_balancer,
        }
    }

    fn open_all(&self, hns: &Session<'_>) -> Result<Vec<Handle>, Error> {
        Kind::ALL.iter().map(|kind| hns.open(*kind, self.of(*kind))).collect()
    }
}

/// How many objects of each kind there are.
fn counts(hns: &Session<'_>) -> Result<[usize; 4], Error> {
    let [networks, endpoints, namespaces, balancers] = Kind::ALL.map(|kind| hns.all(kind));
    Ok([networks?.len(), endpoints?.len(), namespaces?.len(), balancers?.len()])
}

/// L1: the row "client process exits".
pub(super) fn clients_leave(trial: &mut Trial<'_>) {
    trial.attempt("close every handle", &fresh(), |hns| {
        let world = World::make(hns)?;
        let before = hns.snapshot()?;
        for handle in [world.open_all(hns)?, world.open_all(hns)?].concat() {
            accepted("close", hns.close(handle))?;
        }
        that(hns.snapshot()? == before, || "something is gone or other".to_owned())
    });
    trial.attempt("a client that ends, and one that leaves its handles open", &fresh(), |hns| {
        let world = World::make(hns)?;
        let before = hns.snapshot()?;
        world.open_all(hns)?;
        hns.listen()?;
        hns.end();
        that(hns.snapshot()? == before, || "something is gone or other".to_owned())?;
        // Nobody closes what hcsshim leaks, and delete needs no handle.
        world.open_all(hns)?;
        for kind in [Kind::LoadBalancer, Kind::Endpoint, Kind::Namespace, Kind::Network] {
            accepted("delete under open handles", hns.delete(kind, world.of(kind)))?;
        }
        equal("what is left", &counts(hns)?, &[0, 0, 0, 0])
    });
    trial.attempt("closing one of two handles", &fresh(), |hns| {
        let world = World::make(hns)?;
        let [first, second] = [world.open_all(hns)?, world.open_all(hns)?];
        for (first, second) in first.iter().zip(&second) {
            hns.close(*first)?;
            accepted("query by the other", hns.query(*second, ""))?;
        }
        Ok(())
    });
}

/// What a restart may bring back, and how many networks, endpoints and load balancers that are; none where it is open.
const REHYDRATIONS: &[(&str, [Option<usize>; 3])] = &[
    ("all", [Some(1), Some(2), Some(1)]),
    ("withoutLoadBalancers", [Some(1), Some(2), Some(0)]),
    // Whether load balancers without their endpoints come back is not known.
    ("withoutEndpoints", [Some(1), Some(0), None]),
    ("networksAlone", [Some(1), Some(0), Some(0)]),
    ("nothing", [Some(0), Some(0), Some(0)]),
];

/// L2: kubernetes/kubernetes#139519 and #110849, projectcalico/calico#5164.
pub(super) fn restart(trial: &mut Trial<'_>) {
    for (setting, expected) in REHYDRATIONS {
        for with_gap in [true, false] {
            let what = format!("rehydration {setting}, a gap {with_gap}");
            trial.attempt(what, &knob("rehydration", *setting), |hns| {
                World::make(hns)?;
                let before = hns.snapshot()?;
                if with_gap {
                    gap(hns)?;
                } else {
                    hns.steer("/emulator/restart", &Value::Null)?;
                }
                let [networks, endpoints, _, balancers] = counts(hns)?;
                for (found, expected) in [networks, endpoints, balancers].iter().zip(expected) {
                    equal("objects that came back", found, &expected.unwrap_or(*found))?;
                }
                let after = hns.snapshot()?;
                that(after.keys().all(|id| before.contains_key(id)), || {
                    format!("something is new: {after:?}, was {before:?}")
                })?;
                equal("all is back", &(after == before), &(*setting == "all"))
            });
        }
    }
    trial.attempt("all is the default", &fresh(), |hns| {
        World::make(hns)?;
        let before = hns.snapshot()?;
        gap(hns)?;
        that(hns.snapshot()? == before, || "something is gone or other".to_owned())
    });
    trial.attempt("new ids", &knob("restoresWithNewIds", true), |hns| {
        let world = World::make(hns)?;
        let before = counts(hns)?;
        hns.steer("/emulator/restart", &Value::Null)?;
        equal("objects", &counts(hns)?, &before)?;
        let balancers = hns.all(Kind::LoadBalancer)?;
        that(!balancers.contains(&world.load_balancer), || "the id is the old one".to_owned())?;
        references(hns, balancers[0], &hns.all(Kind::Endpoint)?)
    });
    trial.attempt("handles", &fresh(), |hns| {
        let world = World::make(hns)?;
        let handles = world.open_all(hns)?;
        hns.steer("/emulator/restart", &Value::Null)?;
        for handle in handles {
            fails("query", BAD_HANDLE, hns.query(handle, ""))?;
            fails("modify", BAD_HANDLE, hns.modify(handle, "{}"))?;
        }
        for handle in world.open_all(hns)? {
            accepted("a new handle", hns.query(handle, ""))?;
        }
        Ok(())
    });
    for survives in [false, true] {
        let what = format!("callbacks, surviving {survives}");
        trial.attempt(what, &knob("callbacksSurviveRestart", survives), |hns| {
            let early = hns.listen()?;
            gap(hns)?;
            let told = early.until(NotificationType::ServiceDisconnect)?;
            equal("told before", &told.len(), &1)?;
            let late = hns.listen()?;
            hns.network(&nat())?;
            late.until(NotificationType::NetworkCreate)?;
            if survives {
                early.until(NotificationType::NetworkCreate)?;
            }
            let rest = early.rest();
            that(survives || rest.is_empty(), || format!("told after the restart: {rest:?}"))
        });
    }
    trial.attempt(
        "a callback hears of a restart without a gap, and of a second",
        &fresh(),
        |hns| {
            for _ in 0..2 {
                let listener = hns.listen()?;
                hns.steer("/emulator/restart", &Value::Null)?;
                listener.until(NotificationType::ServiceDisconnect)?;
            }
            Ok(())
        },
    );
}

/// Stops HNS, sees that every call fails, and starts it.
fn gap(hns: &Session<'_>) -> Checked {
    hns.steer("/emulator/stop", &Value::Null)?;
    fails("in flight", STOPPING, hns.enumerate(Kind::Network, ""))?;
    for kind in Kind::ALL {
        fails("stopped", STOPPED, hns.enumerate(kind, ""))?;
    }
    hns.steer("/emulator/start", &Value::Null).map(drop)
}

/// L3: the row "reboot".
pub(super) fn reboot(trial: &mut Trial<'_>) {
    for changes in [true, false] {
        let what = format!("networks of all sorts, ids change {changes}");
        trial
            .attempt(what, &knob("rebootChangesNetworkIds", changes), |hns| rebooted(hns, changes));
    }
    trial.attempt("ids change by default; handles are no more", &fresh(), |hns| {
        let network = hns.network(&l2bridge())?;
        let handle = hns.open(Kind::Network, network)?;
        hns.steer("/emulator/reboot", &Value::Null)?;
        let left = hns.all(Kind::Network)?;
        equal("networks", &left.len(), &1)?;
        that(left[0] != network, || "the id is the old one".to_owned())?;
        fails("query", BAD_HANDLE, hns.query(handle, ""))?;
        fails("open by the old id", 0x803B_0001, hns.open(Kind::Network, network))
    });
}

fn rebooted(hns: &Session<'_>, changes: bool) -> Checked {
    let flagged = |name: &str, prefix: &str, gateway: &str, flags: u32| {
        with(network(name, "L2Bridge", &[subnet(prefix, gateway)]), "Flags", flags)
    };
    let kept = [
        flagged("plain", "10.42.7.0/24", "10.42.7.1", 0),
        flagged("persistent", "10.43.0.0/24", "10.43.0.1", 16),
        flagged("no host port", "10.44.0.0/24", "10.44.0.1", 1024),
        with(overlay(), "Name", "tunnel"),
    ];
    let lost = [
        flagged("passing", "10.45.0.0/24", "10.45.0.1", 8),
        flagged("passing, too", "10.46.0.0/24", "10.46.0.1", 8 + 1024),
        with(with(overlay(), "Name", "passing tunnel"), "Flags", 8),
        nat(),
    ];
    let (mut old, mut of_lost) = (Vec::new(), Vec::new());
    for document in &kept {
        let made = hns.network(document)?;
        hns.endpoint(made, &local())?;
        old.push(made);
    }
    for document in &lost {
        let made = hns.network(document)?;
        hns.endpoint(made, &local())?;
        if document["Type"] == "L2Bridge" {
            of_lost.push(hns.endpoint(made, &remote_at("10.60.0.9"))?);
        }
    }
    hns.steer("/emulator/reboot", &Value::Null)?;
    let mut names = Vec::new();
    for (document, old) in kept.iter().zip(&old) {
        let found = hns.list(Kind::Network, &json!({"Name": document["Name"]}))?;
        equal("networks of the name", &found.len(), &1)?;
        equal("its id is new", &(found[0] != *old), &changes)?;
        let shown = hns.shown(Kind::Network, found[0])?;
        equal("Type", &shown["Type"], &document["Type"])?;
        names.push(found[0]);
    }
    same_ids("networks", &hns.all(Kind::Network)?, &names)?;
    for endpoint in hns.all(Kind::Endpoint)? {
        let shown = hns.shown(Kind::Endpoint, endpoint)?;
        that(shown["Flags"] == 1, || format!("a local endpoint is left: {shown}"))?;
        that(!of_lost.contains(&endpoint), || format!("its network is gone: {shown}"))?;
    }
    Ok(())
}

/// L4: the row "OS upgrade/rollback".
pub(super) fn other_build(trial: &mut Trial<'_>) {
    trial.attempt("mismatched, then removed", &fresh(), |hns| {
        World::make(hns)?;
        hns.steer("/emulator/stop", &Value::Null)?;
        hns.steer("/emulator/start", &json!({"data": "mismatched"}))?;
        for _ in 0..2 {
            for kind in Kind::ALL {
                fails("enumerate", WRONG_DISK, hns.enumerate(kind, ""))?;
            }
            fails("create", WRONG_DISK, hns.network(&nat()))?;
            fails("delete", WRONG_DISK, hns.delete(Kind::Network, Guid::NIL))?;
            fails("HNSCall", WRONG_DISK, hns.v1("GET", "/globals/version", &Value::Null))?;
        }
        hns.steer("/emulator/start", &json!({"data": "removed"}))?;
        equal("objects", &counts(hns)?, &[0, 0, 0, 0])?;
        accepted("a network of the old name", hns.network(&l2bridge())).map(drop)
    });
    trial.attempt("no start makes it good but one without that data", &fresh(), |hns| {
        World::make(hns)?;
        hns.steer("/emulator/stop", &Value::Null)?;
        hns.steer("/emulator/start", &json!({"data": "mismatched"}))?;
        for path in ["/emulator/restart", "/emulator/reboot", "/emulator/start"] {
            hns.steer(path, &Value::Null)?;
            mismatched(hns, path)?;
        }
        hns.steer("/emulator/stop", &Value::Null)?;
        fails("in flight", STOPPING, hns.enumerate(Kind::Network, ""))?;
        fails("stopped", STOPPED, hns.enumerate(Kind::Network, ""))?;
        hns.steer("/emulator/start", &Value::Null)?;
        mismatched(hns, "stop and start")
    });
    trial.attempt("the old data is put back", &fresh(), |hns| {
        World::make(hns)?;
        let before = hns.snapshot()?;
        hns.steer("/emulator/stop", &Value::Null)?;
        hns.steer("/emulator/start", &json!({"data": "mismatched"}))?;
        mismatched(hns, "mismatched")?;
        hns.steer("/emulator/stop", &Value::Null)?;
        hns.steer("/emulator/start", &json!({"data": "kept"}))?;
        that(hns.snapshot()? == before, || "something is gone or other".to_owned())
    });
}

/// That every call is refused as data of another build has it.
fn mismatched(hns: &Session<'_>, when: &str) -> Checked {
    for kind in Kind::ALL {
        fails(when, WRONG_DISK, hns.enumerate(kind, ""))?;
    }
    fails(when, WRONG_DISK, hns.network(&nat()))
}

/// Whether a notification is about one of these.
fn is_about(notification: &Notification, ids: &[Guid]) -> bool {
    serde_json::from_str::<NotificationData>(&notification.data)
        .is_ok_and(|data| data.id.is_some_and(|id| ids.contains(&id)))
}

/// L5: kubernetes/kubernetes#135802.
pub(super) fn other_clients(trial: &mut Trial<'_>) {
    for by_v1 in [false, true] {
        let delete = |hns: &Session<'_>, kind: Kind, path: &str, id: Guid| {
            if by_v1 {
                hns.v1("DELETE", &format!("/{path}/{id}"), &Value::Null).map(drop)
            } else {
                hns.delete(kind, id)
            }
        };
        let way = if by_v1 { "by version 1" } else { "by version 2" };
        trial.attempt(format!("a delete {way}"), &fresh(), |hns| {
            let world = World::make(hns)?;
            let listener = hns.listen()?;
            let balancer = hns.open(Kind::LoadBalancer, world.load_balancer)?;
            let local = hns.open(Kind::Endpoint, world.local)?;
            let remote = hns.open(Kind::Endpoint, world.remote)?;
            delete(hns, Kind::LoadBalancer, "policylists", world.load_balancer)?;
            delete(hns, Kind::Endpoint, "endpoints", world.local)?;
            delete(hns, Kind::Endpoint, "endpoints", world.remote)?;
            for (handle, code) in
                [(balancer, 0x8007_0490), (local, 0x803B_0002), (remote, 0x803B_0002)]
            {
                let plain = query(2, 0, &Value::Null);
                fails("query by the first client", code, hns.query(handle, &plain))?;
            }
            // What is told about the network comes after whatever was told about the others.
            let fence = hns.network(&nat())?;
            let told = listener.until(NotificationType::NetworkCreate)?;
            let ids = [world.load_balancer, world.local, world.remote];
            that(!told.iter().any(|one| is_about(one, &ids)), || format!("told: {told:?}"))?;
            let last = told.last();
            that(last.is_some_and(|one| is_about(one, &[fence])), || format!("told: {told:?}"))
        });
    }
    trial.attempt("creates are not told, those of networks and namespaces are", &fresh(), |hns| {
        let listener = hns.listen()?;
        let world = World::make(hns)?;
        hns.delete(Kind::LoadBalancer, world.load_balancer)?;
        hns.delete(Kind::Endpoint, world.local)?;
        hns.delete(Kind::Namespace, world.namespace)?;
        hns.delete(Kind::Network, world.network)?;
        let told = listener.until(NotificationType::NetworkDelete)?;
        let ids = [world.load_balancer, world.local, world.remote];
        that(!told.iter().any(|one| is_about(one, &ids)), || format!("told: {told:?}"))?;
        for (kind, id) in [
            (NotificationType::NetworkCreate, world.network),
            (NotificationType::NamespaceCreate, world.namespace),
            (NotificationType::NamespaceDelete, world.namespace),
            (NotificationType::NetworkDelete, world.network),
        ] {
            let is_it = |one: &Notification| one.notification_type == kind && is_about(one, &[id]);
            that(told.iter().any(is_it), || format!("not told {kind:?}: {told:?}"))?;
        }
        Ok(())
    });
    trial.attempt("who unregisters hears no more", &fresh(), |hns| {
        let [left, stays] = [hns.listen()?, hns.listen()?];
        accepted("unregister", hns.stop_listening(&left))?;
        hns.network(&nat())?;
        stays.until(NotificationType::NetworkCreate)?;
        let rest = left.rest();
        that(rest.is_empty(), || format!("told: {rest:?}"))
    });
    trial.attempt("what vanishes by itself", &fresh(), |hns| {
        let world = World::make(hns)?;
        let listener = hns.listen()?;
        hns.faults(&[fault("HcnCreateLoadBalancer", &json!({"fault": "lose"}))])?;
        let document = load_balancer(&[world.local], "10.96.14.5", TCP, 81).to_string();
        let handle = hns.hcn().create_load_balancer(Guid::NIL, &document);
        let handle = accepted("create", handle)?;
        let lost = hns.hcn().query_load_balancer_properties(handle, "");
        hns.hcn().close_load_balancer(handle)?;
        fails("query by its handle", 0x8007_0490, lost)?;
        same_ids("load balancers", &hns.all(Kind::LoadBalancer)?, &[world.load_balancer])?;
        hns.network(&nat())?;
        let told = listener.until(NotificationType::NetworkCreate)?;
        that(!told.iter().any(|one| is_about(one, &[world.local])), || format!("told: {told:?}"))
    });
}

/// L6: the row "HNS deadlock".
pub(super) fn hanging(trial: &mut Trial<'_>) {
    for restart in ["/emulator/restart", "/emulator/reset"] {
        trial.attempt(format!("a delete hangs until {restart}"), &fresh(), |hns| {
            let world = World::make(hns)?;
            hns.faults(&[fault("HcnDeleteLoadBalancer", &json!({"fault": "hang"}))])?;
            let (hcn, id) = (hns.hcn(), world.load_balancer);
            hangs(hns, restart, move || hcn.delete_load_balancer(id))
        });
    }
    trial.attempt("an enumeration and a version 1 call hang", &fresh(), |hns| {
        World::make(hns)?;
        let hcn = hns.hcn();
        hns.faults(&[fault("HcnEnumerateEndpoints", &json!({"fault": "hang"}))])?;
        hangs(hns, "/emulator/restart", move || hcn.enumerate_endpoints("").map(drop))?;
        hns.faults(&[fault("HNSCall", &json!({"fault": "hang"}))])?;
        let call = move || hcn.hns_call("GET", "/globals/version", "").map(drop);
        hangs(hns, "/emulator/restart", call)?;
        accepted("afterwards", hns.enumerate(Kind::Endpoint, "")).map(drop)
    });
    trial.attempt("a call is late", &fresh(), |hns| {
        World::make(hns)?;
        let late = Duration::from_millis(20);
        hns.faults(&[fault("*", &json!({"fault": "delay", "milliseconds": 20}))])?;
        #[expect(clippy::disallowed_methods, reason = "that time passes is what is tested")]
        let start = Instant::now();
        accepted("the call", hns.enumerate(Kind::LoadBalancer, ""))?;
        let passed = start.elapsed();
        that(passed >= late, || format!("it took {passed:?}, less than {late:?}"))
    });
}

/// That the call does not return by itself, but does with an error when HNS is steered by this path.
fn hangs(
    hns: &Session<'_>,
    release: &str,
    call: impl FnOnce() -> Result<(), Error> + Send,
) -> Checked {
    let (sender, returned) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Nobody waits any more if the check has failed.
            let _ = sender.send(call());
        });
        let early = returned.recv_timeout(Duration::from_millis(50));
        let released = hns.steer(release, &json!({}));
        let late = returned.recv_timeout(Duration::from_secs(2));
        if matches!(late, Err(RecvTimeoutError::Timeout)) {
            // The thread has to end before the scope does.
            hns.steer("/emulator/reset", &json!({}))?;
        }
        released?;
        if let Ok(answer) = early {
            return Err(Finding::of(format!("it returned {answer:?}, and must hang")));
        }
        match late {
            Ok(answer) => fails("when HNS is restarted", STOPPING, answer),
            Err(_) => Err(Finding::of("it hangs on when HNS is restarted")),
        }
    })
}
