//! A process under the Service Control Manager, and the registration of one there.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceDependency, ServiceErrorControl, ServiceExitCode, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceStatus,
    ServiceType,
};
use windows_service::service_control_handler::{
    ServiceControlHandlerResult, ServiceStatusHandle, register,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};
use windows_sys::Win32::Foundation::{
    ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, ERROR_INVALID_LEVEL, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_EXISTS, ERROR_SERVICE_NOT_ACTIVE,
};

use crate::lifecycle::{Happening, Lifecycle, Report};

/// How many happenings wait at most. More cannot be under way: a start, an end, and requests to stop, of which one is enough.
const MOST_WAITING: usize = 8;
/// How long the Service Control Manager waits for the next word.
const WAIT_HINT: Duration = Duration::from_secs(10);
/// How long an uninstall waits for the service to stop, in steps.
const STOP_STEPS: u32 = 200;
const STOP_STEP: Duration = Duration::from_millis(200);
/// How long the machine waits for the service when it is shut down.
const PRESHUTDOWN: Duration = Duration::from_secs(30);

/// What a service does: given its name and the way to say that it has begun, it works until it is told to stop, and returns its
/// exit code.
pub type Work = Box<dyn FnOnce(Handle) -> u32 + Send>;

/// The work's side of a service.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The name that the service was installed under.
    pub name: String,
    happenings: SyncSender<Happening>,
}

impl Handle {
    /// Says that the work has begun.
    pub fn started(&self) {
        // Where nobody listens any more the service is over.
        let _ = self.happenings.send(Happening::Started);
    }
}

/// What the process of a service is made for.
struct Process {
    work: Work,
    stop: Stop,
}

/// What tells the work to stop.
type Stop = Box<dyn FnOnce() + Send>;

/// Taken by the service when it begins: Windows passes nothing to its entry point.
static PROCESS: Mutex<Option<Process>> = Mutex::new(None);

/// Runs `work` as a service, under whatever name it is installed, until it ends. `stop` is called when it is to end, on a thread
/// that may take its time.
///
/// # Errors
/// [`io::ErrorKind::NotConnected`] where this process was not started by the Service Control Manager.
pub fn run(work: Work, stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    *PROCESS.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(Process { work, stop: Box::new(stop) });
    // A service that has its process to itself is found under any name, so none is said.
    service_dispatcher::start("", entry).map_err(|trouble| {
        let trouble = of_windows(trouble);
        match code_of(&trouble) {
            Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) => {
                io::Error::new(io::ErrorKind::NotConnected, trouble)
            }
            _ => trouble,
        }
    })
}

define_windows_service!(entry, begin);

/// The service's own thread.
fn begin(arguments: Vec<OsString>) {
    let process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(process) = process else { return };
    let name = arguments.into_iter().next().unwrap_or_default();
    let (sender, happenings) = sync_channel(MOST_WAITING);
    let requests = sender.clone();
    // It must not take time: one word, and only where there is room for it.
    let handler = move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            let _ = requests.try_send(Happening::StopRequested);
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // Without it nobody can be told anything, and nothing may be done that nobody could stop.
    let Ok(status) = register(&name, handler) else { return };
    let name = name.to_string_lossy().into_owned();
    let Process { work, stop } = process;
    let handle = Handle { name, happenings: sender.clone() };
    let spawned = thread::Builder::new().name("service".to_owned()).spawn(move || {
        let ended = Ended(sender, PANICKED);
        work_on(work, handle, ended);
    });
    if spawned.is_err() {
        tell(&status, Report::Stopped(PANICKED));
        return;
    }
    attend(&status, &happenings, stop);
}

/// The exit code of a process of Rust that panics.
const PANICKED: u32 = 101;

/// Tells the exit code when it goes, however it goes.
struct Ended(SyncSender<Happening>, u32);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.send(Happening::Ended(self.1));
    }
}

fn work_on(work: Work, handle: Handle, mut ended: Ended) {
    ended.1 = work(handle);
}

/// Tells the Service Control Manager what happens, until the service is over.
fn attend(status: &ServiceStatusHandle, happenings: &Receiver<Happening>, stop: Stop) {
    let mut stop = Some(stop);
    let mut lifecycle = Lifecycle::begin();
    tell(status, lifecycle.report());
    loop {
        let happening = match happenings.recv_timeout(Duration::from_secs(1)) {
            Ok(happening) => happening,
            Err(RecvTimeoutError::Timeout) => Happening::Second,
            Err(RecvTimeoutError::Disconnected) => Happening::Ended(PANICKED),
        };
        let report = lifecycle.after(happening);
        if let Some(report) = report {
            tell(status, report);
        }
        if let Report::Stopped(_) = lifecycle.report() {
            return;
        }
        if lifecycle.is_stopping()
            && let Some(stop) = stop.take()
        {
            // It may wait for the work, which must not keep this from being told. Without a thread the time to stop runs out.
            let _ = thread::Builder::new().name("stop".to_owned()).spawn(stop);
        }
    }
}

fn tell(handle: &ServiceStatusHandle, report: Report) {
    let accepted = ServiceControlAccept::STOP
        | ServiceControlAccept::SHUTDOWN
        | ServiceControlAccept::PRESHUTDOWN;
    let (current_state, checkpoint, controls_accepted) = match report {
        // A stop is accepted while it starts, too: a start may take long.
        Report::StartPending(step) => (ServiceState::StartPending, step + 1, accepted),
        Report::Running => (ServiceState::Running, 0, accepted),
        Report::StopPending(step) => {
            (ServiceState::StopPending, step + 1, ServiceControlAccept::empty())
        }
        Report::Stopped(_) => (ServiceState::Stopped, 0, ServiceControlAccept::empty()),
    };
    let exit_code = match report {
        Report::Stopped(code) if code != 0 => ServiceExitCode::ServiceSpecific(code),
        _ => ServiceExitCode::NO_ERROR,
    };
    let wait_hint = if checkpoint == 0 { Duration::ZERO } else { WAIT_HINT };
    // Where it is not taken, the Service Control Manager is gone, and the machine with it.
    let _ = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted,
        exit_code,
        checkpoint,
        wait_hint,
        process_id: None,
    });
}

/// The account that services run as where nobody names another.
const SYSTEM: &str = "LocalSystem";

/// When a service is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the machine.
    Auto,
    /// With the machine, after the services that are not delayed.
    Delayed,
    /// By hand, or by another service that depends on it.
    Manual,
}

/// A service as it is registered.
#[derive(Debug)]
pub struct Registration {
    /// Its name, by which others depend on it.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// When it is started.
    pub start: Start,
    /// The program.
    pub executable: PathBuf,
    /// What the program is called with.
    pub arguments: Vec<OsString>,
    /// The services that have to run before.
    pub dependencies: Vec<String>,
}

/// What is done with a service of that name that there is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is registered.
    Keep,
    /// It becomes this one.
    Replace,
}

/// Registers a service, which is started again when it fails: after 5 seconds, after 30, then every minute. Returns what this
/// Windows does not know of all that, and does without.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is one of that name, which is kept; else when the Service Control Manager does
/// not take it. One that was just made is then removed again.
pub fn install(registration: &Registration, existing: Existing) -> io::Result<Vec<&'static str>> {
    let rights = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, rights).map_err(of_windows)?;
    let info = info(registration);
    match manager.create_service(&info, ServiceAccess::ALL_ACCESS).map_err(of_windows) {
        Ok(service) => configure(&service, registration).inspect_err(|_| {
            // The first trouble is the one to tell of.
            let _ = service.delete();
        }),
        Err(trouble) if code_of(&trouble) == Some(ERROR_SERVICE_EXISTS) => {
            if existing == Existing::Keep {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, trouble));
            }
            let service = manager.open_service(&registration.name, ServiceAccess::ALL_ACCESS);
            let service = service.map_err(of_windows)?;
            // What is not said stays as it was, and it may have run as somebody else; the system needs no password.
            let (account_name, account_password) = (Some(SYSTEM.into()), Some("".into()));
            let info = ServiceInfo { account_name, account_password, ..info };
            service.change_config(&info).map_err(of_windows)?;
            configure(&service, registration)
        }
        Err(trouble) => Err(trouble),
    }
}

fn info(registration: &Registration) -> ServiceInfo {
    let dependency = |name: &String| ServiceDependency::Service(name.into());
    ServiceInfo {
        name: (&registration.name).into(),
        display_name: (&registration.display_name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: match registration.start {
            Start::Auto | Start::Delayed => ServiceStartType::AutoStart,
            Start::Manual => ServiceStartType::OnDemand,
        },
        error_control: ServiceErrorControl::Normal,
        executable_path: registration.executable.clone(),
        launch_arguments: registration.arguments.clone(),
        dependencies: registration.dependencies.iter().map(dependency).collect(),
        // That of the system, for a new one.
        account_name: None,
        account_password: None,
    }
}

/// Sets what a service is not made with. Returns what this Windows does not know.
fn configure(service: &Service, registration: &Registration) -> io::Result<Vec<&'static str>> {
    let again = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(3600)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again(5), again(30), again(60)]),
    };
    let is_delayed = registration.start == Start::Delayed;
    let settings = [
        ("the description", service.set_description(&registration.description)),
        ("the delayed start", service.set_delayed_auto_start(is_delayed)),
        ("the time to stop at a shutdown", service.set_preshutdown_timeout(PRESHUTDOWN)),
        ("the restart after a failure", service.update_failure_actions(actions)),
        // Also where it ended in good order with an exit code other than 0.
        ("the restart after an end", service.set_failure_actions_on_non_crash_failures(true)),
    ];
    let mut unknown = Vec::new();
    for (name, set) in settings {
        match set.map_err(of_windows) {
            Ok(()) => {}
            Err(trouble) if code_of(&trouble) == Some(ERROR_INVALID_LEVEL) => unknown.push(name),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(unknown)
}

/// Stops a service and removes it.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] where there is none of that name; [`io::ErrorKind::TimedOut`] where it does not stop; else when the
/// Service Control Manager does not let it go.
pub fn uninstall(name: &str) -> io::Result<()> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)
        .map_err(of_windows)?;
    let rights = ServiceAccess::STOP | ServiceAccess::QUERY_STATUS | ServiceAccess::DELETE;
    let service = manager.open_service(name, rights).map_err(|trouble| {
        let trouble = of_windows(trouble);
        match code_of(&trouble) {
            Some(ERROR_SERVICE_DOES_NOT_EXIST) => io::Error::new(io::ErrorKind::NotFound, trouble),
            _ => trouble,
        }
    })?;
    stop(&service)?;
    service.delete().map_err(of_windows)
}

fn stop(service: &Service) -> io::Result<()> {
    match service.stop().map_err(of_windows) {
        Ok(_) => {}
        Err(trouble) if code_of(&trouble) == Some(ERROR_SERVICE_NOT_ACTIVE) => return Ok(()),
        Err(trouble) => return Err(trouble),
    }
    for _ in 0..STOP_STEPS {
        let status = service.query_status().map_err(of_windows)?;
        if status.current_state == ServiceState::Stopped {
            return Ok(());
        }
        pause();
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "it does not stop"))
}

#[expect(clippy::disallowed_methods, reason = "a service that stops is looked at, with a deadline")]
fn pause() {
    thread::sleep(STOP_STEP);
}

fn of_windows(trouble: windows_service::Error) -> io::Error {
    match trouble {
        windows_service::Error::Winapi(trouble) => trouble,
        other => io::Error::other(other),
    }
}

fn code_of(trouble: &io::Error) -> Option<u32> {
    trouble.raw_os_error().and_then(|code| u32::try_from(code).ok())
}
