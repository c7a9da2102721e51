//! What the commands say under Wine, held against what they say on Linux, byte for byte.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::prefix::{Prefix, ended};
use super::sets::{NETWORKS, Set, network_file};
use crate::workspace::Workspace;

/// Every command line whose output, errors or exit code differ.
pub(super) fn compare(
    workspace: &Workspace,
    prefix: &Prefix,
    linux: &Path,
    sets: &[Set],
) -> Result<Vec<String>> {
    let mut troubles = Vec::new();
    let mut compared = 0;
    for set in sets {
        for line in command_lines(workspace, prefix, linux, set)? {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let on_linux = ended(Command::new(linux).current_dir(&workspace.root).args(&words))?;
            let under_wine = ended(&mut prefix.switchyard(&words))?;
            let same = on_linux.stdout == under_wine.stdout
                && on_linux.stderr == under_wine.stderr
                && on_linux.status.code() == under_wine.status.code();
            if !same {
                troubles.push(format!("differs under Wine: switchyard {}", line.join(" ")));
            }
            if !matches!(on_linux.status.code(), Some(0 | 3)) {
                bail!("switchyard {}: {}", line.join(" "), on_linux.status);
            }
            compared += 1;
        }
    }
    println!("answers under Wine and on Linux: {compared} command lines");
    Ok(troubles)
}

/// What is asked about a set: of every node what it does and plans, on both types of network; of every Windows node each
/// Service, and a packet to each frontend.
fn command_lines(
    workspace: &Workspace,
    prefix: &Prefix,
    linux: &Path,
    set: &Set,
) -> Result<Vec<Vec<String>>> {
    let folder = prefix.folder("answers")?;
    let mut lines = Vec::new();
    for node in set.nodes() {
        let of = |command: &str| {
            [command, "--manifests", &set.path, "--node", &node.name].map(str::to_owned).to_vec()
        };
        let with = |command: &str, more: &[&str]| {
            let more = more.iter().map(|word| (*word).to_owned());
            of(command).into_iter().chain(more).collect::<Vec<_>>()
        };
        for output in ["table", "json", "yaml"] {
            lines.push(with("view", &["-o", output]));
            lines.push(with("plan", &["-o", output]));
        }
    }
    for node in set.windows_nodes() {
        let of = ["--manifests", &set.path, "--node", &node.name, "-o", "json"];
        let line = |command: &str, more: &[&str]| {
            let words = [command].into_iter().chain(of).chain(more.iter().copied());
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        for network in NETWORKS {
            let file = network_file(&folder, network, node)?.display().to_string();
            // Relative to the top of the workspace, a path is the same on both systems.
            let file = Path::new(&file)
                .strip_prefix(&workspace.root)
                .map_or(file.clone(), |path| path.display().to_string());
            lines.push(line("plan", &["--network", &file]));
        }
        for service in set.services() {
            lines.push(line("explain", &[&service]));
        }
        let view = ended(Command::new(linux).current_dir(&workspace.root).args(line("view", &[])))?;
        let view: Value = serde_json::from_slice(&view.stdout).context("read a view")?;
        for to in frontends(&view) {
            lines.push(line("trace", &["--from", "node", "--to", &to, "--explain"]));
        }
    }
    Ok(lines)
}

/// Where the frontends of a view are asked for; node ports have no address of their own.
fn frontends(view: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for port in view["servicePorts"].as_array().into_iter().flatten() {
        let protocol = port["protocol"].as_str().unwrap_or_default();
        for frontend in port["frontends"].as_array().into_iter().flatten() {
            let (Some(address), Some(number)) =
                (frontend["address"].as_str(), frontend["port"].as_u64())
            else {
                continue;
            };
            let address =
                if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            found.push(format!("{address}:{number}/{protocol}"));
        }
    }
    found
}
