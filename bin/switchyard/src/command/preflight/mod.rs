//! `preflight`: what the HNS of a node does, and whether a proxy can work on it.

mod machine;
mod print;

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::{Emulator, Setup};
use switchyard_preflight::{
    About, Cleanup, Extra, FileJournal, Options, Report, Scratch, Surroundings, cleanup,
};

use self::machine::Machine;
use crate::arguments::PreflightArguments;
use crate::failure::{Exit, Failure};
use crate::file::write_atomically;
use crate::hns::{Called, called};
use crate::host_name::node_name;
use crate::input::read_file;
use crate::network::{read_state, write_state};
use crate::print::{counted, structured};
use crate::process;
use crate::state_directory::{open_state_directory, state_directory};

/// The name of the journal in the state directory.
const JOURNAL: &str = "preflight.jsonl";
/// The name of the file there that a run locks.
const LOCK: &str = "preflight.lock";

/// The HNS that is asked.
struct Ground {
    hcn: Arc<dyn Hcn>,
    emulator: Option<Arc<Emulator>>,
    missing: Option<Vec<String>>,
}

pub(super) fn run(
    arguments: &PreflightArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let options = options(arguments)?;
    check_report(arguments)?;
    let ground = ground(arguments)?;
    let machine = Machine::new(is_stopped()?, ground.emulator.clone());
    let machine: Arc<dyn Surroundings> = Arc::new(machine);
    let (mut journal, _lock) = journal(arguments)?;
    let hcn = Arc::clone(&ground.hcn);
    if arguments.cleanup {
        let swept = cleanup(hcn, &machine, &options, &mut journal).map_err(refused)?;
        keep(&ground, arguments)?;
        return tell_of_cleanup(&swept, arguments, out);
    }
    let about = About {
        switchyard: env!("CARGO_PKG_VERSION").to_owned(),
        node: node_name(arguments.node.as_deref())?,
        date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        missing_functions: ground.missing.clone(),
    };
    let report = switchyard_preflight::run(hcn, &machine, &options, about, &mut journal);
    let report = report.map_err(refused)?;
    if report.cleanup.made > 0 {
        keep(&ground, arguments)?;
    }
    // First, for whoever reads what is printed may go away.
    write_report(&report, arguments, &ground, notices)?;
    if !structured(&report, arguments.output, out)? {
        print::print(&report, out)?;
    }
    verdict(&report, arguments)
}

/// How the run ends for the shell.
fn verdict(report: &Report, arguments: &PreflightArguments) -> Result<Exit, Failure> {
    if !report.cleanup.is_complete() {
        let why = "not everything that was made could be removed: run preflight --cleanup";
        return Err(anyhow!(why).into());
    }
    if report.probes.iter().all(|row| row.answer.is_none()) {
        let first = report.probes.iter().find_map(|row| row.not_answered.clone());
        return Err(anyhow!("HNS answered nothing: {}", first.unwrap_or_default()).into());
    }
    let is_strict = arguments.strict && !report.readiness.is_ready;
    Ok(if is_strict { Exit::Strict } else { Exit::Answered })
}

fn options(arguments: &PreflightArguments) -> Result<Options, Failure> {
    let scratch =
        Scratch::new(arguments.scratch).map_err(|error| Failure::Usage(error.to_string()))?;
    let extras = [
        (arguments.scratch_network.is_some(), Extra::ScratchNetwork),
        (arguments.missing_adapter, Extra::MissingAdapter),
        (arguments.many_endpoints, Extra::ManyEndpoints),
        (arguments.exhaust_ports, Extra::ExhaustPorts),
        (arguments.ask_restart, Extra::Restart),
        (arguments.beside_pod.is_some(), Extra::BesidePod),
    ];
    let also = extras.into_iter().filter(|(asked, _)| *asked).map(|(_, extra)| extra).collect();
    let defaults = Options::default();
    Ok(Options {
        full: arguments.full,
        network_name: arguments.network_name.clone(),
        scratch,
        also,
        scratch_network_type: arguments
            .scratch_network
            .clone()
            .unwrap_or(defaults.scratch_network_type),
        beside_pod: arguments.beside_pod,
        deadline: Duration::from_secs(arguments.call_timeout),
        patience: defaults.patience,
    })
}

fn ground(arguments: &PreflightArguments) -> Result<Ground, Failure> {
    let files = [&arguments.hns, &arguments.emulator];
    let file = files.into_iter().flatten().next().map(String::as_str);
    match called(arguments.hcn, file)? {
        Called::OfWindows(hns) => {
            let missing = hns.missing().into_iter().map(str::to_owned).collect();
            Ok(Ground { hcn: hns, emulator: None, missing: Some(missing) })
        }
        Called::Emulated => {
            if file.is_none() {
                let why = "preflight of an emulated HNS needs what it holds: --hns FILE or --emulator FILE";
                return Err(Failure::Usage(why.to_owned()));
            }
            let emulator = Arc::new(Emulator::blocking(setup(arguments)?));
            let hcn = Arc::clone(&emulator) as Arc<dyn Hcn>;
            Ok(Ground { hcn, emulator: Some(emulator), missing: None })
        }
    }
}

/// What an emulated HNS begins with. A state that is named counts before the one in the setup.
fn setup(arguments: &PreflightArguments) -> Result<Setup, Failure> {
    let mut setup = match &arguments.emulator {
        Some(path) => {
            let text = read_file(path, "setup of the emulator")?;
            Setup::from_json(&text).with_context(|| format!("read {path}"))?
        }
        None => Setup::default(),
    };
    if let Some(path) = &arguments.hns {
        setup.state = read_state(path)?;
    }
    Ok(setup)
}

/// Keeps what an emulated HNS holds in the file of its state.
fn keep(ground: &Ground, arguments: &PreflightArguments) -> Result<(), Failure> {
    if let (Some(emulator), Some(path)) = (&ground.emulator, &arguments.hns) {
        write_state(path, &emulator.state())?;
    }
    Ok(())
}

/// Where it is written down what is made, and the lock that keeps other runs from it. A run that only reads needs no
/// directory.
fn journal(arguments: &PreflightArguments) -> Result<(FileJournal, Option<File>), Failure> {
    let directory = state_directory(&arguments.state)?;
    let lock = match arguments.full || arguments.cleanup {
        true => Some(lock(&directory)?),
        false => None,
    };
    Ok((FileJournal::at(directory.join(JOURNAL)), lock))
}

/// Locks the directory against other runs, for as long as the file is kept. Never waits.
fn lock(directory: &Path) -> Result<File, Failure> {
    // As a proxy opens it: what is written down there says what may be removed.
    open_state_directory(directory)?;
    let path = directory.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let why = format!("another preflight is under way (lock {})", path.display());
            Err(Failure::Refused(why))
        }
        Err(TryLockError::Error(error)) => {
            Err(anyhow::Error::new(error).context(format!("lock {}", path.display())).into())
        }
    }
}

/// A run that is stopped removes what it made, which takes a while.
fn is_stopped() -> Result<Arc<AtomicBool>, Failure> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&is_stopped);
    process::on_stop(move || stopping.store(true, Ordering::Relaxed));
    process::follow_signals()?;
    Ok(is_stopped)
}

fn refused(refused: switchyard_preflight::Refused) -> Failure {
    match refused {
        journal @ switchyard_preflight::Refused::Journal { .. } => {
            anyhow::Error::new(journal).into()
        }
        other => Failure::Refused(other.to_string()),
    }
}

/// Refuses the name of a report whose folder is not there, before a run that takes minutes.
fn check_report(arguments: &PreflightArguments) -> Result<(), Failure> {
    let Some(path) = &arguments.report else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let why = format!(
                "--report {}: there is no folder {}: make it first",
                path.display(),
                folder.display()
            );
            Err(anyhow!(why).into())
        }
        _ if path.is_dir() => {
            Err(anyhow!("--report {}: it is a folder: name a file in it", path.display()).into())
        }
        _ => Ok(()),
    }
}

/// Writes the report where it is asked for; a real HNS' anyway, unless it is printed.
fn write_report(
    report: &Report,
    arguments: &PreflightArguments,
    ground: &Ground,
    notices: &mut dyn Write,
) -> Result<(), Failure> {
    let is_printed = arguments.output != crate::arguments::Output::Table;
    let path = match &arguments.report {
        Some(path) => path.clone(),
        None if is_printed || ground.emulator.is_some() => return Ok(()),
        None => PathBuf::from(file_name(report)),
    };
    let text = serde_json::to_string_pretty(report).context("write JSON")? + "\n";
    write_atomically(&path, &text).with_context(|| format!("write {}", path.display()))?;
    writeln!(notices, "the report is in {}", path.display())?;
    Ok(())
}

/// `switchyard-preflight-NODE-20260102T030405Z.json`, without what file systems do not take.
fn file_name(report: &Report) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    let node: String = report.node.chars().filter(is_plain).collect();
    let date: String = report.date.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("switchyard-preflight-{node}-{date}.json")
}

fn tell_of_cleanup(
    swept: &Cleanup,
    arguments: &PreflightArguments,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    if !structured(swept, arguments.output, out)? {
        for object in &swept.removed {
            writeln!(out, "removed: {} {}", object.kind, object.id)?;
        }
        print::left(swept, out)?;
        writeln!(out, "{} removed", counted(swept.removed.len(), "object"))?;
    }
    if swept.is_complete() {
        return Ok(Exit::Answered);
    }
    Err(anyhow!("something may still be there: try again").into())
}
