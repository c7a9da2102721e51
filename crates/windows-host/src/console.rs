//! Console events: Ctrl-C and Ctrl-Break, a window that is closed, a machine or a pod that is stopped.
//!
//! A process that has loaded user32.dll or gdi32.dll is not told by Windows of the end of the machine (remarks of
//! `SetConsoleCtrlHandler`), so nothing here may need them. The runtime of containers calls the handlers itself, and services are told
//! by the Service Control Manager.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_SHUTDOWN_EVENT,
    GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};

/// What is done when the process is to end.
type Stop = Box<dyn Fn() + Send + Sync>;

static STOP: OnceLock<Stop> = OnceLock::new();

/// How long the process may take to end after an event whose handler must not return before: Windows itself grants five seconds
/// for a window that is closed, and twenty for a shutdown of services.
const LAST_SECONDS: Duration = Duration::from_secs(25);

/// Has `stop` called when the process is to end. It is called on a thread that Windows makes for it. The end of a user's
/// session is passed over: every process of a service sees those of all users.
///
/// # Errors
/// When there is such a function already, or Windows does not take it.
pub fn on_stop(stop: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    if STOP.set(Box::new(stop)).is_err() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "console events are handled"));
    }
    // SAFETY: the function is there for as long as the process is.
    let set = unsafe { SetConsoleCtrlHandler(Some(handle), 1) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Called by Windows for every console event. One is an answer: it was handled.
unsafe extern "system" fn handle(event: u32) -> i32 {
    let is_stop =
        matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT | CTRL_CLOSE_EVENT | CTRL_SHUTDOWN_EVENT);
    if is_stop && let Some(stop) = STOP.get() {
        stop();
    }
    if matches!(event, CTRL_CLOSE_EVENT | CTRL_SHUTDOWN_EVENT) {
        // Windows ends the process when this returns; the process ends by itself before.
        linger();
    }
    1
}

#[expect(clippy::disallowed_methods, reason = "the process ends meanwhile, or is ended after it")]
fn linger() {
    thread::sleep(LAST_SECONDS);
}

/// Sends Ctrl-Break to the processes of a group, which is named after its first process and shares the console of this one.
///
/// # Errors
/// When there is no such group.
pub fn send_break(group: u32) -> io::Result<()> {
    // SAFETY: it takes two numbers.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, group) };
    if sent == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
