//! The loop around the core: it tells the core what happens, and has the calls made that the core asks for. It never waits for
//! anything but the next event.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use switchyard_hcn::Hcn;
use switchyard_model::{Name, Settings};
use switchyard_source::api::{Api, Clients, Shared};
use switchyard_source::{
    Configuration, FollowedConfiguration, FollowedManifests, Manifests, ReadError,
};
use switchyard_winkernel::{CallError, CallId, ReconcilerSettings, Reply, Takeover};
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::Host;
use crate::clock::{Clock, wall};
use crate::core::Core;
use crate::directory::StateDirectory;
use crate::event::{Event, Inbox, Mailbox};
use crate::events::{EventSource, Events, write_events};
use crate::executor::{Executor, SharedLedger};
use crate::health::SYNC_PERIOD;
use crate::local::Listener;
use crate::metrics::{CallMetrics, Metered};
use crate::status::conditions_of_pages;
use crate::threads::{self, Registrar, Thread};
use crate::web::{AllAddresses, Board, Web, WebSetup};

/// How long calls that are under way have when the process is to end.
const LAST_CALLS: Duration = Duration::from_secs(10);
/// The shortest wait, so that a time which has passed never keeps a core busy.
const SHORTEST: Duration = Duration::from_millis(1);

/// What an agent begins with.
pub struct Setup {
    /// The node.
    pub node: Name,
    /// What decides policy.
    pub settings: Settings,
    /// What the operator says about reconciling.
    pub reconciler: ReconcilerSettings,
    /// Whether it ends once HNS holds what is wanted.
    pub until_settled: bool,
    /// How long one that ends by itself waits for the API to tell of everything, and then for its Node.
    pub patience: Duration,
    /// HNS.
    pub hcn: Arc<dyn Hcn>,
    /// What is around HNS.
    pub host: Arc<dyn Host>,
    /// Where what is wanted comes from.
    pub source: Source,
    /// The configuration file, where there is one.
    pub reload: Option<Reload>,
    /// The state directory, whose lock is held.
    pub directory: StateDirectory,
    /// Where health and metrics are served.
    pub pages: Pages,
}

/// Where health and metrics are served, and how.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Where the proxy's health is asked for; nowhere if none.
    pub health: Option<SocketAddr>,
    /// Where the metrics are; nowhere if none.
    pub metrics: Option<SocketAddr>,
    /// Whether the process is not to begin where one of them cannot be had.
    pub hard_fail: bool,
    /// Whether the health-check node ports of Services are served.
    pub health_check_ports: bool,
    /// For how long changes may wait before the proxy is not healthy: twice this.
    pub sync_period: Duration,
    /// What `/configz` says.
    pub configuration: String,
}

impl Default for Pages {
    /// No pages, and no ports.
    fn default() -> Self {
        Self {
            health: None,
            metrics: None,
            hard_fail: false,
            health_check_ports: false,
            sync_period: SYNC_PERIOD,
            configuration: "{}".to_owned(),
        }
    }
}

/// A configuration that is followed.
pub struct Reload {
    /// The file.
    pub followed: FollowedConfiguration,
    /// What counts now.
    pub current: Configuration,
    /// What a flag says of taking over, which goes before the file.
    pub takeover: Option<Takeover>,
}

/// Where what is wanted comes from.
pub enum Source {
    /// From files.
    Manifests {
        /// What they say.
        first: Manifests,
        /// The same, to be followed.
        followed: FollowedManifests,
    },
    /// From the Kubernetes API.
    Api {
        /// What its client runs on.
        runtime: Runtime,
        /// The API.
        api: Api,
    },
}

/// Why an agent ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A thread cannot be had, or ended by itself.
    #[error("run the agent's threads")]
    Threads(#[source] io::Error),
    /// The ledger cannot be read.
    #[error("read the ledger in the state directory")]
    Ledger(#[source] io::Error),
    /// A page cannot be served that must be.
    #[error("serve health and metrics")]
    Pages(#[source] io::Error),
    /// The Node is not there, and nobody waits for it any longer.
    #[error(
        "the API has had no Node {node} for {} s: --hostname-override says another; nothing was changed in HNS",
        .waited.as_secs()
    )]
    NoNode {
        /// Its name.
        node: Name,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The API has not told of everything, and nobody waits for it any longer.
    #[error(
        "the Kubernetes API{} did not tell of everything within {} s{why}; look at the address, the credentials and the rights that --kubeconfig or --master gives; nothing was changed in HNS",
        .server.as_ref().map(|server| format!(" at {server}")).unwrap_or_default(),
        .waited.as_secs()
    )]
    NoApi {
        /// The address of its server, where that is known.
        server: Option<String>,
        /// How long it was waited for.
        waited: Duration,
        /// What went wrong last, as the end of a sentence.
        why: String,
    },
    /// A thread panicked.
    #[error("the thread {0} panicked: what is in HNS stays, and a restart finds it")]
    Died(&'static str),
}

/// What follows from an event.
enum Flow {
    GoOn,
    Stop,
}

/// The core and what is around it.
struct Agent {
    clock: Clock,
    core: Core,
    executor: Executor,
    host: Arc<dyn Host>,
    registrar: Registrar,
    /// The API, where what is wanted comes from there: who asks it, and what is known of it.
    api: Option<(Clients, Arc<Shared>)>,
    /// How long the API and the Node are waited for, where it ends once HNS holds what is wanted.
    until_settled: Option<Duration>,
    /// What the pages show.
    board: Arc<Board>,
    events: Events,
}

/// Runs an agent until it is stopped. What it made in HNS stays.
///
/// # Errors
/// When it cannot go on. What it made stays then, too.
pub fn run(setup: Setup, mailbox: Mailbox, inbox: Inbox) -> Result<(), AgentError> {
    let Setup { node, settings, reconciler, hcn, host, source, directory, pages, .. } = setup;
    let ledger = directory.read_ledger().map_err(AgentError::Ledger)?;
    let metrics = Arc::new(CallMetrics::default());
    let hcn: Arc<dyn Hcn> = Arc::new(Metered::new(hcn, Arc::clone(&metrics)));
    let store = SharedLedger::new(directory.ledger());
    let executor = Executor::new(Arc::clone(&hcn), store, reconciler.writers, mailbox.clone());
    let (registrar, registering) =
        Registrar::start(Arc::clone(&hcn), &mailbox).map_err(AgentError::Threads)?;
    let mut threads = vec![registering];
    threads.extend(listen(&directory, &host, &mailbox)?);
    let clock = Clock::start();
    let mut core = Core::new(node, settings, reconciler, ledger, Arc::clone(&metrics));
    core.sync_period(pages.sync_period);
    let board = Arc::new(Board::new(core.health().clone(), Box::new(move || clock.now())));
    if let Some(Reload { followed, current, takeover }) = setup.reload {
        core.configured(current, takeover);
        let followed = threads::follow_configuration(followed, &mailbox);
        threads.push(followed.map_err(AgentError::Threads)?);
    }
    let events = events_of(&source, &core, &mailbox);
    let web = serve_pages(&pages, &board, metrics, &events, &mailbox)?;
    let until_settled = setup.until_settled.then_some(setup.patience);
    let kept = Arc::clone(&host);
    let mut agent =
        Agent { clock, core, executor, host, registrar, api: None, until_settled, board, events };
    let node = &agent.core.stream().view().node().name;
    info!(%node, process = std::process::id(), "started");
    threads.push(agent.feed_from(source, &mailbox)?);
    let ended = agent.work(&inbox);
    drop(web);
    // Nobody can tell anything or ask any more, and so waits for nothing here.
    drop((agent, inbox));
    for thread in &mut threads {
        thread.stop();
    }
    drop(threads);
    if matches!(ended, Ok(()) | Err(AgentError::NoNode { .. } | AgentError::NoApi { .. })) {
        kept.keep();
        info!("stopped: what is in HNS stays");
    }
    ended
}

/// Begins to serve health and metrics, where anybody is to be served.
fn serve_pages(
    pages: &Pages,
    board: &Arc<Board>,
    calls: Arc<CallMetrics>,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<Option<Web>, AgentError> {
    if pages.health.is_none() && pages.metrics.is_none() && !pages.health_check_ports {
        return Ok(None);
    }
    let setup = WebSetup {
        health: pages.health,
        metrics: pages.metrics,
        hard_fail: pages.hard_fail,
        binder: pages.health_check_ports.then(|| Arc::new(AllAddresses) as _),
        board: Arc::clone(board),
        calls,
        configuration: pages.configuration.clone(),
        events: events.clone(),
    };
    Web::start(setup, mailbox.on_death("web")).map(Some).map_err(AgentError::Pages)
}

/// Where events go: to the Kubernetes API, if what is wanted comes from there.
fn events_of(source: &Source, core: &Core, mailbox: &Mailbox) -> Events {
    let Source::Api { runtime, api } = source else { return Events::nowhere() };
    let (events, notices) = Events::to_writer();
    let reporter = EventSource {
        controller: "switchyard".to_owned(),
        instance: core.stream().view().node().name.to_string(),
    };
    let (clients, bell) = (api.clients.clone(), mailbox.on_death("events"));
    // A panic in a task ends the task alone, but drops what it holds.
    runtime.spawn(async move {
        let _bell = bell;
        write_events(notices, clients, reporter).await;
    });
    events
}

/// Lets others ask for the status. A proxy without it still does its work.
fn listen(
    directory: &StateDirectory,
    host: &Arc<dyn Host>,
    mailbox: &Mailbox,
) -> Result<Option<Thread>, AgentError> {
    let path = directory.socket();
    match Listener::bind(&path) {
        Ok(listener) => {
            let served = threads::serve_status(listener, Arc::clone(host), mailbox);
            served.map(Some).map_err(AgentError::Threads)
        }
        Err(error) => {
            warn!(path = %path.display(), %error, "the status cannot be asked for");
            Ok(None)
        }
    }
}

impl Agent {
    /// Has everything that is wanted come from `source`.
    fn feed_from(&mut self, source: Source, mailbox: &Mailbox) -> Result<Thread, AgentError> {
        let thread = match source {
            Source::Manifests { first, followed } => {
                self.read(Ok(first));
                threads::follow(followed, mailbox)
            }
            Source::Api { runtime, api } => {
                let clock = self.clock;
                let bell = mailbox.bell();
                let shared = Arc::new(Shared::new(Arc::new(move || clock.now()), Arc::new(bell)));
                self.core.follow(Arc::clone(&shared));
                self.api = Some((api.clients.clone(), Arc::clone(&shared)));
                let heard = Arc::clone(&shared);
                self.board.hear_from(Box::new(move || heard.heard()));
                threads::follow_api(runtime, api, shared, mailbox)
            }
        };
        thread.map_err(AgentError::Threads)
    }

    fn work(&mut self, inbox: &Inbox) -> Result<(), AgentError> {
        loop {
            if self.core.take_update(self.clock.now()) {
                self.host.views_changed(self.core.stream());
            }
            self.begin_calls()?;
            self.tell();
            self.publish();
            if self.until_settled.is_some()
                && self.core.is_settled()
                && self.executor.under_way() == 0
            {
                return self.stop(inbox);
            }
            if let Some((time, patience)) = self.gives_up()
                && self.clock.now() >= time
            {
                let error = self.waited_in_vain(patience);
                self.stop(inbox)?;
                return Err(error);
            }
            let event = self.wait(inbox)?;
            self.board.tell(|health| health.busy(self.clock.now()));
            let Some(event) = event else { continue };
            match self.handle(event)? {
                Flow::GoOn => {}
                Flow::Stop => return self.stop(inbox),
            }
        }
    }

    /// When an agent that ends by itself ends without the API or its Node, and how long it will have waited.
    fn gives_up(&self) -> Option<(Duration, Duration)> {
        let patience = self.until_settled?;
        let since = self.core.awaits_api_since().or(self.core.misses_node_since())?;
        Some((since.saturating_add(patience), patience))
    }

    /// What was waited for.
    fn waited_in_vain(&self, waited: Duration) -> AgentError {
        match &self.api {
            Some((clients, shared)) if self.core.awaits_api_since().is_some() => {
                AgentError::NoApi { server: clients.server(), waited, why: shared.lacks() }
            }
            _ => AgentError::NoNode { node: self.core.stream().view().node().name.clone(), waited },
        }
    }

    /// Begins every call that may be made now.
    fn begin_calls(&mut self) -> Result<(), AgentError> {
        while let Some((id, call)) = self.core.next_call(self.clock.now()) {
            self.executor.begin(id, call).map_err(AgentError::Threads)?;
        }
        Ok(())
    }

    /// The next event, or none when something is due.
    fn wait(&self, inbox: &Inbox) -> Result<Option<Event>, AgentError> {
        let now = self.clock.now();
        let closed = || AgentError::Threads(io::Error::other("nobody can tell anything any more"));
        let due = self.core.due(now).into_iter().chain(self.gives_up().map(|(time, _)| time)).min();
        let Some(due) = due else {
            return inbox.0.recv().map(Some).map_err(|_| closed());
        };
        let wait = due.saturating_sub(now).max(SHORTEST);
        match inbox.0.recv_timeout(wait) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(closed()),
        }
    }

    fn handle(&mut self, event: Event) -> Result<Flow, AgentError> {
        let now = self.clock.now();
        match event {
            Event::Read(read) => self.read(*read),
            // What is new is taken before each wait.
            Event::Rung => {}
            Event::Configured(read) => {
                if self.core.reconfigure(*read, now) {
                    self.board.configure(self.core.configz());
                    self.host.views_changed(self.core.stream());
                }
            }
            Event::Answered(id, result) => self.answered(id, result),
            Event::Notified(notification) => self.core.notified(&notification, now),
            Event::Registered(result) => self.core.registered(result.err()),
            Event::Asked(answer) => {
                // Whoever asked may have gone away.
                let mut status = self.core.status(now);
                status.conditions.extend(conditions_of_pages(&self.board, now));
                let _ = answer.try_send(Box::new(status));
            }
            Event::Stop => return Ok(Flow::Stop),
            Event::Died(thread) => return Err(AgentError::Died(thread)),
        }
        if self.core.must_register() {
            self.registrar.again();
        }
        Ok(Flow::GoOn)
    }

    fn read(&mut self, read: Result<Manifests, ReadError>) {
        if self.core.read(read, self.clock.now()) {
            self.host.views_changed(self.core.stream());
        }
    }

    fn answered(&mut self, id: CallId, result: Result<Reply, CallError>) {
        self.executor.ended(id);
        self.core.answered(id, result, self.clock.now());
    }

    /// Writes to the log what is new, and has HNS kept that is kept by nobody else.
    fn tell(&mut self) {
        if self.core.tell(self.clock.now()) {
            self.host.keep();
        }
    }

    /// Writes down for the pages how things are, at the end of each turn.
    fn publish(&mut self) {
        let now = self.clock.now();
        self.core.look(now, wall().as_microsecond());
        // What is written has no turn that is under way: from here on the loop waits.
        self.board.tell(|health| health.clone_from(self.core.health()));
        if let Some(wanted) = self.core.take_ports() {
            self.board.want_ports(wanted);
        }
        if let Some(mut figures) = self.core.take_figures(now) {
            figures.dropped_events = self.events.dropped();
            self.board.publish(figures);
        }
        for notice in self.core.take_notices() {
            self.events.tell(notice);
        }
    }

    /// Begins no more calls, and waits a while for those that are under way.
    fn stop(&mut self, inbox: &Inbox) -> Result<(), AgentError> {
        let until = self.clock.now() + LAST_CALLS;
        let stuck = self.core.reconciler().standing().stuck_calls;
        while self.executor.under_way() > stuck {
            let left = until.saturating_sub(self.clock.now());
            match inbox.0.recv_timeout(left) {
                Ok(Event::Answered(id, result)) => self.answered(id, result),
                Ok(Event::Died(thread)) => return Err(AgentError::Died(thread)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let left = self.executor.under_way();
        if left > 0 {
            warn!(calls = left, "calls of HNS are left under way");
        }
        self.executor.end();
        self.core.tell_the_rest(self.clock.now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use switchyard_model::ServiceKey;
    use switchyard_source::api::{Clients, ConnectionError, Made, MakeClient};

    use super::*;
    use crate::event::mailbox;
    use crate::events::{Notice, NoticeKind};

    type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    struct Panics;

    impl MakeClient for Panics {
        fn make(&self) -> Coming<'_, Result<Made, ConnectionError>> {
            panic!("a bug")
        }

        fn mark(&self) -> Coming<'_, Option<u64>> {
            Box::pin(async { None })
        }
    }

    #[test]
    fn a_panic_of_who_writes_events_ends_the_agent() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clients = Clients::by(Box::new(Panics));
        let api = Api { clients, node: "n1".to_owned(), seed: 1 };
        let source = Source::Api { runtime, api };
        let (settings, reconciler) = (Settings::default(), ReconcilerSettings::default());
        let core = Core::new("n1".into(), settings, reconciler, Default::default(), Arc::default());
        let (mailbox, inbox) = mailbox();
        let events = events_of(&source, &core, &mailbox);
        events.tell(Notice {
            service: ServiceKey::new("shop", "web"),
            uid: None,
            kind: NoticeKind::Warning,
            reason: "Taken".to_owned(),
            action: "Listen".to_owned(),
            note: String::new(),
        });
        let Source::Api { runtime, .. } = source else { panic!("not the API") };
        runtime.block_on(async {
            while inbox.0.try_recv().map_or(true, |event| !matches!(event, Event::Died("events"))) {
                tokio::task::yield_now().await;
            }
        });
    }
}
