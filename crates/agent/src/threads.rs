//! The threads beside the loop: each waits for one thing outside and tells the loop.
//!
//! They end before the process does. A process that ends takes its threads away wherever they are, and what they hold then is held
//! for ever: what is still to be done at that moment may wait for it.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use switchyard_hcn::{CallbackHandle, Hcn, Notification};
use switchyard_source::api::{Api, Shared};
use switchyard_source::{FollowedConfiguration, FollowedManifests};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tracing::warn;

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
/// How long a thread has to end. One that calls HNS may wait for that for ever.
const ENDING: Duration = Duration::from_secs(2);

/// A thread that is to end before the process does.
pub(crate) struct Thread {
    name: &'static str,
    /// While it is there, the thread goes on.
    goes_on: Option<Box<dyn Any + Send>>,
    /// Nothing comes of it, but that nobody can send any more once the thread has done its work.
    ended: Receiver<Infallible>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts one that works until `goes_on` is dropped, or nobody listens to `mailbox` any more.
    pub(crate) fn start(
        name: &'static str,
        mailbox: &Mailbox,
        goes_on: impl Any + Send,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let bell = mailbox.on_death(name);
        let (held, ended) = channel();
        let work = move || {
            let _held = held;
            let _bell = bell;
            work();
        };
        let handle = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { name, goes_on: Some(Box::new(goes_on)), ended, handle: Some(handle) })
    }

    /// Has it end soon.
    pub(crate) fn stop(&mut self) {
        self.goes_on = None;
    }
}

impl Drop for Thread {
    /// Waits until it has ended, or too long.
    fn drop(&mut self) {
        self.stop();
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(ENDING) {
            warn!(thread = self.name, "a thread does not end and is left");
            return;
        }
        if let Some(handle) = self.handle.take() {
            // Had it panicked, the loop would have been told.
            let _ = handle.join();
        }
    }
}

/// Follows the manifests.
pub(crate) fn follow(mut manifests: FollowedManifests, mailbox: &Mailbox) -> io::Result<Thread> {
    let events = mailbox.clone();
    look_again_and_again("manifests", mailbox, move || {
        let Some(read) = manifests.look() else { return true };
        events.0.send(Event::Read(Box::new(read))).is_ok()
    })
}

/// Follows the configuration file.
pub(crate) fn follow_configuration(
    mut followed: FollowedConfiguration,
    mailbox: &Mailbox,
) -> io::Result<Thread> {
    let events = mailbox.clone();
    look_again_and_again("configuration", mailbox, move || {
        let Some(read) = followed.look() else { return true };
        events.0.send(Event::Configured(Box::new(read))).is_ok()
    })
}

/// Looks for as long as `look` says that somebody cares.
fn look_again_and_again(
    name: &'static str,
    mailbox: &Mailbox,
    mut look: impl FnMut() -> bool + Send + 'static,
) -> io::Result<Thread> {
    let (goes_on, ends) = channel::<Infallible>();
    Thread::start(name, mailbox, goes_on, move || {
        while let Err(RecvTimeoutError::Timeout) = ends.recv_timeout(LOOK_EVERY) {
            if !look() {
                return;
            }
        }
    })
}

/// Follows the Kubernetes API.
pub(crate) fn follow_api(
    runtime: Runtime,
    api: Api,
    shared: Arc<Shared>,
    mailbox: &Mailbox,
) -> io::Result<Thread> {
    let (goes_on, ends) = oneshot::channel::<Infallible>();
    Thread::start("api", mailbox, goes_on, move || {
        runtime.block_on(async {
            // Both arms are safe to drop: nobody asks for what the API says after this.
            tokio::select! {
                () = api.follow(&shared) => {}
                _ = ends => {}
            }
        });
        // A look-up of a name may be under way, which nothing ends.
        runtime.shutdown_background();
    })
}

/// Lets nobody ask for the status any more when it is dropped.
struct Listening(Arc<Listener>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.forget_path();
    }
}

/// Answers who asks for the status.
pub(crate) fn serve_status(
    listener: Listener,
    host: Arc<dyn Host>,
    mailbox: &Mailbox,
) -> io::Result<Thread> {
    let listener = Arc::new(listener);
    let (goes_on, events) = (Listening(Arc::clone(&listener)), mailbox.clone());
    Thread::start("status", mailbox, goes_on, move || {
        loop {
            let served = match listener.accept() {
                Ok(None) => return,
                Ok(Some(mut connection)) => {
                    local::serve(&mut *connection, |question| answer(question, &*host, &events))
                }
                Err(trouble) => Err(trouble),
            };
            if let Err(trouble) = served {
                // Whoever asked may have gone away; a system without descriptors is not asked again at once.
                tracing::debug!(error = %trouble, "the status was not told");
                pause(Duration::from_millis(50));
            }
        }
    })
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
#[derive(Debug, Clone)]
pub(crate) struct Registrar(SyncSender<()>);

impl Registrar {
    /// Registers for what HNS tells, and again whenever it is asked to. When nobody can ask any more, it listens no more.
    pub(crate) fn start(hcn: Arc<dyn Hcn>, mailbox: &Mailbox) -> io::Result<(Self, Thread)> {
        let (sender, again) = sync_channel(1);
        let registrar = Self(sender);
        let (goes_on, events) = (registrar.clone(), mailbox.clone());
        let thread = Thread::start("notifications", mailbox, goes_on, move || {
            register_forever(&*hcn, &again, &events);
        })?;
        Ok((registrar, thread))
    }

    /// HNS went away, and the registration with it.
    pub(crate) fn again(&self) {
        // One request that waits is enough.
        let _ = self.0.try_send(());
    }
}

fn register_forever(hcn: &dyn Hcn, again: &Receiver<()>, mailbox: &Mailbox) {
    while let Some(handle) = register(hcn, again, mailbox) {
        let is_over = again.recv().is_err();
        // It is gone with the HNS that gave it, or holds back a second one; at the end nobody listens any more.
        let _ = hcn.unregister_service_callback(handle);
        if is_over {
            return;
        }
    }
}

/// Tries until it is registered. `None` when nobody listens any more.
fn register(hcn: &dyn Hcn, again: &Receiver<()>, mailbox: &Mailbox) -> Option<CallbackHandle> {
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
        if let Err(RecvTimeoutError::Disconnected) = again.recv_timeout(wait) {
            return None;
        }
        wait = (wait * 2).min(REGISTER_LONGEST);
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread that watches waits between two looks")]
fn pause(time: Duration) {
    thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::event::mailbox;

    #[test]
    fn a_thread_has_ended_when_it_is_dropped() {
        let (mailbox, _inbox) = mailbox();
        let (goes_on, ends) = channel::<Infallible>();
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let thread = Thread::start("test", &mailbox, goes_on, move || {
            let _ = ends.recv();
            ended.store(true, Ordering::Release);
        });
        drop(thread.unwrap());
        assert!(has_ended.load(Ordering::Acquire));
    }
}
