//! The threads beside the loop: each waits for one thing outside and tells the loop.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use switchyard_hcn::{CallbackHandle, Hcn, Notification};
use switchyard_source::api::{Api, Shared};
use switchyard_source::{FollowedConfiguration, FollowedManifests};
use tokio::runtime::Runtime;

use crate::Host;
use crate::event::{Event, Mailbox};
use crate::local::{self, Listener};

/// How often the manifests are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the registration for notifications waits after a failure, at first and at most.
const REGISTER_FIRST: Duration = Duration::from_millis(250);
const REGISTER_LONGEST: Duration = Duration::from_secs(10);
/// How long the loop may take to say how things are.
const STATUS: Duration = Duration::from_secs(5);

/// Follows the manifests.
pub(crate) fn follow(mut manifests: FollowedManifests, mailbox: Mailbox) -> io::Result<()> {
    let work = move || {
        let _bell = mailbox.on_death("manifests");
        loop {
            pause(LOOK_EVERY);
            if let Some(read) = manifests.look()
                && mailbox.0.send(Event::Read(Box::new(read))).is_err()
            {
                return;
            }
        }
    };
    thread::Builder::new().name("manifests".to_owned()).spawn(work).map(drop)
}

/// Follows the configuration file.
pub(crate) fn follow_configuration(
    mut followed: FollowedConfiguration,
    mailbox: Mailbox,
) -> io::Result<()> {
    let work = move || {
        let _bell = mailbox.on_death("configuration");
        loop {
            pause(LOOK_EVERY);
            if let Some(read) = followed.look()
                && mailbox.0.send(Event::Configured(Box::new(read))).is_err()
            {
                return;
            }
        }
    };
    thread::Builder::new().name("configuration".to_owned()).spawn(work).map(drop)
}

/// Follows the Kubernetes API.
pub(crate) fn follow_api(
    runtime: Runtime,
    api: Api,
    shared: Arc<Shared>,
    mailbox: Mailbox,
) -> io::Result<()> {
    let work = move || {
        let _bell = mailbox.on_death("api");
        runtime.block_on(api.follow(&shared));
    };
    thread::Builder::new().name("api".to_owned()).spawn(work).map(drop)
}

/// Answers who asks for the status.
pub(crate) fn serve_status(
    listener: Arc<Listener>,
    host: Arc<dyn Host>,
    mailbox: Mailbox,
) -> io::Result<()> {
    let work = move || {
        let _bell = mailbox.on_death("status");
        loop {
            let served = match listener.accept() {
                Ok(None) => return,
                Ok(Some(mut connection)) => {
                    local::serve(&mut *connection, |question| answer(question, &*host, &mailbox))
                }
                Err(trouble) => Err(trouble),
            };
            if let Err(trouble) = served {
                // Whoever asked may have gone away; a system without descriptors is not asked again at once.
                tracing::debug!(error = %trouble, "the status was not told");
                pause(Duration::from_millis(50));
            }
        }
    };
    thread::Builder::new().name("status".to_owned()).spawn(work).map(drop)
}

fn answer(question: &str, host: &dyn Host, mailbox: &Mailbox) -> Result<String, String> {
    match question {
        "status" => {
            let (sender, receiver) = sync_channel(1);
            let ended = || "the proxy is stopping".to_owned();
            mailbox.0.send(Event::Asked(sender)).map_err(|_| ended())?;
            let status = receiver.recv_timeout(STATUS).map_err(|trouble| match trouble {
                RecvTimeoutError::Timeout => "the proxy is too busy to answer".to_owned(),
                RecvTimeoutError::Disconnected => ended(),
            })?;
            serde_json::to_string(&status).map_err(|trouble| trouble.to_string())
        }
        "hns" => host.hns_state(),
        _ => Err(format!("this proxy does not know the question {question:?}")),
    }
}

/// Asks for registration anew.
#[derive(Debug)]
pub(crate) struct Registrar(SyncSender<()>);

impl Registrar {
    /// Registers for what HNS tells, and again whenever it is asked to.
    pub(crate) fn start(hcn: Arc<dyn Hcn>, mailbox: Mailbox) -> io::Result<Self> {
        let (sender, again) = sync_channel(1);
        let work = move || {
            let _bell = mailbox.on_death("notifications");
            register_forever(&*hcn, &again, &mailbox);
        };
        thread::Builder::new().name("notifications".to_owned()).spawn(work)?;
        Ok(Self(sender))
    }

    /// HNS went away, and the registration with it.
    pub(crate) fn again(&self) {
        // One request that waits is enough.
        let _ = self.0.try_send(());
    }
}

fn register_forever(hcn: &dyn Hcn, again: &Receiver<()>, mailbox: &Mailbox) {
    loop {
        let Some(handle) = register(hcn, mailbox) else { return };
        if again.recv().is_err() {
            return;
        }
        // It is gone with the HNS that gave it, or holds back a second one.
        let _ = hcn.unregister_service_callback(handle);
    }
}

/// Tries until it is registered. `None` when nobody listens any more.
fn register(hcn: &dyn Hcn, mailbox: &Mailbox) -> Option<CallbackHandle> {
    let mut wait = REGISTER_FIRST;
    loop {
        let events = mailbox.0.clone();
        // HNS must not be held up: where the loop is that far behind, it finds out by its calls and audits.
        let callback = Arc::new(move |notification: &Notification| {
            let _ = events.try_send(Event::Notified(notification.clone()));
        });
        let registered = hcn.register_service_callback(callback);
        let told = registered.as_ref().map(|_| ()).map_err(ToString::to_string);
        mailbox.0.send(Event::Registered(told)).ok()?;
        if let Ok(handle) = registered {
            return Some(handle);
        }
        pause(wait);
        wait = (wait * 2).min(REGISTER_LONGEST);
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread that watches waits between two looks")]
fn pause(time: Duration) {
    thread::sleep(time);
}
