//! An emulated node, and a run on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{Hcn, IpProtocol};
use switchyard_hcn_emulator::{Emulator, Fault, FaultScript, Setup, Trouble};
use switchyard_preflight::{
    About, Extra, Journal, ListeningPort, MemoryJournal, Options, Refused, Report, Surroundings,
};

/// The port that a process of the node has bound.
const BOUND: u16 = 18080;

/// The network of the node.
pub(crate) const NETWORK: &str = "00000000-0000-0000-0000-0000000000cb";

/// What a node holds: a network, a pod, a pod elsewhere, and a load balancer as kube-proxy makes them.
pub(crate) fn state() -> Value {
    json!({
        "version": { "Major": 15, "Minor": 5 },
        "networks": [{ "ID": NETWORK, "Name": "cbr0", "Type": "L2Bridge", "Ipams": [{
            "Type": "Static",
            "Subnets": [{ "IpAddressPrefix": "10.1.1.0/24", "Routes": [
                { "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] }] }] }],
        "endpoints": [
            { "ID": "00000000-0000-0000-0000-00000000e001", "HostComputeNetwork": NETWORK, "Name": "pod",
              "MacAddress": "00-15-5D-00-01-21",
              "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }] },
            { "ID": "00000000-0000-0000-0000-00000000e002", "HostComputeNetwork": NETWORK, "Flags": 1,
              "MacAddress": "02-11-0A-01-02-15", "Name": "Ethernet",
              "IpConfigurations": [{ "IpAddress": "10.1.2.21", "PrefixLength": 32 }] }],
        "namespaces": [{ "ID": "00000000-0000-0000-0000-0000000000a5", "NamespaceId": 2 }],
        "loadBalancers": [
            { "ID": "00000000-0000-0000-0000-00000000b001",
              "HostComputeEndpoints": ["00000000-0000-0000-0000-00000000e001", "00000000-0000-0000-0000-00000000e002"],
              "FrontendVIPs": ["172.20.0.10"], "Flags": 1,
              "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80 }] }],
    })
}

/// A node whose HNS has these knobs.
pub(crate) fn node(knobs: &Value) -> Arc<Emulator> {
    let setup = json!({ "state": state(), "knobs": knobs }).to_string();
    Arc::new(Emulator::in_virtual_time(Setup::from_json(&setup).unwrap()))
}

/// The machine around an emulated HNS: time passes there, and the operator restarts it when asked.
pub(crate) struct Machine {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) is_stopped: AtomicBool,
    pub(crate) restart: Restart,
}

/// What the operator does when asked to restart HNS.
#[derive(Clone, Copy)]
pub(crate) enum Restart {
    /// It is done at once.
    AtOnce,
    /// The next call finds it stopping, and it is away for so long.
    Away(Duration),
    /// Nothing.
    Never,
}

impl Surroundings for Machine {
    fn now(&self) -> Duration {
        self.emulator.now()
    }

    fn pause(&self, time: Duration) {
        self.emulator.advance(time);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn listen(&self) -> Option<ListeningPort> {
        Some(ListeningPort { protocol: IpProtocol::TCP, port: BOUND, guard: Box::new(()) })
    }

    fn ask_for_restart(&self) {
        match self.restart {
            Restart::AtOnce => self.emulator.steer(switchyard_hcn_emulator::Service::restart),
            Restart::Away(time) => {
                let milliseconds = time.as_millis().try_into().unwrap();
                let stop = Fault::at("*", Trouble::Stop { milliseconds }).unwrap();
                set_faults(&self.emulator, vec![stop]);
            }
            Restart::Never => {}
        }
    }

    fn asking(&self, _: &str) {}
}

pub(crate) fn machine(emulator: &Arc<Emulator>) -> Arc<dyn Surroundings> {
    machine_with(emulator, Restart::AtOnce)
}

pub(crate) fn machine_with(emulator: &Arc<Emulator>, restart: Restart) -> Arc<dyn Surroundings> {
    let emulator = Arc::clone(emulator);
    Arc::new(Machine { emulator, is_stopped: AtomicBool::new(false), restart })
}

/// A run that makes objects, with nothing else.
pub(crate) fn full() -> Options {
    Options { full: true, ..Options::default() }
}

/// A run with everything that is quick.
pub(crate) fn everything() -> Options {
    let also = vec![
        Extra::ScratchNetwork,
        Extra::MissingAdapter,
        Extra::ExhaustPorts,
        Extra::Restart,
        Extra::BesidePod,
    ];
    let beside_pod = Some("10.1.1.21".parse().unwrap());
    Options { full: true, also, beside_pod, ..Options::default() }
}

/// Runs on the node.
pub(crate) fn run_on(
    emulator: &Arc<Emulator>,
    options: &Options,
    journal: &mut dyn Journal,
) -> Result<Report, Refused> {
    let hcn: Arc<dyn Hcn> = Arc::clone(emulator) as Arc<dyn Hcn>;
    switchyard_preflight::run(hcn, &machine(emulator), options, About::default(), journal)
}

/// Runs on the node, with a journal of its own.
pub(crate) fn run(emulator: &Arc<Emulator>, options: &Options) -> Report {
    run_on(emulator, options, &mut MemoryJournal::default()).unwrap()
}

/// The answer to a question, or why there is none.
pub(crate) fn answer(report: &Report, id: &str) -> String {
    let row = report.probe(id).unwrap_or_else(|| panic!("there is no question {id}"));
    let not_answered = || format!("not answered: {}", row.not_answered.clone().unwrap());
    row.answer.clone().unwrap_or_else(not_answered)
}

/// Everything that HNS holds, but for how it is.
pub(crate) fn held(emulator: &Emulator) -> Value {
    let mut held: Value = serde_json::from_str(&emulator.state().to_json()).unwrap();
    // Faults may degrade what was there before.
    for balancer in held["loadBalancers"].as_array_mut().into_iter().flatten() {
        let balancer = balancer.as_object_mut().unwrap();
        balancer.remove("State");
        balancer.remove("SchemaVersion");
    }
    held
}

/// That HNS holds what it held at first, and nothing else.
pub(crate) fn assert_untouched(emulator: &Emulator, knobs: &Value, context: &str) {
    let (now, first) = (held(emulator), held(&node(knobs)));
    for kind in ["networks", "endpoints", "namespaces", "loadBalancers"] {
        let of = |state: &Value| state[kind].as_array().cloned().unwrap_or_default();
        let (now, first) = (of(&now), of(&first));
        let left: Vec<&Value> = now.iter().filter(|one| !first.contains(one)).collect();
        let lost: Vec<&Value> = first.iter().filter(|one| !now.contains(one)).collect();
        assert!(left.is_empty() && lost.is_empty(), "{context}: left {left:?}, lost {lost:?}");
    }
}

/// Puts faults in the place of the last ones.
pub(crate) fn set_faults(emulator: &Emulator, faults: Vec<Fault>) {
    emulator.steer(|service| service.set_faults(FaultScript { faults }));
}
