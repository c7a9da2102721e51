//! `cleanup`: takes off a node what a proxy left in HNS.

use std::io::Write;

use anyhow::{Context, anyhow};
use switchyard_agent::StateDirectory;
use switchyard_hcn::Hcn;
use switchyard_hcn_emulator::Emulator;
use switchyard_winkernel::{
    LedgerStore as _, LeftBy, Leftover, Leftovers, leftovers, remove_leftover,
};

use super::proxy::lock;
use crate::answer::{CleanupAnswer, CleanupFailure, CleanupObject};
use crate::arguments::{CleanupArguments, Owner};
use crate::failure::{Exit, Failure};
use crate::hns::{Called, called};
use crate::network::{read_state, write_state};
use crate::print::{counted, structured};
use crate::state_directory::state_directory;

pub(super) fn run(
    arguments: &CleanupArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let file = arguments.hns.as_deref();
    match (called(arguments.hcn, file)?, file) {
        (Called::OfWindows(hns), _) => clean(&*hns, arguments, out, notices, || Ok(())),
        (Called::Emulated, Some(path)) => {
            let emulator = Emulator::new(read_state(path)?);
            let keep = || write_state(path, &emulator.state());
            clean(&emulator, arguments, out, notices, keep)
        }
        (Called::Emulated, None) => {
            let why = "cleanup on an emulated HNS needs its state: --hns FILE";
            Err(Failure::Usage(why.to_owned()))
        }
    }
}

/// Removes from `hns` what was left, and has it kept.
fn clean(
    hns: &dyn Hcn,
    arguments: &CleanupArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
    keep: impl FnOnce() -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let (directory, _lock) = match arguments.dry_run {
        true => (StateDirectory::at(&state_directory(&arguments.state)?), None),
        false => lock(&arguments.state).map(|(directory, lock)| (directory, Some(lock)))?,
    };
    let ledger = directory.read_ledger().context("read the ledger in the state directory")?;
    let owner = match arguments.owner {
        Owner::Switchyard => LeftBy::Switchyard,
        Owner::KubeProxy => LeftBy::KubeProxy,
    };
    let found = leftovers(hns, owner, &ledger).context("read HNS")?;
    for (kind, id) in &found.unreadable {
        writeln!(notices, "left: {} {id} cannot be read: whose it is is not known", kind.as_str())?;
    }
    let mut answer = answer(&found, arguments);
    if !arguments.dry_run {
        answer.failed = remove(hns, &found.removable);
        answer.objects.retain(|object| answer.failed.iter().all(|failed| failed.id != object.id));
        keep()?;
        if owner == LeftBy::Switchyard && answer.failed.is_empty() && found.in_use.is_empty() {
            directory.ledger().remove().context("remove the ledger")?;
        }
    }
    if !structured(&answer, arguments.output, out)? {
        print(&answer, out)?;
    }
    if !answer.failed.is_empty() {
        let count = counted(answer.failed.len(), "object");
        return Err(anyhow!("{count} could not be removed: try again").into());
    }
    let has_work = arguments.dry_run && !answer.objects.is_empty();
    Ok(if has_work { Exit::Operations } else { Exit::Answered })
}

/// Removes one after the other. One that fails holds up no other.
fn remove(hns: &dyn Hcn, removable: &[Leftover]) -> Vec<CleanupFailure> {
    let failed = removable.iter().filter_map(|leftover| {
        let error = remove_leftover(hns, leftover).err()?;
        Some(CleanupFailure {
            id: leftover.id.to_string(),
            reason: format!("{:#}", anyhow::Error::new(error)),
        })
    });
    failed.collect()
}

fn answer(found: &Leftovers, arguments: &CleanupArguments) -> CleanupAnswer {
    let object = |leftover: &Leftover| CleanupObject {
        kind: leftover.kind.as_str(),
        id: leftover.id.to_string(),
        key: leftover.key.clone(),
    };
    CleanupAnswer {
        owner: match arguments.owner {
            Owner::Switchyard => "switchyard",
            Owner::KubeProxy => "kube-proxy",
        },
        dry_run: arguments.dry_run,
        objects: found.removable.iter().map(object).collect(),
        in_use: found.in_use.iter().map(object).collect(),
        failed: Vec::new(),
    }
}

fn print(answer: &CleanupAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let done = if answer.dry_run { "would be removed" } else { "removed" };
    for object in &answer.objects {
        writeln!(out, "{done}: {} {} {}", object.kind, object.id, object.key)?;
    }
    for object in &answer.in_use {
        let (kind, id, key) = (object.kind, &object.id, &object.key);
        writeln!(out, "left: {kind} {id} {key}: a load balancer of another owner names it")?;
    }
    for failed in &answer.failed {
        writeln!(out, "failed: {}: {}", failed.id, failed.reason)?;
    }
    writeln!(out, "{}: {} {done}", answer.owner, counted(answer.objects.len(), "object"))?;
    Ok(())
}
