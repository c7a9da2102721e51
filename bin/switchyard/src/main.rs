//! `switchyard`: the service proxy for Kubernetes nodes, Windows first.

use std::env::args_os;
use std::io::{BufWriter, Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use switchyard::arguments::Arguments;
use switchyard::command::run;
use switchyard::command_line::prepare;
use switchyard::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(prepare(args_os()));
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
    let text = match failure {
        Failure::Closed => return,
        Failure::Failed(error) => format!("{error:#}"),
        Failure::Usage(_) | Failure::Refused(_) => failure.to_string(),
    };
    // Where standard error is closed, nobody is there to be told.
    let _ = writeln!(stderr(), "switchyard: {text}");
}
