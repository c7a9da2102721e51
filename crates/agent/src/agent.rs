//! The loop. It alone holds what is wanted, what is known and what is under way; everything outside is told to it, and it
//! never waits for anything but the next event.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use switchyard_hcn::Hcn;
use switchyard_model::{Name, Settings};
use switchyard_nodeview::Stream;
use switchyard_source::{FollowedManifests, Manifests, ReadError};
use switchyard_winkernel::{CallError, CallId, Reconciler, ReconcilerSettings, Reply};
use tracing::{info, warn};

use crate::Host;
use crate::clock::Clock;
use crate::directory::StateDirectory;
use crate::event::{Event, Inbox, Mailbox};
use crate::executor::{Executor, SharedLedger};
use crate::input::Input;
use crate::journal::Journal;
use crate::local::Listener;
use crate::metrics::{CallMetrics, Metered};
use crate::status::{Report, Status};
use crate::threads::{self, Registrar};

/// How long calls that are under way have when the process is to end.
const LAST_CALLS: Duration = Duration::from_secs(10);
/// How long calls wait for the registration for notifications: what HNS loses after it was read is to be told.
const REGISTRATION: Duration = Duration::from_secs(5);
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
    /// What the manifests say.
    pub manifests: Manifests,
    /// The same, to be followed.
    pub followed: FollowedManifests,
    /// The state directory, whose lock is held.
    pub directory: StateDirectory,
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

struct Agent {
    clock: Clock,
    stream: Stream,
    reconciler: Reconciler,
    executor: Executor,
    journal: Journal,
    input: Input,
    metrics: Arc<CallMetrics>,
    host: Arc<dyn Host>,
    registrar: Registrar,
    until_settled: bool,
    /// Whether HNS has not answered yet to the first registration for its notifications.
    awaits_registration: bool,
    /// Why notifications are not registered for.
    unregistered: Option<String>,
    losses: u64,
}

/// Runs an agent until it is stopped. What it made in HNS stays.
///
/// # Errors
/// When it cannot go on. What it made stays then, too.
pub fn run(setup: Setup, mailbox: Mailbox, inbox: Inbox) -> Result<(), AgentError> {
    let Setup { node, settings, reconciler, hcn, host, manifests, followed, directory, .. } = setup;
    let ledger = directory.read_ledger().map_err(AgentError::Ledger)?;
    let metrics = Arc::new(CallMetrics::default());
    let hcn: Arc<dyn Hcn> = Arc::new(Metered::new(hcn, Arc::clone(&metrics)));
    let store = SharedLedger::new(directory.ledger());
    let executor = Executor::new(Arc::clone(&hcn), store, reconciler.writers, mailbox.clone());
    let registrar =
        Registrar::start(Arc::clone(&hcn), mailbox.clone()).map_err(AgentError::Threads)?;
    threads::follow(followed, mailbox.clone()).map_err(AgentError::Threads)?;
    let listener = listen(&directory, &host, &mailbox)?;
    let mut agent = Agent {
        clock: Clock::start(),
        stream: Stream::new(node, settings),
        reconciler: Reconciler::new(reconciler, ledger),
        executor,
        journal: Journal::default(),
        input: Input::default(),
        metrics,
        host,
        registrar,
        until_settled: setup.until_settled,
        awaits_registration: true,
        unregistered: None,
        losses: 0,
    };
    info!(node = %agent.stream.view().node().name, process = std::process::id(), "started");
    agent.read(Ok(manifests));
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
    fn work(&mut self, inbox: &Inbox) -> Result<(), AgentError> {
        loop {
            self.begin_calls()?;
            self.tell();
            if self.until_settled && self.reconciler.is_settled() && self.executor.under_way() == 0
            {
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
        let now = self.clock.now();
        if self.awaits_registration && now < REGISTRATION {
            return Ok(());
        }
        while let Some((id, call)) = self.reconciler.next(now) {
            self.journal.begun(id, &call, now);
            self.executor.begin(id, call).map_err(AgentError::Threads)?;
        }
        Ok(())
    }

    /// The next event, or none when something is due.
    fn wait(&self, inbox: &Inbox) -> Result<Option<Event>, AgentError> {
        let now = self.clock.now();
        let waits = self.awaits_registration && now < REGISTRATION;
        let calls = if waits { Some(REGISTRATION) } else { self.reconciler.wake() };
        let due = [calls, self.journal.due()].into_iter().flatten().min();
        let closed = || AgentError::Threads(io::Error::other("nobody can tell anything any more"));
        let Some(due) = due else { return inbox.0.recv().map(Some).map_err(|_| closed()) };
        let wait = due.saturating_sub(now).max(SHORTEST);
        match inbox.0.recv_timeout(wait) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(closed()),
        }
    }

    fn handle(&mut self, event: Event) -> Result<Flow, AgentError> {
        match event {
            Event::Read(read) => self.read(*read),
            Event::Answered(id, result) => self.answered(id, result),
            Event::Notified(notification) if notification.invalidates_everything() => {
                info!(%notification, "HNS went away: what it holds is read anew");
                self.reconciler.service_lost(self.clock.now());
                self.journal.stir();
            }
            Event::Notified(_) => {}
            Event::Registered(result) => self.registered(result.err()),
            Event::Asked(answer) => {
                // Whoever asked may have gone away.
                let _ = answer.try_send(Box::new(self.status()));
            }
            Event::Stop => return Ok(Flow::Stop),
            Event::Died(thread) => return Err(AgentError::Died(thread)),
        }
        self.follow_losses();
        Ok(Flow::GoOn)
    }

    fn read(&mut self, read: Result<Manifests, ReadError>) {
        let node = self.stream.view().node().name.clone();
        let Some(events) = self.input.take(read, &node) else { return };
        let batch = self.stream.cluster().events_towards(events);
        let changes = self.stream.apply(batch);
        if changes.is_empty() {
            return;
        }
        let (events, revision) = (changes.len(), self.stream.revision());
        info!(revision, events, "what is wanted changed");
        self.host.views_changed(&self.stream);
        self.reconciler.view(changes, self.clock.now());
        self.journal.stir();
    }

    fn answered(&mut self, id: CallId, result: Result<Reply, CallError>) {
        self.executor.ended(id);
        self.journal.ended(id, result.is_ok());
        self.reconciler.call_done(id, result, self.clock.now());
    }

    fn registered(&mut self, trouble: Option<String>) {
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

    /// Whoever saw HNS go away, the registration for its notifications went with it.
    fn follow_losses(&mut self) {
        let losses = self.reconciler.counters().losses;
        if std::mem::replace(&mut self.losses, losses) != losses {
            self.registrar.again();
        }
    }

    /// Writes to the log what is new, and has HNS kept that is kept by nobody else.
    fn tell(&mut self) {
        let now = self.clock.now();
        if !self.journal.is_due(self.reconciler.is_settled(), now) {
            return;
        }
        if self.journal.look(&self.reconciler, self.stream.revision(), now) {
            self.host.keep();
        }
    }

    fn status(&self) -> Status {
        let report = Report {
            stream: &self.stream,
            reconciler: &self.reconciler,
            metrics: &self.metrics,
            input: self.input.status(),
            input_trouble: self.input.trouble(),
            unregistered: self.unregistered.as_deref(),
            now: self.clock.now(),
        };
        report.status()
    }

    /// Begins no more calls, and waits a while for those that are under way.
    fn stop(&mut self, inbox: &Inbox) -> Result<(), AgentError> {
        let until = self.clock.now() + LAST_CALLS;
        let stuck = self.reconciler.standing().stuck_calls;
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
        if self.journal.due().is_some() {
            self.journal.look(&self.reconciler, self.stream.revision(), self.clock.now());
        }
        self.host.keep();
        info!("stopped: what is in HNS stays");
        Ok(())
    }
}
