//! The Service Control Manager.

use std::env::current_exe;
use std::ffi::OsString;
use std::io::{self, Write, sink};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, anyhow};
use switchyard_windows_host::event_log;
use switchyard_windows_host::service::{self, Existing, Handle, Registration, Start};

use super::{InstallArguments, StartChoice};
use crate::arguments::ProxyArguments;
use crate::command::proxy;
use crate::failure::{Exit, Failure};
use crate::process::{request_stop, when_started};

/// The source of what a service reports whose name is not known yet.
const USUAL_NAME: &str = "switchyard";
const DESCRIPTION: &str =
    "Keeps the load balancers of this node as the Services of the Kubernetes cluster want them.";

/// Registers the service. Returns what this Windows does without.
pub(super) fn install(
    arguments: &InstallArguments,
    line: Vec<OsString>,
) -> Result<Vec<&'static str>, Failure> {
    let name = &arguments.name;
    let registration = Registration {
        name: name.clone(),
        display_name: arguments.display_name.clone().unwrap_or_else(|| name.clone()),
        description: DESCRIPTION.to_owned(),
        start: match arguments.start {
            StartChoice::Auto => Start::Auto,
            StartChoice::Delayed => Start::Delayed,
            StartChoice::Manual => Start::Manual,
        },
        executable: current_exe().context("find this program")?,
        arguments: line,
        dependencies: arguments.depends_on.clone(),
    };
    let existing = if arguments.replace { Existing::Replace } else { Existing::Keep };
    let unknown =
        service::install(&registration, existing).map_err(|trouble| match trouble.kind() {
            io::ErrorKind::AlreadyExists => Failure::Refused(format!(
                "there is a service {name} already: --replace makes it into this one"
            )),
            _ => explained(trouble, name, "install").into(),
        })?;
    event_log::register_source(name).context("register the source of events")?;
    Ok(unknown)
}

pub(super) fn uninstall(name: &str) -> Result<(), Failure> {
    service::uninstall(name).map_err(|trouble| match trouble.kind() {
        io::ErrorKind::NotFound => anyhow!("there is no service {name}"),
        _ => explained(trouble, name, "uninstall"),
    })?;
    Ok(event_log::forget_source(name).context("forget the source of events")?)
}

fn explained(trouble: io::Error, name: &str, what: &str) -> anyhow::Error {
    let denied = trouble.kind() == io::ErrorKind::PermissionDenied;
    let advice = if denied { ": it takes an administrator; start the console as one" } else { "" };
    anyhow::Error::new(trouble).context(format!("{what} the service {name}{advice}"))
}

/// Runs the proxy as a service, until that is over.
///
/// # Errors
/// Where the Service Control Manager has not started this process, or what the proxy ended with.
pub(crate) fn run_proxy(
    arguments: ProxyArguments,
    _notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let result = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&result);
    let work = move |handle: Handle| {
        let name = handle.name.clone();
        when_started(move || handle.started());
        log_panics_of(&name);
        let ended = proxy::run(&arguments, &mut sink(), &mut sink());
        let code = match &ended {
            Ok(exit) => exit.number(),
            Err(failure) => {
                report(&name, &failure.chain());
                failure.number()
            }
        };
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        u32::from(code)
    };
    service::run(Box::new(work), request_stop).map_err(|trouble| match trouble.kind() {
        io::ErrorKind::NotConnected => Failure::Usage(
            "--windows-service is for the Service Control Manager, which has not started this process: \
             leave it out, or let `switchyard service install` register the service"
                .to_owned(),
        ),
        _ => anyhow::Error::new(trouble).context("run as a service").into(),
    })?;
    let ended = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A service that was given up has told so already.
    ended.unwrap_or(Ok(Exit::Answered))
}

/// Has what a thread panics with in the event log.
fn log_panics_of(name: &str) {
    let (name, before) = (name.to_owned(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |trouble| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("without a name");
        report(&name, &format!("the thread {thread} panicked: {trouble}"));
        before(trouble);
    }));
}

/// Tells where people look for it that a service was called with arguments that make no sense.
pub fn tell_of_bad_arguments(words: &[OsString], why: &str) {
    let is_service = |word: &OsString| {
        let word = word.to_string_lossy().replace('_', "-");
        word.trim_start_matches('-').starts_with("windows-service")
    };
    if words.iter().any(is_service) {
        report(USUAL_NAME, why);
    }
}

/// Writes to the event log. Where that does not work there is nobody left to tell.
fn report(source: &str, text: &str) {
    let _ = event_log::report_error(source, text);
}
