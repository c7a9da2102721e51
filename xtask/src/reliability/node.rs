//! One node in virtual time: HNS, and the proxy that runs or has died.

use std::time::Duration;

use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::{Emulator, Setup, State};
use switchyard_model::ViewEvent;
use switchyard_winkernel::{
    Ledger, LedgerStore, MemoryLedger, Performer, Reconciler, ReconcilerSettings,
};

/// More calls than any test needs between two moments of rest.
const MOST_CALLS: usize = 50_000;

/// A node: what is in its HNS, what its proxy wrote down, and the proxy while it lives.
pub(super) struct Node {
    pub(super) emulator: Emulator,
    pub(super) ledger: MemoryLedger,
    pub(super) proxy: Reconciler,
}

impl Node {
    /// A node whose proxy starts now with what `ledger` says.
    pub(super) fn start(
        emulator: Emulator,
        ledger: MemoryLedger,
        settings: ReconcilerSettings,
        views: &[ViewEvent],
    ) -> Self {
        let mut node =
            Self { emulator, proxy: Reconciler::new(settings.clone(), Ledger::default()), ledger };
        node.restart(settings, views);
        node
    }

    /// The proxy dies, and another starts.
    pub(super) fn restart(&mut self, settings: ReconcilerSettings, views: &[ViewEvent]) {
        self.proxy = Reconciler::new(settings, Ledger::read(&self.ledger.0));
        self.proxy.view(views.iter().cloned(), self.emulator.now());
    }

    /// Has the proxy work until it rests, and no longer than `bound`.
    pub(super) fn settle(&mut self, bound: Duration) -> Result<Duration, String> {
        self.drive(Span { least: Duration::ZERO, most: bound })
    }

    /// Has the proxy work for as long as `span` says.
    pub(super) fn drive(&mut self, span: Span) -> Result<Duration, String> {
        drive(&mut self.proxy, &self.emulator, &self.emulator, &mut self.ledger, span)
    }
}

/// How much time passes: at least so much, and then until there is rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

/// Whether the proxy has done all that it can: nothing failed, and nothing is read that changes wait for.
pub(super) fn is_at_rest(proxy: &Reconciler) -> bool {
    proxy.is_settled() && proxy.standing().delays.is_empty()
}

/// Has `proxy` make its calls against `hcn`, with virtual time passing where it waits, for as long as `span` says; how long
/// it took to come to rest.
pub(super) fn drive(
    proxy: &mut Reconciler,
    emulator: &Emulator,
    hcn: &dyn Hcn,
    ledger: &mut dyn LedgerStore,
    span: Span,
) -> Result<Duration, String> {
    let began = emulator.now();
    let mut performer = Performer::new(hcn);
    for _ in 0..MOST_CALLS {
        let now = emulator.now();
        if let Some((id, call)) = proxy.next(now) {
            let result = performer.perform(&call, ledger);
            proxy.call_done(id, result, emulator.now());
            continue;
        }
        let rests = is_at_rest(proxy);
        if rests && now >= began + span.least {
            return Ok(now.saturating_sub(began));
        }
        let least = began + span.least;
        let next = proxy.wake().map(|wake| wake.max(now + Duration::from_millis(1)));
        match next {
            Some(next) if rests => emulator.advance_to(next.min(least)),
            Some(next) if next <= began + span.most => emulator.advance_to(next),
            None if rests => emulator.advance_to(least),
            _ => return Err(unrest(proxy, now.saturating_sub(began))),
        }
    }
    Err(format!("{MOST_CALLS} calls and no rest"))
}

fn unrest(proxy: &Reconciler, passed: Duration) -> String {
    let standing = proxy.standing();
    format!(
        "no rest after {passed:?}: missing network {:?}, delays {:?}",
        standing.missing_network, standing.delays
    )
}

/// What a proxy that never ran before makes of a perfect HNS that holds `base`.
pub(super) fn perfect(
    base: State,
    settings: &ReconcilerSettings,
    views: &[ViewEvent],
) -> Result<State, String> {
    let emulator = Emulator::in_virtual_time(Setup::of(base));
    let mut node = Node::start(emulator, MemoryLedger::default(), settings.clone(), views);
    node.settle(Duration::from_secs(5)).map_err(|why| format!("even a perfect start: {why}"))?;
    Ok(node.emulator.state())
}
