//! An HNS that things happen to, and the proxy's reconciler in front of it, in time that passes only when it is said to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use switchyard::network::Hns;
use switchyard_conformance::{HnsCall, HnsCalls, HnsEvent, HnsKind, HnsSetup};
use switchyard_hcn::{Endpoint, Guid, Hcn, LoadBalancer, Network, Notification, NotificationType};
use switchyard_hcn_emulator::{Emulator, FaultScript, SavedData, Setup, State};
use switchyard_model::ViewEvent;
use switchyard_nodeview::Stream;
use switchyard_winkernel::{
    HnsObject, Ledger, MemoryLedger, Performer, Reconciler, ReconcilerSettings,
};

/// An HNS with the proxy in front of it.
pub(super) struct Staged {
    hns: Hns,
    settings: ReconcilerSettings,
    /// The proxy, once it is started.
    live: Option<Reconciler>,
    ledger: MemoryLedger,
    now: Duration,
    /// Whether HNS said that it goes away.
    told: Arc<AtomicBool>,
    /// Whether somebody listens to what HNS says.
    listening: bool,
    /// The network as it was, and the pods' endpoints on it, while it is gone.
    gone: Option<(Network, Vec<Endpoint>)>,
    /// How often the network was given a new id.
    networks: u32,
}

impl Staged {
    /// The HNS that `hns` is, as `setup` says it is, in virtual time. The network is known by its name.
    pub(super) fn new(mut hns: Hns, setup: &HnsSetup) -> Result<Self, String> {
        let state = hns.emulator.state();
        let network = state.network(hns.network.id).ok_or("HNS has no network")?;
        let mut settings = hns.settings.clone();
        settings.network_id = None;
        settings.network_name = Some(network.name.clone());
        let knobs = setup.knobs.clone().unwrap_or_else(|| json!({}));
        let knobs = serde_json::from_value(knobs).map_err(|trouble| format!("knobs: {trouble}"))?;
        hns.emulator = Emulator::in_virtual_time(Setup { knobs, ..Setup::of(state) });
        Ok(Self {
            hns,
            settings,
            live: None,
            ledger: MemoryLedger::default(),
            now: Duration::ZERO,
            told: Arc::default(),
            listening: false,
            gone: None,
            networks: 0,
        })
    }

    pub(super) fn hns(&self) -> &Hns {
        &self.hns
    }

    /// The cluster changed: the network plugin makes the endpoints of new pods, and the proxy does what is due.
    pub(super) fn change(
        &mut self,
        changes: Vec<ViewEvent>,
        stream: &Stream,
    ) -> Result<(), String> {
        if self.gone.is_none() {
            self.hns.add_pod_endpoints(stream);
        }
        if let Some(live) = &mut self.live {
            live.view(changes, self.now);
        }
        self.run_until(self.now)
    }

    /// Something happens, and the proxy does what is due then.
    pub(super) fn event(&mut self, event: &HnsEvent, stream: &Stream) -> Result<(), String> {
        let emulator = &self.hns.emulator;
        match event {
            HnsEvent::ProxyStarts => {
                let ledger = Ledger::read(&self.ledger.0);
                let mut live = Reconciler::new(self.settings.clone(), ledger);
                live.view(stream.snapshot(), self.now);
                self.live = Some(live);
            }
            HnsEvent::ProxyStops => self.live = None,
            HnsEvent::Stops => emulator.steer(|service| service.stop()),
            HnsEvent::Starts => emulator.steer(|service| service.start(SavedData::Untouched)),
            HnsEvent::Restarts => emulator.steer(|service| service.restart()),
            HnsEvent::RestartsUnseen => {
                emulator.steer(|service| service.restart());
                self.told.store(false, Ordering::SeqCst);
                self.listening = false;
            }
            HnsEvent::NetworkGoes => self.take_network()?,
            HnsEvent::NetworkComes => self.bring_network()?,
            HnsEvent::Passes(time) => return self.pass(*time),
            HnsEvent::Faults(faults) => {
                let script = json!({ "faults": faults }).to_string();
                let script = FaultScript::from_json(&script)
                    .map_err(|trouble| format!("faults: {trouble}"))?;
                emulator.steer(|service| service.set_faults(script));
            }
            HnsEvent::Put(kind, document) => self.put(*kind, document)?,
            HnsEvent::Remove(kind, id) => self.remove(*kind, id)?,
        }
        self.run_until(self.now)
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        let end = self.now.checked_add(time).ok_or("so much time is there not")?;
        self.run_until(end)
    }

    /// Changes what HNS holds behind everybody's back.
    fn edit(&self, edit: impl FnOnce(&mut State) -> Result<(), String>) -> Result<(), String> {
        let mut state = self.hns.emulator.state();
        edit(&mut state)?;
        self.hns.emulator.steer(|service| service.set_state(state));
        Ok(())
    }

    fn put(&self, kind: HnsKind, document: &Value) -> Result<(), String> {
        let document = document.clone();
        let unreadable = |trouble: serde_json::Error| format!("put: {trouble}");
        let id = document["ID"].as_str().unwrap_or_default();
        let id: Guid = id.parse().map_err(|_| format!("put: {id:?} is no id"))?;
        self.edit(|state| {
            match kind {
                HnsKind::Network => {
                    let network = serde_json::from_value::<Network>(document);
                    state.insert_network(id, network.map_err(unreadable)?);
                }
                HnsKind::Endpoint => {
                    let endpoint = serde_json::from_value::<Endpoint>(document);
                    state.insert_endpoint(id, endpoint.map_err(unreadable)?);
                }
                HnsKind::LoadBalancer => {
                    let load_balancer = serde_json::from_value::<LoadBalancer>(document);
                    state.insert_load_balancer(id, load_balancer.map_err(unreadable)?);
                }
            }
            Ok(())
        })
    }

    fn remove(&self, kind: HnsKind, id: &str) -> Result<(), String> {
        let id: Guid = id.parse().map_err(|_| format!("remove: {id:?} is no id"))?;
        self.edit(|state| {
            let found = match kind {
                HnsKind::Network => state.remove_network(id).is_some(),
                HnsKind::Endpoint => state.remove_endpoint(id).is_some(),
                HnsKind::LoadBalancer => state.remove_load_balancer(id).is_some(),
            };
            found.then_some(()).ok_or_else(|| format!("remove: HNS has no {id}"))
        })
    }

    /// The network goes as HNS has it go, with the endpoints on it.
    fn take_network(&mut self) -> Result<(), String> {
        let id = self.hns.network.id;
        let state = self.hns.emulator.state();
        let network = state.network(id).ok_or("the network is gone already")?.clone();
        let pods = state.endpoints().map(|(_, endpoint)| endpoint);
        let pods = pods.filter(|pod| !pod.is_remote() && pod.host_compute_network == Some(id));
        self.gone = Some((network, pods.cloned().collect()));
        self.hns.emulator.delete_network(id).map_err(|error| error.to_string())?;
        // It was somebody else who asked for that.
        let _ = self.hns.emulator.take_calls();
        Ok(())
    }

    /// The network plugin makes the network again, and the pods' endpoints on it: HNS gives it another id.
    fn bring_network(&mut self) -> Result<(), String> {
        let (network, pods) = self.gone.take().ok_or("the network is there")?;
        self.networks += 1;
        let id = format!("00000000-0000-0002-0000-{:012}", self.networks);
        let id: Guid = id.parse().map_err(|_| format!("{id} is no id"))?;
        self.hns.network.id = id;
        self.edit(|state| {
            state.insert_network(id, network);
            for mut pod in pods {
                let own = pod.id.ok_or("a pod's endpoint has no id")?;
                pod.host_compute_network = Some(id);
                state.insert_endpoint(own, pod);
            }
            Ok(())
        })
    }

    /// Has HNS say when it goes away, which it does until it did.
    fn listen(&mut self) {
        if self.listening {
            return;
        }
        let told = Arc::clone(&self.told);
        let hear = move |notification: &Notification| {
            if notification.notification_type == NotificationType::ServiceDisconnect {
                told.store(true, Ordering::SeqCst);
            }
        };
        self.listening = self.hns.emulator.register_service_callback(Arc::new(hear)).is_ok();
    }

    /// Has the proxy do what is due until `end`.
    fn run_until(&mut self, end: Duration) -> Result<(), String> {
        if self.live.is_some() {
            if self.told.swap(false, Ordering::SeqCst) {
                self.listening = false;
                self.live.iter_mut().for_each(|live| live.service_lost(self.now));
            }
            self.listen();
        }
        let Self { hns, live, ledger, now, .. } = self;
        if let Some(live) = live {
            let mut performer = Performer::new(&hns.emulator);
            loop {
                while let Some((id, call)) = live.next(*now) {
                    let result = performer.perform(&call, ledger);
                    *now = hns.emulator.now().max(*now);
                    live.call_done(id, result, *now);
                }
                match live.wake().filter(|wake| *wake <= end) {
                    Some(wake) if wake > *now => *now = wake,
                    Some(wake) => {
                        return Err(format!("nothing is due at {now:?}, yet it wakes at {wake:?}"));
                    }
                    None => break,
                }
                hns.emulator.advance_to(*now);
            }
        }
        *now = end.max(*now);
        hns.emulator.advance_to(*now);
        Ok(())
    }

    pub(super) fn held(&self) -> Result<Value, String> {
        self.hns.emulator.state().to_value().map_err(|trouble| trouble.to_string())
    }

    pub(super) fn take_calls(&self) -> HnsCalls {
        let calls = self.hns.emulator.take_calls();
        let mutating = calls.mutating().map(|call| HnsCall {
            function: call.function().to_owned(),
            id: call.id.map(|id| id.to_string()),
            hresult: call.hresult,
        });
        HnsCalls { mutating: mutating.collect(), total: calls.total() }
    }

    /// What the reconciler says of itself.
    pub(super) fn standing(&self) -> Result<Value, String> {
        let live = self.live.as_ref().ok_or("the proxy is not started")?;
        let standing = live.standing();
        let delays = standing.delays.iter().map(|(target, delay)| {
            json!({
                "target": target.to_string(),
                "condition": live.condition(*target, delay),
                "hresult": delay.hresult.map(|code| format!("0x{code:08X}")),
                "message": delay.message,
                "failures": delay.failures,
                "contested": delay.contested,
            })
        });
        let foreign = live.foreign();
        let foreign = foreign.iter().map(|foreign| {
            let object = match foreign.object {
                HnsObject::Endpoint(key) => format!("endpoint {}", key.address),
                HnsObject::LoadBalancer(key) => format!("load balancer {key}"),
            };
            json!({ "object": object, "used": foreign.used })
        });
        let held = live.held_by_others();
        let counters = standing.counters;
        Ok(json!({
            "settled": standing.settled,
            "alive": standing.alive,
            "missingNetwork": standing.missing_network,
            "networkTrouble": standing.network_trouble.map(|trouble| trouble.to_string()),
            "wantedLoadBalancers": standing.wanted_load_balancers,
            "ownLoadBalancers": standing.own_load_balancers,
            "ownEndpoints": standing.own_endpoints,
            "degraded": standing.degraded,
            "delays": delays.collect::<Vec<_>>(),
            "foreign": foreign.collect::<Vec<_>>(),
            "heldByOthers": held.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "waiting": live.waiting().iter().map(|own| own.key.address.to_string()).collect::<Vec<_>>(),
            "counters": {
                "changes": counters.changes,
                "failures": counters.failures,
                "lies": counters.lies,
                "drifts": counters.drifts,
                "losses": counters.losses,
                "networkChanges": counters.network_changes,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use switchyard_conformance::{HnsSubject as _, Subject as _};

    use super::super::winkernel::Winkernel;
    use super::*;

    fn started(knobs: Value) -> Result<Winkernel, String> {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDR": "10.1.1.0/24"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]}});
        let hns = Some(HnsSetup { knobs: Some(knobs) });
        let setup = switchyard_conformance::Setup {
            node: "n1".to_owned(),
            documents: vec![node],
            hns,
            ..Default::default()
        };
        let mut winkernel = Winkernel::default();
        winkernel.start(&setup)?;
        Ok(winkernel)
    }

    #[test]
    fn the_proxy_waits_for_its_start() {
        let mut winkernel = started(json!({})).unwrap();
        assert!(winkernel.standing().unwrap_err().contains("not started"));
        assert_eq!(winkernel.take_calls(), Ok(HnsCalls::default()));
        winkernel.event(&HnsEvent::ProxyStarts).unwrap();
        assert_eq!(winkernel.standing().unwrap()["settled"], true);
        let calls = winkernel.take_calls().unwrap();
        assert!(calls.total > 0);
        assert_eq!(calls.mutating, []);
        winkernel.event(&HnsEvent::ProxyStops).unwrap();
        assert!(winkernel.standing().is_err());
    }

    #[test]
    fn what_cannot_happen_is_told() {
        assert!(started(json!({"colour": "red"})).err().unwrap().contains("colour"));
        let mut winkernel = started(json!({})).unwrap();
        let mut trouble = |event: HnsEvent| winkernel.event(&event).unwrap_err();
        assert!(trouble(HnsEvent::NetworkComes).contains("the network is there"));
        let fault = json!({"on": {"call": "HcnPaint"}, "does": {"fault": "pretend"}});
        assert!(trouble(HnsEvent::Faults(vec![fault])).contains("HcnPaint"));
        let nothing = "00000000-0000-0000-0000-00000000000f".to_owned();
        assert!(trouble(HnsEvent::Remove(HnsKind::Endpoint, nothing)).contains("HNS has no"));
        assert!(trouble(HnsEvent::Put(HnsKind::Endpoint, json!({"ID": "red"}))).contains("red"));
        winkernel.event(&HnsEvent::NetworkGoes).unwrap();
        let again = winkernel.event(&HnsEvent::NetworkGoes).unwrap_err();
        assert!(again.contains("gone already"), "{again}");
    }

    #[test]
    fn a_case_that_says_nothing_of_hns_has_none_to_show() {
        let mut winkernel = Winkernel::default();
        assert!(winkernel.hns().err().unwrap().contains("nothing of HNS"));
    }
}
