//! HNS as a whole: documents it cannot read, objects it does not have, and when it is not there.

use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid};

use crate::documents::{
    TCP, acl, fault, fresh, id, knob, l2bridge, load_balancer, local, local_at, membership,
    network, remote_at, remote_subnet, subnet, version, with,
};
use crate::finding::{Checked, Finding, accepted, equal, fails, refused, that};
use crate::session::{Kind, Place, Session, same_ids};
use crate::trial::Trial;

/// One object of each kind, and the settings that each could be made from.
struct Each {
    network: Guid,
    endpoint: Guid,
    namespace: Guid,
    load_balancer: Guid,
}

impl Each {
    fn make(hns: &Session<'_>) -> Result<Self, Finding> {
        let network = hns.network(&l2bridge())?;
        let endpoint = hns.endpoint(network, &local_at(&["10.42.7.23"]))?;
        let namespace = hns.namespace()?;
        let load_balancer =
            hns.load_balancer(&load_balancer(&[endpoint], "10.96.14.5", TCP, 80))?;
        Ok(Self { network, endpoint, namespace, load_balancer })
    }

    fn of(&self, kind: Kind) -> Guid {
        match kind {
            Kind::Network => self.network,
            Kind::Endpoint => self.endpoint,
            Kind::Namespace => self.namespace,
            Kind::LoadBalancer => self.load_balancer,
        }
    }

    /// Where one more of each kind would be made, and from what.
    fn next(&self) -> [(Place, Value); 4] {
        let other = network("other", "NAT", &[subnet("172.29.144.0/20", "172.29.144.1")]);
        let balancer = load_balancer(&[self.endpoint], "10.96.14.6", TCP, 80);
        [
            (Place::Network, other),
            (Place::EndpointOf(self.network), local()),
            (Place::Namespace, json!({"Type": "Host"})),
            (Place::LoadBalancer, balancer),
        ]
    }

    /// A change of each kind that HNS would make.
    fn changes(&self) -> [(Kind, Value); 4] {
        let balancer = load_balancer(&[self.endpoint], "10.96.14.5", TCP, 80);
        let balancer = with(balancer, "ID", json!(self.load_balancer));
        [
            (Kind::Network, remote_subnet()),
            (Kind::Endpoint, acl()),
            (Kind::Namespace, membership("Add", self.endpoint)),
            (Kind::LoadBalancer, balancer),
        ]
    }
}

/// E1: the published schema.
pub(super) fn documents_parse(trial: &mut Trial<'_>) {
    trial.attempt("create from what is no JSON", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for (place, settings) in each.next() {
            let cut = settings.to_string();
            let cut = &cut[..cut.len() - 1];
            for text in ["{", "", "banana", "{\"Name\":}", cut] {
                let what = format!("{place:?} from {text:?}");
                hns.refuses(&what, 0x803B_001B, || hns.create_as(place, Guid::NIL, text))?;
            }
        }
        Ok(())
    });
    trial.attempt("modify by what is no JSON", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for kind in Kind::ALL {
            let handle = hns.open(kind, each.of(kind))?;
            for text in ["{", "", "banana", "{\"ResourceType\":}"] {
                let what = format!("{kind:?} by {text:?}");
                hns.refuses(&what, 0x803B_001B, || hns.modify(handle, text))?;
            }
            hns.close(handle)?;
        }
        Ok(())
    });
    // That build says yes to everything else.
    trial.attempt("modify by what is no JSON on HNS 15.4", &version(15, 4), |hns| {
        let each = Each::make(hns)?;
        let handle = hns.open(Kind::LoadBalancer, each.load_balancer)?;
        for text in ["{", "", "banana"] {
            hns.refuses(text, 0x803B_001B, || hns.modify(handle, text))?;
        }
        let id_is_none = json!({"ID": "banana"}).to_string();
        hns.refuses("an id that is none", 0x803B_0019, || hns.modify(handle, &id_is_none))
    });
    trial.attempt("create from JSON that is too deep to be read again", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        for (place, settings) in each.next() {
            let deep = with(settings, "Deep", nested(120));
            hns.refuses("deep", 0x803B_001B, || hns.create(place, &deep))?;
            let answer = hns.create(place, &with(deep, "Deep", nested(20)));
            accepted("less deep", answer)?;
        }
        Ok(())
    });
    trial.attempt("create by version 1 from what is no JSON", &fresh(), |hns| {
        for path in ["/networks/", "/endpoints/", "/policylists/"] {
            hns.refuses(path, 0x803B_001B, || hns.v1_text("POST", path, "{"))?;
        }
        Ok(())
    });
    trial.attempt("ids that are none", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for text in ["banana", "5111c4a2-0000-4000-8000-00000000000", "5111c4a2-0000-4000-8000-z"] {
            for (place, settings) in each.next() {
                let settings = with(settings, "ID", text);
                hns.refuses(&format!("ID of {place:?}"), 0x803B_0019, || {
                    hns.create(place, &settings)
                })?;
            }
            let balancer = load_balancer(&[each.endpoint], "10.96.14.6", TCP, 80);
            let references = with(balancer, "HostComputeEndpoints", json!([each.endpoint, text]));
            hns.refuses("HostComputeEndpoints", 0x803B_0019, || hns.load_balancer(&references))?;
            let changed = with(references, "ID", json!(each.load_balancer));
            hns.refuses("HostComputeEndpoints by modify", 0x803B_0019, || {
                hns.change(Kind::LoadBalancer, each.load_balancer, &changed)
            })?;
            let on_network = with(remote_at("10.42.9.31"), "HostComputeNetwork", text);
            hns.refuses("HostComputeNetwork", 0x803B_0019, || {
                hns.endpoint(each.network, &on_network)
            })?;
            let member =
                with(membership("Add", each.endpoint), "Settings", json!({"EndpointId": text}));
            hns.refuses("EndpointId", 0x803B_0019, || {
                hns.change(Kind::Namespace, each.namespace, &member)
            })?;
        }
        Ok(())
    });
    trial.attempt("unknown members, and ids in upper case", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for (number, (place, settings)) in (1..).zip(each.next()) {
            let upper = id(0xabc0 + number).to_string().to_uppercase();
            let settings = with(with(settings, "Nonsense", json!({"A": [1]})), "ID", upper);
            accepted(&format!("{place:?}"), hns.create(place, &settings))?;
        }
        let text = format!("\r\n\t {} \n", with(l2bridge(), "Name", "spaced"));
        accepted("white space", hns.create_as(Place::Network, Guid::NIL, &text)).map(drop)
    });
    trial.attempt("the changes themselves", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for (kind, settings) in each.changes() {
            let answer = hns.change(kind, each.of(kind), &settings);
            accepted(&format!("{kind:?}"), answer)?;
        }
        Ok(())
    });
}

/// The code for an object of a kind that is not there.
fn missing_code(kind: Kind) -> u32 {
    match kind {
        Kind::Network => 0x803B_0001,
        Kind::Endpoint => 0x803B_0002,
        Kind::Namespace | Kind::LoadBalancer => 0x8007_0490,
    }
}

/// E21: hcsshim's tests, hnslib's predicates, the published schema.
pub(super) fn missing_objects(trial: &mut Trial<'_>) {
    let settings = [("elementNotFound", 0x8007_0490), ("policyNotFound", 0x803B_0008)];
    for (setting, load_balancer_code) in settings {
        let code = |kind: Kind| match kind {
            Kind::LoadBalancer => load_balancer_code,
            _ => missing_code(kind),
        };
        let setup = knob("missingLoadBalancer", setting);
        trial.attempt(format!("what never was, {setting}"), &setup, |hns| {
            let each = Each::make(hns)?;
            for kind in Kind::ALL {
                never_was(hns, kind, id(1), code(kind))?;
                // The id of an object of another kind is no better.
                let other = if kind == Kind::Network { each.endpoint } else { each.network };
                never_was(hns, kind, other, code(kind))?;
            }
            Ok(())
        });
        trial.attempt(format!("what was deleted meanwhile, {setting}"), &setup, |hns| {
            let each = Each::make(hns)?;
            let changes = each.changes();
            let last_first = [Kind::LoadBalancer, Kind::Endpoint, Kind::Namespace, Kind::Network];
            for kind in last_first {
                let handle = hns.open(kind, each.of(kind))?;
                accepted("delete", hns.delete(kind, each.of(kind)))?;
                let what = |verb: &str| format!("{verb} a deleted {kind:?}");
                let change = changes.iter().find(|(of, _)| *of == kind);
                let change = change.map(|(_, change)| change.to_string()).unwrap_or_default();
                let answer = hns.query(handle, "");
                refused(&what("query"), code(kind), "", answer)?;
                refused(&what("modify"), code(kind), "", hns.modify(handle, &change))?;
                accepted(&what("close"), hns.close(handle))?;
                never_was(hns, kind, each.of(kind), code(kind))?;
            }
            Ok(())
        });
    }
    trial.attempt("a load balancer by default", &fresh(), |hns| {
        never_was(hns, Kind::LoadBalancer, id(1), 0x8007_0490)
    });
}

fn never_was(hns: &Session<'_>, kind: Kind, id: Guid, code: u32) -> Checked {
    hns.refuses(&format!("open {kind:?}"), code, || hns.open(kind, id))?;
    hns.refuses(&format!("delete {kind:?}"), code, || hns.delete(kind, id))
}

const STOPPING: u32 = 0x803B_0020;
const STOPPED: u32 = 0x8007_06BA;

/// A call, by its name.
type Call<'a> = (String, Box<dyn Fn() -> Result<(), Error> + 'a>);

/// Calls of every kind that have no effect where they succeed, or one that does no harm.
fn calls<'a>(hns: &'a Session<'_>, each: &'a Each) -> Vec<Call<'a>> {
    let mut calls: Vec<Call<'a>> = Vec::new();
    for kind in Kind::ALL {
        let of = each.of(kind);
        calls.push((
            format!("enumerate {kind:?}"),
            Box::new(move || hns.enumerate(kind, "").map(drop)),
        ));
        calls.push((format!("open {kind:?}"), Box::new(move || hns.open(kind, of).map(drop))));
        calls.push((format!("delete {kind:?}"), Box::new(move || hns.delete(kind, id(1)))));
    }
    for (place, settings) in each.next() {
        calls.push((
            format!("create {place:?}"),
            Box::new(move || hns.create(place, &settings).map(drop)),
        ));
    }
    for (method, path) in [("GET", "/globals/version"), ("GET", "/networks/")] {
        calls.push((
            format!("{method} {path}"),
            Box::new(move || hns.v1(method, path, &Value::Null).map(drop)),
        ));
    }
    calls
}

/// E26: the published schema; kubernetes/kubernetes#139503.
pub(super) fn stopped(trial: &mut Trial<'_>) {
    trial.attempt("stop, every call, start", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let before = hns.snapshot()?;
        hns.steer("/emulator/stop", &Value::Null)?;
        fails("the call in flight", STOPPING, hns.enumerate(Kind::Network, ""))?;
        for (what, call) in calls(hns, &each) {
            fails(&what, STOPPED, call())?;
        }
        fails("and once more", STOPPED, hns.enumerate(Kind::LoadBalancer, ""))?;
        hns.steer("/emulator/start", &Value::Null)?;
        that(hns.snapshot()? == before, || "something is not as it was before".to_owned())
    });
    trial.attempt("every call in flight", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for (what, call) in calls(hns, &each) {
            hns.steer("/emulator/stop", &Value::Null)?;
            fails(&what, STOPPING, call())?;
            fails("the next", STOPPED, hns.enumerate(Kind::Endpoint, ""))?;
            hns.steer("/emulator/start", &Value::Null)?;
        }
        Ok(())
    });
    trial.attempt("handles while stopped", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let handles: Result<Vec<_>, _> =
            Kind::ALL.iter().map(|kind| hns.open(*kind, each.of(*kind))).collect();
        let handles = handles?;
        hns.steer("/emulator/stop", &Value::Null)?;
        fails("query", STOPPING, hns.query(handles[0], ""))?;
        let changes = each.changes();
        for (handle, (_, change)) in handles.iter().zip(&changes) {
            fails("query", STOPPED, hns.query(*handle, ""))?;
            fails("modify", STOPPED, hns.modify(*handle, &change.to_string()))?;
        }
        Ok(())
    });
    trial.attempt("stops during a create, until it is started", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let [.., (place, settings)] = each.next();
        hns.faults(&[stops("HcnCreateLoadBalancer", 0)])?;
        accepted("another call", hns.enumerate(Kind::LoadBalancer, ""))?;
        fails("create", STOPPING, hns.create(place, &settings))?;
        fails("again", STOPPED, hns.create(place, &settings))?;
        fails("another call", STOPPED, hns.enumerate(Kind::Network, ""))?;
        hns.steer("/emulator/start", &Value::Null)?;
        accepted("after the start", hns.enumerate(Kind::Network, "")).map(drop)
    });
    trial.attempt("stops during a delete, for a time", &fresh(), |hns| {
        let each = Each::make(hns)?;
        hns.faults(&[stops("HcnDeleteLoadBalancer", 200)])?;
        let answer = hns.delete(Kind::LoadBalancer, each.load_balancer);
        fails("delete", STOPPING, answer)?;
        fails("at once", STOPPED, hns.enumerate(Kind::Network, ""))?;
        comes_back(hns)
    });
}

fn stops(call: &str, milliseconds: u32) -> Value {
    fault(call, &json!({"fault": "stop", "milliseconds": milliseconds}))
}

/// That HNS answers again by itself, within two seconds.
fn comes_back(hns: &Session<'_>) -> Checked {
    let mut answer = hns.enumerate(Kind::Network, "");
    for _ in 0..400 {
        if answer.is_ok() {
            break;
        }
        fails("meanwhile", STOPPED, answer)?;
        #[expect(clippy::disallowed_methods, reason = "the loop is the deadline")]
        std::thread::sleep(Duration::from_millis(5));
        answer = hns.enumerate(Kind::Network, "");
    }
    accepted("after its time", answer).map(drop)
}

/// The function that deletes objects of a kind.
fn deleter(kind: Kind) -> &'static str {
    match kind {
        Kind::Network => "HcnDeleteNetwork",
        Kind::Endpoint => "HcnDeleteEndpoint",
        Kind::Namespace => "HcnDeleteNamespace",
        Kind::LoadBalancer => "HcnDeleteLoadBalancer",
    }
}

/// E27: microsoft/Windows-Containers#631.
pub(super) fn pretended_deletes(trial: &mut Trial<'_>) {
    let last_first = [Kind::LoadBalancer, Kind::Endpoint, Kind::Namespace, Kind::Network];
    trial.attempt("pretended once, of each kind", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for kind in last_first {
            hns.faults(&[fault(deleter(kind), &json!({"fault": "pretend"}))])?;
            let before = hns.snapshot()?;
            accepted("pretended", hns.delete(kind, each.of(kind)))?;
            that(hns.snapshot()? == before, || format!("{kind:?}: something changed"))?;
            accepted("meant", hns.delete(kind, each.of(kind)))?;
            that(!hns.all(kind)?.contains(&each.of(kind)), || format!("{kind:?} is still there"))?;
        }
        Ok(())
    });
    trial.attempt("pretended for ever, of one load balancer", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let other = hns.load_balancer(&load_balancer(&[each.endpoint], "10.96.14.6", TCP, 80))?;
        hns.faults(&[json!({
            "on": {"call": "HcnDeleteLoadBalancer", "id": each.load_balancer},
            "skip": 0,
            "times": null,
            "does": {"fault": "pretend"},
        })])?;
        for _ in 0..5 {
            accepted("pretended", hns.delete(Kind::LoadBalancer, each.load_balancer))?;
            accepted("open", hns.open(Kind::LoadBalancer, each.load_balancer))?;
        }
        accepted("the other", hns.delete(Kind::LoadBalancer, other))?;
        let left = hns.all(Kind::LoadBalancer)?;
        same_ids("load balancers", &left, &[each.load_balancer])?;
        hns.faults(&[])?;
        accepted("meant", hns.delete(Kind::LoadBalancer, each.load_balancer))?;
        equal("load balancers", &hns.all(Kind::LoadBalancer)?.len(), &0)
    });
    trial.attempt("the second of three", &fresh(), |hns| {
        let each = Each::make(hns)?;
        let mut made = vec![each.load_balancer];
        for external in [81, 82] {
            let document = load_balancer(&[each.endpoint], "10.96.14.5", TCP, external);
            made.push(hns.load_balancer(&document)?);
        }
        let second = fault("HcnDeleteLoadBalancer", &json!({"fault": "pretend"}));
        hns.faults(&[with(second, "skip", 1)])?;
        for id in &made {
            accepted("delete", hns.delete(Kind::LoadBalancer, *id))?;
        }
        same_ids("load balancers", &hns.all(Kind::LoadBalancer)?, &made[1..2])
    });
    trial.attempt("a pretended one holds its frontend", &fresh(), |hns| {
        let each = Each::make(hns)?;
        hns.faults(&[fault("HcnDeleteLoadBalancer", &json!({"fault": "pretend"}))])?;
        accepted("pretended", hns.delete(Kind::LoadBalancer, each.load_balancer))?;
        let again = load_balancer(&[each.endpoint], "10.96.14.5", TCP, 80);
        hns.refuses("its frontend", 0x8007_00B7, || hns.load_balancer(&again))
    });
    trial.attempt("refused, not done or done all the same", &fresh(), |hns| {
        let each = Each::make(hns)?;
        for after in [false, true] {
            let does = json!({"fault": "refuse", "code": "0x803B0013", "after": after});
            hns.faults(&[fault("HcnDeleteLoadBalancer", &does)])?;
            fails("delete", 0x803B_0013, hns.delete(Kind::LoadBalancer, each.load_balancer))?;
            equal("left", &hns.all(Kind::LoadBalancer)?.len(), &usize::from(!after))?;
        }
        Ok(())
    });
}
