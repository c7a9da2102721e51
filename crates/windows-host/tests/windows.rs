//! What is asked of Windows, asked: pipes, access rights, tokens, the event log.

#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![expect(unsafe_code, reason = "a console event is made as the runtime of containers makes it")]

use std::ffi::{OsString, c_void};
use std::fs;
use std::io::{self, Read, Write};
use std::mem::transmute;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut, without_provenance};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use switchyard_windows_host::pipe::{self, Listener};
use switchyard_windows_host::privilege::trusts;
use switchyard_windows_host::replace::rename;
use switchyard_windows_host::security::{Links, make_private_directory, owner};
use switchyard_windows_host::{console, event_log, folder, token};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Threading::CreateThread;
use windows_sys::core::{s, w};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

fn name(test: &str) -> String {
    format!(r"\\.\pipe\switchyard-test-{}-{test}", std::process::id())
}

fn own_folder(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("switchyard-{}-{test}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

/// Whether this is Wine, which in version 8 does not know that a pipe may want to be the first of its name.
fn is_wine() -> bool {
    Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

/// Answers `clients` with what each of them says, said twice.
fn echo(listener: Arc<Listener>, clients: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..clients {
            let mut pipe = listener.accept(PATIENCE).unwrap().unwrap();
            let mut question = [0; 4];
            pipe.read_exact(&mut question).unwrap();
            pipe.write_all(&question.repeat(200_000)).unwrap();
        }
    })
}

#[test]
fn clients_are_answered_one_after_the_other() {
    let name = name("echo");
    let nobody = pipe::connect(&name, (PATIENCE, PATIENCE)).unwrap_err();
    assert_eq!(nobody.kind(), io::ErrorKind::NotFound);
    let listener = Arc::new(Listener::bind(&name).unwrap());
    let server = echo(Arc::clone(&listener), 8);
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let name = name.clone();
            thread::spawn(move || {
                let mut pipe = pipe::connect(&name, (PATIENCE, PATIENCE)).unwrap();
                let question = format!("q{number:03}");
                pipe.write_all(question.as_bytes()).unwrap();
                let mut answer = String::new();
                pipe.read_to_string(&mut answer).unwrap();
                assert!(answer == question.repeat(200_000), "{} bytes", answer.len());
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    server.join().unwrap();
    listener.close();
    assert!(listener.accept(PATIENCE).unwrap().is_none());
    let nobody = pipe::connect(&name, (PATIENCE, PATIENCE)).unwrap_err();
    assert_eq!(nobody.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_name_has_one_listener() {
    let name = name("one");
    let listener = Listener::bind(&name).unwrap();
    match Listener::bind(&name) {
        Err(trouble) => assert_eq!(trouble.kind(), io::ErrorKind::PermissionDenied),
        Ok(_) => assert!(is_wine(), "a second listener may take the first one's clients"),
    }
    drop(listener);
    Listener::bind(&name).unwrap();
}

#[test]
fn patience_has_an_end() {
    let name = name("late");
    let listener = Listener::bind(&name).unwrap();
    let mut client = pipe::connect(&name, (SHORT, SHORT)).unwrap();
    let mut server = listener.accept(SHORT).unwrap().unwrap();
    let mut byte = [0];
    assert_eq!(server.read(&mut byte).unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(client.read(&mut byte).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let late = (0..64).find_map(|_| server.write(&[0; 64 * 1024]).err());
    assert_eq!(late.unwrap().kind(), io::ErrorKind::TimedOut, "nobody reads");
}

#[test]
fn a_client_that_went_away_harms_nobody() {
    let name = name("gone");
    let listener = Arc::new(Listener::bind(&name).unwrap());
    drop(pipe::connect(&name, (PATIENCE, PATIENCE)).unwrap());
    let client = thread::spawn(move || {
        let mut pipe = pipe::connect(&name, (PATIENCE, PATIENCE)).unwrap();
        pipe.write_all(b"x").unwrap();
        pipe.read(&mut [0]).unwrap()
    });
    loop {
        let mut pipe = listener.accept(PATIENCE).unwrap().unwrap();
        let mut byte = [0];
        if pipe.read(&mut byte).unwrap() == 1 {
            pipe.write_all(&byte).unwrap();
            break;
        }
    }
    assert_eq!(client.join().unwrap(), 1);
}

#[test]
fn who_waits_for_a_client_is_woken_when_it_is_over() {
    let listener = Arc::new(Listener::bind(&name("woken")).unwrap());
    let waiting = Arc::clone(&listener);
    let waiter = thread::spawn(move || waiting.accept(PATIENCE).unwrap().is_none());
    listener.close();
    assert!(waiter.join().unwrap());
}

#[test]
fn the_folder_of_all_programs_data_is_known() {
    let folder = folder::program_data().unwrap();
    assert!(folder.is_absolute(), "{}", folder.display());
}

#[test]
fn a_token_is_read() {
    let token = token::read().unwrap();
    assert!(token.user.starts_with("S-1-5-"), "{token:?}");
    assert_eq!(token.user, token::current_user().unwrap());
    assert!(token.enabled_groups.iter().all(|group| group.starts_with("S-1-")), "{token:?}");
    assert!(token.enabled_groups.len() > 1, "{token:?}");
    // Whoever runs Wine is an administrator there.
    assert!(token.grant().is_some() || !is_wine(), "{token:?}");
}

#[test]
fn a_private_folder_is_made_once_and_deep() {
    let path = own_folder("private");
    // Far longer than the 260 characters of old, and not in any code page.
    let deep =
        (0..12).fold(path.clone(), |path, _| path.join("\u{1f419} a long name of a folder \u{e4}"));
    assert!(deep.as_os_str().len() > 300);
    make_private_directory(&deep).unwrap();
    make_private_directory(&deep).unwrap();
    for links in [Links::Seen, Links::Followed] {
        assert!(trusts(&token::current_user().unwrap(), &owner(&deep, links).unwrap()));
    }
    fs::write(deep.join("file"), "text").unwrap();
    assert_eq!(fs::read_to_string(deep.join("file")).unwrap(), "text");
    // Half of a pair: such a name has no UTF-8, in which Wine keeps its files.
    let odd = path.join(OsString::from_wide(&[0xd83d, u16::from(b'x')]));
    let made = make_private_directory(&odd);
    assert_eq!((made.is_ok(), odd.is_dir()), (!is_wine(), !is_wine()), "{made:?}");
    let file = path.join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(make_private_directory(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(make_private_directory(Path::new("a\0b")).is_err());
    fs::remove_dir_all(&path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a reader takes its time")]
#[test]
fn a_file_is_replaced_when_its_reader_is_done() {
    let path = own_folder("replaced");
    fs::create_dir_all(&path).unwrap();
    let (old, new) = (path.join("file"), path.join("new"));
    fs::write(&old, "old").unwrap();
    fs::write(&new, "new").unwrap();
    // As programs open files that do not share their removal.
    const SHARE_READ_AND_WRITE: u32 = 3;
    let reader = fs::OpenOptions::new().read(true).share_mode(SHARE_READ_AND_WRITE).open(&old);
    let reader = reader.unwrap();
    assert!(fs::rename(&new, &old).is_err(), "nothing would have to be waited for");
    let reading = thread::spawn(move || {
        thread::sleep(SHORT);
        drop(reader);
    });
    rename(&new, &old).unwrap();
    assert_eq!(fs::read_to_string(&old).unwrap(), "new");
    reading.join().unwrap();
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn an_event_is_reported() {
    let source = format!("switchyard-test-{}", std::process::id());
    event_log::register_source(&source).unwrap();
    event_log::register_source(&source).unwrap();
    event_log::report_error(&source, "a test reports this, with a zero: \0.").unwrap();
    event_log::forget_source(&source).unwrap();
    event_log::forget_source(&source).unwrap();
    assert!(event_log::register_source(r"a\b").is_err(), "it would be a key inside of a key");
}

/// Sends this process a console event as hcsshim does, which ends `HostProcess` containers (`signalProcess` in
/// internal/jobcontainers/process.go): by a thread that begins in Windows' own routine for them.
fn send(event: u32) {
    type Found = unsafe extern "system" fn() -> isize;
    type Routine = unsafe extern "system" fn(*mut c_void) -> u32;
    // SAFETY: the name is ended by a zero; the library is never unloaded.
    let library = unsafe { GetModuleHandleW(w!("kernel32.dll")) };
    // SAFETY: the library is there, and the name is ended by a zero.
    let routine = unsafe { GetProcAddress(library, s!("CtrlRoutine")) };
    // SAFETY: a routine of that name takes the number of an event, as threads take their argument.
    let routine = unsafe { transmute::<Found, Routine>(routine.unwrap()) };
    let argument = without_provenance::<c_void>(event as usize);
    // SAFETY: the routine does not read through its argument, which is a number.
    let thread = unsafe { CreateThread(null(), 0, Some(routine), argument, 0, null_mut()) };
    assert!(!thread.is_null());
}

#[test]
fn every_event_that_ends_a_process_is_a_word_to_stop() {
    let (sender, stopped) = sync_channel(8);
    console::on_stop(move || sender.send(()).unwrap()).unwrap();
    assert!(console::on_stop(|| {}).is_err(), "one process has one proxy");
    send(CTRL_LOGOFF_EVENT);
    assert!(stopped.recv_timeout(SHORT).is_err(), "somebody's session is not the process");
    // The last one, as the end of a window would, keeps its thread, and Wine sends one event at a time.
    for event in [CTRL_C_EVENT, CTRL_BREAK_EVENT, CTRL_SHUTDOWN_EVENT] {
        send(event);
        stopped.recv_timeout(PATIENCE).unwrap();
    }
}
