//! Named pipes for processes of one machine, each end with a patience of its own.
//!
//! A pipe lets in the system, administrators and the user of the process that listens. Nobody else can listen at its name
//! while that one does, or have been there first: the first instance fails where there is another's. A client lets the other
//! side know who it is, but not act in its name.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::io::{self, Read, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED,
    ERROR_PIPE_NOT_CONNECTED, GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING,
    PIPE_ACCESS_DUPLEX, ReadFile, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS,
    PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES, PIPE_WAIT, WaitNamedPipeW,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects, WaitForSingleObject,
};

use crate::security::{Descriptor, Inside};
use crate::wide::wide;

/// How many bytes Windows keeps for each direction, and the most that are written at once.
const BUFFER: u32 = 64 * 1024;
/// How often a client tries whose pipe is taken each time by another one.
const TRIES: u32 = 10;

/// Listens for connections.
#[derive(Debug)]
pub struct Listener {
    name: Vec<u16>,
    /// The instance of the pipe that the next client gets. There always is one, so that nobody finds nothing there.
    next: Mutex<Option<OwnedHandle>>,
    closing: Event,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Pipe {
    handle: OwnedHandle,
    /// How long one read and one write may take.
    patience: (Duration, Duration),
}

/// Something that is waited for.
#[derive(Debug)]
struct Event(OwnedHandle);

/// What came of waiting for a client.
enum Arrival {
    Connected,
    /// It came and went.
    Gone,
    /// Nobody waits any more.
    Closed,
}

impl Event {
    fn new() -> io::Result<Self> {
        // SAFETY: without attributes and without a name; reset by hand, and not set yet.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so that this is an open handle, which nobody else owns.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(event) }))
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

impl Listener {
    /// Listens at `name`, which is `\\.\pipe\` and something.
    ///
    /// # Errors
    /// When somebody does already, or Windows gives no pipe.
    pub fn bind(name: &str) -> io::Result<Self> {
        let name = wide(name)?;
        let first = instance(&name, FILE_FLAG_FIRST_PIPE_INSTANCE)?;
        Ok(Self { name, next: Mutex::new(Some(first)), closing: Event::new()? })
    }

    /// The next connection, whose reads and writes take no longer than `patience`. `None` once it was closed.
    ///
    /// # Errors
    /// When Windows gives no pipe.
    pub fn accept(&self, patience: Duration) -> io::Result<Option<Pipe>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let handle = match next.take() {
                Some(handle) => handle,
                None => instance(&self.name, 0)?,
            };
            let arrival = self.wait_for_client(&handle)?;
            if let Arrival::Closed = arrival {
                return Ok(None);
            }
            // Before this one goes to its client, so that the next client finds one. Where there is none it is tried again.
            *next = instance(&self.name, 0).ok();
            if let Arrival::Connected = arrival {
                return Ok(Some(Pipe { handle, patience: (patience, patience) }));
            }
        }
    }

    /// Lets nobody connect any more. Whoever waits for a connection waits no longer.
    pub fn close(&self) {
        // SAFETY: the handle is open as long as this is. It can fail only where the handle is no event's.
        unsafe { SetEvent(self.closing.raw()) };
        if let Ok(mut next) = self.next.try_lock() {
            *next = None;
        }
    }

    fn wait_for_client(&self, handle: &OwnedHandle) -> io::Result<Arrival> {
        let came = Event::new()?;
        let mut overlapped = OVERLAPPED { hEvent: came.raw(), ..OVERLAPPED::default() };
        // SAFETY: the pipe was made for overlapped work; `overlapped` stays where it is until the call has ended: every way on
        // from here waits for that.
        if unsafe { ConnectNamedPipe(handle.as_raw_handle(), &raw mut overlapped) } == 0 {
            match last_error() {
                ERROR_IO_PENDING => {}
                ERROR_PIPE_CONNECTED => return Ok(Arrival::Connected),
                ERROR_NO_DATA => return Ok(Arrival::Gone),
                code => return Err(error(code)),
            }
        }
        let both = [came.raw(), self.closing.raw()];
        // SAFETY: two open handles, in an array that outlives the call.
        let woken = unsafe { WaitForMultipleObjects(2, both.as_ptr(), 0, INFINITE) };
        if woken != WAIT_OBJECT_0 {
            cancel(handle, &overlapped);
            return Ok(Arrival::Closed);
        }
        match result(handle, &overlapped) {
            Ok(_) => Ok(Arrival::Connected),
            Err(_) => Ok(Arrival::Gone),
        }
    }
}

fn instance(name: &[u16], flags: u32) -> io::Result<OwnedHandle> {
    let descriptor = Descriptor::private(Inside::Nothing)?;
    let attributes = descriptor.attributes();
    // SAFETY: the name is ended by a zero; it, the attributes and the descriptor that they point to outlive the call.
    let handle = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | flags,
            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES,
            BUFFER,
            BUFFER,
            0,
            &raw const attributes,
        )
    };
    owned(handle)
}

/// Connects to who listens at `name`. A read takes no longer than the first patience, a write no longer than the second.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] where nobody does; else when it does not come to a connection in time.
pub fn connect(name: &str, patience: (Duration, Duration)) -> io::Result<Pipe> {
    let name = wide(name)?;
    let mut last = io::ErrorKind::TimedOut.into();
    for _ in 0..TRIES {
        // SAFETY: the name is ended by a zero and outlives the call.
        let handle = unsafe {
            CreateFileW(
                name.as_ptr(),
                GENERIC_READ | GENERIC_WRITE,
                0,
                null(),
                OPEN_EXISTING,
                FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                null_mut(),
            )
        };
        match owned(handle) {
            Ok(handle) => return Ok(Pipe { handle, patience }),
            Err(trouble) if code_of(&trouble) == Some(ERROR_PIPE_BUSY) => last = trouble,
            Err(trouble) => return Err(trouble),
        }
        // SAFETY: as above. What comes of it shows when the pipe is opened.
        unsafe { WaitNamedPipeW(name.as_ptr(), milliseconds(patience.1 / TRIES)) };
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, last))
}

fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call that gave it succeeded, so that this is an open handle, which nobody else owns.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

impl Pipe {
    /// Begins something, and waits for its end as long as `patience` lasts.
    fn transfer(
        &self,
        patience: Duration,
        begin: impl FnOnce(HANDLE, *mut OVERLAPPED) -> i32,
    ) -> io::Result<usize> {
        let ended = Event::new()?;
        let mut overlapped = OVERLAPPED { hEvent: ended.raw(), ..OVERLAPPED::default() };
        if begin(self.handle.as_raw_handle(), &raw mut overlapped) == 0 {
            match last_error() {
                ERROR_IO_PENDING => {}
                code => return Err(error(code)),
            }
        }
        // SAFETY: an open handle.
        let woken = unsafe { WaitForSingleObject(ended.raw(), milliseconds(patience)) };
        if woken != WAIT_OBJECT_0 {
            let waited = io::Error::last_os_error();
            cancel(&self.handle, &overlapped);
            let is_late = woken == WAIT_TIMEOUT;
            return Err(if is_late { io::ErrorKind::TimedOut.into() } else { waited });
        }
        result(&self.handle, &overlapped)
    }
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = bytes.len().min(BUFFER as usize) as u32;
        let start = bytes.as_mut_ptr();
        let read = self.transfer(self.patience.0, |handle, overlapped| {
            // SAFETY: the buffer has that length; it and `overlapped` stay until the call has ended, which `transfer` waits for.
            unsafe { ReadFile(handle, start, length, null_mut(), overlapped) }
        });
        match read {
            Err(trouble) if is_end(&trouble) => Ok(0),
            read => read,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(BUFFER as usize) as u32;
        self.transfer(self.patience.1, |handle, overlapped| {
            // SAFETY: as for a read.
            unsafe { WriteFile(handle, bytes.as_ptr(), length, null_mut(), overlapped) }
        })
    }

    /// What was written is the other end's to read, also after this one is closed.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the other end is closed, and everything that it wrote was read.
fn is_end(trouble: &io::Error) -> bool {
    matches!(code_of(trouble), Some(ERROR_BROKEN_PIPE | ERROR_PIPE_NOT_CONNECTED))
}

/// Calls back what was begun, and waits until Windows has let go of it.
fn cancel(handle: &OwnedHandle, overlapped: &OVERLAPPED) {
    // SAFETY: an open handle, and the structure that the call was begun with. Where it has ended already, this fails.
    unsafe { CancelIoEx(handle.as_raw_handle(), overlapped) };
    let _ = result(handle, overlapped);
}

/// What came of it. Waits for its end.
fn result(handle: &OwnedHandle, overlapped: &OVERLAPPED) -> io::Result<usize> {
    let (mut count, handle) = (0, handle.as_raw_handle());
    // SAFETY: an open handle, the structure that the call was begun with, and a number that outlives this call.
    let ended = unsafe { GetOverlappedResult(handle, overlapped, &raw mut count, 1) };
    if ended == 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

fn last_error() -> u32 {
    code_of(&io::Error::last_os_error()).unwrap_or_default()
}

fn error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code as i32)
}

fn code_of(trouble: &io::Error) -> Option<u32> {
    trouble.raw_os_error().and_then(|code| u32::try_from(code).ok())
}

fn milliseconds(time: Duration) -> u32 {
    // The greatest number means for ever.
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).min(u32::MAX - 1)
}
