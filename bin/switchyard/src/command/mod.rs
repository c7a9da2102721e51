//! What each command does: reads, asks the crates below, prints.

mod cleanup;
mod demo;
mod explain;
mod plan;
mod preflight;
pub(crate) mod proxy;
mod status;
mod trace;
mod view;

use std::io::Write;

use crate::arguments::Command;
use crate::failure::{Exit, Failure};
use crate::{host_path, service};

/// Runs a command. The answer goes to `out`, what people should know besides to `notices`.
///
/// # Errors
/// When the command could not do its work; the failure knows its exit code.
pub fn run(
    command: Command,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let exit = match command {
        Command::Demo(arguments) => demo::run(&arguments, out, notices)?,
        Command::View(arguments) => view::run(&arguments, out, notices)?,
        Command::Plan(arguments) => plan::run(&arguments, out, notices)?,
        Command::Trace(arguments) => trace::run(&arguments, out, notices)?,
        Command::Explain(arguments) => explain::run(&arguments, out, notices)?,
        Command::Proxy(mut arguments) => {
            host_path::find(&mut arguments, notices);
            if arguments.windows_service && !arguments.dry_run {
                service::run_proxy(*arguments, notices)?
            } else {
                proxy::run(&arguments, out, notices)?
            }
        }
        Command::Status(arguments) => status::run(&arguments, out)?,
        Command::Cleanup(arguments) => cleanup::run(&arguments, out, notices)?,
        Command::Service(arguments) => service::run(&arguments, out, notices)?,
        Command::Preflight(arguments) => preflight::run(&arguments, out, notices)?,
    };
    out.flush()?;
    Ok(exit)
}
