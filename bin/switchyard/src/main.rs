//! `switchyard`: the service proxy for Kubernetes nodes, Windows first.

use std::env::args_os;
use std::io::{BufWriter, Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use switchyard::arguments::Arguments;
use switchyard::command::run;
use switchyard::command_line::prepare;
use switchyard::failure::Failure;
use switchyard::service::tell_of_bad_arguments;

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

/// Says what went wrong, with its whole chain of causes, once.
fn report(failure: &Failure) {
    if !matches!(failure, Failure::Closed) {
        // Where standard error is closed, nobody is there to be told.
        let _ = writeln!(stderr(), "switchyard: {}", failure.chain());
    }
}
