//! The agent without its rim: what is wanted, what is known, what is under way. It does no I/O, has no threads and reads no
//! clock: everything outside is told to it with the time, and it says which call to make next and when it is to be asked again.

use std::sync::Arc;
use std::time::Duration;

use switchyard_hcn::Notification;
use switchyard_model::{ClusterEvent, EndpointSlice, Name, Settings};
use switchyard_nodeview::Stream;
use switchyard_source::api::{Shared, Update};
use switchyard_source::{
    Configuration, ConfigurationChange, ConfigurationError, Manifests, ReadError,
};
use switchyard_winkernel::{
    Call, CallError, CallId, Ledger, LiveSettings, Reconciler, ReconcilerSettings, Reply, Takeover,
};
use tracing::{info, warn};

use crate::events::Notice;
use crate::health::ProxyHealth;
use crate::health::ports::Wanted;
use crate::input::{Input, MOST_NAMED};
use crate::journal::Journal;
use crate::metrics::CallMetrics;
use crate::observe::{self, Observer, Trouble};
use crate::page::Figures;
use crate::status::{Report, Status};

/// How long calls wait for the registration for notifications: what HNS loses after it was read is to be told.
const REGISTRATION: Duration = Duration::from_secs(5);
/// How long it takes until the log has again that the Node is not there.
const REMIND: Duration = Duration::from_secs(600);

/// What an agent is, without its rim.
pub struct Core {
    stream: Stream,
    reconciler: Reconciler,
    journal: Journal,
    input: Input,
    metrics: Arc<CallMetrics>,
    /// Where the Kubernetes API is followed.
    api: Option<Arc<Shared>>,
    /// The configuration that counts, where it may change, and what a flag says of taking over.
    configuration: Option<(Configuration, Option<Takeover>)>,
    /// Whether the Node was known once. Before, nothing can be said of what is wanted on it.
    knows_node: bool,
    /// Where the API has all but the Node: since when, and when the log is to have it again.
    missing_node: Option<(Duration, Duration)>,
    /// Since when the API is waited for, where it has not told of everything yet.
    awaits_api: Option<Duration>,
    /// Whether HNS has not answered yet to the first registration for its notifications.
    awaits_registration: bool,
    /// Why notifications are not registered for.
    unregistered: Option<String>,
    losses: u64,
    /// What is noted down for pages and events.
    observer: Observer,
}

impl Core {
    /// One that knows nothing yet but what an earlier run wrote down.
    #[must_use]
    pub fn new(
        node: Name,
        settings: Settings,
        reconciler: ReconcilerSettings,
        ledger: Ledger,
        metrics: Arc<CallMetrics>,
    ) -> Self {
        Self {
            stream: Stream::new(node, settings),
            reconciler: Reconciler::new(reconciler, ledger),
            journal: Journal::default(),
            input: Input::default(),
            metrics,
            api: None,
            configuration: None,
            knows_node: false,
            missing_node: None,
            awaits_api: None,
            awaits_registration: true,
            unregistered: None,
            losses: 0,
            observer: Observer::default(),
        }
    }

    /// Has it take what is wanted from the Kubernetes API.
    pub fn follow(&mut self, api: Arc<Shared>) {
        self.api = Some(api);
    }

    /// The views of the node.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What is known of HNS, and wanted of it.
    #[must_use]
    pub fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// The manifests were read. True where what is wanted changed.
    pub fn read(&mut self, read: Result<Manifests, ReadError>, now: Duration) -> bool {
        let node = self.stream.view().node().name.clone();
        let Some(events) = self.input.take(read, &node) else { return false };
        let batch: Vec<_> = self.stream.cluster().events_towards(events).into_iter().collect();
        self.observer.read(observe::count(&batch), &[], now);
        self.apply(batch, now)
    }

    /// Takes what is new from the Kubernetes API, if anything is. True where what is wanted changed.
    pub fn take_update(&mut self, now: Duration) -> bool {
        let Some(api) = &self.api else { return false };
        if self.input.follow(api) {
            self.observer.stir();
        }
        // What is known to be listed before is in what is taken after.
        let is_complete = api.is_complete();
        let update = api.take();
        let changed = update.is_some_and(|update| self.take_in(update, now));
        self.awaits_api =
            (!self.knows_node && !is_complete).then(|| self.awaits_api.unwrap_or(now));
        self.look_for_node(is_complete, now);
        changed
    }

    /// Takes in what is new from the Kubernetes API. True where what is wanted changed.
    fn take_in(&mut self, update: Update, now: Duration) -> bool {
        let Some(api) = &self.api else { return false };
        if update.went_back {
            warn!(
                "the API server went back in its history; everything was listed anew, as it is now"
            );
        }
        let (count, refusals) = api.refused(MOST_NAMED);
        self.input.refused(count, &refusals);
        let node = self.stream.view().node().name.clone();
        let events = self.input.believe(update.events, &node);
        self.observer.read(observe::count(&events), &update.triggers, now);
        self.apply(events, now)
    }

    /// Says that the Node is not there, at once when all else is known, and every so often.
    fn look_for_node(&mut self, is_complete: bool, now: Duration) {
        if self.knows_node || !is_complete {
            self.missing_node = None;
            return;
        }
        let (since, due) = self.missing_node.unwrap_or((now, now));
        let is_due = now >= due;
        let next = if is_due { now.saturating_add(REMIND) } else { due };
        self.missing_node = Some((since, next));
        if !is_due {
            return;
        }
        let (node, seconds) =
            (&self.stream.view().node().name, now.saturating_sub(since).as_secs());
        warn!(%node, seconds, "the API has no Node of this name: nothing is changed in HNS before it is there; --hostname-override says another");
    }

    /// Since when the API is known to have no such Node.
    #[must_use]
    pub fn misses_node_since(&self) -> Option<Duration> {
        self.missing_node.map(|(since, _)| since)
    }

    /// Since when the API is waited for, while it has not told of everything and the Node was never known.
    #[must_use]
    pub fn awaits_api_since(&self) -> Option<Duration> {
        self.awaits_api
    }

    fn apply(&mut self, events: Vec<ClusterEvent>, now: Duration) -> bool {
        let mut changes = self.stream.apply(events.into_iter().map(without_pod_names));
        if !self.knows_node {
            let node = &self.stream.view().node().name;
            if self.stream.cluster().node(node).is_none() {
                self.journal.stir();
                return false;
            }
            self.knows_node = true;
            changes = self.stream.snapshot();
        }
        self.observer.node(&self.stream, self.input.node_is_gone());
        if changes.is_empty() {
            return false;
        }
        let (events, revision) = (changes.len(), self.stream.revision());
        info!(revision, events, "what is wanted changed");
        self.observer.wanted(&changes, now);
        self.reconciler.view(changes, now);
        self.journal.stir();
        true
    }

    /// Says which configuration counts, and what a flag says of taking over, which goes before it.
    pub fn configured(&mut self, configuration: Configuration, takeover: Option<Takeover>) {
        self.configuration = Some((configuration, takeover));
    }

    /// The configuration as it counts, as `/configz` shows it; nothing where it cannot change.
    #[must_use]
    pub fn configz(&self) -> Option<String> {
        self.configuration.as_ref().map(|(configuration, _)| configuration.configz().to_string())
    }

    /// The configuration file was read again. What can be taken while the proxy runs counts from now on; what cannot is named in
    /// the log. True where what is wanted may have changed.
    pub fn reconfigure(
        &mut self,
        read: Result<Configuration, ConfigurationError>,
        now: Duration,
    ) -> bool {
        let new = match read {
            Ok(new) => new,
            Err(error) => {
                let reason = std::error::Error::source(&error).map(ToString::to_string);
                let reason = reason.unwrap_or_default();
                warn!(%error, reason, "the configuration cannot be read; what counted before counts on");
                return false;
            }
        };
        let Some((current, takeover)) = &self.configuration else { return false };
        let (change, takeover) = (ConfigurationChange::between(current, &new), *takeover);
        if !change.restart.is_empty() {
            let fields = change.restart.join(", ");
            warn!(fields, "the configuration changed in what counts only after a restart");
        }
        if change.live.is_empty() {
            return false;
        }
        info!(fields = change.live.join(", "), "the configuration changed, and counts from now on");
        let current = current.with_live_of(&new);
        let by_file =
            if current.agent.takes_over_kube_proxy { Takeover::KubeProxy } else { Takeover::None };
        let live = LiveSettings {
            takeover: takeover.unwrap_or(by_file),
            audit_period: current.agent.counting_audit_period(),
            priority_services: current.settings.priority_services.to_vec(),
            masquerade_all: current.settings.masquerade_all,
        };
        self.reconciler.set_live(live, now);
        let views = self.stream.set_settings(current.settings.clone());
        self.configuration = Some((current, takeover));
        if self.knows_node {
            self.observer.wanted(&views, now);
            self.reconciler.view(views, now);
        }
        self.journal.stir();
        true
    }

    /// A call ended.
    pub fn answered(&mut self, id: CallId, result: Result<Reply, CallError>, now: Duration) {
        self.journal.ended(id, result.is_ok());
        let trouble = Trouble::of(&result);
        self.reconciler.call_done(id, result, now);
        self.observer.ended(id, trouble, &self.reconciler, &self.stream, now);
    }

    /// HNS told something.
    pub fn notified(&mut self, notification: &Notification, now: Duration) {
        if notification.invalidates_everything() {
            info!(%notification, "HNS went away: what it holds is read anew");
            self.reconciler.service_lost(now);
            self.journal.stir();
        }
    }

    /// Whether notifications are registered for, and else why not.
    pub fn registered(&mut self, trouble: Option<String>) {
        self.awaits_registration = false;
        match (&trouble, &self.unregistered) {
            (Some(error), None) => {
                warn!(%error, "HNS does not take the registration for notifications")
            }
            (None, Some(_)) => info!("registered for notifications of HNS again"),
            _ => {}
        }
        self.unregistered = trouble;
    }

    /// Whether HNS went away since this was asked last: the registration for its notifications went with it.
    pub fn must_register(&mut self) -> bool {
        let losses = self.reconciler.counters().losses;
        std::mem::replace(&mut self.losses, losses) != losses
    }

    /// The next call to make now. Whoever takes it tells what came of it by [`Self::answered`].
    #[must_use = "the call has to be made"]
    pub fn next_call(&mut self, now: Duration) -> Option<(CallId, Call)> {
        if self.awaits_registration && now < REGISTRATION {
            return None;
        }
        let (id, call) = self.reconciler.next(now)?;
        self.journal.begun(id, &call, now);
        self.observer.begun(id, &call, &self.stream, now);
        Some((id, call))
    }

    /// When it is to be asked again, if nothing happens before.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        let waits = self.awaits_registration && now < REGISTRATION;
        let calls = if waits { Some(REGISTRATION) } else { self.reconciler.wake() };
        let node = self.missing_node.map(|(_, due)| due);
        [calls, node, self.journal.due(), self.observer.due()].into_iter().flatten().min()
    }

    /// Whether everything that is wanted has been attempted, and it is known what is wanted.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.reconciler.is_settled()
    }

    /// Writes to the log what is new. True when HNS was changed since the last time.
    pub fn tell(&mut self, now: Duration) -> bool {
        self.journal.is_due(self.reconciler.is_settled(), now)
            && self.journal.look(&self.reconciler, self.stream.revision(), now)
    }

    /// As [`Self::tell`], at the end: whatever was not told yet.
    pub fn tell_the_rest(&mut self, now: Duration) {
        if self.journal.due().is_some() {
            self.journal.look(&self.reconciler, self.stream.revision(), now);
        }
    }

    /// For how long changes may wait before the proxy is not healthy: twice this.
    pub fn sync_period(&mut self, period: Duration) {
        self.observer.sync_period(period);
    }

    /// Looks whether all that is wanted has been attempted, once all calls were begun that may be. `wall` is the time in
    /// microseconds since 1970.
    pub fn look(&mut self, now: Duration, wall: i64) {
        self.observer.look(&self.reconciler, now, wall);
    }

    /// The proxy's health.
    #[must_use]
    pub fn health(&self) -> &ProxyHealth {
        self.observer.health()
    }

    /// What the health-check ports of Services are to answer, where that changed since it was taken last.
    pub fn take_ports(&mut self) -> Option<Wanted> {
        self.observer.take_ports()
    }

    /// What the metrics page is made of, where there is news and it was not asked for a moment ago.
    pub fn take_figures(&mut self, now: Duration) -> Option<Figures> {
        if self.observer.due().is_none_or(|due| now < due) {
            return None;
        }
        let api = self.api.as_ref().map(|api| api.status());
        let figures = self.observer.figures(&self.reconciler, &self.stream, api.as_ref(), now);
        Some(figures)
    }

    /// What Services are to be told.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.observer.take_notices()
    }

    /// How things are.
    #[must_use]
    pub fn status(&self, now: Duration) -> Status {
        let node = &self.stream.view().node().name;
        let report = Report {
            stream: &self.stream,
            reconciler: &self.reconciler,
            metrics: &self.metrics,
            input: self.input.status(),
            api: self.api.as_ref().map(|api| api.status()),
            missing_node: (!self.knows_node).then(|| node.to_string()),
            input_trouble: self.input.trouble(),
            unregistered: self.unregistered.as_deref(),
            now,
        };
        report.status()
    }
}

/// The same without the names of the pods behind endpoints: they say whose packets are, which nobody asks a running proxy, and
/// are a good part of all that a large cluster is.
fn without_pod_names(event: ClusterEvent) -> ClusterEvent {
    match event {
        ClusterEvent::Slice(slice) => {
            ClusterEvent::Slice(EndpointSlice { pods: Box::default(), ..slice })
        }
        other => other,
    }
}
