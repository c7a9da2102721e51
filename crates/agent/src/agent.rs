//! The loop around the core: it tells the core what happens, and has the calls made that the core asks for. It never waits for
//! anything but the next event.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use switchyard_hcn::Hcn;
use switchyard_model::{Name, Settings};
use switchyard_source::api::{Api, Shared};
use switchyard_source::{FollowedManifests, Manifests, ReadError};
use switchyard_winkernel::{CallError, CallId, ReconcilerSettings, Reply};
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::Host;
use crate::clock::Clock;
use crate::core::Core;
use crate::directory::StateDirectory;
use crate::event::{Event, Inbox, Mailbox};
use crate::executor::{Executor, SharedLedger};
use crate::local::Listener;
use crate::metrics::{CallMetrics, Metered};
use crate::threads::{self, Registrar};

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
    /// HNS.
    pub hcn: Arc<dyn Hcn>,
    /// What is around HNS.
    pub host: Arc<dyn Host>,
    /// Where what is wanted comes from.
    pub source: Source,
    /// The state directory, whose lock is held.
    pub directory: StateDirectory,
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
    until_settled: bool,
}

/// Runs an agent until it is stopped. What it made in HNS stays.
///
/// # Errors
/// When it cannot go on. What it made stays then, too.
pub fn run(setup: Setup, mailbox: Mailbox, inbox: Inbox) -> Result<(), AgentError> {
    let Setup { node, settings, reconciler, hcn, host, source, directory, .. } = setup;
    let ledger = directory.read_ledger().map_err(AgentError::Ledger)?;
    let metrics = Arc::new(CallMetrics::default());
    let hcn: Arc<dyn Hcn> = Arc::new(Metered::new(hcn, Arc::clone(&metrics)));
    let store = SharedLedger::new(directory.ledger());
    let executor = Executor::new(Arc::clone(&hcn), store, reconciler.writers, mailbox.clone());
    let registrar =
        Registrar::start(Arc::clone(&hcn), mailbox.clone()).map_err(AgentError::Threads)?;
    let listener = listen(&directory, &host, &mailbox)?;
    let clock = Clock::start();
    let core = Core::new(node, settings, reconciler, ledger, metrics);
    let mut agent =
        Agent { clock, core, executor, host, registrar, until_settled: setup.until_settled };
    let node = &agent.core.stream().view().node().name;
    info!(%node, process = std::process::id(), "started");
    agent.feed_from(source, &mailbox)?;
    let ended = agent.work(&inbox);
    if let Some(listener) = listener {
        listener.forget_path();
    }
    ended
}

/// Lets others ask for the status. A proxy without it still does its work.
fn listen(
    directory: &StateDirectory,
    host: &Arc<dyn Host>,
    mailbox: &Mailbox,
) -> Result<Option<Arc<Listener>>, AgentError> {
    let path = directory.socket();
    match Listener::bind(&path) {
        Ok(listener) => {
            let listener = Arc::new(listener);
            let served =
                threads::serve_status(Arc::clone(&listener), Arc::clone(host), mailbox.clone());
            served.map_err(AgentError::Threads)?;
            Ok(Some(listener))
        }
        Err(error) => {
            warn!(path = %path.display(), %error, "the status cannot be asked for");
            Ok(None)
        }
    }
}

impl Agent {
    /// Has everything that is wanted come from `source`.
    fn feed_from(&mut self, source: Source, mailbox: &Mailbox) -> Result<(), AgentError> {
        match source {
            Source::Manifests { first, followed } => {
                threads::follow(followed, mailbox.clone()).map_err(AgentError::Threads)?;
                self.read(Ok(first));
            }
            Source::Api { runtime, api } => {
                let clock = self.clock;
                let bell = mailbox.bell();
                let shared = Arc::new(Shared::new(Arc::new(move || clock.now()), Arc::new(bell)));
                self.core.follow(Arc::clone(&shared));
                threads::follow_api(runtime, api, shared, mailbox.clone())
                    .map_err(AgentError::Threads)?;
            }
        }
        Ok(())
    }

    fn work(&mut self, inbox: &Inbox) -> Result<(), AgentError> {
        loop {
            if self.core.take_update(self.clock.now()) {
                self.host.views_changed(self.core.stream());
            }
            self.begin_calls()?;
            self.tell();
            if self.until_settled && self.core.is_settled() && self.executor.under_way() == 0 {
                return self.stop(inbox);
            }
            let Some(event) = self.wait(inbox)? else { continue };
            match self.handle(event)? {
                Flow::GoOn => {}
                Flow::Stop => return self.stop(inbox),
            }
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
        let Some(due) = self.core.due(now) else {
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
            Event::Answered(id, result) => self.answered(id, result),
            Event::Notified(notification) => self.core.notified(&notification, now),
            Event::Registered(result) => self.core.registered(result.err()),
            Event::Asked(answer) => {
                // Whoever asked may have gone away.
                let _ = answer.try_send(Box::new(self.core.status(now)));
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
        self.host.keep();
        info!("stopped: what is in HNS stays");
        Ok(())
    }
}
