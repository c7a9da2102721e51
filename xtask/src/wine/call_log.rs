//! The calls of HNS under Wine, held against those on Linux, line by line.
//!
//! The proxy starts on a network with the node's pods, on one of its nodes: once with all manifests, once with a backend less,
//! once with all of them again. Each time it ends when HNS holds what is wanted. On Linux it calls an emulator in its own
//! process, under Wine that behind `computenetwork.dll`, in a process of the same name as a real one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use switchyard_model::Node;

use super::prefix::{Prefix, printed, windows_path};
use super::sets::{NETWORKS, Set, network_file, source_vip};
use crate::workspace::Workspace;

/// How often a node is tried. A proxy that has not settled within a second reads the network of HNS again, so on a machine that is
/// busy the calls of one may differ; what differs for another reason differs each time.
const TRIES: usize = 3;
/// What a backend says that is taken away in the second step.
const READY: (&str, &str) = ("ready: true", "ready: false");

/// Every set, Windows node and type of network whose calls differ.
pub(super) fn compare(
    workspace: &Workspace,
    prefix: &Prefix,
    linux: &Path,
    sets: &[Set],
) -> Result<Vec<String>> {
    let mut troubles = Vec::new();
    let (mut runs, mut lines) = (0, 0);
    for set in sets {
        for node in set.windows_nodes() {
            for network in NETWORKS {
                let what = format!("{} {} {network}", set.name, node.name);
                let mut found = None;
                for number in 1..=TRIES {
                    let run = Run::new(workspace, prefix, linux, set, (node, network), number)?;
                    let (on_linux, under_wine) = run.steps().with_context(|| what.clone())?;
                    runs += 1;
                    lines += on_linux.len();
                    found = difference(&on_linux, &under_wine);
                    let Some(trouble) = &found else { break };
                    println!("calls of {what}, try {number}: {trouble}");
                }
                troubles.extend(found.map(|trouble| format!("calls of {what}: {trouble}")));
            }
        }
    }
    println!("calls of HNS under Wine and on Linux: {runs} runs, {lines} lines");
    if lines == 0 {
        bail!("no call of HNS was compared");
    }
    Ok(troubles)
}

/// One node on one type of network.
struct Run<'a> {
    workspace: &'a Workspace,
    prefix: &'a Prefix,
    linux: &'a Path,
    set: &'a Set,
    node: &'a Node,
    network: &'a str,
    /// Where its files are.
    folder: PathBuf,
}

impl<'a> Run<'a> {
    fn new(
        workspace: &'a Workspace,
        prefix: &'a Prefix,
        linux: &'a Path,
        set: &'a Set,
        (node, network): (&'a Node, &'a str),
        number: usize,
    ) -> Result<Self> {
        let name = format!("calls-{}-{}-{network}-{number}", set.name, node.name);
        let folder = prefix.folder(&name)?;
        Ok(Self { workspace, prefix, linux, set, node, network, folder })
    }

    /// The calls on Linux and under Wine.
    fn steps(&self) -> Result<(Vec<Value>, Vec<Value>)> {
        let before = self.folder.join("before.json");
        let file = network_file(&self.folder, self.network, self.node)?;
        fs::write(&before, self.set.state_before(self.node, &file)?).context("write the state")?;
        let kept = self.folder.join("linux.json");
        fs::copy(&before, &kept).context("copy the state")?;
        let manifests = self.folder.join("manifests");
        let (mut on_linux, mut under_wine) = (Vec::new(), Vec::new());
        for without_a_backend in [false, true, false] {
            self.lay(&manifests, without_a_backend)?;
            on_linux.extend(self.on_linux(&manifests, &kept)?);
            // There the numbers go on from process to process.
            let first = u64::try_from(under_wine.len())?;
            let lines = self.under_wine(&manifests, &before, under_wine.len())?;
            under_wine.extend(lines.into_iter().map(|line| from_one(line, first)));
        }
        Ok((on_linux, under_wine))
    }

    /// Lays the manifests of the set into `folder`, all as they are or with the last backend unready.
    fn lay(&self, folder: &Path, without_a_backend: bool) -> Result<()> {
        let from = self.workspace.root.join(&self.set.path);
        let _ = fs::remove_dir_all(folder);
        let mut files = Vec::new();
        for path in files_below(&from)? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((folder.join(path.strip_prefix(&from)?), text));
        }
        if without_a_backend {
            let last = files.iter_mut().rev().find_map(|(path, text)| {
                let at = text.rfind(READY.0).filter(|_| path.extension() != Some("md".as_ref()))?;
                Some((at, text))
            });
            let (at, text) = last.context("the set has no backend that is ready")?;
            text.replace_range(at..at + READY.0.len(), READY.1);
        }
        for (path, text) in files {
            let folder = path.parent().context("a file without a folder")?;
            fs::create_dir_all(folder).context("make a folder for manifests")?;
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn arguments(&self, manifests: &str, state: &str) -> Result<Vec<String>> {
        let mut arguments = vec!["proxy", "--manifests", manifests, "--node", &self.node.name];
        arguments.extend(["--state-dir", state, "--until-settled"]);
        let source = source_vip(self.node)?;
        if self.network == "overlay" {
            arguments.extend(["--source-vip", &source]);
        }
        Ok(arguments.into_iter().map(str::to_owned).collect())
    }

    fn on_linux(&self, manifests: &Path, kept: &Path) -> Result<Vec<Value>> {
        let log = self.folder.join("linux.jsonl");
        let _ = fs::remove_file(&log);
        let state = self.folder.join("linux-state").display().to_string();
        let mut command = Command::new(self.linux);
        command.args(self.arguments(&manifests.display().to_string(), &state)?);
        command.args(["--hcn", "emulator", "--hns"]).arg(kept);
        command.env("SWITCHYARD_HNS_CALL_LOG", &log);
        printed(&mut command)?;
        rows(&log)
    }

    /// The lines after the first `known` of the log.
    fn under_wine(&self, manifests: &Path, before: &Path, known: usize) -> Result<Vec<Value>> {
        let log = self.folder.join("wine.jsonl");
        let state = windows_path(&self.folder.join("wine-state"));
        let arguments = self.arguments(&windows_path(manifests), &state)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.prefix.switchyard(&arguments);
        command.env("SWITCHYARD_HNS_DIR", windows_path(&self.folder.join("wine-hns")));
        command.env("SWITCHYARD_HNS_STATE", windows_path(before));
        command.env("SWITCHYARD_HNS_CALL_LOG", windows_path(&log));
        printed(&mut command)?;
        Ok(rows(&log)?.split_off(known))
    }
}

/// All files at any depth below `folder`, in order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// The rows of a log.
fn rows(log: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(log).with_context(|| format!("read {}", log.display()))?;
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>().with_context(|| format!("read {}", log.display()))
}

/// A row with its number as if the process were the first.
fn from_one(mut row: Value, before: u64) -> Value {
    if let Some(seq) = row["seq"].as_u64() {
        row["seq"] = Value::from(seq.saturating_sub(before));
    }
    row
}

/// Where two logs part.
fn difference(on_linux: &[Value], under_wine: &[Value]) -> Option<String> {
    let pairs = on_linux.iter().zip(under_wine).enumerate();
    for (line, (linux, wine)) in pairs {
        if linux != wine {
            return Some(format!("line {}: {linux} on Linux, {wine} under Wine", line + 1));
        }
    }
    let (linux, wine) = (on_linux.len(), under_wine.len());
    (linux != wine).then(|| format!("{linux} lines on Linux, {wine} under Wine"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn logs_are_compared_line_by_line() {
        let row = |seq: u64, call: &str| json!({ "seq": seq, "call": call });
        let (one, other) = ([row(1, "a"), row(2, "b")], [row(1, "a"), row(2, "c")]);
        assert_eq!(difference(&one, &one), None);
        assert!(difference(&one, &other).unwrap().starts_with("line 2: "));
        assert!(difference(&one, &one[..1]).unwrap().contains("2 lines on Linux, 1 under Wine"));
        assert_eq!(from_one(row(12, "a"), 10), row(2, "a"));
    }
}
