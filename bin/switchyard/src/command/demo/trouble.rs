//! What a node lives through, and what that costs: here, and as kube-proxy does it on the same emulated HNS.
//!
//! Every figure is counted by an emulator of its own that begins with the same state; the time is that emulator's, by how long
//! each machine's HNS takes.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use switchyard_hcn_emulator::{Emulator, KubeProxySync, Latency, Profile, Setup, State};
use switchyard_model::{Destination, Outcome, ServicePortView, ViewEvent};
use switchyard_nodeview::Source;
use switchyard_winkernel::{
    Call, Ledger, MemoryLedger, Performer, Reconciler, ReconcilerSettings, Takeover,
};

use super::heading;
use super::node::WindowsNode;
use crate::failure::Failure;
use crate::print::table;
use crate::windows::WindowsTrace;

/// The machines whose times are published.
const PROFILES: [Profile; 4] =
    [Profile::Ws2019, Profile::Ws2019u, Profile::Ws2022, Profile::Ws2022u];

/// One step of a rolling update, as a node saw it.
pub(super) struct Moment {
    /// What HNS held before.
    pub(super) before: State,
    /// What it held after.
    pub(super) after: State,
    /// Who led it there.
    pub(super) reconciler: Reconciler,
    /// What that was told.
    pub(super) events: Vec<ViewEvent>,
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    changes: u64,
    native: u64,
    times: [Duration; PROFILES.len()],
}

impl Cost {
    /// Has `act` work on an HNS that holds `before`, once for each machine.
    fn of(before: &State, act: impl Fn(&Emulator) -> Result<(), Failure>) -> Result<Self, Failure> {
        let mut cost = Self::default();
        for (profile, time) in PROFILES.into_iter().zip(&mut cost.times) {
            let latency = Latency { profile, ..Latency::default() };
            let setup = Setup { latency, ..Setup::of(before.clone()) };
            let emulator = Emulator::in_virtual_time(setup);
            act(&emulator)?;
            *time = emulator.now();
            let calls = emulator.calls();
            (cost.changes, cost.native) = (calls.total_mutating(), calls.total());
        }
        Ok(cost)
    }

    fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.native += other.native;
        for (time, more) in self.times.iter_mut().zip(other.times) {
            *time += more;
        }
    }
}

/// Prints what one node lives through. `moments` are the steps of the rolling update.
pub(super) fn print(
    node: &WindowsNode,
    moments: &[Moment],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    heading(&format!("What it costs on {}, beside kube-proxy on the same HNS", node.name()), out)?;
    let now = node.hns.emulator.state();
    let bare = bare(&now);
    let mut rows = table(["", "", "CHANGES", "CALLS", "WS2019", "WS2019U", "WS2022", "WS2022U"]);
    let mut both = |what: &str, own: Cost, other: Cost| {
        for (what, who, cost) in [(what, "switchyard", own), ("", "kube-proxy", other)] {
            let mut row = vec![what.to_owned(), who.to_owned()];
            row.extend([cost.changes.to_string(), cost.native.to_string()]);
            row.extend(cost.times.map(|time| format!("{:.1} s", time.as_secs_f64())));
            rows.add_row(row);
        }
    };

    let (mut own, mut other) = (Cost::default(), Cost::default());
    for moment in moments {
        own.add(Cost::of(&moment.before, |emulator| {
            let mut reconciler = moment.reconciler.clone();
            reconciler.view(moment.events.iter().cloned(), Duration::ZERO);
            lead(&mut reconciler, emulator)
        })?);
        other.add(Cost::of(&moment.before, |emulator| {
            Ok(proxy(node, emulator)?.sync(&moment.after).context("kube-proxy syncs")?)
        })?);
    }
    both("rolling update", own, other);

    let restart = |emulator: &Emulator| lead(&mut anew(node, Takeover::None), emulator);
    let start = |emulator: &Emulator| {
        Ok(proxy(node, emulator)?.start(&now).context("kube-proxy starts")?)
    };
    both("restart", Cost::of(&now, restart)?, Cost::of(&now, start)?);

    let crash = |emulator: &Emulator| {
        let mut reconciler = node.reconciler.clone();
        reconciler.service_lost(Duration::ZERO);
        lead(&mut reconciler, emulator)
    };
    both("HNS loses everything", Cost::of(&bare, crash)?, Cost::of(&bare, start)?);

    // kube-proxy served the node as it was before the update, and is gone.
    let leftovers = Emulator::new(bare.clone());
    let wanted = moments.first().map_or(&now, |first| &first.before);
    proxy(node, &leftovers)?.start(wanted).context("kube-proxy starts")?;
    let leftovers = leftovers.state();
    let takeover = |emulator: &Emulator| lead(&mut anew(node, Takeover::KubeProxy), emulator);
    let taken = Cost::of(&leftovers, takeover)?;
    both("takeover from kube-proxy", taken, Cost::of(&leftovers, start)?);

    writeln!(out, "{}\n", rows.trim_fmt())?;
    print_dns_first(node, &bare, out)?;
    writeln!(
        out,
        "kube-proxy does not notice that HNS lost its load balancers (kubernetes/kubernetes#135802): its row is a restart by\n\
         hand. At a takeover it is kube-proxy's own restart on the same leftovers. After a loss switchyard asks for half a second\n\
         whether HNS is really empty. Times are modelled: those of kubernetes/kubernetes#109124, spread evenly over the calls."
    )?;
    Ok(())
}

/// What is left of a state when HNS loses all but its network and the pods of the node.
fn bare(state: &State) -> State {
    let mut bare = state.clone();
    for (id, _) in state.load_balancers() {
        bare.remove_load_balancer(id);
    }
    for (id, _) in state.endpoints().filter(|(_, endpoint)| endpoint.is_remote()) {
        bare.remove_endpoint(id);
    }
    bare
}

/// The node's agent after a start: it knows nothing but the views.
fn anew(node: &WindowsNode, takeover: Takeover) -> Reconciler {
    let settings = ReconcilerSettings { takeover, ..node.hns.settings.clone() };
    let mut reconciler = Reconciler::new(settings, Ledger::default());
    reconciler.view(node.stream.snapshot(), Duration::ZERO);
    reconciler
}

fn proxy<'a>(node: &WindowsNode, emulator: &'a Emulator) -> Result<KubeProxySync<'a>, Failure> {
    let proxy = KubeProxySync::new(emulator, node.hns.network.id);
    Ok(proxy.context("HNS has lost the network")?)
}

/// Leads HNS to what `reconciler` wants, in the time of the emulator.
fn lead(reconciler: &mut Reconciler, emulator: &Emulator) -> Result<(), Failure> {
    lead_until(reconciler, emulator, |_| false).map(|_| ())
}

/// As [`lead`], up to the change after which `enough` is true; returns its number, if there is one.
fn lead_until(
    reconciler: &mut Reconciler,
    emulator: &Emulator,
    enough: impl Fn(&Emulator) -> bool,
) -> Result<Option<u64>, Failure> {
    let mut performer = Performer::new(emulator);
    let mut ledger = MemoryLedger::default();
    loop {
        while let Some((id, call)) = reconciler.next(emulator.now()) {
            let result = performer.perform(&call, &mut ledger);
            reconciler.call_done(id, result, emulator.now());
            if matches!(call, Call::Change(_)) && enough(emulator) {
                return Ok(Some(emulator.calls().total_mutating()));
            }
        }
        if reconciler.is_settled() {
            return Ok(None);
        }
        let wake = reconciler.wake().filter(|wake| *wake > emulator.now());
        emulator.advance_to(wake.context("the node does not come to rest")?);
    }
}

/// Says how soon the API server and the DNS are back after HNS lost everything.
fn print_dns_first(node: &WindowsNode, bare: &State, out: &mut dyn Write) -> Result<(), Failure> {
    let views = node.stream.view().views();
    let vital: Vec<&ServicePortView> =
        views.map(|view| &**view).filter(|view| is_vital(view)).collect();
    if vital.is_empty() {
        return Ok(());
    }
    let state = node.hns.state_to_trace();
    let all = |state: &State| vital.iter().all(|view| reaches(node, view, state) == Some(true));
    if !all(&state) {
        return Ok(writeln!(out, "kubernetes or the DNS has no backend: neither can come first")?);
    }
    let emulator = Emulator::in_virtual_time(Setup::of(bare.clone()));
    let mut reconciler = node.reconciler.clone();
    reconciler.service_lost(Duration::ZERO);
    let first = lead_until(&mut reconciler, &emulator, |emulator| all(&emulator.state()))?;
    let first = first.context("kubernetes and the DNS do not come back")?;
    Ok(writeln!(
        out,
        "After the loss kubernetes and the DNS can be reached again from change {first} on.\n"
    )?)
}

fn is_vital(view: &ServicePortView) -> bool {
    let service = &view.key.service;
    view.cluster_dns || (service.namespace == "default" && service.name == "kubernetes")
}

/// Whether the node reaches every backend of a service port at its ClusterIP, as far as HNS can have it; none where it has no
/// ClusterIP that a packet can be sent to.
fn reaches(node: &WindowsNode, view: &ServicePortView, state: &State) -> Option<bool> {
    let frontend = view.frontends.first()?;
    let (port, protocol) = (frontend.port.get(), view.key.protocol);
    let destination = Destination::Port { address: frontend.address?, port, protocol };
    let full = node.hns.state_to_trace();
    let verdict = |state: &State| {
        let trace = WindowsTrace::new(&node.hns, state, &node.stream);
        let packet = trace.packet(&Source::Node, destination).ok()?;
        Some(trace.verdict(&packet))
    };
    let (now, full) = (verdict(state)?, verdict(&full)?);
    Some(now.outcome == Outcome::Forward && now.backends == full.backends)
}
