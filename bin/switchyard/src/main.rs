//! `switchyard`: the service proxy for Kubernetes nodes, Windows first.

use std::env::args_os;
use std::io::{BufWriter, Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::Parser;
use switchyard::arguments::Arguments;
use switchyard::command::run;
use switchyard::command_line::prepare;
use switchyard::failure::Failure;
use switchyard::service::tell_of_bad_arguments;

/// How long standard error has to take what is said at the end.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let words = prepare(args_os());
    let arguments = Arguments::try_parse_from(&words).unwrap_or_else(|trouble| {
        if trouble.use_stderr() {
            tell_of_bad_arguments(&words, &trouble.to_string());
        }
        trouble.exit()
    });
    let mut out = BufWriter::new(stdout().lock());
    match run(arguments.command, &mut out, &mut stderr()) {
        Ok(exit) => exit.code(),
        Err(failure) => {
            report(&failure);
            failure.code()
        }
    }
}

/// Says what went wrong, with its whole chain of causes, once. Where standard error is closed nobody is there to be told, and
/// where nobody reads it, the process ends all the same.
fn report(failure: &Failure) {
    if matches!(failure, Failure::Closed) {
        return;
    }
    let text = format!("switchyard: {}\n", failure.chain());
    let (told, is_told) = channel();
    let tell = move || told.send(stderr().write_all(text.as_bytes()));
    if thread::Builder::new().spawn(tell).is_ok() {
        let _ = is_told.recv_timeout(PATIENCE);
    }
}
